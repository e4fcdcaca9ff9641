package trail

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestWhoChangedTheDenyIsToldNewestFirstWithoutTheBotsOwnWrites(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.Role(standin.RoleSpec{Name: "Other"})
		eve := b.Prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": awsbench.MayAll}})
		r := order(b.describe("prod/Deploy"))
		if _, err := b.roles.Apply(t.Context(), nil, r); err != nil {
			t.Fatal(err)
		}
		client := b.AsUser(eve)
		var failed []error
		put := func(role, policy, document string) {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
				RoleName: &role, PolicyName: &policy, PolicyDocument: &document,
			})
			failed = append(failed, err)
			time.Sleep(10 * time.Second)
		}
		remove := func(role, policy string) error {
			_, err := client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
			time.Sleep(10 * time.Second)
			return err
		}
		began := b.Server.Now()
		put("Deploy", contain.ConsolePolicy, awsbench.DenyAt("1999-01-01T00:00:00Z")) // +0
		put("Deploy", "Mine", awsbench.MayAll)                                        // another policy
		put("Other", contain.ConsolePolicy, awsbench.MayAll)                          // another role
		failed = append(failed, remove("Deploy", contain.ConsolePolicy))              // +30
		if err := remove("Deploy", contain.ConsolePolicy); err == nil {
			t.Error("removed what is not there")
		}
		put("Deploy", contain.ConsolePolicy, awsbench.MayAll) // +50, without a deny
		old := b.Session("Deploy")
		_, err := b.AsUser(old).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(contain.ConsolePolicy),
		})
		if err := errors.Join(append(failed, err)...); err != nil {
			t.Fatal(err)
		}

		got, err := b.trail.Tampering(t.Context(), TamperQuery{
			AccountName: "prod", RoleName: "Deploy", Slots: slots, Since: began.Add(-time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range got {
			lines = append(lines, fmt.Sprintf("+%v %s by %s, cutoff %v", c.At.Sub(began.Truncate(time.Second)), c.Name,
				c.Who, cutoffOf(c.Put.Text).Year()))
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
		if n := len(b.Server.Calls("LookupEvents")); n != 2 {
			t.Errorf("%d look-ups", n)
		}
		for _, call := range b.Server.Calls("LookupEvents") {
			if call.Region != "us-east-1" || call.Params["AttributeKey"] != "EventName" {
				t.Errorf("asked %+v", call)
			}
		}
	})
}

func TestTheBotsOwnWritesAreKnownWithAmbientCredentialsToo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: awsbench.TrustEC2})
		kim := b.Hub.AddUser(standin.UserSpec{Name: "kim", Policies: map[string]string{"all": awsbench.MayAll}})
		if _, err := b.roles.Apply(t.Context(), nil, order(b.describe("home/Deploy"))); err != nil {
			t.Fatal(err)
		}
		query := TamperQuery{AccountName: "home", RoleName: "Deploy", Slots: slots}
		if got, err := b.trail.Tampering(t.Context(), query); err != nil || len(got) != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err := b.AsUser(kim).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(contain.ConsolePolicy),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.trail.Tampering(t.Context(), query); err != nil || len(got) != 1 || got[0].Who != "user kim" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// A role of the bot's name elsewhere, and a user, are somebody else.
func TestOnlyTheBotsOwnPrincipalsAreItsOwn(t *testing.T) {
	spoke := &aws.Conn{
		Account: aws.Account{
			ID: awsbench.ProdID, Partition: "aws", AssumeRole: "arn:aws:iam::" + awsbench.ProdID + ":role/tools/revokebot-spoke",
		},
	}
	ambient := &aws.Conn{Account: aws.Account{ID: awsbench.HubID, Partition: "aws"}}
	session := "arn:aws:sts::" + awsbench.HubID + ":assumed-role/Hub/task-1"
	user := "arn:aws:iam::" + awsbench.HubID + ":user/tools/revokebot"
	for _, c := range []struct {
		a        *aws.Conn
		hub, arn string
		want     bool
	}{
		{spoke, session, "arn:aws:sts::" + awsbench.ProdID + ":assumed-role/revokebot-spoke/req-1", true},
		{spoke, session, "arn:aws:sts::" + awsbench.DevID + ":assumed-role/revokebot-spoke/req-1", false},
		{spoke, session, "arn:aws:sts::" + awsbench.ProdID + ":assumed-role/revokebot-spoke2/req-1", false},
		{spoke, session, session, false},
		{spoke, user, user, false},
		{spoke, session, "", false},
		{ambient, session, session, true},
		{ambient, session, "arn:aws:sts::" + awsbench.HubID + ":assumed-role/Hub/task-2", true},
		{ambient, session, "arn:aws:sts::" + awsbench.HubID + ":assumed-role/Other/task-1", false},
		{ambient, user, user, true},
		{ambient, user, "arn:aws:iam::" + awsbench.HubID + ":user/tools/eve", false},
		{ambient, user, "arn:aws:sts::" + awsbench.HubID + ":assumed-role/revokebot/x", false},
	} {
		if got := c.a.IsOwn(c.hub, c.arn); got != c.want {
			t.Errorf("%s for the hub %s: %v", c.arn, c.hub, got)
		}
	}
}

