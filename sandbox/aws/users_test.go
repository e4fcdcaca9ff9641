package aws_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// olderSessions is the name under which revokebot revokes sessions of a user.
const olderSessions = "RevokebotOlderSessions"

// deployer is a user with a key, who may do everything by its group.
func (b *bench) deployer() aws.AccessKey {
	b.account.AddGroup(aws.GroupSpec{Name: "admins", Path: "/staff/", Policies: map[string]string{"all": allowAll}})
	return b.account.AddUser(aws.UserSpec{
		Name: "deployer", Path: "/ci/", Groups: []string{"admins"}, Password: true,
		Managed: map[string]string{readOnly: allowAll},
	})
}

func (b *bench) setStatus(user, key string, status types.StatusType) error {
	in := &iam.UpdateAccessKeyInput{AccessKeyId: &key, Status: status}
	if user != "" {
		in.UserName = &user
	}
	_, err := b.iam(b.admin).UpdateAccessKey(b.t.Context(), in)
	return err
}

func (b *bench) putUser(name, text string) error {
	_, err := b.iam(b.admin).PutUserPolicy(b.t.Context(), &iam.PutUserPolicyInput{
		UserName: awssdk.String("deployer"), PolicyName: &name, PolicyDocument: &text,
	})
	return err
}

// wantCall makes a call outside of IAM, which a session of a user cannot call.
func (b *bench) wantCall(what string, k aws.AccessKey, code string) {
	b.t.Helper()
	if got := b.enforcedIn(k, "eu-west-1"); got != code {
		b.t.Errorf("%s: code %q, want %q", what, got, code)
	}
}

func recordOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var record map[string]any
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

func temporary(c *ststypes.Credentials) aws.AccessKey {
	return aws.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		Expires: *c.Expiration,
	}
}

func (b *bench) sessionToken(k aws.AccessKey) aws.AccessKey {
	b.t.Helper()
	out, err := b.sts(k, "eu-west-1").GetSessionToken(b.t.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		b.t.Fatal(err)
	}
	return temporary(out.Credentials)
}

func (b *bench) federated(k aws.AccessKey, policy string) aws.AccessKey {
	b.t.Helper()
	in := &sts.GetFederationTokenInput{Name: awssdk.String("partner")}
	if policy != "" {
		in.Policy = &policy
	}
	out, err := b.sts(k, "eu-west-1").GetFederationToken(b.t.Context(), in)
	if err != nil {
		b.t.Fatal(err)
	}
	return temporary(out.Credentials)
}

func TestWhatAUserHasIsListed(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		first := b.deployer()
		second := b.account.AddUser(aws.UserSpec{Name: "deployer"})
		b.wantCode("put", b.putUser("b", allowAll), "")
		b.wantCode("put", b.putUser("a", allowAll), "")
		b.wantCode("inactive", b.setStatus("deployer", second.AccessKeyID, types.StatusTypeInactive), "")
		b.wantCall("used", first, "")
		c, name, ctx := b.iam(b.admin), awssdk.String("deployer"), t.Context()

		user, err := c.GetUser(ctx, &iam.GetUserInput{UserName: name})
		if err != nil || *user.User.Arn != "arn:aws:iam::111122223333:user/ci/deployer" || *user.User.Path != "/ci/" ||
			!strings.HasPrefix(*user.User.UserId, "AIDA") {
			t.Error(user, err)
		}
		keys, err := c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
		if err != nil || len(keys.AccessKeyMetadata) != 2 || *keys.AccessKeyMetadata[0].AccessKeyId != first.AccessKeyID ||
			keys.AccessKeyMetadata[0].Status != types.StatusTypeActive ||
			keys.AccessKeyMetadata[1].Status != types.StatusTypeInactive || keys.AccessKeyMetadata[1].CreateDate == nil {
			t.Error(keys, err)
		}
		policies, err := c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name})
		if err != nil || !slices.Equal(policies.PolicyNames, []string{"a", "b"}) {
			t.Error(policies, err)
		}
		policy, err := c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: awssdk.String("a")})
		if err != nil || *policy.UserName != "deployer" || !strings.HasPrefix(*policy.PolicyDocument, "%7B%22Version%22") {
			t.Error(policy, err)
		}
		attached, err := c.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: name})
		if err != nil || len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyArn != readOnly {
			t.Error(attached, err)
		}
		groups, err := c.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: name})
		if err != nil || len(groups.Groups) != 1 ||
			*groups.Groups[0].Arn != "arn:aws:iam::111122223333:group/staff/admins" {
			t.Error(groups, err)
		}
		login, err := c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: name})
		if err != nil || *login.LoginProfile.UserName != "deployer" {
			t.Error(login, err)
		}
		_, err = c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: awssdk.String("admin")})
		b.wantCode("a user without a password", err, "NoSuchEntity")

		used, err := c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &first.AccessKeyID})
		if err != nil || *used.UserName != "deployer" || *used.AccessKeyLastUsed.ServiceName != "cloudtrail" ||
			*used.AccessKeyLastUsed.Region != "eu-west-1" || used.AccessKeyLastUsed.LastUsedDate == nil {
			t.Error(used, err)
		}
		used, err = c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &second.AccessKeyID})
		if err != nil || *used.AccessKeyLastUsed.ServiceName != "N/A" || used.AccessKeyLastUsed.LastUsedDate != nil {
			t.Error(used, err)
		}
	})
}

