// Command revokebot-sandbox runs everything in one process, without any account: strict stand-ins
// for Slack and AWS, a Redis in memory, the real bot, and a web page to play every part.
//
// Start reading at command.Run in sandbox.go. The bot is put together by cmd/internal/wire, as in
// the program; the stand-ins and the page are in the packages below sandbox. The page shows and
// drives all of it (/state.json, /act/*).
package main

import (
	"time"

	"github.com/revokebot/revokebot/cmd/internal/cli"
)

// command is the command line.
type command struct {
	Listen      string        `default:"127.0.0.1:8080" help:"Address of the page (default ${default})."`
	SlackListen string        `default:"127.0.0.1:0" help:"Address of the Slack stand-in (default: a free port)."`
	AWSListen   string        `default:"127.0.0.1:0" name:"aws-listen" help:"${aws_listen}"`
	EnvFile     string        `help:"${env_file}"`
	RedisListen string        `default:"127.0.0.1:0" help:"${redis_listen}"`
	WithoutBot  bool          `help:"Start the stand-ins and the page only, for a bot that runs as a process of its own."`
	Margin      time.Duration `default:"10s" help:"${margin} (default ${default})."`
	Propagation time.Duration `default:"4s" help:"How long AWS takes to enforce a new policy (default ${default})."`
	TrailDelay  time.Duration `default:"5s" help:"How late CloudTrail is (default ${default})."`
}

// help are the texts of the flags that are too long for a tag.
func help() map[string]string {
	return map[string]string{
		"aws_listen": "Address of the AWS stand-in (default: a free port).",
		"env_file": "Write the settings with which revokebot doctor and revokebot run use the stand-ins to this " +
			"file, for a shell to read, and a configuration file to the same path with .yaml. The Redis " +
			"in memory then listens, too.",
		"redis_listen": "Address of the Redis in memory, with --env-file (default: a free port).",
		"margin":       "How far past now the cutoff lies, shorter than in production so that nobody waits",
	}
}

func program() cli.Program {
	return cli.Program{
		Name: "revokebot-sandbox", Commands: &command{}, Help: help(),
		Description: "Run everything in one process: stand-ins for Slack and AWS, Redis in memory, the real bot, " +
			"and a web page. No accounts needed.",
	}
}

func main() { program().Main() }
