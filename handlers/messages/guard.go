package messages

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// tampered adds what a check found in place of what was applied: one message while someone changes
// it, and one with a mention once it is not restored any more, or the role itself is gone.
func (v *view) tampered(i int, e approvals.Event) {
	t := record.Known[record.Tampered](e)
	switch {
	case t != nil && t.Resumed:
	case t != nil && (t.State == role.RoleGone || t.State == role.RoleReplaced):
		_, lead := watched(approvals.Request{Opened: v.r.Opened, Watched: e}, v.c)
		v.notify(e, sentence(v.involved()+lead+" Monitoring has ended."))
	case !v.has("fight"):
		v.post("fight", e, v.fight())
	case t != nil && !t.Writing() && !v.toldLost(i):
		do := "Check the " + v.c.Role.Noun() + " now: "
		if slices.ContainsFunc(v.events[:i+1], func(e approvals.Event) bool {
			t := record.Known[record.Tampered](e)
			return e.Type == approvals.EventTampered && t != nil && t.SCP != ""
		}) {
			do = "Attach the policy above to account " + accountWords(v.c.Role) + " now: "
		}
		v.notify(e, sentence(fmt.Sprintf("%s*The %s is off %s, and I stopped restoring it.* %s %s may have access.",
			v.involved(), v.c.Words.Deny, roleWords(v.c.Role), v.Prose(t.Why), do+v.c.Words.Whom)))
	}
}

// toldLost reports whether the thread has it already that the policy is not restored, since it was
// restored last.
func (v *view) toldLost(i int) bool {
	for _, e := range slices.Backward(v.events[:i]) {
		switch t := record.Known[record.Tampered](e); {
		case e.Type == approvals.EventRewritten:
			return false
		case e.Type == approvals.EventTampered && t != nil && t.Lost() && !t.Writing():
			return true
		}
	}
	return false
}

// fight tells that someone changes what was applied: how often it was restored, by whom it was
// changed, and the one policy that ends it.
func (v *view) fight() *Message {
	_, scope := v.c.done(v.r)
	var latest record.Tampered
	var state, scp, onPurpose string
	var changes []record.Change
	for _, e := range v.events {
		switch e.Type {
		case approvals.EventTampered:
			t := record.Known[record.Tampered](e)
			if t == nil || !t.Lost() {
				continue
			}
			if latest = *t; t.SCP != "" {
				scp = t.SCP
			}
			state = " It is being restored."
			if !t.Writing() {
				state = " *It is not restored:* " + v.Prose(t.Why) + " " + upper(v.c.Words.Whom) + " may have access."
			}
		case approvals.EventRewritten:
			w := record.Known[record.Rewritten](e)
			switch {
			case w == nil:
			case w.Back.Equal:
				state = fmt.Sprintf(" Restored (%d of %d) for %s.", w.Rewrite, record.MaxRewrites, scope(v.At(w.Cutoff)))
			default:
				state = " Restored, but *not verified*: " + Code(w.Back.Mismatch, 300) + ". " + v.Prose(w.Back.Error)
			}
		case approvals.EventFinding:
			if f := record.Known[record.Finding](e); f != nil {
				changes = append(changes, f.Changes...)
			}
		}
	}
	text := fmt.Sprintf("*Someone changed the %s of* %s: a check at %s found the %s %s.%s", v.c.Words.Deny,
		roleWords(v.c.Role), v.At(latest.At), v.c.Words.Document(latest.Policy), v.Found(latest), state)
	for _, line := range v.changedBy(changes) {
		text += "\n• " + line
	}
	if latest.Writing() || latest.State == role.Gone { // an undo does not touch what someone else put there
		onPurpose = "If it was on purpose, send " + undoCommand(v.c.Words, v.c.Role, "") +
			": a second person confirms it, and it is not restored."
	}
	m := sentence(text)
	m.document("To keep everybody but revokebot from "+v.c.Words.Fence+", attach this service control policy to account "+
		accountWords(v.c.Role)+"; it has no effect in the management account:", scp)
	last := strings.TrimSpace(onPurpose + " " + v.involved())
	m.Blocks, m.Text = append(m.Blocks, section(last)), fit(m.Text, limitText-len([]rune(last))-1)+"\n"+last
	return m
}

// changedBy tells who changed it, a line for each identity, those with the most changes first.
func (v *view) changedBy(changes []record.Change) []string {
	const shown = 4
	counts, lines := map[string]int{}, []string(nil)
	latest := map[string]record.Change{}
	for _, c := range changes {
		who := v.Changer(c)
		if counts[who]++; counts[who] == 1 {
			lines = append(lines, who)
		}
		if c.At.After(latest[who].At) {
			latest[who] = c
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return counts[b] - counts[a] })
	if left := len(lines) - shown; left > 0 {
		lines = append(lines[:shown:shown], english.Count(left, "more identity", "more identities"))
	}
	for i, who := range lines[:min(len(lines), shown)] {
		last := latest[who]
		times := ""
		if n := counts[who]; n > 1 {
			times = fmt.Sprintf(" (%d changes)", n)
		}
		lines[i] = fmt.Sprintf("By %s: %s%s, the last at %s.", who, v.Changed(last), times, v.At(last.At))
	}
	return lines
}

