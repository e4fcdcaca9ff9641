package handlers_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func TestWhatIsInForceIsNotForgottenWhenItsRequestIsTakenOffTheList(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]func(b intruder, key, id string){
		"removed": func(b intruder, key, id string) { b.DB.ZRem(b.T.Context(), key, id) },
		"pushed out": func(b intruder, key, _ string) {
			for n := range 60 {
				b.DB.ZAdd(b.T.Context(), key, redis.Z{Score: 1e13, Member: fmt.Sprint("NOBODY", n)})
			}
		},
		"another kind of key": func(b intruder, key, _ string) { b.DB.Set(b.T.Context(), key, "?", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				second, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
				if err != nil {
					t.Fatal(err)
				}
				two := b.AskFor(actors.Rosa, second.AccessKeyID+" pasted, too")
				two.Approve(actors.Bob)
				two.Becomes(approvals.StateApplied)
				time.Sleep(time.Hour)
				one := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
				one.Approve(actors.Bob)
				one.Becomes(approvals.StateApplied)
				time.Sleep(time.Hour)
				key := tag + "history:" + two.Request().Subject.Key
				hide(b, key, two.Request().ID)
				b.Command(actors.Rosa, "undo "+b.World.CI.AccessKeyID+" revive old sessions")
				time.Sleep(time.Minute)
				for _, c := range b.Cards() {
					if c.ID != one.ID && c.ID != two.ID {
						c.Approve(actors.Bob)
					}
				}
				time.Sleep(time.Minute)
				if userPolicy(b.Bench, ciUser) == "" {
					t.Errorf("the undo of one key took what the other holds\n%s", b.Transcript())
				}
			})
		})
	}
}

func TestATimerThatNeverComesKeepsNobodyBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		b.DB.Del(t.Context(), tag+"due")
		b.DB.ZAdd(t.Context(), tag+"due", redis.Z{Score: math.Inf(1), Member: "x"})
		for range 2 {
			next, err := b.Store.Promote(t.Context(), 100)
			if err != nil || next < time.Second {
				t.Errorf("again in %v, %v", next, err)
			}
		}
	})
}

// stolen is a store from which someone else takes items of a kind before the bot has them.
type stolen struct {
	bot.Store
	kind string
}

func (s stolen) Take(ctx context.Context, worker string, n int, wait time.Duration) ([]approvals.Item, error) {
	items, err := s.Store.Take(ctx, worker, n, wait)
	for _, i := range items {
		if i.Kind == s.kind {
			_ = s.Done(ctx, i)
		}
	}
	return slices.DeleteFunc(items, func(i approvals.Item) bool { return i.Kind == s.kind }), err
}

func TestAnUndoIsToldAndStaysDoneWhateverIsTakenOffTheQueueAndTheList(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]bool{"queue": false, "queue and list": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{
					ErrorsAllowed: true, Guard: []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute},
					Bot: func(c *bot.Config) { c.Store = stolen{c.Store, handlers.KindUndone} },
				})}
				card := b.Ask()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				time.Sleep(10 * time.Second)
				undo := undoBy(b.Bench, "undo prod/DeployRole revive old sessions")
				if hide {
					b.DB.ZRem(t.Context(), tag+"history:"+b.subject(), undo.ID)
				}
				time.Sleep(12 * time.Minute)
				if onRole(b.Bench) != "" {
					t.Error("the guard wrote again what two people took away")
				}
				if card.Request().Undone == nil {
					t.Errorf("the card does not say that it was undone\n%s", b.Transcript())
				}
			})
		})
	}
}
