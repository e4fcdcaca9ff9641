package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

const denyPolicy = "AWSRevokeOlderSessions"

// looks is shorter than the default of the configuration, which ends after half an hour.
var looks = []time.Duration{7 * time.Second, 15 * time.Second, 50 * time.Second}

// fightBack removes the deny every half second, with a key of its own, until it is stopped.
func fightBack(t *testing.T, b *bench.Bench) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	client := iam.NewFromConfig(b.SDK(b.World.Rival))
	var fight sync.WaitGroup
	fight.Go(func() {
		for ctx.Err() == nil {
			_, _ = client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{
				RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String(denyPolicy),
			})
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	return func() { cancel(); fight.Wait() }
}

// removeAs takes the deny off the role as somebody.
func removeAs(t *testing.T, b *bench.Bench, key awsstandin.AccessKey) {
	t.Helper()
	_, err := iam.NewFromConfig(b.SDK(key)).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
		RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String(denyPolicy),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// denyText is a revocation policy, as the IAM console writes it.
func denyText(cutoff time.Time) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":` +
		`{"DateLessThan":{"aws:TokenIssueTime":"` + cutoff.UTC().Format("2006-01-02T15:04:05.000Z") + `"}}}]}`
}

// put is the promise to write it.
func put(cutoff time.Time) []contain.Change {
	return []contain.Change{{Slot: contain.Slot{Kind: contain.RoleInline, Name: denyPolicy}, After: denyText(cutoff)}}
}

// rewritten puts into the log that another replica has promised and written a cutoff again.
func rewritten(t *testing.T, b *bench.Bench, card bench.Card, cutoff time.Time) {
	t.Helper()
	promised, err := json.Marshal(record.Tampered{
		State: role.Gone, Promise: cutoff, Changes: put(cutoff), Resumed: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(record.Rewritten{Applied: record.Applied{Cutoff: cutoff}, Rewrite: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Store.Commit(t.Context(),
		approvals.Transition{RequestID: card.ID, Expect: approvals.AppendOnly, Events: []approvals.Event{
			{Type: approvals.EventTampered, Source: "guard 0", Detail: promised},
			{Type: approvals.EventRewritten, Source: "guard 0 written", Detail: written},
		}})
	if err != nil {
		t.Fatal(err)
	}
}

// onRole is the deny on the role.
func onRole(b *bench.Bench) string {
	document, _ := b.World.Prod.RolePolicy(actors.DeployRole, denyPolicy)
	return document
}

// cutoffOnRole is the cutoff of the deny on the role; zero when there is none.
func cutoffOnRole(t *testing.T, b *bench.Bench) time.Time {
	t.Helper()
	var p struct {
		Statement []struct {
			Condition struct{ DateLessThan map[string]string }
		}
	}
	document := onRole(b)
	if document == "" {
		return time.Time{}
	}
	if err := json.Unmarshal([]byte(document), &p); err != nil || len(p.Statement) == 0 {
		t.Fatalf("%s: %v", document, err)
	}
	at, err := time.Parse(time.RFC3339, p.Statement[0].Condition.DateLessThan["aws:TokenIssueTime"])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func count(card bench.Card, typ approvals.EventType) int {
	n := 0
	for _, e := range card.Events() {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// told counts the messages of the thread with a text.
func told(card bench.Card, text string) int {
	n := 0
	for _, m := range card.Thread() {
		if strings.Contains(m, text) {
			n++
		}
	}
	return n
}

func TestADenyThatStaysIsSaidToHaveHeldAfterTheLastLookAndNotBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{
			Guard: []time.Duration{
				5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
			},
		})
		card := applied(b)
		written := onRole(b)
		checked(b, card) // the first look at CloudTrail is done
		before := len(card.Events())
		time.Sleep(28 * time.Minute)
		if n := len(card.Events()); n != before || card.Says("at every check") {
			t.Errorf("%d events more before the last look:\n%s", n-before, b.Transcript())
		}
		time.Sleep(3 * time.Minute)
		card.CaughtUp()
		if told(card, "on the role at every check for 30 min") != 1 || told(card, "Monitoring has ended") != 1 ||
			!strings.Contains(card.Message().Text, "at every check for 30 min") {
			t.Errorf("it is not said that the deny held, in the thread and on the card:\n%s", b.Transcript())
		}
		if onRole(b) != written || count(card, approvals.EventHeld) != 1 || count(card, approvals.EventTampered) != 0 {
			t.Error("the deny that nobody touched was written again")
		}
	})
}

// answers are what AWS says, changed once on is set: IAM and revokebot read one text in two ways.
type answers struct {
	awssdk.HTTPClient
	on      *atomic.Bool
	from    string
	becomes string
}

func (a answers) Do(r *http.Request) (*http.Response, error) {
	answer, err := a.HTTPClient.Do(r)
	if err != nil || !a.on.Load() {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	body = bytes.ReplaceAll(body, []byte(a.from), []byte(a.becomes))
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, err
}

func TestADenyThatTheSimulatorDoesNotSeeIsNotSaidToHaveHeld(t *testing.T) {
	t.Parallel()
	for becomes, held := range map[string]bool{"allowed": false, "implicitDeny": false, "explicitDeny": true} {
		synctest.Test(t, func(t *testing.T) {
			var on atomic.Bool
			b := bench.New(t, bench.Options{Guard: looks, Cloud: func(c *aws.Config) {
				c.SDK.HTTPClient = answers{c.SDK.HTTPClient, &on, "explicitDeny", becomes}
			}})
			card := applied(b)
			checked(b, card)
			on.Store(true)
			time.Sleep(looks[len(looks)-1] + time.Minute)
			card.CaughtUp()
			if count(card, approvals.EventHeld) == 1 != held || count(card, approvals.EventTampered) == 0 != held ||
				card.Says("may have access") == held || card.Says("earlier cutoff") || card.Says("at every check") != held {
				t.Errorf("the simulator says %s:\n%s", becomes, b.Transcript())
			}
		})
	}
}

// A simulator that does not answer, or may not be asked, is no loss.
func TestASimulatorThatIsSilentAtTheLastCheckIsNoLoss(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDenied", "ServiceUnavailable"} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: looks})
			card := applied(b)
			checked(b, card)
			b.AWS.Inject(awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: -1, Code: code})
			time.Sleep(looks[len(looks)-1] + 3*time.Minute)
			card.CaughtUp()
			if count(card, approvals.EventHeld) != 1 || count(card, approvals.EventTampered) != 0 {
				t.Errorf("the simulator answers %s:\n%s", code, b.Transcript())
			}
		})
	}
}

func TestADenyThatIsRemovedIsWrittenAgainAtOnceAndLoudly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks, TrailDelay: 2 * time.Minute})
		card := applied(b)
		first := cutoffOnRole(t, b)
		removeAs(t, b, b.World.Rival)
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		if again := cutoffOnRole(t, b); !again.After(first) {
			t.Errorf("the new cutoff is %v, the first was %v", again, first)
		}
		b.Until("it is posted", func() bool { return card.Says("Restored (1 of 5)") })
		loud := ""
		for _, text := range card.Thread() {
			if strings.Contains(text, "*Someone changed the revocation policy of*") {
				loud = text
			}
		}
		for _, words := range []string{
			"<@" + actors.Rosa + "> and <@" + actors.Bob + ">", "found the inline policy `AWSRevokeOlderSessions` removed",
			"Restored (1 of 5)",
			"`/revoke-sessions undo prod/DeployRole`", "OnlyRevokebotChangesInlinePolicies", "role/revokebot-spoke", "```",
		} {
			if !strings.Contains(loud, words) {
				t.Errorf("the loud message lacks %q:\n%s", words, loud)
			}
		}
		writes := b.AWS.Calls("PutRolePolicy")
		if by := writes[len(writes)-1].PrincipalARN; len(writes) != 2 || !strings.HasSuffix(by, "revokebot-spoke/"+card.ID) {
			t.Errorf("%d writes, the last by %s", len(writes), by)
		}
		// The promise came before the write.
		var promised, rewritten approvals.Event
		for _, e := range card.Events() {
			switch e.Type {
			case approvals.EventTampered:
				promised = e
			case approvals.EventRewritten:
				rewritten = e
			}
		}
		var p record.Tampered
		var w record.Rewritten
		if json.Unmarshal(promised.Detail, &p) != nil || json.Unmarshal(rewritten.Detail, &w) != nil ||
			!p.Promise.Equal(w.Cutoff) || promised.Seq > rewritten.Seq || !w.Back.Equal || p.Changes[0].After != onRole(b) {
			t.Errorf("promised %+v, written %+v, on the role %s", p, w, onRole(b))
		}
		b.Until("the proof is about the new cutoff", func() bool {
			proof := proofs(b, card)[0].Text
			return strings.Contains(proof, "sessions issued before *"+w.Cutoff.Format("15:04:05")) &&
				strings.Contains(proof, "Policy simulator: blocks old sessions")
		})
		// CloudTrail is late.
		if card.Says("• By `") {
			t.Error("somebody is named before CloudTrail knows")
		}
		time.Sleep(2 * time.Minute)
		b.Until("the thread names the caller", func() bool { return card.Says("• By `") })
		if !card.Says("shop-migration") || !card.Says("removed it") || !card.Says(b.World.Rival.AccessKeyID) {
			t.Errorf("who it was:\n%s", b.Transcript())
		}
		time.Sleep(4 * time.Minute)
		card.CaughtUp()
		if n := told(card, "• By `"); n != 1 {
			t.Errorf("it is told %d times who it was", n)
		}
		// The schedule began anew with the loss.
		if !card.Says("is on the role 57 s after it was applied") || !card.Says("checks missed it once") {
			t.Errorf("the end is not told:\n%s", b.Transcript())
		}
	})
}

