package record_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is a cutoff, some minutes after noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// principal is a role and the requests for it. Each begins ten minutes after the one before it.
type principal struct {
	t    *testing.T
	past []record.Past
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
	p.past = append(p.past, record.Past{Request: r, Events: events})
}

func (p *principal) revoke(id string, events ...approvals.Event) {
	p.request(id, approvals.Opening{Purpose: approvals.Revoke.Do(), Required: 1}, events...)
}

// lock adds an applied request of another measure, which has no cutoff.
func (p *principal) lock(id string) {
	p.revoke(id, approved(), happened(p.t, approvals.EventStarted, record.Started{Document: "locked"}),
		happened(p.t, approvals.EventApplied, record.Applied{}))
	p.past[len(p.past)-1].Request.Purpose = "lock"
}

// undo adds a request to undo another, which leaves a policy with a cutoff on the role.
func (p *principal) undo(id, about string, leaves time.Time, events ...approvals.Event) {
	facts := must(p.t, record.Facts{Undo: &record.Undoing{RestoreCutoff: leaves}})
	p.request(id, approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: about, Required: 1, Subject: approvals.Subject{Facts: facts},
	}, events...)
}

func happened(t *testing.T, typ approvals.EventType, detail any) approvals.Event {
	return approvals.Event{Type: typ, Detail: must(t, detail)}
}

func approved() approvals.Event { return approvals.Event{Type: approvals.EventApproved, By: "U0BOB"} }

// begun, applied and undone are the events of a request up to there. A document is named for its
// cutoff.
func begun(t *testing.T, cutoff int, previous string) []approvals.Event {
	return []approvals.Event{approved(), happened(t, approvals.EventStarted, record.Started{
		Cutoff: at(cutoff), Document: fmt.Sprint("to ", cutoff), Previous: previous,
	})}
}

func applied(t *testing.T, cutoff int, previous string, more ...approvals.Event) []approvals.Event {
	events := append(begun(t, cutoff, previous), happened(t, approvals.EventApplied, record.Applied{Cutoff: at(cutoff)}))
	return append(events, more...)
}

func undone(t *testing.T) []approvals.Event {
	return []approvals.Event{
		approved(), happened(t, approvals.EventStarted, record.UndoStarted{}),
		happened(t, approvals.EventApplied, record.UndoApplied{}),
	}
}

func lost(t *testing.T, cutoff int) approvals.Event {
	return happened(t, approvals.EventTampered, record.Tampered{
		State: record.DenyGone, Promise: at(cutoff), Document: fmt.Sprint("to ", cutoff), Previous: "of a thief",
	})
}

func restored(t *testing.T, cutoff int) approvals.Event {
	return happened(t, approvals.EventRewritten, record.Rewritten{Cutoff: at(cutoff), Document: fmt.Sprint("to ", cutoff)})
}