// Changer names who made a change.
func (p Pen) Changer(c record.Change) string {
	who := p.Code(c.Who, 100)
	for _, part := range []struct{ name, value string }{
		{"access key", c.AccessKeyID},
		{"source identity", c.SourceIdentity},
		{"from", c.SourceAddress},
		{"with", c.UserAgent},
	} {
		if part.value != "" {
			who += ", " + part.name + " " + p.Code(part.value, 60)
		}
	}
	return who
}

// Changed says what a change did to the policy.
func (p Pen) Changed(c record.Change) string {
	switch {
	case strings.HasPrefix(c.Name, "De"):
		return "removed it"
	case c.Name == "AttachRolePolicy":
		return "attached it"
	case c.Name == "UpdateAccessKey":
		return "set the status of the key"
	case c.Cutoff.IsZero():
		return "replaced it by another policy"
	default:
		return "replaced it with the cutoff " + p.At(c.Cutoff)
	}
}

// document adds a policy to a message, whole or not at all.
func (m *Message) document(advice, document string) {
	block := jsonBlock(document, limitSection)
	if block == "" {
		return
	}
	m.Blocks = append(m.Blocks, section(advice), section(block))
	whole := m.Text + "\n" + advice + "\n" + block
	if utf8.RuneCountInString(whole) > limitText-600 {
		whole = fit(m.Text+"\n"+advice, limitText-640) + " The policy is in the message itself."
	}
	m.Text = whole
}

func heldText(h record.Held, c Context, at func(time.Time) string) string {
	if h.Losses == 0 {
		return fmt.Sprintf("The %s was on the %s at every check for %s, the last one at %s.", c.Words.Deny, c.Role.Noun(),
			Span(h.After), at(h.At))
	}
	return fmt.Sprintf("The %s is on the %s %s after it was applied, at the last check at %s. "+
		"Earlier checks missed it %s.",
		c.Words.Deny, c.Role.Noun(), Span(h.After), at(h.At),
		english.Plural(h.Losses, "once", fmt.Sprintf("%d times", h.Losses)))
}

// watched is the title and the outcome after a check found something to tell; both are empty
// before.
func watched(r approvals.Request, c Context) (title, lead string) {
	past, scope := c.done(r)
	deny, noun, p := c.Words.Deny, c.Role.Noun(), slackPen(r.Opened, c.Role)
	switch r.Watched.Type {
	case approvals.EventTampered:
		t := record.Known[record.Tampered](r.Watched)
		if t == nil {
			return "Changed", "*The " + deny + " is not on the " + noun + "* as it was written. Check the " + noun + " now."
		}
		found := "*Someone changed the " + deny + ":* a check at " + p.At(t.At) + " found it " +
			p.Found(*t) + "."
		lives := "; it was deleted or renamed. Sessions of a renamed user can live up to 36 hours: look for UpdateUser " +
			"in CloudTrail, and for its keys."
		switch {
		case t.State == role.RoleGone && c.Role.Kind == contain.User:
			return "The user is gone", "*There is no user " + roleWords(c.Role) + "* since " + p.At(t.At) + " at the latest" +
				lives
		case t.State == role.RoleReplaced && c.Role.Kind == contain.User:
			return "The user is gone", "*Another user has the name* " + roleWords(c.Role) + " since " + p.At(t.At) +
				" at the latest. It is not touched. The one that was approved is not there any more" + lives
		case t.State == role.RoleGone:
			return "The " + noun + " is gone", "*The " + noun + " " + roleWords(c.Role) + " is gone* since " + p.At(t.At) +
				" at the latest, and its sessions with it."
		case t.State == role.RoleReplaced:
			return "The " + noun + " is gone", "*The " + noun + " was recreated:* " + roleWords(c.Role) + " is another " +
				noun + " since " + p.At(t.At) + " at the latest. The sessions of the one that was approved ended with it; " +
				"the new one is not touched."
		case t.Writing():
			return removed(*t) + ", being restored", found + " It is being restored."
		default:
			return removed(*t), found + " *" + upper(c.Words.Whom) +
				" may have access.* Check the " + noun + " now; the thread says what to do."
		}
	case approvals.EventRewritten:
		w := record.Known[record.Rewritten](r.Watched)
		if w == nil || !w.Back.Equal {
			return "Restored, not verified", "*Someone changed the " + deny + "*, and restoring it could not be verified: " +
				c.Words.Whom + " may have access. Check the " + noun + " now."
		}
		return "Restored", fmt.Sprintf("*Someone changed the %s.* Restored (%d of %d) for %s.", deny, w.Rewrite,
			record.MaxRewrites, scope(bold(p.At(w.Cutoff))))
	case approvals.EventHeld:
		h := record.Known[record.Held](r.Watched)
		if h == nil {
			return "", ""
		}
		return containment(r, past), bold(past+":") + " " + scope(bold(p.At(h.Cutoff))) + ". " +
			heldText(*h, c, p.At)
	default:
		return "", ""
	}
}

func removed(t record.Tampered) string {
	switch {
	case isKey(t.Policy):
		return "Active again"
	case t.State == role.Weakened:
		return "Weakened"
	default:
		return "Removed"
	}
}