// The attacker has a key that the revocation policy does not touch. The guard cannot win that on
// the role: the thread says so, with what does help.
func TestTheThiefWhoDeletesTheDenyEveryHalfSecondIsLoudlyReportedAndFoughtFiveTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks, Replicas: 2, TrailDelay: 30 * time.Second})
		card := applied(b)
		cutoff := cutoffOnRole(t, b)
		stop := fightBack(t, b)
		b.Until("it is said that the fight is lost", func() bool { return card.Says("and I stopped restoring it.*") })
		time.Sleep(time.Minute)
		stop()
		card.CaughtUp()
		if n := count(card, approvals.EventRewritten); n != 5 {
			t.Errorf("written again %d times", n)
		}
		if n := len(b.AWS.Calls("PutRolePolicy")); n != 1+5 {
			t.Errorf("%d writes", n)
		}
		var last time.Time
		for _, e := range card.Events() {
			var w record.Rewritten
			if e.Type != approvals.EventRewritten {
				continue
			}
			if err := json.Unmarshal(e.Detail, &w); err != nil || w.Cutoff.Before(last) || w.Cutoff.Before(cutoff) {
				t.Errorf("the cutoff went from %v to %v", last, w.Cutoff)
			}
			last = w.Cutoff
		}
		if n := told(card, "and I stopped restoring it.*"); n != 1 {
			t.Errorf("the defeat is told %d times", n)
		}
		if !card.Says("DenyOlderSessionsOfTheRole") || !card.Says(last.Format("2006-01-02T15:04:05")) {
			t.Errorf("the service control policy that helps is not there:\n%s", b.Transcript())
		}
		if n := told(card, "• By `"); n == 0 || n > 2 {
			t.Errorf("it is told %d times who it was", n)
		}
		if title := card.Message().Text; !strings.HasPrefix(title, "Removed") {
			t.Errorf("the card says %s", title)
		}
		if !strings.Contains(proofs(b, card)[0].Text, "On the role: no") || card.Says("at every check") {
			t.Errorf("the proof says %s", proofs(b, card)[0].Text)
		}
	})
}

