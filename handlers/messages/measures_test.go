package messages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
)

// ofMeasure is the log of a request for a measure in one mode, with what its messages are shown
// with.
type ofMeasure struct {
	*story
	context messages.Context
	said    map[string]any
}

func aboutMeasure(t *testing.T, k measures.Kind, mode approvals.Mode, said map[string]any) *ofMeasure {
	c, o := exampleContext(), approvals.Opening{
		Subject: approvals.Subject{Key: "111122223333/AROAEXAMPLEDEPLOY0001", Group: "prod"},
		Place:   approvals.Place{Team: "T0TEAM", App: "A0APP", Channel: "C0INCIDENT"},
		Reason:  "key pasted in a gist", Required: 1, ExpireAfter: 15 * time.Minute,
	}
	c.Words, c.Further, c.Next = k.Words, nil, nil
	c.Role.InForce = []record.Other{{
		Measure: "restrict", Request: earlierID,
		Card: "https://acme.slack.com/archives/C0/p1",
	}}
	if k.Takes != nil {
		known, _, err := k.Takes("203.0.113.0/24, 198.51.100.7; vpc-0a1b2c3d")
		if c.Role.Known = &known; err != nil {
			t.Fatal(err)
		}
	}
	if k.Principal() == contain.User {
		o.Subject.Key, o.Subject.Part = "111122223333/AIDAEXAMPLEDEPLOY0001", "AKIAEXAMPLECIDEPLOY1"
		c.Role.Kind, c.Role.Key, c.Role.Name, c.Role.ID = contain.User, o.Subject.Part, "ci-deploy", "AIDAEXAMPLEDEPLOY0001"
		c.Role.Path, c.Role.ARN, c.Role.MaxSession = "/ci/", "arn:aws:iam::111122223333:user/ci/ci-deploy", 0
		c.Role.Trust, c.Role.TrustDigest = nil, ""
	}
	facts := record.Facts{Role: c.Role}
	switch mode {
	case approvals.ModeDo:
		o.Purpose = k.Name.Do()
	case approvals.ModeUndo:
		undoing := record.Undoing{
			Requester: "U0ROSA", Approvers: []string{"U0BOB"}, Applied: at, Changes: writtenFor(k), Cutoff: cutoffOf(k),
		}
		o.Purpose, o.About, facts.Undo, c.Undo = k.Name.Undo(), earlierID, &undoing, &undoing
	case approvals.ModeDrill:
		role := c.Role
		o.Purpose, facts, c.Drill = k.Name.Drill(), record.Facts{Drill: &role}, true
	}
	o.Subject.Facts = must(t, facts)
	s := &ofMeasure{&story{t: t}, c, said}
	return s.then(approvals.EventRequested, "U0ROSA", o)
}

// then adds an event, and keeps what the card and the thread say after it.
func (s *ofMeasure) then(typ approvals.EventType, by string, detail any) *ofMeasure {
	s.add(typ, by, detail)
	n := len(s.events)
	name := string(s.events[0].Type)
	for _, e := range s.events[1:] {
		name += " " + string(e.Type)
	}
	card, said := messages.Card(s.fold(n), s.events[:n], s.context), map[string]string{}
	if s.context.Drill {
		card = messages.Drilled(card)
	}
	for _, p := range messages.Thread(s.fold(n-1), s.events[:n-1], s.context) {
		said[p.Name] = p.Message.Text
	}
	prefix := string(s.fold(n).Purpose) + ": " + name
	s.said[prefix+": card"] = struct {
		Text   string
		Blocks any
	}{card.Text, card.Blocks}
	check(s.t, prefix, card)
	for _, p := range messages.Thread(s.fold(n), s.events, s.context) {
		if said[p.Name] == p.Message.Text {
			continue
		}
		if s.context.Drill {
			p.Message = messages.Drilled(p.Message)
		}
		s.said[prefix+": "+p.Name] = p.Message.Text
		check(s.t, prefix, p.Message)
	}
	return s
}

func cutoffOf(k measures.Kind) time.Time {
	if _, dated := k.On.(contain.Dated); dated {
		return cutoff
	}
	return time.Time{}
}

func writtenFor(k measures.Kind) (changes []contain.Change) {
	for _, place := range k.On.Places(contain.Target{
		Principal: contain.Principal{Partition: "aws"},
		Request:   "4DLARAV3ISOEUUODW4FIG5AF5F",
		Params:    []byte(`{"key":"AKIAEXAMPLECIDEPLOY1"}`),
	}) {
		changes = append(changes, contain.Change{Slot: place[0], After: "written"})
	}
	return changes
}

