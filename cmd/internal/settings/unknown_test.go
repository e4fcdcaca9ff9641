package settings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/smithy-go/logging"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

func TestAVariableThatRevokebotDoesNotReadIsToldOfWithTheOneThatIsMeant(t *testing.T) {
	env := &cmdtest.Env{Variables: map[string]string{
		"REVOKEBOT_LISTN": "x", "REVOKEBOT_CONFG": "x", "REVOKEBOT_SLACK_TOKEN": "x", "REVOKEBOT_LOG": "json", "PATH": "x",
		"REVOKEBOT_SIGNING_KEY_FILE": "x", "REVOKEBOT_SIGNING_KEY_FIEL": "x", "SLACK_BOT_TOKN": "x",
	}}
	var got []string
	for _, e := range settings.Unknown(env.Environment()) {
		got = append(got, e.Error())
	}
	want := []string{
		"REVOKEBOT_CONFG is no variable of revokebot: set REVOKEBOT_CONFIG if that is meant.",
		"REVOKEBOT_LISTN is no variable of revokebot: set REVOKEBOT_LISTEN if that is meant.",
		"REVOKEBOT_SIGNING_KEY_FIEL is no variable of revokebot: set REVOKEBOT_SIGNING_KEY_FILE if that is meant.",
		"REVOKEBOT_SLACK_TOKEN is no variable of revokebot: take it out.",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

// Each variable that the code reads is known, and in docs/configuration.md.
func TestEachVariableThatIsReadIsKnownToTheHelpAndToThePage(t *testing.T) {
	code, err := os.ReadFile("settings.go")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile("log.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	variable := regexp.MustCompile(`"((?:REVOKEBOT|SLACK|REDIS)_[A-Z_]+)"`)
	for _, m := range variable.FindAllStringSubmatch(string(code)+string(log), -1) {
		read[m[1]] = true
	}
	for _, v := range settings.Variables {
		if !read[v[0]] {
			t.Errorf("%s is listed and not read", v[0])
		}
		if !strings.Contains(string(page), "| `"+v[0]+"` |") {
			t.Errorf("docs/configuration.md has no row for %s", v[0])
		}
		if !strings.Contains(settings.Help(), "  "+v[0]) {
			t.Errorf("the help does not name %s", v[0])
		}
		delete(read, v[0])
	}
	for name := range read {
		t.Errorf("%s is read and not listed", name)
	}
}

func TestWhatAnInterruptedCallSaysIsLeftOutWhenTheProgramStops(t *testing.T) {
	var text bytes.Buffer
	log := settings.NewLogger(&text, true, slog.LevelInfo).With("a", 1)
	ctx, stop := context.WithCancel(t.Context())
	ask := func() {
		log.WarnContext(ctx, "a person could not be looked up", "error", fmt.Errorf("users.info: %w", context.Canceled))
		log.WarnContext(ctx, "another error", "error", errors.New("users.info: refused"))
		log.ErrorContext(ctx, "an alarm", "error", context.Canceled)
		log.InfoContext(ctx, "no error")
	}
	ask()
	before := strings.Count(text.String(), "\n")
	stop()
	ask()
	if after := strings.Count(text.String(), "\n") - before; before != 4 || after != 3 ||
		strings.Count(text.String(), "looked up") != 1 {
		t.Errorf("%d lines while it runs, %d while it stops:\n%s", before, after, text.String())
	}
}

func TestTheSDKLogsThroughOurs(t *testing.T) {
	var text bytes.Buffer
	log := settings.SDKLog{Log: settings.NewLogger(&text, true, slog.LevelInfo)}
	log.Logf(logging.Warn, "no such profile %s\nat all", "x")
	log.Logf(logging.Debug, "a request")
	if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "no such profile x") ||
		!strings.Contains(got, `"level":"WARN","msg":"the AWS SDK"`) {
		t.Error(got)
	}
}

func TestValuesThatMakeLittleSenseAreWarnedAbout(t *testing.T) {
	for _, test := range []struct{ more, warning string }{
		{"revocation: {guard: [1m, 5s]}\n", "revocation.guard is not in order"},
		{"revocation: {guard: [5s, 1m]}\n", ""},
		{"trail: {lookback: 11h}\n", "trail.lookback is 11h0m0s: sessions live for up to 12h"},
		{"trail: {lookback: 12h}\n", ""},
		{"protected_roles: ['*']\n", `protected_roles has "*": it covers all of account prod`},
		{"protected_roles: ['arn:aws:iam::*:role/*']\n", "it covers all of account prod"},
		{"protected_roles: ['arn:aws:iam::111122223333:role/**']\n", "it covers all of account prod"},
		{"protected_roles: ['arn:aws:iam::999900001111:role/*']\n", ""},
		{"protected_roles: ['arn:aws:iam::*:role/admin-*']\n", ""},
		{"protected_users: ['*:user/*']\n", "protected_users has"},
	} {
		f := settings.ParseFile("c.yaml", []byte(`slack: {channels: [C0INCIDENT]}
approvals: {approvers: [S0SECURITY]}
accounts: {prod: {id: "111122223333", assume_role: "arn:aws:iam::111122223333:role/revokebot-spoke", external_id: x}}
`+test.more))
		var all []string
		for _, w := range f.Warnings {
			all = append(all, w.Error())
		}
		if got := strings.Join(all, "\n"); len(f.Wrong) > 0 || test.warning == "" && got != "" ||
			!strings.Contains(got, test.warning) {
			t.Errorf("%s%v: %s", test.more, f.Wrong, got)
		}
	}
	for regions, want := range map[string]string{
		"[eu-wset-1]":               "Write eu-west-1 if that is meant.",
		"[mars-north-1]":            "Correct it, or leave it if it is new",
		"[eu-west-1, mx-central-1]": "",
	} {
		f := settings.ParseFile("c.yaml", []byte(`slack: {channels: [C0INCIDENT]}
approvals: {approvers: [S0SECURITY]}
accounts:
  prod: {id: "111122223333", assume_role: "arn:aws:iam::111122223333:role/revokebot-spoke", external_id: x, regions: `+
			regions+"}\n"))
		if len(f.Wrong) > 0 || want == "" && len(f.Warnings) > 0 ||
			want != "" && (len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0].Error(), want)) {
			t.Errorf("%s: %v, %v", regions, f.Wrong, f.Warnings)
		}
	}
}
