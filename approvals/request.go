package approvals

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Request is the fold of a log: what all its events come to.
type Request struct {
	ID    string
	State State
	Seq   int64 // number of events folded; what Commit compares
	// Seal is that of the last event, which Commit compares, too; empty after With.
	Seal string

	Purpose   Purpose
	About     string // the earlier request that this one is about; empty without one
	Subject   Subject
	Place     Place
	Requester string
	Reason    string
	Required  int       // how many people besides the requester
	Opened    time.Time // the store's clock
	Deadline  time.Time // the store's clock
	Asked     time.Time // when the requester asked: Opened, or later after EventHandedOver
	AlsoAsked []Event   // by those who asked for the same, in the order in which they become the requester
	Witness   time.Time // Opening.Witness

	Votes   []Vote
	Ended   time.Time // when State became an ended one; zero before
	EndedBy string    // who ended it, empty for the bot
	Closing Event     // the event that ended it; zero before

	Promise *Event // the latest EventStarted, which holds the planned cutoff; nil before
	Undone  *Event // the latest EventUndone; nil before
	Watched Event  // the latest EventTampered, EventRewritten or EventHeld; zero before
	Judged  Event  // the latest EventVerdict, if no later event says that the policy was touched; zero before
	Delays  int    // how many times EventDelayed was logged since the approval
	Refused int    // how many clicks were refused
	Forged  *Event // EventForged; nil before. Whatever is here is from what of the log was left

	sources  map[string]bool
	refusals map[string]int // refused clicks by person
}

// Vote is one person's approval.
type Vote struct {
	By string
	At time.Time
}

// Voters returns the ids of those who approved, in their order.
func (r Request) Voters() []string {
	ids := make([]string, 0, len(r.Votes))
	for _, v := range r.Votes {
		ids = append(ids, v.By)
	}
	return ids
}

// VotedBy reports whether the person's approval is counted already.
func (r Request) VotedBy(person string) bool {
	return slices.ContainsFunc(r.Votes, func(v Vote) bool { return v.By == person })
}

// Asked and a person's id are the source, by Has, of a person who asked for the same after a
// requester, now or before: that counts once, so that no two people make a log long.
const Asked = "also asked by "

// Has reports whether something that came from source is in the log already, so that an envelope or
// an item of work that is told twice is answered once.
func (r Request) Has(source string) bool { return source != "" && r.sources[source] }

// RefusedBy is how many clicks of a person were refused.
func (r Request) RefusedBy(person string) int { return r.refusals[person] }

// Fold computes the state of a request from its log. It fails when the log is not one: numbers that
// do not follow one another, a first event other than EventRequested, a move that no request makes.
func Fold(id string, events []Event) (Request, error) {
	r := Request{ID: id, sources: make(map[string]bool), refusals: make(map[string]int)}
	for _, e := range events {
		if err := r.apply(e); err != nil {
			return Request{}, fmt.Errorf("log of request %s: %w", id, err)
		}
	}
	return r, nil
}

// With is the request after one more event, which was committed on it. At may be a little earlier
// than the store's.
func (r Request) With(e Event) (Request, error) {
	e.Seq = r.Seq + 1
	r.Votes, r.sources, r.refusals = slices.Clone(r.Votes), maps.Clone(r.sources), maps.Clone(r.refusals)
	if err := r.apply(e); err != nil {
		return Request{}, fmt.Errorf("request %s: %w", r.ID, err)
	}
	return r, nil
}

