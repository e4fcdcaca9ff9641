package role

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

const (
	usersRole = "arn:aws:iam::" + awsbench.ProdID + ":role/revokebot-users"
	mayUsers  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser","iam:GetUserPolicy",` +
		`"iam:ListUserPolicies","iam:ListAttachedUserPolicies","iam:ListGroupsForUser","iam:ListAccessKeys",` +
		`"iam:GetAccessKeyLastUsed","iam:GetLoginProfile","iam:SimulatePrincipalPolicy","iam:UpdateAccessKey",` +
		`"iam:PutUserPolicy","iam:DeleteUserPolicy"],"Resource":"*"}]}`
	olderSessions = "RevokebotOlderSessions"
)

// onUsers is onBench with a role for users, and a user deployer with a key.
func onUsers(
	t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, b *bench, key standin.AccessKey),
) {
	t.Helper()
	onBench(t, func(in *standin.Config, c *aws.Config) {
		c.Accounts[0].UsersRole = usersRole
		if change != nil {
			change(in, c)
		}
	}, func(t *testing.T, b *bench) {
		b.Prod.AddRole(standin.RoleSpec{
			Name: "revokebot-users", Trust: awsbench.TrustHub, Policies: map[string]string{"users": mayUsers},
		})
		test(t, b, b.Prod.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/"}))
	})
}

func paramsOf(key string) json.RawMessage { return json.RawMessage(`{"key":"` + key + `"}`) }

// describeKey looks up the user of a key for the measure.
func (b *bench) describeKey(key string) (Role, error) {
	b.T.Helper()
	target, err := b.roles.KeyUser(b.T.Context(), "prod", key)
	if err != nil {
		return Role{}, err
	}
	return b.roles.Describe(b.T.Context(), target, contain.Key(), paramsOf(key))
}

// keyOrder is an approved request for a key.
func (b *bench) keyOrder(key string) Order {
	b.T.Helper()
	user, err := b.describeKey(key)
	if err != nil {
		b.T.Fatal(err)
	}
	return Order{
		Target:    contain.Target{Principal: user.Principal, Request: "req-1", Params: paramsOf(key)},
		Requester: "U0ALICE", Approvers: []string{"U0BOB"}, Measure: contain.Key(),
	}
}

func (b *bench) deployer() standin.User {
	b.T.Helper()
	u, ok := b.Prod.User("deployer")
	if !ok {
		b.T.Fatal("there is no user")
	}
	return u
}

func (b *bench) session(key standin.AccessKey) standin.AccessKey {
	b.T.Helper()
	out, err := sts.NewFromConfig(b.SDK(key)).GetSessionToken(b.T.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return standin.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	}
}

func TestAKeyIsMadeInactiveThenTheSessionsThatItMadeAreDenied(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		other := b.Prod.AddUser(standin.UserSpec{Name: "deployer"})
		o, l := b.keyOrder(key.AccessKeyID), &book{}
		if o.Principal.ARN != b.deployer().ARN || o.Principal.ID != b.deployer().UniqueID {
			t.Errorf("%+v", o.Principal)
		}
		before := len(b.Server.Calls(""))
		out, err := b.roles.Apply(t.Context(), nil, l.keeping(o))
		if err != nil || !out.Documents[0].ReadBack || !out.Documents[1].ReadBack || len(l.plans) != 2 {
			t.Fatalf("%+v, %v", out, err)
		}
		u := b.deployer()
		if u.Keys[key.AccessKeyID] != "Inactive" || u.Keys[other.AccessKeyID] != "Active" {
			t.Errorf("%+v", u.Keys)
		}
		cutoff := cutoffOf(contain.Document{
			Slot: contain.Slot{Kind: contain.RoleInline, Name: policyName}, Text: u.Policies[olderSessions],
		})
		if d := cutoff.Sub(out.Documents[0].At); d < 30*time.Second || d > 32*time.Second {
			t.Errorf("the cutoff is %v after the key was made inactive", d)
		}
		for _, c := range b.Server.Calls("")[before:] {
			if c.Service == "iam" && !strings.Contains(c.PrincipalARN, "assumed-role/revokebot-users/") {
				t.Errorf("%s is called by %s", c.Action, c.PrincipalARN)
			}
		}
		s, err := b.roles.Simulate(t.Context(), o, contain.Documents(l.all))
		if err != nil || !s.Proven {
			t.Errorf("%+v, %v", s, err)
		}
		o.Promised = l.all
		check, err := b.roles.Check(t.Context(), o)
		if err != nil || check.State != Held {
			t.Errorf("%+v, %v", check, err)
		}
		if err := b.Prod.SetKeyStatus("deployer", key.AccessKeyID, "Active"); err != nil {
			t.Fatal(err)
		}
		if check, err = b.roles.Check(t.Context(), o); err != nil || check.State != Weakened {
			t.Errorf("active again: %+v, %v", check, err)
		}
	})
}

