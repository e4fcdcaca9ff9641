// Package examine is doctor's view of AWS: it looks whether an account is set up so that a
// revocation would work there, and changes nothing. Start with Account. permissions.go lists what
// the bot's role needs and what it should not have, verdicts.go reads the policy simulator's
// answers.
package examine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/internal/finding"
)

// doctorsName is the source identity of the session that Examine opens to see whether it can be. A
// source identity has the form of a Slack user id, as deploy/spoke-trust-policy.json asks for.
const doctorsName = "U0DOCTOR"

// nothing is the session policy of that session: it can do nothing at all.
const nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

// Measures are those of an account, by name.
type Measures map[string]contain.Measure

// Account looks whether an account can be revoked in, and changes nothing: it opens sessions, asks
// the policy simulator what the bot's own role there may do for the account's measures, which are
// given by name, and what it should not, and asks CloudTrail for one event in each region. The
// checks run side by side within ctx; one that gets no answer is a failure and does not hold up the
// others. The names of the findings begin with the account's.
func Account(ctx context.Context, cloud *aws.Cloud, accountName string, measures Measures) []finding.Finding {
	a, err := cloud.Conn(accountName)
	if err != nil {
		return []finding.Finding{
			finding.Fail(accountName+": session", "Name a configured account.",
				"There is no account of that name in the configuration."),
		}
	}
	e := &examination{cloud: cloud, touch: role.New(cloud), account: a, measures: measures, kind: contain.Role}
	var ofUsers, ofTrust []finding.Finding
	session := e.session(ctx)
	if session.State != finding.OK {
		session.Saw += " Its permissions and CloudTrail were not checked."
		return []finding.Finding{session}
	}
	regions, err := a.TrailRegions(ctx)
	trails := make([]finding.Finding, len(regions))
	var named finding.Finding
	var permissions, logs []finding.Finding
	all := []func(){
		func() { named = e.named(ctx) },
		func() { logs = e.logGroup(ctx) },
		func() { permissions = e.permissions(ctx) },
		func() { users, err := a.Users(); ofUsers = e.other(ctx, contain.User, false, users, err) },
		func() { trust, err := a.Trust(); ofTrust = e.other(ctx, contain.Role, true, trust, err) },
	}
	for i, region := range regions {
		all = append(all, func() { trails[i] = e.trail(ctx, region) })
	}
	aws.All(all...)
	if len(a.Regions) == 0 {
		trails = together(trails)
	}
	found := append([]finding.Finding{session, named}, permissions...)
	found = slices.Concat(found, ofUsers, ofTrust, []finding.Finding{e.regions(regions, err)}, trails, logs)
	return slices.DeleteFunc(found, func(f finding.Finding) bool { return f == finding.Finding{} })
}

// together makes one finding of those that are the same in several regions.
func together(all []finding.Finding) (fewer []finding.Finding) {
	for _, f := range all {
		at := slices.IndexFunc(fewer, func(g finding.Finding) bool {
			return g.State == f.State && g.Saw == f.Saw && g.Fix == f.Fix
		})
		if at < 0 {
			fewer = append(fewer, f)
			continue
		}
		_, region, _ := strings.Cut(f.Check, " in ")
		fewer[at].Check += ", " + region
	}
	return fewer
}

// regions says which regions the checks after a revocation speak of.
func (e *examination) regions(names []string, err error) finding.Finding {
	check, list := e.check("regions"), strings.Join(names, ", ")
	switch {
	case err != nil:
		return finding.Warn(check, "Allow its role account:ListRegions (deploy/iam-policy.json), or name the regions in "+
			"accounts."+e.account.Name+".regions.",
			"The account's regions could not be listed. CloudTrail is asked where every account is: %s.", list)
	case len(e.account.Regions) > 0:
		return finding.Good(check, "CloudTrail is asked in those of the configuration: %s.", list)
	default:
		return finding.Good(check, "CloudTrail is asked in all that are enabled: %s.", list)
	}
}

// examination is one check of an account.
type examination struct {
	cloud   *aws.Cloud
	touch   *role.Client // knows which roles must not be touched
	account *aws.Conn
	kind    contain.PrincipalKind // what the account's connection is for
	trust   bool                  // of roles, their trust policies alone
	hubARN  string

	measures Measures
}

