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

// Simulate asks what the role's policies say of sessions on both sides of a cutoff. It asks the policy simulator twice, side by side, with the reading session. That it is not allowed, or cannot
// work for this role, is no error but Unavailable; an error is worth another try.
func (c *Client) Simulate(ctx context.Context, of Ref, cutoff time.Time) (Simulation, error) {
	a, err := c.cloud.Conn(of.Account)
	if err != nil {
		return Simulation{}, err
	}
	var before, after aws.Answer[*iam.SimulatePrincipalPolicyOutput]
	at := func(issued time.Time) Question {
		return Question{
			Principal: of.ARN, Actions: []string{simulatedAction},
			Context: map[string]types.ContextEntry{issueTimeKey: dateEntry(issued)},
		}
	}
	aws.All(
		func() { before = aws.Try(at(cutoff.Add(-time.Second)).Ask(ctx, a, aws.Credential{})) },
		func() { after = aws.Try(at(cutoff.Add(time.Second)).Ask(ctx, a, aws.Credential{})) },
	)
	for _, err := range []error{before.Err, after.Err} {
		if aws.Final(err) {
			return Simulation{Unavailable: notSimulated(err, a.Name)}, nil
		}
	}
	for _, err := range []error{before.Err, after.Err} {
		if err != nil {
			return Simulation{}, err
		}
	}
	return Simulation{
		Before: verdict(before.Value), After: verdict(after.Value),
		At: times.Later(aws.ServerTime(before.Value.ResultMetadata), aws.ServerTime(after.Value.ResultMetadata)),
	}, nil
}

// simulatedAction is one that the deny covers like every other. It takes no resource and works in every partition.
const simulatedAction = "s3:ListAllMyBuckets"

// simulated is one question to the simulator.
type Question struct {
	Principal string // ARN of a user or role
	Actions   []string
	Resources []string // ARNs; none means all
	Besides   []string // policy documents that are taken as being on the principal, too
	Context   map[string]types.ContextEntry
}

// dateEntry is the value of a condition key that is a date.
func dateEntry(t time.Time) types.ContextEntry {
	return types.ContextEntry{
		ContextKeyType: types.ContextKeyTypeEnumDate, ContextKeyValues: []string{t.UTC().Format(issueTimeFormat)},
	}
}

// ask asks the simulator with a credential, the zero one being the reading session. Of the condition keys, it knows those
// that say who the principal is; its ARN is given too, because service control policies ask for that. For the role that the
// bot assumes there is a source identity as well, because its sessions that write have one, and its policies may ask for that.
func (s Question) Ask(ctx context.Context, a *aws.Conn, with aws.Credential) (*iam.SimulatePrincipalPolicyOutput, error) {
	return aws.IAM(ctx, a, with, "iam:SimulatePrincipalPolicy", (*iam.Client).SimulatePrincipalPolicy, s.input(a))
}

// input puts the question as the API has it.
func (s Question) input(a *aws.Conn) *iam.SimulatePrincipalPolicyInput {
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: awssdk.String(s.Principal), ActionNames: s.Actions, ResourceArns: s.Resources, PolicyInputList: s.Besides,
		ContextEntries: []types.ContextEntry{{
			ContextKeyName: awssdk.String("aws:PrincipalArn"), ContextKeyType: types.ContextKeyTypeEnumString,
			ContextKeyValues: []string{s.Principal},
		}},
	}
	if s.Principal == a.AssumeRole && !a.AllowUnnamedSessions {
		in.ContextEntries = append(in.ContextEntries, types.ContextEntry{
			ContextKeyName: awssdk.String("aws:SourceIdentity"), ContextKeyType: types.ContextKeyTypeEnumString,
			ContextKeyValues: []string{"U0REQUESTER"},
		})
	}
	for name, entry := range s.Context {
		entry.ContextKeyName = awssdk.String(name)
		in.ContextEntries = append(in.ContextEntries, entry)
	}
	return in
}

// verdict reads the answer to a question about one action. The decision alone is no proof: a service control policy
// denies explicitly, too. Where a statement denies, the matched statements are those that deny.
func verdict(out *iam.SimulatePrincipalPolicyOutput) Verdict { return verdictFor(out, isOurs) }

// verdictFor is verdict with another idea of which statements are ours.
func verdictFor(out *iam.SimulatePrincipalPolicyOutput, ours func(types.Statement) bool) Verdict {
	if len(out.EvaluationResults) != 1 {
		return ""
	}
	switch result := out.EvaluationResults[0]; result.EvalDecision {
	case types.PolicyEvaluationDecisionTypeAllowed, types.PolicyEvaluationDecisionTypeImplicitDeny:
		return NotDenied
	case types.PolicyEvaluationDecisionTypeExplicitDeny:
		if slices.ContainsFunc(result.MatchedStatements, ours) {
			return DeniedByOurs
		}
		return DeniedByOther
	default:
		return ""
	}
}

// isOurs reports whether a matched statement is of our policy. The id of a role's inline policy reads
// role_Deploy_AWSRevokeOlderSessions; that form is not documented, so only its end is looked at.
func isOurs(s types.Statement) bool {
	before, ok := strings.CutSuffix(awssdk.ToString(s.SourcePolicyId), PolicyName)
	return ok && (before == "" || strings.ContainsRune("_/:.", rune(before[len(before)-1])))
}

// notSimulated says why the simulator gave no answer.
func notSimulated(err error, account string) string {
	if errors.Is(err, aws.ErrAccessDenied) {
		return "It could not be simulated: revokebot may not use the policy simulator in account " + account + ". Allow its role iam:SimulatePrincipalPolicy."
	}
	return "It could not be simulated. " + aws.Explain(err)
}
