package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// Detail decodes an event's Detail into the payload of its type.
func Detail[T any](e approvals.Event) (T, error) {
	var d T
	err := json.Unmarshal(e.Detail, &d)
	if err != nil {
		err = fmt.Errorf("event %d (%s): %w", e.Seq, e.Type, err)
	}
	return d, err
}

// Known is the payload of an event, nil for one that cannot be read.
func Known[T any](e approvals.Event) *T {
	d, err := Detail[T](e)
	if err != nil {
		return nil
	}
	return &d
}

// All are the events of a type whose payload can be read.
func All[T any](events []approvals.Event, of approvals.EventType) iter.Seq2[approvals.Event, T] {
	return func(yield func(approvals.Event, T) bool) {
		for _, e := range events {
			if e.Type != of {
				continue
			}
			if d, err := Detail[T](e); err == nil && !yield(e, d) {
				return
			}
		}
	}
}

// FactsOf decodes what the subject of a request holds.
func FactsOf(r approvals.Request) (Facts, error) {
	var f Facts
	if err := json.Unmarshal(r.Subject.Facts, &f); err != nil {
		return Facts{}, fmt.Errorf("facts of request %s: %w", r.ID, err)
	}
	return f, nil
}

// View is a request with its log.
type View struct {
	Request approvals.Request
	Events  []approvals.Event

	// Only of a request that is decided on:
	Card string    // the message that is its card, "" when it is not known yet
	Now  time.Time // the store's clock, before the rest was read
}

// Holding is what a request wrote on a principal, and what has become of it.
type Holding struct {
	// Changes are what was promised, oldest first. AWS may have taken each, although no answer came.
	Changes []contain.Change
	First   time.Time          // the cutoff that AWS accepted first; zero if it took none
	Cutoff  time.Time          // the highest that AWS accepted; zero if it took none
	Since   time.Time          // the cutoff, or when AWS accepted what has none: parts sessions; zero if none
	Planned time.Time          // the highest that was planned or written; zero before there was a plan
	Stands  []contain.Document // as AWS accepted them last
	Refused []contain.Slot     // that AWS never took

	// Only from InForce:
	Request      approvals.Request // its Requester and Voters put it there, at its Ended
	Measure      approvals.Measure
	Events       []approvals.Event
	Undone       bool   // a request undid it, by the log of either
	Dropped      bool   // a later undo left less in one of its slots than this one wrote
	SupersededBy string // the later request of the same measure; empty for none
	// Others are what requests in force for other parts of the principal wrote into the same slots.
	Others []contain.Change
}

// InForce reports whether no request took the holding away. One that is superseded is in force as
// part of the later one.
func (h Holding) InForce() bool { return !h.Undone && !h.Dropped }

// Expires is the latest end, by CloudTrail, of a session that the holding keeps out; zero if none
// is known.
func (h Holding) Expires() (last time.Time) {
	for _, d := range All[Sessions](h.Events, approvals.EventSessions) {
		for _, s := range d.Rows {
			if s.Time.Before(h.Planned) {
				last = times.Later(last, s.Expires)
			}
		}
	}
	return last
}

// RevivesUntil is until when sessions that a request keeps out can be alive, by its log; zero if
// that does not say.
func RevivesUntil(events []approvals.Event) time.Time {
	h := WrittenBy(events)
	h.Events = events
	for _, e := range events {
		if e.Type != approvals.EventApplied {
			continue
		}
		if a, _ := Detail[Applied](e); !a.RevivesUntil.IsZero() {
			return times.Later(h.Planned.Add(a.RevivesUntil.Sub(a.Cutoff)), h.Expires())
		}
	}
	return time.Time{}
}

// Since is the moment that parts sessions, by the log of a request: the highest cutoff that AWS
// took, or when it took what has none. It is zero when nothing was applied.
func Since(events []approvals.Event) time.Time { return WrittenBy(events).Since }

// WrittenBy folds the log of one request. An event that cannot be read changes nothing.
func WrittenBy(events []approvals.Event) Holding {
	var w Holding
	for _, e := range events {
		switch e.Type {
		case approvals.EventStarted:
			if d := Known[Started](e); d != nil {
				w.Changes, w.Planned = append(w.Changes, d.Changes...), times.Later(w.Planned, d.Cutoff)
			}
		case approvals.EventTampered:
			if d := Known[Tampered](e); d != nil {
				w.Changes = append(w.Changes, d.Changes...)
				w.Planned = times.Later(w.Planned, times.Later(d.Cutoff, d.Promise))
			}
		case approvals.EventApplied, approvals.EventRewritten:
			if d := Known[Applied](e); d != nil { // whose members Rewritten has, too
				w.Cutoff, w.Planned = times.Later(w.Cutoff, d.Cutoff), times.Later(w.Planned, d.Cutoff)
				at := since(d.Cutoff, d.At, e)
				w.Since, w.Stands = times.Later(w.Since, at), d.There
				if e.Type == approvals.EventApplied {
					w.Refused = d.Refused
				}
				if w.First.IsZero() {
					w.First = at
				}
			}
		}
	}
	return w
}

