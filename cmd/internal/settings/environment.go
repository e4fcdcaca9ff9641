// Package settings reads what operators set: the environment (settings.go) and the configuration
// file (file.go, config.go). Start with Read and ReadConfig. Whatever is wrong is an Error that
// names the setting, and a secret is never repeated (redact.go). The program and doctor read the
// same way: the program stops at the first error, doctor lists them all.
package settings

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws/role"
)

// Environment is what a command needs of the outside.
type Environment struct {
	Lookup         func(string) (string, bool) // a variable, as os.LookupEnv finds it
	Names          func() []string             // of all variables; nil: they are not known
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Get returns a variable. An empty one and one that is not set are the same.
func (e Environment) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Variables are those that revokebot reads besides AWS's and OpenTelemetry's own, each with what it
// is. Those of Secrets may be given as a file instead, by the same name with _FILE behind it.
var Variables = [][2]string{
	{"SLACK_APP_TOKEN", "app-level token, xapp-…"},
	{"SLACK_BOT_TOKEN", "bot token, xoxb-…"},
	{"REDIS_URL", "address of Redis"},
	{"REVOKEBOT_SIGNING_KEY", "Ed25519 seed in base64, which signs votes and events"},
	{"REVOKEBOT_WEBHOOK_URL", "where events are sent"},
	{"REVOKEBOT_WEBHOOK_SECRET", "signs what is sent there"},
	{"SLACK_API_URL", "base of the Web API; https://slack-gov.com/api/ for GovSlack"},
	{"REVOKEBOT_CONFIG", "path of the configuration file"},
	{"REVOKEBOT_LISTEN", "address of health and metrics; empty: off"},
	{"REVOKEBOT_LOG", "json or text"},
	{"REVOKEBOT_LOG_LEVEL", "debug, info, warn or error"},
}

// secrets is how many of Variables may be files.
const secrets = 6

// Help lists the variables.
func Help() string {
	var b strings.Builder
	for i, v := range Variables {
		name := v[0]
		if i < secrets {
			name += ", " + name + "_FILE"
		}
		fmt.Fprintf(&b, "  %-52s%s\n", name, v[1])
	}
	return b.String() + "  AWS_…, OTEL_…                                        of the AWS SDK and of OpenTelemetry\n"
}

// Unknown tells of variables whose names begin with REVOKEBOT_ and that revokebot does not read.
func Unknown(env Environment) []*Error {
	if env.Names == nil {
		return nil
	}
	var known []string
	for i, v := range Variables {
		if known = append(known, v[0]); i < secrets {
			known = append(known, v[0]+"_FILE")
		}
	}
	var all []*Error
	for _, name := range slices.Sorted(slices.Values(env.Names())) {
		if !strings.HasPrefix(name, "REVOKEBOT_") || slices.Contains(known, name) {
			continue
		}
		fix := "take it out"
		if i := slices.IndexFunc(known, func(k string) bool { return role.Edits(name, k, 2) <= 2 }); i >= 0 {
			fix = "set " + known[i] + " if that is meant"
		}
		all = append(all, is(name, "is no variable of revokebot", fix))
	}
	return all
}
