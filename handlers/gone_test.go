package handlers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func TestAnApprovedRequestWhoseWorkIsGoneIsCarriedOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone   int           // how often
		late   time.Duration // instead of gone
		faults int           // a try makes three calls
		ends   approvals.State
		delays int
	}{
		"AWS comes back":                   {1, 0, 12, approvals.StateApplied, 4},
		"its work is gone again and again": {3, 0, -1, approvals.StateFailed, 9},
		"its work comes after all":         {1, 4 * time.Minute, -1, approvals.StateFailed, 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{})}
				card := b.Ask()
				card.CaughtUp()
				b.AWS.Inject(awsstandin.Fault{
					Action: "PutRolePolicy", Status: 503, Code: "ServiceUnavailable", Times: c.faults,
				})
				card.Approve(actors.Bob)
				for n := range c.gone {
					if n > 0 {
						time.Sleep(2 * time.Minute) // until a sweep can take it up
					}
					b.Until("it is put off", func() bool {
						time.Sleep(200 * time.Millisecond)
						return card.Request().Delays == n+1
					})
					due := b.DB.ZRangeWithScores(t.Context(), tag+"due", 0, -1).Val()
					b.DB.Del(t.Context(), tag+"due")
					for _, z := range due {
						if z.Score += float64(c.late.Milliseconds()); c.late > 0 {
							b.DB.ZAdd(t.Context(), tag+"due", z)
						}
					}
				}
				time.Sleep(8 * time.Minute)
				card.Becomes(c.ends)
				var tries []time.Time
				for _, e := range card.Events() {
					if e.Type == approvals.EventDelayed {
						tries = append(tries, e.At)
					}
				}
				if len(tries) != c.delays {
					t.Errorf("it was put off %d times", len(tries))
				}
				for n := range len(tries) - 1 {
					if gap := tries[n+1].Sub(tries[n]); gap < step.RetryAfter(n) {
						t.Errorf("it was tried %v after delay %d", gap, n+1)
					}
				}
			})
		})
	}
}
