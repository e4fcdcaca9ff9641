package actors

import (
	"encoding/json"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/deploy"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// The accounts, and the role of the story.
const (
	ProdID      = "111122223333"
	StagingID   = "444455556666"
	DeployRole  = "DeployRole"
	ExternalID  = "sandbox-external-id" // which the bot's roles ask for
	spokeRole   = "revokebot-spoke"
	spokePolicy = "revoke-sessions" // of that role: what it may do
	usersRole   = "revokebot-users"
	trustRole   = "revokebot-trust"
	RivalUser   = "shop-migration"
)

// World is what SeedAWS made: the accounts, and the credentials of those who call them.
type World struct {
	Prod, Staging *standin.Account
	// Role is the ARN of the role whose session is stolen.
	Role string
	// CI is the long-term key of user ci-deploy, who may assume DeployRole of both accounts. Bot is
	// that of user revokebot, who may assume the role in Spokes of each account, with ExternalID.
	CI, Bot standin.AccessKey
	// Rival is the long-term key of user shop-migration, left over from a project, who may write
	// inline policies of Role. Admin is that of user kim, who administers IAM.
	Rival, Admin standin.AccessKey
	// Spokes are the ARNs of the bot's role by the account's name ("prod", "staging"), Users those of
	// its role for users, Trusts those of its role for trust policies.
	Spokes, Users, Trusts map[string]string
}

// BotARN is who the bot is.
func (World) BotARN() string { return "arn:aws:iam::" + ProdID + ":user/revokebot" }

// Key is the CI user's key in the SDK's form.
func (w World) Key() awssdk.Credentials { return inSDK(w.CI) }

// RivalKey is Rival's key in the SDK's form.
func (w World) RivalKey() awssdk.Credentials { return inSDK(w.Rival) }

// ConsoleKey is Admin's key in the SDK's form.
func (w World) ConsoleKey() awssdk.Credentials { return inSDK(w.Admin) }

func inSDK(k standin.AccessKey) awssdk.Credentials {
	return awssdk.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey}
}

// SeedAWS fills a stand-in with two accounts: roles of every kind that the bot has to tell apart,
// and a day on which people, build jobs and functions assumed them, so that CloudTrail has
// something to say. The bot's own roles have the policies of package deploy, as an operator would
// attach them. The earlier sessions are issued by the stand-in as all others are, with its clock
// set back for as long as that takes; nobody else may use the server meanwhile.
func SeedAWS(server *standin.Server) (World, error) {
	w := World{
		Prod:    server.AddAccount(ProdID, ""),
		Staging: server.AddAccount(StagingID, ""),
		Spokes:  map[string]string{},
		Users:   map[string]string{},
		Trusts:  map[string]string{},
	}
	w.Prod.SetAlias("acme-prod")
	w.Staging.SetAlias("acme-staging")

	var err error
	if w.CI, err = w.Prod.NewUser(standin.UserSpec{Name: "ci-deploy", Path: "/ci/", Policies: map[string]string{
		"assume": allow([]string{"sts:AssumeRole"}, "arn:aws:iam::*:role/"+DeployRole),
	}}); err != nil {
		return World{}, fmt.Errorf("seed user ci-deploy: %w", err)
	}
	if w.Bot, err = w.Prod.NewUser(standin.UserSpec{Name: "revokebot", Policies: map[string]string{
		"open-spokes": deploy.HubPolicy,
	}}); err != nil {
		return World{}, fmt.Errorf("seed user revokebot: %w", err)
	}
	if w.Rival, err = w.Prod.NewUser(standin.UserSpec{Name: RivalUser, Path: "/ci/", Policies: map[string]string{
		"migrate": allow([]string{"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"},
			"arn:aws:iam::"+ProdID+":role/"+DeployRole),
	}}); err != nil {
		return World{}, fmt.Errorf("seed user %s: %w", RivalUser, err)
	}
	if w.Admin, err = w.Prod.NewUser(standin.UserSpec{Name: "kim", Path: "/people/", Policies: map[string]string{
		"administer": allow([]string{"iam:*"}, "*"),
	}}); err != nil {
		return World{}, fmt.Errorf("seed user kim: %w", err)
	}
	now := server.Now()
	for name, account := range map[string]*standin.Account{"prod": w.Prod, "staging": w.Staging} {
		for _, spec := range roles(account.ID(), now) {
			r, err := account.NewRole(spec)
			if err != nil {
				return World{}, fmt.Errorf("seed role %s/%s: %w", name, spec.Name, err)
			}
			switch {
			case spec.Name == spokeRole:
				w.Spokes[name] = r.ARN
			case spec.Name == usersRole:
				w.Users[name] = r.ARN
			case spec.Name == trustRole:
				w.Trusts[name] = r.ARN
			case spec.Name == DeployRole && name == "prod":
				w.Role = r.ARN
			}
		}
	}
	if err := live(server, w.Prod); err != nil {
		return World{}, err
	}
	if err := liveInStaging(server, w.Staging); err != nil {
		return World{}, err
	}
	return w, nil
}