// A thief who gives up, or is stopped, loses: the deny stays.
func TestTheThiefWhoIsStoppedLoses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		stop := fightBack(t, b)
		b.Until("the deny was written again", func() bool { return count(card, approvals.EventRewritten) == 2 })
		stop()
		time.Sleep(2 * time.Minute)
		card.CaughtUp()
		if onRole(b) == "" || !card.Says("is on the role 1 min after it was applied") ||
			count(card, approvals.EventRewritten) > 3 {
			t.Errorf("it is not there at the end:\n%s", b.Transcript())
		}
	})
}

func TestAConsoleThatPutsAnOlderCutoffThereIsOverruled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		first := cutoffOnRole(t, b)
		old := strings.Replace(onRole(b), first.Format("2006-01-02T15"), first.Add(-time.Hour).Format("2006-01-02T15"), 1)
		_, err := iam.NewFromConfig(b.SDK(b.World.Admin)).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String(denyPolicy),
			PolicyDocument: awssdk.String(old),
		})
		if err != nil || !cutoffOnRole(t, b).Before(first) {
			t.Fatalf("the console wrote %s: %v", onRole(b), err)
		}
		b.Until("the deny is back", func() bool { return !cutoffOnRole(t, b).Before(first) })
		b.Until("it is posted", func() bool {
			return card.Says("found the inline policy `AWSRevokeOlderSessions` changed to the earlier cutoff")
		})
		b.Until("the thread names the caller", func() bool { return card.Says("replaced it with the cutoff") })
	})
}

