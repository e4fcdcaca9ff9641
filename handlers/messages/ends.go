package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// Buttons in a thread that ask for something, for the role that the thread is about. The value of
// each is the id of the thread's request; what is asked for comes from there.
const (
	ActionAgain   = "revokebot_again"    // the same once more
	ActionUndo    = "revokebot_undo"     // to take away what was applied
	ActionCleanUp = "revokebot_clean_up" // the same of what has done its work
	ActionFurther = "revokebot_further"  // the measure to take if this one does not hold
)

// asking adds a button that asks for something.
func asking(m *Message, block, action, request, text, label string, role record.Role) *Message {
	m.Blocks = append(m.Blocks, slack.NewActionBlock(block, threadButton(action, request, text,
		label+Raw(role.Name, limitRoleName))))
	return m
}

// askAgain says at its end how to ask for the same role anew, and adds the button for it.
func askAgain(m *Message, r approvals.Request, c Context, p phrases) *Message {
	return asking(sentence(m.Text+" To ask once more, press Ask again."), "again", ActionAgain, r.ID, "Ask again", p.again,
		c.Role)
}

// failed tells how a request ended that was not carried out, or not as far as is known.
func failed(before approvals.Request, e approvals.Event, c Context, p phrases) *Message {
	f, err := record.Detail[record.Failure](e)
	if err != nil {
		return sentence(p.failed)
	}
	how := p.ended
	if before.State == approvals.StateOpen {
		how = " before it was decided. "
	}
	m := sentence(mentions(involved(before)) + ": the " + p.thing + " ended on " + UTC(e.At) + how + p.failure(f) +
		p.wrote + p.after)
	if c.Undo != nil && e.Type == approvals.EventVoided {
		return m // the role that had it is gone: there is nothing to ask for
	}
	return askAgain(m, before, c, p)
}

// applied tells what AWS took, what was seen of it, and what follows.
func applied(before approvals.Request, e approvals.Event, c Context) *Message {
	a, err := record.Detail[record.Applied](e)
	if err != nil {
		return sentence("Applied: AWS took the policy.")
	}
	w := c.Words
	took := "AWS took the " + w.Document(a.Policy) + " on " + UTC(a.At)
	if a.AlreadyThere {
		took = "The " + w.Document(a.Policy) + w.Promised + " is on the role: an earlier try had written it"
	}
	word, effects, next := "*Applied* to %s. %s.", w.Effects(a), "\nIAM enforces a change within seconds as a rule and "+
		"within minutes at worst; until then "+w.Whom+" may still get answers.\n"+
		"Undo, or "+undoCommand(w, c.Role, "")+", asks to take the "+w.Deny+" away again."
	if a.Seen != record.SeenEqual {
		word, effects = "*Written* to %s, and not read back. %s.", []string{
			w.Wrote(a.Cutoff) + " It is not known whether it is on the role.",
		}
		next = "\nUntil it is known to be there, take it that " + w.Whom + " still work. " +
			"Next: look at " + w.Where + " now; what the bot finds follows below. " +
			"Undo, or " + undoCommand(w, c.Role, "") + ", asks to take away what is there."
	}
	if a.Seen == record.SeenOther {
		word = "*Written* to %s, and not there as written when it was read again. %s."
		effects = []string{w.Wrote(a.Cutoff) + " The role has something else, or nothing."}
	}
	lines := []string{fmt.Sprintf(word, roleWords(c.Role), took)}
	for _, effect := range append(effects, fmt.Sprintf("Requested by %s, approved by %s, request %s.",
		Mention(before.Requester), mentions(before.Voters()), Code(before.ID, 40))) {
		lines = append(lines, "• "+effect)
	}
	if a.CallerARN != "" {
		lines = append(lines, "• Written as "+Code(a.CallerARN, 300)+".")
	}
	if a.Unnamed {
		lines = append(lines, "• The session could *not name the people*: AWS refused source identity and tags, "+
			"and the configuration of this account allows to go on without. CloudTrail there shows only this request's id.")
	}
	return asking(sentence(strings.Join(lines, "\n")+next), "undo", ActionUndo, before.ID, "Undo",
		"Undo: ask to take the "+w.Deny+" off ", c.Role)
}

