package settings

import (
	"errors"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// minimal is the least that a configuration file can be, one key a line, for tests that add to it:
// line 8 comes next.
const minimal = `slack:
  channels: [C0INCIDENT]
approvals:
  approvers: [S0SECURITY]
accounts:
  prod:
    id: "111122223333"
`

var revokeAlone = []approvals.Measure{approvals.Revoke}

func TestEveryKeyOfTheConfigurationFileIsRead(t *testing.T) {
	data, err := os.ReadFile("testdata/config/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig("full.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Channels: []string{"C0INCIDENT", "G0PRIVATE"}, Requesters: []string{"U0ROSA", "W0REMOTE", "S0ONCALL"}, Connections: 3,
		AllowShared: true,
		Policies: map[string]approvals.Policy{
			"prod": {
				Measures:  []approvals.Measure{"revoke", "lock", "key", "restrict", "freeze", "rotate-external-id"},
				Approvers: []string{"S0PRODOWNERS"}, Required: 2,
			},
			"china": {Measures: revokeAlone, Approvers: []string{"S0SECURITY", "U0BOB"}, Required: 1},
		},
		ExpireAfter: 15 * time.Minute, KeepFor: 90 * 24 * time.Hour, RequireReason: true,
		Common: approvals.Policy{Approvers: []string{"S0SECURITY", "U0BOB"}, Required: 1},
		Accounts: []aws.Account{
			{Name: "china", ID: "012345678901", Partition: "aws-cn", Regions: []string{"cn-north-1"}},
			{
				Name: "prod", ID: "111122223333", Partition: "aws", AssumeRole: "arn:aws:iam::111122223333:role/revokebot-spoke",
				UsersRole: "arn:aws:iam::111122223333:role/revokebot-users",
				TrustRole: "arn:aws:iam::111122223333:role/revokebot-trust",
				Known: contain.Known{
					Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Networks: []string{"vpc-0a1b2c3d"},
				},
				ExternalID: "some-id", Regions: []string{"us-east-1", "eu-west-1"}, AllowUnnamedSessions: true,
				TrailLogGroup: "arn:aws:logs:us-east-1:111122223333:log-group:aws-cloudtrail-logs:*",
			},
		},
		DefaultAccount: "prod", ProtectedRoles: []string{"arn:aws:iam::*:role/break-glass-*"},
		ProtectedUsers: []string{"arn:aws:iam::*:user/break-glass-*"},
		Margin:         45 * time.Second, Lookback: 24 * time.Hour,
		Guard: []time.Duration{
			5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		},
		FollowUps: []time.Duration{5 * time.Minute, 90 * time.Minute},
		AuditFile: "/var/log/revokebot/audit.jsonl",
		Warnings: []*Error{{
			Setting: "slack.allow_shared_channels", Line: 6, Saw: "It is true.",
			Fix: "People of other organisations read the cards and threads of the channels that are shared with them.",
			text: "slack.allow_shared_channels is true: people of other organisations read the cards and threads of the " +
				"channels that are shared with them.",
		}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Error{}), samePrefix); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestDefaultsOfTheConfigurationFile(t *testing.T) {
	want := Config{
		Channels: []string{
			"C0INCIDENT",
		}, Connections: 2, Common: approvals.Policy{Approvers: []string{"S0SECURITY"}, Required: 1},
		Policies: map[string]approvals.Policy{"prod": {
			Measures: revokeAlone, Approvers: []string{"S0SECURITY"},
			Required: 1,
		}},
		Accounts: []aws.Account{{Name: "prod", ID: "111122223333"}}, ExpireAfter: 15 * time.Minute,
		KeepFor: 90 * 24 * time.Hour, Margin: 30 * time.Second,
		Lookback: 12 * time.Hour,
		Guard: []time.Duration{
			5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		},
		FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute},
	}
	// A key without a value is as good as none.
	for _, more := range []string{
		"", "revocation:\n", "revocation:\n  margin:\n  guard: ~\ntrail:\n  lookback: null\n  follow_ups:\n" +
			"default_account:\nprotected_roles:\n", "---\n", "...\n",
	} {
		got, err := ParseConfig("minimal.yaml", []byte(minimal+more))
		if more == "---\n" {
			got, err = ParseConfig("minimal.yaml", []byte(more+minimal))
		}
		if err != nil {
			t.Errorf("%q: %v", more, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Error{})); diff != "" {
			t.Errorf("%q: want (-), got (+):\n%s", more, diff)
		}
	}
}

func TestAWrongConfigurationFileIsRefusedWithTheLineOrTheKey(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{
			"an unknown key at the top", minimal + "extra: 1\n",
			`line 8: there is no key "extra" here: correct its spelling or its indentation, or take it out.`,
		},
		{
			"an unknown key below slack", "slack:\n  chanels: [C0INCIDENT]\n",
			`line 2: there is no key "chanels" here: correct its spelling or its indentation, or take it out.`,
		},
		{
			"an unknown key of an account", minimal + "    idd: x\n",
			`line 8: there is no key "idd" here: correct its spelling or its indentation, or take it out.`,
		},
		{
			"a measure that is none", minimal + "    measures: [revoke, lok]\n",
			`line 8: "lok" is no measure: write some of revoke lock key restrict freeze rotate-external-id.`,
		},
		{
			"known addresses that are private", minimal + "    known_addresses: [10.0.0.0/8]\n",
			"accounts.prod.known_addresses cannot be used: 10.0.0.0/8 is private: AWS sees public addresses only; " +
				"name the VPC instead.",
		},
		{
			"an account without a measure", minimal + "    measures: []\n",
			"accounts.prod.measures is empty: list some of revoke lock key restrict freeze rotate-external-id.",
		},
		{
			"a key in capital letters", strings.Replace(minimal, "slack", "Slack", 1),
			`line 1: there is no key "Slack" here: correct its spelling or its indentation, or take it out.`,
		},
		{
			"a key given twice", minimal + "slack:\n  channels: [C0OTHER]\n",
			`line 8: the key "slack" is given a second time: keep one.`,
		},
		{
			"an account given twice", minimal + "  prod:\n    id: \"444455556666\"\n",
			`line 8: the key "prod" is given a second time: keep one.`,
		},
		{
			"a second document", minimal + "---\nslack: {}\n",
			`line 9: a second document begins here: keep everything in one, without a line of ---.`,
		},
		{
			"a tab", minimal + "revocation:\n\tmargin: 5s\n",
			"line 9: found character '\t' that cannot start any token: compare it with docs/configuration.md.",
		},
		{
			"an open bracket", "slack: {channels: [C0INCIDENT]",
			`line 1: could not find flow mapping end token '}': compare it with docs/configuration.md.`,
		},
		{
			"a list where keys belong", "[]\n",
			`line 1: sequence was used where mapping is expected: compare it with docs/configuration.md.`,
		},
		{
			"a word where keys belong", "slack: C0INCIDENT\n",
			`line 1: string was used where mapping is expected: compare it with docs/configuration.md.`,
		},
		{
			"a text where a list belongs", minimal + "protected_roles: break-glass\n",
			`line 8: string was used where sequence is expected: compare it with docs/configuration.md.`,
		},
		{
			"a list where a text belongs", minimal + "default_account: [prod]\n",
			`line 8: a list stands where a text is expected: compare it with docs/configuration.md.`,
		},
		{
			"a text where true or false belongs", strings.Replace(minimal, "approvals:", "approvals:\n  require_reason: always",
				1), `line 4: a text stands where true or false is expected: compare it with docs/configuration.md.`,
		},
		{
			"no connection at all", strings.Replace(minimal, "approvals:", "  connections: 0\napprovals:", 1),
			"slack.connections is 0: it has to lie between 1 and 10.",
		},
		{
			"an eleventh connection", strings.Replace(minimal, "approvals:", "  connections: 11\napprovals:", 1),
			"slack.connections is 11: it has to lie between 1 and 10.",
		},
		{
			"a duration without a unit", minimal + "revocation:\n  margin: 15\n",
			`line 9: "15" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a quoted duration without a unit", minimal + "trail:\n  lookback: \"15\"\n",
			`line 9: "15" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a negative duration", minimal + "revocation:\n  margin: -5s\n",
			`line 9: "-5s" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a duration in days", minimal + "trail:\n  lookback: 2d\n",
			`line 9: "2d" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a duration in words", minimal + "trail:\n  lookback: half a day\n",
			`line 9: "half a day" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a wrong duration in a list", minimal + "revocation:\n  guard:\n    - 5s\n    - 7\n",
			`line 11: "7" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a list where a duration belongs", minimal + "revocation:\n  margin: [1s]\n",
			`line 9: "[1s]" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"a duration where a list belongs", minimal + "revocation:\n  guard: 5s\n",
			`line 9: string was used where sequence is expected: compare it with docs/configuration.md.`,
		},
		{
			"a duration too long to count", minimal + "trail:\n  lookback: 9999999h\n",
			`line 9: "9999999h" is no duration: write a number and a unit such as 30s, 15m or 12h.`,
		},
		{
			"half a second to expire", strings.Replace(minimal, "approvals:", "approvals:\n  expire_after: 500ms", 1),
			"approvals.expire_after is 500ms: a second is the least.",
		},
		{
			"no time to expire", strings.Replace(minimal, "approvals:", "approvals:\n  expire_after: 0s", 1),
			"approvals.expire_after is 0s: a second is the least.",
		},
		{
			"half a second of margin", minimal + "revocation: {margin: 500ms}\n",
			"revocation.margin is 500ms: a second is the least.",
		},
		{
			"half a second to guard", minimal + "revocation: {guard: [5s, 500ms]}\n",
			"revocation.guard is 500ms: a second is the least.",
		},
		{
			"half a second of lookback", minimal + "trail: {lookback: 500ms}\n",
			"trail.lookback is 500ms: a second is the least.",
		},
		{
			"half a second to follow up", minimal + "trail: {follow_ups: [500ms]}\n",
			"trail.follow_ups is 500ms: a second is the least.",
		},
		{
			"a margin above two minutes", minimal + "revocation: {margin: 121s}\n",
			"revocation.margin is 2m1s: it has to lie between 0s and 120s.",
		},

		{
			"nothing at all", "", "slack.channels is empty: list ids of channels (C…). approvals.approvers is empty: " +
				"list ids of people (U… or W…) or user groups (S…). accounts is empty: name at least one account with its id.",
		},
		{
			"no channels", strings.Replace(minimal, "[C0INCIDENT]", "[]", 1),
			"slack.channels is empty: list ids of channels (C…).",
		},
		{
			"no approvers", strings.Replace(minimal, "[S0SECURITY]", "[]", 1),
			"approvals.approvers is empty: list ids of people (U… or W…) or user groups (S…).",
		},
		{
			"no approvers of an account", minimal + "    approvers: []\n",
			"accounts.prod.approvers is empty: list ids of people (U… or W…) or user groups (S…).",
		},
		{
			"a channel's name", strings.Replace(minimal, "[C0INCIDENT]", `["#incident"]`, 1),
			`slack.channels has "#incident": list ids of channels (C…), not names.`,
		},
		{
			"a direct message", strings.Replace(minimal, "C0INCIDENT", "D0BOB", 1),
			`slack.channels has "D0BOB": list ids of channels (C…), not names.`,
		},
		{
			"a group's name", strings.Replace(minimal, "S0SECURITY", "'@security'", 1),
			`approvals.approvers has "@security": list ids of people (U… or W…) or user groups (S…), not names.`,
		},
		{
			"a person's name", minimal + "    approvers: [bob]\n",
			`accounts.prod.approvers has "bob": list ids of people (U… or W…) or user groups (S…), not names.`,
		},
		{
			"an address as a requester", strings.Replace(minimal, "slack:", "slack:\n  requesters: [rosa@example.com]", 1),
			`slack.requesters has "rosa@example.com": list ids of people (U… or W…) or user groups (S…), not names.`,
		},
		{
			"an empty id", strings.Replace(minimal, "S0SECURITY", "''", 1),
			`approvals.approvers has "": list ids of people (U… or W…) or user groups (S…), not names.`,
		},
		{
			"an id with a line after it", strings.Replace(minimal, "S0SECURITY", `"S0SECURITY\n"`, 1),
			`approvals.approvers has "S0SECURITY\n": list ids of people (U… or W…) or user groups (S…), not names.`,
		},
		{
			"a token as a channel", strings.Replace(minimal, "C0INCIDENT", "xoxb-5ecre7bot", 1),
			`slack.channels has what looks like a Slack token (not repeated here): list ids of channels (C…), not names.`,
		},

		{
			"no approvals required", strings.Replace(minimal, "approvals:", "approvals:\n  required: 0", 1),
			"approvals.required is 0: it has to lie between 1 and 5.",
		},
		{
			"a negative number required", strings.Replace(minimal, "approvals:", "approvals:\n  required: -1", 1),
			"approvals.required is -1: it has to lie between 1 and 5.",
		},
		{
			"six required", strings.Replace(minimal, "approvals:", "approvals:\n  required: 6", 1),
			"approvals.required is 6: it has to lie between 1 and 5.",
		},
		{
			"none required in an account", minimal + "    required: 0\n",
			"accounts.prod.required is 0: it has to lie between 1 and 5.",
		},
		{
			"six required in an account", minimal + "    required: 6\n",
			"accounts.prod.required is 6: it has to lie between 1 and 5.",
		},
		{
			"one and a half required", minimal + "    required: 1.5\n",
			`line 8: "1.5" is no whole number: write one such as 2.`,
		},
		{
			"a word as the number required", minimal + "    required: two\n",
			`line 8: "two" is no whole number: write one such as 2.`,
		},
		{
			"a wrong number that every account replaces", strings.Replace(minimal, "approvals:", "approvals:\n  required: 0",
				1) + "    required: 1\n", "approvals.required is 0: it has to lie between 1 and 5.",
		},

		{
			"no accounts", strings.SplitAfter(minimal, "S0SECURITY]\n")[0] + "accounts: {}\n",
			"accounts is empty: name at least one account with its id.",
		},
		{
			"an unknown default account", minimal + "default_account: staging\n",
			`default_account is "staging", which is not among the accounts: name one of them, or leave it out.`,
		},
		{
			"a default account in other letters", minimal + "default_account: Prod\n",
			`default_account is "Prod", which is not among the accounts: name one of them, or leave it out.`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseConfig("revokebot.yaml", []byte(test.text))
			if usage, ok := errors.AsType[*Error](err); !ok || usage.Error() != "revokebot.yaml: "+test.want {
				t.Errorf("\n got %v\nwant revokebot.yaml: %s", err, test.want)
			}
		})
	}
}

func TestASecondIsTakenAsADurationEverywhereAndNoMarginTooWithAWarning(t *testing.T) {
	got, err := ParseConfig("revokebot.yaml",
		[]byte(strings.Replace(minimal, "approvals:", "approvals:\n  expire_after: 1s", 1)+
			"revocation: {margin: 1s, guard: [1s]}\ntrail: {lookback: 1s, follow_ups: [1s]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got.ExpireAfter != time.Second || got.Margin != time.Second || got.Lookback != time.Second ||
		!slices.Equal(got.Guard, []time.Duration{time.Second}) || !slices.Equal(got.FollowUps, []time.Duration{time.Second}) {
		t.Errorf("got %+v", got)
	}
	wantWarnings(t, got, "approvals.expire_after is 1s", "revocation.margin is 1s", "trail.lookback is 1s",
		"trail.follow_ups end after 1s")

	for _, none := range []string{"0s", "0", `"0s"`} {
		got, err := ParseConfig("revokebot.yaml", []byte(minimal+"revocation: {margin: "+none+"}\n"))
		if err != nil || got.Margin != 0 {
			t.Errorf("margin %s: %v, %v", none, got.Margin, err)
			continue
		}
		wantWarnings(t, got, "revocation.margin is 0s")
	}
	if got, err := ParseConfig("revokebot.yaml", []byte(minimal+"revocation: {margin: 120s}\n")); err != nil ||
		got.Margin != 2*time.Minute {
		t.Errorf("margin 120s: %v, %v", got.Margin, err)
	}
}

func TestWhatMakesLittleSenseIsAWarning(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing odd", minimal, nil},
		{
			"a day to expire", strings.Replace(minimal, "approvals:", "approvals:\n  expire_after: 25h", 1),
			[]string{"approvals.expire_after is 25h0m0s"},
		},
		{
			"one connection", strings.Replace(minimal, "approvals:", "  connections: 1\napprovals:", 1),
			[]string{"slack.connections is 1"},
		},
		{"five connections", strings.Replace(minimal, "approvals:", "  connections: 5\napprovals:", 1), nil},
		{
			"six connections", strings.Replace(minimal, "approvals:", "  connections: 6\napprovals:", 1),
			[]string{"slack.connections is 6: Slack allows the app 10 in all"},
		},
		{
			"a year of lookback", minimal + "trail: {lookback: 8760h}\n", []string{
				"trail.lookback is 8760h0m0s: CloudTrail's event history goes back 90 days",
			},
		},
		{"no guard", minimal + "revocation: {guard: []}\n", []string{"revocation.guard is empty"}},
		{"no follow-ups", minimal + "trail: {follow_ups: []}\n", []string{"trail.follow_ups is empty"}},
		{
			"follow-ups that end early", minimal + "trail: {follow_ups: [5m, 15m]}\n", []string{
				"trail.follow_ups end after 15m0s: CloudTrail is minutes late, so the verdict can not be \"contained\" before " +
					"15m30s",
			},
		},
		{
			"a role without an external id", minimal + "    assume_role: arn:aws:iam::111122223333:role/spoke\n",
			[]string{"accounts.prod has assume_role without external_id"},
		},
		{
			"one approver alone", strings.Replace(minimal, "S0SECURITY", "U0BOB", 1), []string{
				"accounts.prod: 1 approver is required and 1 person is listed: a request by one of them cannot be approved",
			},
		},
		{"the same person twice", strings.Replace(minimal, "S0SECURITY", "U0BOB, U0BOB", 1), []string{"1 person is listed"}},
		{
			"fewer people than are required", strings.Replace(minimal, "S0SECURITY", "U0BOB, U0INES", 1) + "    required: 3\n",
			[]string{"3 approvers are required and 2 people are listed"},
		},
		{"more people than are required", strings.Replace(minimal, "S0SECURITY", "U0BOB, U0INES", 1), nil},
		{"a group, whose members nobody knows here", minimal + "    required: 5\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseConfig("revokebot.yaml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			wantWarnings(t, got, test.want...)
		})
	}
}

// wantWarnings checks that there is one warning for each part, and none besides.
func wantWarnings(t *testing.T, c Config, parts ...string) {
	t.Helper()
	if len(c.Warnings) != len(parts) {
		t.Errorf("%d warnings, want %d: %q", len(c.Warnings), len(parts), c.Warnings)
		return
	}
	for i, part := range parts {
		if !strings.Contains(c.Warnings[i].Error(), part) || !strings.HasSuffix(c.Warnings[i].Error(), ".") {
			t.Errorf("warning %q, want one with %q", c.Warnings[i].Error(), part)
		}
	}
}

func TestAnAccountsOwnApproversAndNumberReplaceTheCommonOnes(t *testing.T) {
	text := strings.Replace(minimal, "approvals:", "approvals:\n  required: 3", 1) +
		"    approvers: [U0BOB, U0INES, U0NILS]\n    required: 2\n  staging:\n    id: \"444455556666\"\n  dev:\n" +
		"    id: \"777788889999\"\n    approvers: [S0DEV]\n"
	got, err := ParseConfig("revokebot.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]approvals.Policy{
		"prod":    {Measures: revokeAlone, Approvers: []string{"U0BOB", "U0INES", "U0NILS"}, Required: 2},
		"staging": {Measures: revokeAlone, Approvers: []string{"S0SECURITY"}, Required: 3},
		"dev":     {Measures: revokeAlone, Approvers: []string{"S0DEV"}, Required: 3},
	}
	if diff := cmp.Diff(want, got.Policies); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestTheFullFileHasEveryKeyButOne(t *testing.T) {
	f := ReadFile("testdata/config/full.yaml")
	found := 0
	var walk func(prefix string, in reflect.Type)
	walk = func(prefix string, in reflect.Type) {
		for i := range in.NumField() {
			field := in.Field(i)
			key := prefix + field.Tag.Get("yaml")
			switch {
			case field.Type.Kind() == reflect.Struct:
				walk(key+".", field.Type)
			case field.Type.Kind() == reflect.Map:
				walk(key+".prod.", field.Type.Elem())
			case f.Lines[key] > 0:
				found++
			case key != "approvals.keep_for":
				t.Errorf("it lacks %s", key)
			}
		}
	}
	walk("", reflect.TypeFor[file]())
	if found < 20 {
		t.Errorf("only %d keys were found", found)
	}
}

func TestTheFirstMistakeInTheFormIsToldWithItsLine(t *testing.T) {
	f := ParseFile("revokebot.yaml", []byte("slack:\n  channels: incident\n  chanels: []\n"))
	if len(f.Wrong) != 1 || f.Wrong[0].Line != 2 && f.Wrong[0].Line != 3 || f.Lines != nil {
		t.Errorf("it is %+v", f)
	}
}

var samePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
