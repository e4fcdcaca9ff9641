package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Buttons in a thread that ask for something, for the role that the thread is about. The value of
// each is the id of the thread's request; what is asked for comes from there.
const (
	ActionAgain   = "revokebot_again"    // the same once more
	ActionUndo    = "revokebot_undo"     // to undo what was applied
	ActionCleanUp = "revokebot_clean_up" // the same of what has expired
	ActionFurther = "revokebot_further"  // the measure that fits after the verdict, which the value names, too
)

// outcome tells how the request ended, what is verified of what was applied, and what follows.
func (v *view) outcome() *Message {
	r, again := v.r, true
	var m *Message
	switch r.State {
	case approvals.StateApplied:
		if m, again = v.applied(), false; v.c.Undo != nil {
			m = sentence(v.undoApplied())
		}
	case approvals.StateRehearsed:
		m, again = v.rehearsed(), false
	case approvals.StateDenied:
		m, again = sentence(Mention(r.Requester)+" The request was denied. Nothing was done."+denialReason(r.Closing)), false
	case approvals.StateCancelled:
		m, again = sentence("The requester cancelled the request. Nothing was done."), false
	case approvals.StateExpired:
		m = sentence(v.involved() + "The request expired. " + unanswered(r, v.c) + ". Nothing was done.")
	case approvals.StateFailed, approvals.StateVoid:
		m = sentence(v.involved() + v.failed())
		again = v.c.Undo == nil || r.State == approvals.StateFailed // else the role that had it is gone
	default:
		return nil
	}
	if notes := v.notes(); notes != "" {
		m.Text = fit(m.Text+notes, limitText)
		m.Blocks = append(m.Blocks, section(notes[1:]))
	}
	if again {
		m.row("again", v.button(ActionAgain, "Ask again", "Ask again to "+v.p.ask))
	}
	if r.State == approvals.StateApplied && v.c.Undo == nil {
		v.afterwards(m)
	}
	return m.row("files", v.button(ActionReport, "Files", "Post the files about "))
}

func (v *view) button(action, text, label string) slack.BlockElement {
	return threadButton(action, v.r.ID, text, markedIf(v.c.Drill, label+Raw(v.c.Role.Name, limitRoleName)))
}

// failed says why it was not carried out, or not as far as is known.
func (v *view) failed() string {
	return bold(v.p.state(v.r.State)+".") + " " + v.p.failure(v.r.Closing) + v.p.after
}

// applied tells what was applied and what is verified of it.
func (v *view) applied() *Message {
	a, w := record.Known[record.Applied](v.r.Closing), v.c.Words
	if a == nil {
		return sentence("Applied.")
	}
	lines := []string{v.c.appliedLead(v.r)}
	if a.Seen != record.SeenEqual {
		lines[0] = v.involved() + lines[0]
	}
	facts := make([]string, 0, 3)
	for _, f := range v.Facts(v.proof) {
		facts = append(facts, f.Name+": "+f.Text)
	}
	lines = append(lines, strings.Join(facts, " · "))
	inForce := v.r.Undone == nil && v.proof.Lost == nil
	if inForce && a.Seen == record.SeenEqual && len(a.Refused) == 0 {
		lines = append(lines, w.Works(v.c, v.At(v.proof.Cutoff)))
	}
	switch expired, held := v.expired(), v.proof.Held; {
	case v.r.Undone != nil:
	case expired != nil:
		what := "removes it"
		if expired.Restores {
			what = "restores the policy that was there before it"
		}
		lines = append(lines, "*Expired.* "+w.Undo.Expired(*expired)+" Clean up asks for an approval and "+what+".")
	case held != nil:
		lines = append(lines, "Monitoring has ended. If someone changes the policy after this, I won't notice.")
	case inForce && v.c.Guard > 0 && !a.At.IsZero():
		lines = append(lines, "Guarded until "+v.At(a.At.Add(v.c.Guard))+".")
	}
	if a.Unnamed {
		lines = append(lines, unnamed)
	}
	return sentence(strings.Join(lines, "\n"))
}

// unnamed is said of a session that does not name the people.
const unnamed = "AWS rejected source identity and tags, so CloudTrail names this request and *not the people*. " +
	"Allow sts:SetSourceIdentity and sts:TagSession there."

