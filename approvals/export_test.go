package approvals

// Moves tells the drawing's test which state an event leads to, and whether a request may make that move again without
// leaving its state.
func Moves() map[EventType]State { return moves }

// Stays reports whether the event may come again in the state that it leads to.
func Stays(e EventType) bool { return stays[e] }
