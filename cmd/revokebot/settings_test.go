package main

import (
	"maps"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
)

func TestAWrongSettingEndsTheRunWithASentenceThatNamesIt(t *testing.T) {
	empty := cmdtest.WriteFile(t, "empty", " \n")
	missing := cmdtest.WriteFile(t, "there", "") + "-is-nothing"
	for _, test := range []struct {
		name string
		set  map[string]string // over the good ones; "-" takes one away
		want []string
	}{
		{
			"the app token is missing",
			map[string]string{"SLACK_APP_TOKEN": "-"},
			[]string{"SLACK_APP_TOKEN is missing: put the app-level token (xapp-…"},
		},
		{"the app token is empty", map[string]string{"SLACK_APP_TOKEN": " "}, []string{"SLACK_APP_TOKEN is missing"}},
		{
			"the bot token is missing",
			map[string]string{"SLACK_BOT_TOKEN": "-"},
			[]string{"SLACK_BOT_TOKEN is missing: put the bot token (xoxb-…)"},
		},
		{
			"the bot token stands where the app token belongs",
			map[string]string{"SLACK_APP_TOKEN": botToken},
			[]string{"SLACK_APP_TOKEN holds a bot token (xoxb-…): put the app-level token (xapp-…)"},
		},
		{
			"the app token stands where the bot token belongs",
			map[string]string{"SLACK_BOT_TOKEN": appToken},
			[]string{"SLACK_BOT_TOKEN holds an app-level token (xapp-…): put the bot token (xoxb-…)"},
		},
		{
			"the two are swapped",
			map[string]string{"SLACK_APP_TOKEN": botToken, "SLACK_BOT_TOKEN": appToken},
			[]string{"SLACK_APP_TOKEN holds a bot token"},
		},
		{
			"a user token",
			map[string]string{"SLACK_BOT_TOKEN": cmdtest.UserToken},
			[]string{"SLACK_BOT_TOKEN holds a user token (xoxp-…)"},
		},
		{
			"a rotating token",
			map[string]string{"SLACK_BOT_TOKEN": "xoxe.xoxb-5ecre7"},
			[]string{"SLACK_BOT_TOKEN holds a configuration or rotating token"},
		},
		{"something else", map[string]string{"SLACK_APP_TOKEN": "5ecre7"}, []string{"SLACK_APP_TOKEN holds no Slack token"}},
		{
			"quotes around the token",
			map[string]string{"SLACK_BOT_TOKEN": `"` + botToken + `"`},
			[]string{"SLACK_BOT_TOKEN holds no Slack token"},
		},
		{
			"two app tokens",
			map[string]string{"SLACK_APP_TOKEN": appToken + "\n" + appToken},
			[]string{"SLACK_APP_TOKEN holds more than a token", "alone"},
		},
		{
			"two bot tokens",
			map[string]string{"SLACK_BOT_TOKEN": botToken + " " + botToken},
			[]string{"SLACK_BOT_TOKEN holds more than a token", "alone"},
		},

		{
			"a token file that is not there",
			map[string]string{"SLACK_APP_TOKEN": "-", "SLACK_APP_TOKEN_FILE": missing},
			[]string{"SLACK_APP_TOKEN_FILE names a file that cannot be read (no such file or directory)", "give the path"},
		},
		{
			"a folder as a token file",
			map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": t.TempDir()},
			[]string{"SLACK_BOT_TOKEN_FILE names a file that cannot be read (is a directory)"},
		},
		{
			"an empty token file",
			map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": empty},
			[]string{"SLACK_BOT_TOKEN_FILE names an empty file: put the value into it"},
		},
		{
			"the token itself as its file",
			map[string]string{"SLACK_BOT_TOKEN": "-", "SLACK_BOT_TOKEN_FILE": botToken},
			[]string{"SLACK_BOT_TOKEN_FILE names a file that cannot be read", "not the value itself"},
		},
		{
			"a token and its file",
			map[string]string{"SLACK_APP_TOKEN_FILE": empty},
			[]string{"SLACK_APP_TOKEN and SLACK_APP_TOKEN_FILE are both set: keep one of them"},
		},
		{
			"a Redis address and its file",
			map[string]string{"REDIS_URL_FILE": empty},
			[]string{"REDIS_URL and REDIS_URL_FILE are both set: keep one of them"},
		},
		{
			"a signing key and its file", map[string]string{
				"REVOKEBOT_SIGNING_KEY": seedText, "REVOKEBOT_SIGNING_KEY_FILE": empty,
			}, []string{"REVOKEBOT_SIGNING_KEY and REVOKEBOT_SIGNING_KEY_FILE are both set"},
		},
		{
			"the wrong token in a file", map[string]string{
				"SLACK_APP_TOKEN": "-", "SLACK_APP_TOKEN_FILE": cmdtest.WriteFile(t, "token", botToken),
			}, []string{"SLACK_APP_TOKEN holds a bot token"},
		},

		{
			"no Redis address", map[string]string{
				"REDIS_URL": "-",
			}, []string{"REDIS_URL is missing: set it to the address of a Redis server, such as redis://localhost:6379/0"},
		},
		{
			"no configuration file",
			map[string]string{"REVOKEBOT_CONFIG": "-"},
			[]string{"REVOKEBOT_CONFIG is missing: set it to the path of the configuration file"},
		},
		{
			"a configuration file that is not there",
			map[string]string{"REVOKEBOT_CONFIG": "/nowhere/revokebot.yaml"},
			[]string{`REVOKEBOT_CONFIG names a file that cannot be read ("/nowhere/revokebot.yaml", no such file or directory)`},
		},
		{
			"a token as the configuration file",
			map[string]string{"REVOKEBOT_CONFIG": botToken},
			[]string{"REVOKEBOT_CONFIG names a file that cannot be read", "looks like a Slack token"},
		},
		{
			"the Redis address as the configuration file",
			map[string]string{"REVOKEBOT_CONFIG": redisURL},
			[]string{"REVOKEBOT_CONFIG names a file that cannot be read", "an address with a password"},
		},
		{
			"a path of two lines",
			map[string]string{"REVOKEBOT_CONFIG": "a\nb"},
			[]string{`REVOKEBOT_CONFIG names a file that cannot be read ("a\nb"`},
		},

		{
			"a port alone to listen on",
			map[string]string{"REVOKEBOT_LISTEN": "9090"},
			[]string{`REVOKEBOT_LISTEN is "9090": give a host and a port such as 127.0.0.1:9090, or leave it empty`},
		},
		{
			"a web address to listen on",
			map[string]string{"REVOKEBOT_LISTEN": "http://127.0.0.1:9090"},
			[]string{`REVOKEBOT_LISTEN is "http://127.0.0.1:9090": give a host and a port`},
		},
		{
			"a token to listen on",
			map[string]string{"REVOKEBOT_LISTEN": appToken},
			[]string{"REVOKEBOT_LISTEN is what looks like a Slack token (not repeated here)"},
		},
		{
			"an unknown form of log",
			map[string]string{"REVOKEBOT_LOG": "yaml"},
			[]string{`REVOKEBOT_LOG is "yaml": set it to json or text`},
		},
		{
			"a token as the form of log",
			map[string]string{"REVOKEBOT_LOG": botToken},
			[]string{"REVOKEBOT_LOG is what looks like a Slack token"},
		},
		{
			"an unknown log level",
			map[string]string{"REVOKEBOT_LOG_LEVEL": "loud"},
			[]string{`REVOKEBOT_LOG_LEVEL is "loud": set it to debug, info, warn or error`},
		},
		{
			"a token as the log level",
			map[string]string{"REVOKEBOT_LOG_LEVEL": cmdtest.UserToken},
			[]string{"REVOKEBOT_LOG_LEVEL is what looks like a Slack token"},
		},

		{
			"no web address as Slack's", map[string]string{
				"SLACK_API_URL": "slack.com/api",
			}, []string{`SLACK_API_URL is "slack.com/api", which is not the address of a Web API`, "https://slack-gov.com/api/"},
		},
		{
			"a file as Slack's address",
			map[string]string{"SLACK_API_URL": "file:///etc/passwd"},
			[]string{"SLACK_API_URL is", "leave it out for Slack"},
		},
		{"no host in Slack's address", map[string]string{"SLACK_API_URL": "https:///api/"}, []string{"SLACK_API_URL is"}},
		{
			"a query in Slack's address",
			map[string]string{"SLACK_API_URL": "https://slack.com/api/?token=1"},
			[]string{"SLACK_API_URL is"},
		},
		{
			"a control character in Slack's address",
			map[string]string{"SLACK_API_URL": "https://sl\x00ack.com/api/"},
			[]string{`SLACK_API_URL is "https://sl\x00ack.com/api/"`},
		},
		{
			"a token as Slack's address",
			map[string]string{"SLACK_API_URL": botToken},
			[]string{"SLACK_API_URL is what looks like a Slack token"},
		},

		{
			"a signing key that is no base64",
			map[string]string{"REVOKEBOT_SIGNING_KEY": "5ecre7!"},
			[]string{"REVOKEBOT_SIGNING_KEY is not an Ed25519 seed: put the base64 text of 32 random bytes there"},
		},
		{
			"a signing key of the wrong length",
			map[string]string{"REVOKEBOT_SIGNING_KEY": seedText[:40]},
			[]string{"REVOKEBOT_SIGNING_KEY is not an Ed25519 seed"},
		},

		{
			"a webhook without a secret",
			map[string]string{"REVOKEBOT_WEBHOOK_URL": "https://soc.example.com/T0ken"},
			[]string{"REVOKEBOT_WEBHOOK_SECRET is missing", "openssl rand"},
		},
		{
			"a webhook's secret without an address",
			map[string]string{"REVOKEBOT_WEBHOOK_SECRET": webhookSecret},
			[]string{"REVOKEBOT_WEBHOOK_URL is missing", "set both, or neither"},
		},
		{
			"a short secret",
			map[string]string{"REVOKEBOT_WEBHOOK_URL": "https://soc.example.com/", "REVOKEBOT_WEBHOOK_SECRET": "w3bhook"},
			[]string{"REVOKEBOT_WEBHOOK_SECRET has 7 characters", "use 16 or more"},
		},
		{
			"a webhook of another machine without TLS",
			map[string]string{
				"REVOKEBOT_WEBHOOK_URL": "http://soc.example.com/T0ken", "REVOKEBOT_WEBHOOK_SECRET": webhookSecret,
			},
			[]string{"REVOKEBOT_WEBHOOK_URL leads to another machine without TLS", "use https://"},
		},
		{
			"a webhook that is no address",
			map[string]string{"REVOKEBOT_WEBHOOK_URL": "soc.example.com/T0ken", "REVOKEBOT_WEBHOOK_SECRET": webhookSecret},
			[]string{"REVOKEBOT_WEBHOOK_URL is not an address"},
		},
		{
			"a webhook with another scheme",
			map[string]string{
				"REVOKEBOT_WEBHOOK_URL": "ftp://soc.example.com/T0ken", "REVOKEBOT_WEBHOOK_SECRET": webhookSecret,
			},
			[]string{"REVOKEBOT_WEBHOOK_URL is not an address"},
		},

		{
			"a Redis address without a scheme",
			map[string]string{"REDIS_URL": "localhost:6379"},
			[]string{"REDIS_URL cannot be read", "give an address such as redis://localhost:6379/0"},
		},
		{"a token as the Redis address", map[string]string{"REDIS_URL": botToken}, []string{"REDIS_URL cannot be read"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
			maps.Copy(env.Variables, test.set)
			maps.DeleteFunc(env.Variables, func(_, value string) bool { return value == "-" })
			status := inProcess(t.Context(), env, "run")
			cmdtest.WantSentence(t, status, env.Stderr.String(), test.want, append(secrets, webhookSecret, "T0ken", "w3bhook"))
			if env.Stdout.Len() > 0 {
				t.Errorf("something was printed on the standard output: %s", env.Stdout.String())
			}
		})
	}
}

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

