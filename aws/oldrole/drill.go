package role

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/internal/times"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
)

// Rehearsal is what a revocation would have done, and what was checked on the way. Nothing was written.
type Rehearsal struct {
	Role     Role      // as it was read for this drill
	Cutoff   time.Time // that a revocation at this moment would have had
	Document string    // that it would have written
	At       time.Time // AWS's clock when the role was read, whole seconds

	CallerARN string // the session that was opened, as AWS calls it; of an account without a role to assume, who the bot is
	Own       bool   // it is a session of this drill alone, which may read and nothing else
	Unnamed   bool   // it could not name the people; see Account.AllowUnnamedSessions

	// First is how long it took to read the role and to open the session, Second how long a read with that session took, in
	// place of the write. Both by this machine's running clock.
	First, Second time.Duration

	Size        int    // of the role's inline policies with the deny, in the characters of the quota; 0 when it is not known
	SizeUnknown string // why it is not, in a few words

	Paper Simulation // with the document beside the role's policies, on both sides of Cutoff

	MayWrite        bool   // the simulator says that the bot may do iam:PutRolePolicy on the role
	MayWriteUnknown string // why it is not known whether it may, a sentence; "" when MayWrite
}

// Rehearse goes through all of a revocation but the write: it reads the role and the policy on it and opens a session that
// names the people, refuses what Revoke refuses, and asks the policy simulator with the document that would have been
// written. That session may read and ask the simulator; an account without a role to assume has no such session.
//
// An error is what would have kept a revocation from happening. What could not be found out about the rest is no error.
func (c *Client) Rehearse(ctx context.Context, o Order) (Rehearsal, error) {
	began := time.Now()
	p, err := c.prepare(ctx, o, func(a *aws.Conn) string { return drillPolicy(o.Target.ARN, a.AssumeRole) })
	if err != nil {
		return Rehearsal{}, err
	}
	r := Rehearsal{
		Role: p.role, At: p.clock.Server, First: time.Since(began),
		CallerARN: p.callerARN(), Own: p.account.AssumeRole != "", Unnamed: p.cred.Unnamed,
		Cutoff: cutoffAt(p.clock.Latest(), c.cloud.Margin(), p.there.Value.cutoff(), time.Time{}),
	}
	r.Document = p.there.Value.policy.withCutoff(r.Cutoff)

	var again aws.Answer[onRole]
	var before, after, own aws.Answer[*iam.SimulatePrincipalPolicyOutput]
	var others aws.Answer[[]string]
	ask := func(s Question) aws.Answer[*iam.SimulatePrincipalPolicyOutput] {
		return aws.Advisory(ctx, func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
			return s.Ask(ctx, p.account, p.cred)
		})
	}
	issued := func(at time.Time) Question {
		return Question{
			Principal: p.role.ARN, Actions: []string{simulatedAction}, Besides: []string{r.Document},
			Context: map[string]types.ContextEntry{issueTimeKey: dateEntry(at)},
		}
	}
	aws.All(
		func() {
			began := time.Now()
			again = aws.Try(readPolicy(ctx, p.account, o.Target.Name, p.cred))
			r.Second = time.Since(began)
		},
		func() { before = ask(issued(r.Cutoff.Add(-time.Second))) },
		func() { after = ask(issued(r.Cutoff.Add(time.Second))) },
		func() {
			own = ask(Question{
				Principal: p.account.OwnPrincipal(p.hubARN), Actions: []string{"iam:PutRolePolicy"}, Resources: []string{p.role.ARN},
			})
		},
		func() {
			others = aws.Advisory(ctx, func(ctx context.Context) ([]string, error) { return allOtherInline(ctx, p.account, o.Target.Name) })
		},
	)
	switch {
	case ctx.Err() != nil:
		return Rehearsal{}, aws.NewCallError("iam:GetRolePolicy", p.account.Name, context.Cause(ctx))
	case again.Err != nil:
		return Rehearsal{}, again.Err
	}
	if err := missingPermission(p.role, own); err != nil {
		return Rehearsal{}, err
	}
	if others.Err == nil {
		if err := noRoom(p.role, others.Value, p.there.Value); err != nil {
			return Rehearsal{}, err
		}
		r.Size = takes(r.Document, others.Value)
	} else {
		r.SizeUnknown = notRead(others.Err)
	}
	r.Paper = onPaper(before, after, p.account.Name)
	r.MayWrite, r.MayWriteUnknown = mayWrite(own, p.account.Name)
	return r, nil
}

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many inline policies")

// allOtherInline reads the role's inline policies but our own.
func allOtherInline(ctx context.Context, a *aws.Conn, roleName string) ([]string, error) {
	list, err := listInline(ctx, a, roleName)
	if err != nil {
		return nil, err
	}
	if list.IsTruncated {
		return nil, errTooMany
	}
	return otherInline(ctx, a, roleName, list.PolicyNames)
}

// onPaper reads the answers about a document that is on no role. The documents that were given are named PolicyInputList.1
// and so on in the examples of answers (AWS CLI Command Reference, "iam simulate-custom-policy"); only one was given.
func onPaper(before, after aws.Answer[*iam.SimulatePrincipalPolicyOutput], account string) Simulation {
	for _, err := range []error{before.Err, after.Err} {
		if err != nil {
			return Simulation{Unavailable: notSimulated(err, account)}
		}
	}
	given := func(s types.Statement) bool {
		return strings.HasPrefix(awssdk.ToString(s.SourcePolicyId), "PolicyInputList")
	}
	return Simulation{
		Before: verdictFor(before.Value, given), After: verdictFor(after.Value, given),
		At: times.Later(aws.ServerTime(before.Value.ResultMetadata), aws.ServerTime(after.Value.ResultMetadata)),
	}
}

// mayWrite reads the answer about the bot's own permission, of which missingPermission found that it is no plain no.
func mayWrite(own aws.Answer[*iam.SimulatePrincipalPolicyOutput], account string) (may bool, unknown string) {
	switch {
	case own.Err != nil:
		return false, notSimulated(own.Err, account)
	case slices.ContainsFunc(own.Value.EvaluationResults, func(r types.EvaluationResult) bool {
		return r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed
	}):
		return true, ""
	default:
		return false, "The policy simulator does not say: a condition or a policy of the organization decides, which it does not know."
	}
}
