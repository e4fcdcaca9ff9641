package role

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// Principal is one who may assume a role, as the trust policy puts it.
type Principal struct {
	// Words are plain text, foreign: "the service ec2.amazonaws.com", "user alice in 777788889999".
	Words       string `json:"words"`
	Conditional bool   `json:"conditional,omitempty"` // only under a condition
}

// statement is what is read of a statement of a policy.
type statement struct {
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

// statements are those of a policy, as far as it can be read; nil for what is no policy.
func statements(document string) []json.RawMessage {
	var outer struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &outer) != nil || len(outer.Statement) == 0 {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(outer.Statement, &list) != nil {
		list = []json.RawMessage{outer.Statement}
	}
	return list
}

// readAllow returns the statement if it can be read and allows something.
func readAllow(raw json.RawMessage) (s statement, ok, readable bool) {
	readable = json.Unmarshal(raw, &s) == nil
	return s, readable && s.Effect == "Allow", readable
}

// names reports whether the statement names an action, whatever its resources and conditions.
func (s statement) names(action string) bool {
	matches := func(pattern string) bool { return aws.MatchFold(pattern, action) }
	return slices.ContainsFunc(s.Action, matches) || len(s.NotAction) > 0 && !slices.ContainsFunc(s.NotAction, matches)
}

// named returns those of the actions that an Allow or Deny of the document names, whatever its
// resources and conditions: the simulator does not know what those conditions will find.
func named(effect, document string, actions ...string) (all []string) {
	for _, raw := range statements(document) {
		if s, _, readable := readAllow(raw); readable && s.Effect == effect {
			for _, action := range actions {
				if s.names(action) {
					all = append(all, action)
				}
			}
		}
	}
	return all
}

// readTrust lists who may assume a role and gives the digest of the trust policy. It never fails;
// a document that is no policy yields one principal that says so.
func readTrust(a aws.Account, document string) (distinct []Principal, digest string) {
	digest = digestJSON(document)
	all := statements(document)
	if all == nil {
		return []Principal{{Words: "a trust policy that cannot be read"}}, digest
	}
	for _, raw := range all {
		var principals []Principal
		if s, ok, readable := readAllow(raw); !readable {
			principals = []Principal{{Words: "a statement of the trust policy that cannot be read"}}
		} else if ok && s.allowsAssuming() {
			principals = s.principals(a)
		}
		for _, p := range principals {
			if !slices.Contains(distinct, p) {
				distinct = append(distinct, p)
			}
		}
	}
	return distinct, digest
}

// allowsAssuming reports whether the statement lets its principals open a session, as opposed to
// tagging one.
func (s statement) allowsAssuming() bool {
	return len(s.NotAction) > 0 || s.names("sts:AssumeRole") || s.names("sts:AssumeRoleWithSAML") ||
		s.names("sts:AssumeRoleWithWebIdentity")
}

// named are the principals by their type; nil if they cannot be read.
func (s statement) named() (byType map[string]oneOrMore) {
	var word string
	if json.Unmarshal(s.Principal, &word) == nil {
		return map[string]oneOrMore{"AWS": {word}}
	}
	if json.Unmarshal(s.Principal, &byType) != nil {
		return nil
	}
	return byType
}

// principals lists the principals of one statement.
func (s statement) principals(a aws.Account) (all []Principal) {
	conditional, byType := len(s.Condition) > 0, s.named()
	switch {
	case len(s.NotPrincipal) > 0:
		return []Principal{{"everybody with exceptions", conditional}}
	case byType == nil:
		return []Principal{{"a principal that cannot be read", conditional}}
	}
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		for _, value := range byType[kind] {
			words := kind + " " + value
			switch kind {
			case "Service":
				words = "the service " + value
			case "Federated":
				words = s.federated(a, value)
			case "AWS":
				words = awsPrincipal(a, value)
			}
			all = append(all, Principal{words, conditional})
		}
	}
	return all
}

// awsPrincipal puts an AWS principal into words (IAM User Guide, "AWS JSON policy elements:
// Principal").
func awsPrincipal(a aws.Account, value string) string {
	ref, err := aws.ParseARN(value)
	account := value
	if ref.Kind == "" && ref.Rest == "root" {
		account = ref.Account
	}
	_, name := ref.PathAndName()
	switch {
	case value == "*":
		return "everybody"
	case account == a.ID:
		return "this account (" + account + ")"
	case aws.IsAccountID(account):
		return "account " + account
	case err != nil && (strings.HasPrefix(value, "AROA") || strings.HasPrefix(value, "AIDA")):
		return "a deleted user or role (" + value + ")"
	case ref.Kind == "role", ref.Kind == "user":
		return ref.Kind + " " + name + in(a, ref)
	case ref.Kind == "assumed-role":
		role, session, _ := strings.Cut(ref.Rest, "/")
		return "session " + session + " of role " + role + in(a, ref)
	case ref.Kind == "federated-user":
		return "federated user " + name + in(a, ref)
	default:
		return cmp.Or(value, "a principal without a name")
	}
}

