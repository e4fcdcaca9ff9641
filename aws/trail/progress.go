package trail

import (
	"slices"
	"sync"
)

// Progress is how far a look-up has come.
type Progress struct {
	Done, Regions int      // regions that are done, of all
	Waiting       []string // regions that are not
	Events        int      // events read so far
	Sessions      int      // sessions among them; told twice counts twice until the end
}

// watch tells how far a look-up has come, one word after the other.
type watch struct {
	tell func(Progress) // nil: nobody wants to know

	mu  sync.Mutex
	now Progress
}

func newWatch(regions []string, tell func(Progress)) *watch {
	return &watch{tell: tell, now: Progress{Regions: len(regions), Waiting: regions}}
}

// read notes an answer.
func (w *watch) read(events, sessions int) {
	w.change(func(p *Progress) { p.Events, p.Sessions = p.Events+events, p.Sessions+sessions })
}

// done notes that a region will say no more.
func (w *watch) done(region string) {
	w.change(func(p *Progress) {
		p.Done++
		p.Waiting = slices.DeleteFunc(slices.Clone(p.Waiting), func(r string) bool { return r == region })
	})
}

func (w *watch) change(by func(*Progress)) {
	if w.tell == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	by(&w.now)
	w.tell(w.now)
}
