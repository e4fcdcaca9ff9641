package role

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// attempts are all the calls that the stand-in knows, each on a role.
func (b *bench) attempts(cred aws.Credential) map[string]func(ctx context.Context, role standin.Role) error {
	config := b.SDK(standin.AccessKey{})
	config.Credentials = cred
	config.Region = "us-east-1"
	i, s, c := iam.NewFromConfig(config), sts.NewFromConfig(config), cloudtrail.NewFromConfig(config)
	name, document := awssdk.String(policyName), awssdk.String(consoleForm)
	lock := awssdk.String(b.Prod.DenyAllARN())
	all := map[string]func(context.Context, standin.Role) error{
		"iam:GetRole": func(ctx context.Context, r standin.Role) error {
			_, err := i.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.Name})
			return err
		},
		"iam:ListRoles": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListRoles(ctx, &iam.ListRolesInput{})
			return err
		},
		"iam:ListRolePolicies": func(ctx context.Context, r standin.Role) error {
			_, err := i.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &r.Name})
			return err
		},
		"iam:GetRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &r.Name, PolicyName: name})
			return err
		},
		"iam:PutRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
				RoleName: &r.Name, PolicyName: name, PolicyDocument: document,
			})
			return err
		},
		"iam:DeleteRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &r.Name, PolicyName: name})
			return err
		},
		"iam:ListAttachedRolePolicies": func(ctx context.Context, r standin.Role) error {
			_, err := i.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &r.Name})
			return err
		},
		"iam:ListInstanceProfilesForRole": func(ctx context.Context, r standin.Role) error {
			_, err := i.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: &r.Name})
			return err
		},
		"iam:ListRoleTags": func(ctx context.Context, r standin.Role) error {
			_, err := i.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: &r.Name})
			return err
		},
		"iam:SimulatePrincipalPolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: &r.ARN, ActionNames: []string{"s3:GetObject"},
			})
			return err
		},
		"iam:AttachRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &r.Name, PolicyArn: lock})
			return err
		},
		"iam:DetachRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &r.Name, PolicyArn: lock})
			return err
		},
		"iam:UpdateAssumeRolePolicy": func(ctx context.Context, r standin.Role) error {
			_, err := i.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
				RoleName: &r.Name, PolicyDocument: awssdk.String(awsbench.TrustEC2),
			})
			return err
		},
		"iam:TagRole": func(ctx context.Context, r standin.Role) error {
			_, err := i.TagRole(ctx, &iam.TagRoleInput{
				RoleName: &r.Name, Tags: []types.Tag{{Key: awssdk.String("a"), Value: awssdk.String("b")}},
			})
			return err
		},
		"iam:CreateRole": func(ctx context.Context, r standin.Role) error {
			_, err := i.CreateRole(ctx, &iam.CreateRoleInput{
				RoleName: awssdk.String(r.Name + "2"), Path: &r.Path, AssumeRolePolicyDocument: awssdk.String(awsbench.TrustEC2),
			})
			return err
		},
		"iam:DeleteRole": func(ctx context.Context, r standin.Role) error {
			_, err := i.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &r.Name})
			return err
		},
		"iam:GetUser": func(ctx context.Context, _ standin.Role) error {
			_, err := i.GetUser(ctx, &iam.GetUserInput{UserName: awssdk.String("eve")})
			return err
		},
		"iam:ListUsers": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListUsers(ctx, &iam.ListUsersInput{})
			return err
		},
		"iam:CreateUser": func(ctx context.Context, _ standin.Role) error {
			_, err := i.CreateUser(ctx, &iam.CreateUserInput{UserName: awssdk.String("mallory")})
			return err
		},
		"iam:CreateAccessKey": func(ctx context.Context, _ standin.Role) error {
			_, err := i.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: awssdk.String("eve")})
			return err
		},
		"iam:ListAccountAliases": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
			return err
		},
		"sts:AssumeRole": func(ctx context.Context, r standin.Role) error {
			_, err := s.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &r.ARN, RoleSessionName: awssdk.String("onward")})
			return err
		},
		"sts:GetCallerIdentity": func(ctx context.Context, _ standin.Role) error {
			_, err := s.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		},
		"cloudtrail:LookupEvents": func(ctx context.Context, _ standin.Role) error {
			_, err := c.LookupEvents(ctx, &cloudtrail.LookupEventsInput{})
			return err
		},
	}
	maps.Copy(all, b.userAttempts(i, s))
	return all
}

