// Command revokebot-sandbox runs everything in one process, without any account: strict stand-ins
// for Slack and AWS, a Redis in memory, the real bot, and a web page to play every part.
//
// Start reading at command.Run in sandbox.go. The bot is put together by cmd/internal/wire, as in
// the program; the stand-ins and the page are in the packages below sandbox. The page shows and
// drives all of it (/state.json, /act/*).
package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// command is what the command line says.
type command struct {
	Listen, SlackListen, AWSListen  string
	EnvFile, RedisListen            string
	WithoutBot                      bool
	Margin, Propagation, TrailDelay time.Duration
}

// program is the command line.
func program(env settings.Environment) *cobra.Command {
	var s command
	c := cli.Command(
		"revokebot-sandbox", "Run everything in one process: stand-ins for Slack and AWS, Redis in memory, the real bot, "+
			"and a web page. No accounts needed.", func(ctx context.Context) error { return s.Run(ctx, env) },
	)
	const free = "127.0.0.1:0" // any port
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8080", "Address of the page.")
	f.StringVar(&s.SlackListen, "slack-listen", free, "Address of the Slack stand-in; port 0 is a free one.")
	f.StringVar(&s.AWSListen, "aws-listen", free, "Address of the AWS stand-in; port 0 is a free one.")
	f.StringVar(&s.EnvFile, "env-file", "", "Write the settings for revokebot doctor and run to this file, for a "+
		"shell, and a configuration file to the same path with .yaml. The Redis in memory then listens, too.")
	f.StringVar(&s.RedisListen, "redis-listen", free, "Address of the Redis in memory, with --env-file.")
	f.BoolVar(&s.WithoutBot, "without-bot", false, "Start the stand-ins and the page only, for a bot that runs as a "+
		"process of its own.")
	f.DurationVar(&s.Margin, "margin", 10*time.Second, "How far past now the cutoff lies, shorter than in production to "+
		"save waiting.")
	f.DurationVar(&s.Propagation, "propagation", 4*time.Second, "How long AWS takes to enforce a new policy.")
	f.DurationVar(&s.TrailDelay, "trail-delay", 5*time.Second, "How late CloudTrail is.")
	return c
}

func main() { cli.Program(program).Main() }
