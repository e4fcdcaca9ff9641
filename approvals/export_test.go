package approvals

// Moves tells the drawing's test which state an event leads to, and whether a request may make that
// move again without leaving its state.
func Moves() map[EventType]State { return moves }

// Lists reports whether a policy's list has the person, and whether that is known.
func Lists(p Policy, f Facts) (yes, known bool) {
	l := p.lists(f)
	return l == listed, l != listingUnknown
}

// Stays reports whether the event may come again in the state that it leads to.
func Stays(e EventType) bool { return stays[e] }
