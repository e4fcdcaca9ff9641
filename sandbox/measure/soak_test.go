package measure

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// look is the bot at one moment of the soak.
type look struct {
	memory     int64
	goroutines int
	counted    bool // whether there was a metric to read goroutines from
}

// tally is what the acts of a soak came to. Its methods may be called at the same time.
type tally struct {
	mu     sync.Mutex
	at     []time.Duration // since the beginning, of those that were acknowledged
	took   []time.Duration
	failed []error
}

func (t *tally) note(at, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed = append(t.failed, err)
		return
	}
	t.at, t.took = append(t.at, at), append(t.took, took)
}

// between are the times of the acts that began in a span.
func (t *tally) between(from, till time.Duration) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var some []time.Duration
	for i, at := range t.at {
		if at >= from && at < till {
			some = append(some, t.took[i])
		}
	}
	return some
}

// soak has people ask and decide all the time, at a steady rate: half are commands, half clicks on
// the cards that came of them, of which few approve. The first and the last tenth are compared.
func soak(tb testing.TB, p programs, all *table) {
	length, rate := *flagSoak, *flagRate
	if length <= 0 {
		return
	}
	// A role is free again when its card was decided, so a few hundred go round; a person asks once in
	// half a minute.
	w := newWorld(tb, 15*rate, 60*rate)
	b := w.bot(p.bot)
	seen := func() look {
		l := look{memory: b.memory()}
		l.goroutines, l.counted = b.goroutines(tb.Context())
		return l
	}
	part := length / 10
	acts := &tally{}
	var first look
	var going sync.WaitGroup
	began := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	asked, decided, late := 0, 0, 0
	for n := 0; ; n++ {
		<-tick.C
		at := time.Since(began)
		if at >= length {
			break
		}
		if first.memory == 0 && at >= part {
			first = seen()
		}
		var act func() (time.Duration, error)
		if n%2 == 0 {
			lane, role := w.lane(asked), asked%w.roles
			act = func() (time.Duration, error) { return w.ask(lane, role) }
			asked++
		} else {
			select {
			case c := <-w.cards:
				number := decided
				act = func() (time.Duration, error) { return w.decide(number, c) }
				decided++
			default:
				late++ // no card is there yet; the next one is pressed at the next turn
				continue
			}
		}
		going.Go(func() {
			took, err := act()
			acts.note(at, took, err)
		})
	}
	last := seen()
	going.Wait()
	w.quiet(b)
	if len(acts.failed) > 0 {
		tb.Errorf("%d of %d acts were not acknowledged: %v", len(acts.failed), asked+decided,
			errors.Join(acts.failed[:min(3, len(acts.failed))]...))
	}
	what := fmt.Sprintf("soak, %v at %d a second: ", length, rate)
	all.add(what+"acts", fmt.Sprintf("%s commands, %s clicks", thousands(asked), thousands(decided)), "")
	head, tail := acts.between(0, part), acts.between(length-part, length)
	headMedian, tailMedian := percentile(head, 50), percentile(tail, 50)
	grown := ratio(tailMedian, headMedian)
	all.aim("soak: acknowledgement, median, first tenth and last",
		fmt.Sprintf("%s, %s (%.2f×)", short(headMedian), short(tailMedian), grown), "",
		fmt.Sprintf("≤ %.2f×", growthAim), grown <= growthAim)
	all.add("soak: acknowledgement, p99, first tenth and last",
		short(percentile(head, 99))+", "+short(percentile(tail, 99)), "")
	grown = ratio(last.memory, first.memory)
	all.aim("soak: memory, after a tenth and at the end",
		fmt.Sprintf("%s, %s (%.2f×)", megabytes(first.memory), megabytes(last.memory), grown), "",
		fmt.Sprintf("≤ %.2f×", growthAim), grown <= growthAim)
	if first.counted && last.counted {
		grown = ratio(float64(last.goroutines), float64(first.goroutines))
		all.aim("soak: goroutines, after a tenth and at the end",
			fmt.Sprintf("%d, %d (%.2f×)", first.goroutines, last.goroutines, grown), "",
			fmt.Sprintf("≤ %.2f×", growthAim), grown <= growthAim)
	}
	if late > asked/20 {
		tb.Logf("%d clicks came too early: the cards were late", late)
	}
}
