package main

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/sandbox/actors"
)

// variables lead another client to the stand-ins.
func (b *realBot) variables(st *stage, memory memoryRedis) []variable {
	set, world := b.settings, st.world
	all := []variable{
		{"SLACK_API_URL", set.SlackAPI},
		{"SLACK_APP_TOKEN", set.AppToken},
		{"SLACK_BOT_TOKEN", set.BotToken},
		{"AWS_ENDPOINT_URL", st.awsURL},
		{"AWS_REGION", "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-1"}, // which version 1 of the aws command line reads instead
		{"AWS_ACCESS_KEY_ID", world.Bot.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", world.Bot.SecretAccessKey},
	}
	if memory.url != "" {
		all = append(all, variable{
			"REDIS_URL", memory.url,
		}, variable{"REVOKEBOT_SIGNING_KEY", base64.StdEncoding.EncodeToString(b.seed)})
	}
	return all
}

// announce prints where everything is, and writes the file for other clients if there is to be one.
// The lines with = can be pasted into a shell.
func (s command) announce(
	env settings.Environment, pageURL string, variables []variable, world actors.World, configText string,
) error {
	lines := []string{
		"",
		"  SANDBOX: stand-ins for Slack and AWS. Nothing here is real, and nothing real is touched.",
		"",
		"  Open  " + pageURL,
		"",
		"  Other clients can be pointed at the stand-ins with:",
	}
	for _, v := range variables {
		lines = append(lines, v.name+"="+v.value)
	}
	if s.EnvFile != "" {
		if err := writeEnvFile(s.EnvFile, variables, configText); err != nil {
			return err
		}
		lines = append(lines, "", "  These and REVOKEBOT_CONFIG are in "+s.EnvFile+", the configuration file beside it. "+
			"In another shell, from the same folder:", "",
			"    . "+dotted(s.EnvFile)+" && revokebot doctor")
	}
	lines = append(
		lines,
		"",
		"  The AWS key is the bot's. A build's, which may assume "+actors.DeployRole+" in both accounts, is:",
		"CI_ACCESS_KEY_ID="+world.CI.AccessKeyID,
		"CI_SECRET_ACCESS_KEY="+world.CI.SecretAccessKey,
		"",
	)
	what := "The bot runs with this configuration file:"
	switch {
	case s.WithoutBot && s.EnvFile != "":
		what = "No bot runs here. Start one in that shell with revokebot run. Its configuration file is:"
	case s.WithoutBot:
		what = "No bot runs here. Start one with the lines above, REDIS_URL, and REVOKEBOT_CONFIG naming a file with:"
	}
	lines = append(lines, "  "+what, "", indent(configText), "  Ctrl-C stops it.", "")
	_, err := fmt.Fprintln(env.Stdout, strings.Join(lines, "\n"))
	return err
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}
