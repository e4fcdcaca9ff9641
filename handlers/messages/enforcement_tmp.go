package messages

// Enforcement stands in.
type Enforcement struct{ Denied, Succeeded int }
