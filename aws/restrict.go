package aws

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
)

// readerPolicy is the session policy of the reading session: what everything but the writes is read with.
const readerPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetRolePolicy","iam:ListRolePolicies","iam:ListRoles","iam:SimulatePrincipalPolicy","cloudtrail:LookupEvents"],"Resource":"*"}]}`

// What the session of one request may do, on one role.
const (
	toRevoke = `["iam:GetRole","iam:GetRolePolicy","iam:PutRolePolicy"]`
	toUndo   = `["iam:GetRole","iam:GetRolePolicy","iam:PutRolePolicy","iam:DeleteRolePolicy"]`
)

// oneRolePolicy is the session policy of one request: a few actions on one role. IAM has no condition for the name
// or the content of an inline policy, so the role is what bounds it.
func oneRolePolicy(actions, roleARN string) string {
	resource, err := json.Marshal(literal.Replace(roleARN))
	if err != nil {
		return "" // unreachable: a string always encodes
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":` + string(resource) + `}]}`
}

// drillPolicy is the session policy of a drill: it reads, and asks the policy simulator about the role and about what the
// bot itself is. There is no action in it that writes.
func drillPolicy(roleARN, own string) string {
	resources, err := json.Marshal([]string{literal.Replace(roleARN), literal.Replace(own)})
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetRolePolicy","iam:SimulatePrincipalPolicy"],"Resource":` + string(resources) + `}]}`
}

// literal escapes what has a meaning in a policy's Resource: a role's path may hold any of these characters, and
// unescaped they would widen the policy to other roles (IAM User Guide, "IAM policy elements: Variables and tags").
var literal = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// fitName makes a text fit for a session's name or a source identity: 2 to 64 of letters, digits and _+=,.@-
// (STS API reference, "AssumeRole").
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

// fitTag makes a text fit for the value of a session tag: at most 256 letters, digits, spaces and _.:/=+-@
// (STS API reference, "Tag").
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

func isCredentials(err error) bool { return errors.Is(err, ErrCredentials) }
