package aws

import (
	"errors"
	"fmt"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestWhoChangedTheDenyIsToldNewestFirstWithoutTheBotsOwnWrites(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		b.role(standin.RoleSpec{Name: "Other"})
		eve := b.prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": mayAll}})
		r := revocation(b.describe("prod/Deploy"))
		if _, err := b.cloud.Revoke(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		client := b.asUser(eve)
		var failed []error
		put := func(role, policy, document string) {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &policy, PolicyDocument: &document})
			failed = append(failed, err)
			time.Sleep(10 * time.Second)
		}
		remove := func(role, policy string) error {
			_, err := client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
			time.Sleep(10 * time.Second)
			return err
		}
		began := b.server.Now()
		put("Deploy", PolicyName, denyAt("1999-01-01T00:00:00Z")) // +0
		put("Deploy", "Mine", mayAll)                             // another policy
		put("Other", PolicyName, mayAll)                          // another role
		failed = append(failed, remove("Deploy", PolicyName))     // +30
		if err := remove("Deploy", PolicyName); err == nil {
			t.Error("removed what is not there")
		}
		put("Deploy", PolicyName, mayAll) // +50, without a deny
		old := b.session("Deploy")
		_, err := b.asUser(old).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(PolicyName)})
		if err := errors.Join(append(failed, err)...); err != nil {
			t.Fatal(err)
		}

		got, err := b.cloud.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy", Since: began.Add(-time.Hour), Until: b.server.Now()})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range got {
			lines = append(lines, fmt.Sprintf("+%v %s by %s, cutoff %v", c.At.Sub(began.Truncate(time.Second)), c.EventName, c.Who, c.Cutoff.Year()))
			if c.EventID == "" || c.SourceAddress == "" || c.UserAgent == "" || c.PrincipalARN == "" || c.AccessKeyID == "" {
				t.Errorf("incomplete: %+v", c)
			}
		}
		want := []string{
			"+1m0s DeleteRolePolicy by role Deploy (session i-0abc), cutoff 1",
			"+50s PutRolePolicy by user eve, cutoff 1",
			"+30s DeleteRolePolicy by user eve, cutoff 1",
			"+0s PutRolePolicy by user eve, cutoff 1999",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := len(b.server.Calls("LookupEvents")); n != 1 {
			t.Errorf("%d look-ups", n)
		} else if call := b.server.Calls("LookupEvents")[0]; call.Region != "us-east-1" || call.Params["AttributeKey"] != "ResourceName" || call.Params["AttributeValue"] != "Deploy" {
			t.Errorf("asked %+v", call)
		}
	})
}

func TestTheBotsOwnWritesAreKnownWithAmbientCredentialsToo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: trustEC2})
		kim := b.hub.AddUser(standin.UserSpec{Name: "kim", Policies: map[string]string{"all": mayAll}})
		if _, err := b.cloud.Revoke(t.Context(), revocation(b.describe("home/Deploy"))); err != nil {
			t.Fatal(err)
		}
		query := TamperQuery{AccountName: "home", RoleName: "Deploy"}
		if got, err := b.cloud.Tampering(t.Context(), query); err != nil || len(got) != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err := b.asUser(kim).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(PolicyName)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.cloud.Tampering(t.Context(), query); err != nil || len(got) != 1 || got[0].Who != "user kim" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// A role of the bot's name elsewhere, and a user, are somebody else.
func TestOnlyTheBotsOwnPrincipalsAreItsOwn(t *testing.T) {
	spoke := &Conn{Account: Account{ID: prodID, Partition: "aws", AssumeRole: "arn:aws:iam::" + prodID + ":role/tools/revokebot-spoke"}}
	ambient := &Conn{Account: Account{ID: hubID, Partition: "aws"}}
	session := "arn:aws:sts::" + hubID + ":assumed-role/Hub/task-1"
	user := "arn:aws:iam::" + hubID + ":user/tools/revokebot"
	for _, c := range []struct {
		a        *Conn
		hub, arn string
		want     bool
	}{
		{spoke, session, "arn:aws:sts::" + prodID + ":assumed-role/revokebot-spoke/req-1", true},
		{spoke, session, "arn:aws:sts::" + devID + ":assumed-role/revokebot-spoke/req-1", false},
		{spoke, session, "arn:aws:sts::" + prodID + ":assumed-role/revokebot-spoke2/req-1", false},
		{spoke, session, session, false},
		{spoke, user, user, false},
		{spoke, session, "", false},
		{ambient, session, session, true},
		{ambient, session, "arn:aws:sts::" + hubID + ":assumed-role/Hub/task-2", true},
		{ambient, session, "arn:aws:sts::" + hubID + ":assumed-role/Other/task-1", false},
		{ambient, user, user, true},
		{ambient, user, "arn:aws:iam::" + hubID + ":user/tools/eve", false},
		{ambient, user, "arn:aws:sts::" + hubID + ":assumed-role/revokebot/x", false},
	} {
		if got := c.a.IsOwn(c.hub, c.arn); got != c.want {
			t.Errorf("%s for the hub %s: %v", c.arn, c.hub, got)
		}
	}
}