// A later cutoff denies more, not less: somebody helps.
func TestACutoffThatSomebodyRaisedIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		raised := denyText(cutoffOnRole(t, b).Add(30 * time.Minute))
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, raised); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		card.CaughtUp()
		if onRole(b) != raised || count(card, approvals.EventTampered) != 0 || !card.Says("at every check for 50 s") {
			t.Errorf("it was not left alone:\n%s", b.Transcript())
		}
	})
}

// Rule 10. A date more than an hour ahead is none of a revocation.
func TestACutoffThatSomebodySetFarAheadIsNotTakenForADeny(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		far := denyText(cutoffOnRole(t, b).Add(5 * time.Hour))
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, far); err != nil {
			t.Fatal(err)
		}
		own := "RevokebotOlderSessions-" + card.ID[:8]
		b.Until("ours is beside it", func() bool {
			_, there := b.World.Prod.RolePolicy(actors.DeployRole, own)
			return there
		})
		b.Until("it is posted", func() bool {
			return card.Says("replaced by one that is no revocation") && card.Says("Restored (")
		})
		if onRole(b) != far {
			t.Errorf("on the role: %s", onRole(b))
		}
	})
}

// A cutoff that another caller raises while the policy is restored holds, and the bot does not
// remove it.
func TestWhatSomebodyRaisesRightAfterARewriteIsNotTakenForTheBots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks[:1]})
		card := applied(b)
		raised := denyText(cutoffOnRole(t, b).Add(30 * time.Minute))
		calls := b.AWS.Subscribe(t.Context())
		go func() {
			for call := range calls {
				if call.Action == "PutRolePolicy" && call.Code == "" {
					_ = b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, raised)
				}
			}
		}()
		removeAs(t, b, b.World.Rival)
		b.Until("it is written again", func() bool { return card.Says("Restored (") })
		b.Command(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
		b.Whispered(actors.Rosa, "someone else changed it")
		if onRole(b) != raised {
			t.Errorf("on the role: %s", onRole(b))
		}
	})
}

