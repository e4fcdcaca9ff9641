// Command bareslack is the least that a Socket Mode app can do with slack-go: connect, and
// acknowledge. It is the floor beside which sandbox/measure puts the bot's acknowledgements, its
// memory and its start.
//
// It reads SLACK_APP_TOKEN, SLACK_BOT_TOKEN and SLACK_API_URL.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	api := slack.New(os.Getenv("SLACK_BOT_TOKEN"), slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
		slack.OptionAPIURL(os.Getenv("SLACK_API_URL")))
	client := socketmode.New(api)
	go func() {
		for event := range client.Events {
			if event.Request == nil || event.Request.EnvelopeID == "" {
				continue
			}
			if err := client.Ack(*event.Request); err != nil {
				fmt.Fprintln(os.Stderr, "bareslack:", err)
			}
		}
	}()
	// It returns an error always, and after a stop that of the context.
	if err := client.RunContext(ctx); ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "bareslack:", err)
		os.Exit(1)
	}
}
