// Package approvalstest holds the one suite that every approvals.Store passes.
//
// Run opens a new, empty store for each test and holds it against the sentences of the Store
// interface. Time is a parameter: a Setup says how a test is run, such as inside a testing/synctest
// bubble, and its Harness lets time pass by the store's clock. On fake time that costs nothing and
// is exact; on a real server it is real, so the Harness says how long the shortest span is that its
// clock tells well. A test that wants something not to have happened yet uses spans that never pass
// (an hour) or, where that says nothing, looks at the store's clock and begins again if it was too
// slow.
//
// Everything that a test says about one store it says about another process's store on the same
// data.
package approvalstest

import (
	"context"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Harness is an empty store, and time.
type Harness struct {
	Store approvals.Store
	// Another is the store of a second process on the same data.
	Another approvals.Store
	// Advance lets at least d pass by the store's clock.
	Advance func(d time.Duration)
	// Empty makes the store lose everything, as a server without a disk does when it restarts.
	Empty func()
}

// Setup opens stores for the suite.
type Setup struct {
	// In runs a test, such as inside a bubble; nil: as it is.
	In func(t *testing.T, test func(t *testing.T))
	// Open returns an empty store that keeps ended requests for the retention. It is closed when the
	// test ends.
	Open func(t *testing.T, retention time.Duration) Harness
	// Span is the shortest time that the tests wait for; 0: a second.
	Span time.Duration
	// Exact says that time passes in Advance only, and by exactly d.
	Exact bool
	// Sealed says that the store seals items with their time, so that no two are equal.
	Sealed bool
}

// Run runs the suite.
func Run(t *testing.T, s Setup) {
	t.Helper()
	if s.In == nil {
		s.In = func(t *testing.T, test func(t *testing.T)) { test(t) }
	}
	if s.Span == 0 {
		s.Span = time.Second
	}
	for _, chapter := range []struct {
		name      string
		retention time.Duration
		tests     []sentence
	}{
		{"Clock", years, clock},
		{"Accept", years, accepting},
		{"Open", years, opening},
		{"List", years, listing},
		{"Commit", years, committing},
		{"Moves", years, moving},
		{"ToldAgain", years, again},
		{"Condemn", years, condemning},
		{"Work", years, working},
		{"Timers", years, timing},
		{"Delivery", years, delivering},
		{"Limits", years, limiting},
		{"Retention", retentionSpans * s.Span, retaining},
		{"AtOnce", years, together},
	} {
		t.Run(chapter.name, func(t *testing.T) {
			for _, one := range chapter.tests {
				if one.exact && !s.Exact || one.equal && s.Sealed {
					continue
				}
				t.Run(one.name, func(t *testing.T) {
					s.In(t, func(t *testing.T) {
						h := s.Open(t, chapter.retention)
						one.test(&bench{
							T: t, Harness: h, ctx: t.Context(), span: s.Span, exact: s.Exact, retains: chapter.retention < years,
						})
					})
				})
			}
		})
	}
}

// sentence is one test, named for what it says.
type sentence struct {
	name string
	test func(b *bench)
	// exact is for what can be seen only on a clock that stands still between two steps.
	exact bool
	// equal is about items that are equal.
	equal bool
}

// bench is what a test has in hand: a harness, and methods that fail the test when the store does.
type bench struct {
	*testing.T
	Harness
	ctx   context.Context
	span  time.Duration
	exact bool
	// retains says that the store forgets what has ended after retentionSpans.
	retains bool
	acted   int // acts that were counted
}

const (
	// never is a span that no test lives to see.
	never = time.Hour
	// held is a lease that no test lives to see the end of.
	held = 3 * time.Minute
	// years is a retention that outlives everything.
	years = 2 * 365 * 24 * time.Hour
	// retentionSpans is the retention of the tests of retention, in spans.
	retentionSpans = 10
)

// Who asks, approves and works in the tests.
const (
	alice  = "U0ALICE"
	bob    = "U0BOB"
	worker = "worker 1"
	rival  = "worker 2"
)
