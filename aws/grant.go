package aws

import (
	"context"
	"errors"
	"strings"
	"unicode"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// ReaderPolicy is the session policy of the reading session: what everything but the writes is read
// with.
const ReaderPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole",` +
	`"iam:GetRolePolicy","iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles",` +
	`"iam:SimulatePrincipalPolicy","cloudtrail:LookupEvents"],"Resource":"*"}]}`

// openReader opens the session that reads an account. It can write nothing.
func (a *Conn) openReader(ctx context.Context) (Credential, error) {
	if a.AssumeRole == "" {
		return a.cloud.ambient(), nil
	}
	return a.assume(ctx, &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String("revokebot-read"),
		Policy:          awssdk.String(ReaderPolicy),
	})
}

// Grant is what a session of its own is opened for: one request, and the people behind it.
type Grant struct {
	Request   string // becomes the session's name and a tag
	Requester string // becomes the source identity and a tag
	Approvers []string
	Policy    string // the session policy, JSON: what the session may do
}

// Open opens the session of one request. Its name, source identity and tags put the request and the
// people into the account's CloudTrail. Where the account does not allow the latter two and the
// configuration accepts that, the session goes without them. In an account without a role to assume
// it is the ambient credentials.
func (a *Conn) Open(ctx context.Context, g Grant) (Credential, error) {
	opened, err := a.OpenNamed(ctx, g)
	if err == nil || !a.AllowUnnamedSessions || !errors.Is(err, ErrAccessDenied) {
		return opened, err
	}
	a.cloud.log.WarnContext(ctx, "a session that names the people was denied, going on without",
		"account", a.Name, "request", g.Request, "error", err)
	opened, err = a.assume(ctx, &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String(fitName(g.Request)), Policy: awssdk.String(g.Policy),
	})
	opened.Unnamed = err == nil
	return opened, err
}

// OpenNamed is Open without going on where the people cannot be named.
func (a *Conn) OpenNamed(ctx context.Context, g Grant) (Credential, error) {
	if a.AssumeRole == "" {
		return a.cloud.ambient(), nil
	}
	return a.assume(ctx, &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String(fitName(g.Request)),
		SourceIdentity:  awssdk.String(fitName(g.Requester)),
		Policy:          awssdk.String(g.Policy),
		Tags: []types.Tag{
			{Key: awssdk.String("request"), Value: awssdk.String(fitTag(g.Request))},
			{Key: awssdk.String("requester"), Value: awssdk.String(fitTag(g.Requester))},
			{Key: awssdk.String("approvers"), Value: awssdk.String(fitTag(joinPeople(g.Approvers)))},
		},
	})
}

// fitName makes a text fit for a session's name or a source identity: 2 to 64 of letters, digits
// and _+=,.@- (STS API reference, "AssumeRole").
func fitName(s string) string {
	fit := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_+=,.@-", r)) {
			return r
		}
		return '-'
	}, s)
	if len(fit) > 64 {
		fit = fit[:64]
	}
	for len(fit) < 2 {
		fit += "-"
	}
	return fit
}

// fitTag makes a text fit for the value of a session tag: at most 256 letters, digits, spaces and
// _.:/=+-@ (STS API reference, "Tag").
func fitTag(s string) string {
	var fit strings.Builder
	n := 0
	for _, r := range s {
		if n == 256 {
			break
		}
		if !unicode.In(r, unicode.L, unicode.N, unicode.Z) && !strings.ContainsRune("_.:/=+-@", r) {
			r = '-'
		}
		fit.WriteRune(r)
		n++
	}
	return fit.String()
}

// joinPeople lists people in one tag value; a comma is not allowed in one.
func joinPeople(people []string) string { return strings.Join(people, " ") }
