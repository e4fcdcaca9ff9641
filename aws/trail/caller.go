package trail

import (
	"cmp"
	"regexp"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/aws"
)

// services are the AWS services that open sessions for a customer's code: what the session's name
// stands for, and whether it is what the session was opened for: the function, the instance, the
// task, the serial number of the certificate.
var services = map[string]struct {
	words      string
	identifies bool
}{
	"lambda":        {"Lambda function", true},
	"ec2":           {"EC2 instance", true},
	"ecs-tasks":     {"ECS task", true},
	"pods.eks":      {"EKS pod", false},
	"rolesanywhere": {"certificate", true},
	"codebuild":     {"CodeBuild", false},
	"states":        {"Step Functions execution", false},
	"glue":          {"Glue job", false},
	"sagemaker":     {"SageMaker", false},
	"scheduler":     {"EventBridge schedule", false},
	"apigateway":    {"API Gateway", false},
}

// nameless stands for a name that the event does not tell.
const nameless = "unknown"

// caller is who opened a session.
type caller struct {
	// id identifies the caller and is the same for every session that they open, whatever its name.
	// Of a role session that is the role, with the person where the name of the session or the source
	// identity vouches for one: of Identity Center's roles AWS gives the name, of others the caller
	// does.
	id    string
	words string // for people, shorter; foreign text
}

// callerOf says who opened the session.
func callerOf(r record, s Session) caller {
	who, asked, userName := r.UserIdentity, r.RequestParameters, awssdk.ToString(r.in.Username)
	in := ""
	if ref, err := aws.ParseARN(s.RoleARN); err == nil && who.AccountID != "" && who.AccountID != ref.Account {
		in = " in " + who.AccountID
	}
	if s.Kind == KindSwitch {
		who.Type, who.ARN, who.UserName, who.PrincipalID = s.CallerType, s.CallerARN, "", ""
	}
	unique, _, _ := strings.Cut(who.PrincipalID, ":")
	principal := "principal " + cmp.Or(unique, idOf(who.ARN), who.UserName, who.AccountID, nameless)
	c := caller{}
	switch {
	case s.Kind == KindRolesAnywhere || who.InvokedBy == "rolesanywhere.amazonaws.com":
		c = caller{"service rolesanywhere.amazonaws.com " + s.SessionName, "certificate " + cmp.Or(s.SessionName, nameless)}
		if s.SourceIdentity != "" {
			c.words += " (" + strings.TrimPrefix(s.SourceIdentity, "CN=") + ")"
		}
		return c
	case who.Type == "AWSService":
		c = serviceCaller(cmp.Or(who.InvokedBy, nameless), s.SessionName, asked)
	case who.Type == "IAMUser":
		c = caller{principal, "user " + cmp.Or(who.UserName, aws.NameOf(who.ARN), who.PrincipalID, nameless) + in}
	case who.Type == "AssumedRole":
		c = roleCaller(r, principal, who.ARN)
		if c.words == "" {
			c.words = "a role session (" + cmp.Or(who.PrincipalID, userName, nameless) + ")"
		}
		c.words += in
	case who.Type == "AWSAccount":
		c = roleCaller(r, principal, who.ARN)
		c.words = "account " + cmp.Or(who.AccountID, nameless) + " (" + cmp.Or(who.PrincipalID, nameless) + ")"
	case who.Type == "Root":
		c = caller{"root " + cmp.Or(who.AccountID, nameless), "root of account " + cmp.Or(who.AccountID, nameless)}
	case who.Type == "SAMLUser":
		name := cmp.Or(who.UserName, who.PrincipalID, nameless)
		c = caller{"saml " + cmp.Or(asked.PrincipalARN, who.IdentityProvider) + " " + name, name + " (SAML)"}
		if provider := aws.NameOf(asked.PrincipalARN); provider != "" {
			c.words = name + " (SAML " + provider + ")"
		}
	case who.Type == "WebIdentityUser":
		issuer, _, _ := strings.Cut(who.PrincipalID, ":sub:")
		subject := cmp.Or(who.UserName, userName, who.PrincipalID, nameless)
		provider := cmp.Or(who.IdentityProvider, r.ResponseElements.Provider, issuer)
		c = caller{"web " + provider + " " + steadySubject(subject, provider), webIdentityWords(subject, provider)}
	case who.Type == "FederatedUser":
		c = caller{
			who.Type + " " + cmp.Or(who.ARN, who.PrincipalID, nameless),
			"federated user " + cmp.Or(aws.NameOf(who.ARN), who.PrincipalID, nameless) + in,
		}
	default:
		name := cmp.Or(who.ARN, who.PrincipalID, who.UserName, who.InvokedBy, userName, nameless)
		c = caller{strings.TrimSpace(who.Type + " " + name), strings.TrimSpace(who.Type + " " + name)}
		if who.Type == "" {
			c.words = cmp.Or(userName, name)
		}
	}
	if s.Tags != "" {
		c.words += " [" + s.Tags + "]"
	}
	if by := who.InvokedByDelegate.AccountID; by != "" {
		c.words += ", by account " + by + " through a temporary delegation"
	}
	return caller{clip(c.id, mostText), clip(c.words, mostText)}
}

