package trail

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// manyRegions looks at seventeen regions with so many events in each, all of one role and signed by
// one key, and says how long the two kinds of look took and how much memory they held at most.
func manyRegions(t *testing.T, each int) (sessions, calls measured) {
	onBench(t, func(in *standin.Config, c *aws.Config) {
		in.Latency, c.Accounts[0].Regions, c.Logger = time.Millisecond, seventeen, slog.New(slog.DiscardHandler)
	}, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.filled(role.ARN, each, seventeen)
		look := func(do func() (events int)) (m measured) {
			t.Helper()
			time.Sleep(time.Minute) // for the pace to be fresh
			before, done, over := liveHeap(), make(chan struct{}), make(chan struct{})
			go func() {
				defer close(over)
				for {
					select {
					case <-done:
						return
					case <-time.After(time.Second):
						m.held = max(m.held, int64(liveHeap())-int64(before))
					}
				}
			}()
			began := time.Now()
			events := do()
			took := time.Since(began)
			close(done)
			<-over
			m.events, m.took = events, took
			return m
		}
		sessions = look(func() int {
			got, err := b.trail.Lookup(t.Context(), LookupQuery{
				AccountName: "prod", RoleARN: role.ARN, Limit: each,
			})
			if err != nil || len(got.Sessions) != each {
				t.Fatalf("%d sessions, %v", len(got.Sessions), err)
			}
			return eventsOf(got.Regions)
		})
		calls = look(func() int {
			got := b.activityOf(Session{AccessKeyID: "AKIAALICE"}, func(q *ActivityQuery) { q.Limit = each })
			if got.Calls != each*len(seventeen) || !covered(got.Regions) { // not all children are listed
				t.Fatalf("%d calls", got.Calls)
			}
			return eventsOf(got.Regions)
		})
	})
	return sessions, calls
}

type measured struct {
	took   time.Duration
	held   int64 // bytes, at most
	events int
}

func eventsOf(regions []RegionCoverage) (n int) {
	for _, r := range regions {
		n += r.Events
	}
	return n
}

// Two thousand events each, without the race detector.
func TestSeventeenRegionsTakeNoLongerThanThePaceAndHoldLittle(t *testing.T) {
	const each, most = eventsEach, 16 << 20
	sessions, calls := manyRegions(t, each)
	for name, m := range map[string]measured{"sessions": sessions, "calls": calls} {
		if m.events != each*len(seventeen) || m.took > allowed(each)+time.Second || m.held > most {
			t.Errorf("%s: %d events in %v, and %d kB were held", name, m.events, m.took, m.held/1024)
		}
	}
}

// BenchmarkSeventeenRegions prints how long 17 × 2,000 events take on the bubble's clock, beside
// what two requests a second allow, and how much memory is held at most, beside the same for a
// tenth of the events.
func BenchmarkSeventeenRegions(b *testing.B) {
	const each = 2000
	for b.Loop() {
		inBubble(b, func(t *testing.T) {
			fewSessions, fewCalls := manyRegions(t, each/10)
			sessions, calls := manyRegions(t, each)
			for _, m := range []struct {
				name     string
				all, few measured
			}{{"sessions", sessions, fewSessions}, {"calls", calls, fewCalls}} {
				b.Logf("%s: %d events in %v; two requests a second allow %v; held at most %d kB, for a tenth %d kB",
					m.name, m.all.events, m.all.took, allowed(each), m.all.held/1024, m.few.held/1024)
				b.ReportMetric(m.all.took.Seconds(), m.name+"-s")
				b.ReportMetric(float64(m.all.held)/(1<<20), m.name+"-MB")
			}
		})
	}
}

// inBubble runs what needs a bubble's fake time within a benchmark, which has no bubbles.
func inBubble(b *testing.B, f func(*testing.T)) {
	b.Helper()
	if !testing.RunTests(func(_, _ string) (bool, error) {
		return true, nil
	}, []testing.InternalTest{{Name: b.Name(), F: f}}) {
		b.Fatal("the measured test failed")
	}
}