// readBack tells what was found after a write that is not as it should be, and of an undo what was.
func readBack(before approvals.Request, e approvals.Event, c Context) *Message {
	r, err := record.Detail[record.ReadBack](e)
	if err != nil {
		return nil
	}
	what, took, who := "the policy", "AWS's answer to the write", mentions(involved(before))+": "
	other := "the policy that was *read back* on %s is not the one that was written: %s. Somebody or something changed " +
		"it. Look at the role now, and contain it with a service control policy if it happens again."
	if c.Undo != nil {
		what, took, other = "the role", "AWS's answer", "what was *read back* on %s is not what was there before the "+
			c.Words.Deny+": %s. Somebody or something wrote the policy in between. Look at the role now."
	}
	switch {
	case r.Equal && c.Undo == nil:
		return nil // the proof says it
	case r.Equal:
		found := "there is no " + c.Words.Document(r.Policy) + " on the role"
		if r.Restored {
			found = "the policy on the role says what it said before the " + c.Words.Deny
		}
		return sentence("*Read back* on " + UTC(r.At) + ": " + found + ". IAM can take minutes to spread that.")
	case r.Error != "":
		return sentence(who + what + " could *not be read back*, so only " + took + " speaks for it. " +
			markup.Replace(Clean(r.Error, 1000)) + " Look at the role's " + c.Words.Document(r.Policy) + ".")
	default:
		return sentence(who + fmt.Sprintf(other, UTC(r.At), Code(r.Mismatch, 800)))
	}
}

// undoApplied tells what AWS took away, or that there was nothing to take away, and what follows.
func undoApplied(before approvals.Request, e approvals.Event, c Context) *Message {
	a, err := record.Detail[record.Applied](e)
	if err != nil {
		return sentence("AWS took the change.")
	}
	w, u, head := c.Words, c.Undo.As(a), "*The "+c.Words.Deny+" is taken away* from "+roleWords(c.Role)
	switch {
	case a.AlreadyThere && a.Promised && len(a.Slots) > 1:
		head += ", by an earlier try of this request or by somebody else's hand." + fates(a.Slots, w)
	case u.Stays():
		head = "*Undone*: what the " + w.Deny + " on " + roleWords(c.Role) + " consists of was there before it, and stays." +
			fates(a.Slots, w)
	case a.AlreadyThere && len(a.Slots) > 1:
		head = "*The " + w.Deny + " was gone already* from " + roleWords(c.Role) + ", so nothing was changed." +
			fates(a.Slots, w)
	case a.AlreadyThere && a.Promised:
		head += ": the role is as it was before the " + w.Deny + ", by an earlier try of this request or by " +
			"somebody else's hand."
	case a.AlreadyThere:
		head = "*The " + w.Deny + " was gone already* from " + roleWords(c.Role) + ": the role was as it was before the " +
			w.Deny + " when revokebot came to change it, so nothing was changed."
	case len(a.Slots) > 1:
		head += ". AWS took the change on " + UTC(a.At) + "." + fates(a.Slots, w)
	case !a.Slots.Restores():
		head += ". AWS took the " + w.Document(u.Policy) + " off the role on " + UTC(a.At) + "."
	default:
		head += ". AWS put the " + w.Document(u.Policy) + " that was there before back on " + UTC(a.At) + "."
	}
	text := head + fmt.Sprintf("\n• %s\n• It was the %s of %s. Undo requested by %s, approved by %s, request %s.",
		w.Undo.Revived(a.Revives, u), w.Deny, earlierRequest(before.About, u.Card), Mention(before.Requester),
		fit(mentions(before.Voters()), 500), Code(before.ID, 40))
	if a.CallerARN != "" && !a.AlreadyThere {
		text += "\n• Done as " + Code(a.CallerARN, 300) + "."
	}
	if a.Unnamed {
		text += "\n• AWS did not let the session name the people, so CloudTrail has the request's id and not their names. " +
			"Allow sts:SetSourceIdentity and sts:TagSession there."
	}
	return sentence(text + "\n" + w.Undo.Anew + ", send " + Code(Command+" "+w.Word+c.Role.Account+"/"+c.Role.Name,
		160) + ": " +
		w.Undo.Again + ".")
}

