package approvals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Errors of a Store. Everything else a Store returns means that it could not be reached or did not
// understand itself.
var (
	// ErrUnknownRequest: there is no request of that id, or it was so long ago that its log is gone.
	ErrUnknownRequest = errors.New("unknown request")
	// ErrConflict: the log has grown since it was read. Read it again and decide again.
	ErrConflict = errors.New("the request changed in between")
	// ErrIllegal: no request in the state that this one is in makes such a move. It is a mistake of
	// the program and nothing to try again; a caller that was overtaken gets ErrConflict.
	ErrIllegal = errors.New("no request makes this move")
	// ErrTooLate: by the store's clock the deadline has passed.
	ErrTooLate = errors.New("the deadline has passed")
	// ErrTooEarly: by the store's clock the deadline is still to come.
	ErrTooEarly = errors.New("the deadline has not passed yet")
	// ErrNotRecorded: for sure nothing was recorded. An error of Accept that is not this one leaves it
	// open.
	ErrNotRecorded = errors.New("nothing was recorded")
	// ErrOneCopy: it is recorded and will be done, unless the one server that has it is lost before it
	// is copied.
	ErrOneCopy = errors.New("recorded on one server only")
	// ErrFull: so much work waits that Accept takes no more; nothing was recorded.
	ErrFull = errors.New("too much work waits")
	// ErrClock: the time that something was sealed with is not the store's. Nothing was recorded.
	ErrClock = errors.New("the time is not the store's")
	// ErrLeaseLost: another replica has taken over the delivery.
	ErrLeaseLost = errors.New("another replica delivers this request now")
)

