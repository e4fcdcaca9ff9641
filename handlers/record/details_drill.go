package record

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
)

// Rehearsed is the Detail of an EventRehearsed: what a revocation would have done, and what was
// checked on the way. Its members are not named as those of what was written are.
type Rehearsed struct {
	role.Rehearsal
	WouldBe time.Time `json:"would_be_cutoff,omitzero"`
	Policy  string    `json:"policy,omitempty"` // its name; empty: the IAM console's
}

// Clean reports whether all that a drill can check was found in order. That an account has no
// session of its own, or one that names no people, is what its configuration accepts.
func (d Rehearsed) Clean() bool { return d.Paper.Proven && d.MayWrite && d.Size > 0 }

// WouldBeSince is the moment that would have parted sessions, zero before a drill came to it. A
// drill has no other.
func WouldBeSince(events []approvals.Event) time.Time {
	for e, d := range All[Rehearsed](events, approvals.EventRehearsed) {
		return since(d.WouldBe, d.At, e)
	}
	return time.Time{}
}

// IsDrill reads from a log whether it is that of a drill.
func IsDrill(events []approvals.Event) bool {
	if len(events) == 0 || events[0].Type != approvals.EventRequested {
		return false
	}
	o, err := Detail[approvals.Opening](events[0])
	return err == nil && o.Purpose.Mode() == approvals.ModeDrill
}
