package deploy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

// alarms is a stack of alarms.yaml.
func alarms(t *testing.T) *template {
	t.Helper()
	return mustStack(t, "alarms.yaml", spokeAccount, map[string]string{
		"Topic": "arn:aws:sns:us-east-1:" + spokeAccount + ":alarm",
	})
}

// rings names the rules whose patterns match an event.
func rings(t *testing.T, event string) (names []string) {
	t.Helper()
	var e any
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatalf("%v in %s", err, event)
	}
	s := alarms(t)
	for name := range s.resources {
		if matches(t, s.made(name)["EventPattern"], e) {
			names = append(names, name)
		}
	}
	return names
}

// matches is what the templates use of EventBridge's patterns (Amazon EventBridge User Guide,
// "Comparison operators for use in event patterns"). Anything else fails the test.
func matches(t *testing.T, pattern, event any) bool {
	t.Helper()
	switch p := pattern.(type) {
	case map[string]any:
		e, _ := event.(map[string]any)
		for key, of := range p {
			if key == "$or" {
				if !slices.ContainsFunc(of.([]any), func(one any) bool { return matches(t, one, event) }) {
					return false
				}
			} else if !matches(t, of, e[key]) {
				return false
			}
		}
		return true
	case []any:
		text, ok := event.(string)
		for _, one := range p {
			if ok && matchesText(t, one, text) {
				return true
			}
		}
		return false
	default:
		t.Fatalf("the pattern %v is not known here", pattern)
		return false
	}
}

func matchesText(t *testing.T, operator any, text string) bool {
	t.Helper()
	switch o := operator.(type) {
	case string:
		return o == text
	case []any:
		for _, one := range o {
			if matchesText(t, one, text) {
				return true
			}
		}
		return false
	case map[string]any:
		for name, of := range o {
			switch name {
			case "anything-but":
				return !matchesText(t, of, text)
			case "prefix":
				return strings.HasPrefix(text, of.(string))
			case "wildcard":
				list, several := of.([]any)
				if !several {
					list = []any{of}
				}
				for _, w := range list {
					if wildcard(w.(string), text) {
						return true
					}
				}
				return false
			}
		}
	}
	t.Fatalf("the operator %v is not known here", operator)
	return false
}

