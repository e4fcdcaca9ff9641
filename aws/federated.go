package aws

import (
	"slices"
	"strings"
)

// githubHost is the issuer of GitHub Actions' identity tokens (GitHub Docs, "OpenID Connect reference").
const githubHost = "token.actions.githubusercontent.com"

// federated puts an identity provider of a trust policy into words. Which repository or service account may use it
// stands in the statement's condition on the token's subject.
func (s trustStatement) federated(a Account, value string) Principal {
	p := Principal{Kind: PrincipalUnknown, Words: "the identity provider " + value, Conditional: len(s.Condition) > 0}
	ref, err := parseARN(value)
	if err != nil {
		// cognito-identity.amazonaws.com, accounts.google.com and the like have no ARN.
		p.Kind = PrincipalOIDC
		return p
	}
	in := ""
	if ref.account != a.ID {
		in = " in " + ref.account
	}
	switch ref.kind {
	case "saml-provider":
		p.Kind, p.Words = PrincipalSAML, "people who sign in through "+ref.rest+" (SAML)"+in
	case "oidc-provider":
		p.Kind, p.Words = PrincipalOIDC, "the identity provider "+ref.rest+in
		subjects := s.subjects(ref.rest)
		if len(subjects) == 0 {
			if ref.rest == githubHost {
				p.Words = "every GitHub repository" + in
			}
			return p
		}
		for i, subject := range subjects {
			subjects[i] = subjectWords(ref.rest, subject)
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
	if provider == githubHost {
		if repository, rest, ok := githubSubject(subject); ok {
			if rest == "" || rest == "*" {
				return "GitHub repository " + repository
			}
			return "GitHub repository " + repository + " (" + rest + ")"
		}
	}
	if account, ok := kubernetesSubject(subject); ok {
		return "Kubernetes service account " + account
	}
	return subject + " of " + provider
}

// githubSubject reads repo:acme/shop:ref:refs/heads/main as acme/shop and "branch main". Newer repositories put ids
// behind the names: repo:acme@12/shop@34:….
func githubSubject(subject string) (repository, rest string, ok bool) {
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
	switch {
	case strings.HasPrefix(rest, "ref:refs/heads/"):
		rest = "branch " + strings.TrimPrefix(rest, "ref:refs/heads/")
	case strings.HasPrefix(rest, "ref:refs/tags/"):
		rest = "tag " + strings.TrimPrefix(rest, "ref:refs/tags/")
	case strings.HasPrefix(rest, "environment:"):
		rest = "environment " + strings.TrimPrefix(rest, "environment:")
	case rest == "pull_request":
		rest = "pull requests"
	}
	return repository, rest, true
}

// kubernetesSubject reads system:serviceaccount:pay:payments as pay/payments (Amazon EKS User Guide, "IAM roles for
// service accounts").
func kubernetesSubject(subject string) (account string, ok bool) {
	after, ok := strings.CutPrefix(subject, "system:serviceaccount:")
	if !ok {
		return "", false
	}
	return strings.Replace(after, ":", "/", 1), true
}
