package aws

import "strings"

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

// KubernetesSubject reads system:serviceaccount:pay:payments as pay/payments (Amazon EKS User
// Guide, "IAM roles for service accounts").
func KubernetesSubject(subject string) (account string, ok bool) {
	after, ok := strings.CutPrefix(subject, "system:serviceaccount:")
	if !ok {
		return "", false
	}
	return strings.Replace(after, ":", "/", 1), true
}