func TestEachErrorOfUsersAndKeysHasItsCode(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		other := b.server.AddAccount("444455556666", "").AddUser(aws.UserSpec{Name: "foreign"})
		limited := b.account.AddUser(aws.UserSpec{Name: "limited", Policies: map[string]string{
			"own": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*",` +
				`"Resource":"arn:aws:iam::111122223333:user/ci/deployer"}}`,
		}})
		session := b.sessionToken(key)
		ctx, c, name := t.Context(), b.iam(b.admin), awssdk.String("deployer")
		last := func(k aws.AccessKey, id string) error {
			_, err := b.iam(k).GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
			return err
		}
		info := func(k aws.AccessKey, id string) error {
			_, err := b.sts(k, "eu-west-1").GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &id})
			return err
		}
		room := strings.Replace(allowAll, `"*"}}`, `"arn:aws:s3:::`+strings.Repeat("x", 2048)+`"}}`, 1)
		broken := strings.Replace(allowAll, "Action", "Act", 1)
		inactive := types.StatusTypeInactive
		_, noUser := c.GetUser(ctx, &iam.GetUserInput{UserName: awssdk.String("Deployer")})
		_, noPolicy := c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: awssdk.String("none")})
		_, removed := c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: awssdk.String("none")})
		_, deleted := c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: &other.AccessKeyID})
		_, token := b.sts(session, "eu-west-1").GetSessionToken(ctx, &sts.GetSessionTokenInput{})
		_, fed := b.sts(key, "eu-west-1").GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: awssdk.String("x")})
		_, long := b.sts(key, "eu-west-1").GetSessionToken(ctx, &sts.GetSessionTokenInput{
			DurationSeconds: awssdk.Int32(129_601),
		})
		for what, e := range map[string]struct {
			err  error
			code string
		}{
			"a user in another case":           {noUser, "NoSuchEntity"},
			"no such policy":                   {noPolicy, "NoSuchEntity"},
			"no such policy to delete":         {removed, "NoSuchEntity"},
			"a policy without an action":       {b.putUser("p", broken), "MalformedPolicyDocument"},
			"a policy name with a slash":       {b.putUser("a/b", allowAll), "ValidationError"},
			"2,048 characters":                 {b.putUser("p", room), "LimitExceeded"},
			"another user's key":               {b.setStatus("deployer", b.admin.AccessKeyID, inactive), "NoSuchEntity"},
			"another account's key":            {deleted, "NoSuchEntity"},
			"no user named, and so the caller": {b.setStatus("", key.AccessKeyID, inactive), "NoSuchEntity"},
			"a status that there is not":       {b.setStatus("deployer", key.AccessKeyID, "Off"), "ValidationError"},
			"a status that is not set":         {b.setStatus("deployer", key.AccessKeyID, "Expired"), "InvalidInput"},
			"a short id":                       {b.setStatus("deployer", "AKIA", inactive), "ValidationError"},
			"an id with a hyphen":              {last(b.admin, "AKIA-AAAAAAAAAAAAAAA"), "ValidationError"},
			"last used, its own user":          {last(limited, key.AccessKeyID), ""},
			"last used, another user":          {last(limited, b.admin.AccessKeyID), "AccessDenied"},
			"last used, of another account":    {last(b.admin, other.AccessKeyID), "AccessDenied"},
			"last used, of a session":          {last(b.admin, session.AccessKeyID), "AccessDenied"},
			"whose, of another account":        {info(b.admin, other.AccessKeyID), ""},
			"whose, of a session":              {info(b.admin, session.AccessKeyID), ""},
			"whose, of no user":                {info(b.admin, "AKIAAAAAAAAAAAAAAAAA"), "ValidationError"},
			"whose, without permission":        {info(limited, key.AccessKeyID), "AccessDenied"},
			"whose, with a session of a user":  {info(session, key.AccessKeyID), "AccessDenied"},
			"a session token with a session":   {token, "AccessDenied"},
			"a session of more than 36 hours":  {long, "ValidationError"},
			"a federated user of one letter":   {fed, "ValidationError"},
			"IAM with a session of a user":     {b.listRoles(session), "InvalidClientTokenId"},
			"a role's session asks for a token": {func() error {
				role := b.assume(b.admin, &sts.AssumeRoleInput{})
				_, err := b.sts(role, "eu-west-1").GetSessionToken(ctx, &sts.GetSessionTokenInput{})
				return err
			}(), "AccessDenied"},
		} {
			b.wantCode(what, e.err, e.code)
		}
		if u, _ := b.account.User("deployer"); len(u.Policies) != 0 || u.Keys[key.AccessKeyID] != "Active" {
			t.Errorf("a refused write changed %+v", u)
		}
	})
}