// fates says of each slot what became of it, a line each.
func fates(slots record.Stands, w Words) (text string) {
	for _, s := range slots {
		text += "\n• The " + w.Document(s.Slot.Label()) + " "
		switch s.Fate {
		case record.FateRemoved:
			text += "was taken off the role."
		case record.FateRestored:
			text += "that was there before was put back."
		case record.FateSame:
			text += "was as before the " + w.Deny + " already."
		case record.FateForeign:
			text += "*stays*: it is not what revokebot wrote."
		default:
			text += "*stays*: AWS did not take the change."
		}
	}
	return text
}

// undone tells, in the thread of what was applied, that it is not in force any more.
func undone(before approvals.Request, e approvals.Event, c Context) *Message {
	v, err := record.Detail[record.Undone](e)
	if err != nil {
		return sentence("*Undone.* The " + c.Words.Deny + " was taken away by another request.")
	}
	text := undoneText(v, c)
	if v.Revives {
		text = mentions(involved(before)) + ": " + text
	}
	return sentence(text)
}

// undoneText says who took it away, and what that means for old sessions.
func undoneText(v record.Undone, c Context) string {
	what := "*Undone* on " + UTC(v.At) + ": the " + c.Words.Deny + " is off " + roleWords(c.Role) + "."
	switch {
	case v.Stays:
		what = "*Undone* on " + UTC(v.At) + ": what the " + c.Words.Deny + " on " + roleWords(c.Role) +
			" consists of was there before it, and stays."
	case v.Found:
		what = "*Undone* by " + UTC(v.At) + ": the " + c.Words.Deny + " was found gone from " + roleWords(c.Role) + "."
	case v.Restored:
		what = "*Undone* on " + UTC(v.At) + ": the policy that was on " + roleWords(c.Role) + " before the " +
			c.Words.Deny + " is back."
	}
	for _, s := range v.Slots {
		if s.Fate == record.FateForeign && s.Text != "" {
			what += " The " + c.Words.Document(s.Slot.Label()) + " *stays*: it is not what revokebot wrote."
		}
	}
	if v.Seen != record.SeenEqual {
		what += " It is not known whether something else was written since: look at the role."
	}
	what += fmt.Sprintf(" %s asked for that and %s approved it, %s.", Mention(v.Requester),
		fit(mentions(v.Approvers), 500), earlierRequest(v.Request, v.Card))
	return what + " " + c.Words.Undo.Now(v)
}

// inert offers the clean-up.
func inert(before approvals.Request, e approvals.Event, c Context) *Message {
	v, err := record.Detail[record.Inert](e)
	if err != nil {
		return nil
	}
	what := "takes it off the role"
	if v.Restores {
		what = "puts back the policy that was there before it"
	}
	worked, deny := c.Words.Undo.Inert(v), c.Words.Deny
	return asking(sentence(fmt.Sprintf("*The %s on %s has done its work.* %s The %s does no harm where it is. "+
		"Clean up asks for somebody's approval and then %s.", deny, roleWords(c.Role), worked, deny, what)),
		"undo", ActionCleanUp, before.ID, "Clean up", "Clean up: ask to take the old "+deny+" off ", c.Role)
}

// finding tells what was noticed about the role.
func finding(before approvals.Request, e approvals.Event, c Context) *Message {
	f, err := record.Detail[record.Finding](e)
	if err != nil {
		return nil
	}
	if len(f.Changes) > 0 {
		return culprits(before, f.Changes, c)
	}
	text := "*Finding:* " + markup.Replace(Clean(f.Sentence, 1000))
	if f.Urgent {
		text = mentions(involved(before)) + ": " + text
	}
	if len(f.Trust) > 0 {
		text += "\n" + trust(f.Trust)
	}
	return sentence(text)
}

// earlierRequest names the request whose deny is to be taken away, with the way to its card where
// that is known.
func earlierRequest(about, card string) string {
	if card == "" {
		return "request " + Code(about, 40)
	}
	return "request " + Code(about, 40) + " (<" + card + "|its card>)"
}
