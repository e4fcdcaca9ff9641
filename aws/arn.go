package aws

import (
	"errors"
	"strings"
)

// ARN is an ARN of IAM or STS, taken apart. The resource is kind, path and name: role, /ops/,
// Deploy.
type ARN struct {
	Partition, Service, Region, Account string
	Kind                                string // role, user, assumed-role …, "" for a resource without a slash
	Rest                                string // what follows the kind and its slash, or the whole resource
}

var errNotARN = errors.New("not an ARN")

// ParseARN takes an ARN apart (IAM User Guide, "IAM identifiers"). It checks the form, not what the
// parts say.
func ParseARN(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !partitionPattern.MatchString(parts[1]) || parts[2] == "" ||
		parts[5] == "" {
		return ARN{}, errNotARN
	}
	a := ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4]}
	kind, rest, found := strings.Cut(parts[5], "/")
	if found {
		a.Kind, a.Rest = kind, rest
	} else {
		a.Rest = parts[5]
	}
	return a, nil
}

// pathAndName splits the rest of a role or user: ops/Deploy is the path /ops/ and the name Deploy.
func (a ARN) PathAndName() (path, name string) {
	if i := strings.LastIndexByte(a.Rest, '/'); i >= 0 {
		return "/" + a.Rest[:i+1], a.Rest[i+1:]
	}
	return "/", a.Rest
}

// RoleARN builds the ARN of a role; the path begins and ends with a slash.
func RoleARN(partition, account, path, name string) string {
	return "arn:" + partition + ":iam::" + account + ":role" + path + name
}

// MatchFold reports whether s matches a pattern in which * stands for any text and ? for any one
// byte, ignoring the case of ASCII letters, as IAM does not tell role names apart by case.
func MatchFold(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Literal escapes what has a meaning in a policy's Resource: a role's path may hold any of these
// characters, and unescaped they would widen the policy to other roles (IAM User Guide, "IAM policy
// elements: Variables and tags").
func Literal(arn string) string { return literal.Replace(arn) }

var literal = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// NameOf returns the name at the end of an ARN of IAM, "" when it is none.
func NameOf(text string) string {
	ref, err := ParseARN(text)
	if err != nil {
		return ""
	}
	_, name := ref.PathAndName()
	return name
}

// IdentityCenterPrefix begins the names of the roles that Identity Center makes for permission
// sets.
const IdentityCenterPrefix = "AWSReservedSSO_"
