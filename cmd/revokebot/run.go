package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/doctor"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
)

// run is the bot against real Slack, Redis and AWS. All that can be checked without the network is
// checked before anything else happens, so that a wrong setting's sentence stands alone.
func run(ctx context.Context, env settings.Environment) error {
	s, err := settings.Read(env)
	if err != nil {
		return err
	}
	c, err := settings.ReadConfig(s.Config)
	if err != nil {
		return err
	}
	log := settings.NewLogger(env.Stderr, s.LogJSON, s.LogLevel)
	client, err := settings.Redis{Address: s.RedisURL}.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	once, err := settings.Redis{Address: s.RedisURL, Once: true}.Client()
	if err != nil {
		return err
	}
	defer once.Close()
	store, err := redisstore.New(redisstore.Config{Client: client, Once: once, Retention: c.KeepFor})
	if err != nil {
		return err
	}
	watch, err := wire.NewWatching(ctx, env.Lookup, log)
	if err != nil {
		return err
	}
	defer watch.Close(log)
	sdk, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(settings.SDKLog{Log: log}))
	if err != nil {
		return settings.Errorf("AWS settings cannot be used: %s. Correct AWS_PROFILE and the other variables of the AWS SDK.",
			settings.OneLine(err))
	}
	cloud, err := wire.Cloud(c, sdk, watch.AWS, log)
	if err != nil {
		return settings.Errorf("%s: %s.", s.Config, settings.OneLine(err))
	}
	roles := role.New(cloud)
	b, err := wire.Bot(c, s, bot.Sealed(store, s.Key), roles, watch, log)
	if err != nil {
		return settings.Errorf("%s.", settings.OneLine(err))
	}
	chain, err := auditWorker(store, s, c.AuditFile, env, watch, log)
	if err != nil {
		return err
	}

	log.InfoContext(ctx, "starting", "version", wire.Version())
	for _, w := range slices.Concat(settings.Unknown(env), c.Warnings, settings.AccountWarnings(c.Accounts)) {
		log.WarnContext(ctx, "configuration", "warning", w.Error())
	}
	if s.Key.IsZero() {
		log.WarnContext(ctx, "configuration", "warning", "REVOKEBOT_SIGNING_KEY is not set: votes and audit lines are not "+
			"signed, and any process that can write to Redis can forge an approval.")
	}
	redis.SetLogger(settings.RedisLog{Log: log})
	channels := wire.Channels(c, s)
	err = connectAndRun(ctx, s, channels, client, store, roles, b, chain, watch.Read(b, store), log)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		log.InfoContext(ctx, "stopped before it was ready")
		return nil
	}
	return err
}

// connectAndRun waits for Redis, then for the bot.
func connectAndRun(
	ctx context.Context, s settings.Settings, channels bot.ExamineConfig, client redis.UniversalClient,
	store *redisstore.Store, roles *role.Client, b *bot.Bot, chain *audit.Worker, metrics http.Handler, log *slog.Logger,
) error {
	if err := settings.PingRedis(ctx, client); err != nil {
		return err
	}
	if settings.IsCluster(ctx, client) {
		cluster, err := settings.Redis{Address: s.RedisURL, Cluster: true}.Client()
		if err != nil {
			return err
		}
		defer cluster.Close()
		once, err := settings.Redis{Address: s.RedisURL, Once: true, Cluster: true}.Client()
		if err != nil {
			return err
		}
		defer once.Close()
		client = cluster
		store.Use(cluster, once)
		log.InfoContext(ctx, "Redis is a cluster")
	}
	for _, w := range doctor.RedisWarnings(ctx, client) {
		log.WarnContext(ctx, "Redis", "warning", w)
	}
	var known wire.Known
	if s.Listen != "" {
		stop, err := serveHealth(ctx, s.Listen, func() wire.Health { return known.With(b.Health()) }, metrics, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	looking, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { known.LookAtChannels(looking, channels, log) })
	defer all.Wait()
	defer stop()
	return wire.Run(ctx, b, roles, chain, &known, log)
}
