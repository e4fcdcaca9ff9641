package approvals

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sealed is a Store that trusts nothing in the one below it that was not written under the
// deployment's key, in its place and in its time. Make it with NewSealed.
//
// It seals every event with the store's time and the seal before it, and every item and delivery. A
// log with an event that is not sealed, sealed for another place, or with fewer events than this
// process knows of, is a *ForgedError. An item that is not sealed is handed out as KindForged.
//
// It cannot see that all of the store was put back to what it was before this process started.
type Sealed struct {
	Store
	key    Key
	people map[string]bool
	keeps  func() time.Duration // how long the store keeps an ended request
	good   recent[digest, bool]
	heads  recent[string, head]
	acts   recent[string, string] // ids of items of people by their seal, done when it is done
	forged recent[string, bool]   // requests for which an alarm was raised
	told   recent[string, int64]  // the last event of a request that may be in its thread
	listed lists                  // what History has to have
	// spare are alarms about logs that may never have been a request's, or were forged before: someone
	// else can write any number of them.
	spare recent[int64, int] // how many there were in ten minutes

	mu       sync.Mutex
	at       time.Time // the store's clock when it was last asked
	measured time.Time // this machine's running clock then
}

var _ Store = (*Sealed)(nil)

// NewSealed returns a store under a key. people are the kinds of items that come from people, by
// Accept.
func NewSealed(store Store, key Key, people ...string) *Sealed {
	s := &Sealed{Store: store, key: key, people: make(map[string]bool), keeps: func() time.Duration { return 0 }}
	if k, ok := store.(interface{ Retention() time.Duration }); ok {
		s.keeps = k.Retention
	}
	for _, kind := range people {
		s.people[kind] = true
	}
	return s
}

// Now implements Store, and measures the store's clock: seals have its time, not this machine's.
func (s *Sealed) Now(ctx context.Context) (time.Time, error) {
	at, err := s.Store.Now(ctx)
	if err == nil {
		s.mu.Lock()
		s.at, s.measured = at, time.Now()
		s.mu.Unlock()
	}
	return at, err
}

// clock is the store's clock as last measured, in milliseconds.
func (s *Sealed) clock(ctx context.Context) (time.Time, error) {
	s.mu.Lock()
	at, measured := s.at, s.measured
	s.mu.Unlock()
	if measured.IsZero() {
		return s.Now(ctx)
	}
	return at.Add(time.Since(measured)).Truncate(time.Millisecond), nil
}

// timed does something with the store's time, and once more if the store says that it is another: a
// failover, or this machine was suspended.
func (s *Sealed) timed(ctx context.Context, do func(at time.Time) error) error {
	at, err := s.clock(ctx)
	if err != nil {
		return err
	}
	if err = do(at); !errors.Is(err, ErrClock) {
		return err
	}
	if at, err = s.Now(ctx); err != nil {
		return err
	}
	return do(at)
}

// Accept implements Store. What is accepted comes from people.
func (s *Sealed) Accept(ctx context.Context, item Item, ids ...string) (fresh bool, err error) {
	if !s.people[item.Kind] {
		return false, fmt.Errorf("accept: %w: no person sends an item of the kind %q", ErrNotRecorded, item.Kind)
	}
	err = s.timed(ctx, func(at time.Time) (err error) {
		item.At = at
		fresh, err = s.Store.Accept(ctx, s.key.SealItem(item), ids...)
		return err
	})
	return fresh, err
}

// Take implements Store.
func (s *Sealed) Take(ctx context.Context, worker string, n int, wait time.Duration) ([]Item, error) {
	items, err := s.Store.Take(ctx, worker, n, wait)
	return s.checked(ctx, items, err)
}

// Claim implements Store.
func (s *Sealed) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]Item, error) {
	items, err := s.Store.Claim(ctx, worker, idle, n)
	return s.checked(ctx, items, err)
}

// earlySlack is how much before its time an item may be handed out: the clocks of two servers
// differ after a failover.
const earlySlack = 5 * time.Second