// since is the moment that parts sessions, by an event that says when AWS accepted what.
func since(cutoff, at time.Time, e approvals.Event) time.Time {
	switch {
	case !cutoff.IsZero():
		return cutoff
	case !at.IsZero():
		return at
	default: // an earlier try wrote it
		return e.At
	}
}

// Write is one time that AWS accepted what a request is to keep on the principal.
type Write struct {
	At     time.Time // AWS's clock; the store's if an earlier try wrote it
	Stands []contain.Document
}

// Writes are those of one request, the oldest first.
func Writes(events []approvals.Event) (all []Write) {
	for _, e := range events {
		if e.Type == approvals.EventApplied || e.Type == approvals.EventRewritten {
			a, _ := Detail[Applied](e)
			all = append(all, Write{cmp.Or(a.At, e.At), a.There})
		}
	}
	return all
}

// Harms reports whether a document that someone else put into a slot later does less than what
// stood there; false where nothing did.
func (w Write) Harms(m contain.Measure, at time.Time, d contain.Document) bool {
	i := slices.IndexFunc(w.Stands, func(s contain.Document) bool { return s.Slot == d.Slot })
	return i >= 0 && m.Gap(at, d, w.Stands[i]) != contain.Covers
}

// Ours is trail.TamperQuery's: what does no less than the first promise for its slot.
func Ours(m contain.Measure, events []approvals.Event) (slots []contain.Slot, ours func(contain.Document) bool) {
	first, now := map[contain.Slot]contain.Document{}, time.Time{}
	for _, w := range contain.Fold(WrittenBy(events).Changes) {
		slots, first[w.Slot] = append(slots, w.Slot), contain.Document{Slot: w.Slot, Text: w.After[0]}
	}
	for _, e := range events {
		now = times.Later(now, e.At)
	}
	return slots, func(d contain.Document) bool { return m.Gap(now, d, first[d.Slot]) == contain.Covers }
}

// Taken are the changes to what AWS accepted: what it refused can neither be missed nor restored.
func (h Holding) Taken() []contain.Change {
	return slices.DeleteFunc(slices.Clone(h.Changes), func(c contain.Change) bool {
		return slices.ContainsFunc(h.Refused, func(s contain.Slot) bool { return s.Kind == c.Slot.Kind })
	})
}

// Last is the document of each kind of slot that was promised last: where a document that moved
// stands now.
func (h Holding) Last() []contain.Document {
	var last []contain.Document
	for _, d := range slices.Backward(contain.Documents(h.Changes)) {
		if !slices.ContainsFunc(last, func(l contain.Document) bool { return l.Slot.Kind == d.Slot.Kind }) {
			last = append(last, d)
		}
	}
	return last
}

// Measures are what requests can be for.
type Measures map[approvals.Measure]contain.Measure

// Force is what the requests of one principal come to.
type Force struct {
	Holdings []Holding           // applied, the newest first; those that are not in force any more among them
	Open     []approvals.Request // have not ended, the newest first

	promised []Holding // that no request has undone, those that are not applied yet among them
}

// InForce says what is in force on a principal, who put it there, and what superseded what. past
// are the principal's requests, in any order. Drills do not count, and failed requests do not, even
// if AWS may have taken their write.
func InForce(past []View, measures Measures) Force {
	var f Force
	var undos []approvals.Request
	for _, p := range past {
		r, h := p.Request, WrittenBy(p.Events)
		h.Request, h.Measure, h.Events = r, r.Purpose.Measure(), p.Events
		h.Undone = r.Undone != nil
		switch {
		case r.Purpose.Mode() == approvals.ModeDrill:
		case !r.State.Ended():
			f.Open = append(f.Open, r)
			if r.Purpose.Mode() == approvals.ModeDo {
				f.promised = append(f.promised, h)
			}
		case r.State != approvals.StateApplied:
		case r.Purpose.Mode() == approvals.ModeUndo:
			undos = append(undos, r)
		default:
			f.Holdings = append(f.Holdings, h)
		}
	}
	slices.SortFunc(f.Open, func(a, b approvals.Request) int {
		return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(b.ID, a.ID))
	})
	slices.SortFunc(f.Holdings, func(a, b Holding) int {
		return cmp.Or(b.Request.Ended.Compare(a.Request.Ended), cmp.Compare(b.Request.ID, a.Request.ID))
	})
	newer := make(map[string]*Holding) // the holding that was looked at last, by what it is about
	for i := range f.Holdings {
		h := &f.Holdings[i]
		for _, undo := range undos {
			h.Undone = h.Undone || undo.About == h.Request.ID
			h.Dropped = h.Dropped || undo.Ended.After(h.Request.Ended) && drops(undo, *h, measures[h.Measure])
		}
		if h.Undone {
			continue
		}
		f.promised = append(f.promised, *h)
		about := h.Request.Subject.Taken(h.Request.Purpose)
		if n := newer[about]; n != nil {
			h.SupersededBy = n.Request.ID
		}
		newer[about] = h
	}
	for i := range f.Holdings {
		f.Holdings[i].Others = f.others(f.Holdings[i])
	}
	return f
}

