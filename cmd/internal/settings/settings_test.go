package settings_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

func TestSettingsAreReadFromTheEnvironmentOrFromFiles(t *testing.T) {
	env := &cmdtest.Env{Variables: map[string]string{
		"SLACK_APP_TOKEN_FILE":       cmdtest.WriteFile(t, "app", cmdtest.AppToken+"\n"),
		"SLACK_BOT_TOKEN_FILE":       cmdtest.WriteFile(t, "bot", "  "+cmdtest.BotToken+"\r\n"),
		"REDIS_URL_FILE":             cmdtest.WriteFile(t, "redis", cmdtest.RedisURL),
		"REVOKEBOT_SIGNING_KEY_FILE": cmdtest.WriteFile(t, "key", cmdtest.SeedText),
		"REVOKEBOT_CONFIG":           "c.yaml", "SLACK_API_URL": "https://slack-gov.com/api",
		"REVOKEBOT_LISTEN": "0.0.0.0:80",
		"REVOKEBOT_LOG":    "text", "REVOKEBOT_LOG_LEVEL": "WARN",
	}}
	got, err := settings.Read(env.Environment())
	want := settings.Settings{
		AppToken: cmdtest.AppToken, BotToken: cmdtest.BotToken, SlackAPI: "https://slack-gov.com/api",
		RedisURL: cmdtest.RedisURL, Config: "c.yaml",
		Listen: "0.0.0.0:80", LogLevel: slog.LevelWarn, Key: keyOf(t, cmdtest.SeedText),
	}
	if err != nil || got != want {
		t.Errorf("got %#v, %v", got, err)
	}
}

// Each file is the only one with a mark, so that no other one's mistake passes for its own.
func TestNoByteOrderMarkGetsIntoAValueOrMakesAFileUnreadable(t *testing.T) {
	const mark = "\ufeff"
	for name, text := range map[string]string{
		"SLACK_APP_TOKEN": cmdtest.AppToken, "SLACK_BOT_TOKEN": cmdtest.BotToken, "REDIS_URL": cmdtest.RedisURL,
		"REVOKEBOT_SIGNING_KEY": cmdtest.SeedText,
	} {
		for _, written := range []string{mark + text, mark + text + "\r\n", mark + "\n " + text} {
			read := func(text string) settings.Settings {
				env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
				delete(env.Variables, name)
				env.Variables[name+"_FILE"] = cmdtest.WriteFile(t, name, text)
				got, err := settings.Read(env.Environment())
				if err != nil {
					t.Errorf("%s: %q: %v", name, text, err)
				}
				return got
			}
			got, want := read(written), read(text)
			got.Config = want.Config // each is in a folder of its own
			if got != want {
				t.Errorf("%s: %q is read as another value", name, written)
			}
		}
	}
	for _, text := range []string{cmdtest.SmallConfig, "\n" + cmdtest.SmallConfig, "# ours\r\n" + cmdtest.SmallConfig} {
		c, err := settings.ReadConfig(cmdtest.WriteFile(t, "c.yaml", mark+text))
		if err != nil || len(c.Accounts) == 0 {
			t.Errorf("%.20q: %+v, %v", text, c, err)
		}
		f := settings.ReadFile(cmdtest.WriteFile(t, "c.yaml", mark+text))
		if len(f.Wrong) > 0 || f.Lines["slack.channels"] == 0 {
			t.Errorf("doctor finds %.20q: %+v", text, f)
		}
	}
}

func TestDefaultsOfTheEnvironment(t *testing.T) {
	env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
	got, err := settings.Read(env.Environment())
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:9090" || !got.LogJSON || got.LogLevel != slog.LevelInfo || got.SlackAPI != "" ||
		!got.Key.IsZero() {
		t.Errorf("got %#v", got)
	}
}

func TestAnEmptyListenAddressTurnsHealthOff(t *testing.T) {
	for _, empty := range []string{"", "  "} {
		env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
		env.Variables["REVOKEBOT_LISTEN"] = empty
		if got, err := settings.Read(env.Environment()); err != nil || got.Listen != "" {
			t.Errorf("%q: listen is %q, %v", empty, got.Listen, err)
		}
	}
}

func TestSlacksAddressIsTakenWithAndWithoutItsLastSlash(t *testing.T) {
	for _, address := range []string{
		"https://slack-gov.com/api", "https://slack-gov.com/api/", "http://127.0.0.1:8081/api", " https://slack.com/api/\n",
	} {
		env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
		env.Variables["SLACK_API_URL"] = address
		if got, err := settings.Read(env.Environment()); err != nil || got.SlackAPI != strings.TrimSpace(address) {
			t.Errorf("%q: %q, %v", address, got.SlackAPI, err)
		}
	}
}

func TestASigningKeyIsTakenWithAndWithoutPadding(t *testing.T) {
	for _, key := range []string{cmdtest.SeedText, strings.TrimRight(cmdtest.SeedText, "=")} {
		env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
		env.Variables["REVOKEBOT_SIGNING_KEY"] = key
		if got, err := settings.Read(env.Environment()); err != nil ||
			got.Key.String() != keyOf(t, cmdtest.SeedText).String() {
			t.Errorf("%d characters: %v", len(key), err)
		}
	}
}

func TestPrintedSettingsHoldNoSecret(t *testing.T) {
	env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
	env.Variables["REVOKEBOT_SIGNING_KEY"] = cmdtest.SeedText
	s, err := settings.Read(env.Environment())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	log := slog.New(slog.NewJSONHandler(&text, nil))
	log.Info("settings", "as a value", s, "as a pointer", &s)
	for _, printed := range []string{s.String(), text.String()} {
		for _, secret := range cmdtest.Secrets() {
			if strings.Contains(printed, secret) {
				t.Errorf("%q is in %s", secret, printed)
			}
		}
	}
}

// keyOf is the key of a seed in base64.
func keyOf(t *testing.T, text string) approvals.Key {
	t.Helper()
	key, err := settings.ReadKey((&cmdtest.Env{Variables: map[string]string{"REVOKEBOT_SIGNING_KEY": text}}).Environment())
	if err != nil {
		t.Fatal(err)
	}
	return key
}
