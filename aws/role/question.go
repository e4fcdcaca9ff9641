package role

import (
	"context"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Question is one question to the simulator.
type Question struct {
	Principal string // ARN of a user or role
	Actions   []string
	Resources []string       // ARNs; none means all
	Besides   []string       // policy documents that are taken as being on the principal, too
	Without   []contain.Slot // that are taken as being empty
	Context   []contain.ContextKey
}

// Simulated is the simulator's answer.
type Simulated struct {
	Results []types.EvaluationResult
	At      time.Time // AWS's clock, whole seconds
}

// actions are those of one decision.
func (s Simulated) actions(decision types.PolicyEvaluationDecisionType) (all []string) {
	for _, r := range s.Results {
		if r.EvalDecision == decision {
			all = append(all, awssdk.ToString(r.EvalActionName))
		}
	}
	return all
}

// Decided is what the simulator says of one action on one resource.
type Decided struct {
	Action, Resource string
	Decision         types.PolicyEvaluationDecisionType
	Open             string // why a denial is no verdict; "" when it is one
}

// Allowed reports whether the principal may.
func (d Decided) Allowed() bool { return d.Decision == types.PolicyEvaluationDecisionTypeAllowed }

// Decided lists the answers resource by resource, whichever way they come. A denial is open where
// the simulator lacks a value that a policy asks for, or an organization's policy decides, whose
// conditions it does not tell.
func (s Simulated) Decided() (all []Decided) {
	for _, r := range s.Results {
		organization := ""
		if org := r.OrganizationsDecisionDetail; org != nil && !org.AllowedByOrganizations {
			organization = "a policy of the organization denies it, perhaps under a condition"
		}
		add := func(resource *string, decision types.PolicyEvaluationDecisionType, missing []string) {
			open := organization
			if len(missing) > 0 {
				open = "it depends on " + strings.Join(missing, ", ")
			}
			all = append(all, Decided{awssdk.ToString(r.EvalActionName), awssdk.ToString(resource), decision, open})
		}
		if len(r.ResourceSpecificResults) == 0 {
			add(r.EvalResourceName, r.EvalDecision, r.MissingContextValues)
		}
		for _, part := range r.ResourceSpecificResults {
			decision := part.EvalResourceDecision
			if organization != "" {
				decision = r.EvalDecision
			}
			add(part.EvalResourceName, decision, slices.Concat(r.MissingContextValues, part.MissingContextValues))
		}
	}
	return all
}

// Ask asks the simulator with a credential, the zero one being the reading session. Of the
// condition keys, it knows those that say who the principal is; its ARN is given too, because
// service control policies ask for that. For the role that the bot assumes there is a source
// identity as well, because its sessions that write have one, and its policies may ask for that.
func (s Question) Ask(ctx context.Context, a *aws.Conn, with aws.Credential) (Simulated, error) {
	in, all := s.input(a), Simulated{}
	err := pages(a, "iam:SimulatePrincipalPolicy", func() (more bool, err error) {
		out, at, err := aws.IAM(ctx, a, with, (*iam.Client).SimulatePrincipalPolicy, in)
		if err != nil {
			return false, err
		}
		all.Results, all.At, in.Marker = append(all.Results, out.EvaluationResults...), at.Server, out.Marker
		return out.IsTruncated, nil
	})
	if err != nil {
		return Simulated{}, err
	}
	return all, nil
}

// input puts the question as the API has it.
func (s Question) input(a *aws.Conn) *iam.SimulatePrincipalPolicyInput {
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: awssdk.String(s.Principal), ActionNames: s.Actions, ResourceArns: s.Resources,
		PolicyInputList: s.Besides,
	}
	keys := append(slices.Clone(s.Context),
		contain.ContextKey{Name: "aws:PrincipalArn", Type: "string", Values: []string{s.Principal}})
	if s.Principal == a.AssumeRole && !a.AllowUnnamedSessions {
		keys = append(keys, contain.ContextKey{Name: "aws:SourceIdentity", Type: "string", Values: []string{"U0REQUESTER"}})
	}
	for _, k := range keys {
		in.ContextEntries = append(in.ContextEntries, types.ContextEntry{
			ContextKeyName: &k.Name, ContextKeyType: types.ContextKeyTypeEnum(k.Type), ContextKeyValues: k.Values,
		})
	}
	for _, slot := range s.Without {
		switch {
		case slot.Kind == contain.KeyStatus: // is no policy
			continue
		case strings.HasPrefix(slot.Name, "arn:"):
			in.PolicyExclusionList = append(in.PolicyExclusionList, &types.PolicyIdentifierMemberPolicyArn{Value: slot.Name})
			continue
		}
		in.PolicyExclusionList = append(in.PolicyExclusionList, &types.PolicyIdentifierMemberInlinePolicyIdentifier{
			Value: types.InlinePolicyIdentifierType{
				AttachmentName: awssdk.String(aws.NameOf(s.Principal)),
				AttachmentType: types.AttachmentType(slot.Kind.Facts().Principal),
				PolicyName:     awssdk.String(slot.Name),
			},
		})
	}
	return in
}
