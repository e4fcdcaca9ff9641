package role

import (
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// federated puts an identity provider of a trust policy into words. Which repository or service account may use it
// stands in the statement's condition on the token's subject.
func (s trustStatement) federated(a aws.Account, value string) Principal {
	p := Principal{Kind: PrincipalUnknown, Words: "the identity provider " + value, Conditional: len(s.Condition) > 0}
	ref, err := aws.ParseARN(value)
	if err != nil {
		// cognito-identity.amazonaws.com, accounts.google.com and the like have no ARN.
		p.Kind = PrincipalOIDC
		return p
	}
	in := ""
	if ref.Account != a.ID {
		in = " in " + ref.Account
	}
	switch ref.Kind {
	case "saml-provider":
		p.Kind, p.Words = PrincipalSAML, "people who sign in through "+ref.Rest+" (SAML)"+in
	case "oidc-provider":
		p.Kind, p.Words = PrincipalOIDC, "the identity provider "+ref.Rest+in
		subjects := s.subjects(ref.Rest)
		if len(subjects) == 0 {
			if ref.Rest == aws.GitHubHost {
				p.Words = "every GitHub repository" + in
			}
			return p
		}
		for i, subject := range subjects {
			subjects[i] = subjectWords(ref.Rest, subject)
		}
		p.Words = strings.Join(subjects, ", ") + in
	}
	return p
}

// subjects returns what the condition demands of the subject of the provider's tokens, in a fixed order.
func (s trustStatement) subjects(provider string) []string {
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