func TestSomebodyWhoChangesItAllTheTimeIsToldFiftyTimes(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		eve := b.Prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": awsbench.MayAll}})
		client := b.AsUser(eve)
		for range 120 {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
				RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(contain.ConsolePolicy),
				PolicyDocument: awssdk.String(awsbench.MayAll),
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		got, err := b.trail.Tampering(t.Context(), TamperQuery{
			AccountName: "prod", RoleName: "Deploy", Slots: slots,
		})
		if err != nil || len(got) != maxChanges {
			t.Fatalf("%d changes, %v", len(got), err)
		}
		if newest := b.Server.Now().Sub(got[0].At); newest > 2*time.Second {
			t.Errorf("the newest is %v old", newest)
		}
	})
}

func TestWhatWasReadBeforeAFailureIsReturnedWithIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		eve := b.Prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": awsbench.MayAll}})
		client := b.AsUser(eve)
		put := func(policy string) {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
				RoleName: awssdk.String("Deploy"), PolicyName: &policy, PolicyDocument: awssdk.String(awsbench.MayAll),
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		put(contain.ConsolePolicy)
		for range lookupPage {
			put("Noise")
		}
		put(contain.ConsolePolicy)
		// lets the removals and the first page of the writes through
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Times: 2, Delay: time.Nanosecond})
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Times: -1, Code: "AccessDenied"})
		got, err := b.trail.Tampering(t.Context(), TamperQuery{
			AccountName: "prod", RoleName: "Deploy", Slots: slots,
		})
		if !errors.Is(err, aws.ErrAccessDenied) || len(got) != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestChangesOfOtherPoliciesDoNotMakeTheSearchForWhoChangedItEndless(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		at := b.Server.Now().Truncate(time.Second)
		tells := func(n int, name, policy string) {
			for range n {
				if err := b.Prod.RecordLate("us-east-1", map[string]any{
					"eventSource": "iam.amazonaws.com", "eventName": name, "eventTime": at.Format(time.RFC3339),
					"requestParameters": map[string]any{"roleName": "Deploy", "policyName": policy},
					"userIdentity":      map[string]any{"type": "Root", "accountId": awsbench.ProdID},
				}, at); err != nil {
					t.Fatal(err)
				}
			}
			at = at.Add(time.Second)
		}
		tells(1, "DeleteRolePolicy", contain.ConsolePolicy)
		tells(1, "PutRolePolicy", contain.ConsolePolicy)
		tells(tamperPages*lookupPage, "GetRolePolicy", contain.ConsolePolicy) // hides nothing
		tells(tamperPages*lookupPage, "PutRolePolicy", "Noise")
		time.Sleep(time.Minute)
		before := len(b.Server.Calls("LookupEvents"))
		got, err := b.trail.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy", Slots: slots})
		if asked := len(b.Server.Calls("LookupEvents")) - before; asked != tamperPages+1 {
			t.Errorf("%d requests", asked)
		}
		if len(got) != 1 || got[0].Name != "DeleteRolePolicy" || !aws.Final(err) ||
			!strings.Contains(aws.Explain(err), "2,000 calls of PutRolePolicy") {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAQuestionAboutTamperingThatCannotBeAskedIsAnError(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.trail.Tampering(t.Context(), TamperQuery{AccountName: "nobody"}); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
		b.Server.Inject(standin.Fault{Action: "GetCallerIdentity", Code: "ExpiredToken"})
		if _, err := b.trail.Tampering(t.Context(), TamperQuery{
			AccountName: "prod", RoleName: "Deploy", Slots: slots,
		}); !errors.Is(err, aws.ErrCredentials) {
			t.Errorf("without knowing who the bot is: %v", err)
		}
	})
}