func (v *view) expired() *record.Expired {
	for _, e := range slices.Backward(v.events) {
		if e.Type == approvals.EventPolicyExpired {
			return record.Known[record.Expired](e)
		}
	}
	return nil
}

// afterwards adds what can be asked for once something was applied.
func (v *view) afterwards(m *Message) {
	if menu := v.sessionMenu(); menu != nil {
		m.Blocks = append(m.Blocks, menu)
	}
	switch {
	case v.r.Undone != nil:
	case v.expired() != nil:
		m.row("undo", v.button(ActionCleanUp, "Clean up", "Clean up: ask to undo the old "+v.c.Words.Noun+" of "))
	default:
		m.row("undo", v.button(ActionUndo, "Undo", "Undo: ask to undo the "+v.c.Words.Noun+" of "))
	}
}

// appliedTitle says no more than what was seen.
func (c Context) appliedTitle(r approvals.Request) string {
	a := record.Known[record.Applied](r.Closing)
	if title, _ := watched(r, c); title != "" {
		return title
	}
	switch {
	case r.Undone != nil:
		return "Undone"
	case a == nil:
	case a.Seen == record.SeenEqual:
		past, _ := c.done(r)
		return containment(r, past)
	case a.Seen == record.SeenOther:
		return "Written, but not on the " + c.Role.Noun()
	}
	return "Written, not verified"
}

// done is what was done, and to what, as a function of the cutoff. Where AWS refused one of several
// documents it names each.
func (c Context) done(r approvals.Request) (past string, scope func(cutoff string) string) {
	a := record.Known[record.Applied](r.Closing)
	if a == nil || len(a.Refused) == 0 {
		return c.Words.Past, c.Words.Scope
	}
	var done, refused []string
	for _, d := range a.There {
		done = append(done, "the "+c.Words.Document(d.Slot.Label()))
	}
	for _, s := range a.Refused {
		refused = append(refused, "the "+c.Words.Document(s.Label()))
	}
	return "Done in part", func(string) string { return List(done) + ". *Not done:* " + List(refused) }
}

// containment is the verdict as a title; before it, what was done.
func containment(r approvals.Request, done string) string {
	v := record.Known[record.Conclusion](r.Judged)
	switch {
	case r.Judged.Type != approvals.EventVerdict || v == nil:
	case v.Word == record.WordContained:
		return contained
	case v.Word == record.WordNotContained:
		return notContained
	case v.Word == record.WordUnknown && quiet(*v):
		return done + ", no activity since"
	case v.Word == record.WordUnknown:
		return done + ", containment unknown"
	}
	return done
}

const (
	contained    = "Contained"
	notContained = "Not contained"
)

// title is the outcome of an applied request, with what is open, or who took it away; after it
// comes to what. No title of what holds hides what the measure does not stop.
func (v *view) title() (outcome, of string) {
	outcome, of = v.c.appliedTitle(v.r), ": "+v.c.Words.Did+" "
	t, open := record.Known[record.Tampered](v.r.Watched), ""
	if slices.Contains([]string{contained, notContained, containment(v.r, v.c.Words.Past)}, outcome) {
		open = v.counted()
	}
	switch {
	case v.r.Undone != nil:
	case open != "":
		between := ", still open: "
		if outcome == notContained {
			between = ": "
		}
		outcome, of = outcome+between+open, " · "+v.c.Words.Did+" "
	case v.r.Watched.Type == approvals.EventTampered && t != nil && t.Lost():
		of = ": " + v.c.Words.Deny + " of "
		if who := v.remover(*t); who != "" {
			outcome = strings.Replace(outcome, removed(*t), removed(*t)+" by "+who, 1)
		}
	}
	return outcome, of
}

// remover is who made the last change before a check, as far as CloudTrail has told.
func (v *view) remover(t record.Tampered) string {
	var last record.Change
	for _, f := range record.All[record.Finding](v.events, approvals.EventFinding) {
		for _, c := range f.Changes {
			if !c.At.After(t.At) && c.At.After(last.At) && strings.HasPrefix(c.Name, "De") == (t.State == role.Gone) {
				last = c
			}
		}
	}
	if last.Who == "" {
		return ""
	}
	return Raw(last.Who, 40)
}

