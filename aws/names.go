package aws

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/revokebot/revokebot/aws/contain"
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
	if a.Kind, a.Rest = kind, rest; !found {
		a.Kind, a.Rest = "", kind
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

// RoleName is the name of a role, or of the role of a session; "" of anything else.
func (a ARN) RoleName() string {
	switch a.Kind {
	case "role":
		_, name := a.PathAndName()
		return name
	case "assumed-role":
		name, _, _ := strings.Cut(a.Rest, "/")
		return name
	}
	return ""
}

// arnOf is a text as an ARN, zero when it is none.
func arnOf(text string) ARN {
	a, _ := ParseARN(text)
	return a
}

// RoleARN builds the ARN of a role; the path begins and ends with a slash.
func RoleARN(partition, account, path, name string) string {
	return PrincipalARN(contain.Principal{Partition: partition, AccountID: account, Path: path, Name: name})
}

// PrincipalARN builds the ARN of a role or user.
func PrincipalARN(p contain.Principal) string {
	kind := string(cmp.Or(p.Kind, contain.Role))
	return "arn:" + p.Partition + ":iam::" + p.AccountID + ":" + kind + p.Path + p.Name
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
	_, name := arnOf(text).PathAndName()
	return name
}

// IdentityCenterPrefix begins the names of the roles that Identity Center makes for permission
// sets.
const IdentityCenterPrefix = "AWSReservedSSO_"

// partitionPattern is what a partition may look like in an ARN.
var partitionPattern = regexp.MustCompile(`^aws(-[a-z]+)*$`)

// homes are the partitions that the AWS SDK for Go resolves IAM endpoints for, with the region in
// which each keeps IAM: that IAM requests are signed for, and in which LookupEvents shows IAM's
// events. The commercial partition has all regions that are not named as those of another.
var homes = []struct{ partition, region, prefix string }{
	{"aws-cn", "cn-north-1", "cn-"},
	{"aws-us-gov", "us-gov-west-1", "us-gov-"},
	{"aws-iso", "us-iso-east-1", "us-iso-"},
	{"aws-iso-b", "us-isob-east-1", "us-isob-"},
	{"aws-iso-e", "eu-isoe-west-1", "eu-isoe-"},
	{"aws-iso-f", "us-isof-south-1", "us-isof-"},
	{"aws-eusc", "eusc-de-east-1", "eusc-"},
	{"aws", "us-east-1", ""},
}

// homeRegion returns the region in which the partition keeps IAM, or "" for a partition that is not
// known.
func homeRegion(partition string) string {
	for _, h := range homes {
		if h.partition == partition {
			return h.region
		}
	}
	return ""
}

// partitionOf returns the partition a region belongs to.
func partitionOf(region string) string {
	for _, h := range homes {
		if strings.HasPrefix(region, h.prefix) {
			return h.partition
		}
	}
	return ""
}

// stsRegion returns the region whose STS endpoint serves the partition: the configured one if it
// belongs there, otherwise the partition's home region, because credentials never cross partitions.
func stsRegion(configured, partition string) string {
	if configured != "" && configured != "aws-global" && partitionOf(configured) == partition {
		return configured
	}
	return homeRegion(partition)
}

// How much of a foreign text a sentence repeats, and of the SDK's cause of a failure.
const (
	quotedRunes = 64
	causeRunes  = 200
)

// Quote repeats foreign text in a sentence so that it can do no harm there: in double quotes, cut
// to 64 characters, all that is not printable ASCII escaped, and the characters that chat programs
// act upon as well.
func Quote(s string) string { return quote(s, quotedRunes) }

// QuoteLong is Quote for the cause of a failure.
func QuoteLong(s string) string { return quote(s, causeRunes) }

func quote(s string, most int) string {
	cut, n := s, 0
	more := false
	for i := range s {
		if n == most {
			cut, more = s[:i], true
			break
		}
		n++
	}
	q := markup.Replace(strconv.QuoteToASCII(cut))
	if more {
		q += "…"
	}
	return q
}

// markup are the characters that open a mention, a link, an entity or code in chat programs.
var markup = strings.NewReplacer("<", `\x3c`, ">", `\x3e`, "&", `\x26`, "`", `\x60`)

// Few keeps a list short enough for a sentence.
func Few(all []string) []string {
	const most = 10
	if len(all) <= most {
		return all
	}
	return append(all[:most:most], fmt.Sprintf("%d more", len(all)-most))
}

// DecodeDocument undoes the percent-encoding in which IAM returns policy documents. A plus sign
// stands for itself. A document that is not encoded is returned as it is.
func DecodeDocument(s string) string {
	if strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{") {
		return s
	}
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}

// GitHubHost is the issuer of GitHub Actions' identity tokens (GitHub Docs, "OpenID Connect
// reference").
const GitHubHost = "token.actions.githubusercontent.com"

// GitHubSubject reads repo:acme/shop:ref:refs/heads/main as acme/shop and "branch main". Newer
// repositories put ids behind the names: repo:acme@12/shop@34:….
func GitHubSubject(subject string) (repository, rest string, ok bool) {
	after, ok := strings.CutPrefix(subject, "repo:")
	if !ok {
		return "", "", false
	}
	repository, rest, _ = strings.Cut(after, ":")
	parts := strings.Split(repository, "/")
	for i, part := range parts {
		parts[i], _, _ = strings.Cut(part, "@")
	}
	repository = strings.Join(parts, "/")
	for _, kind := range [][2]string{
		{"ref:refs/heads/", "branch "},
		{"ref:refs/tags/", "tag "},
		{"environment:", "environment "},
		{"pull_request", "pull requests"},
	} {
		if name, ok := strings.CutPrefix(rest, kind[0]); ok {
			return repository, kind[1] + name, true
		}
	}
	return repository, rest, true
}

// KubernetesSubject reads system:serviceaccount:pay:payments as pay/payments (Amazon EKS User
// Guide, "IAM roles for service accounts").
func KubernetesSubject(subject string) (account string, ok bool) {
	after, ok := strings.CutPrefix(subject, "system:serviceaccount:")
	if !ok {
		return "", false
	}
	return strings.Replace(after, ":", "/", 1), true
}

// OtherAccount refuses an account that is to be used with the ambient credentials when these are of
// another one: a role that is not found there, or may not be read, says nothing about the role that
// was meant. Where who they are is not known, it returns nil.
func (a *Conn) OtherAccount(hubARN string) error {
	if a.AssumeRole != "" {
		return nil
	}
	if ref, err := ParseARN(hubARN); err != nil || ref.Account == a.ID && ref.Partition == a.Partition {
		return nil
	}
	return Refuse("The ambient credentials for account %s (%s, partition %s) are those of %s. Give that account an "+
		"assume_role, or run revokebot with its credentials.",
		a.Name, a.ID, a.Partition, Quote(hubARN))
}

// OwnPrincipal returns the ARN whose policies bound the bot in an account: its role there, or who
// the ambient credentials are. A session's ARN does not tell the path of its role, so the path is
// taken to be /.
func (a *Conn) OwnPrincipal(hubARN string) string {
	if a.AssumeRole != "" {
		return a.AssumeRole
	}
	if ref := arnOf(hubARN); ref.Kind == "assumed-role" {
		return RoleARN(ref.Partition, ref.Account, "/", ref.RoleName())
	}
	return hubARN
}

// OwnRoles returns patterns on the ARNs of what the bot itself is in an account, for a policy's
// condition on aws:PrincipalArn: as it works on users, on the trust policy of a slot, or else on
// roles. It makes no call: before Warm, an account without assume_role has none.
func (c *Cloud) OwnRoles(accountName string, on contain.PrincipalKind, slots ...contain.Slot) []string {
	a := c.byName[accountName]
	switch {
	case a == nil:
	case on == contain.User:
		a = a.users
	case len(slots) > 0 && slots[0].Kind == contain.RoleTrust:
		a = a.trust
	}
	if a == nil {
		return nil
	}
	hubARN := c.hub.peek().CallerARN
	switch own := a.OwnPrincipal(hubARN); {
	case arnOf(own) == ARN{}:
		return nil
	case own == a.AssumeRole || own == hubARN:
		return []string{Literal(own)}
	default:
		return ByName(own) // its path is not known
	}
}

// ByName are the patterns on the ARN of a role or user of which the name is known, whatever its
// path, which may hold anything: names are unique in an account. Any other ARN stands for itself.
func ByName(arn string) []string {
	ref := arnOf(arn)
	if ref.Kind != "role" && ref.Kind != "user" {
		return []string{Literal(arn)}
	}
	_, name := ref.PathAndName()
	kind := "arn:" + ref.Partition + ":iam::" + ref.Account + ":" + ref.Kind
	return []string{kind + "/" + name, kind + "/*/" + name}
}

// IsOwn reports whether an ARN in an event is the bot in this account.
func (a *Conn) IsOwn(hubARN, principalARN string) bool {
	ref, own := arnOf(principalARN), arnOf(a.OwnPrincipal(hubARN))
	if ref.Kind != "assumed-role" {
		return ref != ARN{} && a.AssumeRole == "" && principalARN == hubARN
	}
	return own.Account == ref.Account && strings.EqualFold(ref.RoleName(), own.RoleName()) ||
		a.users != nil && a.users.IsOwn(hubARN, principalARN) || a.trust != nil && a.trust.IsOwn(hubARN, principalARN)
}

// OwnRole reports whether the bot itself works with the role. The hub's role is known from the ARN
// of its session, which has no path; names of roles are unique without regard to case.
func (c *Cloud) OwnRole(hubARN, accountID, roleName string) bool {
	own := []ARN{arnOf(hubARN)}
	for _, a := range c.accounts {
		own = append(own, arnOf(a.AssumeRole), arnOf(a.UsersRole), arnOf(a.TrustRole))
	}
	return slices.ContainsFunc(own, func(a ARN) bool {
		return a.Account == accountID && strings.EqualFold(a.RoleName(), roleName)
	})
}
