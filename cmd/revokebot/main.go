// Command revokebot revokes the active sessions of an AWS role from an incident channel in Slack,
// with two people.
//
// This package parses, wires and waits: run.go starts the bot on real Slack, Redis and AWS,
// audit.go reads the audit log. Settings, doctor and the wiring that the sandbox shares are in
// cmd/internal; what the bot does is in the packages below bot.
//
// Exit status: 0 after a clean stop, 1 when something failed on the way or doctor found a failure,
// 2 when a setting is wrong or missing, with one sentence that names it.
package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/doctor"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
	"github.com/revokebot/revokebot/deploy"
)

// program is the command line.
func program(env settings.Environment) *cobra.Command {
	return cli.Group(
		"revokebot", "Revoke the active sessions of an AWS role from the incident channel, with two people. "+
			"revokebot-sandbox shows it without any account.",
		cli.Command("run", "Run the bot against real Slack, Redis and AWS. Settings come from the environment, see "+
			"docs/configuration.md.\n\nVariables:\n"+settings.Help(), func(ctx context.Context) error { return run(ctx, env) }),
		doctorCommand(env), auditCommands(env),
		cli.Command("manifest", "Print the Slack app manifest.", func(context.Context) error {
			_, err := env.Stdout.Write(deploy.SlackManifest)
			return err
		}),
		cli.Command("version", "Print version, commit and Go version.", func(context.Context) error {
			_, err := fmt.Fprintln(env.Stdout, wire.Version())
			return err
		}),
	)
}

// doctorCommand ends with exit status 1 if a revocation would be stopped.
func doctorCommand(env settings.Environment) *cobra.Command {
	var json bool
	c := cli.Command("doctor", "Check the settings, Slack, Redis and AWS, and change nothing. Exit status 1 if anything "+
		"would stop a revocation.", func(ctx context.Context) error {
		well, err := doctor.Run(ctx, env, json)
		if err == nil && !well {
			err = cli.ErrSaid
		}
		return err
	})
	c.Flags().BoolVar(&json, "json", false, "Print one JSON object instead of lines.")
	return c
}

func main() { cli.Program(program).Main() }
