package trail

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/events.json
var eventsJSON []byte

// sample is an event in the shapes that CloudTrail documents, with what a reader should find in it.
type sample struct {
	Name   string
	Expect struct {
		Outcome, IssuedAccessKeyID, CallerAccessKeyID, CallerType, CallerARN, CallerAccount, RoleARN, RoleID string
		SessionName, SourceIdentity, SharedEventID, EventRegion, ErrorCode                                   string
		RoleARNFromMessage, ExternalID, MFASerial                                                            string
		CallerPrincipalID, InvokedBy                                                                         string
		DurationSeconds                                                                                      int
		ExplicitDeny                                                                                         bool
		Expiration                                                                                           time.Time
	}
	LookupEvent types.Event
}

func samples(t testing.TB) map[string]sample {
	t.Helper()
	var all []sample
	if err := json.Unmarshal(eventsJSON, &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]sample{}
	for _, s := range all {
		byName[s.Name] = s
	}
	return byName
}

func TestEverySampleEventYieldsWhatItHolds(t *testing.T) {
	callers := map[string]string{
		"iam_user_same_account_mfa":      "user alice",
		"role_chaining":                  "role Deploy (session alice@example.com) [Email=alice@example.com]",
		"service_ec2_instance_profile":   "EC2 instance i-0abc123def4567890",
		"service_lambda":                 "Lambda function orders-fn",
		"cross_account_user_caller_side": "user John in 777788889999",
		"cross_account_user_owner_side":  "account 777788889999 (AIDAEXAMPLEJOHN000001)",
		"saml_corporate_idp":             "carol@example.com (SAML CorpIdP) [CostCenter=987654]",
		"identity_center_permission_set": "dave@example.com (SAML AWSSSO_EXAMPLE_DO_NOT_DELETE)",
		"github_oidc_name_subject":       "GitHub acme/shop main",
		"eks_irsa":                       "Kubernetes service account pay/payments",
		"denied_assume_role":             "user eve in 777788889999",
	}
	ids := map[string]string{
		"iam_user_same_account_mfa":      "principal AIDAEXAMPLEALICE00001",
		"role_chaining":                  "principal AROAEXAMPLEDEPLOY0001 alice",
		"service_ec2_instance_profile":   "service ec2.amazonaws.com i-0abc123def4567890",
		"service_lambda":                 "service lambda.amazonaws.com orders-fn",
		"cross_account_user_caller_side": "principal AIDAEXAMPLEJOHN000001",
		"cross_account_user_owner_side":  "principal AIDAEXAMPLEJOHN000001",
		"saml_corporate_idp":             "saml arn:aws:iam::111122223333:saml-provider/CorpIdP carol@example.com",
		"identity_center_permission_set": "saml arn:aws:iam::111122223333:saml-provider/AWSSSO_EXAMPLE_DO_NOT_DELETE " +
			"dave@example.com",
		"github_oidc_name_subject": "web arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com " +
			"repo:acme/shop:ref:refs/heads/main",
		"eks_irsa": "web arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/" +
			"EXAMPLED539D4633E53DE1B71EXAMPLE system:serviceaccount:pay:payments",
		"denied_assume_role": "principal AIDAEXAMPLEEVE0000001",
	}
	mfa := map[string]MFA{
		"iam_user_same_account_mfa": MFAUsed, "role_chaining": MFAUsed,
		"cross_account_user_caller_side": MFAUsed, "cross_account_user_owner_side": MFAUsed,
	}
	seen := 0
	for name, e := range samples(t) {
		got, issue := decodeEvent(e.LookupEvent, "xx-nowhere-1")
		if want := e.Expect.Outcome == "issued" || e.Expect.Outcome == "denied"; issue != want {
			t.Errorf("%s: issues a session: %v", name, issue)
		}
		if !issue {
			continue
		}
		seen++
		want := Session{
			EventID: awssdk.ToString(e.LookupEvent.EventId), EventName: awssdk.ToString(e.LookupEvent.EventName),
			Time: *e.LookupEvent.EventTime, Expires: e.Expect.Expiration, Region: e.Expect.EventRegion,
			Caller: callers[name], CallerType: e.Expect.CallerType, CallerARN: e.Expect.CallerARN,
			CallerAccessKey: e.Expect.CallerAccessKeyID, SessionName: e.Expect.SessionName,
			SourceIdentity: e.Expect.SourceIdentity, AccessKeyID: e.Expect.IssuedAccessKeyID,
			RoleARN: e.Expect.RoleARN + e.Expect.RoleARNFromMessage, ErrorCode: e.Expect.ErrorCode,
			Kind: Kind(awssdk.ToString(e.LookupEvent.EventName)), Denied: e.Expect.Outcome == "denied",
			Duration:   time.Duration(e.Expect.DurationSeconds) * time.Second,
			ExternalID: map[bool]string{true: "ticket-4711"}[name == "iam_user_same_account_mfa"],
			CallerID:   ids[name], MFA: mfa[name], CallerRole: map[bool]string{
				true: "arn:aws:iam::111122223333:role/ops/Deploy",
			}[name == "role_chaining"],
			// Not told by every sample, and checked for those that tell it:
			RoleID: got.RoleID, SharedEventID: got.SharedEventID,
			SourceAddress: got.SourceAddress, UserAgent: got.UserAgent, CallerBegan: got.CallerBegan, Tags: got.Tags,
			CallerName: got.CallerName,
		}
		for _, told := range []struct{ expect, got string }{
			{e.Expect.RoleID, got.RoleID},
			{e.Expect.SharedEventID, got.SharedEventID},
		} {
			if told.expect != "" && told.expect != told.got {
				t.Errorf("%s: %q, want %q", name, told.got, told.expect)
			}
		}
		if !strings.Contains(got.CallerID, e.Expect.CallerPrincipalID) {
			t.Errorf("%s: the mark %q is not of %s", name, got.CallerID, e.Expect.CallerPrincipalID)
		}
		if got.SourceAddress == "" || got.UserAgent == "" {
			t.Errorf("%s: address %q, agent %q", name, got.SourceAddress, got.UserAgent)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if seen != len(callers) {
		t.Errorf("%d events that issue sessions, want %d", seen, len(callers))
	}
}

func TestTheSessionTokenIsDroppedAtTheDecoder(t *testing.T) {
	const token = "SESSION-TOKEN"
	found := 0
	for name, e := range samples(t) {
		if strings.Contains(awssdk.ToString(e.LookupEvent.CloudTrailEvent), token) {
			found++
		}
		got, _ := decodeEvent(e.LookupEvent, "us-east-1")
		if printed := fmt.Sprintf("%+v", got); strings.Contains(printed, token) {
			t.Errorf("%s: %s", name, printed)
		}
		var r record
		if err := json.Unmarshal([]byte(awssdk.ToString(e.LookupEvent.CloudTrailEvent)), &r); err != nil {
			t.Fatal(err)
		}
		if printed := fmt.Sprintf("%+v", r); strings.Contains(printed, token) {
			t.Errorf("%s: decoded into %s", name, printed)
		}
	}
	if found < 10 {
		t.Errorf("only %d samples hold a token", found)
	}
}

func TestAnEventThatCannotBeReadIsShownFromItsEnvelope(t *testing.T) {
	whole := samples(t)["iam_user_same_account_mfa"].LookupEvent
	for _, broken := range []string{"", "{", "null", "7"} {
		e := whole
		e.CloudTrailEvent = &broken
		got, ok := decodeEvent(e, "eu-west-1")
		want := Session{
			EventID: *e.EventId, EventName: "AssumeRole", Time: *e.EventTime, Region: "eu-west-1", Caller: "alice",
			CallerAccessKey: "AKIAEXAMPLEALICE0001", AccessKeyID: "ASIAEXAMPLESESS00001",
			RoleARN: "arn:aws:iam::111122223333:role/ops/Deploy", Kind: KindAssumed, CallerID: "alice", CallerName: "alice",
		}
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", broken, ok, diff)
		}
	}
	mistyped := strings.Replace(*whole.CloudTrailEvent, `"sourceIPAddress":"203.0.113.10"`, `"sourceIPAddress":7`, 1)
	e := whole
	e.CloudTrailEvent = &mistyped
	got, _ := decodeEvent(e, "eu-west-1")
	if got.SourceAddress != "" || got.Caller != "user alice" || got.SessionName != "alice@example.com" {
		t.Errorf("one member of another type: %+v", got)
	}
}

func TestBothTextFormsOfTheExpirationAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"Feb 9, 2026, 9:57:03 PM":      "2026-02-09T21:57:03Z",
		"Feb 9, 2026, 9:57:03\u202fPM": "2026-02-09T21:57:03Z",
		"Jul 4, 2019 4:29:29 PM":       "2019-07-04T16:29:29Z",
		"2026-02-09T21:57:03Z":         "2026-02-09T21:57:03Z",
		"tomorrow":                     "0001-01-01T00:00:00Z",
	} {
		if got := parseExpiration(text).Format(time.RFC3339); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestWhatIsToldTwiceCountsOnce(t *testing.T) {
	both := samples(t)
	owner, _ := decodeEvent(both["cross_account_user_owner_side"].LookupEvent, "us-east-2")
	caller, _ := decodeEvent(both["cross_account_user_caller_side"].LookupEvent, "us-east-2")
	other, _ := decodeEvent(both["iam_user_same_account_mfa"].LookupEvent, "eu-west-1")
	for _, order := range [][]Session{
		{owner, caller, other, other}, {other, caller, owner}, {caller, other, owner, owner},
	} {
		got := once(order)
		if len(got) != 2 || got[0].Caller != "user John in 777788889999" || got[1].Caller != "user alice" {
			t.Errorf("got %+v", got)
		}
	}
	// Whichever event comes first, the one that names the caller stays.
	owner.EventID, caller.EventID = caller.EventID, owner.EventID
	if got := once([]Session{owner, caller}); len(got) != 1 || got[0].CallerARN == "" {
		t.Errorf("got %+v", got)
	}
	keyOnly := caller
	keyOnly.EventID, keyOnly.SharedEventID = "another", ""
	if got := once([]Session{caller, keyOnly}); len(got) != 1 {
		t.Errorf("the same issued key: %d", len(got))
	}
	if got := once([]Session{{EventID: "a"}, {EventID: "b"}, {}, {}}); len(got) != 4 {
		t.Errorf("events without ids are not the same: %d", len(got))
	}
}
