package role

import (
	"cmp"
	"context"
	"errors"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// UndoPlan is what is about to be done.
type UndoPlan struct {
	Document      string    // the policy that is on the role now
	Restores      string    // the policy that will be, "" none
	ServerTime    time.Time // AWS's clock, whole seconds
	Cutoff        time.Time // of the deny that goes
	RevivesUntil  time.Time // as RevivesUntil gives it for the role as it is now
	RestoreCutoff time.Time // of the deny that comes back, zero none
}

// UndoResult is what was done and what was seen of it.
type UndoResult struct {
	Role          Role      // as it was read for this
	Removed       string    // the document that was taken away, "" when nothing was done
	Document      string    // what is on the role now, as far as known, "" none
	UndoneAt      time.Time // AWS's clock when the write answered, whole seconds; zero when nothing was done
	AlreadyDone   bool      // the role was as it should be, and nothing was done
	ReadBack      bool      // the role was read after the write, or instead of it, and is as it should be
	ReadBackAt    time.Time // AWS's clock at that read, whole seconds
	Mismatch      string    // what differed when ReadBack is false, plain text
	ReadBackError error     // why it could not be read back, a *CallError
	CallerARN     string    // who did it, as AWS calls the bot's session
	Unnamed       bool      // the session could not name the people; see Account.AllowUnnamedSessions
}

// Undo restores what was on the role before, if what is there is what the bot wrote. Otherwise it is ErrNotOurs, and
// nothing is touched. That the role is already as it should be is no error, so that an interrupted attempt can be made again.
//
// IAM has no compare-and-set: the policy is read once more just before the write, which leaves a moment for somebody
// else's write to be lost.
func (c *Client) Undo(ctx context.Context, o Order) (UndoResult, error) {
	var cred aws.Credential
	s, err := c.survey(ctx, approved(o.Target), func(a *aws.Conn) (err error) {
		cred, err = a.Open(ctx, o.grant(oneRolePolicy(toUndo, o.Target.ARN)))
		return err
	})
	if err != nil {
		return UndoResult{}, err
	}
	existing := s.there.Value
	result := UndoResult{Role: s.role, Document: existing.document, CallerARN: cmp.Or(cred.CallerARN, s.hubARN), Unnamed: cred.Unnamed}
	plan, done, err := planUndo(s.role, existing, o.Written, o.Previous)
	if err != nil {
		return UndoResult{}, err
	}
	if done {
		result.AlreadyDone, result.ReadBack, result.ReadBackAt = true, true, existing.at
		return result, nil
	}
	err = o.promise(ctx, Plan{
		ServerTime: plan.ServerTime, PreviousDocument: plan.Document, ExistingCutoff: existing.cutoff(),
		Document: plan.Restores, Cutoff: plan.RestoreCutoff,
	})
	if err != nil {
		return UndoResult{}, err
	}
	err = undo(context.WithoutCancel(ctx), s.account, o, cred, &result)
	return result, err
}

// undo takes the policy away, or puts the earlier one in its place, and reads the role.
func undo(ctx context.Context, a *aws.Conn, o Order, cred aws.Credential, result *UndoResult) error {
	there, err := readPolicy(ctx, a, o.Target.Name, cred)
	if err != nil {
		return err
	}
	if !there.is(o.Written) {
		return notOurs(a)
	}
	result.UndoneAt, err = restore(ctx, a, o, cred)
	if o.Previous == "" && errors.Is(err, aws.ErrNoSuchRole) {
		result.UndoneAt, err = aws.RefusalTime(err), nil // an attempt whose answer was lost has removed it; the look below tells
	}
	if err != nil {
		return err
	}
	result.Removed, result.Document = there.document, o.Previous
	now, err := readPolicy(ctx, a, o.Target.Name, cred)
	switch {
	case err != nil:
		result.ReadBackError, result.Mismatch = err, "the role could not be read afterwards"
		return nil
	case now.is(o.Previous):
		result.ReadBack = true
	default:
		result.Mismatch = "somebody else wrote the policy meanwhile"
	}
	result.ReadBackAt, result.Document = now.at, now.document
	return nil
}

// restore makes the one call that changes something, and returns AWS's clock.
func restore(ctx context.Context, a *aws.Conn, o Order, cred aws.Credential) (time.Time, error) {
	if o.Previous != "" {
		return putPolicy(ctx, a, cred, o.Target.Name, o.Previous)
	}
	out, err := aws.IAM(ctx, a, cred, "iam:DeleteRolePolicy", (*iam.Client).DeleteRolePolicy, &iam.DeleteRolePolicyInput{
		RoleName: awssdk.String(o.Target.Name), PolicyName: awssdk.String(PolicyName),
	})
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// is reports whether the policy on the role says the same as a document; "" is no policy.
func (o onRole) is(document string) bool {
	if o.document == "" || document == "" {
		return o.document == document
	}
	return sameJSON(o.document, document)
}

func notOurs(a *aws.Conn) error {
	return &aws.CallError{Kind: aws.ErrNotOurs, Operation: "iam:GetRolePolicy", Account: a.Name}
}

// longestServiceSession is how long the sessions last that AWS services open for the code they run; Lambda asks for that.
const longestServiceSession = 12 * time.Hour

// RevivesUntil says until when sessions that a deny with this cutoff keeps out would come back to life if it were taken
// away: the cutoff and the role's longest session. AWS services open sessions of up to twelve hours whatever the role's
// maximum is. A maximum that was lowered since those sessions were opened cannot be seen.
func RevivesUntil(cutoff time.Time, role Role) time.Time {
	longest := role.MaxSession
	for _, p := range role.Trust {
		switch p.Kind {
		case PrincipalService, PrincipalEverybody, PrincipalUnknown: // the latter two may be services
			longest = max(longest, longestServiceSession)
		}
	}
	if longest == 0 {
		longest = longestServiceSession // which is also the longest maximum that a role can have
	}
	return cutoff.Add(longest)
}
