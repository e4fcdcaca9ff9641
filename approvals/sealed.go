package approvals

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Sealed is a Store that trusts nothing in the one below it that was not written under the
// deployment's key. It signs every event that is appended and every item that is accepted, and
// checks them when they are read: a log with an event that is not sealed, or sealed for another
// request or another place in the log, is a *ForgedError. Make it with NewSealed.
//
// What it does not see is a log that was cut off at its end, or put back to what it once was; the
// audit log shows that.
type Sealed struct {
	Store
	key    Key
	people map[string]bool
	good   remembered
}

var _ Store = (*Sealed)(nil)

// NewSealed returns a store under a key. people are the kinds of items that come from people, by
// Accept; such an item that has no seal is handed out as KindForged.
func NewSealed(store Store, key Key, people ...string) *Sealed {
	s := &Sealed{Store: store, key: key, people: make(map[string]bool)}
	for _, kind := range people {
		s.people[kind] = true
	}
	return s
}

// Accept implements Store. What is accepted comes from people: an item of another kind would be
// handed out without a look at its seal, and is not accepted.
func (s *Sealed) Accept(ctx context.Context, item Item, ids ...string) (bool, error) {
	if !s.people[item.Kind] {
		return false, fmt.Errorf("accept: %w: no person sends an item of the kind %q", ErrNotRecorded, item.Kind)
	}
	item.Seal = s.key.sealItem(item)
	return s.Store.Accept(ctx, item, ids...)
}

// Take implements Store.
func (s *Sealed) Take(ctx context.Context, worker string, n int, wait time.Duration) ([]Item, error) {
	items, err := s.Store.Take(ctx, worker, n, wait)
	return s.checked(items), err
}

// Claim implements Store.
func (s *Sealed) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]Item, error) {
	items, err := s.Store.Claim(ctx, worker, idle, n)
	return s.checked(items), err
}

func (s *Sealed) checked(items []Item) []Item {
	for i, item := range items {
		if s.people[item.Kind] && !s.key.itemIsSealed(item) {
			items[i].Kind = KindForged
		}
	}
	return items
}

// Open implements Store.
func (s *Sealed) Open(ctx context.Context, id, by, source string, o Opening, later ...Due) (string, error) {
	detail, err := o.Encode()
	if err != nil {
		return "", err
	}
	o.Seal = s.seal(id, Event{Seq: 1, Type: EventRequested, By: by, Source: source, Detail: detail}, true)
	return s.Store.Open(ctx, id, by, source, o, later...)
}

// Commit implements Store.
func (s *Sealed) Commit(ctx context.Context, t Transition) error {
	t.Events = slices.Clone(t.Events)
	for i := range t.Events {
		e := &t.Events[i]
		if numbered := t.Expect != AppendOnly; numbered {
			e.Seq = t.Expect + int64(i) + 1
			e.Seal = s.seal(t.RequestID, *e, true)
		} else {
			e.Seal = s.seal(t.RequestID, *e, false)
		}
	}
	return s.Store.Commit(ctx, t)
}

// Condemn implements Store.
func (s *Sealed) Condemn(ctx context.Context, c Condemnation) error {
	c.Events = slices.Clone(c.Events)
	for i := range c.Events {
		c.Events[i].Seal = s.seal(c.RequestID, c.Events[i], true)
	}
	return s.Store.Condemn(ctx, c)
}

// Note implements Store.
func (s *Sealed) Note(ctx context.Context, e Event) error {
	e.Seal = s.key.SealEvent("", e, false)
	return s.Store.Note(ctx, e)
}

func (s *Sealed) seal(request string, e Event, numbered bool) string {
	e.Seal = s.key.SealEvent(request, e, numbered)
	s.good.add(request, e)
	return e.Seal
}

// Load implements Store. It fails with a *ForgedError when the log is not what was written under
// the key.
func (s *Sealed) Load(ctx context.Context, id string) (Request, []Event, error) {
	r, events, err := s.Store.Load(ctx, id)
	broken := errors.Is(err, ErrBrokenLog)
	if err != nil && !broken {
		return Request{}, nil, err
	}
	if f := s.judge(id, events, broken); f != nil {
		return Request{}, nil, f
	}
	return r, events, err
}

// judge looks for the first event of a log that is not what was written.
func (s *Sealed) judge(id string, events []Event, broken bool) *ForgedError {
	f := &ForgedError{Request: id, log: events}
	r := Request{ID: id, sources: make(map[string]bool), refusals: make(map[string]int)}
	seen := make(map[string]bool)
	ours := false
	for i, e := range events {
		why := s.check(id, int64(i)+1, e)
		ours = ours || why == ""
		if why == "" && e.Source != "" && seen[e.Seal] {
			why = ForgeryRepeated
		}
		seen[e.Seal] = true
		if why == "" && broken && r.apply(e) != nil {
			why = ForgeryImpossible
		}
		if f.Why == "" {
			f.Event, f.Why = int64(i)+1, why
		}
	}
	if f.Why == "" {
		return nil
	}
	f.Foreign = f.Event == 1 && !ours && (f.Why == ForgeryUnsealed || f.Why == ForgeryOtherKey)
	claimed, err := Fold(id, events)
	if err == nil {
		f.Ended = claimed.State.Ended()
	} else if claimed, err = Fold(id, events[:1]); err != nil {
		claimed = Request{}
	}
	f.Place, f.Subject = claimed.Place, claimed.Subject
	trusted, err := Fold(id, events[:f.Event-1])
	f.Unsure = err != nil || trusted.State == StateExecuting ||
		!trusted.State.Ended() && (claimed.State == StateExecuting || claimed.State == StateApplied)
	return f
}

func (s *Sealed) check(id string, seq int64, e Event) Forgery {
	switch {
	case e.Type == "":
		return ForgeryUnreadable
	case e.Seq != seq:
		return ForgeryMissing
	case s.good.has(id, e):
		return ""
	}
	why := CheckEvent(s.key.Public(), id, e)
	if why == "" {
		s.good.add(id, e)
	}
	return why
}

// remembered knows the newest events whose seals are good: the same log is read many times, and a
// hash costs a tenth of a signature. It is for use by several goroutines.
type remembered struct {
	mu       sync.Mutex
	now, old map[[sha256.Size]byte]bool
}

// rememberedEvents is how many are known at least, and half of how many at most.
const rememberedEvents = 8192

func digest(id string, e Event) [sha256.Size]byte {
	return sha256.Sum256(append(sealedText(id, e, true), e.Seal...))
}

func (r *remembered) has(id string, e Event) bool {
	d := digest(id, e)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now[d] || r.old[d]
}

func (r *remembered) add(id string, e Event) {
	if e.Seq == 0 {
		return // appended to whatever is there: its number is not known yet
	}
	d := digest(id, e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || len(r.now) >= rememberedEvents {
		r.now, r.old = make(map[[sha256.Size]byte]bool), r.now
	}
	r.now[d] = true
}