// Item is a piece of work: an envelope that was accepted, or something that has come due. Both
// enter by the same door.
type Item struct {
	ID      string    `json:"-"` // the store's own, empty before it is queued
	Tries   int64     `json:"-"` // which try this is: 1 for what Take handed out, 2 and more for what was claimed
	Queued  time.Time `json:"-"` // by the store's clock, the last time if it was postponed; set when it is handed out
	Kind    string    `json:"kind"`
	Request string    `json:"request,omitempty"`
	// Source is the envelope, or what queued it. It is compared and never parsed: what an item asks
	// for is in its Body.
	Source  string          `json:"source,omitempty"`
	Attempt int             `json:"attempt,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
	// Event is the number of the event that queued the item; 0 for what was accepted.
	Event int64 `json:"event,omitempty"`
	// At is when the item was accepted or is due, by the store's clock. Seal is the deployment's seal
	// on all of it. Sealed sets and checks them.
	At   time.Time `json:"at,omitzero"`
	Seal string    `json:"seal,omitempty"`
	// Age is how long ago At was when the item was handed out; set by Sealed.
	Age time.Duration `json:"-"`
}

// Due is an item that is queued after a while. Items that are equal are one while they wait, and
// the earliest time counts.
type Due struct {
	Item  Item
	After time.Duration // from the moment of the commit, by the store's clock; 0 and less: at once
}

// Deadline tells Commit how the store's clock must stand to the request's deadline.
type Deadline int

// Deadline conditions.
const (
	AnyTime        Deadline = iota
	BeforeDeadline          // else ErrTooLate
	AfterDeadline           // else ErrTooEarly
)

// Transition is what Commit does in one step: it appends events, moves the state, queues work and
// sets timers. Its events have a Source wherever they can, so that a Commit whose answer was lost
// is known when it is told again.
type Transition struct {
	RequestID string
	// Of is the request as it was read for the decision; the zero value is read by the store. It is
	// not stored.
	Of Request
	// Expect is the Seq that the decision was made on, else ErrConflict. AppendOnly appends to
	// whatever is there, unless the source of one of the events is in the log already; it is for
	// events that move nothing.
	Expect int64
	When   Deadline
	Events []Event // Seq and, unless they are sealed, At are set by the store
	Next   State   // StateUnknown: as it is
	Work   []Item
	Due    []Due
}

// From lists the states in which a request takes the events of a transition, one after the other,
// and is then in Next. It is the one table of moves, by which Fold reads a log, asked before
// something is written. A transition that comes from nowhere is illegal; one that moves nothing
// comes from every state.
func (t Transition) From() []State {
	var from []State
	for _, s := range States() {
		at, ok := s, true
		for _, e := range t.Events {
			if at, ok = at.after(e.Type); !ok {
				break
			}
		}
		if ok && (at == t.Next || t.Next == StateUnknown && at == s) {
			from = append(from, s)
		}
	}
	return from
}

// AppendOnly is the Expect of a Transition that any state of the log will do for.
const AppendOnly int64 = -1

// Delivery says how far Slack has been told of a request.
type Delivery struct {
	Card    string // the message that is the card and the root of the thread; empty before it is posted
	CardSeq int64  // the last event that the card, and all that is edited, shows; -1: it is being posted
	Cursor  int64  // the last event that was told in the thread
	Part    int64  // how much of the event after Cursor was told: 0 nothing, 1 its message, not yet its files
	// the event that is being told right now; above Cursor after a crash: its next part may be in the
	// thread already
	Intent int64

	// Tampered: what the store had was not written by this deployment, or is gone. What was posted has
	// to be looked for.
	Tampered bool `json:"-"`
	// Seal is set and checked by Sealed.
	Seal string `json:"-"`

	// Posted are the card and the messages of the thread that are edited in place, by their names; nil
	// before there are any.
	Posted map[string]Posted
}

// Then says how a delivery ends that has not told everything.
type Then struct {
	Force bool          // the lease is given back all the same
	Again time.Duration // a timer for the rest, once for a request; 0: none
}

// Posted is a message that is edited in place.
type Posted struct {
	TS  string `json:"ts"`            // the message
	Sum string `json:"sum,omitempty"` // a digest of what it says; empty when that is not known
	// Loose: it stands in the channel, because the thread's root was gone when it was posted.
	Loose bool `json:"loose,omitempty"`
}

// HistoryDepth is how many requests of one subject a Store lists.
const HistoryDepth = 50

// Store keeps requests, their logs, the inbox and the work that is due. All replicas share one. Its
// clock, not a replica's, is what deadlines are compared with.
//
// A method that fails without one of the errors above may have happened or not. Every method can be
// called again with the same arguments: what happened once does not happen twice.
type Store interface {
	// Now is the store's clock.
	Now(ctx context.Context) (time.Time, error)

	// Accept queues an item unless one of ids was accepted before (at least a day is remembered), and
	// reports whether it did. When it returns nil the item is as durable as the store is. While twenty
	// thousand items or so wait it takes none.
	Accept(ctx context.Context, item Item, ids ...string) (fresh bool, err error)

	// Open starts a request with EventRequested, and sets timers for its delivery, which is due at
	// once, its expiry, and what else is due later. If a request is under way for the same subject,
	// nothing happens and that request's id is returned. Opening the same id again is no error and
	// changes nothing.
	Open(ctx context.Context, id, by, source string, o Opening, later ...Due) (other string, err error)

	// Recent returns the ids of up to n requests, the newest first, whatever became of them. The
	// newest thousand or so stay; a request that is gone from the store may be among them still.
	Recent(ctx context.Context, n int) ([]string, error)
	// History returns the same for one subject's Key. The newest HistoryDepth stay.
	History(ctx context.Context, subject string, n int) ([]string, error)

	// Load returns a request and its log. One that is not a log any more is ErrBrokenLog, with what
	// there is.
	Load(ctx context.Context, id string) (Request, []Event, error)

	// Commit applies a transition in one step, and queues the delivery of what it appended, unless one
	// is under way or comes within ten seconds. A transition with a Source that was committed before,
	// in this place, is no error and changes nothing. What the request's state is not in From for is
	// ErrIllegal: what has ended does not move again.
	Commit(ctx context.Context, t Transition) error

	// Condemn replaces what of a log is not to be trusted, queues the delivery, and lets the request's
	// subjects go.
	Condemn(ctx context.Context, c Condemnation) error

	// Note records an event that belongs to no request, such as a refused command, once for each
	// Source. The newest ten thousand or so stay.
	Note(ctx context.Context, e Event) error

	// Allow counts an act under a name, and reports how long it is until the next one is allowed: 0
	// when this one is, because there were fewer than most in the running window of per. Acts that are
	// not allowed do not count.
	Allow(ctx context.Context, name, act string, most int, per time.Duration) (wait time.Duration, err error)

	// Announce tells all processes what this one says, and returns
	// what each has said within Announced.
	Announce(ctx context.Context, item Item) ([]Item, error)

	// Take hands out up to n items to a worker, waiting up to wait for the first.
	Take(ctx context.Context, worker string, n int, wait time.Duration) ([]Item, error)
	// Claim hands out up to n items that a worker took and has not kept for idle. Each is one try more
	// than were begun, but is counted as one only by Begin: who claimed it may never hear of it, or
	// have it in hand already.
	Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]Item, error)
	// Begin counts the try of an item that was claimed, just before it is handled. ok is false when it
	// is not this worker's any more, because it was finished or claimed by another; then it is not to
	// be handled. What Take hands out is begun.
	Begin(ctx context.Context, worker string, item Item) (ok bool, err error)
	// Keep says that the worker is still busy with the items. Those that another worker has claimed
	// meanwhile stay claimed.
	Keep(ctx context.Context, worker string, items []Item) error
	// Done forgets an item.
	Done(ctx context.Context, item Item) error
	// Postpone forgets an item and queues it again after a while, as its next attempt.
	Postpone(ctx context.Context, item Item, after time.Duration) error
	// Park puts an item where no worker takes it, for a person to look at.
	Park(ctx context.Context, item Item, reason string) error
	// Promote queues what has come due, up to n items, and says how long it is until the next (at most
	// a minute).
	Promote(ctx context.Context, n int) (next time.Duration, err error)

	// BeginDelivery takes the lease on telling Slack about a request. ok is false while another worker
	// holds it. The delivery is queued again for when the lease ends, in case its worker dies.
	BeginDelivery(ctx context.Context, id, worker string, lease time.Duration) (d Delivery, ok bool, err error)
	// MarkDelivery records how far it got and extends the lease, or fails with ErrLeaseLost.
	MarkDelivery(ctx context.Context, id, worker string, lease time.Duration, d Delivery) error
	// EndDelivery records how far it got and gives the lease back. If events came in since they were
	// read, it keeps the lease and reports more, unless it is told otherwise.
	EndDelivery(ctx context.Context, id, worker string, d Delivery, then Then) (more bool, err error)
	// Delivered reads how far it got, without a lease.
	Delivered(ctx context.Context, id string) (Delivery, error)
}

// KindDeliver and KindExpire are the items that a store queues by itself.
const (
	KindDeliver = "deliver" // tell Slack what the log has and Slack has not
	KindExpire  = "expire"  // the deadline has come
)

// Announced is for how long what was announced counts.
const Announced = 3 * time.Minute

// KindForged is what Sealed makes of an item that says to come from a person and that no
// replica accepted.
const KindForged = "forged"

// maxAppends is how often an event is appended while others append to the same log.
const maxAppends = 25

// Append commits a transition for a Store: it reads the request unless the transition says how it
// was read, and gives one that is AppendOnly its place. commit is called with an Of and with an
// Expect that is a number, which are of the same log.
func Append(
	ctx context.Context, t Transition, load func(context.Context, string) (Request, []Event, error),
	commit func(context.Context, Transition) error,
) error {
	switch from := t.From(); {
	case len(from) == 0:
		return fmt.Errorf("%w: from no state do its events lead to %q", ErrIllegal, t.Next)
	case t.Expect == AppendOnly && len(from) < len(States()):
		return errors.New("a transition that moves the state has to say what it was decided on")
	}
	read := t.Of.ID == ""
	for range maxAppends {
		n, events := t, []Event(nil)
		if read {
			var err error
			if n.Of, events, err = load(ctx, t.RequestID); err != nil {
				return err
			}
		}
		switch {
		case t.Expect == AppendOnly:
			if slices.ContainsFunc(t.Events, func(e Event) bool { return n.Of.Has(e.Source) }) {
				return nil
			}
			n.Expect = n.Of.Seq
		case read && t.Expect != n.Of.Seq:
			if t.toldIn(events) {
				return nil
			}
			return ErrConflict
		}
		err := commit(ctx, n)
		if t.Expect != AppendOnly || !errors.Is(err, ErrConflict) {
			return err
		}
		read = true
	}
	return ErrConflict
}

// toldIn reports whether one of the events is in a log already, in the place that it was to have.
func (t Transition) toldIn(log []Event) bool {
	for i, e := range t.Events {
		at := t.Expect + int64(i)
		if e.Source != "" && at >= 0 && at < int64(len(log)) && log[at].Source == e.Source && log[at].Type == e.Type {
			return true
		}
	}
	return false
}
