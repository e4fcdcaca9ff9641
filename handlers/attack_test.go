package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// entries are those of a request's log.
func (i intruder) entries(id string) []redis.XMessage {
	i.T.Helper()
	entries, err := i.DB.XRange(i.T.Context(), tag+"log:"+id, "-", "+").Result()
	if err != nil {
		i.T.Fatal(err)
	}
	return entries
}

// setLog rewrites a log, with the hash that goes with it.
func (i intruder) setLog(id string, state approvals.State, entries ...redis.XMessage) {
	i.T.Helper()
	ctx := i.T.Context()
	if err := i.DB.Del(ctx, tag+"log:"+id, tag+"request:"+id).Err(); err != nil {
		i.T.Fatal(err)
	}
	for _, e := range entries {
		var fields []any
		for k, v := range e.Values {
			fields = append(fields, k, v)
		}
		seq, _, _ := strings.Cut(e.ID, "-")
		i.append(id, seq, state, fields...)
		i.hash(id, "deadline", time.Now().Add(time.Hour).UnixMilli(), "subject", tag+"open:"+i.subject())
	}
}

func (i intruder) hash(id string, fields ...any) {
	i.T.Helper()
	if err := i.DB.HSet(i.T.Context(), tag+"request:"+id, fields...).Err(); err != nil {
		i.T.Fatal(err)
	}
}

// subject is the key of prod/DeployRole.
func (i intruder) subject() string {
	i.T.Helper()
	keys, err := i.DB.Keys(i.T.Context(), tag+"history:*").Result()
	if err != nil || len(keys) == 0 {
		i.T.Fatalf("no request for any role: %v, %v", keys, err)
	}
	return strings.TrimPrefix(keys[0], tag+"history:")
}

// timers are the items that wait, as they are kept.
func (i intruder) timers() []string {
	i.T.Helper()
	all, _ := i.DB.ZRange(i.T.Context(), tag+"due", 0, -1).Result() // none if it is another kind of key by now
	return all
}

// replay queues what was queued before.
func (i intruder) replay(bodies []string, kind string) (n int) {
	i.T.Helper()
	for _, body := range bodies {
		if strings.Contains(body, `"kind":"`+kind+`"`) {
			n++
			i.enqueue(body)
		}
	}
	return n
}

// forgetful replaces the replica by one that has seen nothing.
func (i intruder) forgetful() {
	i.Stop(0)
	i.Start()
}

// writes fails the test if AWS took a write since there were n.
func (i intruder) noWrite(n int, words string) {
	i.T.Helper()
	i.Settle()
	time.Sleep(3 * time.Minute)
	if got := allWrites(i.Bench); got != n {
		i.T.Errorf("%d writes, there were %d\n%s", got, n, i.Transcript())
	}
	if !i.Log.Has(words) {
		i.T.Errorf("no alarm says %q", words)
	}
}

const alarmWords = "someone else writes to Redis"

func TestAnApprovalThatIsCutBackIsNotCarriedOutAgain(t *testing.T) {
	t.Parallel()
	for name, undo := range map[string]bool{"B1, a revocation": false, "B2, an undo": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Approvers: []string{actors.Bob, actors.Rosa}})}
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				text := onRole(b.Bench)
				if undo {
					card = b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" "+messages.ReviveWords)
					card.Approve(actors.Bob)
					card.Becomes(approvals.StateApplied)
				}
				recorded := b.timers()
				time.Sleep(time.Hour)
				b.forgetful()
				log := b.entries(card.ID)
				at := slices.IndexFunc(log, func(e redis.XMessage) bool { return e.Values["type"] == "approved" })
				if undo { // as if it had failed
					if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, text); err != nil {
						t.Fatal(err)
					}
				}
				before := allWrites(b.Bench)
				b.setLog(card.ID, approvals.StateApproved, log[:at+1]...)
				if b.replay(recorded, "execute") == 0 {
					b.execute(card.ID)
				}
				b.noWrite(before, alarmWords)
			})
		})
	}
}

func TestAGuardThatWasCutBackWritesNothingAfterItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Guard: []time.Duration{time.Minute, 10 * time.Minute}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		recorded := b.timers()
		time.Sleep(3 * time.Hour)
		b.forgetful()
		log := b.entries(card.ID)
		at := slices.IndexFunc(log, func(e redis.XMessage) bool { return e.Values["type"] == "held" })
		b.setLog(card.ID, approvals.StateApplied, log[:at]...)
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		before := allWrites(b.Bench)
		if b.replay(recorded, "guard") == 0 {
			t.Fatal("no check of the guard was recorded")
		}
		b.noWrite(before, alarmWords)
	})
}

// alarms fails the test unless the log has an alarm.
func (i intruder) alarms(words string) {
	i.T.Helper()
	i.Until("an alarm says "+words, func() bool { return i.Log.Has(words) })
}

