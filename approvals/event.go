package approvals

import (
	"encoding/json"
	"time"
)

// EventType names what happened.
type EventType string

// The events of a request's log. Those in the first group move the state, those in the second only
// tell.
const (
	EventRequested EventType = "requested" // Detail: Opening
	EventVoted     EventType = "voted"     // an approval, more are needed
	EventApproved  EventType = "approved"  // the approval that was still missing
	EventDenied    EventType = "denied"
	EventCancelled EventType = "cancelled"
	EventExpired   EventType = "expired"
	EventStarted   EventType = "started" // the cutoff is promised, the write follows
	EventApplied   EventType = "applied"
	EventFailed    EventType = "failed"
	EventVoided    EventType = "voided"
	EventRehearsed EventType = "rehearsed" // of a drill: it was gone through, and nothing was written

	EventAlsoAsked  EventType = "also_asked"  // another person asked for the same; Detail: AlsoAsked
	EventHandedOver EventType = "handed_over" // the requester cancelled: the next who asked is the requester

	EventRefused  EventType = "refused"   // a person pressed what they may not; Detail: Refusal
	EventDelayed  EventType = "delayed"   // AWS did not accept it yet; it is tried again
	EventReadBack EventType = "read_back" // the policy was read again and compared
	EventUsers    EventType = "users"     // who uses the role, as CloudTrail told before the decision
	EventLooking  EventType = "looking"   // a check of CloudTrail is under way, this far
	EventEvidence EventType = "evidence"  // what CloudTrail told: who assumed the role
	EventSessions EventType = "sessions"  // the sessions that a check found and no earlier one had
	EventChosen   EventType = "chosen"    // a person asked what one of the sessions did
	EventVouched  EventType = "vouched"   // a person said that a caller is theirs
	EventActivity EventType = "activity"  // what sessions did, and which roles they assumed
	EventVerdict  EventType = "verdict"   // contained, not contained or unknown
	EventFinding  EventType = "finding"   // something about the role that people should know
	EventParked   EventType = "parked"    // a piece of work failed too often and was parked
	EventReminded EventType = "reminded"  // the approvers were reminded of a request that is open
	EventShutOut  EventType = "shut_out"  // Slack does not let the bot write into the channel, or its card was deleted
	EventDirect   EventType = "direct"    // a person was sent a DM, or could not be

	// a person asked for the incident report; it reads the log up to a number
	EventReport       EventType = "report"
	EventPlan         EventType = "plan"          // a person asked for the plan to recreate the role: what was read of it
	EventFilesRefused EventType = "files_refused" // Slack does not accept files here; the rest of the thread goes on

	EventSimulated     EventType = "simulated"      // what the policy simulator says on both sides of the cutoff
	EventSeenDenied    EventType = "seen_denied"    // what CloudTrail shows of old sessions after the cutoff
	EventTampered      EventType = "tampered"       // a check found the policy gone or weakened
	EventRewritten     EventType = "rewritten"      // the policy was written again under the same approval
	EventHeld          EventType = "held"           // the last check found the policy in place
	EventPolicyExpired EventType = "policy_expired" // no session that the policy keeps out can be alive any more
	EventUndone        EventType = "undone"         // another request took the policy away again

	// EventForged ends whatever a request was: its log is not what was written. Detail: Forged.
	EventForged EventType = "forged"
	// EventUntrusted stands in the log in the place of one that is not to be trusted.
	EventUntrusted EventType = "untrusted"
)

// moves gives the state that an event leads to, and those that it leads there from. One that leads
// to its own state is one approval of several, another person who asks, or a promise that is made
// anew after a crash. Events that are not listed leave the state as it is. docs/state_machine.md
// draws the same.
var moves = map[EventType]struct {
	to   State
	from []State
}{
	EventRequested: {StateOpen, []State{StateUnknown}},
	EventVoted:     {StateOpen, []State{StateOpen}},
	EventApproved:  {StateApproved, []State{StateOpen}},
	EventDenied:    {StateDenied, []State{StateOpen}},
	EventCancelled: {StateCancelled, []State{StateOpen}},
	EventExpired:   {StateExpired, []State{StateOpen}},
	EventStarted:   {StateExecuting, []State{StateApproved, StateExecuting}},
	EventApplied:   {StateApplied, []State{StateExecuting}},
	EventFailed:    {StateFailed, []State{StateOpen, StateApproved, StateExecuting}},
	EventVoided:    {StateVoid, []State{StateApproved, StateExecuting}},
	EventRehearsed: {StateRehearsed, []State{StateApproved}},

	EventAlsoAsked:  {StateOpen, []State{StateOpen}},
	EventHandedOver: {StateOpen, []State{StateOpen}},
}

