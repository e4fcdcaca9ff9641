package role

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// Principal is one who may assume a role, as the trust policy puts it.
type Principal struct {
	Kind        string // one of the Principal… values
	Words       string // "the service ec2.amazonaws.com", "user alice in 777788889999": plain text, foreign
	Conditional bool   // only under a condition
}

// The Kind of a Principal.
const (
	PrincipalService   = "service"
	PrincipalAccount   = "account"
	PrincipalRole      = "role"
	PrincipalUser      = "user"
	PrincipalSession   = "session" // one session of a role, or of a federated user
	PrincipalSAML      = "saml"
	PrincipalOIDC      = "oidc"
	PrincipalEverybody = "everybody"
	PrincipalDeleted   = "deleted" // IAM shows the unique id of a user or role that is gone
	PrincipalUnknown   = "unknown"
)

// trustStatement is what is read of a statement of a trust policy.
type trustStatement struct {
	Effect       string
	Action       oneOrMore
	NotAction    oneOrMore
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Condition    map[string]map[string]oneOrMore
}

// oneOrMore is a string or a list of strings. Values of other types are kept as their JSON.
type oneOrMore []string

// UnmarshalJSON never fails: a trust policy is shown as far as it can be read.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	*o = nil
	for _, item := range list {
		var s string
		if json.Unmarshal(item, &s) != nil {
			s = string(item)
		}
		*o = append(*o, s)
	}
	return nil
}

// readTrust lists who may assume a role and gives the digest of the trust policy. It never fails;
// a document that is no policy yields one principal that says so.
func readTrust(a aws.Account, document string) (principals []Principal, digest string) {
	digest = digestJSON(document)
	var policy struct{ Statement json.RawMessage }
	var statements []json.RawMessage
	if json.Unmarshal([]byte(document), &policy) != nil || len(policy.Statement) == 0 {
		return []Principal{{Kind: PrincipalUnknown, Words: "a trust policy that cannot be read"}}, digest
	}
	if json.Unmarshal(policy.Statement, &statements) != nil {
		statements = []json.RawMessage{policy.Statement}
	}
	for _, raw := range statements {
		var s trustStatement
		if json.Unmarshal(raw, &s) != nil {
			principals = append(principals, Principal{
				Kind: PrincipalUnknown, Words: "a statement of the trust policy that cannot be read",
			})
			continue
		}
		if s.Effect == "Allow" && s.allowsAssuming() {
			principals = append(principals, s.principals(a)...)
		}
	}
	var distinct []Principal
	for _, p := range principals {
		if !slices.Contains(distinct, p) {
			distinct = append(distinct, p)
		}
	}
	return distinct, digest
}

// allowsAssuming reports whether the statement lets somebody open a session, as opposed to
// tagging one.
func (s trustStatement) allowsAssuming() bool {
	if len(s.NotAction) > 0 {
		return true
	}
	for _, action := range s.Action {
		for _, opens := range []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"} {
			if aws.MatchFold(action, opens) {
				return true
			}
		}
	}
	return false
}

// principals lists the principals of one statement.
func (s trustStatement) principals(a aws.Account) []Principal {
	conditional := len(s.Condition) > 0
	if len(s.NotPrincipal) > 0 {
		return []Principal{{PrincipalEverybody, "everybody with exceptions", conditional}}
	}
	var word string
	if json.Unmarshal(s.Principal, &word) == nil {
		return []Principal{s.principal(a, "AWS", word)}
	}
	var byType map[string]oneOrMore
	if json.Unmarshal(s.Principal, &byType) != nil {
		return []Principal{{PrincipalUnknown, "a principal that cannot be read", conditional}}
	}
	var all []Principal
	types := make([]string, 0, len(byType))
	for t := range byType {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		for _, value := range byType[t] {
			all = append(all, s.principal(a, t, value))
		}
	}
	return all
}

// principal puts one principal into words.
func (s trustStatement) principal(a aws.Account, kind, value string) Principal {
	conditional := len(s.Condition) > 0
	switch kind {
	case "Service":
		return Principal{PrincipalService, "the service " + value, conditional}
	case "Federated":
		return s.federated(a, value)
	case "AWS":
		k, words := awsPrincipal(a, value)
		return Principal{k, words, conditional}
	default:
		return Principal{PrincipalUnknown, kind + " " + value, conditional}
	}
}

// awsPrincipal puts an AWS principal into words (IAM User Guide, "AWS JSON policy elements:
// Principal").
func awsPrincipal(a aws.Account, value string) (kind, words string) {
	if value == "*" {
		return PrincipalEverybody, "everybody"
	}
	if aws.IsAccountID(value) {
		return PrincipalAccount, accountWords(a, value)
	}
	ref, err := aws.ParseARN(value)
	if err != nil {
		if strings.HasPrefix(value, "AROA") || strings.HasPrefix(value, "AIDA") {
			return PrincipalDeleted, "a deleted user or role (" + value + ")"
		}
		return PrincipalUnknown, cmp.Or(value, "a principal without a name")
	}
	in := ""
	if ref.Account != a.ID {
		in = " in " + ref.Account
	}
	_, name := ref.PathAndName()
	switch {
	case ref.Kind == "" && ref.Rest == "root":
		return PrincipalAccount, accountWords(a, ref.Account)
	case ref.Kind == "role":
		return PrincipalRole, "role " + name + in
	case ref.Kind == "user":
		return PrincipalUser, "user " + name + in
	case ref.Kind == "assumed-role":
		role, session, _ := strings.Cut(ref.Rest, "/")
		return PrincipalSession, "session " + session + " of role " + role + in
	case ref.Kind == "federated-user":
		return PrincipalSession, "federated user " + name + in
	default:
		return PrincipalUnknown, value
	}
}

// accountWords names a whole account: whoever in it has the permission.
func accountWords(a aws.Account, id string) string {
	if id == a.ID {
		return "this account (" + id + ")"
	}
	return "account " + id
}

// digestJSON is a digest that does not depend on white space or the order of members.
func digestJSON(document string) string {
	canonical := []byte(document)
	var value any
	decoder := json.NewDecoder(bytes.NewReader(canonical))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		if again, err := json.Marshal(value); err == nil {
			canonical = again
		}
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