// pretendUndo brings a request to undo another one into a state, as the store has it.
func pretendUndo(t *testing.T, b *bench.Bench, card bench.Card, states ...approvals.State) {
	t.Helper()
	r := card.Request()
	id := "UNDO" + card.ID[:8]
	_, err := b.Store.Open(t.Context(), id, actors.Ines, "envelope undo", approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: card.ID, Subject: r.Subject, Place: r.Place, Required: 1,
		ExpireAfter: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	move := map[approvals.State]approvals.EventType{
		approvals.StateApproved: approvals.EventApproved, approvals.StateExecuting: approvals.EventStarted,
		approvals.StateApplied: approvals.EventApplied,
	}
	for i, s := range states {
		err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: id, Expect: int64(i) + 1, Next: s, Events: []approvals.Event{
				{Type: move[s], By: actors.Bob, Detail: []byte("{}")},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPersonWhoUndoesByAnUndoRequestIsNotFought(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]approvals.State{
		"approved":  {approvals.StateApproved},
		"executing": {approvals.StateApproved, approvals.StateExecuting},
		"applied":   {approvals.StateApproved, approvals.StateExecuting, approvals.StateApplied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				card := applied(b)
				pretendUndo(t, b, card, states...)
				removeAs(t, b, b.World.Admin)
				time.Sleep(time.Minute)
				if onRole(b) != "" || count(card, approvals.EventTampered) != 0 || card.Says("at every check") {
					t.Errorf("it was fought:\n%s", b.Transcript())
				}
			})
		})
	}
}

// The thread asks a person who removed the policy on purpose to say so. That has to be possible
// while it is gone.
func TestWhoRemovedTheDenyOnPurposeCanSaySoAndTheGuardEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{50 * time.Second}})
		card := applied(b)
		removeAs(t, b, b.World.Admin)
		b.Command(actors.Rosa, "undo prod/"+actors.DeployRole)
		b.Whispered(actors.Rosa, "type the words out")
		undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions it broke the build")
		for _, said := range []string{"*gone already*", "on purpose", "they work again", "does not restore it"} {
			if !strings.Contains(undo.Message().Text, said) {
				t.Errorf("the card does not say %q: %s", said, undo.Message().Text)
			}
		}
		undo.Approve(actors.Bob)
		undo.Becomes(approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return card.Says("was gone already") })
		time.Sleep(time.Minute)
		if onRole(b) != "" || count(card, approvals.EventTampered) != 0 || !undo.Says("*Undone already.*") ||
			len(b.AWS.Calls("DeleteRolePolicy")) != 1 {
			t.Errorf("on the role: %s\n%s", onRole(b), b.Transcript())
		}
	})
	// Once it was said that the deny held, nobody looks any more, and there is nothing to agree to.
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks[:1]})
		card := applied(b)
		b.Until("it held", func() bool { return card.Says("at every check") })
		removeAs(t, b, b.World.Admin)
		b.Command(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
		b.Whispered(actors.Rosa, "It is as it was before the revocation")
	})
}

// A look that comes while an undo is being carried out waits for it: the last one must not be lost
// to an undo that fails.
func TestALookWaitsForAnUndoThatMayFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks[:1]})
		card := applied(b)
		pretendUndo(t, b, card, approvals.StateApproved)
		removeAs(t, b, b.World.Rival)
		time.Sleep(looks[0] + 10*time.Second)
		if onRole(b) != "" || count(card, approvals.EventTampered) != 0 {
			t.Fatalf("the guard did not wait:\n%s", b.Transcript())
		}
		err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: "UNDO" + card.ID[:8], Expect: 2, Next: approvals.StateFailed,
			Events: []approvals.Event{{Type: approvals.EventFailed, Detail: []byte("{}")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		b.Until("it is posted", func() bool { return card.Says("Restored (") })
	})
}

// Two people who undo a later revocation agree to what that leaves on the role. The earlier
// request's looks do not write over that, unless it is its own deny that came back.
func TestTheUndoOfALaterRevocationIsNotFoughtByTheEarlierOnesLooks(t *testing.T) {
	t.Parallel()
	for name, removed := range map[string]bool{"nothing comes back": true, "the earlier deny comes back": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: []time.Duration{50 * time.Second}})
				earlier := applied(b)
				if removed {
					removeAs(t, b, b.World.Rival)
				}
				later := revoke(b, "prod/"+actors.DeployRole)
				undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
				undo.Approve(actors.Bob)
				undo.Becomes(approvals.StateApplied)
				if !removed {
					removeAs(t, b, b.World.Rival)
				}
				time.Sleep(time.Minute)
				if (onRole(b) == "") != removed || (count(earlier, approvals.EventTampered) == 0) != removed ||
					count(later, approvals.EventTampered) != 0 {
					t.Errorf("on the role: %s\n%s", onRole(b), b.Transcript())
				}
			})
		})
	}
}