// in names the account of an ARN, unless it is this one.
func in(a aws.Account, ref aws.ARN) string {
	if ref.Account == a.ID {
		return ""
	}
	return " in " + ref.Account
}

// federated puts an identity provider of a trust policy into words. Which repository or service
// account may use it stands in the statement's condition on the token's subject.
func (s statement) federated(a aws.Account, value string) string {
	ref, _ := aws.ParseARN(value) // cognito-identity.amazonaws.com, accounts.google.com and the like have no ARN
	subjects := s.subjects(ref.Rest)
	for i, subject := range subjects {
		subjects[i] = subjectWords(ref.Rest, subject)
	}
	switch {
	case ref.Kind == "saml-provider":
		return "people who sign in through " + ref.Rest + " (SAML)" + in(a, ref)
	case ref.Kind != "oidc-provider":
		return "the identity provider " + value
	case len(subjects) > 0:
		return strings.Join(subjects, ", ") + in(a, ref)
	case ref.Rest == aws.GitHubHost:
		return "every GitHub repository" + in(a, ref)
	default:
		return "the identity provider " + ref.Rest + in(a, ref)
	}
}

// subjects returns what the condition demands of the subject of the provider's tokens, in a fixed
// order.
func (s statement) subjects(provider string) []string {
	var all []string
	for operator, keys := range s.Condition {
		if strings.Contains(strings.ToLower(operator), "not") || !strings.Contains(strings.ToLower(operator), "string") {
			continue
		}
		for key, values := range keys {
			if strings.EqualFold(key, provider+":sub") {
				all = append(all, values...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// subjectWords puts the subject of an identity token into words for a trust policy.
func subjectWords(provider, subject string) string {
	if provider == aws.GitHubHost {
		if repository, rest, ok := aws.GitHubSubject(subject); ok {
			if rest == "" || rest == "*" {
				return "GitHub repository " + repository
			}
			return "GitHub repository " + repository + " (" + rest + ")"
		}
	}
	if account, ok := aws.KubernetesSubject(subject); ok {
		return "Kubernetes service account " + account
	}
	return subject + " of " + provider
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

// trustFacts is what of a trust policy people are warned about.
type trustFacts struct {
	everybody   bool     // principals that the policy does not name may assume the role
	conditional bool     // all statements that say so have a condition
	self        bool     // the role's own sessions may assume it
	own         bool     // all principals whom the account's policies allow it
	others      []string // ids of other accounts, each once
	services    []string // service principals, each once
	eks         bool     // pods with an identity token of the cluster
}

// readTrustFacts reads a trust policy as far as it can be read; what cannot be is shown by
// readTrust.
func readTrustFacts(a aws.Account, ownARN, document string) trustFacts {
	f := trustFacts{conditional: true}
	for _, raw := range statements(document) {
		if s, ok, _ := readAllow(raw); ok && s.allowsAssuming() {
			f.add(a, ownARN, s)
		}
	}
	slices.Sort(f.others)
	slices.Sort(f.services)
	f.others, f.services = slices.Compact(f.others), slices.Compact(f.services)
	return f
}

func (f *trustFacts) add(a aws.Account, ownARN string, s statement) {
	byType := s.named()
	if len(s.NotPrincipal) > 0 || slices.Contains(byType["AWS"], "*") {
		f.everybody = true
		f.conditional = f.conditional && len(s.Condition) > 0
	}
	for _, value := range byType["AWS"] {
		account := value
		if ref, err := aws.ParseARN(value); err == nil {
			account = ref.Account
			f.self = f.self || value == ownARN
			f.own = f.own || ref.Account == a.ID && ref.Rest == "root"
		}
		f.own = f.own || value == a.ID
		if aws.IsAccountID(account) && account != a.ID {
			f.others = append(f.others, account)
		}
	}
	f.services = append(f.services, byType["Service"]...)
	for _, value := range byType["Federated"] {
		ref, err := aws.ParseARN(value)
		f.eks = f.eks || err == nil && ref.Kind == "oidc-provider" && strings.HasPrefix(ref.Rest, "oidc.eks.")
	}
}