// recorder keeps all items that wait or are due, as a process that reads along in Redis does.
type recorder struct {
	intruder
	stop chan struct{}
	done chan struct{}
	all  map[string]bool
}

func (i intruder) records() *recorder {
	r := &recorder{intruder: i, stop: make(chan struct{}), done: make(chan struct{}), all: make(map[string]bool)}
	go func() {
		defer close(r.done)
		for {
			select {
			case <-r.stop:
				return
			case <-time.After(time.Millisecond):
			}
			for _, e := range i.DB.XRange(context.Background(), tag+"work", "-", "+").Val() {
				r.all[e.Values["item"].(string)] = true
			}
		}
	}()
	return r
}

func (r *recorder) recorded() []string {
	close(r.stop)
	<-r.done
	return slices.Sorted(maps.Keys(r.all))
}

func TestARequestOfAnotherRoleInTheListOfThisOneChangesNothing(t *testing.T) { // B3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Guard: []time.Duration{time.Minute, 10 * time.Minute}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		subject := b.subject()
		other := b.AskFor(actors.Nils, "staging/"+actors.DeployRole)
		other.Approve(actors.Bob)
		other.Becomes(approvals.StateApplied)
		b.DB.ZAdd(t.Context(), tag+"history:"+subject, redis.Z{Score: float64(time.Now().UnixMilli() + 1), Member: other.ID})
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		b.Until("the policy is there again", func() bool { return onRole(b.Bench) != "" })
	})
}

func TestNothingThatIsReplayedDecidesARequest(t *testing.T) { // B5
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		r := b.records()
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		recorded := r.recorded()
		time.Sleep(10 * time.Minute)
		b.Stop(0)
		before := allWrites(b.Bench)
		b.Redis.FlushAll()
		b.Start()
		if b.replay(recorded, "command") == 0 {
			t.Fatal("the command was not recorded")
		}
		time.Sleep(10 * time.Second)
		if b.replay(recorded, "click") == 0 {
			t.Fatal("the click was not recorded")
		}
		b.replay(recorded, "execute")
		b.noWrite(before, alarmWords)
		time.Sleep(time.Hour)
		cards := len(b.Cards())
		b.Redis.FlushAll()
		b.replay(recorded, "command")
		b.Settle()
		if n := len(b.Cards()); n != cards {
			t.Errorf("a command of an hour ago has a card")
		}
	})
}

func TestWorkThatNoReplicaQueuedIsNotDone(t *testing.T) { // B4, B7, B17
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Guard: []time.Duration{time.Minute}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(3 * time.Minute)
		open := b.AskFor(actors.Nils, "staging/"+actors.DeployRole)
		b.Settle() // CloudTrail is asked who uses it
		open.CaughtUp()
		asked, said := len(b.AWS.Calls("LookupEvents")), len(b.Transcript())
		kinds := []approvals.Item{
			{Kind: investigate.KindEvidence, Source: "evidence x"},
			{Kind: investigate.KindEvidence, Request: card.ID, Source: "evidence 9", Body: json.RawMessage(`{"number":9}`)},
			{Kind: guard.KindGuard, Request: card.ID, Source: "guard by hand", Body: json.RawMessage(`{}`)},
			{Kind: guard.KindSimulate, Request: card.ID, Source: "simulate 9"},
			{Kind: handlers.KindExecute, Request: open.ID, Source: "execute"},
			{Kind: investigate.KindUsers, Request: open.ID, Source: "users 2"},
			{Kind: investigate.KindActivity, Request: card.ID, Source: "activity x", Body: json.RawMessage(`{"mark":"x"}`)},
		}
		for n := range 30 {
			kinds = append(kinds, approvals.Item{
				Kind: deliver.KindRemind, Request: open.ID, Source: fmt.Sprint("remind ", n), Body: json.RawMessage(`{"left":1}`),
			})
		}
		for _, item := range kinds {
			b.queue(item)
		}
		b.Settle()
		if n := len(b.AWS.Calls("LookupEvents")); n != asked {
			t.Errorf("CloudTrail was asked %d times", n-asked)
		}
		if len(b.Transcript()) != said {
			t.Errorf("something was said:\n%s", b.Transcript())
		}
		if n := b.DB.XLen(t.Context(), tag+"parked").Val(); n != int64(len(kinds)) {
			t.Errorf("%d of %d items were parked", n, len(kinds))
		}
		b.alarms("not signed by this deployment")
	})
}

