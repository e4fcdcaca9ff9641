package crash

import "sync"

// how says what a shot does.
type how int

const (
	killOne  how = iota // SIGKILL to the process that made the step
	killAll             // SIGKILL to all processes of the lane
	cutReply            // the connection is cut, and the process lives on
)

// shot is one misfortune that a round has planned.
type shot struct {
	at    point
	nth   int  // it strikes at the nth time
	how   how  //
	carry bool // what was on its way when the process died arrives all the same
	late  bool // the process comes back when the round is over; another one is there
}

// effect is what a step has to do after it told the gate.
type effect struct {
	lost  bool // the process is gone or its connection is to be cut: there is nobody to answer
	carry bool // the step is done nevertheless
}

// gate is told of all steps of a lane's processes, and strikes.
type gate struct {
	strike func(replica int, s shot) // returns when the process is gone

	mu    sync.Mutex
	armed []shot
	seen  map[point]int // of this round
	fired []shot
}

// arm sets a round's shots; those of the round before are forgotten.
func (g *gate) arm(shots []shot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed, g.fired, g.seen = shots, nil, make(map[point]int)
}

// disarm ends the shooting and returns what struck, and how often each point was passed.
func (g *gate) disarm() (fired []shot, seen map[point]int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fired, seen = g.fired, g.seen
	g.armed, g.fired, g.seen = nil, nil, nil
	return fired, seen
}

// step is called at a point, before the bot can know of what comes after it.
func (g *gate) step(replica int, p point) effect {
	g.mu.Lock()
	if g.seen != nil {
		g.seen[p]++
	}
	struck, ok := g.next(p)
	g.mu.Unlock()
	if !ok {
		return effect{}
	}
	if struck.how != cutReply {
		g.strike(replica, struck)
	}
	return effect{lost: true, carry: struck.carry}
}

// next counts the shots that wait for p down and takes the first whose turn it is. The caller holds
// the lock.
func (g *gate) next(p point) (shot, bool) {
	for i := range g.armed {
		s := &g.armed[i]
		if s.at.what == "" && s.at.after == p.after || s.at == p {
			if s.nth--; s.nth > 0 {
				continue
			}
			struck := *s
			g.armed = append(g.armed[:i:i], g.armed[i+1:]...)
			struck.at = p
			g.fired = append(g.fired, struck)
			return struck, true
		}
	}
	return shot{}, false
}
