package messages

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// tampered tells loudly that the deny is not on the role any more, and what is done about it.
func tampered(before approvals.Request, e approvals.Event, c Context) *Message {
	t, err := record.Detail[record.Tampered](e)
	who := mentions(involved(before))
	switch {
	case err != nil:
		return sentence(who + ": a look found that the " + c.Words.Deny + " is not on the role as it was written. " +
			"Look at the role now.")
	case t.Resumed:
		return nil // the loss is told already, and what is written will be
	case t.State == record.RoleGone:
		return sentence(fmt.Sprintf("%s: *the role %s is gone.* A look on %s did not find it any more. "+
			"Its sessions ended with it, and so do the looks. "+
			"A role of the same name that is made later is another one: ask for it anew.", who, roleWords(c.Role), UTC(t.At)))
	case t.State == record.RoleReplaced:
		return sentence(fmt.Sprintf("%s: *another role has the name %s now.* A look on %s found a different unique id. "+
			"The sessions of the role that was approved ended with it; "+
			"the new role was never approved and is not touched, and the looks end here. If its sessions have to be revoked, "+
			"ask for it anew.", who, roleWords(c.Role), UTC(t.At)))
	}
	lost := "was taken off"
	if t.State == record.DenyWeakened {
		lost = "was weakened on"
	}
	found := fmt.Sprintf("A look on %s found the %s %s.", UTC(t.At), c.Words.Document(t.Policy), TamperedWords(t))
	if !t.Writing() {
		text := fmt.Sprintf("%s: *the %s %s %s, and it is not being written again.* %s %s %s may work now.",
			who, c.Words.Deny, lost, roleWords(c.Role), found, markup.Replace(Clean(t.Why, 800)), upper(c.Words.Whom))
		if t.State == record.DenyGone { // an undo does not touch what somebody else has put in its place
			text += " " + onPurpose(c, "the record says so")
		}
		return withDocument(sentence(text), "Contain the role now: with this service control policy, "+
			c.Words.Whom+" stay denied whatever happens to the role's own policies. Attach it to account "+
			accountWords(c.Role)+"; it has no effect in the management account.", t.SCP)
	}
	text := fmt.Sprintf("%s: *the %s %s %s.* %s It is being written again under the same approval%s; "+
		"this is time %d of %d. Until then %s may have worked. %s", who, c.Words.Deny, lost, roleWords(c.Role), found,
		c.Words.Took("*"+UTC(t.Promise)+"*"), t.Rewrite, record.MaxRewrites, c.Words.Whom,
		onPurpose(c, "the "+c.Words.Deny+" is not written again"))
	if t.Rewrite > 1 {
		return sentence(text)
	}
	return withDocument(sentence(text+" Who did it is looked up in CloudTrail, which is minutes late; "+
		"the thread will tell."),
		"If it was not on purpose, keep everybody but revokebot from "+c.Words.Fence+" with this service control policy. "+
			"Attach it to account "+accountWords(c.Role)+"; it has no effect in the management account.", t.SCP)
}

// onPurpose says how to end the guard by agreement.
func onPurpose(c Context, then string) string {
	return "If this was on purpose, say so with " + undoCommand(c.Words, c.Role, "") +
		": a second person confirms it, and " + then + "."
}

// withDocument adds a policy to a message, whole or not at all.
func withDocument(m *Message, advice, document string) *Message {
	block := jsonBlock(document, limitSection)
	if block == "" {
		return m
	}
	m.Blocks = append(m.Blocks, section(advice), section(block))
	whole := m.Text + "\n" + advice + "\n" + block
	if utf8.RuneCountInString(whole) > limitText {
		whole = fit(m.Text+"\n"+advice, limitText-40) + " The policy is in the message itself."
	}
	m.Text = whole
	return m
}

// rewritten tells that AWS took the deny again, and what was found after the write.
func rewritten(e approvals.Event, c Context) *Message {
	w, err := record.Detail[record.Rewritten](e)
	if err != nil {
		return sentence("*Written again*: AWS took the policy.")
	}
	took := "AWS took the policy on " + UTC(w.At)
	if w.AlreadyThere {
		took = "the promised policy is on the role, an earlier try had written it"
	}
	text := fmt.Sprintf("*Written again*, time %d of %d: %s%s. ", w.Rewrite, record.MaxRewrites, took,
		c.Words.Took("*"+UTC(w.Cutoff)+"*"))
	switch {
	case w.Back.Equal:
		text += "It was read back on " + UTC(w.Back.At) + "; " + c.Words.Holds(Clock(w.Cutoff)) + " as soon as IAM " +
			"enforces it. The next look comes within seconds."
	case w.Back.Error != "":
		text += "It could *not be read back*: " + markup.Replace(Clean(w.Back.Error, 600)) + " The next look comes within " +
			"seconds."
	default:
		text += "When it was read back on " + UTC(w.Back.At) + " it was *not there as written*: " +
			Code(w.Back.Mismatch, 300) + ". The next look comes within seconds."
	}
	return sentence(text)
}

