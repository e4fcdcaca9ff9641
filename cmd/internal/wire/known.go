package wire

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

// Known is what is known of channels and of AWS beside a bot, for /readyz. A problem here is no
// reason to take the replica out of service: all of them have it.
type Known struct {
	mu            sync.Mutex
	channels, aws []string
}

// Health is the bot's health with what is known.
type Health struct {
	bot.Health
	Found []string `json:"channels_at_start,omitempty"` // what was wrong with them
	AWS   []string `json:"aws_in_trouble,omitempty"`    // by the last look, at most five minutes ago
}

// With adds what is known to a bot's health.
func (k *Known) With(h bot.Health) Health {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Health{h, k.channels, k.aws}
}

func (k *Known) setAWS(trouble []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.aws = trouble
}

// startWithin is how long Slack has to tell about the channels.
const startWithin = 30 * time.Second

// LookAtChannels asks Slack for each configured channel, as doctor does, and logs what is wrong.
func (k *Known) LookAtChannels(ctx context.Context, c bot.ExamineConfig, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	var wrong []string
	for _, f := range bot.ExamineChannels(ctx, c) {
		if f.State != finding.OK && ctx.Err() == nil {
			log.WarnContext(ctx, "configuration", "warning", f.Check+": "+f.Saw+" "+f.Fix)
			wrong = append(wrong, f.Check+": "+f.Saw)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.channels = wrong
}

// Channels is what LookAtChannels needs.
func Channels(c settings.Config, s settings.Settings) bot.ExamineConfig {
	return bot.ExamineConfig{
		BotToken: s.BotToken, SlackAPI: s.SlackAPI, Channels: c.Channels, AllowShared: c.AllowShared,
	}
}
