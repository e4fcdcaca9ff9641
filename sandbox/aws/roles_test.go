package aws_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// filler is a policy of exactly n characters that count, with white space that does not.
func filler(n int) string {
	const head, tail = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::`,
		`"}}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + strings.ReplaceAll(tail, "}", " \n\t}")
}

func TestInlinePoliciesOfARoleHoldTenThousandTwoHundredAndFortyCharacters(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		used := len(allowAll)
		b.wantCode("one too many", b.put("Deploy", "filler", filler(10_241-used)), "LimitExceeded")
		if _, ok := b.account.RolePolicy("Deploy", "filler"); ok {
			t.Error("the refused policy is on the role")
		}
		b.wantCode("all of it", b.put("Deploy", "filler", filler(10_240-used)), "")
		err := b.put("Deploy", "AWSRevokeOlderSessions", revocation("aws:TokenIssueTime", "2026-11-22T10:01:31Z"))
		b.wantCode("no room for the deny", err, "LimitExceeded")
		if want := "Maximum policy size of 10240 bytes exceeded for role Deploy"; !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		b.wantCode("the same policy again", b.put("Deploy", "filler", filler(10_240-used)), "")
		b.wantCode("the same policy longer", b.put("Deploy", "filler", filler(10_241-used)), "LimitExceeded")
		if text, _ := b.account.RolePolicy("Deploy", "filler"); text != filler(10_240-used) {
			t.Error("the refused policy replaced the one before")
		}
	})
}

func TestRolesOfAWSCannotBeChanged(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		for name, path := range map[string]string{
			"AWSServiceRoleForSupport":           "/aws-service-role/support.amazonaws.com/",
			"AWSReservedSSO_Admin_0123456789abc": "/aws-reserved/sso.amazonaws.com/eu-west-1/",
		} {
			b.account.AddRole(aws.RoleSpec{Name: name, Path: path, Trust: lambdaOnly})
			c := b.iam(b.admin)
			_, deleted := c.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
				RoleName: &name, PolicyName: awssdk.String("x"),
			})
			_, trust := c.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
				RoleName: &name, PolicyDocument: awssdk.String(trustOwn),
			})
			_, tag := c.TagRole(t.Context(), &iam.TagRoleInput{
				RoleName: &name, Tags: []types.Tag{{Key: awssdk.String("a"), Value: awssdk.String("b")}},
			})
			_, gone := c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name})
			put := b.put(name, "AWSRevokeOlderSessions", allowAll)
			for what, err := range map[string]error{
				"put": put, "delete policy": deleted, "trust": trust, "tag": tag, "delete": gone,
			} {
				b.wantCode(name+" "+what, err, "UnmodifiableEntity")
			}
			want := "Cannot perform the operation on the protected role '" + name + "' - this role is only modifiable by AWS"
			if put == nil || !strings.HasSuffix(put.Error(), want) {
				t.Errorf("message %v, want %s", put, want)
			}
			if _, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name}); err != nil {
				t.Errorf("reading %s: %v", name, err)
			}
		}
	})
}

