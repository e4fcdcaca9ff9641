package record_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

// measures has a second one, under a name that is not known.
var measures = record.Measures{approvals.Revoke: contain.Revoke(), approvals.Lock: contain.Lock()}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is a cutoff, some minutes after noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// principal is a role and the requests for it. Each begins ten minutes after the one before it.
type principal struct {
	t    *testing.T
	past []record.View
}

// request adds a request with the events after the opening, a second between them.
func (p *principal) request(id string, o approvals.Opening, events ...approvals.Event) {
	p.t.Helper()
	events = append([]approvals.Event{{Type: approvals.EventRequested, By: "U0ROSA", Detail: must(p.t, o)}}, events...)
	for i := range events {
		events[i].Seq = int64(i + 1)
		events[i].At = noon.Add(time.Duration(len(p.past))*10*time.Minute + time.Duration(i)*time.Second)
	}
	r, err := approvals.Fold(id, events)
	if err != nil {
		p.t.Fatal(err)
	}
	p.past = append(p.past, record.View{Request: r, Events: events})
}

func (p *principal) revoke(id string, events ...approvals.Event) {
	p.request(id, approvals.Opening{Purpose: approvals.Revoke.Do(), Required: 1}, events...)
}

// lock adds an applied request of another measure, which has no cutoff.
func (p *principal) lock(id, before string) {
	slot := contain.Slot{Kind: contain.RoleAttached, Name: "deny"}
	locked := contain.Change{Slot: slot, Before: before, After: "locked"}
	p.revoke(id, approved(), happened(p.t, approvals.EventStarted, record.Started{Changes: []contain.Change{locked}}),
		happened(p.t, approvals.EventApplied, record.Applied{}))
	p.past[len(p.past)-1].Request.Purpose = "lock"
}

// undo adds a request to undo another, as that stands in the log.
func (p *principal) undo(id, about string, events ...approvals.Event) {
	var u record.Undoing
	for _, past := range p.past {
		if past.Request.ID == about {
			u.Changes = record.WrittenBy(past.Events).Changes
		}
	}
	for i, e := range events {
		if a, err := record.Detail[record.Applied](e); err == nil && e.Type == approvals.EventApplied && a.Slots == nil {
			for _, w := range contain.Fold(u.Changes) { // no other writer was in the way
				a.Slots = append(a.Slots, stand(w.Slot, w.Before, record.FateRestored))
			}
			events[i].Detail = must(p.t, a)
		}
	}
	facts := must(p.t, record.Facts{Undo: &u})
	p.request(id, approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: about, Required: 1, Subject: approvals.Subject{Facts: facts},
	}, events...)
}

func happened(t *testing.T, typ approvals.EventType, detail any) approvals.Event {
	return approvals.Event{Type: typ, Detail: must(t, detail)}
}

func approved() approvals.Event { return approvals.Event{Type: approvals.EventApproved, By: "U0BOB"} }

// first and second are the places of a revocation.
var (
	first  = contain.Slot{Kind: contain.RoleInline, Name: contain.ConsolePolicy}
	second = contain.Slot{Kind: contain.RoleInline, Name: contain.OwnPolicy + "B"}
)

// to is a revocation with a cutoff, some minutes after noon.
func to(minutes int) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",` +
		`"Condition":{"DateLessThan":` +
		`{"aws:TokenIssueTime":"` + at(minutes).Format(time.RFC3339) + `"}}}]}`
}

// short names a text for its cutoff.
func short(text string) string {
	cutoff := contain.Revoke().(contain.Dated).Cutoff(at(100), contain.Document{Slot: first, Text: text})
	if cutoff.IsZero() {
		return text
	}
	return fmt.Sprint("to ", int(cutoff.Sub(noon).Minutes()))
}

func changes(slot contain.Slot, cutoff int, before string) []contain.Change {
	return []contain.Change{{Slot: slot, Before: before, After: to(cutoff)}}
}

// begun, applied and undone are the events of a request up to there.
func begun(t *testing.T, cutoff int, before string) []approvals.Event {
	return begunIn(t, first, cutoff, before)
}

