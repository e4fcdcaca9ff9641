package incidents_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// story is the sandbox's own: its accounts with a day behind them, its actors at work, and the
// schedules of its configuration.
type story struct {
	t    *testing.T
	b    *bench.Bench
	cast *actors.Cast
	card bench.Card // of the stolen session's role, revoked
	// began is when that was.
	began time.Time
}

// newStory lets something happen before the revocation.
func newStory(t *testing.T, first func(*story) error) *story {
	t.Helper()
	s := &story{t: t, b: bench.New(t, bench.Options{
		Margin:     10 * time.Second,
		FollowUps:  []time.Duration{30 * time.Second, 2 * time.Minute, 7 * time.Minute, 16 * time.Minute},
		Guard:      []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute},
		TrailDelay: 5 * time.Second, Propagation: 4 * time.Second,
	})}
	loot, err := actors.SeedLife(t.Context(), s.b.AWS, s.b.World)
	if err != nil {
		t.Fatal(err)
	}
	sdk, world := s.b.SDK(s.b.World.CI), s.b.World
	s.cast = actors.New(actors.Config{
		HTTPClient: sdk.HTTPClient.(*http.Client), Endpoint: *sdk.BaseEndpoint, RoleARN: world.Role, Key: world.Key(),
		Rival: world.RivalKey(), Console: world.ConsoleKey(), Loot: &loot, Interval: 20 * time.Second,
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.cast.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	if err := first(s); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Second)
	s.card, s.began = s.revoke(actors.DeployRole), time.Now()
	return s
}

// revoke has sessions of a role revoked by two people.
func (s *story) revoke(role string) bench.Card {
	s.t.Helper()
	card := s.b.AskFor(actors.Rosa, "prod/"+role+" key pasted in a gist")
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

// ends waits for the last check, fifteen minutes after the last follow-up, and returns the verdict.
// Any "contained" before the moment early fails the test.
func (s *story) ends(early time.Time) (last record.Word) {
	s.t.Helper()
	time.Sleep(40*time.Minute - time.Since(s.began))
	for _, e := range s.card.Events() {
		if c := record.Known[record.Conclusion](e); e.Type == approvals.EventVerdict && c != nil {
			last = c.Word
			if last == record.WordContained && e.At.Before(early) {
				s.t.Errorf("contained at %v, before %v\n%s", e.At, early, s.b.Transcript())
			}
		}
	}
	return last
}

const secondRole = "NightlyBackup"

func nothing(*story) error { return nil }

// What CloudTrail does not tell, and what another policy denies, leave the verdict unknown, though
// the thief is out.
func TestTheStoryEndsUnknownWhereTheProofIsMissing(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*story) error{
		"a standing deny by a managed policy": func(s *story) error {
			arn, err := s.b.World.Prod.AddManagedPolicy("CompanyAddressesOnly", `{"Version":"2012-10-17","Statement":[{`+
				`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24",`+
				`"198.51.100.0/24"]}}}]}`)
			if err != nil {
				return err
			}
			return s.b.World.Prod.AttachRolePolicy(actors.DeployRole, arn)
		},
		"a region that is late": func(s *story) error {
			s.b.AWS.SetRegionTrailDelay("eu-west-1", 2*time.Hour)
			return nil
		},
		"a region that does not answer": func(s *story) error {
			s.b.AWS.Inject(awsstandin.Fault{Service: "cloudtrail", Region: "eu-west-1", Hang: true, Times: -1})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStory(t, first)
				time.Sleep(3 * time.Minute)
				s.revoke(secondRole)
				if got := s.ends(time.Now().Add(time.Hour)); got != record.WordUnknown {
					t.Errorf("the verdict is %q\n%s", got, s.b.Transcript())
				}
				if state := s.cast.Status(actors.Thief).State; state != actors.IsDenied {
					t.Errorf("at the end the thief %s", state)
				}
			})
		})
	}
}

func TestTheStoryEndsInItsTrueVerdict(t *testing.T) {
	t.Parallel()
	console := func(s *story) error { _, err := s.cast.ConsoleOverwrite(s.t.Context()); return err }
	lift := func(s *story) error { return s.cast.ConsoleRemove(s.t.Context()) }
	fight := func(lasts time.Duration) func(*story) error {
		return func(s *story) error {
			s.cast.FightBack(true)
			time.Sleep(lasts)
			s.cast.FightBack(false)
			return nil
		}
	}
	for name, c := range map[string]struct {
		after    time.Duration // the second revocation
		happens  func(*story) error
		second   bool // the second role is revoked, too
		want     record.Word
		answered bool // the thief is, with the stolen session, at the end
	}{
		"the second role is not revoked":  {0, nothing, false, record.WordNotContained, false},
		"the second role is revoked":      {0, nothing, true, record.WordContained, false},
		"overwritten, and restored":       {time.Minute, console, true, record.WordContained, false},
		"overwritten, the guard is over":  {18 * time.Minute, console, true, record.WordNotContained, false},
		"lost, and restored":              {time.Minute, lift, true, record.WordContained, false},
		"lost, the guard is over":         {18 * time.Minute, lift, true, record.WordNotContained, true},
		"fought for a while":              {100 * time.Second, fight(26 * time.Second), true, record.WordContained, false},
		"fought until the guard gives up": {time.Minute, fight(5 * time.Minute), true, record.WordNotContained, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStory(t, nothing)
				early := time.Now().Add(time.Hour)
				if c.second {
					time.Sleep(3 * time.Minute)
					s.revoke(secondRole)
					early = time.Now()
				}
				time.Sleep(c.after)
				if err := c.happens(s); err != nil {
					t.Fatal(err)
				}
				got := s.ends(early)
				if got != c.want {
					t.Errorf("the verdict is %q, not %q\n%s", got, c.want, s.b.Transcript())
				}
				if state := s.cast.Status(actors.Thief).State; (state == actors.GetsAnswers) != c.answered {
					t.Errorf("at the end the thief %s", state)
				}
			})
		})
	}
}
