package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
	"github.com/revokebot/revokebot/sandbox/actors"
)

// realBot is the bot as it runs in production, and its settings here.
type realBot struct {
	settings settings.Settings
	config   settings.Config
	seed     []byte // of its key
	cloud    *aws.Cloud
	watch    wire.Watching
	store    bot.Store // nil before start
	log      *slog.Logger
}

func newRealBot(c settings.Config, st *stage, watch wire.Watching, log *slog.Logger) (*realBot, error) {
	cloud, err := newCloud(c, st.world, awssdk.Config{BaseEndpoint: awssdk.String(st.awsURL)}, watch.AWS, log)
	if err != nil {
		return nil, err
	}
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // it never fails (package crypto/rand)
	key, err := approvals.NewKey(seed)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return &realBot{
		settings: settings.Settings{AppToken: appToken, BotToken: botToken, SlackAPI: st.slackURL + "/api/", Key: key},
		config:   c, seed: seed, cloud: cloud, watch: watch, log: log,
	}, nil
}

// newCloud is the bot's AWS: the stand-in that sdk points at, with the bot's key there.
func newCloud(
	c settings.Config, world actors.World, sdk awssdk.Config, watch aws.WatchFunc, log *slog.Logger,
) (*aws.Cloud, error) {
	sdk.Credentials = credentials.NewStaticCredentialsProvider(world.Bot.AccessKeyID, world.Bot.SecretAccessKey,
		world.Bot.SessionToken)
	cloud, err := wire.Cloud(c, sdk, watch, log)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return cloud, nil
}

// start runs the bot until ctx ends. fail gets what ends it before.
func (b *realBot) start(
	ctx context.Context, client redis.UniversalClient, running *sync.WaitGroup, fail context.CancelCauseFunc,
) error {
	store, err := redisstore.New(redisstore.Config{Client: client, Retention: b.config.KeepFor})
	if err != nil {
		return err
	}
	roles := role.New(b.cloud)
	b.store = bot.Sealed(store, b.settings.Key)
	it, err := wire.Bot(b.config, b.settings, b.store, roles, b.watch, b.log)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	b.watch.Read(it, store)
	chain := audit.New(audit.Config{Store: store, Key: b.settings.Key, Alarm: b.watch.AuditAlarm, Logger: b.log})
	running.Go(func() {
		if err := wire.Run(ctx, it, roles, chain, &wire.Known{}, b.log); err != nil {
			fail(err)
		}
	})
	return nil
}
