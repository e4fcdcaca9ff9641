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
)

// advise is the second step of Describe: it asks what follows from the first one, side by side, and puts together what
// refuses the role and what people are warned about.
func (s survey) advise(ctx context.Context) (Role, error) {
	a, role, there, inline := s.account, s.role, s.there, s.inline
	var names []string
	if inline.Err == nil {
		names = inline.Value.PolicyNames
	}
	var others aws.Answer[[]string]
	var own, roles aws.Answer[*iam.SimulatePrincipalPolicyOutput]
	question := func(principal string, actions ...string) func(context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
		return func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
			return Question{Principal: principal, Actions: actions, Resources: []string{role.ARN}}.Ask(ctx, a, aws.Credential{})
		}
	}
	aws.All(
		func() {
			others = aws.Advisory(ctx, func(ctx context.Context) ([]string, error) { return otherInline(ctx, a, role.Name, names) })
		},
		func() {
			own = aws.Advisory(ctx, question(a.OwnPrincipal(s.hubARN), "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"))
		},
		func() {
			roles = aws.Advisory(ctx, question(role.ARN, "iam:PutRolePolicy", "iam:DeleteRolePolicy", "sts:AssumeRole"))
		},
	)
	if err := missingPermission(role, own); err != nil {
		return Role{}, err
	}
	var unread []string
	unreadable := func(what string, err error) {
		if err != nil {
			unread = append(unread, what+" ("+notRead(err)+")")
		}
	}
	more := inline.Err == nil && inline.Value.IsTruncated
	if there.Err == nil {
		if err := noRoom(role, others.Value, there.Value); err != nil {
			return Role{}, err
		}
	}
	unreadable("whether AWSRevokeOlderSessions is on the role", there.Err)
	unreadable("whether its inline policies leave room for the deny", errors.Join(inline.Err, others.Err))
	if more {
		unread = append(unread, "whether its inline policies leave room for the deny (there are too many)")
	}
	unreadable("whether revokebot's own role may write the deny", own.Err)
	unreadable("whether the role can write IAM, past its inline policies", roles.Err)

	may := allowedActions(roles)
	for _, document := range others.Value {
		for _, action := range mayName(document, "iam:PutRolePolicy", "iam:DeleteRolePolicy") {
			may[action] = true
		}
	}
	role.Warnings = slices.Concat(
		trustWarnings(role, readTrustFacts(a.Account, role.ARN, s.trust), may["sts:AssumeRole"]),
		policyWarnings(role, there.Value, may["iam:PutRolePolicy"] || may["iam:DeleteRolePolicy"]),
		codeWarnings(role),
		[]Warning{notCovered},
		notReadWarning(unread),
	)
	return role, nil
}

// missingPermission refuses a role on which the bot's own role may not write the deny, according to the simulator. Where
// that lacks a value that a policy asks for, or an organization's policy decides, whose conditions it does not tell, it
// is no verdict.
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
		denied := result.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny || result.EvalDecision == types.PolicyEvaluationDecisionTypeImplicitDeny
		if denied && !lacks && (org == nil || org.AllowedByOrganizations) {
			missing = append(missing, awssdk.ToString(result.EvalActionName))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedPermission, Sentence: fmt.Sprintf(
		"revokebot's own role in account %s may not do %s on %s, so a revocation would fail. Allow it there, or use the IAM console.",
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

// mayName returns those of the actions that an Allow of the document names, whatever its resources and conditions: the
// simulator does not know what those conditions will find.
func mayName(document string, actions ...string) []string {
	p, _ := parsePolicy(document)
	var named []string
	for _, raw := range p.statements {
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