func held(e approvals.Event, c Context) *Message {
	h, err := record.Detail[record.Held](e)
	if err != nil {
		return nil
	}
	return sentence(heldText(h, c) + " No further look is planned: what happens to the role from now on, " +
		"nobody here will notice.")
}

func heldText(h record.Held, c Context) string {
	if h.Losses == 0 {
		return fmt.Sprintf("The %s *held for %s*: it was on the role at every look, the last one on %s.", c.Words.Deny,
			Span(h.After), UTC(h.At))
	}
	return fmt.Sprintf("The %s is on the role *%s after it was applied*, at the last look on %s. "+
		"Before that, looks missed it %s.",
		c.Words.Deny, Span(h.After), UTC(h.At), english.Plural(h.Losses, "once", fmt.Sprintf("%d times", h.Losses)))
}

// maxChanges is how many changes one message shows.
const maxChanges = 8

// culprits tells who changed the deny.
func culprits(before approvals.Request, changes []record.Change, c Context) *Message {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: *CloudTrail shows who changed the %s* on %s, newest first.", mentions(involved(before)),
		c.Words.Deny, roleWords(c.Role))
	for i, change := range changes {
		if i == maxChanges {
			fmt.Fprintf(&b, "\n• and %d more", len(changes)-i)
			break
		}
		b.WriteString("\n• " + UTC(change.At) + ": " + Code(change.Who, 100) + " " + changeWords(change))
		for _, part := range []struct{ name, value string }{
			{"access key", change.AccessKeyID},
			{"source identity", change.SourceIdentity},
			{"from", change.SourceAddress},
			{"with", change.UserAgent},
		} {
			if part.value != "" {
				b.WriteString(", " + part.name + " " + Code(part.value, 60))
			}
		}
	}
	b.WriteString("\nIf that was the thief, contain this identity too: deactivate its access key, or revoke its role. " +
		onPurpose(c, "the "+c.Words.Deny+" is not written again"))
	return sentence(b.String())
}

func changeWords(c record.Change) string {
	switch {
	case strings.HasPrefix(c.Name, "De"): // Delete and Detach
		return "removed it"
	case c.Name == "AttachRolePolicy":
		return "attached it"
	case c.Cutoff.IsZero():
		return "wrote it without a deny that works"
	default:
		return "wrote it with the cutoff " + UTC(c.Cutoff)
	}
}

// watched is the card's title and outcome after a look found something to tell; both are empty
// before.
func watched(r approvals.Request, c Context) (title, lead string) {
	switch r.Watched.Type {
	case approvals.EventTampered:
		t, err := record.Detail[record.Tampered](r.Watched)
		switch {
		case err != nil:
			return "Changed since it was applied",
				"A look found that *the " + c.Words.Deny + " is not on the role* as it was written. Look at the role now."
		case t.State == record.RoleGone || t.State == record.RoleReplaced:
			return "Applied, and the role is gone", "AWS took the policy; on " + UTC(t.At) + " the role itself was gone, " +
				"and its sessions with it. The thread has the details."
		case !t.Writing():
			if t.State == record.DenyWeakened {
				return "Weakened on the role", "AWS took the policy, but *it does not do what it did*: a look on " + UTC(t.At) +
					" found it " + TamperedWords(t) + ". " + upper(c.Words.Whom) +
					" may work. Look at the role now; the thread says what to do."
			}
			return "Taken off the role again", "AWS took the policy, but *it is not on the role any more* since " + UTC(t.At) +
				" at the latest: " + c.Words.Whom + " may work. Look at the role now; the thread says what to do."
		default:
			title := "Taken off, being written again"
			if t.State == record.DenyWeakened {
				title = "Weakened, being written again"
			}
			return title, "AWS took the policy, and a look on " + UTC(t.At) + " found it " + TamperedWords(t) +
				". It is being written again; the thread has the details."
		}
	case approvals.EventRewritten:
		w, err := record.Detail[record.Rewritten](r.Watched)
		if err != nil || !w.Back.Equal {
			return "Written again, not seen on the role",
				"The policy was taken off the role, or weakened, and AWS took it again, but it was not read back as written: " +
					c.Words.Whom + " may still work. Look at the role now; the thread says what was found."
		}
		return "Applied again", "The policy was taken off the role, or weakened, and was written and read back again: " +
			c.Words.Holds(bold(Clock(w.Cutoff))) + " as soon as IAM enforces it. The thread has the details."
	case approvals.EventHeld:
		h, err := record.Detail[record.Held](r.Watched)
		if err != nil {
			return "", ""
		}
		return "Applied", heldText(h, c) + " It " + c.Words.Denies(bold(Clock(h.Cutoff))) + "."
	default:
		return "", ""
	}
}

// TamperedWords says what was found, in the middle of a sentence.
func TamperedWords(t record.Tampered) string {
	switch {
	case t.State == record.DenyGone:
		return "gone"
	case t.State == record.DenyWeakened && t.Found.IsZero():
		return "there without a deny that works"
	case t.State == record.DenyWeakened:
		return "there with the earlier cutoff " + UTC(t.Found)
	default:
		return "in a state that revokebot does not know"
	}
}
