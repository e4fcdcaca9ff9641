package record

import (
	"cmp"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
)

// Past is one request of a principal, with its log.
type Past struct {
	Request approvals.Request
	Events  []approvals.Event
}

// Measures are what requests can be for.
type Measures map[approvals.Measure]contain.Measure

// Holding is what one applied request wrote on a principal, and what has become of it.
type Holding struct {
	Request approvals.Request // its Requester and Voters put it there, at its Ended
	Measure approvals.Measure
	Written

	Undone       bool   // a request undid it, by the log of either
	Dropped      bool   // a later undo left less in one of its slots than this one wrote
	Lost         bool   // the last check did not find it there, and it was not restored since
	Supersedes   string // the earlier request of the same measure; empty for none
	SupersededBy string // the later request of the same measure; empty for none
}

// InForce reports whether no request took the holding away. One that is superseded is in force as
// part of the later one.
func (h Holding) InForce() bool { return !h.Undone && !h.Dropped }

// Force is what the requests of one principal come to.
type Force struct {
	Holdings []Holding           // the newest first; those that are not in force any more among them
	Open     []approvals.Request // have not ended, the newest first

	promised []promised
}

// promised is what a request has promised and no request has undone.
type promised struct {
	request approvals.Request
	docs    []contain.Document
}

// InForce says what is in force on a principal, who put it there, and what superseded what. past
// are the principal's requests, in any order. Drills do not count, and failed requests do not, even
// if AWS may have taken their write.
func InForce(past []Past, measures Measures) Force {
	var f Force
	var undos []approvals.Request
	for _, p := range past {
		r, w := p.Request, WrittenBy(p.Events)
		switch {
		case r.Purpose.Mode() == approvals.ModeDrill:
		case !r.State.Ended():
			f.Open = append(f.Open, r)
			if r.Purpose.Mode() == approvals.ModeDo {
				f.promised = append(f.promised, promised{r, w.Documents()})
			}
		case r.State != approvals.StateApplied:
		case r.Purpose.Mode() == approvals.ModeUndo:
			undos = append(undos, r)
		default:
			f.Holdings = append(f.Holdings, Holding{
				Request: r, Measure: r.Purpose.Measure(), Written: w,
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
	newer := make(map[approvals.Measure]*Holding) // the holding that was looked at last
	for i := range f.Holdings {
		h := &f.Holdings[i]
		for _, undo := range undos {
			h.Undone = h.Undone || undo.About == h.Request.ID
			h.Dropped = h.Dropped || undo.Ended.After(h.Request.Ended) && drops(undo, *h, measures[h.Measure])
		}
		if h.Undone {
			continue
		}
		f.promised = append(f.promised, promised{h.Request, h.Documents()})
		if n := newer[h.Measure]; n != nil {
			h.SupersededBy, n.Supersedes = n.Request.ID, h.Request.ID
		}
		newer[h.Measure] = h
	}
	return f
}

// drops reports whether what an undo left in a slot does less than what a holding wrote there last.
// An undo that cannot be read has left nothing, as far as is known.
func drops(undo approvals.Request, h Holding, m contain.Measure) bool {
	a, err := Detail[Applied](undo.Closing)
	if err != nil || len(a.Slots) == 0 {
		return true
	}
	return slices.ContainsFunc(h.Last(), func(d contain.Document) bool {
		return slices.ContainsFunc(a.Slots, func(left Stand) bool {
			return d.Slot == left.Slot && (m == nil || m.Gap(undo.Ended, left.Document, d) != contain.Covers)
		})
	})
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

// Above is the newest holding in force that was applied after a request's and wrote into a slot of
// its changes. It is undone first: two requests can have put the same text there.
func (f Force) Above(request string, changes []contain.Change) (Holding, bool) {
	shares := func(c contain.Change) bool {
		return slices.ContainsFunc(changes, func(own contain.Change) bool { return own.Slot == c.Slot })
	}
	for _, h := range f.Holdings {
		switch {
		case h.Request.ID == request:
			return Holding{}, false
		case h.InForce() && slices.ContainsFunc(h.Changes, shares):
			return h, true
		}
	}
	return Holding{}, false
}

// Minimum is what requests for a measure have promised and no request has undone, but those of one
// request. Never write less.
func (f Force) Minimum(m approvals.Measure, but string) (docs []contain.Document) {
	for _, p := range f.promised {
		if p.request.Purpose.Measure() == m && p.request.ID != but {
			docs = append(docs, p.docs...)
		}
	}
	return docs
}

// Writing reports whether a request was approved and has not ended. It is about to write, and can
// still fail.
func (f Force) Writing() bool {
	return slices.ContainsFunc(f.Open, func(r approvals.Request) bool { return r.State != approvals.StateOpen })
}
