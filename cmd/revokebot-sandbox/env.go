package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// variable is one of the environment of a client of the stand-ins.
type variable struct{ name, value string }

// elsewhere are variables that would lead a client of the stand-ins to something real, or be in the
// way of those that it is given.
const elsewhere = "SLACK_APP_TOKEN_FILE SLACK_BOT_TOKEN_FILE REDIS_URL_FILE REVOKEBOT_SIGNING_KEY_FILE AWS_PROFILE " +
	"AWS_SESSION_TOKEN AWS_ROLE_ARN " +
	"AWS_WEB_IDENTITY_TOKEN_FILE AWS_ENDPOINT_URL_IAM AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL_CLOUDTRAIL " +
	"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"

// writeEnvFile writes what a shell needs so that doctor and run use the stand-ins, and the
// configuration file beside it.
func writeEnvFile(path string, variables []variable, configText string) error {
	refuse := func(err error) error {
		return settings.Errorf("--env-file: %s and %s.yaml cannot be written (%s). Choose another path.",
			settings.Redact(path), settings.Redact(path), settings.FileTrouble(err))
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return refuse(err)
	}
	config := whole + ".yaml"
	if err := os.WriteFile(config, []byte(configText), 0o600); err != nil {
		return refuse(err)
	}
	var b strings.Builder
	b.WriteString("# Written by revokebot-sandbox, for a shell to read with a dot. " +
		"It leads to stand-ins; nothing in it is of a real system.\n")
	b.WriteString("unset " + elsewhere + "\n")
	for _, v := range append(variables, variable{"REVOKEBOT_CONFIG", config}) {
		fmt.Fprintf(&b, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
	}
	if err := os.WriteFile(whole, []byte(b.String()), 0o600); err != nil {
		return refuse(err)
	}
	return nil
}

// dotted is a path as the shell's dot takes it: a bare name would be looked for in the PATH.
func dotted(path string) string {
	if strings.Contains(path, "/") {
		return path
	}
	return "./" + path
}