// longestTimer is how much before an item is due it may have been queued, at most.
const longestTimer = 48 * time.Hour

// replayed reports whether an act of a person was queued before: here, or by the time at which it
// is queued now. Where someone else wrote an entry ahead of its time, all that follow have that
// time.
func (s *Sealed) replayed(i Item, now time.Time) bool {
	id, known := s.acts.get(i.Seal)
	s.acts.put(i.Seal, cmp.Or(id, i.ID))
	return known && id != i.ID || i.Event == 0 && i.Queued.Sub(i.At) > earlySlack && i.Queued.Before(now.Add(earlySlack))
}

// Done implements Store.
func (s *Sealed) Done(ctx context.Context, item Item) error {
	err := s.Store.Done(ctx, item)
	if err == nil && s.people[item.Kind] {
		s.acts.put(item.Seal, "done")
	}
	return err
}

// keptWithin is the part of its retention by which a store may forget what has ended too early.
const keptWithin = 1000

// checked makes KindForged of items that no replica queued and of acts of people that come again,
// and puts back items whose time has not come.
func (s *Sealed) checked(ctx context.Context, items []Item, err error) ([]Item, error) {
	if len(items) == 0 {
		return nil, err
	}
	now, clockErr := s.clock(ctx)
	if clockErr != nil {
		return nil, clockErr // they are claimed later
	}
	kept := items[:0]
	for _, item := range items {
		own := !s.people[item.Kind]
		switch key, _, _ := strings.Cut(item.Seal, ":"); {
		case isLook(item):
		case own && item.Seal != "" && key != s.key.name:
			err = errors.Join(err, s.Store.Park(ctx, item, "queued under another key"))
			continue
		case !s.key.itemIsSealed(item), !own && s.replayed(item, now):
			item.Kind = KindForged
		case own && item.At.Sub(now) > earlySlack:
			item.Attempt-- // Postpone counts the next one
			err = errors.Join(err, s.Store.Postpone(ctx, item, item.At.Sub(now)))
			continue
		default:
			item.Age = now.Sub(item.At)
			if known, _ := s.heads.get(item.Request); known.seq < item.Event {
				s.heads.put(item.Request, head{seq: item.Event, at: item.At.Add(-longestTimer), ended: true})
			}
		}
		kept = append(kept, item)
	}
	return kept, err
}

// isLook reports whether an item is of those that a store queues by itself: all that they say is
// which log to look at.
func isLook(item Item) bool {
	return item.Seal == "" && len(item.Body) == 0 && item.Source == "" &&
		(item.Kind == KindDeliver || item.Kind == KindExpire)
}

// Postpone implements Store. What came from a person keeps the time at which it came.
func (s *Sealed) Postpone(ctx context.Context, item Item, after time.Duration) error {
	if isLook(item) {
		return s.Store.Postpone(ctx, item, after)
	}
	if !s.people[item.Kind] {
		now, err := s.clock(ctx)
		if err != nil {
			return err
		}
		item.At = now.Add(after)
	} else {
		item.Event-- // so that it has another seal, also if Attempt stays
	}
	item.Attempt++
	item = s.key.SealItem(item)
	item.Attempt--
	return s.Store.Postpone(ctx, item, after)
}

// queued is an item that an event of a request queues, to be done at a time.
func (s *Sealed) queued(item Item, request string, event int64, at time.Time) Item {
	item.Event, item.At = event, at.Truncate(time.Millisecond)
	if item.Request != request {
		item.Event = 0
	}
	return s.key.SealItem(item)
}

// due is the same for timers.
func (s *Sealed) due(dues []Due, request string, event int64, at time.Time) []Due {
	dues = slices.Clone(dues)
	for i, d := range dues {
		dues[i].Item = s.queued(d.Item, request, event, at.Add(max(d.After, 0)))
	}
	return dues
}

