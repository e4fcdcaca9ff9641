package approvals_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/revokebot/revokebot/approvals"
)

func TestARequestIsTheFoldOfItsLog(t *testing.T) {
	l := asked(t, 2).by(erin, approvals.EventRefused).by(bob, approvals.EventVoted).by(carol, approvals.EventApproved).
		then(approvals.EventDelayed, approvals.EventStarted, approvals.EventDelayed, approvals.EventStarted,
			approvals.EventApplied,
			approvals.EventReadBack, approvals.EventUndone)
	at := func(n int) time.Time { return opened.Add(time.Duration(n) * time.Second) }
	want := approvals.Request{
		ID: "R1", State: approvals.StateApplied, Seq: 11,
		Subject: approvals.Subject{Key: "111122223333/AROA1", Group: "prod", Facts: json.RawMessage(`{"name":"DeployRole"}`)},
		Purpose: approvals.Revoke.Do(), Place: home, Requester: alice, Reason: "key in a gist", Required: 2, Opened: opened,
		Asked:    opened,
		Deadline: opened.Add(expireAfter),
		Votes:    []approvals.Vote{{By: bob, At: at(2)}, {By: carol, At: at(3)}},
		Ended:    at(8),
		Closing:  l[8],
		Promise:  &l[7], Undone: &l[10], Delays: 2, Refused: 1,
	}
	if diff := cmp.Diff(want, l.fold(t), cmpopts.IgnoreUnexported(approvals.Request{})); diff != "" {
		t.Error(diff)
	}
}

func TestWhoEndedARequestIsKnown(t *testing.T) {
	r := asked(t, 1).by(bob, approvals.EventDenied).by(carol, approvals.EventRefused).fold(t)
	if r.EndedBy != bob || r.Closing.Type != approvals.EventDenied || !r.Ended.Equal(opened.Add(time.Second)) {
		t.Errorf("ended by %q at %v with %q", r.EndedBy, r.Ended, r.Closing.Type)
	}
}

func TestTheVotersAreNamedInTheirOrder(t *testing.T) {
	r := asked(t, 3).by(carol, approvals.EventVoted).by(bob, approvals.EventVoted).fold(t)
	if diff := cmp.Diff([]string{carol, bob}, r.Voters()); diff != "" {
		t.Error(diff)
	}
	if !r.VotedBy(bob) || !r.VotedBy(carol) || r.VotedBy(alice) || r.VotedBy("") {
		t.Errorf("who voted: %v", r.Votes)
	}
}

func TestASourceIsKnownOnceItIsInTheLog(t *testing.T) {
	r := asked(t, 2).from("envelope 7", approvals.EventRefused).by(bob, approvals.EventVoted).fold(t)
	for source, want := range map[string]bool{"command": true, "envelope 7": true, "envelope 8": false, "": false} {
		if r.Has(source) != want {
			t.Errorf("%q: %v", source, r.Has(source))
		}
	}
}

func TestALogThatIsNoneIsNotFolded(t *testing.T) {
	renumbered := func(l log, seq int64) log { l[len(l)-1].Seq = seq; return l }
	broken := asked(t, 1)
	broken[0].Detail = json.RawMessage(`{"required":"many"}`)
	empty := asked(t, 1)
	empty[0].Detail = nil
	for name, l := range map[string]log{
		"a gap":                                renumbered(asked(t, 1).by(bob, approvals.EventDenied), 3),
		"a number twice":                       renumbered(asked(t, 1).by(bob, approvals.EventDenied), 1),
		"a first number that is not one":       renumbered(asked(t, 1), 2),
		"a first number of zero":               renumbered(asked(t, 1), 0),
		"a decision before the request":        log{}.by(bob, approvals.EventDenied),
		"a remark before the request":          log{}.by(bob, approvals.EventRefused),
		"an event of no kind first":            log{}.by(bob, "greeted"),
		"two requests":                         asked(t, 1).by(alice, approvals.EventRequested),
		"a request without its details":        empty,
		"a request whose details are nonsense": broken,
		"an approval after the end":            asked(t, 1).by(carol, approvals.EventDenied).by(bob, approvals.EventApproved),
		"an approval after the approval": asked(t, 1).by(carol, approvals.EventApproved).
			by(bob, approvals.EventApproved),
		"one more vote after the approval": asked(t, 1).by(carol, approvals.EventApproved).by(bob, approvals.EventVoted),
		"a start before the approval":      asked(t, 1).then(approvals.EventStarted),
		"an end twice":                     asked(t, 1).by(bob, approvals.EventDenied).by(carol, approvals.EventDenied),
		"applied without a promise":        asked(t, 1).by(bob, approvals.EventApproved).then(approvals.EventApplied),
		"a cancellation while it is executed": asked(t, 1).by(bob, approvals.EventApproved).then(approvals.EventStarted).
			by(alice, approvals.EventCancelled),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := approvals.Fold("R1", l)
			if err == nil {
				t.Fatalf("it is %s", r.State)
			}
			if diff := cmp.Diff(approvals.Request{}, r, cmpopts.IgnoreUnexported(approvals.Request{})); diff != "" {
				t.Errorf("with the error comes %s", diff)
			}
		})
	}
}

func TestZeroValueRequestIsNotAPass(t *testing.T) {
	r, err := approvals.Fold("R1", nil)
	if err != nil || r.State != approvals.StateUnknown || r.Seq != 0 || r.State.Ended() {
		t.Errorf("an empty log is %s, %v", r.State, err)
	}
	var zero approvals.Request
	if zero.Has("envelope") || zero.VotedBy("") || len(zero.Voters()) != 0 {
		t.Error("nothing has happened, and yet something has")
	}
}

// An event that ended the request is the first that did, also when a clock gave it no time.
func TestTheEndIsTheFirstEndWhateverItsTime(t *testing.T) {
	l := asked(t, 1).by(bob, approvals.EventDenied).by(carol, approvals.EventRefused)
	l[1].At = time.Time{}
	if r := l.fold(t); r.EndedBy != bob || r.Closing.Seq != 2 {
		t.Errorf("ended by %q with event %d", r.EndedBy, r.Closing.Seq)
	}
}
