package actors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// Loot is what the thief has after SeedLife: the stolen session, and what was taken with it.
type Loot struct {
	Stolen awssdk.Credentials // of the role of the story
	ARN    string             // of that session
	Issued time.Time          // by AWS's clock
	// Chained are the credentials of a session of another role that the stolen one assumed; it lives
	// an hour at most.
	Chained awssdk.Credentials
	Asides  []Aside // other thefts, each for another measure
}

// SeedLife adds a day to what SeedAWS made: deployments by a build system with tokens of its own
// and by another with a key, functions, instances and people in two regions; and for the last hour
// the thief, who has a session that was in a gist, looks around in several services, makes an
// access key for a forgotten user, and assumes a second role.
//
// All of it happens in the stand-in as it would now, with AWS's clock set back: sessions are
// issued, requests are signed, policies decide, and CloudTrail tells. Nobody else may use the
// server meanwhile. The day is the same whenever it ends, but for ids and keys.
func SeedLife(ctx context.Context, server *standin.Server, w World) (Loot, error) {
	offset := time.Until(server.Now()).Round(time.Second)
	defer server.SetClockOffset(offset)
	l := &life{
		ctx: ctx, server: server, world: w, now: server.Now().Truncate(time.Second),
		chance: rand.New(rand.NewPCG(1850, 2011)),
		client: &http.Client{Transport: server.Direct()},
	}
	if err := l.people(func(days int) { server.SetClockOffset(offset - time.Duration(days)*24*time.Hour) }); err != nil {
		return Loot{}, err
	}
	asides, err := l.asides()
	if err != nil {
		return Loot{}, err
	}
	l.loot.Asides = asides
	l.plan()
	for _, a := range asides {
		l.before(a)
	}
	slices.SortStableFunc(l.moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range l.moments {
		server.SetClockOffset(offset - l.now.Sub(m.at))
		if err := m.happen(); err != nil {
			return Loot{}, fmt.Errorf("seed %s, %s ago: %w", m.what, l.now.Sub(m.at), err)
		}
	}
	return l.loot, nil
}

// life is a day in the making.
type life struct {
	ctx     context.Context
	server  *standin.Server
	world   World
	now     time.Time // the end of the day
	chance  *rand.Rand
	client  *http.Client
	moments []moment
	loot    Loot

	scheduler, forgotten awssdk.Credentials
}

// moment is one thing that happens.
type moment struct {
	at     time.Time
	what   string
	happen func() error
}

func (l *life) at(t time.Time, what string, happen func() error) {
	l.moments = append(l.moments, moment{t, what, happen})
}

// workday spreads n moments over the last 24 hours, most of them over the last twelve: the day ends
// with the working hours, whatever the hour is. What follows a moment within some minutes lies in
// the past too.
func (l *life) workday(n int) []time.Time {
	const slot = 15 * time.Minute
	var slots []time.Time
	for ago := 24 * time.Hour; ago > slot; ago -= slot {
		weight := 1
		if ago <= 12*time.Hour {
			weight = 6
		}
		for range weight {
			slots = append(slots, l.now.Add(-ago))
		}
	}
	times := make([]time.Time, 0, n)
	for i := range n {
		t := slots[i*len(slots)/n]
		times = append(times, t.Add(time.Duration(l.chance.IntN(int(slot/time.Second)-240))*time.Second))
	}
	return times
}

// every gives the moments of something regular in the last 24 hours.
func (l *life) every(interval, first time.Duration) []time.Time {
	var times []time.Time
	for t := l.now.Add(-24*time.Hour + first); t.Before(l.now.Add(-4 * time.Minute)); t = t.Add(interval) {
		times = append(times, t.Add(time.Duration(l.chance.IntN(50))*time.Second))
	}
	return times
}

// caller is somebody who calls from a place with a key.
func (l *life) caller(p place, creds awssdk.Credentials) caller {
	return caller{
		http: l.client, place: p, creds: creds, now: l.server.Now,
		endpoint: func(service, region string) string {
			if service == "iam" {
				return "https://iam.amazonaws.com"
			}
			return "https://" + service + "." + region + ".amazonaws.com"
		},
	}
}

// errand is a call that a session makes.
type errand struct {
	after                   time.Duration // from the session's issue
	service, region, action string
	params                  map[string]string
	denied                  bool // it is not allowed to
}

// run lets a session make its calls; creds is where its credentials will be.
func (l *life) run(issued time.Time, p place, creds *awssdk.Credentials, errands ...errand) {
	for _, e := range errands {
		l.at(issued.Add(e.after), e.service+":"+e.action, func() error {
			return expected(e.denied, l.caller(p, *creds).do(l.ctx, e))
		})
	}
}

// do makes the call of an errand.
func (c caller) do(ctx context.Context, e errand) error {
	if e.service == "iam" {
		return c.look(ctx, e.action)
	}
	return c.call(ctx, e.service, e.region, e.action, e.params)
}

// expected turns the denial that was to come into none, and its absence into an error.
func expected(denied bool, err error) error {
	switch {
	case !denied:
		return err
	case err == nil:
		return fmt.Errorf("it was to be denied")
	case outcomeOf(err) == Denied:
		return nil
	default:
		return err
	}
}

func inSDKSession(k standin.AccessKey) awssdk.Credentials {
	return awssdk.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
}