// What people see of each measure in each state, word by word. After a change: make golden, and
// read the difference. A measure without its file fails.
func TestEveryMeasureHasAGoldenCardForEveryState(t *testing.T) {
	for _, k := range measures.All() {
		said := map[string]any{}
		begin := func(mode approvals.Mode) *ofMeasure { return aboutMeasure(t, k, mode, said) }
		approved := func(mode approvals.Mode) *ofMeasure {
			return begin(mode).then(approvals.EventApproved, "U0BOB", nil)
		}
		failure := record.Failure{Sentence: "AWS does not allow it.", Unsure: true}
		label := writtenFor(k)[0].Slot.Label()
		if label == contain.ConsolePolicy {
			label = ""
		}
		wrote := record.Applied{Policy: label, Cutoff: cutoffOf(k), At: at.Add(22 * time.Second), Writes: 1}
		applied := func(seen record.Seen) *ofMeasure {
			a := wrote
			a.Seen = seen
			s := approved(approvals.ModeDo).then(approvals.EventStarted, "", record.Started{
				Changes: writtenFor(k), Cutoff: cutoffOf(k),
			})
			return s.then(approvals.EventApplied, "", a)
		}
		lost := record.Tampered{
			State: role.Gone, Cutoff: cutoffOf(k), Promise: cutoffOf(k), Policy: label, At: at.Add(time.Minute),
			Rewrite: 1,
			Changes: writtenFor(k),
		}
		notWritten := lost
		notWritten.Changes, notWritten.Why = nil, "It was written again 5 times already."
		if k.Takes != nil {
			s := begin(approvals.ModeDo)
			for _, p := range []record.Preview{
				{Calls: 214, Denied: 3, By: []record.Denied{{Caller: "user vpc-ci", Calls: 3}}},
				{Calls: 20, Denied: 3, Unknown: 2, Left: 1, Partly: true, By: []record.Denied{{Caller: "user vpc-ci", Calls: 3}}},
				{Failed: "AWS does not allow it."},
			} {
				s.then(approvals.EventUsers, "", record.Users{Until: at, Preview: &p})
			}
		}
		for _, mode := range []approvals.Mode{approvals.ModeDo, approvals.ModeUndo, approvals.ModeDrill} {
			begin(mode).then(approvals.EventDenied, "U0BOB", record.Denial{Reason: "not now"})
			begin(mode).then(approvals.EventCancelled, "U0ROSA", nil)
			begin(mode).then(approvals.EventExpired, "", nil)
			approved(mode).then(approvals.EventFailed, "", failure)
			approved(mode).then(approvals.EventVoided, "", failure)
		}
		applied(record.SeenOther)
		applied(record.SeenNothing)
		applied(record.SeenEqual).then(approvals.EventReadBack, "", record.ReadBack{Equal: true, Policy: label, At: at}).
			then(approvals.EventTampered, "", lost).
			then(approvals.EventRewritten, "", record.Rewritten{
				Applied: record.Applied{Cutoff: cutoffOf(k), At: at.Add(time.Minute)}, Rewrite: 1,
				Back: record.ReadBack{Equal: true, At: at},
			}).
			then(approvals.EventTampered, "", notWritten)
		applied(record.SeenEqual).then(approvals.EventHeld, "", record.Held{At: at, After: time.Hour, Cutoff: cutoffOf(k)}).
			then(approvals.EventVerdict, "", record.Conclusion{Word: record.WordNotContained})
		applied(record.SeenEqual).then(approvals.EventUndone, "U0ROSA", record.Undone{
			Request: earlierID, Requester: "U0ROSA", Approvers: []string{"U0BOB"}, At: at, Cutoff: cutoffOf(k),
			Seen: record.SeenEqual,
		})
		removed := wrote
		removed.Seen, removed.Slots = record.SeenEqual, record.Stands{
			{Document: contain.Document{Slot: writtenFor(k)[0].Slot}, Fate: record.FateRemoved},
		}
		approved(approvals.ModeUndo).then(approvals.EventStarted, "", record.Started{}).
			then(approvals.EventApplied, "", removed)
		rehearsal := exampleRehearsal()
		rehearsal.WouldBe, rehearsal.Policy, rehearsal.Size = cutoffOf(k), label, 3
		rehearsal.Documents = []contain.Document{{Slot: writtenFor(k)[0].Slot, Text: "written"}}
		approved(approvals.ModeDrill).then(approvals.EventRehearsed, "", rehearsal)
		sameAs(t, "measures/"+string(k.Name), said)
	}
}

// A measure without a cutoff parts old sessions from new ones by a moment of another name: in the
// evidence, its table, Act now, the verdict, the report and the picture.
func TestNothingThatIsSaidOfAMeasureWithoutACutoffHasOne(t *testing.T) {
	for _, k := range measures.All() {
		if !cutoffOf(k).IsZero() {
			continue
		}
		said := map[string]any{}
		s := aboutMeasure(t, k, approvals.ModeDo, said)
		for _, e := range applied(t).looked().events[1:] {
			if e.Type == approvals.EventApplied {
				e.Detail = must(t, record.Applied{At: at.Add(22 * time.Second), Writes: 1, Seen: record.SeenEqual})
			}
			if e.Type == approvals.EventStarted {
				e.Detail = must(t, record.Started{Changes: writtenFor(k)})
			}
			s.then(e.Type, e.By, e.Detail)
		}
		s.then(approvals.EventActivity, "", exampleActivity()).
			then(approvals.EventSeenDenied, "", record.Enforcement{
				State: record.SeenNotDenied, Succeeded: 2, LastSucceeded: at,
			}).
			then(approvals.EventVerdict, "", record.Conclusion{Word: record.WordUnknown, Silent: true})
		n := len(s.events)
		said["report"] = report.Report(s.fold(n), s.events, s.context)
		for _, f := range report.Files(s.fold(n), s.events, s.events[n-1], s.context) {
			said[f.Name] = f.Title + f.AltText
		}
		for name, words := range said {
			if text := string(must(t, words)); strings.Contains(strings.ToLower(text), "cutoff") {
				t.Errorf("%s, %s: %s", k.Name, name, text)
			}
		}
		if text := string(must(t, said)); !strings.Contains(text, "no activity since the "+k.Words.Mark) {
			t.Errorf("nothing is said of what came since the %s: %s", k.Words.Mark, text)
		}
	}
}
