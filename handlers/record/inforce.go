package record

import (
	"cmp"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/internal/times"
)

// Past is one request of a principal, with its log.
type Past struct {
	Request approvals.Request
	Events  []approvals.Event
}

// Holding is what one applied request wrote on a principal, and what has become of it.
type Holding struct {
	Request approvals.Request // its Requester and Voters put it there, at its Ended
	Measure approvals.Measure // holdings of one measure write over one another
	Written

	Undone       bool   // a request undid it, by the log of either
	Dropped      bool   // a later undo left less on the principal than this one wrote
	Lost         bool   // the last check did not find it there, and it was not restored since
	Supersedes   string // the request whose holding this one wrote over; empty for none
	SupersededBy string // the request that wrote over this one; empty for none
}

// InForce reports whether no request took the holding away. One that is superseded is in force as
// part of the later one.
func (h Holding) InForce() bool { return !h.Undone && !h.Dropped }

// Force is what the requests of one principal come to.
type Force struct {
	Holdings []Holding           // the newest first; those that are not in force any more among them
	Open     []approvals.Request // have not ended, the newest first
	// Floor is the highest cutoff that a revocation has planned and no request has undone. Never
	// write a lower one.
	Floor time.Time
}

// InForce says what is in force on a principal, who put it there, and what superseded what. past
// are the principal's requests, in any order. Drills do not count, and failed requests do not, even
// if AWS may have taken their write.
func InForce(past []Past) Force {
	var f Force
	var undos []approvals.Request
	measures := make(map[string]approvals.Measure) // by request
	for _, p := range past {
		r := p.Request
		switch {
		case r.Purpose.Mode() == approvals.ModeDrill:
		case !r.State.Ended():
			f.Open = append(f.Open, r)
			f.Floor = times.Later(f.Floor, WrittenBy(p.Events).Planned)
		case r.State != approvals.StateApplied:
		case r.Purpose.Mode() == approvals.ModeUndo:
			undos = append(undos, r)
		default:
			measures[r.ID] = r.Purpose.Measure()
			f.Holdings = append(f.Holdings, Holding{
				Request: r, Measure: r.Purpose.Measure(), Written: WrittenBy(p.Events),
				Undone: r.Undone != nil, Lost: r.Watched.Type == approvals.EventTampered,
			})
		}
	}
	slices.SortFunc(f.Open, func(a, b approvals.Request) int {
		return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(b.ID, a.ID))
	})
	slices.SortFunc(f.Holdings, func(a, b Holding) int {
		return cmp.Or(b.Request.Ended.Compare(a.Request.Ended), cmp.Compare(b.Request.ID, a.Request.ID))
	})
	newer := make(map[approvals.Measure]*Holding) // by measure, the holding that was looked at last
	for i := range f.Holdings {
		h := &f.Holdings[i]
		for _, undo := range undos {
			h.Undone = h.Undone || undo.About == h.Request.ID
			if m, known := measures[undo.About]; m == h.Measure || !known {
				h.Dropped = h.Dropped || undo.Ended.After(h.Request.Ended) && leaves(undo).Before(h.Planned)
			}
		}
		if h.Undone {
			continue
		}
		f.Floor = times.Later(f.Floor, h.Planned)
		if n := newer[h.Measure]; n != nil {
			h.SupersededBy, n.Supersedes = n.Request.ID, h.Request.ID
		}
		newer[h.Measure] = h
	}
	return f
}

// leaves is the cutoff of what an undo leaves on the principal, zero for none.
func leaves(undo approvals.Request) time.Time {
	f, err := FactsOf(undo)
	if err != nil || f.Undo == nil {
		return time.Time{}
	}
	return f.Undo.RestoreCutoff
}

// Of is the holding of a request; false when the request has applied nothing.
func (f Force) Of(request string) (Holding, bool) {
	i := slices.IndexFunc(f.Holdings, func(h Holding) bool { return h.Request.ID == request })
	if i < 0 {
		return Holding{}, false
	}
	return f.Holdings[i], true
}

// Newest is the newest holding of a measure that is in force.
func (f Force) Newest(m approvals.Measure) (Holding, bool) {
	i := slices.IndexFunc(f.Holdings, func(h Holding) bool { return h.Measure == m && h.InForce() })
	if i < 0 {
		return Holding{}, false
	}
	return f.Holdings[i], true
}

// Writing reports whether a request was approved and has not ended. It is about to write, and can
// still fail.
func (f Force) Writing() bool {
	return slices.ContainsFunc(f.Open, func(r approvals.Request) bool { return r.State != approvals.StateOpen })
}
