// Package cli runs a command line: it parses it, runs its command and turns the error into an exit
// status.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// ErrSaid is a command that ends with exit status 1 and has said why.
var ErrSaid = errors.New("exit status 1")

// Program is a program. Commands is a pointer to what kong parses into; its Run methods get a
// context and a settings.Environment.
type Program struct {
	Name, Description string
	Commands          any
	Help              map[string]string // texts too long for a tag, where a tag's help says ${name}
}

// Main runs the program until it ends or is told to by a signal, and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := p.Run(ctx, os.Args[1:], settings.Environment{
		Lookup: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	stop()
	os.Exit(status)
}

// Run returns the exit status: 0 after a clean stop, 1 when something failed on the way, 2 when a
// setting is wrong or missing.
func (p Program) Run(ctx context.Context, args []string, env settings.Environment) int {
	exited := -1
	parser, err := kong.New(
		p.Commands, kong.Name(p.Name), kong.Description(p.Description),
		kong.Writers(env.Stdout, env.Stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(env), kong.Vars(p.Help),
	)
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", p.Name, err)
		return 1
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v. %s --help lists the commands.\n", p.Name, err, p.Name)
		return 2
	}
	err = command.Run()
	switch wrong, ok := errors.AsType[*settings.Error](err); {
	case err == nil:
		return 0
	case ok:
		fmt.Fprintf(env.Stderr, "%s: %v\n", p.Name, wrong)
		return 2
	case !errors.Is(err, ErrSaid):
		fmt.Fprintf(env.Stderr, "%s: %v\n", p.Name, err)
	}
	return 1
}
