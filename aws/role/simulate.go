package role

import (
	"cmp"
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
	"github.com/revokebot/revokebot/aws/contain"
)

// Verdict is what the policy simulator says of one session. The zero value is unknown and never a
// proof.
type Verdict string

// The verdicts.
const (
	DeniedByOurs  Verdict = "denied_by_ours"  // an explicit deny, and a statement of what was written is among its reasons
	DeniedByOther Verdict = "denied_by_other" // an explicit deny without our statement
	NotDenied     Verdict = "not_denied"      // allowed, or not allowed by anything: no explicit deny
)

// Simulation is what the simulator says of the sessions that a measure's probes name: of a
// measure with a cutoff, one that was issued a second before it, and one that was issued a second
// after it. It reads what is stored on the role: it proves the document, not that it is enforced.
type Simulation struct {
	Before, After Verdict   // of the first probe and the last: an older session and a newer one
	Probes        []Probed  // all answers
	At            time.Time // AWS's clock at the latest answer, whole seconds
	Unavailable   string    // why it could not be simulated, a sentence without AWS's words; "" when it was
}

// Probed is the answer to one probe.
type Probed struct {
	Denied  bool // it has to be denied by what was written; else it must not be denied
	Verdict Verdict
}

// Proven reports whether the documents do what they are for.
func (s Simulation) Proven() bool {
	for _, p := range s.Probes {
		if p.Denied && p.Verdict != DeniedByOurs || !p.Denied && p.Verdict != NotDenied {
			return false
		}
	}
	return len(s.Probes) > 0
}

// Simulate asks what the role's policies say of the sessions that the measure's probes name, once
// for each probe, side by side, with the reading session. written is what the order has written.
// That the simulator may not be asked, or knows nothing of the measure, is no error but
// Unavailable; an error is worth another try.
func (c *Client) Simulate(ctx context.Context, o Order, written []contain.Document) (Simulation, error) {
	a, err := c.cloud.Conn(o.Principal.AccountName)
	if err != nil {
		return Simulation{}, err
	}
	return simulate(ctx, a, aws.Credential{}, o, written, false)
}

// onPaper asks the same of documents that are on no role. An error is Unavailable, too.
func (p *Prepared) onPaper(ctx context.Context, docs []contain.Document) Simulation {
	s, _ := simulate(ctx, p.account, p.cred, p.of, docs, true)
	return s
}

// asked is one question of a measure's probes.
type asked struct {
	denied bool
	ours   func(types.Statement) bool
	answer simulated
}

// simulate asks all questions side by side: about what is on the role or, on paper, about documents
// that are given beside it.
func simulate(
	ctx context.Context, a *aws.Conn, with aws.Credential, o Order, docs []contain.Document, paper bool,
) (Simulation, error) {
	var all []*asked
	var asks []func()
	prober, ok := o.Measure.(contain.Prober)
	for i := 0; ok && i < len(docs); i++ {
		for _, p := range prober.Probes(docs[i]) {
			q := Question{
				Principal: o.Principal.ARN, Actions: []string{simulatedAction}, Context: map[string]types.ContextEntry{},
			}
			for _, k := range p.Keys {
				q.Context[k.Name] = types.ContextEntry{
					ContextKeyType: types.ContextKeyTypeEnum(k.Type), ContextKeyValues: k.Values,
				}
			}
			d := &asked{denied: p.Denied, ours: isOurs(docs[i].Slot.Label())}
			ask := func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) { return q.Ask(ctx, a, with) }
			run := func() { d.answer = aws.Try(ask(ctx)) }
			if paper {
				q.Besides, d.ours = []string{prober.Policy(docs[i])}, isGiven
				run = func() { d.answer = aws.Advisory(ctx, ask) }
			}
			all, asks = append(all, d), append(asks, run)
		}
	}
	if len(all) == 0 {
		return Simulation{Unavailable: "It was not simulated: the policy simulator knows nothing of this."}, nil
	}
	aws.All(asks...)
	var s Simulation
	var failed error
	for _, d := range all {
		switch err := d.answer.Err; {
		case err != nil && (paper || aws.Final(err)):
			return Simulation{Unavailable: notSimulated(err, a.Name)}, nil
		case err != nil:
			failed = cmp.Or(failed, err)
		default:
			s.Probes = append(s.Probes, Probed{d.denied, verdict(d.answer.Value, d.ours)})
			s.At = times.Later(s.At, aws.ServerTime(d.answer.Value.ResultMetadata))
		}
	}
	if failed != nil {
		return Simulation{}, failed
	}
	s.Before, s.After = s.Probes[0].Verdict, s.Probes[len(all)-1].Verdict
	return s, nil
}

// isGiven reports whether a matched statement is of the document that was given. Such documents are
// named PolicyInputList.1 and so on in the examples of answers (AWS CLI Command Reference, "iam
// simulate-custom-policy"); only one is given.
func isGiven(s types.Statement) bool {
	return strings.HasPrefix(awssdk.ToString(s.SourcePolicyId), "PolicyInputList")
}

// simulatedAction is one that the deny covers like every other. It takes no resource and works in
// every partition.
const simulatedAction = "s3:ListAllMyBuckets"

// Question is one question to the simulator.
type Question struct {
	Principal string // ARN of a user or role
	Actions   []string
	Resources []string // ARNs; none means all
	Besides   []string // policy documents that are taken as being on the principal, too
	Context   map[string]types.ContextEntry
}

// Ask asks the simulator with a credential, the zero one being the reading session. Of the
// condition keys, it knows those that say who the principal is; its ARN is given too, because
// service control policies ask for that. For the role that the bot assumes there is a source
// identity as well, because its sessions that write have one, and its policies may ask for that.
func (s Question) Ask(
	ctx context.Context, a *aws.Conn, with aws.Credential,
) (*iam.SimulatePrincipalPolicyOutput, error) {
	return aws.IAM(ctx, a, with, "iam:SimulatePrincipalPolicy", (*iam.Client).SimulatePrincipalPolicy, s.input(a))
}

// input puts the question as the API has it.
func (s Question) input(a *aws.Conn) *iam.SimulatePrincipalPolicyInput {
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: awssdk.String(s.Principal), ActionNames: s.Actions, ResourceArns: s.Resources,
		PolicyInputList: s.Besides,
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

// verdict reads the answer to a question about one action. The decision alone is no proof: a
// service control policy denies explicitly, too. Where a statement denies, the matched statements
// are those that deny.
func verdict(out *iam.SimulatePrincipalPolicyOutput, ours func(types.Statement) bool) Verdict {
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

// isOurs reports whether a matched statement is of the policy with a label. The id of a role's
// inline policy reads role_Deploy_AWSRevokeOlderSessions; that form is not documented, so only
// its end is looked at.
func isOurs(label string) func(types.Statement) bool {
	return func(s types.Statement) bool {
		before, ok := strings.CutSuffix(awssdk.ToString(s.SourcePolicyId), label)
		return ok && (before == "" || strings.ContainsRune("_/:.", rune(before[len(before)-1])))
	}
}

// notSimulated says why the simulator gave no answer.
func notSimulated(err error, account string) string {
	if errors.Is(err, aws.ErrAccessDenied) {
		return "It could not be simulated: revokebot may not use the policy simulator in account " + account +
			". Allow its role iam:SimulatePrincipalPolicy."
	}
	return "It could not be simulated. " + aws.Explain(err)
}
