package deploy_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/deploy"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

const (
	hubAccount   = "999900001111" // as in spoke-trust-policy.json
	spokeAccount = "111122223333"
	externalID   = "replace-with-a-random-value"
	trustLambda  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` +
		`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`
)

// accounts is a hub account and a spoke account, set up with the templates of this folder. The
// hub's own account is used without a spoke, too, as with the policy files.
type accounts struct {
	server     *standin.Server
	hub, spoke *standin.Account
	bot        standin.AccessKey // of a session of the hub's role
	client     *http.Client
}

func setUp(t *testing.T) *accounts {
	t.Helper()
	server := standin.New(standin.Config{LookupRate: -1})
	listener := pipe.Listen()
	web := &http.Server{Handler: server, ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(listener) })
	client := listener.Client()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = web.Close()
		serving.Wait()
		_ = server.Close()
	})
	a := &accounts{
		server: server, hub: server.AddAccount(hubAccount, ""), spoke: server.AddAccount(spokeAccount, ""), client: client,
	}
	ofHub, ofSpoke := hub(t, "ecs"), querying(t)
	own := ofHub.inline("Hub")
	own["own-account"], own["own-undo"] = read(t, "iam-policy.json"), read(t, "undo-policy.json")
	own["own-lock"], own["own-unlock"] = read(t, "lock-policy.json"), read(t, "unlock-policy.json")
	a.hub.AddRole(standin.RoleSpec{Name: "revokebot", Trust: ofHub.trust("Hub"), Policies: own})
	a.spoke.AddRole(standin.RoleSpec{
		Name: "revokebot-spoke", Trust: ofSpoke.trust("Spoke"), Policies: ofSpoke.inline("Spoke"),
	})
	a.spoke.SetTrail(standin.Trail{Name: "all", Region: "us-east-1", LogGroup: "aws-cloudtrail-logs"})
	ofUsers := usersRole(t, "true")
	a.spoke.AddRole(standin.RoleSpec{
		Name: "revokebot-users", Trust: ofUsers.trust("Users"), Policies: ofUsers.inline("Users"),
	})
	ofTrust := trustRole(t)
	a.spoke.AddRole(standin.RoleSpec{
		Name: "revokebot-trust", Trust: ofTrust.trust("Trust"), Policies: ofTrust.inline("Trust"),
	})
	for _, account := range []*standin.Account{a.hub, a.spoke} {
		account.AddRole(standin.RoleSpec{Name: "NightlyBackup", Path: "/ops/", Trust: trustLambda})
	}
	var err error
	if a.bot, err = a.hub.ServiceSession("revokebot", "ecs-tasks.amazonaws.com", "bot", "us-east-1"); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *accounts) cloud(t *testing.T, externalID string) *aws.Cloud {
	t.Helper()
	cloud, err := aws.New(aws.Config{
		Accounts: []aws.Account{
			{Name: "hub", ID: hubAccount},
			{
				Name: "spoke", ID: spokeAccount, AssumeRole: "arn:aws:iam::" + spokeAccount + ":role/revokebot-spoke",
				ExternalID: externalID, TrailLogGroup: logGroup,
				UsersRole: "arn:aws:iam::" + spokeAccount + ":role/revokebot-users", TrustRole: trustARN,
			},
		},
		Margin: 30 * time.Second,
		SDK:    a.sdk(a.bot),
	})
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// revocation is the order that the people of these tests give.
func revocation(about role.Role) role.Order {
	return role.Order{
		Target:    contain.Target{Request: "RVK1", Principal: about.Principal},
		Requester: "U0ROSA", Approvers: []string{"U0BOB", "W0INES"}, Measure: contain.Revoke(),
	}
}

func describe(ctx context.Context, cloud *aws.Cloud, account string) (role.Role, error) {
	target, err := cloud.Parse(account + "/NightlyBackup")
	if err != nil {
		return role.Role{}, err
	}
	return role.New(cloud).Describe(ctx, target, contain.Revoke(), nil)
}

// revoke carries an order out, and returns it with what it has promised.
func revoke(ctx context.Context, cloud *aws.Cloud, account string) (role.Order, role.Outcome, error) {
	about, err := describe(ctx, cloud, account)
	if err != nil {
		return role.Order{}, role.Outcome{}, err
	}
	o := revocation(about)
	done, err := role.New(cloud).Apply(ctx, nil, o)
	if err == nil {
		o.Promised = []contain.Change{done.Documents[0].Change}
	}
	return o, done, err
}

func undo(ctx context.Context, cloud *aws.Cloud, revoked role.Order) (role.Outcome, error) {
	return role.New(cloud).Apply(ctx, nil, role.Order{
		Target:    contain.Target{Request: "RVK2", Principal: revoked.Principal},
		Requester: "U0ROSA", Approvers: []string{"W0INES"},
		Measure: contain.Restore(revoked.Measure, contain.Fold(revoked.Promised)), Mode: role.Undo,
	})
}

// prove makes the calls that follow a revocation.
func (a *accounts) prove(t *testing.T, cloud *aws.Cloud, account string, revoked role.Order, done role.Outcome) {
	t.Helper()
	there := done.Documents[0].There
	simulated, err := role.New(cloud).Simulate(t.Context(), revoked, []contain.Document{there})
	if err != nil || !simulated.Proven {
		t.Errorf("%s: %+v, %v", account, simulated, err)
	}
	checked, err := role.New(cloud).Check(t.Context(), revoked)
	if err != nil || checked.State != role.Held {
		t.Errorf("%s: %+v, %v", account, checked, err)
	}
	if changes, err := trail.New(cloud).Tampering(t.Context(), trail.TamperQuery{
		AccountName: account, RoleName: done.Role.Name, Slots: []contain.Slot{there.Slot},
	}); err != nil || len(changes) != 0 {
		t.Errorf("%s: %+v, %v", account, changes, err)
	}
	now := a.server.Now()
	report, err := trail.New(cloud).Lookup(t.Context(), trail.LookupQuery{
		AccountName: account, RoleARN: done.Role.ARN, Since: now.Add(-time.Hour), Limit: 10,
		Cutoff: contain.Revoke().(contain.Dated).Cutoff(now, there),
	})
	if err != nil {
		t.Fatalf("%s: %v", account, err)
	}
	if slices.ContainsFunc(report.Regions, func(r trail.RegionCoverage) bool { return !r.Covered }) ||
		len(report.Regions) == 0 {
		t.Errorf("%s: CloudTrail was not read: %+v", account, report.Regions)
	}
}

// sdk is a client's configuration that signs with a key.
func (a *accounts) sdk(key standin.AccessKey) awssdk.Config {
	return awssdk.Config{
		Region: "us-east-1", BaseEndpoint: awssdk.String("http://aws.test"), HTTPClient: a.client,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	}
}

// takeAway removes the deny from the spoke account's role with a key.
func (a *accounts) takeAway(t *testing.T, key standin.AccessKey) error {
	t.Helper()
	_, err := iam.NewFromConfig(a.sdk(key)).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
		RoleName: awssdk.String("NightlyBackup"), PolicyName: awssdk.String(contain.ConsolePolicy),
	})
	return err
}

// code is that of AWS's error, "" for none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func TestTheFilesLetTheBotRevokeInItsOwnAccountAndInAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		cloud := a.cloud(t, externalID)
		for _, account := range []string{"hub", "spoke"} {
			_, done, err := revoke(t.Context(), cloud, account)
			if err != nil {
				t.Fatalf("%s: %v", account, err)
			}
			if result := done.Documents[0]; result.Writes != 1 || !result.ReadBack {
				t.Errorf("%s: %+v", account, result)
			}
		}
	})
}

func TestTheFilesLetTheBotDrillAndADrillFindsThatItMayWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		cloud := a.cloud(t, externalID)
		for account, there := range map[string]*standin.Account{"hub": a.hub, "spoke": a.spoke} {
			about, err := describe(t.Context(), cloud, account)
			if err != nil {
				t.Fatal(err)
			}
			found, err := role.New(cloud).Rehearse(t.Context(), revocation(about))
			if err != nil || !found.Paper.Proven || !found.MayWrite || found.Own != (account == "spoke") || found.Size == 0 {
				t.Errorf("%s: %+v, %v", account, found, err)
			}
			if _, written := there.RolePolicy("NightlyBackup", contain.ConsolePolicy); written {
				t.Errorf("%s: there is a policy", account)
			}
		}
	})
}

func TestTheFilesLetTheBotProveAndUndoAndWithoutTheRightToUndoNothingIsTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		cloud := a.cloud(t, externalID)
		for account, there := range map[string]*standin.Account{"hub": a.hub, "spoke": a.spoke} {
			revoked, done, err := revoke(t.Context(), cloud, account)
			if err != nil {
				t.Fatalf("%s: %v", account, err)
			}
			a.prove(t, cloud, account, revoked, done)
			undone, err := undo(t.Context(), cloud, revoked)
			_, still := there.RolePolicy("NightlyBackup", contain.ConsolePolicy)
			if err != nil || !undone.Documents[0].ReadBack || still {
				t.Errorf("%s: %+v, %v", account, undone, err)
			}
		}

		if err := a.spoke.DeleteRolePolicy("revokebot-spoke", "undo"); err != nil {
			t.Fatal(err)
		}
		revoked, _, err := revoke(t.Context(), cloud, "spoke")
		if err != nil {
			t.Fatal(err)
		}
		_, err = undo(t.Context(), cloud, revoked)
		_, still := a.spoke.RolePolicy("NightlyBackup", contain.ConsolePolicy)
		if !errors.Is(err, aws.ErrAccessDenied) || !still {
			t.Errorf("without the right: %v, and the deny is there: %t", err, still)
		}
	})
}

// The simulator has to be told of a source identity, or what the spoke may do would never be known.
func TestThatTheSpokeMayNotWriteIsKnownBeforeAnybodyIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		cloud := a.cloud(t, externalID)
		if _, err := describe(t.Context(), cloud, "spoke"); err != nil {
			t.Errorf("with the files as they are: %v", err)
		}
		less := strings.Replace(read(t, "iam-policy.json"), `, "iam:PutRolePolicy"`, ``, 1)
		if err := a.spoke.PutRolePolicy("revokebot-spoke", "revoke-sessions", less); err != nil {
			t.Fatal(err)
		}
		_, err := describe(t.Context(), cloud, "spoke")
		if refused, ok := errors.AsType[*aws.RefusedError](err); !ok || !strings.Contains(refused.Sentence, "may not do") {
			t.Errorf("without the right to write: %v", err)
		}
	})
}

func TestTheSpokeRefusesAHubWithoutTheExternalID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		for _, id := range []string{"", "another-value"} {
			if _, _, err := revoke(t.Context(), a.cloud(t, id), "spoke"); !errors.Is(err, aws.ErrAccessDenied) {
				t.Errorf("external id %q: %v, want access denied", id, err)
			}
		}
	})
}

func TestTheSpokeRefusesOtherPrincipalsOfTheHubsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		a.hub.AddRole(standin.RoleSpec{
			Name: "Intruder", Trust: trustLambda,
			Policies: map[string]string{
				"all": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
			},
		})
		var err error
		if a.bot, err = a.hub.ServiceSession("Intruder", "lambda.amazonaws.com", "x", "us-east-1"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := revoke(t.Context(), a.cloud(t, externalID), "spoke"); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("%v, want access denied", err)
		}
	})
}

func TestASpokesSessionNamesItsPeopleOrWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		tag := func(keys ...string) (tags []types.Tag) {
			for _, key := range keys {
				tags = append(tags, types.Tag{Key: awssdk.String(key), Value: awssdk.String("x")})
			}
			return tags
		}
		for what, c := range map[string]struct {
			source         string
			tags           []types.Tag
			opened, writes bool
		}{
			"named and tagged":       {"U0ROSA", tag("request", "requester", "approvers"), true, true},
			"named W…":               {"W0INES", nil, true, true},
			"without a name":         {"", nil, true, false},
			"tagged without a name":  {"", tag("request", "requester", "approvers"), true, false},
			"another kind of name":   {"root", nil, false, false},
			"named, with other tags": {"U0ROSA", tag("request", "team"), false, false},
		} {
			in := &sts.AssumeRoleInput{
				RoleArn: awssdk.String(spokeARN), RoleSessionName: awssdk.String("by-hand"), ExternalId: awssdk.String(externalID),
				Tags: c.tags,
			}
			if c.source != "" {
				in.SourceIdentity = awssdk.String(c.source)
			}
			out, err := sts.NewFromConfig(a.sdk(a.bot)).AssumeRole(t.Context(), in)
			if (err == nil) != c.opened || err != nil && code(err) != "AccessDenied" {
				t.Errorf("%s: AssumeRole: %v", what, err)
			}
			if err != nil {
				continue
			}
			client := iam.NewFromConfig(a.sdk(standin.AccessKey{
				AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
				SessionToken: *out.Credentials.SessionToken,
			}))
			if _, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("NightlyBackup")}); err != nil {
				t.Errorf("%s: GetRole: %v", what, err)
			}
			_, put := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
				RoleName: awssdk.String("NightlyBackup"), PolicyName: awssdk.String(contain.ConsolePolicy),
				PolicyDocument: awssdk.String(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`),
			})
			_, del := client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
				RoleName: awssdk.String("NightlyBackup"), PolicyName: awssdk.String(contain.ConsolePolicy),
			})
			for _, err := range []error{put, del} {
				if (err == nil) != c.writes || err != nil && code(err) != "AccessDenied" {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	})
}

func TestThePlaceholdersOfTheTrustPolicyAreEasyToFind(t *testing.T) {
	trust := read(t, "spoke-trust-policy.json")
	if n := strings.Count(trust, hubAccount); n != 2 {
		t.Errorf("the hub's account is there %d times", n)
	}
	if n := strings.Count(trust, externalID); n != 1 {
		t.Errorf("the external id is there %d times", n)
	}
	filled := deploy.SpokeTrustPolicy("arn:aws:iam::111122223333:user/bot", "another-id")
	if strings.Contains(filled, hubAccount) || strings.Contains(filled, externalID) ||
		strings.Count(filled, `"arn:aws:iam::111122223333:user/bot"`) != 2 || strings.Count(filled, `"another-id"`) != 1 {
		t.Errorf("filled in: %s", filled)
	}
	guide := read(t, "README.md")
	for _, placeholder := range []string{hubAccount, externalID} {
		if !strings.Contains(guide, placeholder) {
			t.Errorf("README.md does not say what to put in place of %s", placeholder)
		}
	}
}
