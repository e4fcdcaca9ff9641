package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Post is one message of the thread: what the log so far says there. It is edited in place when
// that changes, which sends no notification. What has to notify is a post of its own.
type Post struct {
	Name string // unique within the thread
	Seq  int64  // the event with which it is posted; no two posts have the same
	Once bool   // it is not edited
	*Message
}

// Thread is the thread of a request, in the order of the log: at most six messages (call, outcome,
// evidence, act now, verdict, and the files, which are no Post), one more while someone changes the
// policy, and what has to notify people. r is the fold of all events.
func Thread(r approvals.Request, events []approvals.Event, c Context) []Post {
	v := newView(r, events, c)
	for i, e := range events {
		v.tell(i, e)
	}
	return v.posts
}

// view is what a thread is drawn from.
type view struct {
	Pen
	c      Context
	p      phrases
	r      approvals.Request
	events []approvals.Event
	in     record.Incident
	proof  record.Proof
	known  map[string]bool // items of Act now that an earlier check found
	posts  []Post
}

func newView(r approvals.Request, events []approvals.Event, c Context) *view {
	v := &view{
		Pen: slackPen(r.Opened, c.Role), c: c, p: c.phrases(r), r: r, events: events, in: c.Incident(events),
		proof: record.Proven(events), known: map[string]bool{},
	}
	v.Keys = c.Keys
	if c.Undo == nil && !c.Drill {
		outcome, of := v.title()
		v.p.done = outcome + of
	}
	return v
}

// post adds a message with an event, unless the thread has one of that name.
func (v *view) post(name string, e approvals.Event, m *Message) {
	if m != nil && !v.has(name) {
		v.posts = append(v.posts, Post{Name: name, Seq: e.Seq, Message: m})
	}
}

// notify adds a message that is not edited.
func (v *view) notify(e approvals.Event, m *Message) {
	if m != nil {
		v.posts = append(v.posts, Post{Name: fmt.Sprint(e.Type, " ", e.Seq), Seq: e.Seq, Once: true, Message: m})
	}
}

func (v *view) has(name string) bool {
	return slices.ContainsFunc(v.posts, func(p Post) bool { return p.Name == name })
}

// tell adds what is posted with the event at i. What only changes messages is in those.
func (v *view) tell(i int, e approvals.Event) {
	switch e.Type {
	case approvals.EventRequested:
		v.post("call", e, v.call())
	case approvals.EventHandedOver:
		if r, err := approvals.Fold(v.r.ID, v.events[:i+1]); err == nil {
			v.notify(e, sentence(Mention(r.Requester)+" "+Mention(e.By)+" cancelled. The request goes on as yours, and "+
				"approvals before this do not count."))
		}
	case approvals.EventReminded:
		if v.r.State == approvals.StateOpen { // later it is of no use
			v.notify(e, v.reminder(e))
		}
	case approvals.EventDenied, approvals.EventCancelled, approvals.EventExpired, approvals.EventApplied,
		approvals.EventRehearsed, approvals.EventFailed, approvals.EventVoided:
		v.post("outcome", e, v.outcome())
	case approvals.EventForged:
		v.notify(e, v.forged(e))
	case approvals.EventLooking, approvals.EventEvidence:
		v.post("evidence", e, v.evidence())
	case approvals.EventActivity:
		v.activity(i, e)
	case approvals.EventVerdict:
		v.verdict(i, e)
	case approvals.EventTampered:
		v.tampered(i, e)
	case approvals.EventUndone:
		if u := record.Known[record.Undone](e); u != nil && u.Revives {
			v.notify(e, sentence(v.involved()+undoneText(*u, v.c, v.r.Opened)))
		}
	case approvals.EventFinding:
		if f := record.Known[record.Finding](e); f != nil && f.Urgent {
			m := sentence(v.involved() + v.finding(*f))
			if f.Further != "" {
				m.row("further", threadButton(ActionFurther, ValueOf(v.r.ID, string(f.Further)), "Take the old one away",
					"Take the old external id away of "+Raw(v.c.Role.Name, limitRoleName)))
			}
			v.notify(e, m)
		}
	case approvals.EventDirect:
		if d := record.Known[record.Direct](e); d != nil && d.Nobody {
			v.notify(e, sentence("*No approver is in this channel*, and none could be reached by DM. Invite one here "+
				"(`/invite`), or call one. The card waits until it expires."))
		}
	}
}

// call asks those who may decide. It is what a locked phone shows.
func (v *view) call() *Message {
	n := needed(v.r, v.c)
	what := english.Plural(n, "Approval", fmt.Sprintf("%d approvals", n)) + " needed by " + local(v.r.Deadline) + ": "
	text := callees(v.c.Approvers) + what + v.asked() + " Approve or deny on the card."
	for i, vote := range v.r.Votes {
		text += fmt.Sprintf("\n%s approved at %s, %d of %d.", Mention(vote.By), v.At(vote.At), i+1, n)
	}
	text += v.refusedClicks()
	for _, e := range v.events {
		if e.Type == approvals.EventDelayed {
			text += "\n*Delayed:* " + v.p.failure(e) + " It is retried for about five minutes."
			break // the outcome is posted in any case
		}
	}
	if !v.r.State.Ended() || v.r.Forged != nil {
		text += v.notes()
	}
	return sentence(text)
}

func callees(approvers []string) string {
	if len(approvers) == 0 {
		return ""
	}
	return fit(mentions(approvers), 1500) + " "
}

