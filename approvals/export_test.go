package approvals

import "slices"

// Moves tells the drawing's test which state an event leads to, and whether a request may make that
// move again without leaving its state.
func Moves() map[EventType]State {
	all := make(map[EventType]State)
	for event, move := range moves {
		all[event] = move.to
	}
	return all
}

// CanBecome reports whether a request in state s may move to next. Staying is not a move.
func (s State) CanBecome(next State) bool {
	for _, move := range moves {
		if move.to == next && next != s && slices.Contains(move.from, s) {
			return true
		}
	}
	return false
}

// Lists reports whether a policy's list has the person, and whether that is known.
func Lists(p Policy, f Facts) (yes, known bool) {
	l := p.lists(f)
	return l == Member, l != MembershipUnknown
}

// Stays reports whether the event may come again in the state that it leads to.
func Stays(e EventType) bool { return slices.Contains(moves[e].from, moves[e].to) }