// tell is what a fold says, in one line for each holding, and one for what is open.
func tell(f record.Force) string {
	var lines []string
	for _, h := range f.Holdings {
		line := fmt.Sprintf("%s by %s+%s %q over %q",
			h.Request.ID, h.Request.Requester, strings.Join(h.Request.Voters(), "+"), h.Document, h.Previous)
		for _, is := range []struct {
			so   bool
			word string
		}{
			{h.InForce(), "in force"},
			{h.Undone, "undone"},
			{h.Dropped, "dropped"},
			{h.Lost, "lost"},
			{h.Supersedes != "", "over " + h.Supersedes},
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
	if f.Writing() {
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
				p.revoke("B", applied(t, 11, "to 1")...)
				p.revoke("C", applied(t, 21, "to 11")...)
			},
			[]string{
				`C by U0ROSA+U0BOB "to 21" over "to 11", in force, over B`,
				`B by U0ROSA+U0BOB "to 11" over "to 1", in force, over A, under C`,
				`A by U0ROSA+U0BOB "to 1" over "", in force, under B`,
			},
			"C", 21,
		},
		"a later one is about to write over it": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.revoke("B", begun(t, 11, "to 1")...)
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is executing", "writing"},
			"A", 11,
		},
		"an undo of it waits for approval": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", time.Time{})
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is open"},
			"A", 1,
		},
		"an undo of it is approved": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", time.Time{}, approved())
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`, "B is approved", "writing"},
			"A", 1,
		},
		"an undo of it failed": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", time.Time{}, approved(), happened(t, approvals.EventFailed, record.Failure{Unsure: true}))
			},
			[]string{`A by U0ROSA+U0BOB "to 1" over "", in force`},
			"A", 1,
		},
		"it was undone, and its own log does not say so yet": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.undo("B", "A", time.Time{}, undone(t)...)
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
				p.revoke("B", applied(t, 11, "to 1")...)
				p.undo("C", "B", at(1), undone(t)...)
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
				p.undo("C", "B", time.Time{}, undone(t)...)
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
				p.undo("B", "A", time.Time{}, undone(t)...)
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
			[]string{`A by U0ROSA+U0BOB "to 5" over "P", in force, lost`},
			"A", 5,
		},
		"a check missed it and it was restored": {
			func(p *principal) { p.revoke("A", applied(t, 1, "P", lost(t, 5), restored(t, 6))...) },
			[]string{`A by U0ROSA+U0BOB "to 6" over "P", in force`},
			"A", 6,
		},
		"another measure is in force beside it, and was undone": {
			func(p *principal) {
				p.revoke("A", applied(t, 1, "")...)
				p.lock("B")
				p.lock("C")
				p.undo("D", "C", time.Time{}, undone(t)...)
			},
			[]string{
				`C by U0ROSA+U0BOB "locked" over "", undone`,
				`B by U0ROSA+U0BOB "locked" over "", in force`,
				`A by U0ROSA+U0BOB "to 1" over "", in force`,
			},
			"A", 1,
		},
		"a drill": {
			func(p *principal) {
				p.request("A", approvals.Opening{Purpose: approvals.Revoke.Drill(), Required: 1})
				p.request("B", approvals.Opening{Purpose: approvals.Revoke.Drill(), Required: 1}, approved(),
					happened(t, approvals.EventRehearsed, record.Rehearsed{WouldBe: at(11), Document: "to 11"}))
			},
			nil, "", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &principal{t: t}
			c.make(p)
			for range 2 { // the second time out of order
				f := record.InForce(p.past)
				if got, want := tell(f), strings.Join(c.want, "\n"); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				if newest, found := f.Newest(approvals.Revoke); newest.Request.ID != c.newest || found != (c.newest != "") {
					t.Errorf("the newest in force is %q, want %q", newest.Request.ID, c.newest)
				}
				floor := time.Time{}
				if c.floor != 0 {
					floor = at(c.floor)
				}
				if !f.Floor.Equal(floor) {
					t.Errorf("no cutoff below %v is to be written, want %v", f.Floor, floor)
				}
				slices.Reverse(p.past)
			}
		})
	}
}

func TestTheCutoffThatAWSTookIsNotTheOneThatIsPlanned(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "", lost(t, 5))...)
	held, _ := record.InForce(p.past).Of("A")
	if !held.Cutoff.Equal(at(1)) || !held.Planned.Equal(at(5)) {
		t.Errorf("taken %v, planned %v", held.Cutoff, held.Planned)
	}
}

// An undo whose facts cannot be read leaves nothing on the role, as far as is known.
func TestAnUndoThatCannotBeReadDropsWhatWasThereBefore(t *testing.T) {
	p := &principal{t: t}
	p.revoke("A", applied(t, 1, "")...)
	p.undo("B", "another", at(30), undone(t)...)
	if held, _ := record.InForce(p.past).Of("A"); !held.InForce() {
		t.Error("an undo that leaves more took it away")
	}
	p.past[1].Request.Subject.Facts = json.RawMessage("?")
	if held, _ := record.InForce(p.past).Of("A"); held.InForce() || !held.Dropped {
		t.Errorf("in force %v, dropped %v", held.InForce(), held.Dropped)
	}
}