// asked says what is asked for, by whom and why.
func (v *view) asked() string {
	return v.p.ask + roleWords(v.c.Role) + ". Requested by " + Mention(v.r.Requester) + "." + v.reason()
}

func (v *view) reason() string {
	if v.r.Reason == "" {
		return ""
	}
	return " Reason: " + Code(v.r.Reason, limitReason) + "."
}

// refusedClicks counts them in one line, the people with the most first.
func (v *view) refusedClicks() string {
	const shown = 5
	counts := map[string]int{}
	var who []string
	for _, e := range v.events {
		f := record.Known[approvals.Refusal](e)
		if e.Type != approvals.EventRefused || f == nil {
			continue
		}
		why, _ := refused(v.r, *f, v.c)
		one := Mention(e.By) + " (" + ActionWords(f.Action) + ", " + why + ")"
		if counts[one]++; counts[one] == 1 {
			who = append(who, one)
		}
	}
	if len(who) == 0 {
		return ""
	}
	slices.SortStableFunc(who, func(a, b string) int { return counts[b] - counts[a] })
	total := v.r.Refused
	for i, one := range who[:min(len(who), shown)] {
		if n := counts[one]; n > 1 {
			who[i] = fmt.Sprintf("%s %d times", one, n)
		}
	}
	if len(who) > shown {
		who = append(who[:shown:shown], "others")
	}
	return "\n" + english.Count(total, "rejected click", "rejected clicks") + ": " + strings.Join(who, ", ") + "."
}

// reminder calls those who can still decide.
func (v *view) reminder(e approvals.Event) *Message {
	d := record.Known[record.Reminder](e)
	if d == nil {
		return nil
	}
	given, all := len(v.r.Votes), needed(v.r, v.c)
	left := max(all-given, 1)
	what := "Reminder"
	if d.Last {
		what = "*Last reminder*"
	}
	text := what + ": " + english.Count(left, "approval", "approvals") + " needed by " + local(v.r.Deadline) + " to " +
		v.p.ask + roleWords(v.c.Role) + "." + v.reason()
	if given > 0 {
		text += fmt.Sprintf(" %d of %d approved.", given, all)
	}
	if d.Last {
		text += " If too few people approve, " + v.p.stays + "."
	}
	return sentence(callees(d.Ask) + text)
}

// involved mentions those who have to know how it ended, the requester and the approvers, before
// what they have to know.
func (v *view) involved() string {
	return mentions(append([]string{v.r.Requester}, v.r.Voters()...)) + " "
}

// finding tells what was noticed about the role.
func (v *view) finding(f record.Finding) string {
	text := "*Finding:* " + v.Prose(f.Sentence)
	if len(f.Trust) > 0 {
		text += "\n" + trust(f.Trust)
	}
	return text
}

// notes are findings that are not urgent, the newest last.
func (v *view) notes() (text string) {
	const shown = 5
	var lines []string
	for _, e := range v.events {
		switch e.Type {
		case approvals.EventFinding:
			if f := record.Known[record.Finding](e); f != nil && !f.Urgent && len(f.Changes) == 0 {
				lines = append(lines, v.finding(*f))
			}
		case approvals.EventParked:
			if f := record.Known[record.Failure](e); f != nil {
				lines = append(lines, "*Not done:* "+workWords(f.Work, v.c)+". It was given up after 5 tries. "+v.Prose(f.Sentence))
			}
		case approvals.EventFilesRefused:
			if f := record.Known[record.FilesRefused](e); f != nil {
				lines = append(lines, filesRefused(*f))
			}
		case approvals.EventShutOut:
			lines = append(lines, v.Direct(e)+".")
		case approvals.EventDirect:
			if d := record.Known[record.Direct](e); d != nil && d.Problem != "" && d.About == record.DirectOutcome {
				lines = append(lines, v.Direct(e)+".")
			}
		}
	}
	for _, line := range lines[max(0, len(lines)-shown):] {
		text += "\n" + line
	}
	return text
}

// workWords names a piece of work by its kind.
func workWords(kind string, c Context) string {
	switch kind {
	case "click", "submit":
		return "a click or a form"
	case "execute":
		return "what was approved"
	case "evidence":
		return "a check of CloudTrail"
	case "activity":
		return "the check of a chosen session"
	case "simulate":
		return "the question to IAM's policy simulator"
	case "guard":
		return "a check whether the " + c.Words.Deny + " is still there"
	case "tampered_by":
		return "the question who changed the " + c.Words.Deny
	case "remind", "call_out":
		return "a call to the approvers"
	default:
		return "a piece of work (" + Code(kind, 40) + ")"
	}
}

// row adds a row of buttons, or adds them to the last one.
func (m *Message) row(block string, elements ...slack.BlockElement) *Message {
	if row, ok := m.Blocks[len(m.Blocks)-1].(*slack.ActionBlock); ok {
		row.Elements.ElementSet = append(row.Elements.ElementSet, elements...)
	} else {
		m.Blocks = append(m.Blocks, slack.NewActionBlock(block, elements...))
	}
	return m
}

// Loose is a message of a thread for the channel, where it stands alone because the thread's root
// is gone: it begins with what it is about.
func Loose(m *Message, r approvals.Request, c Context) *Message {
	about := "About the request " + Code(r.ID, 40) + " for " + roleWords(c.Role) + ", whose thread is gone:"
	out := &Message{Text: fit(about+"\n"+m.Text, limitText)}
	if len(m.Blocks) > 0 {
		out.Blocks = append([]slack.Block{section(about)}, m.Blocks...)
	}
	return out
}
