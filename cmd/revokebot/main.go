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

import "github.com/revokebot/revokebot/cmd/internal/cli"

// commands is the command line.
type commands struct {
	Run      runCmd      `cmd:"" help:"Run the bot against real Slack, Redis and AWS. Settings come from the environment, see docs/configuration.md."`
	Doctor   doctorCmd   `cmd:"" help:"Check the settings, Slack, Redis and AWS, and change nothing. Exit status 1 if anything would stop a revocation."`
	Audit    auditCmd    `cmd:"" help:"The audit log: export it, verify it, print the public key that its lines are signed with."`
	Manifest manifestCmd `cmd:"" help:"Print the Slack app manifest."`
	Version  versionCmd  `cmd:"" help:"Print version, commit and Go version."`
}

func program() cli.Program {
	return cli.Program{
		Name: "revokebot", Commands: &commands{},
		Description: "Revoke the active sessions of an AWS role from the incident channel, with two people. " +
			"revokebot-sandbox shows it without any account.",
	}
}

func main() { program().Main() }
