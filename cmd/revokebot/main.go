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
	Run      runCmd      `cmd:"" help:"${run}"`
	Doctor   doctorCmd   `cmd:"" help:"${doctor}"`
	Audit    auditCmd    `cmd:"" help:"${audit}"`
	Manifest manifestCmd `cmd:"" help:"Print the Slack app manifest."`
	Version  versionCmd  `cmd:"" help:"Print version, commit and Go version."`
}

func program() cli.Program {
	return cli.Program{
		Name: "revokebot", Commands: &commands{}, Help: help(),
		Description: "Revoke the active sessions of an AWS role from the incident channel, with two people. " +
			"revokebot-sandbox shows it without any account.",
	}
}

func main() { program().Main() }

// help are the texts of commands and flags that are too long for a tag.
func help() map[string]string {
	return map[string]string{
		"run": "Run the bot against real Slack, Redis and AWS. Settings come from the environment, see " +
			"docs/configuration.md.",
		"doctor": "Check the settings, Slack, Redis and AWS, and change nothing. Exit status 1 if anything " +
			"would stop a revocation.",
		"audit": "The audit log: export it, verify it, print the public key that its lines are signed with.",
		"audit_export": "Print the audit log as JSON lines, and where it ends on standard error. Needs REDIS_URL " +
			"alone.",
		"public_key": "Public key in base64, as revokebot audit key prints it; may be given again for a key that " +
			"was in use before. Left out: that of REVOKEBOT_SIGNING_KEY.",
		"head": "Where the log has to reach at least, as N:hash, which revokebot audit export and verify " +
			"print. Without it nobody can tell whether lines are missing at the end.",
	}
}
