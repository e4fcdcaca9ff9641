package approvals

// State is where a request stands. The zero value is unknown and permits nothing.
type State string

// The states of a request. Open is the only one in which anybody can decide; from Approved on the
// request is taken.
const (
	StateUnknown   State = ""
	StateOpen      State = "open"      // waits for approvals
	StateApproved  State = "approved"  // enough people approved; the revocation is queued
	StateExecuting State = "executing" // the cutoff is promised; the write to AWS is under way
	StateApplied   State = "applied"   // AWS took the policy
	StateFailed    State = "failed"    // it could not be done; the log says why
	StateDenied    State = "denied"    // an approver said no
	StateCancelled State = "cancelled" // the requester took it back
	StateExpired   State = "expired"   // nobody decided in time
	StateVoid      State = "void"      // approved, but what was approved is not there any more
	StateRehearsed State = "rehearsed" // of a drill: it was gone through, and nothing was written
)

// transitions lists, for each state, the states that may follow it. docs/state_machine.md draws the
// same.
var transitions = map[State][]State{
	StateUnknown:   {StateOpen},
	StateOpen:      {StateApproved, StateDenied, StateCancelled, StateExpired, StateFailed},
	StateApproved:  {StateExecuting, StateRehearsed, StateFailed, StateVoid},
	StateExecuting: {StateApplied, StateFailed, StateVoid},
}

// States returns every known state, in the order of a request's life.
func States() []State {
	return []State{
		StateOpen, StateApproved, StateExecuting, StateApplied, StateRehearsed, StateFailed,
		StateDenied, StateCancelled, StateExpired, StateVoid,
	}
}

// CanBecome reports whether a request in state s may move to next. Staying is not a move.
func (s State) CanBecome(next State) bool {
	for _, t := range transitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// after is the state to which an event leads from s, and whether a request in s takes that event at
// all.
func (s State) after(e EventType) (next State, ok bool) {
	next, isMove := moves[e]
	switch {
	case s == StateUnknown:
		return next, e == EventRequested
	case !isMove:
		return s, true
	default:
		return next, s.CanBecome(next) || s == next && stays[e]
	}
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
	if s == StateUnknown {
		return "unknown"
	}
	return string(s)
}
