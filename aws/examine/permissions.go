package examine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/internal/finding"
)

// need is a permission of the bot's role in an account, and what is missing without it.
type need struct {
	action  string
	onRoles bool // it knows roles, or users, as resources
	without string
	state   finding.State  // when it is missing
	slots   []contain.Slot // that it is asked for
}

// needs are the permissions of deploy/iam-policy.json, lock-policy.json, undo-policy.json and
// unlock-policy.json: what reads and writes each slot of the measures, and what else is asked.
// iam:ListRoles is asked for by listing roles.
func (e *examination) needs() []need {
	all := []need{{"iam:GetRole", true, "no role can be found", finding.Failure, nil}}
	users := e.kind == contain.User
	if users {
		all = []need{
			{"iam:GetUser", true, "no user can be found", finding.Failure, nil},
			{"iam:GetAccessKeyLastUsed", true, "the user of an access key cannot be found", finding.Failure, nil},
		}
	}
	var undo []need
	target := contain.Target{Principal: contain.Principal{Partition: e.account.Partition}}
	for _, name := range slices.Sorted(maps.Keys(e.measures)) {
		if !e.about(e.measures[name]) {
			continue
		}
		for _, place := range e.measures[name].Places(target) {
			facts := place[0].Kind.Facts()
			if facts.Read != "iam:GetRole" {
				all = append(all, need{
					facts.Read, true, name + " cannot see what is on a " + string(e.kind) + ", and writes nothing then",
					finding.Failure, nil,
				})
			}
			all = append(all,
				need{facts.Put, true, name + " would be stopped", finding.Failure, place})
			if facts.Remove != "" { // a right of its own that may be left out on purpose
				without := "an undo of " + name + " can only put back what was there before, which may be meant so"
				undo = append(undo, need{facts.Remove, true, without, finding.OK, place})
			}
		}
	}
	if users {
		return slices.Concat(all, []need{
			{
				"iam:ListUserPolicies", true, "it cannot be told before the approval whether what is written has room",
				finding.Warning, nil,
			},
			{"iam:ListAttachedUserPolicies", true, "it is not seen whether AWS has restricted a user", finding.Warning, nil},
			{"iam:ListGroupsForUser", true, "the card does not say which groups a user is in", finding.Warning, nil},
			{"iam:GetLoginProfile", true, "the card does not say whether a user has a password", finding.Warning, nil},
			{"iam:SimulatePrincipalPolicy", true, "the policy simulator cannot confirm what is written", finding.Warning, nil},
		}, undo)
	}
	if e.trust {
		all = append(all, need{seesUsers, true, "a trust policy that names a user is not changed", finding.Failure, nil})
	}
	rest := []need{
		{
			"iam:ListRolePolicies", true, "it cannot be told before the approval whether what is written has room",
			finding.Warning, nil,
		},
		{"iam:SimulatePrincipalPolicy", true, "the policy simulator cannot confirm what is written", finding.Warning, nil},
		{"cloudtrail:LookupEvents", false, "who assumed a role cannot be told", finding.Warning, nil},
	}
	if e.trust {
		rest = rest[:2]
	}
	return slices.Concat(all, rest, undo)
}

// seesUsers is what the role for trust policies needs of users.
const seesUsers = "iam:GetUser"

// harm is what the bot's role should not be able to do, on a resource of the kind that the actions
// know. With any of these, an attacker who has the bot can do more than deny.
type harm struct {
	on      contain.PrincipalKind // "" for all
	actions []string
	needed  []string // that are harm to a principal of this kind unless the role is for it
}

var harms = []harm{
	{contain.Role, []string{
		"iam:UpdateAssumeRolePolicy", // first: the role for trust policies needs it
		"iam:PassRole", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary",
		"iam:DeleteRolePermissionsBoundary",
		"iam:CreateRole", "iam:DeleteRole", "iam:TagRole", "sts:AssumeRole",
	}, []string{"iam:PutRolePolicy"}},
	{contain.User, []string{
		"iam:CreateAccessKey", "iam:CreateUser", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:AttachUserPolicy",
	}, []string{"iam:PutUserPolicy", "iam:UpdateAccessKey"}},
	{"", []string{
		"iam:CreatePolicyVersion", "cloudtrail:StopLogging", "secretsmanager:GetSecretValue", "s3:GetObject",
		"ec2:RunInstances", "lambda:CreateFunction",
	}, nil},
}