// Only asked for, or failed, an undo is no permission.
func TestAnUndoThatNobodyApprovedDoesNotStopTheGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		pretendUndo(t, b, card)
		removeAs(t, b, b.World.Admin)
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		b.Until("it is posted", func() bool { return card.Says("Restored (") })
	})
}

// The undo is decided between the look and the write.
func TestAnUndoThatIsDecidedWhileTheGuardReadsStopsTheWrite(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]approvals.State{
		"approved": {approvals.StateApproved},
		"applied":  {approvals.StateApproved, approvals.StateExecuting, approvals.StateApplied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				card := applied(b)
				removeAs(t, b, b.World.Admin)
				// of the look, and of the write
				b.AWS.Inject(awsstandin.Fault{Action: "GetRole", Times: 2, Delay: 200 * time.Millisecond})
				sessions := len(b.AWS.Calls("AssumeRole"))
				b.Until("the session of the write is opened", func() bool { return len(b.AWS.Calls("AssumeRole")) > sessions })
				pretendUndo(t, b, card, states...)
				time.Sleep(time.Minute)
				if onRole(b) != "" || count(card, approvals.EventTampered) != 0 {
					t.Errorf("it was written all the same:\n%s", b.Transcript())
				}
			})
		})
	}
}

func TestAnotherReplicaTakesTheGuardOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		b.Stop(0)
		removeAs(t, b, b.World.Rival)
		time.Sleep(time.Minute)
		b.Start()
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		b.Until("it is posted", func() bool { return card.Says("Restored (1 of 5)") })
		if n := count(card, approvals.EventTampered); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// Rule 15. The write was promised, and done or not, and its record is missing.
func TestAGuardThatWasKilledGoesOnFromItsPromise(t *testing.T) {
	t.Parallel()
	for _, wrote := range []bool{false, true} {
		t.Run(fmt.Sprintf("written %v", wrote), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: []time.Duration{time.Hour}})
				card := applied(b)
				document := onRole(b)
				first := cutoffOnRole(t, b)
				removeAs(t, b, b.World.Rival)
				b.Stop(0)
				promise := first.Add(time.Minute)
				detail, err := json.Marshal(record.Tampered{
					State: role.Gone, Cutoff: first, Promise: promise, Rewrite: 1, At: first, Changes: put(promise),
				})
				if err != nil {
					t.Fatal(err)
				}
				err = b.Store.Commit(t.Context(), approvals.Transition{
					RequestID: card.ID, Expect: approvals.AppendOnly,
					Events: []approvals.Event{{Type: approvals.EventTampered, Source: "guard 7", Detail: detail}},
					Work: []approvals.Item{
						{Kind: guard.KindGuard, Request: card.ID, Source: "guard 7", Body: []byte(`{"after":1000000000}`)},
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				if wrote {
					document = strings.Replace(document, first.Format("15:04:05"), promise.Format("15:04:05"), 1)
					if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, document); err != nil {
						t.Fatal(err)
					}
				}
				b.Start()
				b.Until("it is recorded", func() bool { return count(card, approvals.EventRewritten) == 1 })
				b.Settle()
				if at := cutoffOnRole(t, b); at.Before(promise) || wrote && !at.Equal(promise) {
					t.Errorf("the cutoff on the role is %v, promised was %v", at, promise)
				}
				if n := told(card, "*Someone changed the revocation policy of*"); n != 1 {
					t.Errorf("the loss is told %d times:\n%s", n, b.Transcript())
				}
			})
		})
	}
}

