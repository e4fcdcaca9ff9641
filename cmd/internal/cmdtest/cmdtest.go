// Package cmdtest is what the tests of the commands share: an environment of which nothing comes
// from outside, and secrets that must not be printed.
package cmdtest

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// Secrets of the tests. Whatever goes wrong, none of them may be in what is printed.
const (
	AppToken  = "xapp-1-A0TEST-1-5ecre7app"
	BotToken  = "xoxb-5ecre7bot"
	UserToken = "xoxp-5ecre7user"
	Password  = "5ecre7redis"
	RedisURL  = "redis://:" + Password + "@127.0.0.1:1/0"
	SeedText  = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
)

// Secrets lists them.
func Secrets() []string {
	return []string{AppToken, BotToken, UserToken, Password, "5ecre7", SeedText}
}

// SmallConfig is the least that a configuration file can be.
const SmallConfig = `slack: {channels: [C0INCIDENT]}
approvals: {approvers: [S0SECURITY]}
accounts: {prod: {id: "111122223333"}}
`

// GoodVariables are all that is needed, and the configuration file's path.
func GoodVariables(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"SLACK_APP_TOKEN": AppToken, "SLACK_BOT_TOKEN": BotToken, "REDIS_URL": RedisURL,
		"REVOKEBOT_CONFIG": WriteFile(t, "revokebot.yaml", SmallConfig),
	}
}

// Env is an environment of which nothing comes from outside, and what a command wrote.
type Env struct {
	Variables      map[string]string
	Stdout, Stderr bytes.Buffer
}

// Environment is what a command gets of it.
func (e *Env) Environment() settings.Environment {
	return settings.Environment{
		Lookup: func(name string) (string, bool) {
			value, ok := e.Variables[name]
			return value, ok
		},
		Names:  func() []string { return slices.Collect(maps.Keys(e.Variables)) },
		Stdout: &e.Stdout, Stderr: &e.Stderr,
	}
}

// WriteFile writes a file into a folder of the test's own and returns its path.
func WriteFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WantSentence checks that a command ended with exit status 2 and said one sentence or two on one
// line, which holds all of the parts and none of the secrets.
func WantSentence(t *testing.T, status int, stderr string, parts, secrets []string) {
	t.Helper()
	if status != 2 {
		t.Errorf("exit status %d, want 2", status)
	}
	name, _, _ := strings.Cut(stderr, ": ")
	if name != "revokebot" && name != "revokebot-sandbox" || !strings.HasSuffix(stderr, ".\n") ||
		strings.Count(stderr, "\n") != 1 {
		t.Errorf("this is not one line that begins with the program's name and ends with a full stop:\n%s", stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in:\n%s", part, stderr)
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(stderr, secret) {
			t.Errorf("the secret %q is repeated in:\n%s", secret, stderr)
		}
	}
}