func (r *Request) apply(e Event) error {
	if e.Seq != r.Seq+1 {
		return fmt.Errorf("event %d follows event %d", e.Seq, r.Seq)
	}
	next, ok := r.State.after(e.Type)
	switch {
	case ok, e.Type == EventUntrusted, e.Type == EventForged: // which stand for themselves, in any state
	case r.State == StateUnknown:
		return fmt.Errorf("event %d (%s) before the request", e.Seq, e.Type)
	default:
		return fmt.Errorf("event %d (%s): a request that is %s cannot become %s", e.Seq, e.Type, r.State, next)
	}
	if r.State != StateUnknown && !r.Purpose.has(e.Type) {
		return fmt.Errorf("event %d (%s): a request for the purpose %q has none", e.Seq, e.Type, r.Purpose)
	}
	switch e.Type {
	case EventRequested:
		var o Opening
		if err := json.Unmarshal(e.Detail, &o); err != nil {
			return fmt.Errorf("event %d (%s): %w", e.Seq, e.Type, err)
		}
		r.Purpose, r.About = o.Purpose, o.About
		r.Subject, r.Place, r.Reason = o.Subject, o.Place, o.Reason
		r.Required = max(o.Required, o.Purpose.Least())
		r.Requester, r.Opened, r.Deadline, r.Witness = e.By, e.At, e.At.Add(o.ExpireAfter), o.Witness
		r.Asked = e.At
	case EventVoted, EventApproved:
		r.Votes = append(r.Votes, Vote{By: e.By, At: e.At})
		var v struct{ Required int }
		if len(e.Detail) > 0 && json.Unmarshal(e.Detail, &v) == nil && e.Type == EventVoted {
			r.Required = max(r.Required, min(v.Required, MaxRequired))
		}
	case EventAlsoAsked:
		r.AlsoAsked = append(slices.Clip(r.AlsoAsked), e)
		r.sources[Asked+e.By] = true
	case EventHandedOver:
		r.handOver()
	case EventStarted:
		r.Promise = &e
	case EventUndone:
		r.Undone = &e
	case EventTampered, EventRewritten, EventHeld:
		r.Watched = e
		if e.Type != EventHeld {
			r.Judged = Event{} // what was concluded before is of no worth any more
		}
	case EventVerdict:
		r.Judged = e
	case EventForged:
		if err := r.condemned(e); err != nil {
			return err
		}
	case EventDelayed:
		r.Delays++
	case EventRefused:
		r.Refused++
		r.refusals[e.By]++
	}
	r.Seq, r.Seal = e.Seq, e.Seal
	if _, isMove := moves[e.Type]; isMove {
		r.State = next
		if next.Ended() {
			r.Ended, r.EndedBy, r.Closing = e.At, e.By, e
		}
	}
	r.sources[e.Source] = true
	return nil
}

// handOver makes the next person who asked the requester. Approvals do not count any more: they
// were for another person's request, with another reason.
func (r *Request) handOver() {
	if len(r.AlsoAsked) == 0 {
		return
	}
	next := r.AlsoAsked[0]
	var why AlsoAsked
	_ = json.Unmarshal(next.Detail, &why) // without a reason the request keeps its own
	r.Requester, r.Asked, r.AlsoAsked, r.Reason = next.By, next.At, r.AlsoAsked[1:], cmp.Or(why.Reason, r.Reason)
	r.Votes = nil
}

// AskedBy reports whether a person is among those who become the requester.
func (r Request) AskedBy(person string) bool {
	return slices.ContainsFunc(r.AlsoAsked, func(e Event) bool { return e.By == person })
}

// State is where a request stands. The zero value is unknown and permits nothing.
type State string

// The states of a request. Open is the only one in which approvers can decide; from Approved on the
// request is taken.
const (
	StateUnknown   State = ""
	StateOpen      State = "open"      // waits for approvals
	StateApproved  State = "approved"  // enough people approved; the revocation is queued
	StateExecuting State = "executing" // the cutoff is promised; the write to AWS is under way
	StateApplied   State = "applied"   // AWS accepted the policy
	StateFailed    State = "failed"    // it could not be done; the log says why
	StateDenied    State = "denied"    // an approver said no
	StateCancelled State = "cancelled" // the requester took it back
	StateExpired   State = "expired"   // no decision in time
	StateVoid      State = "void"      // approved, but what was approved is not there any more
	StateRehearsed State = "rehearsed" // of a drill: it was gone through, and nothing was written
)

// States returns every known state, in the order of a request's life.
func States() []State {
	return []State{
		StateOpen, StateApproved, StateExecuting, StateApplied, StateRehearsed, StateFailed,
		StateDenied, StateCancelled, StateExpired, StateVoid,
	}
}

// after is the state to which an event leads from s, and whether a request in s takes that event at
// all.
func (s State) after(e EventType) (next State, ok bool) {
	move, isMove := moves[e]
	if !isMove {
		return s, s != StateUnknown
	}
	return move.to, slices.Contains(move.from, s)
}

// Ended reports whether nothing can change the state any more. An unknown state has not ended, and
// is not open either.
func (s State) Ended() bool {
	switch s {
	case StateApplied, StateRehearsed, StateFailed, StateDenied, StateCancelled, StateExpired, StateVoid:
		return true
	default:
		return false
	}
}

// String returns the state's name; the unknown state says so.
func (s State) String() string {
	return cmp.Or(string(s), "unknown")
}
