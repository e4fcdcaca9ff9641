package trail

import (
	"cmp"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// services are what the session's name stands for when an AWS service opens a session for
// somebody's code.
var services = map[string]string{
	"lambda.amazonaws.com":     "Lambda function",
	"ec2.amazonaws.com":        "EC2 instance",
	"ecs-tasks.amazonaws.com":  "ECS task",
	"pods.eks.amazonaws.com":   "EKS pod",
	"codebuild.amazonaws.com":  "CodeBuild",
	"states.amazonaws.com":     "Step Functions execution",
	"glue.amazonaws.com":       "Glue job",
	"sagemaker.amazonaws.com":  "SageMaker",
	"scheduler.amazonaws.com":  "EventBridge schedule",
	"apigateway.amazonaws.com": "API Gateway",
}

// nameless stands for a name that the event does not tell.
const nameless = "unknown"

// callerWords says in plain words who opened the session. The words hold foreign text.
func callerWords(r record, s Session, userName string) string {
	who := r.UserIdentity
	in := ""
	if ref, err := aws.ParseARN(s.RoleARN); err == nil && who.AccountID != "" && who.AccountID != ref.Account {
		in = " in " + who.AccountID
	}
	switch who.Type {
	case "AWSService":
		if words, ok := services[who.InvokedBy]; ok && s.SessionName != "" {
			return words + " " + s.SessionName
		}
		return "the service " + cmp.Or(who.InvokedBy, nameless)
	case "IAMUser":
		return "user " + cmp.Or(who.UserName, aws.NameOf(who.ARN), who.PrincipalID, nameless) + in
	case "AssumedRole":
		if ref, err := aws.ParseARN(who.ARN); err == nil {
			role, session, _ := strings.Cut(ref.Rest, "/")
			return "role " + role + " (session " + session + ")" + in
		}
		return "a role session (" + cmp.Or(who.PrincipalID, userName, nameless) + ")" + in
	case "SAMLUser":
		provider := aws.NameOf(r.RequestParameters.PrincipalARN)
		if provider == "" {
			return cmp.Or(who.UserName, who.PrincipalID, nameless) + " (SAML)"
		}
		return cmp.Or(who.UserName, who.PrincipalID, nameless) + " (SAML " + provider + ")"
	case "WebIdentityUser":
		return webIdentityWords(cmp.Or(who.UserName, userName, who.PrincipalID, nameless), who.IdentityProvider)
	case "AWSAccount":
		return "account " + cmp.Or(who.AccountID, nameless) + " (" + cmp.Or(who.PrincipalID, nameless) + ")"
	case "Root":
		return "root of account " + cmp.Or(who.AccountID, nameless)
	case "FederatedUser":
		return "federated user " + cmp.Or(aws.NameOf(who.ARN), who.PrincipalID, nameless) + in
	case "":
		return cmp.Or(userName, who.ARN, who.PrincipalID, who.InvokedBy, nameless)
	default:
		return who.Type + " " + cmp.Or(who.ARN, who.UserName, who.PrincipalID, userName, nameless)
	}
}

// webIdentityWords names the holder of an identity token.
func webIdentityWords(subject, provider string) string {
	host := provider
	if ref, err := aws.ParseARN(provider); err == nil {
		host = ref.Rest
	}
	if host == aws.GitHubHost {
		if repository, rest, ok := aws.GitHubSubject(subject); ok {
			return strings.TrimSpace("GitHub " + repository + " " + strings.TrimPrefix(rest, "branch "))
		}
	}
	if account, ok := aws.KubernetesSubject(subject); ok {
		return "Kubernetes service account " + account
	}
	if host == "" {
		return subject
	}
	return subject + " (" + host + ")"
}