func begunIn(t *testing.T, slot contain.Slot, cutoff int, before string) []approvals.Event {
	return []approvals.Event{approved(), happened(t, approvals.EventStarted, record.Started{
		Cutoff: at(cutoff), Changes: changes(slot, cutoff, before),
	})}
}

func applied(t *testing.T, cutoff int, before string, more ...approvals.Event) []approvals.Event {
	return appliedIn(t, first, cutoff, before, more...)
}

func appliedIn(t *testing.T, slot contain.Slot, cutoff int, before string, more ...approvals.Event) []approvals.Event {
	events := append(begunIn(t, slot, cutoff, before),
		happened(t, approvals.EventApplied, record.Applied{Cutoff: at(cutoff)}))
	return append(events, more...)
}

func undone(t *testing.T, left ...record.Stand) []approvals.Event {
	return []approvals.Event{
		approved(), happened(t, approvals.EventStarted, record.Started{}),
		happened(t, approvals.EventApplied, record.Applied{Slots: left}),
	}
}

// stand is what an undo left.
func stand(slot contain.Slot, text string, fate record.Fate) record.Stand {
	return record.Stand{Document: contain.Document{Slot: slot, Text: text}, Fate: fate}
}

func lost(t *testing.T, cutoff int) approvals.Event {
	return happened(t, approvals.EventTampered, record.Tampered{
		State: role.Gone, Promise: at(cutoff),
		Changes: []contain.Change{{Slot: first, Before: "of a thief", After: to(cutoff), Guard: true}},
	})
}

func restored(t *testing.T, cutoff int) approvals.Event {
	return happened(t, approvals.EventRewritten, record.Rewritten{Applied: record.Applied{Cutoff: at(cutoff)}})
}

// tell is what a fold says, in one line for each holding, and one for what is open.
func tell(f record.Force) string {
	var lines []string
	for _, h := range f.Holdings {
		w := contain.Fold(h.Changes)[0]
		line := fmt.Sprintf("%s by %s+%s %q over %q",
			h.Request.ID, h.Request.Requester, strings.Join(h.Request.Voters(), "+"), short(w.After[len(w.After)-1]),
			short(w.Before))
		for _, is := range []struct {
			so   bool
			word string
		}{
			{h.InForce(), "in force"},
			{h.Undone, "undone"},
			{h.Dropped, "dropped"},
			{h.SupersededBy != "", "under " + h.SupersededBy},
		} {
			if is.so {
				line += ", " + is.word
			}
		}
		lines = append(lines, line)
	}
	for _, r := range f.Open {
		lines = append(lines, r.ID+" is "+r.State.String())
	}
	if f.Writing(approvals.Revoke) {
		lines = append(lines, "writing")
	}
	return strings.Join(lines, "\n")
}