func TestGetRoleShowsTheWholeRole(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		created := time.Date(1999, 5, 6, 7, 8, 9, 0, time.UTC)
		b.account.AddRole(aws.RoleSpec{
			Name: "Old+Role", Path: "/a/b/", Description: "d <&> é", Trust: trustOwn, Created: created,
			MaxSession: 2 * time.Hour,
			LastUsed:   created.Add(time.Hour), LastUsedRegion: "eu-north-1", Tags: map[string]string{"k": "v"},
		})
		out, err := b.iam(b.admin).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Old+Role")})
		if err != nil {
			t.Fatal(err)
		}
		r := out.Role
		trust, err := url.PathUnescape(*r.AssumeRolePolicyDocument)
		if err != nil || trust != trustOwn {
			t.Errorf("trust %q, %v", trust, err)
		}
		got := []string{
			*r.RoleName, *r.Path, *r.Arn, (*r.RoleId)[:4], *r.Description, r.CreateDate.String(),
			r.RoleLastUsed.LastUsedDate.String(),
			*r.RoleLastUsed.Region, strconv.Itoa(int(*r.MaxSessionDuration)), *r.Tags[0].Key + *r.Tags[0].Value,
		}
		want := []string{
			"Old+Role", "/a/b/", "arn:aws:iam::111122223333:role/a/b/Old+Role", "AROA", "d <&> é", created.String(),
			created.Add(time.Hour).String(), "eu-north-1", "7200", "kv",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestDocumentsComeBackAsTheyWereWritten(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		document := "{\n \"Version\": \"2012-10-17\",\t\"Statement\": " +
			"[{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::a+b %20&é/*\"}]}"
		if err := b.put("Deploy", "p", document); err != nil {
			t.Fatal(err)
		}
		out, err := b.iam(b.admin).GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{
			RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String("p"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := url.PathUnescape(*out.PolicyDocument); err != nil || got != document {
			t.Errorf("%q, %v", got, err)
		}
		if strings.ContainsAny(*out.PolicyDocument, " +{\"") {
			t.Errorf("it is not percent-encoded: %s", *out.PolicyDocument)
		}
	})
}

func TestListsArePaged(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		for i := range 25 {
			b.account.AddRole(aws.RoleSpec{Name: "Role" + strconv.Itoa(i), Path: "/many/", Trust: lambdaOnly})
		}
		var names []string
		p := iam.NewListRolesPaginator(b.iam(b.admin), &iam.ListRolesInput{
			PathPrefix: awssdk.String("/many/"), MaxItems: awssdk.Int32(10),
		})
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.Roles {
				names = append(names, *r.RoleName)
			}
		}
		if len(names) != 25 || names[0] != "Role0" || names[24] != "Role9" {
			t.Errorf("names %v", names)
		}
		if n := len(b.server.Calls("ListRoles")); n != 3 {
			t.Errorf("%d calls", n)
		}
		_, err := b.iam(b.admin).ListRoles(t.Context(), &iam.ListRolesInput{Marker: awssdk.String("~")})
		b.wantCode("an invented marker", err, "ValidationError")
	})
}

