package role

import (
	"context"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/internal/times"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// Result is what was done and what was seen of it. That the document was read back does not say that sessions are
// denied already: IAM takes seconds to spread it.
type Result struct {
	Role             Role      // as it was read for this revocation: its trust policy may not be the one that was shown
	Cutoff           time.Time // sessions issued before it are denied; higher than planned if somebody else raised it
	Document         string    // what is on the role now, as far as known
	Written          string    // what was written last, "" when nothing was; Document is another's where somebody added to it or raised it
	PreviousDocument string    // what was on it before, "" none
	AppliedAt        time.Time // AWS's clock when the write answered, whole seconds; zero when nothing was written
	AlreadyThere     bool      // NotBefore was reached already and nothing was written
	ReadBack         bool      // the policy was read after the write, or instead of it, and reaches the cutoff
	ReadBackAt       time.Time // AWS's clock at that read, whole seconds
	Mismatch         string    // what differed when ReadBack is false, plain text
	ReadBackError    error     // why it could not be read back, a *CallError
	Writes           int       // how often the policy was written: more than once when somebody else changed it
	CallerARN        string    // who wrote it, as AWS calls the bot's session
	Unnamed          bool      // the session could not name the people; see Account.AllowUnnamedSessions
}

// maxWrites bounds how often Revoke writes when somebody keeps undoing it.
const maxWrites = 3

// Revoke denies the sessions of a role that were issued before a cutoff, and reads the policy back.
//
// GetRole, GetRolePolicy and the session of this revocation are asked for side by side, then the policy is written: two
// remote steps, if the reading session is warm. Nothing is written if the role behind the name is another one
// (ErrRoleChanged), must not be touched (*RefusedError) or AWS's time is not known (ErrNoServerTime). Once Promise has
// returned, the end of ctx does not stop the write any more; its own deadline does.
//
// An error means that the deny is not known to be there. A write that timed out may have been done: call again with the
// planned cutoff as NotBefore. A write that succeeded and could not be confirmed is no error: see ReadBack.
func (c *Client) Revoke(ctx context.Context, o Order) (Result, error) {
	return c.RevokePrepared(ctx, nil, o)
}

// RevokePrepared is Revoke with what Prepare has asked for already: one remote step. A preparation that is not of this
// revocation with these people, or is older than a few seconds, is asked for anew; nil is none.
func (c *Client) RevokePrepared(ctx context.Context, p *Prepared, o Order) (Result, error) {
	if !p.fits(o) {
		var err error
		if p, err = c.Prepare(ctx, o); err != nil {
			return Result{}, err
		}
	}
	existing := p.there.Value
	result := Result{Role: p.role, PreviousDocument: existing.document, CallerARN: p.callerARN(), Unnamed: p.cred.Unnamed}
	if !o.NotBefore.IsZero() && !existing.cutoff().Before(o.NotBefore) {
		result.AlreadyThere, result.ReadBack = true, true
		result.Cutoff, result.Document, result.ReadBackAt = existing.cutoff(), existing.document, existing.at
		return result, nil
	}

	result.Cutoff = cutoffAt(p.clock.Latest(), c.cloud.Margin(), existing.cutoff(), times.Later(o.NotBefore, o.AtLeast))
	result.Document = existing.policy.withCutoff(result.Cutoff)
	err := o.promise(ctx, Plan{
		ServerTime: p.clock.Server, PreviousDocument: existing.document, ExistingCutoff: existing.cutoff(),
		Document: result.Document, Cutoff: result.Cutoff,
	})
	if err != nil {
		return Result{}, err
	}
	err = c.write(ctx, p.account, o.Target.Name, p.cred, &result)
	return result, err
}

// sameRole reports whether the role is the one that was approved; nil means yes.
func sameRole(role Role, approved Ref) error {
	if role.ID == approved.ID && role.ARN == approved.ARN {
		return nil
	}
	return &aws.CallError{
		Kind: aws.ErrRoleChanged, Operation: "iam:GetRole", Account: role.AccountName,
		Message: fmt.Sprintf("the unique id is %s, approved was %s", role.ID, approved.ID),
	}
}

// write puts the planned document on the role and reads it back, again if somebody took it away in between.
func (c *Client) write(ctx context.Context, a *aws.Conn, roleName string, cred aws.Credential, result *Result) error {
	for {
		at, err := putPolicy(context.WithoutCancel(ctx), a, cred, roleName, result.Document)
		if err != nil {
			return err
		}
		result.Writes++
		result.Written = result.Document
		result.AppliedAt = at

		now, err := readPolicy(ctx, a, roleName, cred)
		if err != nil {
			result.ReadBackError = err
			result.Mismatch = "the policy could not be read back"
			return nil
		}
		result.ReadBackAt = now.at
		result.Mismatch = now.mismatch(result.Document, result.Cutoff)
		if result.Mismatch == "" {
			result.ReadBack = true
			result.Document = now.document
			if now.cutoff().After(result.Cutoff) {
				result.Cutoff = now.cutoff()
			}
			return nil
		}
		c.cloud.Log().WarnContext(ctx, "the policy on the role is not what was written",
			"account", a.Name, "role", roleName, "writes", result.Writes, "reason", result.Mismatch)
		if result.Writes == maxWrites {
			return nil
		}
		wanted, _ := parsePolicy(result.Document)
		result.Cutoff = times.Later(result.Cutoff, now.cutoff())
		result.Document = now.policy.and(wanted).withCutoff(result.Cutoff)
	}
}

// putPolicy writes a document under the policy's name and returns AWS's clock.
func putPolicy(ctx context.Context, a *aws.Conn, with aws.Credential, roleName, document string) (time.Time, error) {
	out, err := aws.IAM(ctx, a, with, "iam:PutRolePolicy", (*iam.Client).PutRolePolicy, &iam.PutRolePolicyInput{
		RoleName: awssdk.String(roleName), PolicyName: awssdk.String(PolicyName), PolicyDocument: awssdk.String(document),
	})
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}