func TestWhatIsInForceOnARoleFollowsFromItsRequests(t *testing.T) {
	failed := func(unsure bool) []approvals.Event {
		return append(begun(t, 1, ""), happened(t, approvals.EventFailed, record.Failure{Unsure: unsure}))
	}
	for name, c := range map[string]struct {
		make   func(*principal)
		want   []string
		newest string
		floor  int // minutes after noon; 0 none
	}{
		"nothing was asked for": {func(*principal) {}, nil, "", 0},
		"a revocation waits for approval": {
			func(p *principal) { p.revoke("A") },
			[]string{"A is open"},
			"", 0,
		},
		"a revocation is about to write": {
			func(p *principal) { p.revoke("A", begun(t, 1, "")...) },
			[]string{"A is executing", "writing"},
			"", 1,
		},
		"a revocation failed and nothing was written": {func(p *principal) { p.revoke("A", failed(false)...) }, nil, "", 0},
		"a revocation failed and may have written":    {func(p *principal) { p.revoke("A", failed(true)...) }, nil, "", 0},
		"a revocation was applied": {
			func(p *principal) { p.revoke("A", applied(t, 1, "P")...) },
			[]string{`A by U0ROSA+U0BOB "to 1" over "P", in force`},
			"A", 1,
		},
		"a later one wrote over it": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.revoke("B", applied(t, 11, to(1))...)
				p.revoke("C", applied(t, 21, to(11))...)
			},
			[]string{
				`C by U0ROSA+U0BOB "to 21" over "to 11", in force`,
				`B by U0ROSA+U0BOB "to 11" over "to 1", in force, under C`,
				`A by U0ROSA+U0BOB "to 1" over "", in force, under B`,
			},
			"C", 21,
		},
		"a later one is about to write over it": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.revoke("B", begun(t, 11, to(1))...)
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is executing", "writing"},
			"A", 11,
		},
		"an undo of it waits for approval": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A")
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is open"},
			"A", 1,
		},
		"an undo of it is approved": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", approved())
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is approved", "writing"},
			"A", 1,
		},
		"an undo of it failed": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", approved(), happened(t, approvals.EventFailed, record.Failure{Unsure: true}))
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`},
			"A", 1,
		},
		"it was undone, and its own log does not say so yet": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", undone(t)...)
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", undone, dropped`},
			"", 0,
		},
		"only its own log says that it was undone": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "", happened(t, approvals.EventUndone, record.Undone{}))...)
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", undone`},
			"", 0,
		},
		"the later one was undone, and the earlier policy is back": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.revoke("B", applied(t, 11, to(1))...)
				p.undo("C", "B", undone(t)...)
			},
			[]string{
				`B by U0ROSA+U0BOB "to 11" over "to 1", undone, dropped`,
				`A by U0ROSA+U0BOB "to 1" over "", in force`,
			},
			"A", 1,
		},
		"the later one was undone, and nothing is left": { // somebody had removed the earlier policy
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.revoke("B", applied(t, 11, "")...)
				p.undo("C", "B", undone(t)...)
			},
			[]string{
				`B by U0ROSA+U0BOB "to 11" over "", undone, dropped`,
				`A by U0ROSA+U0BOB "to 1" over "", dropped`,
			},
			"", 1,
		},
		"it was revoked again after the undo": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", undone(t)...)
				p.revoke("C", applied(t, 21, "")...)
			},
			[]string{
				`C by U0ROSA+U0BOB "to 21" over "", in force`,
				`A by U0ROSA+U0BOB "to 1" over "", undone, dropped`,
			},
			"C", 21,
		},
		"a check missed it and it is being restored": {
			func(p *principal) { p.revoke("A", applied(t, 1, "P", lost(t, 5))...) },
			[]string{`A by U0ROSA+U0BOB "to 5" over "P", in force`},
			"A", 5,
		},
		"a check missed it and it was restored": {
			func(p *principal) { p.revoke("A", applied(t, 1, "P", lost(t, 5), restored(t, 5))...) },
			[]string{`A by U0ROSA+U0BOB "to 5" over "P", in force`},
			"A", 5,
		},
		"another measure is in force beside it, and was undone": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.lock("B", "")
				p.lock("C", "locked")
				p.undo("D", "C", undone(t)...)
			},
			[]string{
				`C by U0ROSA+U0BOB "locked" over "locked", undone`,
				`B by U0ROSA+U0BOB "locked" over "", in force`,
				`A by U0ROSA+U0BOB "to 1" over "", in force`,
			},
			"A", 1,
		},
		"a drill": {
			func(p *principal) {
				p.request("A", approvals.Opening{Purpose: approvals.Revoke.Drill(), Required: 1})
				p.request("B", approvals.Opening{Purpose: approvals.Revoke.Drill(), Required: 1}, approved(),
					happened(t, approvals.EventRehearsed, record.Rehearsed{WouldBe: at(11)}))
			},
			nil, "", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &principal{t: t}
			c.make(p)
			for range 2 { // the second time out of order
				f := record.InForce(p.past, measures)
				if got, want := tell(f), strings.Join(c.want, "\n"); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				newest, found := f.Newest(approvals.Request{Purpose: approvals.Revoke.Do()})
				if newest.Request.ID != c.newest || found != (c.newest != "") {
					t.Errorf("the newest in force is %q, want %q", newest.Request.ID, c.newest)
				}
				floor := 0
				for _, d := range f.Minimum(approvals.Request{Purpose: approvals.Revoke.Do()}) {
					var minutes int
					if _, err := fmt.Sscanf(short(d.Text), "to %d", &minutes); err == nil {
						floor = max(floor, minutes)
					}
				}
				if floor != c.floor {
					t.Errorf("no cutoff below %d is to be written, want %d", floor, c.floor)
				}
				slices.Reverse(p.past)
			}
		})
	}
}

