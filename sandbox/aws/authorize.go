package aws

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is what a call wants to act on.
type target struct {
	resource string            // the ARN that policies see, "*" if there is none
	words    string            // how the error message names it; empty: not at all
	tags     map[string]string // tags of the resource
	keys     Context           // condition keys of the action
}

// authorize decides whether the caller's policies allow the call on the target.
func (x *exchange) authorize(t target) error {
	ctx := x.context()
	for k, v := range t.tags {
		ctx["aws:ResourceTag/"+k], ctx["iam:ResourceTag/"+k] = []string{v}, []string{v}
	}
	maps.Copy(ctx, t.keys)
	action := x.sig.service + ":" + x.action
	if d, why := x.caller.may(x.region(), Request{Action: action, Resource: t.resource, Context: ctx}); d != Allowed {
		return denied(x.caller, action, t.words, why)
	}
	return nil
}

// region is where the call is decided: IAM in the partition's home region, whatever the signature
// says.
func (x *exchange) region() string { return x.sig.decidedIn(x.caller) }

func (sig signature) decidedIn(c *credential) string {
	if sig.service == "iam" {
		return c.account().HomeRegion()
	}
	return sig.region
}

// may evaluates what bounds the caller in a region: the organization's policy, those of the user or
// role, and the session policy, which like the first can only take away. why ends the error message
// (IAM User Guide, "Troubleshoot access denied error messages").
func (c *credential) may(region string, r Request) (d Decision, why string) {
	path := ""
	if r := c.role(); r != nil {
		path = r.path
	}
	if c.account().scpDenies(path, r) {
		return ExplicitDeny, " with an explicit deny in a service control policy"
	}
	own, arns := policiesIn(region, c.holders())
	result := Evaluate(r, own...)
	d = result.Decision
	if c.limited() && d != ExplicitDeny {
		var limit []*Policy // none allows nothing: a federated user has no rights without a session policy
		if c.session.policy != nil {
			limit = append(limit, c.session.policy)
		}
		switch Evaluate(r, limit...).Decision {
		case ExplicitDeny:
			return ExplicitDeny, " with an explicit deny in a session policy"
		case Allowed:
		default:
			return ImplicitDeny, " because no session policy allows the " + r.Action + " action"
		}
	}
	switch d {
	case Allowed:
		return Allowed, ""
	case ExplicitDeny:
		return ExplicitDeny, " with an explicit deny in an identity-based policy" + c.denier(r, result, arns)
	default:
		return ImplicitDeny, " because no identity-based policy allows the " + r.Action + " action"
	}
}

// denier is how an error message names the managed policy that denies: by its ARN, in calls within
// one account. An inline policy has no ARN (AWS Security Blog, "Enhanced access denied error
// messages with policy ARNs"). Which of several policies is named is not documented; here a managed
// one comes first.
func (c *credential) denier(r Request, result Result, arns []string) string {
	if on, ok := parseARN(r.Resource); ok && on.account != "" && on.account != c.account().id {
		return ""
	}
	i := slices.IndexFunc(result.Matched, func(m Match) bool { return m.Deny })
	if i < 0 || result.Matched[i].Policy >= len(arns) {
		return ""
	}
	return ": " + arns[result.Matched[i].Policy]
}

func denied(c *credential, action, on, why string) error {
	if on != "" {
		on = " on resource: " + on
	}
	return errf("AccessDenied", "User: %s is not authorized to perform: %s%s%s", c.callerARN(), action, on, why)
}

// context gives the condition keys of the request (IAM User Guide, "AWS global condition context
// keys"). Keys that depend on the kind of caller are absent where they do not apply: a long-term
// key has no aws:TokenIssueTime.
func (x *exchange) context() Context {
	now, c := x.server.now(), x.caller
	ctx := Context{
		"aws:CurrentTime":           {now.Format(time.RFC3339)},
		"aws:EpochTime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:PrincipalAccount":      {c.account().id},
		"aws:PrincipalArn":          {c.principalARN()},
		"aws:PrincipalIsAWSService": {"false"},
		"aws:RequestedRegion":       {x.sig.region},
		"aws:SecureTransport":       {strconv.FormatBool(x.r.TLS != nil)},
		"aws:SourceIp":              {sourceIP(x.r)},
		"aws:UserAgent":             {x.r.UserAgent()},
		"aws:userid":                {c.userID()},
		"aws:ViaAWSService":         {"false"},
	}
	if x.sig.service == "iam" {
		ctx["aws:RequestedRegion"] = []string{c.account().HomeRegion()}
	}
	s := c.session
	switch {
	case c.role() != nil:
		ctx["aws:PrincipalType"] = []string{"AssumedRole"}
	case c.federated():
		ctx["aws:PrincipalType"] = []string{"FederatedUser"}
	default:
		ctx["aws:username"], ctx["aws:PrincipalType"] = []string{c.user.name}, []string{"User"}
	}
	if s == nil {
		return ctx
	}
	ctx["aws:TokenIssueTime"] = []string{s.issued.Format(time.RFC3339)}
	ctx["aws:MultiFactorAuthPresent"] = []string{"false"}
	if s.sourceIdentity != "" {
		ctx["aws:SourceIdentity"] = []string{s.sourceIdentity}
	}
	if s.role != nil {
		for k, v := range s.role.tags {
			ctx["aws:PrincipalTag/"+k] = []string{v}
		}
	}
	for k, v := range s.tags { // of two tags with one key, the session's counts
		ctx["aws:PrincipalTag/"+k] = []string{v}
	}
	return ctx
}

// requestTags adds the keys of the tags that a request passes.
func (ctx Context) requestTags(tags map[string]string) {
	for k, v := range tags {
		ctx["aws:RequestTag/"+k] = []string{v}
	}
	if len(tags) > 0 {
		ctx["aws:TagKeys"] = sortedKeys(tags)
	}
}

// onRole is the target of the calls that name a role. The message names the role as IAM does, by
// its bare name.
func onRole(x *exchange) target {
	name := x.params["RoleName"]
	t := target{resource: x.caller.account().arn("iam", "role/"+name), words: "role " + name}
	if r := x.caller.account().role(name); r != nil {
		t.resource, t.tags = r.arn(), r.tags
	}
	return t
}

// onAttachment is the target of the calls that name a role and a managed policy.
func onAttachment(x *exchange) target {
	t := onRole(x)
	t.keys = Context{"iam:PolicyARN": {x.params["PolicyArn"]}}
	return t
}

// onPrefix is the target of the calls that list roles or users below a path.
func onPrefix(kind string) func(x *exchange) target {
	return func(x *exchange) target {
		resource := x.caller.account().arn("iam", kind+orSlash(x.params["PathPrefix"]))
		return target{resource: resource, words: resource}
	}
}

func onEverything(*exchange) target { return target{resource: "*", words: "*"} }

// sortedRoles gives the account's roles below a path, by name.
func (a *Account) sortedRoles(prefix string) []*role {
	var list []*role
	for _, r := range a.roles {
		if strings.HasPrefix(r.path, orSlash(prefix)) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *role) int {
		return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
	return list
}
