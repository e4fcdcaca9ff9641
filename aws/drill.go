package aws

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/internal/times"
)

// Drill is one approved request to rehearse a revocation. It is no Revocation, so that none can be made of it by mistake.
type Drill struct {
	RequestID   string // becomes the session's name and a tag
	AccountName string
	RoleName    string
	RoleARN     string // with the path, as Describe gave it
	RoleID      string // the unique id that was approved
	Requester   string // becomes the source identity and a tag
	Approvers   []string
}

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
func (c *Cloud) Rehearse(ctx context.Context, d Drill) (Rehearsal, error) {
	began := time.Now()
	p, err := c.prepare(ctx, Revocation{
		RequestID: d.RequestID, AccountName: d.AccountName, RoleName: d.RoleName, RoleARN: d.RoleARN, RoleID: d.RoleID,
		Requester: d.Requester, Approvers: d.Approvers,
	}, c.openDrill)
	if err != nil {
		return Rehearsal{}, err
	}
	r := Rehearsal{
		Role: p.role, At: p.clock.server, First: time.Since(began),
		CallerARN: cmp.Or(p.cred.callerARN, p.hub.callerARN), Own: p.account.AssumeRole != "", Unnamed: p.cred.unnamed,
		Cutoff: cutoffAt(p.clock.latest(), c.margin, p.existing.cutoff(), time.Time{}),
	}
	r.Document = p.existing.policy.withCutoff(r.Cutoff)

	var again answer[onRole]
	var before, after, own answer[*iam.SimulatePrincipalPolicyOutput]
	var others answer[[]string]
	ask := func(s simulated) answer[*iam.SimulatePrincipalPolicyOutput] {
		return aside(ctx, func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
			return remote(ctx, c, p.account.Name, simulateOperation, func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
				return p.account.iam.SimulatePrincipalPolicy(ctx, s.input(p.account), iamWith(p.cred))
			})
		})
	}
	issued := func(at time.Time) simulated {
		return simulated{
			principal: p.role.ARN, actions: []string{simulatedAction}, besides: []string{r.Document},
			context: map[string]types.ContextEntry{issueTimeKey: dateEntry(at)},
		}
	}
	together(
		func() {
			began := time.Now()
			again = try(c.readPolicyWith(ctx, p.account, d.RoleName, p.cred))
			r.Second = time.Since(began)
		},
		func() { before = ask(issued(r.Cutoff.Add(-time.Second))) },
		func() { after = ask(issued(r.Cutoff.Add(time.Second))) },
		func() {
			own = ask(simulated{
				principal: ownPrincipal(p.account, p.hub.callerARN), actions: []string{"iam:PutRolePolicy"}, resources: []string{p.role.ARN},
			})
		},
		func() {
			others = aside(ctx, func(ctx context.Context) ([]string, error) { return c.allOtherInline(ctx, p.account, d.RoleName) })
		},
	)
	switch {
	case ctx.Err() != nil:
		return Rehearsal{}, callError("iam:GetRolePolicy", p.account.Name, context.Cause(ctx))
	case again.err != nil:
		return Rehearsal{}, again.err
	}
	if err := missingPermission(p.role, own); err != nil {
		return Rehearsal{}, err
	}
	if others.err == nil {
		if err := noRoom(p.role, others.value, p.existing); err != nil {
			return Rehearsal{}, err
		}
		r.Size = takes(r.Document, others.value)
	} else {
		r.SizeUnknown = notRead(others.err)
	}
	r.Paper = onPaper(before, after, p.account.Name)
	r.MayWrite, r.MayWriteUnknown = mayWrite(own, p.account.Name)
	return r, nil
}

// openDrill opens the session of a drill.
func (c *Cloud) openDrill(ctx context.Context, a *account, r Revocation) (credential, error) {
	return c.openErrand(ctx, a, errand{r.RequestID, r.Requester, r.Approvers, drillPolicy(r.RoleARN, a.AssumeRole)})
}

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many inline policies")

// allOtherInline reads the role's inline policies but our own.
func (c *Cloud) allOtherInline(ctx context.Context, a *account, roleName string) ([]string, error) {
	list, err := c.listInline(ctx, a, roleName)
	if err != nil {
		return nil, err
	}
	if list.IsTruncated {
		return nil, errTooMany
	}
	return c.otherInline(ctx, a, roleName, list.PolicyNames)
}

// onPaper reads the answers about a document that is on no role. The documents that were given are named PolicyInputList.1
// and so on in the examples of answers (AWS CLI Command Reference, "iam simulate-custom-policy"); only one was given.
func onPaper(before, after answer[*iam.SimulatePrincipalPolicyOutput], account string) Simulation {
	for _, err := range []error{before.err, after.err} {
		if err != nil {
			return Simulation{Unavailable: notSimulated(err, account)}
		}
	}
	given := func(s types.Statement) bool {
		return strings.HasPrefix(awssdk.ToString(s.SourcePolicyId), "PolicyInputList")
	}
	return Simulation{
		Before: verdictFor(before.value, given), After: verdictFor(after.value, given),
		At: times.Later(serverTime(before.value.ResultMetadata), serverTime(after.value.ResultMetadata)),
	}
}

// mayWrite reads the answer about the bot's own permission, of which missingPermission found that it is no plain no.
func mayWrite(own answer[*iam.SimulatePrincipalPolicyOutput], account string) (may bool, unknown string) {
	switch {
	case own.err != nil:
		return false, notSimulated(own.err, account)
	case slices.ContainsFunc(own.value.EvaluationResults, func(r types.EvaluationResult) bool {
		return r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed
	}):
		return true, ""
	default:
		return false, "The policy simulator does not say: a condition or a policy of the organization decides, which it does not know."
	}
}
