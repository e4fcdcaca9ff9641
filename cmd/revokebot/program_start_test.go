package main

import (
	"net"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/sandbox/redisserver"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

func TestVersionPrintsTheVersionTheCommitAndGo(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runToEnd(t, nil, "version")
	form := regexp.MustCompile(`^revokebot \S+ commit \S+( \(modified\))? ` + regexp.QuoteMeta(runtime.Version()) + "\n$")
	if status != 0 || !form.MatchString(stdout) || stderr != "" {
		t.Errorf("status %d, printed %q, said %q", status, stdout, stderr)
	}
}

func TestManifestPrintsAnAppInSocketModeWithTheCommand(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runToEnd(t, nil, "manifest")
	if status != 0 || stderr != "" {
		t.Errorf("status %d, said %q", status, stderr)
	}
	var manifest struct {
		Features struct {
			SlashCommands []struct{ Command string } `yaml:"slash_commands"`
		}
		Settings struct {
			SocketMode bool `yaml:"socket_mode_enabled"`
		}
		OAuth struct {
			Scopes struct{ Bot []string }
		} `yaml:"oauth_config"`
	}
	if err := yaml.Unmarshal([]byte(stdout), &manifest); err != nil {
		t.Fatal(err)
	}
	commands := manifest.Features.SlashCommands
	if !manifest.Settings.SocketMode || len(commands) != 1 || commands[0].Command != "/revoke-sessions" ||
		len(manifest.OAuth.Scopes.Bot) == 0 {
		t.Errorf("got %+v", manifest)
	}
}

func TestHelpListsTheCommands(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runToEnd(t, nil, "--help")
	if status != 0 || stderr != "" {
		t.Errorf("status %d, said %q", status, stderr)
	}
	for _, command := range []string{"run", "doctor", "audit", "manifest", "version"} {
		if !regexp.MustCompile(`(?m)^\s+` + command + `\b`).MatchString(stdout) {
			t.Errorf("%s is missing in:\n%s", command, stdout)
		}
	}
}

func TestACommandLineThatCannotBeUnderstoodEndsWithStatus2(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "a command is missing after revokebot"},
		{[]string{"audit"}, "a command is missing after revokebot audit"},
		{[]string{"audit", "all"}, "unexpected argument all"},
		{[]string{"audit", "verify", "one", "two"}, "unexpected argument two"},
		{[]string{"revoke"}, "unexpected argument revoke"},
		{[]string{"run", "--loud"}, "unknown flag: --loud"},
		{[]string{"run", "now"}, "unexpected argument now"},
		{[]string{"sandbox"}, "unexpected argument sandbox"}, // it is a program of its own
	} {
		status, stdout, stderr := runToEnd(t, nil, test.args...)
		cmdtest.WantSentence(t, status, stderr, []string{test.want}, nil)
		if stdout != "" {
			t.Errorf("%q printed %s", test.args, stdout)
		}
	}
}

func TestTheProgramEndsWithASentenceWhenASettingIsWrong(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := runToEnd(t, map[string]string{"SLACK_APP_TOKEN": botToken}, "run")
	cmdtest.WantSentence(t, status, stderr, []string{"SLACK_APP_TOKEN holds a bot token (xoxb-…)"}, secrets)
	if stdout != "" {
		t.Errorf("it printed %s", stdout)
	}
}

func TestAnAWSProfileThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	variables := cmdtest.GoodVariables(t)
	variables["AWS_PROFILE"] = "nobodys"
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, stderr, []string{"AWS settings cannot be used", "nobodys", "Correct AWS_PROFILE"},
		secrets)
}

// startVariables are settings of a bot that starts: a real Redis, a stand-in for Slack that knows
// nobody, and an AWS that takes connections and never answers, which must not matter.
func startVariables(t *testing.T) (map[string]string, *slackstandin.Server, *redisserver.Server) {
	t.Helper()
	slack := slackstandin.New(slackstandin.Config{AppToken: appToken, BotToken: botToken})
	api := httptest.NewServer(slack)
	t.Cleanup(func() {
		_ = slack.Close()
		api.Close()
	})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	redis := redisserver.Start(t)
	variables := cmdtest.GoodVariables(t)
	variables["SLACK_API_URL"], variables["REDIS_URL"] = api.URL+"/api", redis.URL()
	variables["AWS_ENDPOINT_URL"], variables["AWS_REGION"] = "http://"+silent.Addr().String(), "us-east-1"
	variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = "AKIATEST", "5ecre7aws"
	variables["REVOKEBOT_LISTEN"], variables["REVOKEBOT_LOG"] = "", "json"
	return variables, slack, redis
}

// lastLine is the sentence that a start ended with, below what was logged.
func lastLine(text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

func TestARedisThatIsGoneAtTheStartIsNamed(t *testing.T) {
	t.Parallel()
	variables, _, redis := startVariables(t)
	redis.Stop()
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, lastLine(stderr), []string{
		"REDIS_URL: Redis does not answer", "connection refused", "Start it, or correct the address",
	}, secrets)
	wantCleanLog(t, stderr, secrets)
}

