package doctor

import (
	"context"

	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/internal/finding"
)

// examineSlack is bot.Examine with what the configuration file says, as far as it can be used.
func (d doctor) examineSlack(ctx context.Context, p patient) []finding.Finding {
	if p.nowhere {
		return []finding.Finding{finding.Fail("all", "Correct SLACK_API_URL.", "Slack was not checked.")}
	}
	found := bot.Examine(ctx, bot.ExamineConfig{
		AppToken: p.settings.AppToken, BotToken: p.settings.BotToken, SlackAPI: p.settings.SlackAPI, HTTPClient: d.slackHTTP,
		Channels: p.config.Channels, AllowShared: p.config.AllowShared, Requesters: p.config.Requesters,
		Policies: p.config.Policies,
	})
	if !p.usable && p.settings.BotToken != "" {
		found = append(found, finding.Fail("channels and people", "Correct the configuration file.",
			"They were checked as far as the configuration file could be read."))
	}
	return append(found, finding.Good("command", "The manifest has %s. To see whether the app in Slack has it, type "+
		"%s help.", messages.Command, messages.Command))
}