func (e *examination) check(what string) string {
	switch {
	case e.trust:
		what = "trust policies, " + what
	case e.kind == contain.User:
		what = "users, " + what
	}
	return e.account.Name + ": " + what
}

// setting is the key of the configuration that names the role.
func (e *examination) setting() string {
	switch {
	case e.trust:
		return "trust_role"
	case e.kind == contain.User:
		return "users_role"
	default:
		return "assume_role"
	}
}

// other looks at the role for users, or for trust policies, if the account has measures for them.
// That it has no such role is told of its settings.
func (e *examination) other(
	ctx context.Context, kind contain.PrincipalKind, trust bool, by *aws.Conn, err error,
) []finding.Finding {
	u := *e
	u.kind, u.trust, u.account = kind, trust, by
	if err != nil || !slices.ContainsFunc(slices.Collect(maps.Values(e.measures)), u.about) {
		return nil
	}
	session := u.session(ctx)
	if session.State != finding.OK {
		session.Saw += " Its permissions were not looked at."
		return []finding.Finding{session}
	}
	return append([]finding.Finding{session, u.named(ctx)}, u.permissions(ctx)...)
}

// about reports whether a measure contains what the connection is for.
func (e *examination) about(m contain.Measure) bool {
	return m != nil && contain.On(m) == e.kind &&
		e.trust == (m.Places(contain.Target{})[0][0].Kind == contain.RoleTrust)
}

// session opens the reading session.
func (e *examination) session(ctx context.Context) finding.Finding {
	check := e.check("session")
	a := e.account
	var err error
	if e.hubARN, err = e.cloud.Hub(ctx); err != nil {
		return Failed(check, err)
	}
	if err := a.OtherAccount(e.hubARN); err != nil {
		return Failed(check, err)
	}
	_, err = a.Reader(ctx)
	if errors.Is(err, aws.ErrAccessDenied) {
		return finding.Fail(check, "Compare "+e.setting()+" and external_id with the role and its trust policy "+
			"(deploy/spoke-trust-policy.json), and allow revokebot's own role sts:AssumeRole on it.",
			"AWS does not let %s assume %s, or there is no such role.", e.hubARN, a.AssumeRole)
	}
	if err != nil {
		return Failed(check, err)
	}
	if a.AssumeRole == "" {
		return finding.Good(check, "The ambient credentials are of account %s and are used as they are.", a.ID)
	}
	return finding.Good(check, "A session that can only read was opened as %s.", a.AssumeRole)
}

// named opens a session that names people as that of a revocation does, and that can do nothing.
func (e *examination) named(ctx context.Context) finding.Finding {
	check, a := e.check("source identity and tags"), e.account
	if a.AssumeRole == "" {
		return finding.Finding{} // there is no session of its own that could name people
	}
	_, err := a.OpenNamed(ctx, aws.Grant{
		Request: "revokebot-doctor", Requester: doctorsName, Approvers: []string{doctorsName}, Policy: nothing,
	})
	const fix = "Allow sts:SetSourceIdentity and sts:TagSession beside sts:AssumeRole in the trust policy of its role " +
		"there and in the policy of its own role (deploy/README.md)."
	switch {
	case err == nil:
		return finding.Good(check, "A session can name the request and both people.")
	case errors.Is(err, aws.ErrAccessDenied) && a.AllowUnnamedSessions:
		return finding.Warn(check, fix, "AWS does not allow a session that names the people; revocations go on without "+
			"their names, as allow_unnamed_sessions says.")
	case errors.Is(err, aws.ErrAccessDenied):
		return finding.Fail(check, fix, "AWS does not allow a session that names the people, so every revocation would be "+
			"refused.")
	default:
		return Failed(check, err)
	}
}

// trail asks CloudTrail for one event.
func (e *examination) trail(ctx context.Context, region string) finding.Finding {
	check, a := e.check("CloudTrail in "+region), e.account
	if err := a.TrailTurn(ctx, region); err != nil {
		return Failed(check, err)
	}
	_, _, err := a.LookupEvents(ctx, region, &cloudtrail.LookupEventsInput{MaxResults: awssdk.Int32(1)})
	switch {
	case err == nil:
		return finding.Good(check, "LookupEvents answers.")
	case isSilent(err):
		return Failed(check, err)
	case errors.Is(err, aws.ErrAccessDenied):
		return finding.Warn(check, "Allow it cloudtrail:LookupEvents.",
			"revokebot may not ask there, so sessions and what they did will not be seen.")
	default:
		return finding.Warn(check, "Take the region out of accounts."+a.Name+".regions if it is not in use, or enable it "+
			"for the account.",
			"CloudTrail refuses to answer (%s), so sessions there will not be seen.", wireCode(err))
	}
}