// Rule 10. What is in the log counts, also when AWS's clock gives less.
func TestTheGuardNeverWritesACutoffBelowOneThatWasPromised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		high := cutoffOnRole(t, b).Add(10 * time.Minute)
		rewritten(t, b, card, high)
		removeAs(t, b, b.World.Rival)
		item := approvals.Item{Kind: guard.KindGuard, Request: card.ID, Source: "guard 7", Body: []byte(`{}`)}
		if err := b.Queue(item, "guard 7"); err != nil {
			t.Fatal(err)
		}
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		if at := cutoffOnRole(t, b); at.Before(high) {
			t.Errorf("the cutoff on the role is %v, promised was %v", at, high)
		}
		if n := len(b.AWS.Calls("PutRolePolicy")); n != 2 {
			t.Errorf("%d writes: a lower one came first", n)
		}
	})
}

func TestTwoLooksThatMissTheDenyAtTheSameTimeWriteItOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{time.Hour}, Replicas: 2})
		card := applied(b)
		removeAs(t, b, b.World.Rival)
		for _, action := range []string{"GetRole", "GetRolePolicy", "AssumeRole"} {
			b.AWS.Inject(awsstandin.Fault{Action: action, Times: 20, Delay: 50 * time.Millisecond})
		}
		var work []approvals.Item
		for _, name := range []string{"one", "two", "three"} {
			work = append(work, approvals.Item{
				Kind: guard.KindGuard, Request: card.ID, Source: "guard " + name, Body: []byte(`{"after":1000000000}`),
			})
		}
		err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: card.ID, Expect: approvals.AppendOnly, Work: work,
			Events: []approvals.Event{{Type: approvals.EventFinding, Detail: []byte(`{"sentence":"now"}`)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		time.Sleep(20 * time.Second)
		if n := count(card, approvals.EventTampered); n != 1 || len(b.AWS.Calls("PutRolePolicy")) != 2 {
			t.Errorf("told %d times, %d writes", n, len(b.AWS.Calls("PutRolePolicy")))
		}
	})
}

// Rule 10. A write of the guard that is held up lands after that of a later revocation.
func TestALateWriteOfTheGuardDoesNotMoveTheCutoffBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		removeAs(t, b, b.World.Rival)
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Times: 1, Delay: 4 * time.Second})
		b.Until("the guard has promised", func() bool { return count(card, approvals.EventTampered) == 1 })
		time.Sleep(1500 * time.Millisecond)
		later := b.AskFor(actors.Rosa, "prod/"+actors.DeployRole+" once more")
		later.Approve(actors.Bob)
		later.Becomes(approvals.StateApplied)
		counts := cutoffOnRole(t, b)
		b.Until("the guard's write is recorded", func() bool { return count(card, approvals.EventRewritten) == 1 })
		if len(b.AWS.Calls("PutRolePolicy")) < 4 { // the first, the later one, the late one, and what makes it good
			t.Fatalf("the guard's write was not late: %+v\n%s", b.AWS.Calls("PutRolePolicy"), b.Log)
		}
		if at := cutoffOnRole(t, b); at.Before(counts) {
			t.Errorf("the cutoff on the role went back from %v to %v", counts, at)
		}
		b.Until("it is posted", func() bool { return card.Says("another request for this role was decided") })
	})
}