// permissions asks the simulator what the bot's role in the account may do: what it needs, what it
// should not, and on which roles it should not.
func (e *examination) permissions(ctx context.Context) []finding.Finding {
	a := e.account
	roles, listed := []string{e.any(e.kind)}, finding.Finding{}
	if e.kind == contain.Role && !e.trust {
		roles, listed = e.roles(ctx)
	}
	own := a.OwnPrincipal(e.hubARN)
	protected := e.protected(own)
	needs := e.needs()
	ofUser := func(n need) bool { return e.trust && n.action == seesUsers }
	plain := func(n need) bool { return n.onRoles && role.Context(n.slots...) == nil && !ofUser(n) }
	narrowed := func(n need) bool { return role.Context(n.slots...) != nil }
	writes := func(of func(need) bool) func(need) bool {
		return func(n need) bool { return n.slots != nil && n.state == finding.Failure && of(n) }
	}
	var needed, fenced, harmful answers
	aws.All(
		func() {
			needed = e.ask(ctx, own, pick(needs, plain, roles), pick(needs, narrowed, roles),
				pick(needs, func(n need) bool { return !n.onRoles }, nil),
				pick(needs, ofUser, []string{e.any(contain.User)}))
		},
		func() {
			if len(protected) > 0 {
				fenced = e.ask(ctx, own, pick(needs, writes(plain), protected), pick(needs, writes(narrowed), protected))
			}
		},
		func() { harmful = e.ask(ctx, own, e.harms(roles)...) },
	)

	found := []finding.Finding{listed}
	if err := cmp.Or(needed.err(), fenced.err(), harmful.err()); err != nil {
		check := e.check("permissions")
		if errors.Is(err, aws.ErrAccessDenied) || errors.Is(err, aws.ErrNoSuchRole) {
			return append(found, finding.Warn(check,
				"Allow its role iam:SimulatePrincipalPolicy on "+string(e.kind)+"s and on itself ("+e.policy()+").",
				"The policy simulator may not be asked about %s, so what revokebot may do there is not known.", own))
		}
		return append(found, Failed(check, err))
	}
	verdicts := needed.verdicts()
	for _, n := range needs {
		found = append(found, e.permission(n, verdicts, len(roles)))
	}
	return append(found, e.tooMuch(e.check("too much permission"), harmful), e.hub(ctx, own, roles),
		e.fence(protected, fenced))
}

// hub asks the same of the role that revokebot runs as, where that is another role of this account:
// what it may do beyond deploy/hub-policy.json, every program beside the bot may do, too.
// One that may not be asked about has no line.
func (e *examination) hub(ctx context.Context, own string, roles []string) finding.Finding {
	principal := new(aws.Conn).OwnPrincipal(e.hubARN)
	ref, err := aws.ParseARN(principal)
	if err != nil || e.kind == contain.User || e.trust || ref.Account != e.account.ID || ref.Kind != "role" ||
		principal == own {
		return finding.Finding{}
	}
	check := e.check("too much permission of " + aws.NameOf(principal))
	harmful := e.ask(ctx, principal, e.harms(roles)...)
	switch err := harmful.err(); {
	case err == nil:
		return e.tooMuch(check, harmful)
	case aws.Final(err):
		return finding.Finding{}
	default:
		return Failed(check, err)
	}
}

// pick is the question about the needs that are wanted.
func pick(needs []need, want func(need) bool, resources []string) role.Question {
	q := role.Question{Resources: resources}
	var slots []contain.Slot
	for _, n := range needs {
		if want(n) {
			q.Actions, slots = append(q.Actions, n.action), append(slots, n.slots...)
		}
	}
	q.Context = role.Context(slots...)
	return q
}

// ask asks about a principal, side by side. A question without an action is left out.
func (e *examination) ask(ctx context.Context, of string, questions ...role.Question) answers {
	all := make(answers, len(questions))
	var asks []func()
	for i, q := range questions {
		if q.Principal = of; len(q.Actions) > 0 {
			asks = append(asks, func() { all[i] = aws.Try(q.Ask(ctx, e.account, aws.Credential{})) })
		}
	}
	aws.All(asks...)
	return all
}

// answers are those to several questions; the zero one to a question that was left out.
type answers []aws.Answer[role.Simulated]

// err is the first that there is.
func (a answers) err() error {
	for _, one := range a {
		if one.Err != nil {
			return one.Err
		}
	}
	return nil
}

func (a answers) verdicts() (all []role.Decided) {
	for _, one := range a {
		all = append(all, one.Value.Decided()...)
	}
	return all
}