func TestFromTheClickToTheInactiveKeyAreTwoRemoteSteps(t *testing.T) {
	onUsers(t, func(in *standin.Config, _ *aws.Config) { in.Latency = time.Second },
		func(t *testing.T, b *bench, key standin.AccessKey) {
			o := b.keyOrder(key.AccessKeyID)
			began := time.Now()
			if _, err := b.roles.Apply(t.Context(), nil, (&book{}).keeping(o)); err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Server.Calls("UpdateAccessKey") {
				if d := c.Ended.Sub(began); d != 2*time.Second {
					t.Errorf("the key is inactive after %v", d)
				}
			}
			for _, c := range b.Server.Calls("PutUserPolicy") {
				if d := c.Ended.Sub(began); d > 4*time.Second {
					t.Errorf("the policy is written after %v", d)
				}
			}
		})
}

func TestTheUndoOfAKeyTakesThePolicyAwayAndCannotTouchTheKey(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		o, l := b.keyOrder(key.AccessKeyID), &book{}
		if _, err := b.roles.Apply(t.Context(), nil, l.keeping(o)); err != nil {
			t.Fatal(err)
		}
		back := undo(o, l.all)
		back.Params = o.Params
		if p := back.sessionPolicy(); strings.Contains(p, "UpdateAccessKey") || !strings.Contains(p, "DeleteUserPolicy") {
			t.Error(p)
		}
		out, err := b.roles.Apply(t.Context(), nil, (&book{}).keeping(back))
		u := b.deployer()
		if err != nil || len(u.Policies) != 0 || u.Keys[key.AccessKeyID] != "Inactive" {
			t.Errorf("%+v, %+v, %v", out, u, err)
		}
		if n := len(b.Server.Calls("UpdateAccessKey")); n != 1 {
			t.Errorf("%d calls of UpdateAccessKey", n)
		}
	})
}

func TestTheSessionOfAKeyIsDeniedEveryOtherUserAndEveryOtherAction(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		if err := b.Prod.PutRolePolicy("revokebot-users", "users", awsbench.MayAll); err != nil {
			t.Fatal(err)
		}
		b.Prod.AddUser(standin.UserSpec{Name: "eve", Path: "/ci/"})
		o := b.keyOrder(key.AccessKeyID)
		p, err := b.roles.Prepare(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		config := b.SDK(standin.AccessKey{})
		config.Credentials, config.Region = p.cred, "us-east-1"
		i := iam.NewFromConfig(config)
		role := b.Role(standin.RoleSpec{})
		all := b.attempts(p.cred)
		for action, attempt := range all { // those on users are about eve
			err := attempt(t.Context(), role)
			if denied := errors.Is(aws.NewCallError("", "", err), aws.ErrAccessDenied); !denied &&
				action != "sts:GetCallerIdentity" {
				t.Errorf("%s: %v", action, err)
			}
		}
		name := awssdk.String("deployer")
		_, put := i.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
			UserName: name, PolicyName: awssdk.String("x"), PolicyDocument: awssdk.String(consoleForm),
		})
		_, off := i.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
			UserName: name, AccessKeyId: &key.AccessKeyID, Status: types.StatusTypeInactive,
		})
		_, remove := i.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{
			UserName: name, PolicyName: awssdk.String("x"),
		})
		if put != nil || off != nil || remove == nil {
			t.Errorf("on its own user: %v, %v, %v", put, off, remove)
		}
	})
}