// others are the Others of a holding.
func (f Force) others(of Holding) (all []contain.Change) {
	for _, h := range f.Holdings {
		if !h.InForce() || h.Measure != of.Measure || h.Request.Subject.Part == of.Request.Subject.Part {
			continue
		}
		for _, c := range h.Changes {
			if slices.ContainsFunc(of.Changes, func(own contain.Change) bool { return own.Slot == c.Slot }) {
				all = append(all, contain.Change{Slot: c.Slot, After: c.After, Other: true})
			}
		}
	}
	return all
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

// Has reports whether one of some measures is in force, or a request for it is open.
func (f Force) Has(some ...approvals.Measure) bool {
	return slices.ContainsFunc(f.Each(), func(h Holding) bool { return slices.Contains(some, h.Measure) }) ||
		slices.ContainsFunc(f.Open, func(r approvals.Request) bool {
			return r.Purpose.Mode() == approvals.ModeDo && slices.Contains(some, r.Purpose.Measure())
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

// Each is the newest holding of each measure, and of each part of the principal, that is in force,
// the newest first.
func (f Force) Each() (all []Holding) {
	for _, h := range f.Holdings {
		if h.InForce() && !slices.ContainsFunc(all, func(a Holding) bool { return a.Is(h.Request) }) {
			all = append(all, h)
		}
	}
	return all
}

// Is reports whether a request is for the same measure on the same part of the principal.
func (h Holding) Is(r approvals.Request) bool {
	return h.Measure == r.Purpose.Measure() && h.Request.Subject.Part == r.Subject.Part
}

// Newest is the newest holding in force of what a request is for.
func (f Force) Newest(r approvals.Request) (Holding, bool) {
	for _, h := range f.Each() {
		if h.Is(r) {
			return h, true
		}
	}
	return Holding{}, false
}

// Above is the newest holding in force that was applied after a request's and wrote into a slot of
// its changes. It is undone first: two requests can have put the same text there.
func (f Force) Above(request string, changes []contain.Change) (Holding, bool) {
	at := slices.IndexFunc(f.Holdings, func(h Holding) bool { return h.Request.ID == request })
	if at < 0 { // it is not listed any more: it is older
		at = len(f.Holdings)
	}
	return sharing(f.Holdings[:at], changes)
}

// Below reports whether a holding in force that was applied before a request's wrote into a slot of
// its changes: it waits for the request to be undone.
func (f Force) Below(request string, changes []contain.Change) bool {
	at := slices.IndexFunc(f.Holdings, func(h Holding) bool { return h.Request.ID == request })
	_, found := sharing(f.Holdings[at+1:], changes)
	return found && at >= 0
}

// sharing is the first holding in force that wrote into a slot of some changes.
func sharing(holdings []Holding, changes []contain.Change) (Holding, bool) {
	for _, h := range holdings {
		if h.InForce() && slices.ContainsFunc(h.Changes, func(c contain.Change) bool {
			return slices.ContainsFunc(changes, func(own contain.Change) bool { return own.Slot == c.Slot })
		}) {
			return h, true
		}
	}
	return Holding{}, false
}

// Minimum is what other requests for the measure of a request have promised and no request has
// undone. The request never writes less. A slot that another part of the principal has for itself,
// such as the status of another key, does not count.
func (f Force) Minimum(r approvals.Request) (docs []contain.Document) {
	for _, p := range f.promised {
		if p.Measure != r.Purpose.Measure() || p.Request.ID == r.ID {
			continue
		}
		for _, d := range contain.Documents(p.Changes) {
			if p.Is(r) || d.Slot.Name != p.Request.Subject.Part {
				docs = append(docs, d)
			}
		}
	}
	return docs
}

// Writing reports whether a request for a measure was approved and has not ended. It is about to
// write, and can still fail.
func (f Force) Writing(m approvals.Measure) bool {
	return slices.ContainsFunc(f.Open, func(r approvals.Request) bool {
		return r.State != approvals.StateOpen && r.Purpose.Measure() == m
	})
}