func TestReadsOfARoleShowWhatIsOnIt(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.AddRole(aws.RoleSpec{
			Name: "web", Trust: lambdaOnly, InstanceProfiles: []string{"web-profile"},
			Tags:     map[string]string{"a": "1", "b": "2"},
			Managed:  map[string]string{"arn:aws:iam::aws:policy/job-function/ViewOnlyAccess": allowAll},
			Policies: map[string]string{"z": allowAll, "y": allowAll},
		})
		c, name := b.iam(b.admin), awssdk.String("web")
		inline, err1 := c.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: name})
		attached, err2 := c.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: name})
		elsewhere, err3 := c.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{
			RoleName: name, PathPrefix: awssdk.String("/other/"),
		})
		profiles, err4 := c.ListInstanceProfilesForRole(t.Context(), &iam.ListInstanceProfilesForRoleInput{RoleName: name})
		tags, err5 := c.ListRoleTags(t.Context(), &iam.ListRoleTagsInput{RoleName: name})
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := []string{
			strings.Join(inline.PolicyNames, " "), *attached.AttachedPolicies[0].PolicyName,
			strconv.Itoa(len(elsewhere.AttachedPolicies)),
			*profiles.InstanceProfiles[0].Arn, *tags.Tags[1].Key,
		}
		if d := cmp.Diff([]string{
			"y z", "ViewOnlyAccess", "0", "arn:aws:iam::111122223333:instance-profile/web-profile", "b",
		}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestEachErrorOfIAMHasItsCode(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		c, ctx, name := b.iam(b.admin), t.Context(), awssdk.String
		_, noRole := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name("Nope")})
		_, otherCase := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name("deploy")})
		_, noPolicy := c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name("Deploy"), PolicyName: name("none")})
		_, noUser := c.GetUser(ctx, &iam.GetUserInput{UserName: name("none")})
		_, noDelete := c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name("Deploy"), PolicyName: name("none")})
		_, taken := c.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: name("DEPLOY"), AssumeRolePolicyDocument: name(trustOwn),
		})
		_, conflict := c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name("Deploy")})
		_, longName := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name(strings.Repeat("a", 65))})
		_, oddName := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name("a/b")})
		_, session := b.iam(b.assume(b.admin, &sts.AssumeRoleInput{})).GetUser(ctx, &iam.GetUserInput{})
		_, reserved := c.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: name("x"), Path: name("/aws-reserved/x/"), AssumeRolePolicyDocument: name(trustOwn),
		})
		_, dead := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName: name("Deploy"), PolicyDocument: name(strings.Replace(trustOwn, "111122223333",
				"arn:aws:iam::111122223333:role/Gone", 1)),
		})
		_, longTrust := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName: name("Deploy"), PolicyDocument: name(strings.Repeat(" ", 2048) + trustOwn),
		})
		nobody := b.account.AddUser(aws.UserSpec{Name: "nobody"})
		_, keys := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name("nobody")})
		_, moreKeys := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name("nobody")})
		for _, e := range []struct {
			what string
			err  error
			code string
		}{
			{"a role that is not there", noRole, "NoSuchEntity"},
			{"a role's name in another case", otherCase, "NoSuchEntity"},
			{"a policy that is not there", noPolicy, "NoSuchEntity"},
			{"a user that is not there", noUser, "NoSuchEntity"},
			{"deleting what is not there", noDelete, "NoSuchEntity"},
			{"putting on a role that is not there", b.put("Nope", "p", allowAll), "NoSuchEntity"},
			{"a name that differs in case only", taken, "EntityAlreadyExists"},
			{"deleting a role with policies", conflict, "DeleteConflict"},
			{"a name of 65 characters", longName, "ValidationError"},
			{"a name with a slash", oddName, "ValidationError"},
			{"a session asks who its user is", session, "ValidationError"},
			{"a reserved path", reserved, "ValidationError"},
			{"no JSON", b.put("Deploy", "p", "{"), "MalformedPolicyDocument"},
			{"a principal that is gone", dead, "MalformedPolicyDocument"},
			{"a long trust policy", longTrust, "LimitExceeded"},
			{"no permission", b.listRoles(nobody), "AccessDenied"},
			{"a second key", keys, ""},
			{"a third key", moreKeys, "LimitExceeded"},
		} {
			b.wantCode(e.what, e.err, e.code)
		}
		if want := "The role with name Nope cannot be found."; !strings.HasSuffix(noRole.Error(), want) {
			t.Errorf("%v, want %s", noRole, want)
		}
	})
}

