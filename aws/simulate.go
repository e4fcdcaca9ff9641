package aws

import (
	"context"
	"time"
)

// SimulateQuery asks what the role's policies say of sessions on both sides of a cutoff.
type SimulateQuery struct {
	AccountName string
	RoleARN     string // with the path
	Cutoff      time.Time
}

// Verdict is what the policy simulator says of one session. The zero value is unknown and never a proof.
type Verdict string

// The verdicts.
const (
	DeniedByOurs  Verdict = "denied_by_ours"  // an explicit deny, and a statement of AWSRevokeOlderSessions on the role is among its reasons
	DeniedByOther Verdict = "denied_by_other" // an explicit deny without our statement
	NotDenied     Verdict = "not_denied"      // allowed, or not allowed by anything: no explicit deny
)

// Simulation is what the simulator says of a session that was issued a second before the cutoff, and of one that was
// issued a second after it. It reads what is stored on the role: it proves the document, not that it is enforced.
type Simulation struct {
	Before, After Verdict
	At            time.Time // AWS's clock at the later answer, whole seconds
	Unavailable   string    // why it could not be simulated, a sentence without AWS's words; "" when it was
}

// Proven reports whether the document does what it is for: old sessions are denied by it, new ones are not.
func (s Simulation) Proven() bool { return s.Before == DeniedByOurs && s.After == NotDenied }

// Simulate asks the policy simulator twice, side by side, with the reading session. That it is not allowed, or cannot
// work for this role, is no error but Unavailable; an error is worth another try.
func (c *Cloud) Simulate(ctx context.Context, q SimulateQuery) (Simulation, error) {
	return Simulation{}, ctx.Err()
}