// Open implements Store.
func (s *Sealed) Open(
	ctx context.Context, id, by, source string, o Opening, later ...Due,
) (other string, err error) {
	detail, err := o.Encode()
	if err != nil {
		return "", err
	}
	if _, known := s.heads.get(id); known {
		if _, _, err := s.Load(ctx, id); err != nil {
			return "", err
		}
	}
	err = s.timed(ctx, func(at time.Time) (err error) {
		o.At = at
		o.Seal = s.key.SealEvent(id, "", Event{
			Seq: 1, Type: EventRequested, At: at, By: by, Source: source, Detail: detail,
		})
		other, err = s.Store.Open(ctx, id, by, source, o, s.due(later, id, 1, at)...)
		return err
	})
	if err == nil && other == "" {
		s.listed.note(o.Subject.Key, id, true)
	}
	return other, err
}

// History implements Store. The list is not sealed: what this process knows to belong there is
// there.
func (s *Sealed) History(ctx context.Context, subject string, n int) ([]string, error) {
	ids, err := s.Store.History(ctx, subject, n)
	for _, id := range s.listed.of(subject) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// Commit implements Store.
func (s *Sealed) Commit(ctx context.Context, t Transition) error {
	return Append(ctx, t, s.Load, s.commit)
}

func (s *Sealed) commit(ctx context.Context, t Transition) error {
	if h, _ := s.heads.get(t.RequestID); h.seq == t.Expect && h.seal != "" {
		t.Of.Seal = h.seal
	}
	if t.Of.Seal == "" {
		return ErrConflict // it is read again
	}
	return s.timed(ctx, func(at time.Time) error {
		n, last := t, t.Expect+int64(len(t.Events))
		n.Events = slices.Clone(t.Events)
		for i := range n.Events {
			n.Events[i].Seq, n.Events[i].At = t.Expect+int64(i)+1, at
		}
		seal := s.seal(t.RequestID, t.Of.Seal, n.Events)
		n.Work = slices.Clone(t.Work)
		for i, item := range n.Work {
			n.Work[i] = s.queued(item, t.RequestID, last, at)
		}
		n.Due = s.due(t.Due, t.RequestID, last, at)
		err := s.Store.Commit(ctx, n)
		if err == nil {
			s.heads.put(t.RequestID, head{
				seq: last, seal: seal, unread: true, at: at, ended: t.Of.State.Ended() || t.Next.Ended(),
			})
		}
		return err
	})
}

// seal seals events one after the other, and returns the last seal.
func (s *Sealed) seal(request, before string, events []Event) string {
	for i := range events {
		events[i].Seal = s.key.SealEvent(request, before, events[i])
		before = events[i].Seal
		s.good.put(digestOf(request, events[i]), true)
	}
	return before
}

// Condemn implements Store.
func (s *Sealed) Condemn(ctx context.Context, c Condemnation) error {
	now, err := s.clock(ctx)
	if err != nil {
		return err
	}
	c.Events = slices.Clone(c.Events)
	before := ""
	if c.Trusted > 0 {
		before = c.Events[c.Trusted-1].Seal
	}
	rest := c.Events[c.Trusted:]
	for i := range rest {
		if rest[i].At.IsZero() {
			rest[i].At = now
		}
	}
	last := s.seal(c.RequestID, before, rest)
	if err := s.Store.Condemn(ctx, c); err != nil {
		return err
	}
	// Of made-up logs someone else can write any number: they must not push out the others.
	if _, known := s.heads.get(c.RequestID); known || c.Trusted > 0 {
		s.heads.put(c.RequestID, head{seq: int64(len(c.Events)), seal: last, at: now, ended: c.Next.Ended()})
	}
	s.forged.put(c.RequestID, true)
	return nil
}

// Note implements Store.
func (s *Sealed) Note(ctx context.Context, e Event) error {
	return s.timed(ctx, func(at time.Time) error {
		e.Seq, e.At = 0, at
		e.Seal = s.key.SealEvent("", "", e)
		return s.Store.Note(ctx, e)
	})
}

// Announce implements Store.
func (s *Sealed) Announce(ctx context.Context, item Item) ([]Item, error) {
	now, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	item.At = now
	said, err := s.Store.Announce(ctx, s.key.SealItem(item))
	return slices.DeleteFunc(said, func(i Item) bool {
		return i.Kind != item.Kind || !s.key.itemIsSealed(i) || now.Sub(i.At).Abs() > Announced
	}), err
}

// BeginDelivery implements Store.
func (s *Sealed) BeginDelivery(
	ctx context.Context, id, worker string, lease time.Duration,
) (Delivery, bool, error) {
	d, ok, err := s.Store.BeginDelivery(ctx, id, worker, lease)
	d = s.delivery(id, d)
	// An old one that was put back, or that a failover brought back: what was told is looked for.
	if told, known := s.told.get(id); ok && known {
		if d.Intent = max(d.Intent, told); d.Card == "" {
			d.CardSeq = -1
		}
	}
	return d, ok, err
}

// Delivered implements Store.
func (s *Sealed) Delivered(ctx context.Context, id string) (Delivery, error) {
	d, err := s.Store.Delivered(ctx, id)
	return s.delivery(id, d), err
}

func (s *Sealed) delivery(id string, d Delivery) Delivery {
	begun := d.Card != "" || d.CardSeq != 0 || d.Cursor != 0 || d.Part != 0 || d.Intent != 0 || d.Posted != nil
	if d.Tampered || begun && s.key.sealDelivery(id, d) != d.Seal {
		return Delivery{Tampered: true}
	}
	d.Seal = ""
	return d
}

// MarkDelivery implements Store.
func (s *Sealed) MarkDelivery(ctx context.Context, id, worker string, lease time.Duration, d Delivery) error {
	return s.Store.MarkDelivery(ctx, id, worker, lease, s.sealed(id, d))
}

// EndDelivery implements Store.
func (s *Sealed) EndDelivery(ctx context.Context, id, worker string, d Delivery, then Then) (bool, error) {
	return s.Store.EndDelivery(ctx, id, worker, s.sealed(id, d), then)
}

// sealed seals how far a delivery got, and remembers it.
func (s *Sealed) sealed(id string, d Delivery) Delivery {
	told, _ := s.told.get(id)
	s.told.put(id, max(told, d.Cursor, d.Intent))
	d.Seal = s.key.sealDelivery(id, d)
	return d
}

// Load implements Store. It fails with a *ForgedError when the log is not what was written under
// the key.
func (s *Sealed) Load(ctx context.Context, id string) (Request, []Event, error) {
	known, _ := s.heads.get(id) // before the log is read: it grows meanwhile
	r, events, err := s.Store.Load(ctx, id)
	broken := errors.Is(err, ErrBrokenLog)
	switch {
	case errors.Is(err, ErrUnknownRequest):
		now, clockErr := s.clock(ctx)
		if known.seq == 0 || clockErr != nil || known.ended && !now.Before(known.at.Add(s.keeps()-s.keeps()/keptWithin)) {
			return Request{}, nil, err
		}
	case err != nil && !broken:
		return Request{}, nil, err
	}
	if f := s.checkSeals(id, events, known, broken || err != nil); f != nil {
		return Request{}, nil, f
	}
	if h, _ := s.heads.get(id); (h.seq <= r.Seq || h == known) && events[0].Type == EventRequested {
		s.heads.put(id, head{seq: r.Seq, seal: r.Seal, at: events[len(events)-1].At, ended: r.State.Ended()})
	}
	s.listed.note(r.Subject.Key, id, !r.State.Ended() || r.Promise != nil)
	return r, events, err
}

// checkSeals looks for the first event of a log that is not what was written.
func (s *Sealed) checkSeals(id string, events []Event, known head, broken bool) *ForgedError {
	f := &ForgedError{Request: id, Highest: known.seq, log: events}
	r := Request{ID: id, sources: make(map[string]bool), refusals: make(map[string]int)}
	ours, before := false, ""
	for i, e := range events {
		why := s.checkEvent(id, int64(i)+1, e)
		ours = ours || why == ""
		if why == "" && !follows(e.Seal, before) {
			why = ForgeryMissing
		}
		before = e.Seal
		if why == "" && broken && r.apply(e) != nil {
			why = ForgeryImpossible
		}
		if f.Why == "" {
			f.Event, f.Why = int64(i)+1, why
		}
	}
	if f.Why == "" && broken && len(events) == 0 && known.seq == 0 {
		f.Event, f.Why = 1, ForgeryUnreadable
	}
	if f.Why == "" && known.isAbove(events) {
		f.Event, f.Why = int64(len(events))+1, ForgerySetBack
	}
	if f.Why == "" {
		return nil
	}
	f.Foreign = f.Event == 1 && len(events) > 0 && !ours && (f.Why == ForgeryUnsealed || f.Why == ForgeryOtherKey)
	f.claims()
	again, _ := s.forged.get(id)
	if !f.Is(ErrUnknownRequest) && (again || known.seq == 0 && !ours) {
		now := time.Now().Unix() / 600
		n, _ := s.spare.get(now)
		s.spare.put(now, n+1)
		f.Spared = n >= 10
	}
	return f
}

// head is the end of a request's log as this process knows it.
type head struct {
	seq    int64  // of the last event that it is known to have had
	seal   string // of that event; "" if only its number is known
	unread bool   // the seal was made here, and may be of a commit that was told again
	at     time.Time
	ended  bool // the request had, or may have
}

// isAbove reports whether a log has lost what was in it, and no alarm was raised for that.
func (h head) isAbove(events []Event) bool {
	n := int64(len(events))
	if h.seq == 0 || h.seq <= n && (h.seal == "" || h.unread || events[h.seq-1].Seal == h.seal) {
		return false
	}
	return !slices.ContainsFunc(events, func(e Event) bool {
		var f Forged
		return e.Type == EventForged && json.Unmarshal(e.Detail, &f) == nil && f.Highest >= h.seq
	})
}

func (s *Sealed) checkEvent(id string, seq int64, e Event) Forgery {
	switch {
	case e.Type == "":
		return ForgeryUnreadable
	case e.Seq != seq:
		return ForgeryMissing
	}
	d := digestOf(id, e)
	if _, good := s.good.get(d); good {
		return ""
	}
	why := CheckEvent(s.key.Public(), id, e)
	if why == "" {
		s.good.put(d, true)
	}
	return why
}

// digest is what an event whose seal is good is known by: the same log is read many times, and a
// hash costs a tenth of a signature.
type digest [sha256.Size]byte

func digestOf(id string, e Event) digest {
	return sha256.Sum256(append(sealedText(id, "", e), e.Seal...))
}

// lists are the requests of subjects that promised something, or may yet.
type lists struct {
	mu sync.Mutex
	by recent[string, []string]
}

func (l *lists) of(subject string) []string {
	ids, _ := l.by.get(subject)
	return ids
}

// note says whether a request belongs to the list of a subject.
func (l *lists) note(subject, id string, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.of(subject)
	if slices.Contains(ids, id) == is || subject == "" {
		return
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
	if is {
		ids = append(ids[max(0, len(ids)+1-HistoryDepth):], id)
	}
	l.by.put(subject, ids)
}

// remembered is how many keys recent knows at least, and half of how many at most.
const remembered = 8192

// recent knows the newest keys. The zero value is empty. It is for use by several goroutines.
type recent[K comparable, V any] struct {
	mu       sync.Mutex
	now, old map[K]V
}

func (r *recent[K, V]) get(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.now[k]
	if !ok {
		v, ok = r.old[k]
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || len(r.now) >= remembered {
		r.now, r.old = make(map[K]V), r.now
	}
	r.now[k] = v
}