func TestADeniedCallSaysWhatWasNotAllowed(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		nobody := b.account.AddUser(aws.UserSpec{Name: "nobody", Path: "/x/"})
		_, err := b.iam(nobody).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Deploy")})
		const want = "User: arn:aws:iam::111122223333:user/x/nobody is not authorized to perform: iam:GetRole on resource: " +
			"role Deploy " +
			"because no identity-based policy allows the iam:GetRole action"
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

func TestARoleMadeAgainIsAnotherRole(t *testing.T) {
	onBench(t, aws.Config{Propagation: time.Second}, func(t *testing.T, b *bench) {
		b.account.AddRole(aws.RoleSpec{Name: "Target", Trust: strings.Replace(trustOwn, "111122223333", deployARN, 1)})
		targetARN := awssdk.String("arn:aws:iam::111122223333:role/Target")
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.assume(session, &sts.AssumeRoleInput{RoleArn: targetARN})

		again, err := b.account.RecreateRole("Deploy")
		if err != nil || again.UniqueID == b.deploy.UniqueID || again.ARN != b.deploy.ARN {
			t.Fatalf("%+v, %v", again, err)
		}
		b.wantCode("the old session, before propagation", b.listRoles(session), "")
		time.Sleep(time.Second)
		b.wantCode("the old session", b.listRoles(session), "InvalidClientTokenId")
		session = b.assume(b.admin, &sts.AssumeRoleInput{})
		b.wantCode("a new session", b.listRoles(session), "")
		restrict := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}`
		if err := b.account.PutRolePolicy("Deploy", "all", restrict); err != nil { // so that only the trust can let it in
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		_, err = b.tryAssume(session, &sts.AssumeRoleInput{RoleArn: targetARN})
		b.wantCode("the trust is bound to the role that was", err, "AccessDenied")
		out, err := b.iam(b.admin).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Target")})
		if err != nil || !strings.Contains(*out.Role.AssumeRolePolicyDocument, b.deploy.UniqueID) {
			t.Errorf("the trust policy does not show the unique id: %v %v", out, err)
		}
		if err := b.account.DeleteRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		if _, ok := b.account.Role("Deploy"); ok {
			t.Error("the deleted role is still there")
		}
	})
}

func TestUsingARoleIsSeenInItsLastUse(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		if r, _ := b.account.Role("Deploy"); !r.LastUsed.IsZero() {
			t.Errorf("used at %v without being used", r.LastUsed)
		}
		time.Sleep(time.Minute)
		if _, err := b.sts(session, "ap-south-1").GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
			t.Fatal(err)
		}
		if r, _ := b.account.Role("Deploy"); r.LastUsed != b.server.Now().Truncate(time.Second) ||
			r.LastUsedRegion != "ap-south-1" {
			t.Errorf("used %v in %s", r.LastUsed, r.LastUsedRegion)
		}
	})
}

func TestARoleCanBeMadeAndDeletedByItsAPI(t *testing.T) {
	onBench(t, aws.Config{Propagation: 2 * time.Second}, func(t *testing.T, b *bench) {
		c, name := b.iam(b.admin), awssdk.String("New")
		out, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: name, AssumeRolePolicyDocument: awssdk.String(trustOwn), MaxSessionDuration: awssdk.Int32(7200),
			Tags: []types.Tag{{Key: awssdk.String("a"), Value: awssdk.String("b")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.tryAssume(b.admin, &sts.AssumeRoleInput{RoleArn: out.Role.Arn})
		b.wantCode("before it has spread", err, "AccessDenied")
		time.Sleep(2 * time.Second)
		b.assume(b.admin, &sts.AssumeRoleInput{RoleArn: out.Role.Arn})
		if _, err := c.TagRole(t.Context(), &iam.TagRoleInput{
			RoleName: name, Tags: []types.Tag{{Key: awssdk.String("c"), Value: awssdk.String("d")}},
		}); err != nil {
			t.Fatal(err)
		}
		r, ok := b.account.Role("New")
		if !ok || r.MaxSession != 2*time.Hour || r.Tags["a"] != "b" || r.Tags["c"] != "d" {
			t.Errorf("%+v", r)
		}
		if _, err := c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: name}); err != nil {
			t.Error(err)
		}
		_, err = c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: name})
		b.wantCode("deleted", err, "NoSuchEntity")
	})
}

func TestAUserCreatesAKeyThatWorks(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.SetAlias("shop-prod")
		out, err := b.iam(b.admin).CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		k := aws.AccessKey{AccessKeyID: *out.AccessKey.AccessKeyId, SecretAccessKey: *out.AccessKey.SecretAccessKey}
		user, err1 := b.iam(k).GetUser(t.Context(), &iam.GetUserInput{})
		users, err2 := b.iam(k).ListUsers(t.Context(), &iam.ListUsersInput{})
		alias, err3 := b.iam(k).ListAccountAliases(t.Context(), &iam.ListAccountAliasesInput{})
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if *user.User.Arn != "arn:aws:iam::111122223333:user/admin" || len(users.Users) != 1 ||
			alias.AccountAliases[0] != "shop-prod" {
			t.Errorf("%v %v %v", *user.User.Arn, len(users.Users), alias.AccountAliases)
		}
	})
}