// any is the ARN of a role or user that need not be there: the simulator takes any name.
func (e *examination) any(kind contain.PrincipalKind) string {
	return aws.PrincipalARN(contain.Principal{
		Kind: kind, Partition: e.account.Partition, AccountID: e.account.ID, Path: "/",
		Name: "any-" + string(kind) + "-of-this-account",
	})
}

// harms are the questions about what should not be allowed. What would be attached allows
// everything.
func (e *examination) harms(roles []string) (all []role.Question) {
	everything := "arn:" + e.account.Partition + ":iam::aws:policy/AdministratorAccess"
	for _, h := range harms {
		q := role.Question{
			Actions: h.actions, Context: role.Context(contain.Slot{Kind: contain.RoleAttached, Name: everything}),
		}
		switch {
		case h.on == contain.Role && e.trust:
			q.Actions = slices.Concat(h.actions[1:], h.needed, []string{"iam:DeleteRolePolicy"})
		case h.on != "" && h.on != e.kind:
			q.Actions = slices.Concat(h.actions, h.needed)
		}
		switch h.on {
		case e.kind:
			q.Resources = roles[:1]
		case contain.Role, contain.User:
			q.Resources = []string{e.any(h.on)}
		}
		all = append(all, q)
	}
	return all
}

// protected are roles that the bot's policies should keep it from: its own, and one for each
// pattern of the configuration that can be of this account.
func (e *examination) protected(own string) []string {
	var arns []string
	if ref, err := aws.ParseARN(own); err == nil && ref.Kind == string(e.kind) {
		arns = append(arns, own)
	}
	for _, pattern := range e.patterns() {
		if arn := example(e.account, e.kind, pattern); arn != "" && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	return arns
}

// policy is the file of deploy with the permissions.
func (e *examination) policy() string {
	switch {
	case e.trust:
		return "deploy/trust-policy.json"
	case e.kind == contain.User:
		return "deploy/users-policy.json"
	default:
		return "deploy/iam-policy.json"
	}
}

// patterns are those of the configuration that protect what the connection is for.
func (e *examination) patterns() []string {
	if e.kind == contain.User {
		return e.cloud.ProtectedUsers()
	}
	return e.cloud.ProtectedRoles()
}

// example makes up the ARN of a role or user of this account that a pattern matches; "" when there
// can be none, or none was found.
func example(a *aws.Conn, kind contain.PrincipalKind, pattern string) string {
	_, name, found := strings.Cut(pattern, ":"+string(kind)+"/")
	if !found {
		name = strings.TrimLeft(pattern, "*:")
	}
	name = strings.NewReplacer("*", "any", "?", "x").Replace(name)
	name = strings.TrimPrefix(name, string(kind)+"/")
	arn := aws.PrincipalARN(contain.Principal{
		Kind: kind, Partition: a.Partition, AccountID: a.ID, Path: "/", Name: name,
	})
	if strings.Contains(name, ":") || !aws.IsRoleName(name[strings.LastIndex(name, "/")+1:]) ||
		!aws.MatchFold(pattern, arn) {
		return ""
	}
	return arn
}

// fence judges whether the bot's policies keep it from protected roles.
func (e *examination) fence(protected []string, fenced answers) finding.Finding {
	check := e.check("protected " + string(e.kind) + "s")
	if len(protected) == 0 {
		return finding.Good(check, "None of the configuration's patterns is of a %s here.", e.kind)
	}
	var open []string
	for _, v := range fenced.verdicts() {
		if v.Allowed() {
			open = append(open, v.Resource)
		}
	}
	if len(open) > 0 {
		return finding.Warn(check, "Add the denies of "+e.policy()+" to its role, with your names in them.",
			"revokebot refuses to touch %s, and nothing in IAM keeps its role from it.", strings.Join(aws.Few(open), " and "))
	}
	if loose := slices.DeleteFunc(e.patterns(), func(pattern string) bool {
		return !strings.ContainsAny(pattern[strings.LastIndex(pattern, string(e.kind)+"/")+1:], "*?")
	}); len(loose) > 0 {
		return finding.Warn(check,
			fmt.Sprintf("Name the %[1]ss, or let only administrators create %[1]ss of such names.", e.kind),
			"An attacker who may create %[1]ss can create one that %[2]s protects, and that one cannot be contained.",
			e.kind, strings.Join(aws.Few(loose), " or "))
	}
	return finding.Good(check, "Its policies keep it from %s, as the policy simulator says.",
		strings.Join(aws.Few(protected), " and "))
}
