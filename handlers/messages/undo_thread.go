package messages

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// Buttons in the thread of an applied revocation. Their value is the revocation's id.
const (
	ActionUndo    = "revokebot_undo"
	ActionCleanUp = "revokebot_clean_up"
)

// undoThread is what the thread of a request to take a deny away says differently from that of a
// revocation. It reports false for an event that both tell alike.
func undoThread(before approvals.Request, e approvals.Event, c Context) (*Message, bool) {
	switch e.Type {
	case approvals.EventRequested:
		return sentence(asked(e, c) + " to look at the card above and to press Approve or Deny. *It takes a deny away.* " +
			"This thread is the record of the request: every decision, every refused click, and what AWS answered."), true
	case approvals.EventApproved:
		return sentence(fmt.Sprintf("%s approved on %s. The deny is being taken away now.", Mention(e.By), utc(e.At))), true
	case approvals.EventApplied:
		return undoApplied(before, e, c), true
	case approvals.EventReadBack:
		return undoReadBack(before, e, *c.Undo), true
	case approvals.EventFailed, approvals.EventVoided:
		f, err := record.Detail[record.Failure](e)
		if err != nil {
			return sentence("The deny was not taken away."), true
		}
		how := ", and the deny is not known to have been taken away by it. "
		if before.State == approvals.StateOpen {
			how = undecided
		}
		m := sentence(mentions(involved(before)) + ": the request ended on " + utc(e.At) + how + undoFailure(f))
		if e.Type == approvals.EventVoided {
			return m, true // the role that had the deny is gone: there is nothing to ask for
		}
		return askAgain(m, before, c), true
	case approvals.EventDelayed:
		f, err := record.Detail[record.Failure](e)
		if err != nil || before.Delays > 0 {
			return nil, true // the first delay says it; the end will be told in any case
		}
		return sentence("The deny is not taken away yet. " + undoFailure(f) + " It is being tried again on its own."), true
	default:
		return nil, false
	}
}

func undoApplied(before approvals.Request, e approvals.Event, c Context) *Message {
	a, err := record.Detail[record.Applied](e)
	if err != nil {
		return sentence("AWS took the change.")
	}
	u := *c.Undo
	var took string
	switch {
	case a.AlreadyThere && a.Promised:
		took = "*The deny is taken away* from %s: the role is as it was before the deny, by an earlier try of this request " +
			"or by somebody else's hand."
	case a.AlreadyThere:
		took = "*The deny was gone already* from %s: the role was as it was before the deny when revokebot came to change " +
			"it, so nothing was changed."
	case !u.Restores():
		took = "*The deny is taken away* from %s. AWS took the " + inline(u.Policy) + " off the role on " +
			utc(a.At) + "."
	default:
		took = "*The deny is taken away* from %s. AWS put the " + inline(u.Policy) + " that was there before " +
			"back on " + utc(a.At) + "."
	}
	text := fmt.Sprintf(took+"\n• %s\n• It was the deny of %s. Undo requested by %s, approved by %s, request %s.",
		roleWords(c.Role),
		revived(a.Revives, u), earlierRequest(before.About, u.Card), Mention(before.Requester),
		fit(mentions(before.Voters()), 500), code(before.ID, 40))
	if a.CallerARN != "" && !a.AlreadyThere {
		text += "\n• Done as " + code(a.CallerARN, 300) + "."
	}
	if a.Unnamed {
		text += "\n• AWS did not let the session name the people, so CloudTrail has the request's id and not their names. " +
			"Allow sts:SetSourceIdentity and sts:TagSession there."
	}
	return sentence(text + "\nTo deny old sessions again, send " + code(Command+" "+c.Role.Account+"/"+c.Role.Name, 160) +
		": it writes a new cutoff.")
}

func undoReadBack(before approvals.Request, e approvals.Event, u record.Undoing) *Message {
	r, err := record.Detail[record.ReadBack](e)
	switch {
	case err != nil:
		return nil
	case r.Equal && !u.Restores():
		return sentence("*Read back* on " + utc(r.At) + ": there is no " + inline(r.Policy) + " on the role. " +
			"IAM can take minutes to spread that.")
	case r.Equal:
		return sentence("*Read back* on " + utc(r.At) + ": the policy on the role says what it said before the deny. " +
			"IAM can take minutes to spread that.")
	case r.Error != "":
		return sentence(mentions(involved(before)) + ": the role could *not be read back*, so only AWS's answer speaks for " +
			"it. " +
			markup.Replace(clean(r.Error, 1000)) + " Look at the role's " + inline(r.Policy) + ".")
	default:
		return sentence(mentions(involved(before)) + ": what was *read back* on " + utc(r.At) + " is not what was there " +
			"before the deny: " +
			code(r.Mismatch, 800) + ". Somebody or something wrote the policy in between. Look at the role now.")
	}
}

// undone tells, in the thread of a revocation, that its deny is gone.
func undone(before approvals.Request, e approvals.Event, c Context) *Message {
	v, err := record.Detail[record.Undone](e)
	if err != nil {
		return sentence("*Undone.* The deny was taken away by another request.")
	}
	text := undoneText(v, c)
	if v.Revives {
		text = mentions(involved(before)) + ": " + text
	}
	return sentence(text)
}

// undoneText says who took the deny of a revocation away, and what that means for old sessions.
func undoneText(v record.Undone, c Context) string {
	what := "*Undone* on " + utc(v.At) + ": the deny is off " + roleWords(c.Role) + "."
	switch {
	case v.Found:
		what = "*Undone* by " + utc(v.At) + ": the deny was found gone from " + roleWords(c.Role) + "."
	case v.Restored:
		what = "*Undone* on " + utc(v.At) + ": the policy that was on " + roleWords(c.Role) + " before the deny is back."
	}
	if v.Seen != record.SeenEqual {
		what += " It is not known whether something else was written since: look at the role."
	}
	what += fmt.Sprintf(" %s asked for that and %s approved it, %s.", Mention(v.Requester),
		fit(mentions(v.Approvers), 500), earlierRequest(v.Request, v.Card))
	if v.Revives {
		return what + fmt.Sprintf(" Old sessions that this kept out and that have not expired *work again*; "+
			"the last of them ends by %s.", both(v.RevivesUntil))
	}
	return what + " No old session works again by it."
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
	m := sentence(fmt.Sprintf("*The deny on %s has done its work.* By the longest session of the role, "+
		"every session issued before %s has been too old to be alive since %s. "+
		"The deny does no harm where it is. Clean up asks for somebody's approval and then %s.", roleWords(c.Role),
		utc(v.Cutoff), both(v.Since), what))
	name := raw(c.Role.Name, limitRoleName)
	m.Blocks = append(m.Blocks, slack.NewActionBlock("undo", threadButton(ActionCleanUp, before.ID, "Clean up",
		"Clean up: ask to take the old deny off "+name)))
	return m
}

// offerUndo adds the button that asks to take the deny of a revocation away.
func offerUndo(m *Message, before approvals.Request, c Context) *Message {
	m.Blocks = append(m.Blocks, slack.NewActionBlock("undo", threadButton(ActionUndo, before.ID, "Undo",
		"Undo: ask to take the deny off "+raw(c.Role.Name, limitRoleName))))
	return m
}
