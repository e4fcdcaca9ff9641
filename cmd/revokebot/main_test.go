package main

import (
	"context"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

const (
	appToken = cmdtest.AppToken
	botToken = cmdtest.BotToken
	redisURL = cmdtest.RedisURL
	password = cmdtest.Password
	seedText = cmdtest.SeedText
)

var secrets = cmdtest.Secrets()

// start starts revokebot as a process of its own.
func start(t *testing.T, variables map[string]string, args ...string) *process {
	t.Helper()
	return startCommand(t, "revokebot", variables, args...)
}

// runToEnd runs revokebot and returns its exit status and what it said.
func runToEnd(t *testing.T, variables map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	p := start(t, variables, args...)
	status = p.Wait()
	return status, p.Stdout.String(), p.Stderr.String()
}

// inProcess runs a command line in this process and returns its exit status.
func inProcess(ctx context.Context, env *cmdtest.Env, args ...string) int {
	return cli.Program(program).Run(ctx, args, env.Environment())
}

// keyOf is the key of a seed in base64.
func keyOf(t *testing.T, text string) approvals.Key {
	t.Helper()
	key, err := settings.ReadKey((&cmdtest.Env{Variables: map[string]string{"REVOKEBOT_SIGNING_KEY": text}}).Environment())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wait waits for something that is told by closing a channel.
func wait(t *testing.T, happened <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case <-happened:
	case <-timer.C:
		t.Fatalf("no %s within %v", what, soon)
	}
}