func TestARedisThatSaysNothingAtTheStartIsNamed(t *testing.T) {
	t.Parallel()
	variables, _, redis := startVariables(t)
	redis.Pause()
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, lastLine(stderr), []string{"REDIS_URL: Redis does not answer"}, secrets)
}

func TestARedisWithAnotherPasswordIsNamedWithoutThePassword(t *testing.T) {
	t.Parallel()
	variables, _, _ := startVariables(t)
	locked := redisserver.Start(t, "--requirepass", "right")
	variables["REDIS_URL"] = "redis://:" + password + "@" + locked.Addr
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, lastLine(stderr), []string{
		"REDIS_URL: Redis refuses the bot", "Correct the user name or the password",
	}, secrets)
	wantCleanLog(t, stderr, secrets)
}

func TestARedisThatTakesNoWritesIsNamed(t *testing.T) {
	t.Parallel()
	variables, _, redis := startVariables(t)
	replica := redisserver.Start(t, "--replicaof", strings.Replace(redis.Addr, ":", " ", 1))
	variables["REDIS_URL"] = replica.URL()
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, lastLine(stderr), []string{
		"REDIS_URL: Redis answers, but not as it should", "READONLY", "that takes writes",
	}, secrets)
}

func TestATokenThatSlackRefusesIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		set   map[string]string
		fault slackstandin.Fault
		want  []string
	}{
		{
			"the bot token is of no app",
			map[string]string{"SLACK_BOT_TOKEN": "xoxb-5ecre7other"},
			slackstandin.Fault{},
			[]string{"SLACK_BOT_TOKEN is refused by Slack (auth.test answered invalid_auth)", "OAuth & Permissions page"},
		},
		{
			"the app token is of no app",
			map[string]string{"SLACK_APP_TOKEN": "xapp-1-A0TEST-1-5ecre7other"},
			slackstandin.Fault{},
			[]string{
				"SLACK_APP_TOKEN is refused by Slack (apps.connections.open answered invalid_auth)", "Basic Information page",
			},
		},
		{
			"the bot was removed", nil,
			slackstandin.Fault{Method: "auth.test", Error: "account_inactive"},
			[]string{"SLACK_BOT_TOKEN is refused by Slack (auth.test answered account_inactive)"},
		},
		{
			"the app token lacks its scope", nil,
			slackstandin.Fault{Method: "apps.connections.open", Error: "missing_scope"},
			[]string{"SLACK_APP_TOKEN lacks a scope"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			variables, slack, _ := startVariables(t)
			for name, value := range test.set {
				variables[name] = value
			}
			if test.fault.Error != "" {
				slack.Inject(test.fault)
			}
			status, _, stderr := runToEnd(t, variables, "run")
			cmdtest.WantSentence(t, status, lastLine(stderr), test.want, secrets)
			if strings.Contains(stderr, "an AWS account cannot be used yet") {
				t.Errorf("the end waited for AWS:\n%s", stderr)
			}
			wantCleanLog(t, stderr, secrets)
		})
	}
}

func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	variables, _, _ := startVariables(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	variables["REVOKEBOT_LISTEN"] = taken.Addr().String()
	status, _, stderr := runToEnd(t, variables, "run")
	cmdtest.WantSentence(t, status, lastLine(stderr), []string{
		"REVOKEBOT_LISTEN: cannot listen on " + taken.Addr().String(), "address already in use",
		"Choose another address, or leave it empty",
	}, secrets)
}

func TestASIGTERMBeforeItIsReadyIsACleanEnd(t *testing.T) {
	t.Parallel()
	t.Run("while Redis says nothing", func(t *testing.T) {
		variables, _, redis := startVariables(t)
		redis.Pause()
		p := start(t, variables, "run")
		p.Stderr.WaitForText(t, `"msg":"starting"`)
		p.WantCleanEnd()
	})
	t.Run("while Slack cannot be reached", func(t *testing.T) {
		variables, _, _ := startVariables(t)
		variables["SLACK_API_URL"] = "http://127.0.0.1:1/api/"
		p := start(t, variables, "run")
		p.Stderr.WaitForText(t, "Slack does not answer yet")
		p.WantCleanEnd()
		wantCleanLog(t, p.Stderr.String(), secrets)
	})
}

func TestLogsAreTextWhenAskedForAndHealthIsOffWhenItsAddressIsEmpty(t *testing.T) {
	t.Parallel()
	variables, _, _ := startVariables(t)
	variables["REVOKEBOT_LOG"] = "text"
	p := start(t, variables, "run")
	p.Stderr.WaitForText(t, `msg="ready for commands"`)
	p.WantCleanEnd()
	if text := p.Stderr.String(); strings.Contains(text, "health is served") {
		t.Errorf("health is served:\n%s", text)
	}
}
