package role

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// trustFacts is what of a trust policy people are warned about.
type trustFacts struct {
	everybody   bool     // somebody whom the policy does not name may assume the role
	conditional bool     // all statements that say so have a condition
	self        bool     // the role's own sessions may assume it
	own         bool     // whoever the account's policies allow it
	others      []string // ids of other accounts, each once
	services    []string // service principals, each once
	eks         bool     // pods with an identity token of the cluster
}

// readTrustFacts reads a trust policy as far as it can be read; what cannot be is shown by
// readTrust.
func readTrustFacts(a aws.Account, ownARN, document string) trustFacts {
	facts := trustFacts{conditional: true}
	var outer struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &outer) != nil {
		return trustFacts{}
	}
	var statements []trustStatement
	if json.Unmarshal(outer.Statement, &statements) != nil {
		var one trustStatement
		if json.Unmarshal(outer.Statement, &one) != nil {
			return trustFacts{}
		}
		statements = []trustStatement{one}
	}
	for _, s := range statements {
		if s.Effect == "Allow" && s.allowsAssuming() {
			facts.add(a, ownARN, s)
		}
	}
	slices.Sort(facts.others)
	slices.Sort(facts.services)
	facts.others, facts.services = slices.Compact(facts.others), slices.Compact(facts.services)
	return facts
}

func (f *trustFacts) add(a aws.Account, ownARN string, s trustStatement) {
	var word string
	byType := map[string]oneOrMore{}
	if json.Unmarshal(s.Principal, &word) == nil {
		byType["AWS"] = oneOrMore{word}
	} else if json.Unmarshal(s.Principal, &byType) != nil {
		byType = nil
	}
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

// serviceLabel is the name of a service without its domain: ec2, ecs-tasks, pods.eks.
func serviceLabel(principal string) string {
	label, _, _ := strings.Cut(principal, ".amazonaws.")
	return label
}