func TestAnApproverIsNotShutOutByALimitThatSomeoneElseHasFilled(t *testing.T) { // B17
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{})}
		card := b.Ask()
		for _, name := range []string{
			"click by " + actors.Bob, "command by " + actors.Nils, "command in " + actors.Incident,
		} {
			for n := range 100 {
				b.DB.Append(t.Context(), tag+"limit:"+name, fmt.Sprintln(n))
			}
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.AskFor(actors.Nils, "staging/"+actors.DeployRole)
	})
}

func TestADeadlineInAHashIsNotTheRequests(t *testing.T) { // B9, B10
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		b.hash(card.ID, "deadline", time.Now().Add(24*time.Hour).UnixMilli())
		b.DB.Del(t.Context(), tag+"due")
		time.Sleep(15*time.Minute + time.Second)
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateExpired) // and although its timer is gone
		b.noWrite(0, "done by a sweep")
	})
}

func TestATimeThatWasChangedInALogIsAnAlarm(t *testing.T) { // B9
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		log := b.entries(card.ID)
		log[0].Values["at"] = time.Now().Add(time.Hour).UnixMilli()
		b.setLog(card.ID, approvals.StateOpen, log...)
		card.Approve(actors.Bob)
		b.alarmed(card, 3)
	})
}

func TestARoleWhoseKeyNamesAnotherRequestCanBeAskedFor(t *testing.T) { // B14
	t.Parallel()
	for name, value := range map[string]func(other bench.Card) string{
		"of another role": func(other bench.Card) string { return other.ID },
		"of none":         func(bench.Card) string { return "NOBODY" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{})}
				card := b.Ask()
				card.Press(actors.Rosa, messages.ActionCancel)
				card.Becomes(approvals.StateCancelled)
				other := b.AskFor(actors.Nils, "staging/"+actors.DeployRole)
				b.DB.Set(t.Context(), tag+"open:"+card.Request().Subject.Key, value(other), 0)
				again := b.Ask()
				again.Approve(actors.Bob)
				again.Becomes(approvals.StateApplied)
			})
		})
	}
}

func TestALogThatIsCutIsAnAlarmAtOnce(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(b intruder, card bench.Card){
		"back to the approval": func(b intruder, card bench.Card) {
			b.setLog(card.ID, approvals.StateApproved, b.entries(card.ID)[:2]...)
			b.DB.HSet(b.T.Context(), tag+"request:"+card.ID, "seq", 2)
		},
		"by its last event": func(b intruder, card bench.Card) {
			log := b.entries(card.ID)
			b.setLog(card.ID, approvals.StateApplied, log[:len(log)-1]...)
		},
		"altogether": func(b intruder, card bench.Card) {
			b.DB.Del(b.T.Context(), tag+"log:"+card.ID, tag+"request:"+card.ID, tag+"delivery:"+card.ID)
		},
		"to nothing that is a log": func(b intruder, card bench.Card) {
			b.DB.Del(b.T.Context(), tag+"log:"+card.ID)
			b.DB.Set(b.T.Context(), tag+"log:"+card.ID, "?", 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{
					ErrorsAllowed: true, Guard: []time.Duration{time.Minute, 10 * time.Minute},
				})}
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				time.Sleep(20 * time.Second)
				before := allWrites(b.Bench)
				attack(b, card)
				time.Sleep(3 * time.Minute)
				b.noWrite(before, "the log of a request is not what was written")
			})
		})
	}
}

func TestAGuardWhoseTimersAreGoneLooksAllTheSame(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]bool{"one replica": false, "a replica that has just started": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{
					Guard: []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute},
				})}
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				b.DB.Del(t.Context(), tag+"due")
				if forget {
					b.forgetful()
				}
				if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Minute)
				if onRole(b.Bench) == "" {
					t.Errorf("the policy is gone\n%s", b.Transcript())
				}
				time.Sleep(12 * time.Minute)
				if r := card.Request(); r.Watched.Type != approvals.EventHeld {
					t.Errorf("the guard's last event is %q", r.Watched.Type)
				}
			})
		})
	}
}

func TestADeliveryThatSomeoneElseWroteLosesNothing(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string][]any{
		"the cursor is ahead":  {"cursor", 999, "card_seq", 999},
		"the card is another":  {"card", "1700000000.000100"},
		"the lease never ends": {"worker", "x", "until", "99999999999999"},
		"no number":            {"cursor", "three"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				b.DB.HSet(t.Context(), tag+"delivery:"+card.ID, fields...)
				card.Approve(actors.Bob)
				time.Sleep(10 * time.Second)
				if card.State() == approvals.StateOpen { // the click was told to wait for the card
					card.Approve(actors.Bob)
				}
				card.Becomes(approvals.StateApplied)
				time.Sleep(3 * time.Minute)
				if n := len(b.Cards()); n != 1 || !card.Says("*Revoked:*") {
					t.Errorf("%d cards\n%s", n, b.Transcript())
				}
			})
		})
	}
}
