package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers"
)

type runCmd struct{}

// Run is the bot against real Slack, Redis and AWS. All that can be checked without the network is checked before
// anything else happens, so that a wrong setting's sentence stands alone.
func (runCmd) Run(ctx context.Context, env environment) error {
	s, err := readSettings(env)
	if err != nil {
		return err
	}
	c, err := readConfig(s.config)
	if err != nil {
		return err
	}
	log := logger(env.stderr, s.logJSON, s.logLevel)
	client, err := redisClient(s.redisURL, false)
	if err != nil {
		return err
	}
	defer client.Close()
	once, err := redisClient(s.redisURL, true)
	if err != nil {
		return err
	}
	defer once.Close()
	store, err := redisstore.New(redisstore.Config{Client: client, Once: once, Retention: c.keepFor})
	if err != nil {
		return err
	}
	watch, err := newWatching(ctx, env, log)
	if err != nil {
		return err
	}
	defer watch.close(log)
	sdk, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return usagef("AWS settings cannot be used: %s. Correct AWS_PROFILE and the other variables of the AWS SDK.", oneLine(err))
	}
	cloud, err := aws.New(aws.Config{
		Accounts: c.accounts, DefaultAccount: c.defaultAccount, ProtectedRoles: c.protectedRoles, Margin: c.margin, SDK: sdk, Logger: log,
		Watch: watch.aws,
	})
	if err != nil {
		return usagef("%s: %s.", s.config, oneLine(err))
	}
	b, err := newBot(c, s, bot.Sealed(store, s.key), cloud, watch, log)
	if err != nil {
		return usagef("%s.", oneLine(err))
	}
	chain, err := auditWorker(store, s.key, c.auditFile, env, watch.auditAlarm, log)
	if err != nil {
		return err
	}

	log.InfoContext(ctx, "starting", "version", versionLine())
	for _, w := range append(c.warnings, accountWarnings(c.accounts)...) {
		log.WarnContext(ctx, "configuration", "warning", w)
	}
	if s.key.IsZero() {
		log.WarnContext(ctx, "configuration", "warning", "REVOKEBOT_SIGNING_KEY is not set: votes and audit lines are not signed, and whoever can write to Redis can forge an approval.")
	}
	redis.SetLogger(redisLog{log})
	err = connectAndRun(ctx, s, client, cloud, b, chain, watch.read(b, store), log)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		log.InfoContext(ctx, "stopped before it was ready")
		return nil
	}
	return err
}

// connectAndRun waits for Redis, then for the bot.
func connectAndRun(ctx context.Context, s settings, client redis.UniversalClient, cloud *aws.Cloud, b *bot.Bot, chain *audit.Worker, metrics http.Handler, log *slog.Logger) error {
	if err := pingRedis(ctx, client); err != nil {
		return err
	}
	for _, w := range redisWarnings(ctx, client) {
		log.WarnContext(ctx, "Redis", "warning", w)
	}
	if s.listen != "" {
		stop, err := serveHealth(ctx, s.listen, b.Health, metrics, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	warming, stopWarming := context.WithCancel(ctx)
	var warm sync.WaitGroup
	warm.Go(func() { keepWarm(warming, cloud, log) })
	warm.Go(func() { chain.Run(warming) }) // to its end also what the bot does when it stops
	err := b.Run(ctx)
	stopWarming() // an account that does not answer must not hold up the end
	warm.Wait()
	return explainStart(err)
}

// newBot wires a bot, the same way for run and sandbox.
func newBot(c config, s settings, store bot.Store, cloud *aws.Cloud, watch watching, log *slog.Logger) (*bot.Bot, error) {
	return bot.New(bot.Config{
		AppToken: s.appToken, BotToken: s.botToken, SlackAPI: s.slackAPI, Connections: c.connections, Store: watch.store(store), Logger: log,
		Watch: watch.bot(),
		Handlers: handlers.Config{
			Cloud: cloud, Channels: c.channels, Requesters: c.requesters, Policies: c.policies, AllowShared: c.allowShared,
			ExpireAfter: c.expireAfter, RequireReason: c.requireReason, Margin: c.margin, Lookback: c.lookback, FollowUps: c.followUps,
			Guard: c.guard,
		},
	})
}

// warmEvery keeps the reading sessions, which live for fifteen minutes, younger than half of that.
const warmEvery = 5 * time.Minute

// keepWarm opens the reading sessions and renews them until ctx ends, so that no command and no approval waits for them.
// An account that cannot be used is told of when it becomes so, and again to whoever asks for a role of it.
func keepWarm(ctx context.Context, cloud *aws.Cloud, log *slog.Logger) {
	ticker := time.NewTicker(warmEvery)
	defer ticker.Stop()
	before := ""
	unlisted := map[string]string{} // accounts whose roles could not be listed, and why
	for {
		err := cloud.Warm(ctx)
		listRoles(ctx, cloud, unlisted, log)
		if ctx.Err() != nil {
			return
		}
		now := ""
		for _, one := range unjoin(err) {
			now += aws.Explain(one)
		}
		if now != before {
			for _, one := range unjoin(err) {
				log.WarnContext(ctx, "an AWS account cannot be used yet", "error", one, "advice", aws.Explain(one))
			}
			if now == "" {
				log.InfoContext(ctx, "all AWS accounts can be used again")
			}
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// listRoles keeps the lists of roles that the form offers. An account that does not let its roles be listed is told of when
// it becomes so; its roles are typed.
func listRoles(ctx context.Context, cloud *aws.Cloud, unlisted map[string]string, log *slog.Logger) {
	var all sync.WaitGroup
	accounts := cloud.Accounts()
	failed := make([]error, len(accounts))
	for i, a := range accounts {
		all.Go(func() { failed[i] = cloud.LoadRoles(ctx, a.Name) })
	}
	all.Wait()
	for i, a := range accounts {
		advice := ""
		if failed[i] != nil {
			advice = aws.Explain(failed[i])
		}
		if advice != "" && advice != unlisted[a.Name] && ctx.Err() == nil {
			log.WarnContext(ctx, "the roles of an account cannot be listed; they are typed in the form", "account", a.Name, "error", failed[i], "advice", advice)
		}
		unlisted[a.Name] = advice
	}
}

// unjoin lists the errors of several accounts; none for nil.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, call := err.(*aws.CallError); !call {
			return joined.Unwrap()
		}
	}
	return []error{err}
}

// explainStart turns a refusal by Slack or Redis at the start into a sentence that names the setting.
func explainStart(err error) error {
	start, ok := errors.AsType[*bot.StartError](err)
	if !ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if start.Store {
		return usagef("REDIS_URL: Redis answers, but not as it should: %v. Give the address of a Redis server of version 7.0 or later that takes writes.", start.Err)
	}
	refused, ok := errors.AsType[*handlers.SlackError](start.Err)
	if !ok {
		return fmt.Errorf("start: %w", err)
	}
	name, page := "SLACK_BOT_TOKEN", "OAuth & Permissions"
	if refused.Method == "apps.connections.open" {
		name, page = "SLACK_APP_TOKEN", "Basic Information"
	}
	switch refused.Code {
	case "missing_scope":
		return usagef("%s lacks a scope for %s: install the app again from the manifest (revokebot manifest), and put the new token there.", name, refused.Method)
	default:
		return usagef("%s is refused by Slack (%s answered %s): put the token from the app's %s page there, of the workspace that the app is installed in.", name, refused.Method, refused.Code, page)
	}
}