func TestPeopleAreWarnedOfWhatElseAUserHas(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		quiet, err := b.describeKey(key.AccessKeyID)
		if err != nil {
			t.Fatal(err)
		}
		sameWarnings(t, quiet.Warnings, []string{"does not end sessions that the key of prod/deployer opened in roles"})
		b.Prod.AddGroup(standin.GroupSpec{Name: "admins", Policies: map[string]string{"all": awsbench.MayAll}})
		second := b.Prod.AddUser(standin.UserSpec{
			Name: "deployer", Groups: []string{"admins"}, Password: true, Managed: map[string]string{
				"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny",` +
					`"Action":"ec2:RunInstances","Resource":"*"}]}`,
			},
		})
		if err := b.Prod.SetKeyStatus("deployer", key.AccessKeyID, "Inactive"); err != nil {
			t.Fatal(err)
		}
		b.session(second)
		user, err := b.describeKey(key.AccessKeyID)
		if err != nil {
			t.Fatal(err)
		}
		sameWarnings(t, user.Warnings, []string{
			"does not end sessions that the key of prod/deployer opened in roles",
			"prod/deployer has another active access key, " + second.AccessKeyID,
			"prod/deployer has a console password",
			`attached "AWSCompromisedKeyQuarantineV3"`,
			"The access key " + key.AccessKeyID + " of prod/deployer is inactive already.",
			`prod/deployer can write IAM, perhaps by its groups ("admins")`,
		})
		if used, err := b.describeKey(second.AccessKeyID); err != nil ||
			!strings.Contains(strings.Join(used.Warnings, " "), `with "sts" in "eu-central-1"`) {
			t.Errorf("%v, %v", used.Warnings, err)
		}
	})
}

func TestAUserThatMustNotBeTouchedIsRefusedWhenAskedFor(t *testing.T) {
	onUsers(t, func(_ *standin.Config, c *aws.Config) { c.ProtectedUsers = []string{"*:user/break-glass*"} },
		func(t *testing.T, b *bench, key standin.AccessKey) {
			guarded := b.Prod.AddUser(standin.UserSpec{Name: "break-glass-1"})
			full := b.Prod.AddUser(standin.UserSpec{Name: "full", Policies: map[string]string{
				"big": strings.Replace(awsbench.MayAll, `"*"}]`, `"arn:aws:s3:::`+strings.Repeat("x", 1900)+`"}]`, 1),
			}})
			foreign := b.Dev.AddUser(standin.UserSpec{Name: "foreign"})
			for id, want := range map[string]string{
				guarded.AccessKeyID: `prod/break-glass-1 is protected by the configuration ("*:user/break-glass*").`,
				full.AccessKeyID:    "The inline policies of prod/full leave no room for the revocation policy: ",
				foreign.AccessKeyID: `No user in prod has access key "` + foreign.AccessKeyID + `": it was deleted, or it is`,
			} {
				if _, err := b.describeKey(id); !strings.HasPrefix(aws.Explain(err), want) {
					t.Errorf("%v\nwant %s", aws.Explain(err), want)
				}
			}
			arn := b.deployer().ARN
			err := b.roles.Refuse(arn, Role{Principal: contain.Principal{Kind: contain.User, ARN: arn}})
			if !refusedFor(err, "revokebot itself works with") {
				t.Errorf("the bot's own user: %v", err)
			}
			users := Role{Principal: contain.Principal{
				Kind: contain.Role, AccountID: awsbench.ProdID, Name: "revokebot-users", ARN: usersRole,
			}}
			if err := b.roles.Refuse("", users); !refusedFor(err, "lock revokebot out") {
				t.Errorf("the role for users is not its own: %v", err)
			}
			a, err := b.Cloud.Conn("prod")
			session := "arn:aws:sts::" + awsbench.ProdID + ":assumed-role/revokebot-users/req-1"
			if err != nil || !a.IsOwn("", session) {
				t.Errorf("what the role for users does is not the bot's own: %v", err)
			}
			b.Server.Inject(standin.Fault{Action: "GetAccessKeyLastUsed", Code: "Throttling", Times: 3})
			if _, err := b.roles.KeyUser(t.Context(), "prod", key.AccessKeyID); !errors.Is(err, aws.ErrThrottled) {
				t.Errorf("throttled: %v", err)
			}
			target, err := b.roles.KeyUser(t.Context(), "home", key.AccessKeyID)
			if want := "Account home has no users_role in the configuration"; !strings.HasPrefix(aws.Explain(err), want) {
				t.Errorf("%+v, %v", target, err)
			}
		})
}

// Rule 7: another user of the same name is not the one that was approved.
func TestIfTheUserBehindTheNameIsNotTheOneThatWasShownTheApprovalIsVoid(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		o := b.keyOrder(key.AccessKeyID)
		if err := b.Prod.DeleteUser("deployer"); err != nil {
			t.Fatal(err)
		}
		_, err := b.roles.Apply(t.Context(), nil, (&book{}).keeping(o))
		if want := "No such user in account prod."; !strings.HasPrefix(aws.Explain(err), want) {
			t.Errorf("deleted: %v", err)
		}
		b.Prod.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/"})
		_, err = b.roles.Apply(t.Context(), nil, (&book{}).keeping(o))
		if want := "The user in account prod was recreated"; !errors.Is(err, aws.ErrRoleChanged) ||
			!strings.HasPrefix(aws.Explain(err), want) {
			t.Errorf("made again: %v", err)
		}
		if n := len(b.Server.Calls("UpdateAccessKey")); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// The bot is killed between the two writes, or the first answer is lost: the next try does the
// rest.
func TestATryAfterACrashFindsTheKeyInactiveAndDeniesTheSessions(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		o, l := b.keyOrder(key.AccessKeyID), &book{}
		ctx, kill := context.WithCancel(t.Context())
		kept := l.keeping(o)
		promise := kept.Promise
		kept.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) {
			if p.Slot.Kind == contain.UserInline {
				kill()
				return nil, context.Canceled
			}
			return promise(ctx, p)
		}
		if _, err := b.roles.Apply(ctx, nil, kept); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		u := b.deployer()
		if u.Keys[key.AccessKeyID] != "Inactive" || len(u.Policies) != 0 {
			t.Fatalf("%+v", u)
		}
		out, err := b.roles.Apply(t.Context(), nil, l.keeping(o))
		if err != nil || !out.Documents[0].AlreadyThere || !out.Documents[1].ReadBack || len(b.deployer().Policies) != 1 {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestAKeyThatIsDeletedOnTheWayIsContained(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		o := b.keyOrder(key.AccessKeyID)
		gone := promising(o, func(p Plan) error {
			if p.Slot.Kind == contain.KeyStatus {
				return b.Prod.DeleteAccessKey("deployer", key.AccessKeyID)
			}
			return nil
		})
		out, err := b.roles.Apply(t.Context(), nil, gone)
		if err != nil || !out.Documents[0].ReadBack || !out.Documents[1].ReadBack {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// An attacker who may rename users takes one away from under its name. Its keys and sessions live
// on.
func TestNoUserThatWasRenamedIsTakenForGoneOrReplaced(t *testing.T) {
	rename := func(b *bench, to string) error { return b.Prod.RenameUser("deployer", to) }
	for name, moved := range map[string]func(*bench) error{
		"renamed": func(b *bench) error { return rename(b, "releaser") },
		"another has the name": func(b *bench) error {
			err := rename(b, "releaser")
			b.Prod.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/"})
			return err
		},
		"another path": func(b *bench) error { return b.Prod.MoveUser("deployer", "/elsewhere/") },
	} {
		t.Run(name, func(t *testing.T) {
			onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
				o, l := b.keyOrder(key.AccessKeyID), &book{}
				if err := moved(b); err != nil {
					t.Fatal(err)
				}
				out, err := b.roles.Apply(t.Context(), nil, l.keeping(o))
				if err != nil || !out.Documents[0].ReadBack || !out.Documents[1].ReadBack {
					t.Fatalf("%+v, %v", out, err)
				}
				is := out.Role.Name
				if u, _ := b.Prod.User(is); u.UniqueID != o.Principal.ID || u.Keys[key.AccessKeyID] != "Inactive" ||
					u.Policies[olderSessions] == "" {
					t.Errorf("%+v", u)
				}
				o.Promised = l.all
				if check, err := b.roles.Check(t.Context(), o); err != nil || check.State != Held {
					t.Errorf("%+v, %v", check, err)
				}
				if err := b.Prod.SetKeyStatus(is, key.AccessKeyID, "Active"); err != nil {
					t.Fatal(err)
				}
				if check, err := b.roles.Check(t.Context(), o); err != nil || check.State != Weakened || check.On.Name != is {
					t.Errorf("active again: %+v, %v", check, err)
				}
			})
		})
	}
}

func TestAUserThatIsRenamedJustBeforeAWriteIsFollowedAndNeverCalledContained(t *testing.T) {
	for n := range 4 {
		onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
			n, swapped := n%2, n > 1
			o, l := b.keyOrder(key.AccessKeyID), &book{}
			kept, promises := l.keeping(o), 0
			keep := kept.Promise
			kept.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) {
				if promises++; promises == n+1 {
					if err := b.Prod.RenameUser("deployer", "releaser"); err != nil {
						t.Error(err)
					}
					if swapped {
						b.Prod.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/"})
					}
				}
				return keep(ctx, p)
			}
			out, err := b.roles.Apply(t.Context(), nil, kept)
			if err == nil || aws.Final(err) || out.Documents[n].ReadBack {
				t.Errorf("%d: %+v, %v", n, out, err)
			}
			out, err = b.roles.Apply(t.Context(), nil, l.keeping(o))
			u, _ := b.Prod.User("releaser")
			if err != nil || u.Keys[key.AccessKeyID] != "Inactive" || u.Policies[olderSessions] == "" {
				t.Errorf("%d: %+v, %+v, %v", n, u, out, err)
			}
			if other, _ := b.Prod.User("deployer"); len(other.Policies) > 0 {
				t.Errorf("%d: left on another user: %+v", n, other)
			}
		})
	}
}