// Another revocation of the role is approved: it writes itself.
func TestTheGuardWaitsForAnotherRequestThatIsAboutToWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		r := card.Request()
		if _, err := b.Store.Open(t.Context(), "OTHER", actors.Rosa, "envelope other", approvals.Opening{
			Purpose: approvals.Revoke.Do(), Subject: r.Subject, Place: r.Place, Required: 1, ExpireAfter: time.Hour,
		}); err != nil {
			t.Fatal(err)
		}
		move := func(seq int64, typ approvals.EventType, next approvals.State) {
			t.Helper()
			err := b.Store.Commit(t.Context(), approvals.Transition{
				RequestID: "OTHER", Expect: seq, Next: next, Events: []approvals.Event{
					{Type: typ, By: actors.Bob, Detail: []byte("{}")},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		move(1, approvals.EventApproved, approvals.StateApproved)
		removeAs(t, b, b.World.Rival)
		time.Sleep(20 * time.Second)
		if onRole(b) != "" {
			t.Error("the guard did not wait")
		}
		move(2, approvals.EventFailed, approvals.StateFailed)
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
	})
}

// Rule 10. Of two revocations of a role the later one's cutoff counts, and its guard looks after
// the role.
func TestALaterRevocationOfTheSameRoleTakesTheGuardOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		earlier := applied(b)
		time.Sleep(8 * time.Second)
		later := b.AskFor(actors.Rosa, "prod/"+actors.DeployRole+" once more")
		later.Approve(actors.Bob)
		later.Becomes(approvals.StateApplied)
		cutoff := cutoffOnRole(t, b)
		removeAs(t, b, b.World.Rival)
		time.Sleep(70 * time.Second)
		later.CaughtUp()
		if n := count(earlier, approvals.EventTampered) + count(earlier, approvals.EventHeld); n != 0 {
			t.Errorf("the earlier request's guard goes on:\n%s", b.Transcript())
		}
		if count(later, approvals.EventRewritten) != 1 || !cutoffOnRole(t, b).After(cutoff) {
			t.Errorf("the cutoff on the role is %v, it was %v:\n%s", cutoffOnRole(t, b), cutoff, b.Transcript())
		}
	})
}

func TestARoleThatIsGoneOrReplacedEndsTheGuard(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		t.Run(fmt.Sprintf("replaced %v", replaced), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				card := applied(b)
				if err := b.World.Prod.DeleteRole(actors.DeployRole); err != nil {
					t.Fatal(err)
				}
				words := "is gone*" // in the outcome, and with a mention
				if replaced {
					words = "*The role was recreated:*"
					if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{Name: actors.DeployRole, Trust: trustLambda}); err != nil {
						t.Fatal(err)
					}
				}
				b.Until("it is posted", func() bool { return card.Says(words) })
				time.Sleep(time.Minute)
				card.CaughtUp()
				if told(card, words) != 2 || card.Says("at every check") || onRole(b) != "" ||
					count(card, approvals.EventTampered) != 1 {
					t.Errorf("the guard did not end:\n%s", b.Transcript())
				}
			})
		})
	}
}

func TestALookThatIsNotAllowedIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Times: -1, Code: "AccessDenied"})
		time.Sleep(time.Minute)
		card.CaughtUp()
		if told(card, "could not be checked: AWS does not allow revokebot iam:GetRolePolicy") != 1 ||
			told(card, "this was the last check") != 1 || card.Says("at every check") {
			t.Errorf("what is told:\n%s", b.Transcript())
		}
	})
}

func TestALookThatFailsForAPassingReasonIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		removeAs(t, b, b.World.Rival)
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Times: 8, Code: "ServiceUnavailable"})
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		if card.Says("could not be checked") {
			t.Errorf("a passing failure is told:\n%s", b.Transcript())
		}
	})
}

func TestADenyThatCannotBeWrittenAgainIsLoudlyReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Times: -1, Code: "AccessDenied"})
		removeAs(t, b, b.World.Rival)
		b.Until("it is posted", func() bool {
			return card.Says("It could not be restored: AWS does not allow revokebot iam:PutRolePolicy")
		})
		card.CaughtUp()
		if !strings.HasPrefix(card.Message().Text, "Removed") || card.Says("Restored (") ||
			!card.Says("DenyOlderSessionsOfTheRole") {
			t.Errorf("what is told:\n%s", b.Transcript())
		}
		b.AWS.ClearFaults()
		b.Until("a later look writes it", func() bool { return onRole(b) != "" })
		b.Until("that is told", func() bool {
			return card.Says("Restored (") && strings.HasPrefix(card.Message().Text, "Restored")
		})
	})
}

// Where CloudTrail shows nobody, that is what is said.
func TestWhereCloudTrailNamesNobodyThatIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		time.Sleep(21 * time.Minute)
		card.CaughtUp()
		if told(card, "CloudTrail does not show who changed the revocation policy") != 1 || card.Says("• By `") {
			t.Errorf("what is told:\n%s", b.Transcript())
		}
	})
}
