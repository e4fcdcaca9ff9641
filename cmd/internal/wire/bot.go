// Package wire puts the bot together from its settings, the same way for the program and for the
// sandbox: Bot and Cloud make it, Watching observes it, Run runs it and keeps AWS ready beside it.
package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/step"
)

// Cloud is the bot's AWS.
func Cloud(c settings.Config, sdk awssdk.Config, watch aws.WatchFunc, log *slog.Logger) (*aws.Cloud, error) {
	cfg := c.AWS(sdk)
	cfg.Watch, cfg.Logger = watch, log
	return aws.New(cfg)
}

// Bot wires a bot.
func Bot(
	c settings.Config, s settings.Settings, store bot.Store, roles *role.Client, watch Watching, log *slog.Logger,
) (*bot.Bot, error) {
	return bot.New(bot.Config{
		AppToken: s.AppToken, BotToken: s.BotToken, SlackAPI: s.SlackAPI, Connections: c.Connections,
		Store: watch.Store(store), Logger: log,
		Watch: watch.Bot(),
		Handlers: handlers.Config{
			Requests: step.Requests{Measures: measures.All(), Policies: c.Policies, Margin: c.Margin, Guard: c.Guard},
			Cloud:    roles.Cloud(), Roles: roles, Trail: trail.New(roles.Cloud()),
			Channels: c.Channels, Requesters: c.Requesters, AllowShared: c.AllowShared,
			ExpireAfter: c.ExpireAfter, RequireReason: c.RequireReason, Lookback: c.Lookback,
			FollowUps: c.FollowUps,
		},
	})
}

// Run runs a bot until ctx ends, with what goes on beside it.
func Run(
	ctx context.Context, b *bot.Bot, roles *role.Client, chain *audit.Worker, known *Known, log *slog.Logger,
) error {
	beside, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { keepWarm(beside, roles, known, log) })
	all.Go(func() { chain.Run(beside) }) // to its end also what the bot does when it stops
	err := b.Run(ctx)
	stop() // an account that does not answer must not hold up the end
	all.Wait()
	return explainStart(err)
}

// explainStart turns a refusal by Slack or Redis at the start into a sentence that names the
// setting.
func explainStart(err error) error {
	start, ok := errors.AsType[*bot.StartError](err)
	if !ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if start.Store {
		return settings.Errorf("REDIS_URL: Redis answers, but not as it should: %v. "+
			"Give the address of a Redis server of version 7.0 or later that takes writes.", start.Err)
	}
	refused, ok := errors.AsType[*deliver.SlackError](start.Err)
	if !ok {
		return fmt.Errorf("start: %w", err)
	}
	name, page := "SLACK_BOT_TOKEN", "OAuth & Permissions"
	if refused.Method == "apps.connections.open" {
		name, page = "SLACK_APP_TOKEN", "Basic Information"
	}
	switch refused.Code {
	case "missing_scope":
		return settings.Errorf("%s lacks a scope for %s: install the app again from the manifest (revokebot manifest), "+
			"and put the new token there.", name, refused.Method)
	default:
		return settings.Errorf("%s is refused by Slack (%s answered %s): put the token from the app's %s page there, "+
			"of the workspace that the app is installed in.", name, refused.Method, refused.Code, page)
	}
}