// roles are a few roles of the account that may be revoked, to ask about, and what came of listing
// them. Where they cannot be listed it is one that need not be there: the simulator takes any name.
func (e *examination) roles(ctx context.Context) ([]string, finding.Finding) {
	const some, page = 6, 100
	check, a := e.check("permission iam:ListRoles"), e.account
	ordinary := []string{aws.RoleARN(a.Partition, a.ID, "/", "any-role-of-this-account")}
	out, _, err := aws.IAM(ctx, a, aws.Credential{}, (*iam.Client).ListRoles,
		&iam.ListRolesInput{MaxItems: awssdk.Int32(page)})
	switch {
	case errors.Is(err, aws.ErrAccessDenied):
		return ordinary, finding.Warn(check, "Allow its role iam:ListRoles.",
			"Not allowed: the form offers no names of roles, and they have to be typed.")
	case err != nil:
		return ordinary, Failed(check, err)
	}
	var arns []string
	for _, in := range out.Roles {
		listed := role.Role{Principal: role.Named(a.Account, in)}
		if len(arns) < some && aws.IsRoleName(listed.Name) && e.touch.Refuse(e.hubARN, listed) == nil {
			arns = append(arns, listed.ARN)
		}
	}
	if len(arns) == 0 {
		arns = ordinary
	}
	return arns, finding.Good(check, "Allowed: roles were listed.")
}

// Failed is a check that ended with an error of this package. Silence is told apart from a refusal:
// what it means for a revocation is not known.
func Failed(check string, err error) finding.Finding {
	call, isCall := errors.AsType[*aws.CallError](err)
	if isCall && errors.Is(err, aws.ErrNoCredentials) {
		return finding.Fail(check, "Give it the role of its task, pod or instance, or a profile (AWS_PROFILE); "+
			"the AWS SDK looks for them in its usual order.",
			"The AWS SDK has no credentials for revokebot, or could not get any, so AWS was not asked: %s.",
			aws.QuoteLong(call.Unsent()))
	}
	if isCall && isSilent(err) {
		how := "AWS could not be reached for " + call.Operation
		switch {
		case errors.Is(err, aws.ErrThrottled):
			return finding.Fail(check, "Ask again in a minute; if it stays so, look who else calls it so often in that account.",
				"AWS is answering too many requests and refused %s, so what it would have said is not known.", call.Operation)
		case call.Unsent() != "":
			how = "AWS was not asked for " + call.Operation + ", since the request did not leave: " +
				aws.QuoteLong(call.Unsent())
		case !errors.Is(err, aws.ErrUnavailable):
			how = "AWS did not answer " + call.Operation + " in time"
		}
		return finding.Fail(check, "Check the path to AWS from here (network, proxy, VPC endpoints, AWS_ENDPOINT_URL) and "+
			"ask again.", "%s.", how)
	}
	text := aws.Explain(err)
	if text == "" {
		text = "It failed. Ask again."
	}
	saw, fix := finding.Split(text)
	if isCall && call.Kind == aws.ErrInvalidRequest {
		saw = strings.TrimSuffix(saw, ".") + " (" + wireCode(err) + ")."
		fix = "Compare the account's settings in the configuration file with AWS."
	}
	return finding.Finding{Check: check, State: finding.Failure, Saw: saw, Fix: fix}
}

// isSilent reports an error that says nothing about what was asked: no answer came, or none that
// counts.
func isSilent(err error) bool {
	return errors.Is(err, aws.ErrTimeout) || errors.Is(err, aws.ErrUnavailable) || errors.Is(err, aws.ErrThrottled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// wireCode is AWS's code for an error, which is a word of AWS's own and no foreign text.
func wireCode(err error) string {
	if call, ok := errors.AsType[*aws.CallError](err); ok && call.Code != "" {
		return call.Code
	}
	return "no code"
}
