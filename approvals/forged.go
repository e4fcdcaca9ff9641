package approvals

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Forgery says what is wrong with an event. The zero value is nothing.
type Forgery string

// Forgeries.
const (
	ForgeryUnsealed   Forgery = "unsealed"   // it has no seal
	ForgeryOtherKey   Forgery = "other_key"  // it is sealed with another key
	ForgeryChanged    Forgery = "changed"    // its seal is of another text, another number or another request
	ForgeryMissing    Forgery = "missing"    // another event should be here
	ForgerySetBack    Forgery = "set_back"   // events are gone that were here
	ForgeryImpossible Forgery = "impossible" // no request makes this move
	ForgeryUnreadable Forgery = "unreadable" // it is no event
)

// Words says it in a sentence's middle.
func (f Forgery) Words() string {
	return cmp.Or(map[Forgery]string{
		ForgeryUnsealed:   "it is not signed",
		ForgeryOtherKey:   "it is signed with another key",
		ForgeryChanged:    "its signature does not match",
		ForgeryMissing:    "another event should be in its place",
		ForgerySetBack:    "it was there and is gone",
		ForgeryImpossible: "no request makes this move",
		ForgeryUnreadable: "it cannot be read",
	}[f], "it is not what was written")
}

// ErrBrokenLog: a log could be read and is not one. A Store returns the events that it found with
// it; one that is none has no Type.
var ErrBrokenLog = errors.New("the log is broken")

// ForgedError says that a request's log is not what this deployment wrote: an attacker who can
// write to the store changed it, or it was written under another key, or under none.
//
// Of a request that ended under another key it is ErrUnknownRequest, too: nothing more is done with
// it, and nothing is wrong. So it is of one that is Spared.
type ForgedError struct {
	Request string
	Event   int64 // the first that is not
	Why     Forgery
	// Foreign: the request was opened under another key, or under none, and nothing in its log is of
	// this one.
	Foreign bool
	// What the log says, which proves nothing: whether the request has ended, where it belongs, and
	// what it is for.
	Ended   bool
	Place   Place
	Subject Subject
	// Highest is the highest number that an event of the request is known to have had.
	Highest int64
	// Unsure: something may have been done for it that what is left of the log does not tell.
	Unsure bool
	// Spared: too many alarms about such logs were raised.
	Spared bool

	log []Event
}

// Error names the request and the event.
func (f *ForgedError) Error() string {
	return fmt.Sprintf("request %s: event %d is not what was written: %s", f.Request, f.Event, f.Why.Words())
}

// Is says when such a request is as good as unknown.
func (f *ForgedError) Is(target error) bool {
	return target == ErrUnknownRequest && (f.Foreign && f.Ended || f.Spared)
}

// Forged is the Detail of EventForged.
type Forged struct {
	Event   int64   `json:"event"`
	Why     Forgery `json:"why"`
	Foreign bool    `json:"foreign,omitempty"`
	Highest int64   `json:"highest,omitempty"` // what was up to this number counts for nothing
	// Place is where to tell of a request whose opening is not to be trusted.
	Place Place `json:"place"`
	// Sentence and Unsure are for people, as of every request that ended without what it was for.
	Sentence string `json:"sentence"`
	Unsure   bool   `json:"unsure,omitempty"`
}

// Condemnation replaces what of a log is not to be trusted, so that the request ends and people are
// told. What stood there is put where a person can look at it.
type Condemnation struct {
	RequestID string
	Entries   int      // how many the log had when it was read, else ErrConflict
	Trusted   int      // so many stay as they are
	Events    []Event  // the whole log; those with an At keep it
	Next      State    // that all events together come to
	Purpose   Purpose  // of the request, as far as its log is trusted
	Ends      bool     // the request had no end that is trusted, and has one now
	Subjects  []string // Subject.Taken that the request may hold besides the one that it was opened for
}

// SetBack is the error for a log that is good and has fewer events than it had.
func SetBack(id string, events []Event, highest int64) *ForgedError {
	f := &ForgedError{
		Request: id, Event: int64(len(events)) + 1, Why: ForgerySetBack, Highest: highest, log: events,
	}
	f.claims()
	return f
}

// claims fills in what the log says.
func (f *ForgedError) claims() {
	claimed, err := Fold(f.Request, f.log)
	if err == nil {
		f.Ended = claimed.State.Ended()
	} else if claimed, err = Fold(f.Request, f.log[:1]); err != nil {
		claimed = Request{}
	}
	f.Place, f.Subject = claimed.Place, claimed.Subject
	trusted, err := Fold(f.Request, f.log[:f.Event-1])
	f.Unsure = err != nil || trusted.State == StateExecuting ||
		!trusted.State.Ended() && (f.Why == ForgerySetBack && trusted.State != StateOpen ||
			claimed.State == StateExecuting || claimed.State == StateApplied)
}

// mostLost bounds how many events a log is believed to have lost: someone else may have written the
// number.
const mostLost = 1000

// Condemn is what follows from a forged log. place is where to tell of it if the log's own is not
// to be trusted, sentence what to tell.
func (f *ForgedError) Condemn(place Place, sentence string) (Condemnation, error) {
	c := Condemnation{RequestID: f.Request, Entries: len(f.log), Trusted: int(f.Event) - 1}
	c.Events = slices.Clone(f.log[:c.Trusted])
	// No number is used again, neither in what was told nor in the audit log.
	highest := max(int64(len(f.log)), min(f.Highest, int64(len(f.log)+mostLost)))
	for seq := int64(c.Trusted) + 1; seq <= highest; seq++ {
		lost := Event{Seq: seq, Type: EventUntrusted}
		if seq <= int64(len(f.log)) {
			lost.At = f.log[seq-1].At
		}
		c.Events = append(c.Events, lost)
	}
	detail, err := json.Marshal(Forged{
		Event: f.Event, Why: f.Why, Foreign: f.Foreign, Place: place, Sentence: sentence, Unsure: f.Unsure,
		Highest: max(f.Highest, highest),
	})
	if err != nil {
		return Condemnation{}, fmt.Errorf("condemn request %s: %w", f.Request, err)
	}
	c.Events = append(c.Events, Event{
		Seq: highest + 1, Type: EventForged, Source: "forged " + f.Request, Detail: detail,
	})
	r, err := Fold(f.Request, c.Events)
	if err != nil {
		return Condemnation{}, fmt.Errorf("condemn: %w", err)
	}
	c.Next, c.Purpose, c.Ends = r.State, r.Purpose, r.Closing.Type == EventForged
	for _, s := range []Subject{f.Subject, r.Subject} {
		for _, m := range Measures() {
			if s.Key != "" {
				c.Subjects = append(c.Subjects, s.Taken(m.Do()))
			}
		}
	}
	return c, nil
}

// condemned folds an event that ends whatever the request was.
func (r *Request) condemned(e Event) error {
	var f Forged
	if err := json.Unmarshal(e.Detail, &f); err != nil {
		return fmt.Errorf("event %d (%s): %w", e.Seq, e.Type, err)
	}
	r.Forged = &e
	if r.Place == (Place{}) {
		r.Place = f.Place
	}
	if r.Opened.IsZero() {
		r.Opened = e.At
	}
	if !r.State.Ended() {
		r.State, r.Ended, r.EndedBy, r.Closing = StateFailed, e.At, "", e
	}
	return nil
}