// counted says how many things Act now has open, of each of the first kinds.
func (v *view) counted() string {
	counts, kinds := map[string]int{}, []string(nil)
	for _, i := range v.Items(v.in, v.c.Role) {
		if kind := i.kind(); i.Done == "" {
			if counts[kind]++; counts[kind] == 1 {
				kinds = append(kinds, kind)
			}
		}
	}
	const named = 3
	left := 0
	for i, kind := range kinds {
		if i >= named {
			left += counts[kind]
		}
		kinds[i] = english.Count(counts[kind], kind, kind+"s")
	}
	if left > 0 {
		kinds = append(kinds[:named], fmt.Sprintf("%d more", left))
	}
	return strings.Join(kinds, ", ")
}

// appliedLead says what came of an applied request: of what it wrote, or of what undid it.
func (c Context) appliedLead(r approvals.Request) string {
	a, err := record.Detail[record.Applied](r.Closing)
	if err != nil {
		return "Applied. The thread has the details."
	}
	if r.Undone != nil {
		if v := record.Known[record.Undone](*r.Undone); v != nil {
			return undoneText(*v, c, r.Opened)
		}
		return "The " + c.Words.Deny + " was undone. The thread says why."
	}
	if _, lead := watched(r, c); lead != "" {
		return lead
	}
	noun := c.Role.Noun()
	check := " " + upper(c.Words.Whom) + " may still have access. Check the " + noun + " now."
	switch what := c.Words.Document(a.Policy); a.Seen {
	case record.SeenEqual:
		past, scope := c.done(r)
		text := bold(past+":") + " " + scope(bold(Clock(a.Cutoff, r.Opened))) + ". "
		if len(a.Refused) > 0 {
			return text + "What was done is verified; the thread says why the rest was not."
		}
		return text + "The " + c.Words.Deny + " is on the " + noun + " (verified). IAM usually enforces it within seconds."
	case record.SeenOther:
		return "*Written, but not on the role:* AWS accepted the " + what + ", but the " + noun +
			" has something else, or nothing." +
			check
	default:
		return "*Written, not verified:* AWS accepted the " + what + ", but the " + noun + " could not be read after that." +
			check
	}
}

// Left says what an undo left on the role, as far as that was seen, and until when old sessions
// work again, in mrkdwn.
func (c Context) Left(v record.Undone, at func(time.Time) string) (text string) {
	noun := c.Role.Noun()
	switch {
	case v.Seen == record.SeenOther:
		return "AWS accepted the change, but the " + noun + " is *not as it was before the " + c.Words.Noun +
			"*. Check the " + noun + " now."
	case v.Seen != record.SeenEqual:
		text = "AWS accepted the change, but the " + noun + " was not verified after that: check it."
	case v.Stays:
		text = "What the " + c.Words.Deny + " consists of was there before it, and stays."
	case v.Found:
		text = "The " + c.Words.Deny + " was gone already, and revokebot changed nothing."
	case v.Slots.Restores():
		text = "The earlier policy is back (verified)."
	default:
		text = "The " + c.Words.Undo.What + " is off the " + noun + " (verified)."
	}
	text += " " + c.Words.Undo.Now(v, at(v.RevivesUntil))
	for _, s := range v.Slots {
		if len(v.Slots) > 1 || s.Fate == record.FateForeign && s.Text != "" {
			fate := fates[s.Fate]
			if s.Slot.Kind == contain.KeyStatus && s.Fate == record.FateSame {
				fate = "stays " + strings.ToLower(cmp.Or(s.Text, "deleted")) + "."
			}
			text += "\n• The " + c.Words.Document(s.Slot.Label()) + " " + fate
		}
	}
	return text
}

// fates are what became of a document.
var fates = map[record.Fate]string{
	record.FateRemoved: "was removed.", record.FateRestored: "that was there before is back.",
	record.FateSame: "was as before already.", record.FateForeign: "*stays*: it is not what revokebot wrote.",
	record.FateFailed: "*stays*: AWS rejected the change.",
}
