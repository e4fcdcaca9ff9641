package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// The tokens that the Slack stand-in takes. They open nothing else.
const (
	appToken = "xapp-1-A0SANDBOX-1-sandbox"
	botToken = "xoxb-sandbox"
)

// stage is all that is not the bot's: the stand-ins with the world in them, and who acts there.
type stage struct {
	servers
	slack            *slackstandin.Server
	aws              *awsstandin.Server
	world            actors.World
	loot             actors.Loot
	cast             *actors.Cast
	slackURL, awsURL string
}

// stage starts the stand-ins. Close it at the end.
func (s command) stage(ctx context.Context, log *slog.Logger) (_ *stage, err error) {
	st := &stage{
		slack: slackstandin.New(slackstandin.Config{
			AppToken: appToken, BotToken: botToken, Logger: log.With("stand-in", "slack"),
			Events: []string{"app_home_opened"}, // as the manifest has it
		}),
		aws: awsstandin.New(awsstandin.Config{
			Logger: log.With("stand-in", "aws"), Propagation: s.Propagation, TrailDelay: s.TrailDelay,
		}),
	}
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	if st.world, err = actors.SeedAWS(st.aws); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if st.loot, err = actors.SeedLife(ctx, st.aws, st.world); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := actors.SeedSlack(st.slack, actors.Found(st.world, st.loot)...); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if st.slackURL, err = st.serve(ctx, "--slack-listen", s.SlackListen, st.slack); err != nil {
		return nil, err
	}
	if st.awsURL, err = st.serve(ctx, "--aws-listen", s.AWSListen, st.aws); err != nil {
		return nil, err
	}
	st.cast = actors.New(actors.Config{
		Endpoint: st.awsURL, RoleARN: st.world.Role, Key: st.world.Key(), Rival: st.world.RivalKey(),
		Console: st.world.ConsoleKey(),
		Loot:    &st.loot, Logger: log, Now: st.aws.Now,
	})
	return st, nil
}

func (st *stage) close() {
	st.servers.close()
	_ = st.aws.Close()
	_ = st.slack.Close()
}