func TestTheCutoffThatAWSTookIsNotTheOneThatIsPlanned(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "", lost(t, 5))...)
	held, _ := record.InForce(p.past, measures).Of("A")
	if !held.Cutoff.Equal(at(1)) || !held.Planned.Equal(at(5)) {
		t.Errorf("taken %v, planned %v", held.Cutoff, held.Planned)
	}
}

// An undo whose outcome cannot be read leaves nothing on the role, as far as is known.
func TestAnUndoThatCannotBeReadDropsWhatWasThereBefore(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.undo("B", "another", undone(t, stand(second, "", record.FateRemoved))...)
	if held, _ := record.InForce(p.past, measures).Of("A"); !held.InForce() {
		t.Error("an undo of nothing took it away")
	}
	p.past[1].Request.Closing.Detail = json.RawMessage("?")
	if held, _ := record.InForce(p.past, measures).Of("A"); held.InForce() || !held.Dropped {
		t.Errorf("in force %v, dropped %v", held.InForce(), held.Dropped)
	}
}

// What the undo would have put back is not what stands.
func TestAnUndoThatLeftSomeoneElsesPolicyDropsTheOlderRequestInThatSlot(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.revoke("B", applied(t, 11, to(1))...)
	p.undo("C", "B", undone(t, stand(first, "of a thief", record.FateForeign))...)
	if held, _ := record.InForce(p.past, measures).Of("A"); held.InForce() || !held.Dropped {
		t.Errorf("in force %v, dropped %v", held.InForce(), held.Dropped)
	}
}

func TestAnUndoTakesAwayOnlyWhatStandsInItsSlots(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.revoke("B", appliedIn(t, second, 11, "")...)
	p.undo("C", "B", undone(t)...)
	f := record.InForce(p.past, measures)
	if held, _ := f.Of("A"); !held.InForce() || held.SupersededBy != "" {
		t.Errorf("%+v", held)
	}
	if held, _ := f.Of("B"); held.InForce() {
		t.Errorf("%+v", held)
	}
}

func TestTheNewestRequestOfASlotIsUndoneFirst(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.revoke("B", appliedIn(t, second, 11, "")...)
	p.revoke("C", applied(t, 21, to(1))...)
	f := record.InForce(p.past, measures)
	for request, want := range map[string]string{"A": "C", "B": "", "C": ""} {
		held, _ := f.Of(request)
		if above, found := f.Above(request, held.Changes); above.Request.ID != want || found != (want != "") {
			t.Errorf("before %s, undo %q, want %q", request, above.Request.ID, want)
		}
	}
	if above, _ := f.Above("of long ago", changes(first, 0, "")); above.Request.ID != "C" {
		t.Errorf("before one that is not listed any more: %q", above.Request.ID)
	}
}

func TestWhatARequestHasPromisedItselfIsNoMinimumForIt(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.revoke("B", begun(t, 11, to(1))...)
	f := record.InForce(p.past, measures)
	got := f.Minimum(approvals.Request{ID: "B", Purpose: approvals.Revoke.Do()})
	if len(got) != 1 || short(got[0].Text) != "to 1" {
		t.Errorf("%+v", got)
	}
	if got := f.Minimum(approvals.Request{Purpose: approvals.Lock.Do()}); got != nil {
		t.Errorf("of another measure: %+v", got)
	}
}
