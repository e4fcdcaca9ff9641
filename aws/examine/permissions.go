package examine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/internal/finding"
)

// need is a permission of the bot's role in an account, and what is missing without it.
type need struct {
	action  string
	onRoles bool // it knows roles as resources
	without string
	state   finding.State // when it is missing
}

// examined are the kinds of slots that measures write.
var examined = []contain.Kind{contain.RoleInline}

// needs are the permissions of deploy/iam-policy.json and undo-policy.json: what reads and writes
// each kind of slot, and what else is asked. iam:ListRoles is asked for by listing roles.
func needs() []need {
	all := []need{{"iam:GetRole", true, "no role can be found", finding.Failure}}
	for _, kind := range examined {
		facts := kind.Facts()
		all = append(all,
			need{facts.Read, true, "what is on a role cannot be seen, and nothing is written then", finding.Failure},
			need{facts.Put, true, "the deny cannot be written", finding.Failure})
	}
	all = append(all,
		need{
			"iam:ListRolePolicies", true, "it cannot be told before the approval whether the deny has room",
			finding.Warning,
		},
		need{"iam:SimulatePrincipalPolicy", true, "the deny cannot be proven on paper", finding.Warning},
		need{"cloudtrail:LookupEvents", false, "who assumed a role cannot be told", finding.Warning})
	for _, kind := range examined {
		if remove := kind.Facts().Remove; remove != "" {
			// A right of its own that may be left out on purpose.
			all = append(all, need{remove, true, "an undo can only put an earlier deny back, which may be meant so", finding.OK})
		}
	}
	return all
}

// puts are the actions by which measures write.
func puts() (actions []string) {
	for _, kind := range examined {
		actions = append(actions, kind.Facts().Put)
	}
	return actions
}

// harm is what the bot's role should not be able to do, on a resource of the kind that the actions
// know. With any of these, whoever steals the bot can get further than a deny.
type harm struct {
	on      string // role, user, or "" for all
	actions []string
}

var harms = []harm{
	{"role", []string{
		"iam:UpdateAssumeRolePolicy", "iam:PassRole", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary",
		"iam:DeleteRolePermissionsBoundary",
		"iam:CreateRole", "iam:DeleteRole", "iam:TagRole", "sts:AssumeRole",
	}},
	{"user", []string{
		"iam:CreateAccessKey", "iam:CreateUser", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:PutUserPolicy",
		"iam:AttachUserPolicy",
	}},
	{"", []string{
		"iam:CreatePolicyVersion", "cloudtrail:StopLogging", "secretsmanager:GetSecretValue", "s3:GetObject",
		"ec2:RunInstances", "lambda:CreateFunction",
	}},
}

// permissions asks the simulator what the bot's role in the account may do: what it needs, what it
// should not, and on which roles it should not.
func (e *examination) permissions(ctx context.Context) []finding.Finding {
	a := e.account
	roles, listed := e.roles(ctx)
	own := a.OwnPrincipal(e.hubARN)
	protected := e.protected(own)
	ask := func(actions, resources []string) aws.Answer[*iam.SimulatePrincipalPolicyOutput] {
		return aws.Try(role.Question{Principal: own, Actions: actions, Resources: resources}.Ask(ctx, a, aws.Credential{}))
	}
	var onRoles, onAll []string
	for _, n := range needs() {
		if n.onRoles {
			onRoles = append(onRoles, n.action)
		} else {
			onAll = append(onAll, n.action)
		}
	}
	var needed, everywhere, fenced aws.Answer[*iam.SimulatePrincipalPolicyOutput]
	harmful := make([]aws.Answer[*iam.SimulatePrincipalPolicyOutput], len(harms))
	asks := []func(){
		func() { needed = ask(onRoles, roles) },
		func() { everywhere = ask(onAll, nil) },
	}
	for i, h := range harms {
		asks = append(asks, func() { harmful[i] = ask(h.actions, e.resourceFor(h.on, roles)) })
	}
	if len(protected) > 0 {
		asks = append(asks, func() { fenced = ask(puts(), protected) })
	}
	aws.All(asks...)

	found := []finding.Finding{listed}
	for _, err := range append([]error{needed.Err, everywhere.Err, fenced.Err}, errs(harmful)...) {
		if err == nil {
			continue
		}
		check := e.check("permissions")
		if errors.Is(err, aws.ErrAccessDenied) || errors.Is(err, aws.ErrNoSuchRole) {
			return append(found, finding.Warn(check,
				"Allow its role iam:SimulatePrincipalPolicy on roles (deploy/iam-policy.json), itself included.",
				"The policy simulator may not be asked about %s, so what revokebot may do there is not known.", own))
		}
		return append(found, Failed(check, err))
	}
	verdicts := append(verdictsOf(needed.Value), verdictsOf(everywhere.Value)...)
	for _, n := range needs() {
		found = append(found, e.permission(n, verdicts, len(roles)))
	}
	return slices.Concat(found, []finding.Finding{e.tooMuch(e.check("too much permission"), harmful)},
		e.hub(ctx, own, roles), []finding.Finding{e.fence(protected, fenced)})
}

