// Package cli runs a command line: it parses it, runs its command and turns the error into an exit
// status.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// ErrSaid is a command that ends with exit status 1 and has said why.
var ErrSaid = errors.New("exit status 1")

// Program returns the commands of a program, which run in env.
type Program func(env settings.Environment) *cobra.Command

// Main runs the program until it ends or is told to by a signal, and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := p.Run(ctx, os.Args[1:], settings.Environment{
		Lookup: os.LookupEnv, Names: names, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	stop()
	os.Exit(status)
}

// names are the names of all variables.
func names() []string {
	var all []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		all = append(all, name)
	}
	return all
}

// Run returns the exit status: 0 after a clean stop, 1 when something failed on the way, 2 when the
// command line or a setting is wrong.
func (p Program) Run(ctx context.Context, args []string, env settings.Environment) int {
	root, began := p(env), false
	root.SetArgs(args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	err := root.ExecuteContext(ctx)
	switch wrong, ok := errors.AsType[*settings.Error](err); {
	case err == nil:
		return 0
	case ok:
		fmt.Fprintf(env.Stderr, "%s: %v\n", root.Name(), wrong)
		return 2
	case !began:
		text, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintf(env.Stderr, "%s: %s. %s --help lists the commands.\n", root.Name(), text, root.Name())
		return 2
	case !errors.Is(err, ErrSaid):
		fmt.Fprintf(env.Stderr, "%s: %v\n", root.Name(), err)
	}
	return 1
}

// Command is a command without arguments. The first sentence of help is listed.
func Command(use, help string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: first(help), Long: help, Args: noneExpected,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context()) },
	}
}

func first(help string) string {
	sentence, _, more := strings.Cut(help, ". ")
	if more {
		sentence += "."
	}
	return sentence
}

func noneExpected(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %s", args[0])
	}
	return nil
}

// Group is a command that needs one of others behind it.
func Group(use, help string, of ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: first(help), Long: help, RunE: func(*cobra.Command, []string) error { return nil },
		Args: func(c *cobra.Command, args []string) error {
			if err := noneExpected(c, args); err != nil {
				return err
			}
			return fmt.Errorf("a command is missing after %s", c.CommandPath())
		},
		DisableFlagsInUseLine: true,
	}
	group.AddCommand(of...)
	return group
}