// Identified reports whether CallerID is one caller: nothing of it is cut off or not known, and it
// is more than the service that opened the session.
func (s Session) Identified() bool {
	parts := strings.Fields(s.CallerID)
	n := len(parts)
	return n > 1 && parts[0] != nameless && parts[n-1] != nameless && !strings.HasSuffix(parts[n-1], "…") &&
		(parts[0] != "service" || n > 2 && parts[n-1] != ownLambda)
}

// ownLambda stands for the names that Lambda gives to sessions of any function.
const ownLambda = "awslambda"

// idOf is the mark of a principal of which only the ARN is known: of a role session the role's.
func idOf(arn string) string {
	role, _ := assumed(arn)
	return cmp.Or(role, arn)
}

// instanceName is the name of a session that an instance has of its role.
var instanceName = regexp.MustCompile(`^m?i-[0-9a-f]{8,17}$`)

func roleCaller(r record, id, arn string) caller {
	who := r.UserIdentity
	role, session := assumed(arn)
	if role = aws.NameOf(role); role == "" {
		_, session, _ = strings.Cut(who.PrincipalID, ":")
	}
	switch person := who.SessionContext.SourceIdentity; {
	case strings.HasPrefix(role, aws.IdentityCenterPrefix), instanceName.MatchString(session):
		id += " " + session
	case person != "":
		id += " " + person
	}
	if role == "" {
		return caller{id: id}
	}
	return caller{id, "role " + role + " (session " + session + ")"}
}

// serviceCaller says for what an AWS service opened a session. EKS tells it by tags.
func serviceCaller(service, session string, asked requestRecord) caller {
	tag := map[string]string{}
	for _, t := range asked.Tags {
		tag[t.Key] = t.Value
	}
	c := caller{"service " + service, "the service " + service}
	known, ok := services[strings.TrimSuffix(service, ".amazonaws.com")]
	if ok && session != "" {
		c.words = known.words + " " + session
	}
	switch account := tag["kubernetes-service-account"]; {
	case account != "":
		cluster, pod := cmp.Or(tag["eks-cluster-arn"], tag["eks-cluster-name"]), tag["kubernetes-pod-name"]
		c.id += " " + strings.Join([]string{cluster, tag["kubernetes-namespace"], account, workload(pod)}, " ")
		c.words = "EKS pod " + cmp.Or(pod, session)
	case service == "pods.eks.amazonaws.com":
		c.id += " " + workload(runMark.ReplaceAllString(session, ""))
	case strings.HasPrefix(session, ownLambda+"_"):
		c.id += " " + ownLambda // awslambda_<n>_<yyyymmddhhmmssmmm>
	case known.identifies:
		c.id += " " + session
	}
	return c
}

var (
	// runMark is a mark that is another one for every run: a UUID, a commit, a number.
	runMark = regexp.MustCompile(`\{?\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b\}?`)
	commit  = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	number  = regexp.MustCompile(`^[0-9]+$`)
	// ofRun are the names of marks of a run in the subjects of identity tokens.
	ofRun = regexp.MustCompile(
		`(?i)^(build|commit|sha|step|job|run|pipeline|execution|attempt)(_?(id|number|uuid|sha|attempt))?$`)
	// podMarks end the names of pods: the hash of a template or the minute of a job, and five
	// characters of an alphabet without vowels (Kubernetes, "SafeEncodeString").
	podMarks = regexp.MustCompile(`(-[0-9a-f]{6,10}|-[0-9]{8,})?-[bcdfghjklmnpqrstvwxz2456789]{5}$`)
)

// workload is what a pod belongs to: app-7d9f8b6c5d-x2k4q is one of app.
func workload(pod string) string { return podMarks.ReplaceAllString(strings.TrimSuffix(pod, "-"), "") }

// steadySubject is the subject of an identity token without what changes with every run: a build
// number, a commit, the id of a step, which ends the subjects of Bitbucket.
func steadySubject(subject, provider string) string {
	parts := strings.Split(subject, ":")
	for i, part := range parts {
		id := runMark.MatchString(part) || number.MatchString(part)
		switch {
		case commit.MatchString(part),
			id && i > 0 && ofRun.MatchString(parts[i-1]),
			id && i > 0 && i == len(parts)-1 && strings.Contains(provider, "bitbucket.org"):
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ":")
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
