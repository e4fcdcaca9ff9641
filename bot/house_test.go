package bot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// house is all that a bot needs, without a bot: tests of starts and stops run their own.
type house struct {
	t     *testing.T
	slack *slack.Server
	aws   *awsstandin.Server
	store *redisstore.Store
	db    *redis.Client
	log   *book

	cloud *aws.Cloud
	over  *http.Client // to Slack
	away  atomic.Bool  // Slack cannot be reached
}

func newHouse(t *testing.T, expectedErrors ...string) *house {
	t.Helper()
	h := &house{t: t, log: newBook(t, expectedErrors...)}
	h.store, h.db = newRedis(t)
	h.slack = slack.New(slack.Config{AppToken: appToken, BotToken: botToken})
	if err := actors.SeedSlack(h.slack); err != nil {
		t.Fatal(err)
	}
	over := serve(t, h.slack)
	t.Cleanup(func() { _ = h.slack.Close() })
	dial := over.Transport.(*http.Transport).DialContext
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if h.away.Load() {
			return refuse(ctx, network, address)
		}
		return dial(ctx, network, address)
	}}
	h.over = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)

	h.aws = awsstandin.New(awsstandin.Config{})
	world, err := actors.SeedAWS(h.aws)
	if err != nil {
		t.Fatal(err)
	}
	client := serve(t, h.aws)
	t.Cleanup(func() { _ = h.aws.Close() })
	h.cloud, err = aws.New(aws.Config{
		Accounts: []aws.Account{
			{
				Name: "prod", ID: actors.ProdID, AssumeRole: world.Spokes["prod"], ExternalID: actors.ExternalID,
				Regions: []string{"us-east-1"},
			},
		},
		Margin: 30 * time.Second,
		SDK: awssdk.Config{
			BaseEndpoint: awssdk.String("http://aws.example"), HTTPClient: client,
			Credentials: credentials.NewStaticCredentialsProvider(world.Bot.AccessKeyID, world.Bot.SecretAccessKey, ""),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// slackAway makes Slack unreachable, or reachable again.
func (h *house) slackAway(away bool) {
	h.away.Store(away)
	if away {
		h.slack.DropConnections()
		h.over.CloseIdleConnections()
	}
}

func (h *house) config() Config {
	return Config{
		AppToken: appToken, BotToken: botToken, SlackAPI: "http://localhost/api", HTTPClient: h.over, Store: h.store,
		Logger: h.log.logger(),
		Handlers: handlers.Config{
			Cloud: h.cloud, Roles: role.New(h.cloud), Trail: trail.New(h.cloud),
			Channels: []string{actors.Incident},
			Requests: step.Requests{
				Measures: measures.All(),
				Policies: map[string]approvals.Policy{"prod": {
					Approvers: []string{actors.Group}, Required: 1, Measures: approvals.Measures(),
				}},
				Margin: 30 * time.Second,
			},
			ExpireAfter: 15 * time.Minute, Lookback: 12 * time.Hour,
		},
	}
}

// running is a bot that runs.
type running struct {
	*Bot
	cancel context.CancelFunc
	done   chan error
}

// stop ends it and returns how long that took.
func (r *running) stop(t *testing.T) time.Duration {
	t.Helper()
	at := time.Now()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Errorf("the bot ended with: %v", err)
	}
	r.done <- nil // for the next stop
	return time.Since(at)
}

func (h *house) start(cfg Config) *running {
	h.t.Helper()
	b, err := New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	r := &running{Bot: b, done: make(chan error, 1)}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(h.t.Context()))
	go func() { r.done <- b.Run(ctx) }()
	h.t.Cleanup(func() { r.stop(h.t) })
	return r
}

func (h *house) ready(r *running) {
	h.t.Helper()
	until(h.t, "the bot is ready", func() bool { return r.Health().Ready })
}

// ask has Rosa ask for a revocation and returns the card and the request's id.
func (h *house) ask() (card slack.Message, request string) {
	h.t.Helper()
	if d, err := h.slack.Command(h.t.Context(), actors.Rosa, actors.Incident, messages.Command,
		"prod/DeployRole "+typed); err != nil || !d.Acked {
		h.t.Fatalf("%+v, %v", d, err)
	}
	until(h.t, "there is a card", func() bool { return len(h.cards()) > 0 })
	card = h.cards()[0]
	_, rest, _ := strings.Cut(string(card.Metadata), `"request":"`)
	request, _, _ = strings.Cut(rest, `"`)
	return card, request
}

func (h *house) cards() (list []slack.Message) {
	for _, m := range h.slack.Messages(actors.Incident) {
		if m.ThreadTS == "" && !m.Ephemeral && len(m.Metadata) > 0 {
			list = append(list, m)
		}
	}
	return list
}

func (h *house) approve(card slack.Message) {
	h.t.Helper()
	d, err := h.slack.Click(h.t.Context(), actors.Bob, slack.Click{
		ChannelID: actors.Incident, MessageTS: card.TS, ActionID: messages.ActionApprove,
	})
	if err != nil || !d.Acked {
		h.t.Fatalf("%+v, %v", d, err)
	}
}

// state is StateUnknown while the store has no such request.
func (h *house) state(request string) approvals.State {
	h.t.Helper()
	r, _, err := h.store.Load(h.t.Context(), request)
	if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
		h.t.Fatal(err)
	}
	return r.State
}
