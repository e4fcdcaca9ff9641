package crash

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/program"
	"github.com/revokebot/revokebot/sandbox/rewrites"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

var (
	flagAttacks     = flag.Int("crash.attacks", 4, "how many requests are attacked")
	flagAttackFirst = flag.Int("crash.attack", 20, "the number of the first, from which follows what is done to it")
)

// mostWrites is one, and what the guard restores.
const mostWrites = 6

// Redis is rewritten at random under two processes. Nothing is written to AWS without an approval,
// no approved revocation is lost without a word, and the card says what is so.
func TestRewritesOfRedisUnderRealProcessesWriteNothingAndLoseNothingInSilence(t *testing.T) {
	l := mustLane(t, kind{replicas: 2, expireAfter: 15 * time.Minute, guard: "5s, 15s, 40s"},
		program.Build(t, "cmd/revokebot"))
	ctx, cancel := context.WithTimeout(t.Context(), actorsPatience)
	defer cancel()
	if err := l.ready(ctx); err != nil {
		t.Fatal(err)
	}
	sum := newAttacks()
	// As many at one time as have people of their own.
	numbers := make(chan int)
	var all sync.WaitGroup
	for seat := range seats {
		all.Go(func() {
			for n := range numbers {
				l.attack(t, n, seat, sum)
			}
		})
	}
	for n := range *flagAttacks {
		numbers <- *flagAttackFirst + n
	}
	close(numbers)
	all.Wait()
	for _, r := range l.replicas {
		if !r.alive() {
			t.Errorf("replica %d has ended\n%s", r.number, l.log)
		}
	}
	t.Log(sum)
}

// attack attacks one request, and says what came of it.
func (l *lane) attack(t *testing.T, n, seat int, sum *attacks) {
	ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
	defer cancel()
	dice, started := rand.New(rand.NewPCG(uint64(n), 21)), time.Now()
	a := &ask{seat: seat, room: room(n), role: fmt.Sprintf("attack-%d", n), since: l.latest(room(n))}
	if _, err := l.world.Prod.NewRole(awsstandin.RoleSpec{Name: a.role, Trust: trust}); err != nil {
		t.Error(err)
		return
	}
	card, err := l.ask(ctx, a, 0, "prod/"+a.role+" attacked", requester(seat))
	if err != nil {
		t.Errorf("attack %d: %v\n%s", n, err, l.log)
		return
	}
	target := rewrites.Target{
		DB: l.db, Request: card.request, People: []string{requester(seat), approver(seat, 0)}, Dice: dice,
	}
	var did []string
	strike := func() { did = append(did, target.Strike(ctx)...) }
	approve, when, thief := dice.IntN(4) > 0, dice.IntN(3), dice.IntN(2) == 0
	var failure error
	if when == 0 || !approve {
		strike()
	}
	if approve {
		failure = l.press(ctx, a, card, approver(seat, 0), messages.ActionApprove)
		if when == 1 {
			strike()
		}
		pressed := time.Now()
		applied := func() bool {
			// A click that waits in Redis can be deleted there: the card stays open, and people press again.
			if r, _, err := l.store.Load(ctx, card.request); err == nil && r.State == approvals.StateOpen &&
				time.Since(pressed) > rethink {
				pressed = time.Now()
				_ = l.press(ctx, a, card, approver(seat, 0), messages.ActionApprove)
			}
			return l.putsOn(a.role) > 0
		}
		failure = errors.Join(failure, l.told(ctx, a, card, "the approved revocation", applied))
		if when == 2 {
			strike()
		}
	}
	if thief && l.putsOn(a.role) > 0 && l.world.Prod.DeleteRolePolicy(a.role, denyPolicy) == nil {
		failure = errors.Join(failure, l.told(ctx, a, card, "the guard", func() bool { return l.putsOn(a.role) > 1 }))
	}
	if !approve { // what was queued before is done when an answer comes to what is asked now
		since := l.latest(a.room)
		failure = errors.Join(failure, l.command(ctx, a, requester(seat), "help"),
			until(ctx, "help is given", func() error {
				if !l.whispered(a.room, requester(seat), since) {
					return errors.New("no answer")
				}
				return nil
			}))
	}
	writes, text := l.putsOn(a.role), l.text(a.room, card.ts)
	switch {
	case failure != nil:
	case !approve && writes > 0:
		failure = errors.New("written without an approval")
	case writes > mostWrites:
		failure = fmt.Errorf("%d writes", writes)
	case writes == 0 && strings.Contains(text, "*Revoked:*"):
		failure = errors.New("the card says " + text)
	}
	sum.add(did, approve, writes, l.alarmed(card.request))
	t.Logf("attack %d, %s: %d writes after %v", n, strings.Join(did, ", "), writes, time.Since(started).Round(time.Second))
	if failure != nil {
		t.Errorf("attack %d, %s (approved %v, when %d): %v\n%s\n%s", n, strings.Join(did, ", "), approve, when, failure, text,
			l.log)
	}
}

// told waits until something is there, or people are told that it is not.
func (l *lane) told(ctx context.Context, a *ask, c cardMessage, what string, there func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, quietPatience)
	defer cancel()
	return until(ctx, what+" is there, or an alarm", func() error {
		if there() || l.alarmed(c.request) || l.whispered(a.room, approver(a.seat, 0), a.since) {
			return nil
		}
		return errors.New("neither")
	})
}

// putsOn is how often a policy was put on a role.
func (l *lane) putsOn(role string) (n int) {
	for _, call := range l.aws.Calls("PutRolePolicy") {
		if call.Params["RoleName"] == role {
			n++
		}
	}
	return n
}

func (l *lane) text(room, ts string) string {
	all := l.slack.Messages(room)
	if i := slices.IndexFunc(all, func(m slackstandin.Message) bool { return m.TS == ts }); i >= 0 {
		return all[i].Text
	}
	return ""
}

// alarmed reports whether the log has an alarm about a request.
func (l *lane) alarmed(request string) bool {
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	return slices.ContainsFunc(l.log.lines, func(line string) bool {
		return strings.Contains(line, request) &&
			(strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "done by a sweep"))
	})
}

// attacks sums up.
type attacks struct {
	mu                                       sync.Mutex
	n, approved, applied, restored, warnings int
	kinds                                    map[string]int
}

func newAttacks() *attacks { return &attacks{kinds: make(map[string]int)} }

func (s *attacks) add(did []string, approved bool, writes int, alarm bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	for ok, count := range map[*int]bool{
		&s.approved: approved, &s.applied: writes > 0, &s.restored: writes > 1, &s.warnings: alarm,
	} {
		if count {
			*ok++
		}
	}
	for _, kind := range did {
		s.kinds[kind]++
	}
}

func (s *attacks) String() string {
	rewrites := 0
	for _, n := range s.kinds {
		rewrites += n
	}
	return fmt.Sprintf("%d requests attacked with %d rewrites of %d kinds: %d approved, %d applied, %d restored, %d with "+
		"an alarm", s.n, rewrites, len(s.kinds), s.approved, s.applied, s.restored, s.warnings)
}
