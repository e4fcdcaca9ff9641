package crash

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally sums up rounds.
type tally struct {
	mu       sync.Mutex
	started  time.Time
	rounds   int
	longest  time.Duration
	slowest  int // the longest round's number
	without  int // rounds whose shots found nothing to strike
	kills    map[string]int
	cuts     map[string]int
	allDied  int // kills that took both replicas
	passed   map[string]int
	stories  map[string]int
	states   map[string]int
	checked  map[string]int
	broken   int
	replicas map[int]int
}

func newTally() *tally {
	return &tally{
		started: time.Now(), kills: make(map[string]int), cuts: make(map[string]int), passed: make(map[string]int),
		stories: make(map[string]int), states: make(map[string]int), checked: make(map[string]int),
		replicas: make(map[int]int),
	}
}

func (t *tally) add(p plan, fired []shot, seen map[point]int, c checks, took time.Duration) (rounds int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rounds++
	t.replicas[p.kind.replicas]++
	if took > t.longest {
		t.longest, t.slowest = took, p.number
	}
	if len(fired) == 0 {
		t.without++
	}
	for _, s := range fired {
		switch s.how {
		case cutReply:
			t.cuts[s.at.String()]++
		default:
			t.kills[s.at.String()]++
			if s.how == killAll && p.kind.replicas > 1 {
				t.allDied++
			}
		}
	}
	for at, n := range seen {
		t.passed[at.String()] += n
	}
	for _, a := range p.asks {
		t.stories[string(a.story)]++
	}
	for state, n := range c.states {
		t.states[state.String()] += n
	}
	for invariant, n := range c.count {
		t.checked[invariant] += n
	}
	t.broken += len(c.broken)
	return t.rounds
}

// failures is how often an invariant was broken so far.
func (t *tally) failures() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// String is the report.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds (%d with one replica, %d with two) in %v, the longest (%d) %v; "+
		"%d of them without a death or a cut\n",
		t.rounds, t.replicas[1], t.replicas[2], time.Since(t.started).Round(time.Second), t.slowest,
		t.longest.Round(100*time.Millisecond), t.without)
	list := func(title string, counts map[string]int) {
		total := 0
		for _, n := range counts {
			total += n
		}
		fmt.Fprintf(&b, "%s: %d\n", title, total)
		for _, name := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
		}) {
			fmt.Fprintf(&b, "  %7d %s\n", counts[name], name)
		}
	}
	list(fmt.Sprintf("kill -9 (%d of them to both replicas)", t.allDied), t.kills)
	list("connections cut", t.cuts)
	list("requests", t.stories)
	list("how they stood at the end", t.states)
	list("invariants checked", t.checked)
	fmt.Fprintf(&b, "broken: %d\n", t.broken)
	var never []string
	for _, p := range points() {
		if t.kills[p.String()]+t.cuts[p.String()] == 0 {
			never = append(never, fmt.Sprintf("%s (passed %d times)", p, t.passed[p.String()]))
		}
	}
	if len(never) > 0 {
		fmt.Fprintf(&b, "not struck: %s\n", strings.Join(never, ", "))
	}
	return b.String()
}
