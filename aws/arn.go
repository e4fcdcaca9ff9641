package aws

import (
	"errors"
	"strings"
)

// arn is an ARN of IAM or STS, taken apart. The resource is kind, path and name: role, /ops/, Deploy.
type arn struct {
	partition, service, region, account string
	kind                                string // role, user, assumed-role …, "" for a resource without a slash
	rest                                string // what follows the kind and its slash, or the whole resource
}

var errNotARN = errors.New("not an ARN")

// parseARN takes an ARN apart (IAM User Guide, "IAM identifiers"). It checks the form, not what the parts say.
func parseARN(s string) (arn, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !partitionPattern.MatchString(parts[1]) || parts[2] == "" || parts[5] == "" {
		return arn{}, errNotARN
	}
	a := arn{partition: parts[1], service: parts[2], region: parts[3], account: parts[4]}
	kind, rest, found := strings.Cut(parts[5], "/")
	if found {
		a.kind, a.rest = kind, rest
	} else {
		a.rest = parts[5]
	}
	return a, nil
}

// pathAndName splits the rest of a role or user: ops/Deploy is the path /ops/ and the name Deploy.
func (a arn) pathAndName() (path, name string) {
	if i := strings.LastIndexByte(a.rest, '/'); i >= 0 {
		return "/" + a.rest[:i+1], a.rest[i+1:]
	}
	return "/", a.rest
}

// roleARN builds the ARN of a role; the path begins and ends with a slash.
func roleARN(partition, account, path, name string) string {
	return "arn:" + partition + ":iam::" + account + ":role" + path + name
}

// matchFold reports whether s matches a pattern in which * stands for any text and ? for any one byte, ignoring the
// case of ASCII letters, as IAM does not tell role names apart by case.
func matchFold(pattern, s string) bool {
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
