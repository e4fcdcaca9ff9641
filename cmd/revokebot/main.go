// Command revokebot revokes the active sessions of an AWS role from an incident channel in Slack, with two people.
//
// This package parses, wires and waits: run.go starts the bot on real Slack, Redis and AWS; sandbox.go starts it on
// stand-ins, with a page in the browser; doctor.go looks whether a revocation would work; settings.go reads the
// environment and configfile.go the YAML file. What the bot does is in the packages below bot.
//
// Exit status: 0 after a clean stop, 1 when something failed on the way or doctor found a failure, 2 when a setting is
// wrong or missing, with one sentence that names it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Run      runCmd      `cmd:"" help:"Run the bot against real Slack, Redis and AWS. Settings come from the environment, see docs/configuration.md."`
	Sandbox  sandboxCmd  `cmd:"" help:"Run everything in one process: stand-ins for Slack and AWS, Redis in memory, the real bot, and a web page. No accounts needed."`
	Doctor   doctorCmd   `cmd:"" help:"Check the settings, Slack, Redis and AWS, and change nothing. Exit status 1 if anything would stop a revocation."`
	Audit    auditCmd    `cmd:"" help:"The audit log: export it, verify it, print the public key that its lines are signed with."`
	Manifest manifestCmd `cmd:"" help:"Print the Slack app manifest."`
	Version  versionCmd  `cmd:"" help:"Print version, commit and Go version."`
}

// usageError is a setting that is wrong or missing: one sentence, exit status 2.
type usageError struct{ sentence string }

func (e *usageError) Error() string { return e.sentence }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errSaid is a command that ended with exit status 1 and has said why.
var errSaid = errors.New("exit status 1")

// environment is what a command needs of the outside.
type environment struct {
	lookupenv      func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
}

// getenv does not tell an empty variable from one that is not set.
func (e environment) getenv(name string) string {
	value, _ := e.lookupenv(name)
	return value
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], environment{lookupenv: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	stop()
	os.Exit(status)
}

// run is the whole program.
func run(ctx context.Context, args []string, env environment) int {
	var c cli
	exited := -1
	parser, err := kong.New(
		&c, kong.Name("revokebot"),
		kong.Description("Revoke the active sessions of an AWS role from the incident channel, with two people."),
		kong.Writers(env.stdout, env.stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.stderr, "revokebot:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	if err != nil {
		fmt.Fprintf(env.stderr, "revokebot: %v. revokebot --help lists the commands.\n", err)
		return 2
	}
	err = command.Run()
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(env.stderr, "revokebot:", usage.sentence)
		return 2
	}
	if errors.Is(err, errSaid) {
		return 1
	}
	if err != nil {
		fmt.Fprintln(env.stderr, "revokebot:", err)
		return 1
	}
	return 0
}
