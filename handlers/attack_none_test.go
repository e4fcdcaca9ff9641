package handlers_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// What is no attack is no alarm, or one that docs/runbook.md explains.

// backup reads all of Redis; the function that it returns puts it back.
func (i intruder) backup() (restore func()) {
	i.T.Helper()
	ctx := i.T.Context()
	var puts []func()
	for _, key := range i.DB.Keys(ctx, "*").Val() {
		switch kind := i.DB.Type(ctx, key).Val(); kind {
		case "string":
			v := i.DB.Get(ctx, key).Val()
			puts = append(puts, func() { i.DB.Set(ctx, key, v, 0) })
		case "hash":
			v := i.DB.HGetAll(ctx, key).Val()
			puts = append(puts, func() { i.DB.HSet(ctx, key, v) })
		case "zset":
			v := i.DB.ZRangeWithScores(ctx, key, 0, -1).Val()
			puts = append(puts, func() { i.DB.ZAdd(ctx, key, v...) })
		case "set":
			v := i.DB.SMembers(ctx, key).Val()
			puts = append(puts, func() { i.DB.SAdd(ctx, key, v) })
		case "stream":
			for _, e := range i.DB.XRange(ctx, key, "-", "+").Val() {
				puts = append(puts, func() { i.DB.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: e.ID, Values: e.Values}) })
			}
		default:
			i.T.Fatalf("key %s is a %s", key, kind)
		}
	}
	return func() {
		i.Redis.FlushAll()
		for _, put := range puts {
			put()
		}
	}
}

// explains fails the test unless people are told in words that the runbook has.
func (i intruder) explains(card bench.Card, words string) {
	i.T.Helper()
	i.Until("an alarm", func() bool { return card.Says(words) })
	runbook, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		i.T.Fatal(err)
	}
	if !strings.Contains(strings.ToLower(strings.Join(strings.Fields(string(runbook)), " ")), strings.ToLower(words)) {
		i.T.Errorf("docs/runbook.md does not explain %q", words)
	}
}

func TestABackupThatIsRestoredWhileNoReplicaRunsIsNoAlarm(t *testing.T) {
	t.Parallel()
	for name, approved := range map[string]bool{"of an open request": false, "of a revocation under guard": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{Guard: []time.Duration{time.Minute, 10 * time.Minute}})}
				card := b.Ask()
				card.CaughtUp()
				if approved {
					card.Approve(actors.Bob)
					card.Becomes(approvals.StateApplied)
					b.Settle()
				}
				restore := b.backup()
				time.Sleep(2 * time.Minute)
				b.Stop(0)
				restore()
				b.Start()
				if !approved {
					card.Approve(actors.Bob)
					card.Becomes(approvals.StateApplied)
				}
				time.Sleep(15 * time.Minute)
				if n := b.Puts(); n != 1 || card.Request().Watched.Type != approvals.EventHeld {
					t.Errorf("%d writes, the guard's last event is %q", n, card.Request().Watched.Type)
				}
			})
		})
	}
}

func TestABackupThatIsRestoredUnderAReplicaIsAnAlarmThatTheRunbookExplains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		restore := b.backup()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		restore()
		b.explains(card, "it was there and is gone")
		if n := b.Puts(); n != 1 {
			t.Errorf("%d writes", n)
		}
	})
}

// A failover to a Redis replica that lags loses the last of what was written.
func TestAReplicaThatLagsIsNoAlarmOrOneThatTheRunbookExplains(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"nothing of a log": false, "the last event of a log": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{
					ErrorsAllowed: lost, Guard: []time.Duration{time.Minute, 5 * time.Minute},
				})}
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				time.Sleep(30 * time.Second) // nothing is under way
				failover := b.backup()
				if lost {
					card.PressLate(actors.Bob, messages.ActionApprove) // which is refused, and recorded
				}
				time.Sleep(time.Second)
				failover()
				if lost {
					b.explains(card, "it was there and is gone")
				}
				time.Sleep(10 * time.Minute)
				if r := card.Request(); b.Puts() != 1 || r.State != approvals.StateApplied ||
					!lost && r.Watched.Type != approvals.EventHeld {
					t.Errorf("%d writes, it is %s, the guard's last event is %q", b.Puts(), r.State, r.Watched.Type)
				}
			})
		})
	}
}

func TestAReplicaWhoseClockIsAMinuteOffIsNoAlarm(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"fast": -time.Minute, "slow": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The clocks of Redis and AWS agree; the replica's is another.
				b := intruder{bench.New(t, bench.Options{
					ClockOffset: off, Guard: []time.Duration{time.Minute, 4 * time.Minute, 8 * time.Minute},
					Approvers: []string{actors.Bob, actors.Rosa},
				})}
				stop, done := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(done)
					for {
						b.Redis.SetTime(time.Now().Add(off))
						select {
						case <-stop:
							return
						case <-time.After(20 * time.Millisecond):
						}
					}
				}()
				defer func() { close(stop); <-done }()
				synctest.Wait()
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
					t.Fatal(err)
				}
				b.Until("the guard has restored it", func() bool { return onRole(b.Bench) != "" })
				time.Sleep(12 * time.Minute)
				undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" "+messages.ReviveWords)
				undo.Approve(actors.Bob)
				undo.Becomes(approvals.StateApplied)
				if onRole(b.Bench) != "" || b.Log.Has("done by a sweep") {
					t.Errorf("the policy is there, or something was late\n%s", b.Log)
				}
			})
		})
	}
}

func TestARotatedKeyIsNoAlarmOrOneThatTheRunbookExplains(t *testing.T) {
	t.Parallel()
	key, err := approvals.NewKey(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]bool{"while nothing is under way": false, "while a request is open": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b intruder
				rotated := false
				b.Bench = bench.New(t, bench.Options{ErrorsAllowed: open, Bot: func(c *bot.Config) {
					if rotated {
						plain, err := redisstore.New(redisstore.Config{Client: b.DB})
						if err != nil {
							t.Fatal(err)
						}
						c.Store = bot.Sealed(plain, key)
						b.Store = c.Store
					}
				}})
				card := b.Ask()
				card.CaughtUp()
				if !open {
					card.Approve(actors.Bob)
					card.Becomes(approvals.StateApplied)
					time.Sleep(time.Hour)
				}
				b.Stop(0)
				rotated = true
				b.Start()
				if open {
					card.PressLate(actors.Bob, messages.ActionApprove)
					b.explains(card, "was opened without the signing key that is in use now")
				} else {
					b.Command(actors.Rosa, "report "+card.ID)
					b.Whispered(actors.Rosa, "no request")
				}
				again := b.Ask()
				again.Approve(actors.Bob)
				again.Becomes(approvals.StateApplied)
			})
		})
	}
}
