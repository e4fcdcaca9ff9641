package doctor

import (
	"context"

	"github.com/goccy/go-yaml"

	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/internal/finding"
)

// examineSlack is bot.Examine with what the configuration file says, as far as it can be used.
func (d doctor) examineSlack(ctx context.Context, p patient) []finding.Finding {
	if p.nowhere {
		return []finding.Finding{finding.Fail("all", "Correct SLACK_API_URL.", "Slack was not looked at.")}
	}
	cfg := bot.ExamineConfig{
		AppToken: p.settings.AppToken, BotToken: p.settings.BotToken, SlackAPI: p.settings.SlackAPI, HTTPClient: d.slackHTTP,
		Channels: p.config.Channels, AllowShared: p.config.AllowShared, Requesters: p.config.Requesters,
		Policies: p.config.Policies,
	}
	for _, a := range p.config.Accounts {
		cfg.Accounts = append(cfg.Accounts, a.Name)
	}
	found := bot.Examine(ctx, cfg)
	if !p.usable && p.settings.BotToken != "" {
		found = append(found, finding.Fail("channels and people", "Correct the configuration file.",
			"They were looked at as far as the configuration file could be read."))
	}
	return append(found, manifestFinding(deploy.SlackManifest))
}

// manifestFinding says what can be known of the command: the app's own manifest is not the bot's to
// read.
func manifestFinding(manifest []byte) finding.Finding {
	const check = "command"
	var m struct {
		Features struct {
			Commands []struct{ Command string } `yaml:"slash_commands"`
		} `yaml:"features"`
	}
	if yaml.Unmarshal(manifest, &m) == nil {
		for _, c := range m.Features.Commands {
			if c.Command == messages.Command {
				return finding.Good(check, "The manifest has %s. To see whether the app in Slack has it, type %s help.",
					c.Command, c.Command)
			}
		}
	}
	return finding.Fail(check, "Build revokebot from its own sources.", "The manifest in this program lacks %s.",
		messages.Command)
}