// userAttempts are those on the user eve.
func (b *bench) userAttempts(i *iam.Client, s *sts.Client) map[string]func(context.Context, standin.Role) error {
	name, document := awssdk.String(policyName), awssdk.String(consoleForm)
	eve, key := awssdk.String("eve"), awssdk.String("AKIAAAAAAAAAAAAAAAAA")
	return map[string]func(context.Context, standin.Role) error{
		"iam:ListAccessKeys": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: eve})
			return err
		},
		"iam:UpdateAccessKey": func(ctx context.Context, _ standin.Role) error {
			_, err := i.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
				UserName: eve, AccessKeyId: key, Status: types.StatusTypeInactive,
			})
			return err
		},
		"iam:DeleteAccessKey": func(ctx context.Context, _ standin.Role) error {
			_, err := i.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: eve, AccessKeyId: key})
			return err
		},
		"iam:GetAccessKeyLastUsed": func(ctx context.Context, _ standin.Role) error {
			_, err := i.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key})
			return err
		},
		"iam:GetLoginProfile": func(ctx context.Context, _ standin.Role) error {
			_, err := i.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: eve})
			return err
		},
		"iam:ListUserPolicies": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: eve})
			return err
		},
		"iam:ListAttachedUserPolicies": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: eve})
			return err
		},
		"iam:ListGroupsForUser": func(ctx context.Context, _ standin.Role) error {
			_, err := i.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: eve})
			return err
		},
		"iam:GetUserPolicy": func(ctx context.Context, _ standin.Role) error {
			_, err := i.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: eve, PolicyName: name})
			return err
		},
		"iam:PutUserPolicy": func(ctx context.Context, _ standin.Role) error {
			_, err := i.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: eve, PolicyName: name, PolicyDocument: document})
			return err
		},
		"iam:DeleteUserPolicy": func(ctx context.Context, _ standin.Role) error {
			_, err := i.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: eve, PolicyName: name})
			return err
		},
		"sts:GetAccessKeyInfo": func(ctx context.Context, _ standin.Role) error {
			_, err := s.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: key})
			return err
		},
		"sts:GetSessionToken": func(ctx context.Context, _ standin.Role) error {
			_, err := s.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
			return err
		},
		"sts:GetFederationToken": func(ctx context.Context, _ standin.Role) error {
			_, err := s.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: eve})
			return err
		},
	}
}

// Rule 12. The spoke's role may do everything here, so that only the session policy stands
// between the session and the account; roles whose paths hold wildcards and variables are among
// those it is opened for.
func TestTheSessionOfARequestIsDeniedEveryOtherRoleAndEveryOtherAction(t *testing.T) {
	trustAll := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + awsbench.ProdID +
		`"]},"Action":"sts:AssumeRole"}]}`
	for _, c := range []struct {
		what string
		mode Mode
		own  []string // what it may do on its role
	}{
		{"revoke", Do, []string{"iam:GetRole", "iam:PutRolePolicy", "iam:GetRolePolicy"}},
		{"undo", Undo, []string{"iam:GetRole", "iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"}},
		{"read", Do, nil},
	} {
		for _, path := range []string{"/", "/o*s/", "/op?/", "/${*}/", "/${aws:PrincipalAccount}/", "/*/"} {
			t.Run(c.what+" "+path, func(t *testing.T) {
				onBench(t, func(in *standin.Config, _ *aws.Config) { in.LookupRate = -1 }, func(t *testing.T, b *bench) {
					if err := b.Prod.PutRolePolicy("revokebot-spoke", "all", awsbench.MayAll); err != nil {
						t.Fatal(err)
					}
					b.Prod.AddUser(standin.UserSpec{Name: "eve"})
					mine := b.Role(standin.RoleSpec{Path: path, Trust: trustAll})
					others := []standin.Role{}
					for name, path := range map[string]string{
						"Deploy2": path, "Other": "/ops/", "Root": "/", "Account": "/" + awsbench.ProdID + "/", "Star": "/*/",
						"Deeper": path + "x/",
					} {
						if path == "//x/" {
							path = "/x/"
						}
						others = append(others, b.Role(standin.RoleSpec{Name: name, Path: path, Trust: trustAll}))
					}
					spoke, _ := b.Prod.Role("revokebot-spoke")
					others = append(others, spoke)

					a := b.Conn("prod")
					var cred aws.Credential
					var err error
					if c.what == "read" {
						cred, err = a.Reader(t.Context())
					} else {
						cred, err = a.Open(t.Context(), aws.Grant{
							Request: "req-1", Requester: "U0ALICE", Approvers: []string{"U0BOB"}, Policy: sessionOf(c.mode, mine.ARN),
						})
					}
					if err != nil {
						t.Fatal(err)
					}
					attempts := b.attempts(cred)
					if diff := cmp.Diff(standin.Actions(), slices.Sorted(maps.Keys(attempts))); diff != "" {
						t.Fatalf("not all of the stand-in is tried (-stand-in +tried):\n%s", diff)
					}
					reads := []string{
						"iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:ListRoles",
						"iam:SimulatePrincipalPolicy", "iam:ListInstanceProfilesForRole", "cloudtrail:LookupEvents",
					}
					try := func(action string, role standin.Role, may bool) {
						err := attempts[action](t.Context(), role)
						denied := err != nil && errors.Is(aws.NewCallError("", "", err), aws.ErrAccessDenied)
						if denied == may {
							t.Errorf("%s on %s: %v", action, role.ARN, err)
						}
					}
					for action := range attempts {
						always := action == "sts:GetCallerIdentity" || c.what == "read" && slices.Contains(reads, action)
						for _, other := range others {
							try(action, other, always)
						}
						if action != "iam:DeleteRolePolicy" {
							try(action, mine, always || slices.Contains(c.own, action))
						}
					}
					try("iam:DeleteRolePolicy", mine, slices.Contains(c.own, "iam:DeleteRolePolicy"))
				})
			})
		}
	}
}