func TestTheInlinePoliciesOfAUserShare2048Characters(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.deployer()
		fill := func(n int) string {
			empty := strings.Replace(allowAll, `"Resource":"*"`, `"Resource":"arn:aws:s3:::"`, 1)
			return strings.Replace(empty, ":::", ":::"+strings.Repeat("x", n-len(empty)), 1)
		}
		deny := revocation("aws:TokenIssueTime", "2026-11-22T10:01:31.000Z")
		b.wantCode("the rest", b.putUser("a", " "+fill(2048-len(deny))+"\n\t"), "")
		b.wantCode("a revocation into what is left", b.putUser(olderSessions, deny), "")
		b.wantCode("one more", b.putUser("a", fill(2049-len(deny))), "LimitExceeded")
		b.wantCode("over its own place", b.putUser(olderSessions, deny+" "), "")
	})
}

func TestAKeyThatWasMadeInactiveIsRefusedAfterThePropagationAndItsSessionsGoOn(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		session, partner := b.sessionToken(key), b.federated(key, allowAll)
		b.wantCode("inactive", b.setStatus("deployer", key.AccessKeyID, types.StatusTypeInactive), "")
		if u, _ := b.account.User("deployer"); u.Keys[key.AccessKeyID] != "Inactive" {
			t.Error("a read does not see it at once")
		}
		b.wantCall("before it is enforced", key, "")
		time.Sleep(5 * time.Second)
		b.wantCall("the key", key, "UnrecognizedClientException")
		b.wantCall("its session", session, "")
		b.wantCall("its federated session", partner, "")
		if n := len(b.deeds("eu-west-1", key.AccessKeyID)); n != 3 {
			t.Errorf("%d events of the key: a call of an inactive key is recorded", n)
		}
		b.wantCode("active", b.setStatus("deployer", key.AccessKeyID, types.StatusTypeActive), "")
		b.wantCall("before that is enforced", key, "UnrecognizedClientException")
		time.Sleep(5 * time.Second)
		b.wantCall("active again", key, "")
		_, err := b.iam(b.admin).DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{
			UserName: awssdk.String("deployer"), AccessKeyId: &key.AccessKeyID,
		})
		b.wantCode("delete", err, "")
		time.Sleep(5 * time.Second)
		b.wantCall("a deleted key", key, "UnrecognizedClientException")
	})
}

func TestADatedDenyOnAUserDeniesItsOldSessionsAndNeitherItsKeysNorNewSessions(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		session, partner := b.sessionToken(key), b.federated(key, allowAll)
		none := b.federated(key, "")
		b.wantCall("without a session policy", none, "AccessDeniedException")
		time.Sleep(2 * time.Second)
		cutoff := b.server.Now().Truncate(time.Second)
		b.wantCode("put", b.putUser(olderSessions, revocation("aws:TokenIssueTime", cutoff.Format(time.RFC3339))), "")
		later, again := b.sessionToken(key), b.federated(key, allowAll)
		b.wantCall("the key", key, "")
		b.wantCall("an old session", session, "AccessDeniedException")
		b.wantCall("an old federated session", partner, "AccessDeniedException")
		b.wantCall("a new session", later, "")
		b.wantCall("a new federated session", again, "")

		arn := "arn:aws:iam::111122223333:user/ci/deployer"
		for issued, want := range map[time.Time]string{
			cutoff.Add(-time.Second): "explicitDeny [user_deployer_RevokebotOlderSessions] []",
			cutoff.Add(time.Second):  "allowed [ViewOnlyAccess group_admins_all] []",
		} {
			if got := b.one(&iam.SimulatePrincipalPolicyInput{PolicySourceArn: &arn, ContextEntries: []types.ContextEntry{
				entry("aws:TokenIssueTime", types.ContextKeyTypeEnumDate, issued.Format(time.RFC3339)),
			}}); got != want {
				t.Errorf("issued %s: %s, want %s", issued, got, want)
			}
		}
		_, err := b.iam(b.admin).DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{
			UserName: awssdk.String("deployer"), PolicyName: awssdk.String(olderSessions),
		})
		b.wantCode("delete", err, "")
		b.wantCall("an old session, without the deny", session, "")
	})
}