// What package aws has to say about accounts reaches the terminal as one line too.
func TestWhatIsWrongWithAccountsEndsTheRun(t *testing.T) {
	for _, test := range []struct {
		name, more string
		want       []string
	}{
		{"an account without an id", "  staging:\n", []string{`account "staging": the id "" is not twelve digits`}},
		{
			"an id of eleven digits", "  staging:\n    id: \"44445555666\"\n",
			[]string{`the id "44445555666" is not twelve digits`},
		},
		{"an unknown partition", "    partition: aws-mars\n", []string{`the partition "aws-mars" is not known`}},
		{
			"a role of another account", "    assume_role: arn:aws:iam::444455556666:role/spoke\n",
			[]string{"is of another account than 111122223333"},
		},
		{
			"two things at once", "    partition: aws-mars\n  staging:\n    id: x\n",
			[]string{"aws-mars", `account "staging"`, "; "},
		},
		{"a protected role that can match nothing", "protected_roles: [break-glass]\n", []string{"begin it with arn: or *"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := &cmdtest.Env{Variables: cmdtest.GoodVariables(t)}
			env.Variables["REVOKEBOT_CONFIG"] = cmdtest.WriteFile(t, "revokebot.yaml", minimal+test.more)
			status := inProcess(t.Context(), env, "run")
			cmdtest.WantSentence(t, status, env.Stderr.String(), append(test.want, "revokebot.yaml: "), secrets)
		})
	}
}

// webhookSecret is in no sentence.
const webhookSecret = "a webhook's s3cret, long enough"