// AWS tells the names of roles and policies apart without regard to case, and a record may have
// them as the caller wrote them.
func TestNoChangeIsMissedForTheLettersInWhichItNamesTheRoleOrThePolicy(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		for _, asked := range []map[string]any{
			{"roleName": "DEPLOY", "policyName": contain.ConsolePolicy},
			{"roleName": "deploy", "policyName": strings.ToLower(contain.ConsolePolicy)},
		} {
			if err := b.Prod.RecordEvent("us-east-1", map[string]any{
				"eventSource": "iam.amazonaws.com", "eventName": "DeleteRolePolicy", "requestParameters": asked,
				"userIdentity": map[string]any{"type": "Root", "accountId": awsbench.ProdID},
			}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		got, err := b.trail.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy", Slots: slots})
		if err != nil || len(got) != 2 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAnEventThatNamesTheRoleWithoutBeingAboutItsDenyIsNoChange(t *testing.T) {
	record := func(event, role, policy, code string) string {
		return `{"eventName":"` + event + `","errorCode":"` + code + `","requestParameters":{"roleName":"` + role +
			`","policyName":"` + policy + `"},"userIdentity":{"type":"Root","accountId":"111122223333"}}`
	}
	for text, want := range map[string]bool{
		record("DeleteRolePolicy", "Deploy", contain.ConsolePolicy, ""):             true,
		record("PutRolePolicy", "deploy", contain.ConsolePolicy, ""):                true,
		record("DeleteRolePolicy", "Other", contain.ConsolePolicy, ""):              false, // of another role
		record("DeleteRolePolicy", "Deploy", "Another", ""):                         false,
		record("GetRolePolicy", "Deploy", contain.ConsolePolicy, ""):                false,
		record("DeleteRolePolicy", "Deploy", contain.ConsolePolicy, "AccessDenied"): false,
		"no JSON": false,
	} {
		if _, got := decodeChange(&aws.Conn{Account: prodAccount}, TamperQuery{RoleName: "Deploy", Slots: slots},
			types.Event{CloudTrailEvent: &text}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// The kind of a slot says which calls change it, and by which parameter they name it.
func TestWhoAttachesOrDetachesAPolicyIsToldBesideWhoWritesOne(t *testing.T) {
	const lock = "arn:aws:iam::aws:policy/AWSDenyAll"
	q := TamperQuery{
		RoleName: "Deploy", Slots: append(slices.Clone(slots), contain.Slot{Kind: contain.RoleAttached, Name: lock}),
	}
	for _, c := range []struct {
		event, parameter, value string
		slot                    int
		text                    string
	}{
		{"AttachRolePolicy", "policyArn", lock, 1, lock},
		{"DetachRolePolicy", "policyArn", lock, 1, ""},
		{"DetachRolePolicy", "policyArn", "arn:aws:iam::aws:policy/SecurityAudit", -1, ""},
		{"DeleteRolePolicy", "policyArn", lock, -1, ""},
		{"DeleteRolePolicy", "policyName", contain.ConsolePolicy, 0, ""},
		{"DetachRolePolicy", "policyName", contain.ConsolePolicy, -1, ""},
		{"UpdateAssumeRolePolicy", "policyName", contain.ConsolePolicy, -1, ""},
	} {
		record := `{"eventName":"` + c.event + `","requestParameters":{"roleName":"Deploy",` +
			`"` + c.parameter + `":"` + c.value + `"},` +
			`"userIdentity":{"type":"Root","accountId":"111122223333"}}`
		got, ok := decodeChange(&aws.Conn{Account: prodAccount}, q, types.Event{CloudTrailEvent: &record})
		if ok != (c.slot >= 0) || ok && (got.Put.Slot != q.Slots[c.slot] || got.Put.Text != c.text) {
			t.Errorf("%+v: %+v, %v", c, got, ok)
		}
	}
}

func FuzzDecodeChange(f *testing.F) {
	f.Add(`{"eventName":"PutRolePolicy","requestParameters":{"roleName":"Deploy","policyName":"AWSRevokeOlderSessions",` +
		`"policyDocument":"{}"},"userIdentity":{"type":"IAMUser"}}`)
	f.Fuzz(func(t *testing.T, record string) {
		a := &aws.Conn{Account: prodAccount}
		change, ok := decodeChange(a, TamperQuery{RoleName: "Deploy", Slots: slots},
			types.Event{CloudTrailEvent: &record})
		if ok && (change.Who == "" || change.Name != "PutRolePolicy" && change.Name != "DeleteRolePolicy") {
			t.Errorf("%q: %+v", record, change)
		}
	})
}

func TestWhoChangedWhatWasWrittenForAKeyIsTold(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		slots := []contain.Slot{
			{Kind: contain.KeyStatus, Name: "AKIAEXAMPLEEXAMPLE01"}, {Kind: contain.UserInline, Name: "RevokebotOlderSessions"},
		}
		began := b.Server.Now()
		for name, asked := range map[string]map[string]any{
			"UpdateAccessKey":  {"accessKeyId": slots[0].Name, "status": "Active"}, // of its own: names no user
			"DeleteUserPolicy": {"userName": "eve", "policyName": slots[1].Name},
			"PutUserPolicy":    {"userName": "bob", "policyName": slots[1].Name, "policyDocument": "{}"},
			"DeleteAccessKey":  {"userName": "eve", "accessKeyId": "AKIAEXAMPLEEXAMPLE02"},
		} {
			if err := b.Prod.RecordEvent("us-east-1", map[string]any{
				"eventSource": "iam.amazonaws.com", "eventName": name, "sourceIPAddress": "203.0.113.66",
				"userIdentity": map[string]any{
					"type": "IAMUser", "userName": "eve", "arn": "arn:aws:iam::111122223333:user/eve",
				},
				"requestParameters": asked, "readOnly": false,
			}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		got, err := b.trail.Tampering(t.Context(), TamperQuery{
			AccountName: "prod", RoleName: "eve", Slots: slots, Since: began.Add(-time.Minute),
		})
		documents := map[string]string{}
		for _, c := range got {
			documents[c.Name] = c.Put.Text
		}
		want := map[string]string{"UpdateAccessKey": "Active", "DeleteUserPolicy": ""}
		if err != nil || !maps.Equal(documents, want) {
			t.Errorf("got %v, %v", documents, err)
		}
	})
}