func TestASessionOfAUserSaysWhoseItIsAndIsFoundByItsKey(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		session, partner := b.sessionToken(key), b.federated(key, allowAll)
		ctx := context.Background()
		for k, want := range map[aws.AccessKey][2]string{
			session: {"arn:aws:iam::111122223333:user/ci/deployer", "AIDA"},
			partner: {"arn:aws:sts::111122223333:federated-user/partner", "111122223333:partner"},
		} {
			out, err := b.sts(k, "eu-west-1").GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			if err != nil || *out.Arn != want[0] || !strings.HasPrefix(*out.UserId, want[1]) {
				t.Errorf("%v, %v; want %v", out, err, want)
			}
			issue := b.look("eu-west-1", &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(trailtypes.LookupAttributeKeyResourceName, k.AccessKeyID),
			})
			if len(issue.Events) != 1 || *issue.Events[0].AccessKeyId != key.AccessKeyID {
				t.Errorf("%s: issued by %+v", want[0], issue.Events)
			}
		}
		if _, err := b.tryAssume(session, &sts.AssumeRoleInput{}); err != nil {
			t.Error(err)
		}
		if _, err := b.tryAssume(partner, &sts.AssumeRoleInput{}); codeOf(err) != "AccessDenied" {
			t.Errorf("a federated user assumes a role: %v", err)
		}
		for k, want := range map[aws.AccessKey]map[string]any{
			key:     {"type": "IAMUser", "userName": "deployer", "sessionContext": nil},
			session: {"type": "IAMUser", "userName": "deployer"},
			partner: {"type": "FederatedUser", "principalId": "111122223333:partner"},
		} {
			out := b.look("eu-west-1", &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(trailtypes.LookupAttributeKeyAccessKeyId, k.AccessKeyID),
			})
			got := recordOf(t, *out.Events[0].CloudTrailEvent)["userIdentity"].(map[string]any)
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s: %v, want %v", name, got, value)
				}
			}
			if ctx, _ := got["sessionContext"].(map[string]any); (ctx == nil) != (k == key) {
				t.Errorf("%v", got)
			}
		}
	})
}

func TestAWriteToAKeyIsFoundByTheKeyAndByTheUser(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		b.wantCode("inactive", b.setStatus("deployer", key.AccessKeyID, types.StatusTypeInactive), "")
		for _, name := range []string{key.AccessKeyID, "deployer"} {
			out := b.look("us-east-1", &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(trailtypes.LookupAttributeKeyResourceName, name),
			})
			if len(out.Events) != 1 || *out.Events[0].EventName != "UpdateAccessKey" {
				t.Fatalf("%s: %+v", name, out.Events)
			}
			request := recordOf(t, *out.Events[0].CloudTrailEvent)["requestParameters"]
			if d := gocmp.Diff(request, map[string]any{
				"accessKeyId": key.AccessKeyID, "status": "Inactive", "userName": "deployer",
			}); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestAUserThatIsMadeAgainIsAnotherAndOneThatIsRenamedIsTheSame(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.deployer()
		session := b.sessionToken(key)
		before, _ := b.account.User("deployer")
		if err := b.account.RenameUser("deployer", "releaser"); err != nil {
			t.Fatal(err)
		}
		after, _ := b.account.User("releaser")
		if after.UniqueID != before.UniqueID || after.ARN == before.ARN || !maps.Equal(before.Keys, after.Keys) {
			t.Errorf("%+v, then %+v", before, after)
		}
		b.wantCall("the key", key, "")
		if err := b.account.DeleteUser("releaser"); err != nil {
			t.Fatal(err)
		}
		b.account.AddUser(aws.UserSpec{Name: "releaser"})
		if again, _ := b.account.User("releaser"); again.UniqueID == before.UniqueID {
			t.Error("it has the unique id of the user before it")
		}
		b.wantCall("the key of a deleted user", key, "UnrecognizedClientException")
		b.wantCall("its session", session, "UnrecognizedClientException")
	})
}