// AlsoAsked is the Detail of EventAlsoAsked.
type AlsoAsked struct {
	Reason string `json:"reason,omitempty"`
}

// Event is one line of a request's log.
type Event struct {
	Seq    int64           // 1 for the first; set by the store
	Type   EventType       //
	At     time.Time       // the store's clock, milliseconds; set by Sealed, which seals it, or by the store
	By     string          // the person's id; empty when the bot acted by itself
	Source string          // the envelope or the item of work that caused it; what came twice is known by it
	Detail json.RawMessage // what the type says, or what the package that acted wrote; nil when there is nothing
	Seal   string          // the deployment's signature on it and on what is before it; empty without a key
}

// Opening is the Detail of EventRequested: what was asked, and what people were shown.
type Opening struct {
	Purpose Purpose `json:"purpose"`
	// About is the id of the earlier request that this one is about, such as the one to undo; empty
	// without one.
	About    string  `json:"about,omitempty"`
	Subject  Subject `json:"subject"`
	Place    Place   `json:"place"`
	Reason   string  `json:"reason,omitempty"`
	Required int     `json:"required"`
	// ExpireAfter is how long people have to decide, from the event's time on; whole milliseconds.
	ExpireAfter time.Duration `json:"expire_after"`
	// Witness is another clock than the store's when the request was opened. A process that can write
	// to the store cannot set it.
	Witness time.Time `json:"witness,omitzero"`
	// At and Seal are those of the event, set by Sealed.
	At   time.Time `json:"-"`
	Seal string    `json:"-"`
}

// Encode is the opening as the Detail of its event.
func (o Opening) Encode() (json.RawMessage, error) {
	o.ExpireAfter = o.ExpireAfter.Truncate(time.Millisecond)
	return json.Marshal(o)
}

// Subject is what an approval is for.
type Subject struct {
	// Key names the thing for good, such as an account and a role's unique id. There is at most one
	// request under way for a measure on it, or on its part, whether to apply or to undo it.
	Key string `json:"key"`
	// Part is what of the thing the request is about, such as one of a user's access keys; empty for
	// all of it.
	Part string `json:"part,omitempty"`
	// Group chooses the policy, such as the configured name of an account.
	Group string `json:"group"`
	// Facts is what people were shown, opaque to this package.
	Facts json.RawMessage `json:"facts"`
}

// Taken names what a request for a purpose keeps others from asking for.
func (s Subject) Taken(p Purpose) string {
	key := s.Key
	if s.Part != "" {
		key += "/" + s.Part
	}
	return key + "/" + string(p.Measure())
}

// Place is where a request belongs, or where a click or command comes from. A click counts only
// where the request's card is.
type Place struct {
	Team       string `json:"team"`                 // the workspace, empty for an organisation
	Enterprise string `json:"enterprise,omitempty"` // the organisation, empty without one
	App        string `json:"app"`                  // the Slack app
	Channel    string `json:"channel"`              // the channel of the card
}

// Holds reports whether another place is in this one's workspace or organisation: its home. Slack
// gives the id of an organisation in place of a workspace's, or none, where an app or a person
// belongs to all of it (Slack documentation, "block_actions payload", "block_suggestion payload").
func (p Place) Holds(other Place) bool {
	if p.Enterprise != "" && other.Enterprise != "" {
		return other.Enterprise == p.Enterprise
	}
	return other.Team != "" && (other.Team == p.Team || other.Team == p.Enterprise)
}

// Is reports whether another place is this one: the same channel and app of the same home.
func (p Place) Is(other Place) bool {
	return p.Holds(other) && other.App == p.App && other.Channel == p.Channel
}
