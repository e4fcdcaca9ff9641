package aws

import (
	"regexp"
	"slices"
	"strings"
)

// principal is one entry of a statement's Principal element.
type principal struct {
	kind  string // "AWS", "Service", "Federated"
	value string // "*", an account id, an ARN, a unique id, a host name
	// bound is the unique id that a role's or user's ARN had when the policy was written: IAM keeps
	// that, so a principal that is deleted and made again is not the one that is trusted (IAM User
	// Guide, "Principal").
	bound string
}

// grant is how a trust policy lets a caller in.
type grant int

const (
	noGrant      grant = iota
	accountGrant       // by the caller's account: the caller's own policies must allow it too
	directGrant        // by the caller itself, or everybody
	explicitDeny
)

func parsePrincipals(v any) ([]principal, error) {
	if v == "*" {
		return []principal{{kind: "AWS", value: "*"}}, nil
	}
	o, ok := v.(object)
	if !ok || len(o) == 0 {
		return nil, errSyntax
	}
	var out []principal
	for _, m := range o {
		values, ok := stringOrStrings(m.value)
		if !ok || len(values) == 0 {
			return nil, errSyntax
		}
		for _, value := range values {
			p := principal{kind: m.name, value: value}
			if !p.wellFormed() {
				return nil, invalidPrincipal(p)
			}
			out = append(out, p)
		}
	}
	return out, nil
}

func invalidPrincipal(p principal) error {
	return malformed(`Invalid principal in policy: "` + p.kind + `":"` + p.value + `"`)
}

var (
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
	uniqueIDForm = regexp.MustCompile(`^A(ROA|IDA)[A-Z0-9]{13,}$`)
	serviceForm  = regexp.MustCompile(`^[a-z0-9.-]+\.(amazonaws|amazon)\.(com|com\.cn|eu)$`)
)

func (p principal) wellFormed() bool {
	switch p.kind {
	case "Service":
		return serviceForm.MatchString(p.value)
	case "Federated":
		a, ok := parseARN(p.value)
		return ok && (strings.HasPrefix(a.resource, "saml-provider/") || strings.HasPrefix(a.resource, "oidc-provider/")) ||
			!ok && strings.Contains(p.value, ".") && !strings.Contains(p.value, ":")
	case "AWS":
		if p.value == "*" || accountForm.MatchString(p.value) || uniqueIDForm.MatchString(p.value) {
			return true
		}
		a, ok := parseARN(p.value)
		if !ok || !accountForm.MatchString(a.account) || strings.ContainsAny(p.value, "*?") {
			return false
		}
		return a.service == "iam" &&
			(a.resource == "root" || strings.HasPrefix(a.resource, "user/") || strings.HasPrefix(a.resource, "role/")) ||
			a.service == "sts" && (strings.HasPrefix(a.resource, "assumed-role/") ||
				strings.HasPrefix(a.resource, "federated-user/"))
	default:
		return false
	}
}

// parseTrust reads a trust policy and binds its principals to those that exist. The caller holds
// the lock.
func (a *Account) parseTrust(text string) (document, error) {
	p, err := parsePolicy(text, trustDialect)
	if err != nil {
		return document{}, errOf("MalformedPolicyDocument", err.Error())
	}
	if len([]rune(text)) > trustQuota {
		return document{}, errf("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: %d", trustQuota)
	}
	for i := range p.statements {
		for j := range p.statements[i].principals {
			pr := &p.statements[i].principals[j]
			pr.bound, _ = a.server.principalID(pr.value)
		}
	}
	return document{text, p}, nil
}

// checkPrincipals refuses principals of accounts that the server has which do not exist, as IAM
// does on a write.
func (a *Account) checkPrincipals(p *Policy) error {
	for _, st := range p.statements {
		for _, pr := range st.principals {
			target, ok := parseARN(pr.value)
			if pr.kind != "AWS" || !ok {
				continue
			}
			_, known := a.server.accounts[target.account]
			named := strings.HasPrefix(target.resource, "role/") || strings.HasPrefix(target.resource, "user/")
			if target.partition != a.partition || known && named && pr.bound == "" {
				return errOf("MalformedPolicyDocument", invalidPrincipal(pr).Error())
			}
		}
	}
	return nil
}

// principalID gives the unique id of the role or user with the ARN, if the server has it.
func (s *Server) principalID(text string) (id string, ok bool) {
	target, ok := parseARN(text)
	a := s.accounts[target.account]
	if !ok || a == nil {
		return "", false
	}
	name := target.lastSegment()
	if r := a.role(name); r != nil && r.arn() == text {
		return r.id, true
	}
	if u := a.users[strings.ToLower(name)]; u != nil && u.arn() == text {
		return u.id, true
	}
	return "", false
}

// trustText is a trust policy as reads show it: where a principal is gone, its unique id stands in
// its place.
func (s *Server) trustText(d document) string {
	text := d.text
	for _, st := range d.policy.statements {
		for _, pr := range st.principals {
			if pr.bound == "" {
				continue
			}
			if id, _ := s.principalID(pr.value); id != pr.bound {
				text = strings.ReplaceAll(text, `"`+pr.value+`"`, `"`+pr.bound+`"`)
			}
		}
	}
	return text
}

// trusts evaluates a trust policy for one action. match says how an entry speaks of the caller.
func trusts(p *Policy, r Request, match func(principal) grant) grant {
	best := noGrant
	for _, st := range p.statements {
		g := noGrant
		for _, pr := range st.principals {
			g = max(g, match(pr))
		}
		if g == noGrant || !st.applies(r, p.variables) {
			continue
		}
		if st.deny {
			return explicitDeny
		}
		best = max(best, g)
	}
	return best
}

// isCaller is the match of trusts for a caller that signs with a credential.
func isCaller(c *credential) func(principal) grant {
	return func(p principal) grant {
		if p.kind != "AWS" {
			return noGrant
		}
		account := c.account()
		switch p.value {
		case "*", c.principalID(), c.callerARN(), c.principalARN():
			if p.bound != "" && p.bound != c.principalID() {
				return noGrant
			}
			return directGrant
		case account.id, account.arn("iam", "root"):
			return accountGrant
		}
		return noGrant
	}
}

// isNamed is the match of trusts for a service or an identity provider. Everybody is one of them.
func isNamed(kind, value string) func(principal) grant {
	return func(p principal) grant {
		if p.kind == kind && p.value == value || p.kind == "AWS" && p.value == "*" {
			return directGrant
		}
		return noGrant
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