// hub asks the same of the role that revokebot runs as, where that is another role of this account:
// whoever gives it more than deploy/hub-policy.json gives that to everything beside the bot, too.
// One that may not be asked about has no line.
func (e *examination) hub(ctx context.Context, own string, roles []string) []finding.Finding {
	principal := new(aws.Conn).OwnPrincipal(e.hubARN)
	ref, err := aws.ParseARN(principal)
	if err != nil || ref.Account != e.account.ID || ref.Kind != "role" || principal == own {
		return nil
	}
	check := e.check("too much permission of " + aws.NameOf(principal))
	harmful := make([]aws.Answer[*iam.SimulatePrincipalPolicyOutput], len(harms))
	asks := make([]func(), len(harms))
	for i, h := range harms {
		asks[i] = func() {
			harmful[i] = aws.Try(role.Question{
				Principal: principal, Actions: h.actions, Resources: e.resourceFor(h.on, roles),
			}.Ask(ctx, e.account, aws.Credential{}))
		}
	}
	aws.All(asks...)
	for _, err := range errs(harmful) {
		switch {
		case err == nil:
		case aws.Final(err):
			return nil
		default:
			return []finding.Finding{Failed(check, err)}
		}
	}
	return []finding.Finding{e.tooMuch(check, harmful)}
}

func errs(answers []aws.Answer[*iam.SimulatePrincipalPolicyOutput]) []error {
	var all []error
	for _, a := range answers {
		all = append(all, a.Err)
	}
	return all
}

func (e *examination) resourceFor(kind string, roles []string) []string {
	switch kind {
	case "role":
		return roles[:1]
	case "user":
		return []string{fmt.Sprintf("arn:%s:iam::%s:user/any-user-of-this-account", e.account.Partition, e.account.ID)}
	default:
		return nil
	}
}

// protected are roles that the bot's policies should keep it from: its own, and one for each
// pattern of the configuration that can be of this account.
func (e *examination) protected(own string) []string {
	var arns []string
	if ref, err := aws.ParseARN(own); err == nil && ref.Kind == "role" {
		arns = append(arns, own)
	}
	for _, pattern := range e.cloud.ProtectedRoles() {
		if arn := example(e.account, pattern); arn != "" && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	return arns
}

// example makes up the ARN of a role of this account that a pattern matches; "" when there can be
// none, or none was found.
func example(a *aws.Conn, pattern string) string {
	_, name, found := strings.Cut(pattern, ":role/")
	if !found {
		name = strings.TrimLeft(pattern, "*:")
	}
	name = strings.NewReplacer("*", "any", "?", "x").Replace(name)
	name = strings.TrimPrefix(name, "role/")
	arn := aws.RoleARN(a.Partition, a.ID, "/", name)
	if strings.Contains(name, ":") || !aws.IsRoleName(name[strings.LastIndex(name, "/")+1:]) ||
		!aws.MatchFold(pattern, arn) {
		return ""
	}
	return arn
}

// fence judges whether the bot's policies keep it from protected roles.
func (e *examination) fence(protected []string, fenced aws.Answer[*iam.SimulatePrincipalPolicyOutput]) finding.Finding {
	check := e.check("protected roles")
	if len(protected) == 0 {
		return finding.Good(check, "None of the configuration's patterns is of a role here.")
	}
	var open []string
	for _, v := range verdictsOf(fenced.Value) {
		if v.allowed() {
			open = append(open, v.resource)
		}
	}
	if len(open) > 0 {
		return finding.Warn(check, "Add the denies of deploy/iam-policy.json to its role, with your names in them.",
			"revokebot refuses to touch %s, and nothing in IAM keeps its role from it.", strings.Join(aws.Few(open), " and "))
	}
	return finding.Good(check, "Its policies keep it from %s, as the policy simulator says.",
		strings.Join(aws.Few(protected), " and "))
}
