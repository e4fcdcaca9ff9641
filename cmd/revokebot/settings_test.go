package main

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

// Secrets of the tests. Whatever goes wrong, none of them may be in what is printed.
const (
	appToken  = "xapp-1-A0TEST-1-5ecre7app"
	botToken  = "xoxb-5ecre7bot"
	userToken = "xoxp-5ecre7user"
	password  = "5ecre7redis"
	redisURL  = "redis://:" + password + "@127.0.0.1:1/0"
	seedText  = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
)

var secrets = []string{appToken, botToken, userToken, password, "5ecre7", seedText}

// goodVariables are all that is needed, and the configuration file's path.
func goodVariables(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"SLACK_APP_TOKEN": appToken, "SLACK_BOT_TOKEN": botToken, "REDIS_URL": redisURL,
		"REVOKEBOT_CONFIG": writeFile(t, "revokebot.yaml", smallConfig),
	}
}

// smallConfig is the least that a configuration file can be.
const smallConfig = `slack: {channels: [C0INCIDENT]}
approvals: {approvers: [S0SECURITY]}
accounts: {prod: {id: "111122223333"}}
`

func TestAWrongSettingEndsTheRunWithASentenceThatNamesIt(t *testing.T) {
	empty := writeFile(t, "empty", " \n")
	missing := writeFile(t, "there", "") + "-is-nothing"
	for _, test := range []struct {
		name string
		set  map[string]string // over the good ones; "-" takes one away
		want []string
	}{
		{"the app token is missing", map[string]string{"SLACK_APP_TOKEN": "-"}, []string{"SLACK_APP_TOKEN is missing: put the app-level token (xapp-…"}},
		{"the app token is empty", map[string]string{"SLACK_APP_TOKEN": " "}, []string{"SLACK_APP_TOKEN is missing"}},
		{"the bot token is missing", map[string]string{"SLACK_BOT_TOKEN": "-"}, []string{"SLACK_BOT_TOKEN is missing: put the bot token (xoxb-…)"}},
		{"the bot token stands where the app token belongs", map[string]string{"SLACK_APP_TOKEN": botToken}, []string{"SLACK_APP_TOKEN holds a bot token (xoxb-…): put the app-level token (xapp-…)"}},
		{"the app token stands where the bot token belongs", map[string]string{"SLACK_BOT_TOKEN": appToken}, []string{"SLACK_BOT_TOKEN holds an app-level token (xapp-…): put the bot token (xoxb-…)"}},
		{"the two are swapped", map[string]string{"SLACK_APP_TOKEN": botToken, "SLACK_BOT_TOKEN": appToken}, []string{"SLACK_APP_TOKEN holds a bot token"}},
		{"a user token", map[string]string{"SLACK_BOT_TOKEN": userToken}, []string{"SLACK_BOT_TOKEN holds a user token (xoxp-…)"}},
		{"a rotating token", map[string]string{"SLACK_BOT_TOKEN": "xoxe.xoxb-5ecre7"}, []string{"SLACK_BOT_TOKEN holds a configuration or rotating token"}},
		{"something else", map[string]string{"SLACK_APP_TOKEN": "5ecre7"}, []string{"SLACK_APP_TOKEN holds no Slack token"}},
		{"quotes around the token", map[string]string{"SLACK_BOT_TOKEN": `"` + botToken + `"`}, []string{"SLACK_BOT_TOKEN holds no Slack token"}},
		{"two app tokens", map[string]string{"SLACK_APP_TOKEN": appToken + "\n" + appToken}, []string{"SLACK_APP_TOKEN holds more than a token", "alone"}},
		{"two bot tokens", map[string]string{"SLACK_BOT_TOKEN": botToken + " " + botToken}, []string{"SLACK_BOT_TOKEN holds more than a token", "alone"}},

		{"a token file that is not there", map[string]string{"SLACK_APP_TOKEN": "-", "SLACK_APP_TOKEN_FILE": missing}, []string{"SLACK_APP_TOKEN_FILE names a file that cannot be read (no such file or directory)", "give the path"}},
		{"a folder as a token file", map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": t.TempDir()}, []string{"SLACK_BOT_TOKEN_FILE names a file that cannot be read (is a directory)"}},
		{"an empty token file", map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": empty}, []string{"SLACK_BOT_TOKEN_FILE names an empty file: put the value into it"}},
		{"the token itself as its file", map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": botToken}, []string{"SLACK_BOT_TOKEN_FILE names a file that cannot be read", "not the value itself"}},
		{"a token and its file", map[string]string{"SLACK_APP_TOKEN_FILE": empty}, []string{"SLACK_APP_TOKEN and SLACK_APP_TOKEN_FILE are both set: keep one of them"}},
		{"a Redis address and its file", map[string]string{"REDIS_URL_FILE": empty}, []string{"REDIS_URL and REDIS_URL_FILE are both set: keep one of them"}},
		{"a signing key and its file", map[string]string{"REVOKEBOT_SIGNING_KEY": seedText, "REVOKEBOT_SIGNING_KEY_FILE": empty}, []string{"REVOKEBOT_SIGNING_KEY and REVOKEBOT_SIGNING_KEY_FILE are both set"}},
		{"the wrong token in a file", map[string]string{"SLACK_APP_TOKEN": "-", "SLACK_APP_TOKEN_FILE": writeFile(t, "token", botToken)}, []string{"SLACK_APP_TOKEN holds a bot token"}},

		{"no Redis address", map[string]string{"REDIS_URL": "-"}, []string{"REDIS_URL is missing: set it to the address of a Redis server, such as redis://localhost:6379/0"}},
		{"no configuration file", map[string]string{"REVOKEBOT_CONFIG": "-"}, []string{"REVOKEBOT_CONFIG is missing: set it to the path of the configuration file"}},
		{"a configuration file that is not there", map[string]string{"REVOKEBOT_CONFIG": "/nowhere/revokebot.yaml"}, []string{`REVOKEBOT_CONFIG names a file that cannot be read ("/nowhere/revokebot.yaml", no such file or directory)`}},
		{"a token as the configuration file", map[string]string{"REVOKEBOT_CONFIG": botToken}, []string{"REVOKEBOT_CONFIG names a file that cannot be read", "looks like a Slack token"}},
		{"the Redis address as the configuration file", map[string]string{"REVOKEBOT_CONFIG": redisURL}, []string{"REVOKEBOT_CONFIG names a file that cannot be read", "an address with a password"}},
		{"a path of two lines", map[string]string{"REVOKEBOT_CONFIG": "a\nb"}, []string{`REVOKEBOT_CONFIG names a file that cannot be read ("a\nb"`}},

		{"a port alone to listen on", map[string]string{"REVOKEBOT_LISTEN": "9090"}, []string{`REVOKEBOT_LISTEN is "9090": give a host and a port such as 127.0.0.1:9090, or leave it empty`}},
		{"a web address to listen on", map[string]string{"REVOKEBOT_LISTEN": "http://127.0.0.1:9090"}, []string{`REVOKEBOT_LISTEN is "http://127.0.0.1:9090": give a host and a port`}},
		{"a token to listen on", map[string]string{"REVOKEBOT_LISTEN": appToken}, []string{"REVOKEBOT_LISTEN is what looks like a Slack token (not repeated here)"}},
		{"an unknown form of log", map[string]string{"REVOKEBOT_LOG": "yaml"}, []string{`REVOKEBOT_LOG is "yaml": set it to json or text`}},
		{"a token as the form of log", map[string]string{"REVOKEBOT_LOG": botToken}, []string{"REVOKEBOT_LOG is what looks like a Slack token"}},
		{"an unknown log level", map[string]string{"REVOKEBOT_LOG_LEVEL": "loud"}, []string{`REVOKEBOT_LOG_LEVEL is "loud": set it to debug, info, warn or error`}},
		{"a token as the log level", map[string]string{"REVOKEBOT_LOG_LEVEL": userToken}, []string{"REVOKEBOT_LOG_LEVEL is what looks like a Slack token"}},

		{"no web address as Slack's", map[string]string{"SLACK_API_URL": "slack.com/api"}, []string{`SLACK_API_URL is "slack.com/api", which is not the address of a Web API`, "https://slack-gov.com/api/"}},
		{"a file as Slack's address", map[string]string{"SLACK_API_URL": "file:///etc/passwd"}, []string{"SLACK_API_URL is", "leave it out for Slack"}},
		{"no host in Slack's address", map[string]string{"SLACK_API_URL": "https:///api/"}, []string{"SLACK_API_URL is"}},
		{"a query in Slack's address", map[string]string{"SLACK_API_URL": "https://slack.com/api/?token=1"}, []string{"SLACK_API_URL is"}},
		{"a control character in Slack's address", map[string]string{"SLACK_API_URL": "https://sl\x00ack.com/api/"}, []string{`SLACK_API_URL is "https://sl\x00ack.com/api/"`}},
		{"a token as Slack's address", map[string]string{"SLACK_API_URL": botToken}, []string{"SLACK_API_URL is what looks like a Slack token"}},

		{"a signing key that is no base64", map[string]string{"REVOKEBOT_SIGNING_KEY": "5ecre7!"}, []string{"REVOKEBOT_SIGNING_KEY is not an Ed25519 seed: put the base64 text of 32 random bytes there"}},
		{"a signing key of the wrong length", map[string]string{"REVOKEBOT_SIGNING_KEY": seedText[:40]}, []string{"REVOKEBOT_SIGNING_KEY is not an Ed25519 seed"}},

		{"a Redis address without a scheme", map[string]string{"REDIS_URL": "localhost:6379"}, []string{"REDIS_URL cannot be read", "give an address such as redis://localhost:6379/0"}},
		{"a token as the Redis address", map[string]string{"REDIS_URL": botToken}, []string{"REDIS_URL cannot be read"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := &fakeEnv{variables: goodVariables(t)}
			maps.Copy(env.variables, test.set)
			maps.DeleteFunc(env.variables, func(_, value string) bool { return value == "-" })
			status := env.inProcess(t.Context(), "run")
			wantSentence(t, status, env.stderr.String(), test.want, secrets)
			if env.stdout.Len() > 0 {
				t.Errorf("something was printed on the standard output: %s", env.stdout.String())
			}
		})
	}
}

func TestSettingsAreReadFromTheEnvironmentOrFromFiles(t *testing.T) {
	env := &fakeEnv{variables: map[string]string{
		"SLACK_APP_TOKEN_FILE": writeFile(t, "app", appToken+"\n"), "SLACK_BOT_TOKEN_FILE": writeFile(t, "bot", "  "+botToken+"\r\n"),
		"REDIS_URL_FILE": writeFile(t, "redis", redisURL), "REVOKEBOT_SIGNING_KEY_FILE": writeFile(t, "key", seedText),
		"REVOKEBOT_CONFIG": "c.yaml", "SLACK_API_URL": "https://slack-gov.com/api", "REVOKEBOT_LISTEN": "0.0.0.0:80",
		"REVOKEBOT_LOG": "text", "REVOKEBOT_LOG_LEVEL": "WARN",
	}}
	got, err := readSettings(env.environment())
	want := settings{
		appToken: appToken, botToken: botToken, slackAPI: "https://slack-gov.com/api", redisURL: redisURL, config: "c.yaml",
		listen: "0.0.0.0:80", logLevel: slog.LevelWarn, key: keyOf(t, seedText),
	}
	if err != nil || got != want {
		t.Errorf("got %#v, %v", got, err)
	}
}

func TestDefaultsOfTheEnvironment(t *testing.T) {
	env := &fakeEnv{variables: goodVariables(t)}
	got, err := readSettings(env.environment())
	if err != nil {
		t.Fatal(err)
	}
	if got.listen != "127.0.0.1:9090" || !got.logJSON || got.logLevel != slog.LevelInfo || got.slackAPI != "" || !got.key.IsZero() {
		t.Errorf("got %#v", got)
	}
}

func TestAnEmptyListenAddressTurnsHealthOff(t *testing.T) {
	for _, empty := range []string{"", "  "} {
		env := &fakeEnv{variables: goodVariables(t)}
		env.variables["REVOKEBOT_LISTEN"] = empty
		if got, err := readSettings(env.environment()); err != nil || got.listen != "" {
			t.Errorf("%q: listen is %q, %v", empty, got.listen, err)
		}
	}
}

func TestSlacksAddressIsTakenWithAndWithoutItsLastSlash(t *testing.T) {
	for _, address := range []string{"https://slack-gov.com/api", "https://slack-gov.com/api/", "http://127.0.0.1:8081/api", " https://slack.com/api/\n"} {
		env := &fakeEnv{variables: goodVariables(t)}
		env.variables["SLACK_API_URL"] = address
		if got, err := readSettings(env.environment()); err != nil || got.slackAPI != strings.TrimSpace(address) {
			t.Errorf("%q: %q, %v", address, got.slackAPI, err)
		}
	}
}

func TestASigningKeyIsTakenWithAndWithoutPadding(t *testing.T) {
	for _, key := range []string{seedText, strings.TrimRight(seedText, "=")} {
		env := &fakeEnv{variables: goodVariables(t)}
		env.variables["REVOKEBOT_SIGNING_KEY"] = key
		if got, err := readSettings(env.environment()); err != nil || got.key.String() != keyOf(t, seedText).String() {
			t.Errorf("%d characters: %v", len(key), err)
		}
	}
}

func TestPrintedSettingsHoldNoSecret(t *testing.T) {
	env := &fakeEnv{variables: goodVariables(t)}
	env.variables["REVOKEBOT_SIGNING_KEY"] = seedText
	s, err := readSettings(env.environment())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	log := slog.New(slog.NewJSONHandler(&text, nil))
	log.Info("settings", "as a value", s, "as a pointer", &s)
	for _, printed := range []string{s.String(), text.String()} {
		for _, secret := range secrets {
			if strings.Contains(printed, secret) {
				t.Errorf("%q is in %s", secret, printed)
			}
		}
	}
}

// keyOf is the key of a seed in base64.
func keyOf(t *testing.T, text string) approvals.Key {
	t.Helper()
	key, err := signingKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