// wildcard matches * with any text; a backslash takes its meaning away.
func wildcard(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		for i := range len(text) + 1 {
			if wildcard(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case pattern[0] == '\\' && len(pattern) > 1:
		pattern = pattern[1:]
	}
	return text != "" && text[0] == pattern[0] && wildcard(pattern[1:], text[1:])
}

// call is an event of CloudTrail as EventBridge delivers it.
func spokesCall(t *testing.T, by, name string, parameters map[string]string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": map[string]any{
			"eventName": name, "requestParameters": parameters,
			"userIdentity": map[string]any{"sessionContext": map[string]any{"sessionIssuer": map[string]any{"userName": by}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNoWriteOfAStolenSpokeIsSilentAndNoneOfTheBotRings(t *testing.T) {
	state := contain.State{
		Target: contain.Target{Request: "ABCDEFGHIJ"}, Now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	for _, place := range contain.Revoke().Places(state.Target)[0] {
		state.There = append(state.There, contain.Document{Slot: place})
	}
	ours, err := contain.Revoke().Want(state, nil)
	if err != nil {
		t.Fatal(err)
	}
	revocation := ours[0].Text
	restriction, err := contain.Fresh(contain.Restrict(), contain.Target{
		Request: "ABCDEFGHIJ",
		Params:  []byte(`{"addresses":["198.51.100.0/24","2001:db8::/32"],"networks":["vpc-0a1b2c3d"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	known := restriction[0].Text
	const named, wrote = contain.ConsolePolicy, "WroteNoRevocation"
	hidden := strings.Replace(revocation, `Z"}}}]}`, `Z"}}},{"Effect":"Deny","Action":"*","Resource":"*","Condition":`+
		`{"Bool":{"aws:SecureTransport":"Z"}}}]}`, 1)
	allowed := strings.Replace(hidden, `"Effect":"Deny","Action":"*"`, `"Effect":"Allow","Action":"*"`, 1)
	put := func(name, document string) string {
		return spokesCall(t, "revokebot-spoke", "PutRolePolicy", map[string]string{
			"roleName": "Deploy", "policyName": name, "policyDocument": document,
		})
	}
	instead := func(was, is string) string { return put(named, strings.Replace(revocation, was, is, 1)) }
	other := func(by, name, key, value string) string {
		return spokesCall(t, by, name, map[string]string{key: value})
	}
	for event, want := range map[string]string{
		put(named, revocation): "", put("RevokebotOlderSessions-ABCDEFGH", revocation): "",
		other("revokebot-spoke", "DeleteRolePolicy", "policyName", named):  "",
		other("revokebot-spoke", "AttachRolePolicy", "policyArn", denyAll): "",
		other("revokebot-spoke", "GetRole", "roleName", "Deploy"):          "",
		other("Admin", "PutRolePolicy", "policyName", "any"):               "",
		other("Admin", "UpdateAssumeRolePolicy", "roleName", "Deploy"):     "",
		put(contain.KnownPolicy, known):                                    "",
		put(contain.KnownPolicy+"-ABCDEFGH", known):                        "",
		put("inline", known): wrote, put(contain.KnownPolicy, strings.Replace(known, `"Deny"`, `"Allow"`, 1)): wrote,
		put(contain.KnownPolicy, strings.Replace(known, `"*"`, `"s3:*"`, 1)):            wrote,
		put(contain.KnownPolicy, strings.Replace(known, `"false"`, `"true"`, 1)):        wrote,
		other("revokebot-spoke", "DeleteRolePolicy", "policyName", contain.KnownPolicy): "",
		put(named, mayAll): wrote, put("inline", revocation): wrote, put(named+"2", revocation): wrote,
		instead(`"Deny"`, `"Allow"`): wrote, instead(`"Deny"`, `"\u0041llow"`): wrote, instead(`"*"`, `"s3:*"`): wrote,
		instead("DateLessThan", "DateGreaterThan"): wrote, put(named, hidden): wrote,
		put(named, allowed): wrote,

		other("revokebot-spoke", "DeleteRolePolicy", "policyName", "least-privilege"): "DeletedAnotherPolicy",
		other("revokebot-spoke", "AttachRolePolicy", "policyArn", administrator):      "AttachedAnotherPolicy",
		other("revokebot-spoke", "DetachRolePolicy", "policyArn", administrator):      "AttachedAnotherPolicy",
		other("revokebot-spoke", "CreateAccessKey", "userName", "eve"):                "DidSomethingElse",
		other("revokebot-spoke", "AssumeRole", "roleArn", "x"):                        "DidSomethingElse",
		other("revokebot-users", "UpdateAccessKey", "status", "Inactive"):             "",
		other("revokebot-users", "PutUserPolicy", "userName", "eve"):                  "",
		other("revokebot-users", "UpdateAccessKey", "status", "Active"):               "KeyMadeActive",
		other("revokebot-users", "CreateAccessKey", "userName", "eve"):                "UsersDidSomethingElse",
		other("Admin", "UpdateAccessKey", "status", "Active"):                         "",
		other("Admin", "AttachRolePolicy", "roleName", "revokebot-users"):             "SpokeWasChanged",
		other("Admin", "UpdateAssumeRolePolicy", "roleName", "revokebot-spoke"):       "SpokeWasChanged",
		other("Admin", "CreateRole", "roleName", "revokebot-spoke"):                   "SpokeWasChanged",
	} {
		if got := strings.Join(rings(t, event), " "); got != want {
			t.Errorf("%q rings, want %q, at %s", got, want, event)
		}
	}
}