func TestSomebodyWhoChangesItAllTheTimeIsToldFiftyTimes(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		eve := b.prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": mayAll}})
		client := b.asUser(eve)
		for range 120 {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(PolicyName), PolicyDocument: awssdk.String(mayAll)})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		got, err := b.cloud.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy"})
		if err != nil || len(got) != maxChanges {
			t.Fatalf("%d changes, %v", len(got), err)
		}
		if newest := b.server.Now().Sub(got[0].At); newest > 2*time.Second {
			t.Errorf("the newest is %v old", newest)
		}
	})
}

func TestWhatWasReadBeforeAFailureIsReturnedWithIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		eve := b.prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": mayAll}})
		client := b.asUser(eve)
		put := func(policy string) {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: awssdk.String("Deploy"), PolicyName: &policy, PolicyDocument: awssdk.String(mayAll)})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		put(PolicyName)
		for range lookupPage {
			put("Noise")
		}
		put(PolicyName)
		b.server.Inject(standin.Fault{Action: "LookupEvents", Times: 1, Delay: time.Nanosecond}) // lets the first page through
		b.server.Inject(standin.Fault{Action: "LookupEvents", Times: -1, Code: "AccessDenied"})
		got, err := b.cloud.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy"})
		if !errors.Is(err, ErrAccessDenied) || len(got) != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAQuestionAboutTamperingThatCannotBeAskedIsAnError(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		now := b.server.Now()
		for _, q := range []TamperQuery{{AccountName: "nobody"}, {AccountName: "prod", Since: now, Until: now.Add(-time.Second)}} {
			if _, err := b.cloud.Tampering(t.Context(), q); Explain(err) == "" {
				t.Errorf("%+v: %v", q, err)
			}
		}
		b.server.Inject(standin.Fault{Action: "GetCallerIdentity", Code: "ExpiredToken"})
		if _, err := b.cloud.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy"}); !errors.Is(err, ErrCredentials) {
			t.Errorf("without knowing who the bot is: %v", err)
		}
	})
}

func TestAnEventThatNamesTheRoleWithoutBeingAboutItsDenyIsNoChange(t *testing.T) {
	record := func(event, role, policy, code string) string {
		return `{"eventName":"` + event + `","errorCode":"` + code + `","requestParameters":{"roleName":"` + role + `","policyName":"` + policy + `"},"userIdentity":{"type":"Root","accountId":"111122223333"}}`
	}
	for text, want := range map[string]bool{
		record("DeleteRolePolicy", "Deploy", PolicyName, ""):             true,
		record("PutRolePolicy", "deploy", PolicyName, ""):                true,
		record("DeleteRolePolicy", "Other", PolicyName, ""):              false, // whose policy is named as the role is
		record("DeleteRolePolicy", "Deploy", "Another", ""):              false,
		record("GetRolePolicy", "Deploy", PolicyName, ""):                false,
		record("DeleteRolePolicy", "Deploy", PolicyName, "AccessDenied"): false,
		"no JSON": false,
	} {
		if _, got := decodeChange(&Conn{Account: prod}, "Deploy", types.Event{CloudTrailEvent: &text}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzDecodeChange(f *testing.F) {
	f.Add(`{"eventName":"PutRolePolicy","requestParameters":{"roleName":"Deploy","policyName":"AWSRevokeOlderSessions","policyDocument":"{}"},"userIdentity":{"type":"IAMUser"}}`)
	f.Fuzz(func(t *testing.T, record string) {
		a := &Conn{Account: prod}
		change, ok := decodeChange(a, "Deploy", types.Event{CloudTrailEvent: &record})
		if ok && (change.Who == "" || change.EventName != "PutRolePolicy" && change.EventName != "DeleteRolePolicy") {
			t.Errorf("%q: %+v", record, change)
		}
	})
}
