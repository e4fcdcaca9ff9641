package approvals

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Action is the button that a person pressed. The zero value is none.
type Action string

// Actions on a card.
const (
	ActionApprove Action = "approve"
	ActionDeny    Action = "deny"
	ActionCancel  Action = "cancel"
)

// Attempt is one click, with everything that a decision needs to know about it.
type Attempt struct {
	Action Action
	By     string // who clicked, by the envelope
	Place  Place  // where, by the envelope
	Card   string // the message that was clicked, by the envelope
	Source string // the envelope
	Facts  Facts  // what the directory says of the clicker now; not needed to cancel
}

// RefusalCode says why an attempt does not count. The zero value is no refusal.
type RefusalCode string

// Refusals.
const (
	RefusedUnknownAction RefusalCode = "unknown_action"
	RefusedWrongPlace    RefusalCode = "wrong_place" // not the card that was posted for this request
	// the card is not known yet, so a click cannot be compared with it
	RefusedNoCard       RefusalCode = "no_card"
	RefusedEnded        RefusalCode = "ended"           // decided, denied, cancelled, expired or done already
	RefusedTaken        RefusalCode = "taken"           // approved already, the revocation is under way
	RefusedExpired      RefusalCode = "expired"         // past the deadline
	RefusedOwnRequest   RefusalCode = "own_request"     // the requester is never an approver
	RefusedNotRequester RefusalCode = "not_requester"   // only the requester cancels
	RefusedLookupFailed RefusalCode = "lookup_failed"   // the directory did not answer: the answer is no
	RefusedNotMember    RefusalCode = "not_full_member" // guest, bot, deactivated or of another organisation
	RefusedNotApprover  RefusalCode = "not_approver"    // not on the list
	RefusedAlreadyVoted RefusalCode = "already_voted"   // one person counts once
	RefusedNoPolicy     RefusalCode = "no_policy"       // no approver is configured
	RefusedFormLost     RefusalCode = "form_lost"       // not of Decide: the form that a Deny opens may not have opened
)

// Refusal is the Detail of EventRefused.
type Refusal struct {
	Action   Action      `json:"action"`
	Code     RefusalCode `json:"code"`
	Standing Standing    `json:"standing,omitempty"` // with RefusedNotMember
	Card     string      `json:"card,omitempty"`     // with RefusedWrongPlace: the message that was clicked
	Channel  string      `json:"channel,omitempty"`  // with RefusedWrongPlace: its channel
}

// Decision is what follows from an attempt. The zero value is of one that is in the log already. It
// changes nothing.
type Decision struct {
	Refusal Refusal // of an Event of the type EventRefused: why
	Event   Event   // for the log
	Next    State   // that it leads to
}

// Decide says what an attempt on a request comes to under a policy at a time. card is the message
// that was stored when the request's card was posted. It reads nothing else and changes nothing. A
// time of zero is unknown, and past every deadline.
//
// The deadline is compared here so that people get a sentence, and again by the store, with its own
// clock, in the step that commits the decision.
func Decide(r Request, card string, a Attempt, p Policy, now time.Time) Decision {
	if r.Has(a.Source) {
		return Decision{}
	}
	if refusal := refusalOf(r, card, a, p, now); refusal.Code != "" {
		refusal.Action = a.Action
		detail, _ := json.Marshal(refusal) //nolint:errcheck // strings and a number
		return Decision{
			Refusal: refusal,
			Event:   Event{Type: EventRefused, By: a.By, Source: a.Source, Detail: detail},
			Next:    r.State,
		}
	}
	d := Decision{Event: Event{By: a.By, Source: a.Source}}
	switch a.Action {
	case ActionApprove:
		d.Event.Type, d.Next = EventVoted, StateOpen
		if n := required(r, p); len(r.Votes)+1 >= n {
			d.Event.Type, d.Next = EventApproved, StateApproved
		} else if n > r.Required { // a replica with a laxer policy has to know
			d.Event.Detail = json.RawMessage(fmt.Sprintf(`{"required":%d}`, n))
		}
	case ActionDeny:
		d.Event.Type, d.Next = EventDenied, StateDenied
	case ActionCancel:
		d.Event.Type, d.Next = EventCancelled, StateCancelled
		if len(r.AlsoAsked) > 0 { // those who asked later still want it
			d.Event.Type, d.Next = EventHandedOver, StateOpen
		}
	default:
		return Decision{} // unreachable: refusalOf refuses other actions
	}
	return d
}