// roles are those of an account. now is AWS's clock: the dates are relative to it.
func roles(account string, now time.Time) []standin.RoleSpec {
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	pipelines := policyOf(
		statement([]string{
			"sts:AssumeRole",
		}, map[string]any{"AWS": "arn:aws:iam::" + ProdID + ":user/ci/ci-deploy", "Service": "lambda.amazonaws.com"}, nil),
		statement([]string{
			"sts:AssumeRoleWithSAML",
		}, map[string]any{"Federated": "arn:aws:iam::" + account + ":saml-provider/Okta"},
			map[string]any{"StringEquals": map[string]any{"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
		statement([]string{
			"sts:AssumeRoleWithWebIdentity",
		}, map[string]any{"Federated": "arn:aws:iam::" + account + ":oidc-provider/token.actions.githubusercontent.com"},
			map[string]any{"StringLike": map[string]any{"token.actions.githubusercontent.com:sub": "repo:acme/shop:*"}}),
	)
	read := map[string]string{"read": allow([]string{"iam:List*", "iam:Get*"}, "*")}
	work := func(statements ...map[string]any) map[string]string {
		return map[string]string{"read": read["read"], "work": policyOf(statements...)}
	}
	may := func(resource string, actions ...string) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": actions, "Resource": resource}
	}
	// What the story's role may do besides reading, more of it than a deployment needs.
	ship := work(
		may("*", "cloudformation:*", "ecr:GetAuthorizationToken", "ecs:*", "ec2:Describe*", "lambda:ListFunctions", "logs:*",
			"s3:ListAllMyBuckets", "secretsmanager:ListSecrets"),
		may("arn:aws:secretsmanager:*:"+account+":secret:shop/*", "secretsmanager:GetSecretValue"),
		may("arn:aws:iam::"+account+":user/ci/*", "iam:CreateAccessKey"),
		may("arn:aws:iam::"+account+":role/ops/NightlyBackup", "sts:AssumeRole"),
	)
	secrets := may("arn:aws:secretsmanager:*:"+account+":secret:shop/*", "secretsmanager:GetSecretValue")
	copyData := work(may("*", "rds:*Snapshot*", "ec2:DescribeSnapshots", "s3:ListAllMyBuckets"))
	function := work(may("*", "logs:CreateLogStream"), secrets)
	instance := work(may("*", "ssm:GetParameters"), secrets)
	list := []standin.RoleSpec{
		{
			Name: DeployRole, Description: "Deploys the shop", Trust: pipelines, Policies: ship, MaxSession: 12 * time.Hour,
			Created: ago(612), LastUsed: now.Add(-20 * time.Minute), LastUsedRegion: "us-east-1",
			Tags: map[string]string{"team": "shop"},
		},
		{
			Name: spokeRole, Description: "Lets revokebot end sessions in this account", Created: ago(90),
			Trust: deploy.SpokeTrustPolicy(World{}.BotARN(), ExternalID),
			Policies: map[string]string{
				spokePolicy: deploy.IAMPolicy, "named-sessions": deploy.NamedPolicy, "undo": deploy.UndoPolicy,
				"lock": deploy.LockPolicy, "unlock": deploy.UnlockPolicy,
			},
		},
		{
			Name: usersRole, Description: "Lets revokebot contain leaked access keys of this account's users", Created: ago(30),
			Trust:    deploy.SpokeTrustPolicy(World{}.BotARN(), ExternalID),
			Policies: map[string]string{"contain-keys": deploy.UsersPolicy, "undo": deploy.UsersUndoPolicy},
		},
		{
			Name: trustRole, Description: "Lets revokebot stop new sessions of this account's roles", Created: ago(30),
			Trust:    deploy.SpokeTrustPolicy(World{}.BotARN(), ExternalID),
			Policies: map[string]string{"change-trust": deploy.TrustPolicy},
		},
	}
	if account != ProdID {
		return list
	}
	return append(
		list,
		standin.RoleSpec{
			Name: "NightlyBackup", Path: "/ops/", Description: "Copies the databases at night", Created: ago(401),
			Policies: copyData,
			Trust:    trust([]string{"sts:AssumeRole"}, map[string]any{"AWS": "arn:aws:iam::" + account + ":root"}, nil),
			Tags:     map[string]string{"team": "ops"},
		},
		standin.RoleSpec{
			Name: "orders-fn-role", Path: "/service-role/", Description: "Runs the function orders-fn", Created: ago(220),
			Policies: function,
			Trust:    service("lambda.amazonaws.com"), LastUsed: now.Add(-2 * time.Minute), LastUsedRegion: "eu-west-1",
		},
		standin.RoleSpec{
			Name: "web-instance", Description: "Web servers", Created: ago(730), Policies: instance,
			Trust:            service("ec2.amazonaws.com"),
			InstanceProfiles: []string{"web-instance"}, LastUsed: now.Add(-time.Minute), LastUsedRegion: "eu-west-1",
		},
		standin.RoleSpec{
			Name: "AWSServiceRoleForElasticLoadBalancing", Path: "/aws-service-role/elasticloadbalancing.amazonaws.com/",
			Description: "Allows ELB to call AWS services on your behalf", Created: ago(730),
			Trust: service("elasticloadbalancing.amazonaws.com"),
		},
		standin.RoleSpec{
			Name: "AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b", Path: "/aws-reserved/sso.amazonaws.com/eu-west-1/",
			Created:    ago(500),
			MaxSession: 12 * time.Hour,
			Trust: trust([]string{
				"sts:AssumeRoleWithSAML",
			}, map[string]any{"Federated": "arn:aws:iam::" + account + ":saml-provider/AWSSSO_0a1b2c3d4e5f6a7b_DO_NOT_DELETE"},
				map[string]any{"StringEquals": map[string]any{"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
		},
		standin.RoleSpec{
			Name: "break-glass-admin", Description: "For the day on which nothing else works", Created: ago(730),
			Policies: map[string]string{"all": allow([]string{"*"}, "*")},
			Trust:    trust([]string{"sts:AssumeRole"}, map[string]any{"AWS": "arn:aws:iam::" + account + ":root"}, nil),
			Tags:     map[string]string{"break-glass": "true"},
		},
	)
}

// live lets the earlier hours of the day happen in an account.
func live(server *standin.Server, a *standin.Account) error {
	offset := time.Until(server.Now()).Round(time.Second)
	defer server.SetClockOffset(offset)
	at := func(ago time.Duration, happen func() (standin.AccessKey, error)) error {
		server.SetClockOffset(offset - ago)
		_, err := happen()
		return err
	}
	github := func(run string) func() (standin.AccessKey, error) {
		return func() (standin.AccessKey, error) {
			return a.WebIdentitySession(DeployRole, standin.WebIdentitySpec{
				Provider: "token.actions.githubusercontent.com", Subject: "repo:acme/shop:ref:refs/heads/main",
				SessionName: "github-" + run,
				Region:      "us-east-1", SourceIP: "192.0.2.44", UserAgent: "aws-sdk-nodejs/3.940.0",
			})
		}
	}
	person := func(name, region, address string) func() (standin.AccessKey, error) {
		return func() (standin.AccessKey, error) {
			return a.SAMLSession(DeployRole, standin.SAMLSpec{
				Provider: "Okta", User: name + "@acme.example", SourceIdentity: name, Region: region, Duration: 8 * time.Hour,
				SourceIP:  address,
				UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
			})
		}
	}
	function := func(role, name, region string) func() (standin.AccessKey, error) {
		return func() (standin.AccessKey, error) { return a.ServiceSession(role, "lambda.amazonaws.com", name, region) }
	}
	for _, event := range []struct {
		ago    time.Duration
		happen func() (standin.AccessKey, error)
	}{
		{10*time.Hour + 4*time.Minute, github("18211")},
		{8*time.Hour + 41*time.Minute, person("rosa", "eu-west-1", "198.51.100.71")},
		{7*time.Hour + 12*time.Minute, function(DeployRole, "release-notes", "eu-west-1")},
		{6*time.Hour + 50*time.Minute, func() (standin.AccessKey, error) {
			return a.ServiceSession("web-instance", "ec2.amazonaws.com", "i-0c0ffee0c0ffee001", "eu-west-1")
		}},
		{5*time.Hour + 33*time.Minute, github("18214")},
		{3*time.Hour + 8*time.Minute, function("orders-fn-role", "orders-fn", "eu-west-1")},
		{2*time.Hour + 26*time.Minute, github("18219")},
		{1*time.Hour + 17*time.Minute, person("tomas", "us-east-1", "198.51.100.88")},
		{38 * time.Minute, function(DeployRole, "release-notes", "eu-west-1")},
		{19 * time.Minute, github("18220")},
	} {
		if err := at(event.ago, event.happen); err != nil {
			return fmt.Errorf("seed the day of account %s: %w", a.ID(), err)
		}
	}
	return nil
}

func service(name string) string {
	return trust([]string{"sts:AssumeRole"}, map[string]any{"Service": name}, nil)
}

func trust(actions []string, principal, condition map[string]any) string {
	return policyOf(statement(actions, principal, condition))
}

func statement(actions []string, principal, condition map[string]any) map[string]any {
	s := map[string]any{"Effect": "Allow", "Action": actions, "Principal": principal}
	if condition != nil {
		s["Condition"] = condition
	}
	return s
}

func allow(actions []string, resource string) string {
	return policyOf(map[string]any{"Effect": "Allow", "Action": actions, "Resource": resource})
}

func policyOf(statements ...map[string]any) string {
	// Maps of strings always marshal.
	raw, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return string(raw)
}
