package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// heldUp approves a request whose write takes three seconds, and returns when it is on its way.
func heldUp(t *testing.T, b *bench.Bench) (card bench.Card, promised time.Time) {
	t.Helper()
	card = b.Ask()
	b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 3 * time.Second})
	card.Approve(actors.Bob)
	b.Until("the cutoff is promised", func() bool { return card.State() == approvals.StateExecuting })
	time.Sleep(500 * time.Millisecond)
	var s record.Started
	if err := json.Unmarshal(card.Request().Promise.Detail, &s); err != nil {
		t.Fatal(err)
	}
	return card, s.Cutoff
}

// another commits what another worker would, who took the same revocation over.
func another(
	t *testing.T, b *bench.Bench, card bench.Card, next approvals.State, kind approvals.EventType, detail any,
) {
	t.Helper()
	text, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Store.Commit(t.Context(), approvals.Transition{
		RequestID: card.ID, Expect: card.Request().Seq, Next: next, Events: []approvals.Event{{Type: kind, Detail: text}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// takeOver commits that another worker has promised a cutoff and written it.
func takeOver(t *testing.T, b *bench.Bench, card bench.Card, cutoff time.Time) {
	t.Helper()
	another(t, b, card, approvals.StateExecuting, approvals.EventStarted,
		record.Started{Cutoff: cutoff, Changes: put(cutoff)})
	another(t, b, card, approvals.StateApplied, approvals.EventApplied,
		record.Applied{Cutoff: cutoff, Seen: record.SeenEqual})
}

// Rule 10. A replica that was held up does not record its own cutoff once a higher one was planned,
// and puts the higher one on the role.
func TestALateWriterRecordsNoCutoffBelowAPromisedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		high := low.Add(30 * time.Minute)
		another(t, b, card, approvals.StateExecuting, approvals.EventStarted,
			record.Started{Cutoff: high, Changes: put(high)})
		card.Becomes(approvals.StateApplied)
		var recorded record.Applied
		if err := json.Unmarshal(card.Request().Closing.Detail, &recorded); err != nil {
			t.Fatal(err)
		}
		if _, cutoff := written(t, b); cutoff.Before(high) || recorded.Cutoff.Before(high) {
			t.Errorf("on the role is %v, recorded %v, promised was %v", cutoff, recorded.Cutoff, high)
		}
	})
}

// Rule 10. A late write under a recorded revocation is made good in place, also when AWS does not
// take that at once.
func TestALateWriteBelowTheRecordedCutoffIsMadeGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		high := low.Add(30 * time.Minute)
		takeOver(t, b, card, high)
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "ServiceUnavailable", Status: 503, Times: 4})
		b.Until("the recorded cutoff is on the role", func() bool {
			_, ok := b.World.Prod.RolePolicy(actors.DeployRole, "AWSRevokeOlderSessions")
			if !ok {
				return false
			}
			_, cutoff := written(t, b)
			return !cutoff.Before(high)
		})
		if card.Says("Finding") {
			t.Errorf("what was made good is told as a finding:\n%s", b.Transcript())
		}
	})
}

// Rule 10. The guard may have promised more than was recorded at first, and a later request may
// have undone it all.
func TestALateWriteMindsTheGuardAndAnUndo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		takeOver(t, b, card, low)
		high := low.Add(30 * time.Minute)
		rewritten(t, b, card, high)
		b.Until("the guard's cutoff is on the role", func() bool { return !cutoffOnRole(t, b).Before(high) })
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		takeOver(t, b, card, low.Add(30*time.Minute))
		pretendUndo(t, b, card, approvals.StateApproved, approvals.StateExecuting, approvals.StateApplied)
		b.Until("the thread tells", func() bool { return card.Says("AWS accepted the policy after all") })
		b.Settle()
		if b.Puts() != 1 {
			t.Errorf("what was undone is written again:\n%s", b.Transcript())
		}
	})
}

func TestALateWriteThatCannotBeMadeGoodIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		takeOver(t, b, card, low.Add(30*time.Minute))
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Times: -1})
		b.Until("the thread tells", func() bool {
			return card.Says("*Someone changed the revocation policy of*") && card.Says("*It is not restored:*")
		})
		if !card.Says("<@"+actors.Rosa+">") || !card.Says("AWS does not allow revokebot iam:PutRolePolicy") {
			t.Errorf("it does not say whom it concerns and why:\n%s", b.Transcript())
		}
	})
}

// Rule 13. A request that ended as failed says so when AWS takes a write that was still on its way.
func TestAWriteThatArrivesAfterTheRequestHasFailedIsAFinding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card, low := heldUp(t, b)
		another(t, b, card, approvals.StateFailed, approvals.EventFailed, record.Failure{Sentence: "Given up.", Unsure: true})
		b.Until("the thread tells", func() bool { return card.Says("AWS accepted the policy after all") })
		if !card.Says(low.UTC().Format("2006-01-02 15:04:05")) {
			t.Errorf("it does not say the cutoff:\n%s", b.Transcript())
		}
	})
}

// Rule 13. After a write that AWS took and one that it did not, no more is said than was seen.
func TestAFailureAfterAWriteSaysWhatWasSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		calls := b.AWS.Subscribe(t.Context())
		go func() { // somebody
			for call := range calls {
				if call.Action == "PutRolePolicy" && call.Code == "" {
					_ = b.World.Prod.DeleteRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions")
					b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Times: -1})
				}
			}
		}()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateFailed)
		text := card.Message().Text
		if !strings.Contains(text, "AWS accepted the policy once") || !strings.Contains(text, "the policy is not there") ||
			strings.Contains(text, "not known whether AWS accepted the change") || strings.Contains(text, "works against it") {
			t.Errorf("the card says %s", text)
		}
	})
}

// Rule 13. What another worker promised meanwhile may be on the role.
func TestAFailureIsUnsureWhenAnotherWorkerMayHaveWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Delay: 3 * time.Second})
		card.Approve(actors.Bob)
		b.Until("the cutoff is promised", func() bool { return card.State() == approvals.StateExecuting })
		another(t, b, card, approvals.StateExecuting, approvals.EventStarted,
			record.Started{Changes: put(b.AWS.Now().Add(30 * time.Minute))})
		card.Becomes(approvals.StateFailed)
		if text := card.Message().Text; !strings.Contains(text, "It is not known whether AWS accepted the change") {
			t.Errorf("the card says %s", text)
		}
	})
}