// MayComplete reports whether nothing but the look-up of the clicker stands between an attempt
// and the approval that is still missing: a yes that may turn out to be a no, and a no that stays
// one. It permits nothing.
func MayComplete(r Request, card string, a Attempt, p Policy, now time.Time) bool {
	a.Facts = Facts{}
	return a.Action == ActionApprove && !r.Has(a.Source) &&
		refusalOf(r, card, a, p, now).Code == RefusedLookupFailed && !r.VotedBy(a.By) && len(r.Votes)+1 >= required(r, p) &&
		(slices.Contains(p.Approvers, a.By) || len(p.GroupIDs()) > 0)
}

// required is how many approvals the request needs. A policy that became stricter counts, that of
// another replica for an earlier vote, too; one that became laxer does not change what people were
// told. It is at least one: MayDecide has refused every other policy.
func required(r Request, p Policy) int { return max(r.Required, p.Required) }

func refusalOf(r Request, card string, a Attempt, p Policy, now time.Time) Refusal {
	switch a.Action {
	case ActionApprove, ActionDeny, ActionCancel:
	default:
		return Refusal{Code: RefusedUnknownAction}
	}
	switch {
	case card == "":
		return Refusal{Code: RefusedNoCard}
	case !r.Place.Is(a.Place) || a.Card != card || a.By == "":
		return Refusal{Code: RefusedWrongPlace, Card: a.Card, Channel: a.Place.Channel}
	}
	switch r.State {
	case StateOpen:
	case StateApproved, StateExecuting:
		return Refusal{Code: RefusedTaken}
	default:
		return Refusal{Code: RefusedEnded}
	}
	if now.IsZero() || !now.Before(r.Deadline) {
		return Refusal{Code: RefusedExpired}
	}
	if a.Action == ActionCancel {
		if a.By != r.Requester {
			return Refusal{Code: RefusedNotRequester}
		}
		return Refusal{}
	}
	if a.By == r.Requester {
		return Refusal{Code: RefusedOwnRequest}
	}
	if refusal := MayDecide(a.By, a.Facts, r.Place, p); refusal.Code != "" {
		return refusal
	}
	if a.Action == ActionApprove && r.VotedBy(a.By) {
		return Refusal{Code: RefusedAlreadyVoted}
	}
	return Refusal{}
}

// MayDecide says whether the person may approve or deny under the policy, by what the directory
// says now. A zero Code means yes. It is asked at a click and again, for every approver,
// when their click is more than a minute old at the moment of the call to AWS.
func MayDecide(id string, f Facts, home Place, p Policy) Refusal {
	if len(p.Approvers) == 0 || p.Required < 1 || p.Required > MaxRequired {
		return Refusal{Code: RefusedNoPolicy}
	}
	if f.Person.ID != id {
		return Refusal{Code: RefusedLookupFailed}
	}
	switch standing := f.Person.Standing(home); standing {
	case FullMember:
	case StandingUnknown:
		return Refusal{Code: RefusedLookupFailed}
	default:
		return Refusal{Code: RefusedNotMember, Standing: standing}
	}
	switch p.lists(f) {
	case Member:
		return Refusal{}
	case NotMember:
		return Refusal{Code: RefusedNotApprover}
	default:
		return Refusal{Code: RefusedLookupFailed}
	}
}
