package examine

import (
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/finding"
)

// simulatedOn is what the simulator says of one action on one resource.
type simulatedOn struct {
	action, resource string
	decision         types.PolicyEvaluationDecisionType
	open             string // why a denial is no verdict; "" when it is one
}

// verdictsOf lists the answers resource by resource, whichever way they come.
func verdictsOf(results []types.EvaluationResult) []simulatedOn {
	var all []simulatedOn
	for _, r := range results {
		organization := ""
		if org := r.OrganizationsDecisionDetail; org != nil && !org.AllowedByOrganizations {
			organization = "a policy of the organization denies it, perhaps under a condition"
		}
		lacks := func(missing []string) string {
			if len(missing) > 0 {
				return "it depends on " + strings.Join(missing, ", ")
			}
			return organization
		}
		if len(r.ResourceSpecificResults) == 0 {
			all = append(all, simulatedOn{
				awssdk.ToString(r.EvalActionName), awssdk.ToString(r.EvalResourceName), r.EvalDecision,
				lacks(r.MissingContextValues),
			})
		}
		for _, part := range r.ResourceSpecificResults {
			decision := part.EvalResourceDecision
			if organization != "" {
				decision = r.EvalDecision
			}
			all = append(all, simulatedOn{
				awssdk.ToString(r.EvalActionName), awssdk.ToString(part.EvalResourceName), decision,
				lacks(part.MissingContextValues),
			})
		}
	}
	return all
}

func (s simulatedOn) allowed() bool { return s.decision == types.PolicyEvaluationDecisionTypeAllowed }

// permission judges one that is needed.
func (e *examination) permission(n need, verdicts []simulatedOn, asked int) finding.Finding {
	check := e.check("permission " + n.action)
	var denied []string
	open, answered := "", 0
	for _, v := range verdicts {
		if !strings.EqualFold(v.action, n.action) {
			continue
		}
		if answered++; v.allowed() {
			continue
		}
		denied = append(denied, v.resource)
		if v.open != "" {
			open = v.open
		}
	}
	fix := "Allow its role there " + n.action + " (deploy/README.md)."
	switch {
	case answered == 0:
		return finding.Warn(check, "Ask again; if it stays so, check it in the IAM console.",
			"The policy simulator gave no answer about it.")
	case len(denied) == 0 && n.onRoles:
		return finding.Good(check, "Allowed, as the policy simulator says of %s.",
			english.Plural(asked, "one role", fmt.Sprintf("%d roles", asked)))
	case len(denied) == 0:
		return finding.Good(check, "Allowed, as the policy simulator says.")
	case open != "":
		return finding.Warn(check, "Check whether that condition holds for revokebot.",
			"The policy simulator cannot tell whether it is allowed: %s.", open)
	case n.state == finding.OK:
		return finding.Good(check, "Not allowed: %s.", n.without)
	case len(denied) < answered:
		return finding.Warn(check, "Allow it there, or list them under protected_roles so that requests are refused at once.",
			"Not allowed on %s: without it %s.", strings.Join(aws.Few(denied), ", "), n.without)
	default:
		return finding.Finding{Check: check, State: n.state, Saw: "Not allowed: without it " + n.without + ".", Fix: fix}
	}
}

// tooMuch judges what the bot's role should not be able to do.
func (e *examination) tooMuch(check string, harmful answers) finding.Finding {
	var may []string
	asked := 0
	for _, v := range harmful.verdicts() {
		if asked++; v.allowed() {
			may = append(may, v.action)
		}
	}
	switch {
	case len(may) == 0:
		return finding.Good(check, "Of %d actions by which a stolen bot could get further, none is allowed.", asked)
	case len(may) == asked:
		return finding.Warn(check, "Give it the policies of deploy/README.md and nothing else.",
			"The role may do everything that was asked about, as if it were an administrator.")
	default:
		slices.Sort(may)
		return finding.Warn(check, "Take that away, and add the denies of deploy/iam-policy.json.",
			"The role may also do %s, by which a stolen bot could get further.", strings.Join(slices.Compact(may), ", "))
	}
}
