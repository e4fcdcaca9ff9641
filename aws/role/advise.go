package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// advise is the second step of Describe: it asks what follows from the first one, side by side,
// and puts together what refuses the role and what people are warned about.
func (p *Prepared) advise(ctx context.Context) (Role, error) {
	a, role, inline := p.account, p.role, p.inline
	puts := puts(p.places)
	writes := slices.Concat(puts, removes(p.places))
	wanted, existing, err := p.wanted()
	if err != nil {
		return Role{}, err
	}
	var names []string
	if inline.Err == nil {
		names = slices.DeleteFunc(slices.Clone(inline.Value.PolicyNames), func(name string) bool {
			return slices.Contains(p.slots, contain.Slot{Kind: contain.RoleInline, Name: name})
		})
	}
	var others, managed aws.Answer[[]contain.Document]
	var own, roles aws.Answer[*iam.SimulatePrincipalPolicyOutput]
	ask := func(principal string, actions ...string) aws.Answer[*iam.SimulatePrincipalPolicyOutput] {
		q := Question{Principal: principal, Actions: actions, Resources: []string{role.ARN}}
		return aws.Advisory(ctx, func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
			return q.Ask(ctx, a, aws.Credential{})
		})
	}
	aws.All(
		func() {
			others = aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) {
				return on{account: a, role: role.Name}.named(ctx, names)
			})
		},
		func() {
			if slices.Contains(kindsOf(wanted), contain.RoleAttached) {
				managed = aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) {
					return kinds[contain.RoleAttached].all(ctx, on{account: a, role: role.Name})
				})
			}
		},
		func() { own = ask(a.OwnPrincipal(p.hubARN), append(reads(p.slots), puts...)...) },
		func() { roles = ask(role.ARN, append(writes[:len(writes):len(writes)], "sts:AssumeRole")...) },
	)
	if err := missingPermission(role, own); err != nil {
		return Role{}, err
	}
	var unknown []string
	unreadable := func(what string, err error) {
		if err != nil {
			unknown = append(unknown, what+" ("+notRead(err)+")")
		}
	}
	known := others.Value
	for _, f := range p.there {
		known = append(known, f.Document)
		unreadable("whether "+f.Slot.Label()+" is on the role", f.err)
	}
	for _, kind := range kindsOf(wanted) {
		if err := roomFor(kind, append(managed.Value, known...), wanted).refuse(role); err != nil {
			return Role{}, err
		}
	}
	unreadable("whether its inline policies leave room for the deny", errors.Join(inline.Err, others.Err))
	if inline.Err == nil && inline.Value.IsTruncated {
		unknown = append(unknown, "whether its inline policies leave room for the deny (there are too many)")
	}
	unreadable("whether revokebot's own role may write the deny", own.Err)
	unreadable("whether the role can write IAM, past its inline policies", roles.Err)

	may := allowedActions(roles)
	for _, d := range known {
		for _, action := range mayName(d.Text, writes...) {
			may[action] = true
		}
	}
	canWrite := slices.ContainsFunc(writes, func(action string) bool { return may[action] })
	role.Warnings = slices.Concat(
		trustWarnings(role, readTrustFacts(a.Account, role.ARN, p.trust), may["sts:AssumeRole"]),
		policyWarnings(role, canWrite), existing,
		codeWarnings(role, p.places),
		[]Warning{notCovered},
		notReadWarning(unknown),
	)
	return role, nil
}

// wanted is what the measure would write now, and what people are warned about of what is there.
// It refuses a role on which no document can be written. What could not be read is not known to
// be there.
func (p *Prepared) wanted() (docs []contain.Document, warnings []Warning, err error) {
	if unread(p.there) != nil || p.clock == (aws.Stamp{}) {
		return nil, nil, nil
	}
	state, places, m := p.state(p.latest()), p.places, p.of.Measure
	all, err := m.Want(state, nil)
	some := slices.ContainsFunc(places, func(p []contain.Slot) bool { return contain.RefusalOf(err, p) == nil })
	if len(all) != len(places) || !some {
		return nil, nil, err
	}
	for i, place := range places {
		if contain.RefusalOf(err, place) != nil {
			continue
		}
		docs = append(docs, all[i])
		for _, slot := range place {
			if there := p.in(slot).Document; there.Text != "" {
				warnings = append(warnings, existingWarning(p.role, m, state.Now, there, all[i]))
			}
		}
	}
	return docs, warnings, nil
}

// missingPermission refuses a role on which the bot's own role may not write the deny, according
// to the simulator. Where that lacks a value that a policy asks for, or an organization's policy
// decides, whose conditions it does not tell, it is no verdict.
func missingPermission(role Role, own aws.Answer[*iam.SimulatePrincipalPolicyOutput]) error {
	if own.Err != nil {
		return nil
	}
	var missing []string
	for _, result := range own.Value.EvaluationResults {
		lacks := len(result.MissingContextValues) > 0
		for _, part := range result.ResourceSpecificResults {
			lacks = lacks || len(part.MissingContextValues) > 0
		}
		org := result.OrganizationsDecisionDetail
		denied := result.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny ||
			result.EvalDecision == types.PolicyEvaluationDecisionTypeImplicitDeny
		if denied && !lacks && (org == nil || org.AllowedByOrganizations) {
			missing = append(missing, awssdk.ToString(result.EvalActionName))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedPermission, Sentence: fmt.Sprintf(
		"revokebot's own role in account %s may not do %s on %s, so a revocation would fail. "+
			"Allow it there, or use the IAM console.",
		role.AccountName, strings.Join(missing, " and "), role.AccountName+"/"+role.Name)}
}

// allowedActions are the actions that the simulator allows.
func allowedActions(simulated aws.Answer[*iam.SimulatePrincipalPolicyOutput]) map[string]bool {
	may := map[string]bool{}
	if simulated.Err != nil {
		return may
	}
	for _, result := range simulated.Value.EvaluationResults {
		if result.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
			may[awssdk.ToString(result.EvalActionName)] = true
		}
	}
	return may
}

// mayName returns those of the actions that an Allow of the document names, whatever its
// resources and conditions: the simulator does not know what those conditions will find.
func mayName(document string, actions ...string) []string {
	var named []string
	for _, raw := range statements(document) {
		var s struct {
			Effect            string
			Action, NotAction oneOrMore
		}
		if json.Unmarshal(raw, &s) != nil || s.Effect != "Allow" {
			continue
		}
		for _, action := range actions {
			matches := func(pattern string) bool { return aws.MatchFold(pattern, action) }
			if slices.ContainsFunc(s.Action, matches) || len(s.NotAction) > 0 && !slices.ContainsFunc(s.NotAction, matches) {
				named = append(named, action)
			}
		}
	}
	return named
}

// statements are those of a policy, as far as it can be read.
func statements(document string) []json.RawMessage {
	var outer struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &outer) != nil {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(outer.Statement, &list) != nil {
		return []json.RawMessage{outer.Statement}
	}
	return list
}

// notRead says why something could not be found out.
func notRead(err error) string {
	switch {
	case errors.Is(err, aws.ErrAccessDenied):
		return "not allowed"
	case errors.Is(err, aws.ErrThrottled):
		return "AWS had too many requests"
	case errors.Is(err, aws.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return "it could not be read"
	}
}
