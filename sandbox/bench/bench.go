// Package bench puts the whole of revokebot on a test bench: the real bot, with the real slack-go,
// AWS SDK and go-redis clients, against the stand-ins of sandbox and a Redis in memory, all over
// in-memory pipes.
//
// Inside a testing/synctest bubble everything runs on fake time: a request that expires after
// fifteen minutes takes milliseconds. A test reads like the channel: somebody sends a command, a
// card appears, somebody presses a button.
//
// Outside of a bubble, in a benchmark, it runs on real time.
//
// Only tests import this package. A log line of level ERROR that a test did not ask for fails it.
package bench

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// Options change what New builds. The zero value is one replica, one approval, fifteen minutes, and
// Bob, who is in the group of approvers.
type Options struct {
	Replicas      int                 // 0: 1
	Approvers     []string            // nil: actors.Group
	Required      int                 // 0: 1
	Requesters    []string            // as handlers.Config has it
	ExpireAfter   time.Duration       // 0: 15 min
	Margin        time.Duration       // 0: 30 s
	FollowUps     []time.Duration     // of the trail
	Guard         []time.Duration     // when the deny is looked at again; nil: never
	RequireReason bool                //
	AllowShared   bool                // as handlers.Config has it
	Propagation   time.Duration       // of AWS's policies; 0: at once
	TrailDelay    time.Duration       // of CloudTrail; 0: at once
	ClockOffset   time.Duration       // of AWS's clock against everybody else's
	Protected     []string            // patterns of protected roles
	AllowUnnamed  bool                // as aws.Account has it, of all accounts
	Channels      []string            // where the command works, besides actors.Incident
	Slack         slackstandin.Config // Logger is set by New
	ErrorsAllowed bool                // ERROR lines do not fail the test

	// Bot and Cloud may change the configuration of each replica before it starts; nil leaves it.
	Bot   func(*bot.Config)
	Cloud func(*aws.Config)
}

// Key is what the bench's bot signs with.
var Key = func() approvals.Key {
	key, err := approvals.NewKey(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	if err != nil {
		panic(err) // unreachable: the seed is long enough
	}
	return key
}()

// Bench is everything, running. Make it with New.
type Bench struct {
	T     testing.TB
	Slack *slackstandin.Server
	AWS   *awsstandin.Server
	World actors.World
	Redis *miniredis.Miniredis
	DB    *redis.Client
	Store bot.Store // as the bot has it: nothing counts in it that is not signed with Key
	Log   *Log

	plain    *redisstore.Store
	options  Options
	slackNet *pipe.Listener
	awsNet   *pipe.Listener
	redisNet *redisNet
	replicas []*replica
}

type replica struct {
	bot    *bot.Bot
	cancel context.CancelFunc
	done   chan error
	close  func()
}

// Tokens of the bench's workspace.
const (
	AppToken = "xapp-1-A0SANDBOX-1-bench"
	BotToken = "xoxb-bench"
)

// New builds everything, starts the replicas, waits until they are connected, and takes it all down
// at the end of the test, before the bubble ends.
func New(t testing.TB, o Options) *Bench {
	t.Helper()
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Approvers == nil {
		o.Approvers = []string{actors.Group}
	}
	if o.Required == 0 {
		o.Required = 1
	}
	if o.ExpireAfter == 0 {
		o.ExpireAfter = 15 * time.Minute
	}
	if o.Margin == 0 {
		o.Margin = 30 * time.Second
	}
	b := &Bench{T: t, options: o, Log: &Log{t: t, allowErrors: o.ErrorsAllowed}}

	o.Slack.Events = []string{"app_home_opened"}
	o.Slack.AppToken, o.Slack.BotToken = AppToken, BotToken
	o.Slack.Logger = slog.New(slog.DiscardHandler)
	b.Slack = slackstandin.New(o.Slack)
	if err := actors.SeedSlack(b.Slack); err != nil {
		t.Fatal(err)
	}
	b.AWS = awsstandin.New(awsstandin.Config{
		Propagation: o.Propagation, TrailDelay: o.TrailDelay, ClockOffset: o.ClockOffset,
	})
	world, err := actors.SeedAWS(b.AWS)
	if err != nil {
		t.Fatal(err)
	}
	b.World = world

	var served sync.WaitGroup
	serve := func(h http.Handler) (*pipe.Listener, *http.Server) {
		l := pipe.Listen()
		server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		served.Go(func() { _ = server.Serve(l) })
		return l, server
	}
	slackNet, slackServer := serve(b.Slack)
	awsNet, awsServer := serve(b.AWS)
	b.slackNet, b.awsNet = slackNet, awsNet

	b.Redis = miniredis.NewMiniRedis()
	b.Redis.ClockTTL(true)
	b.redisNet = &redisNet{db: b.Redis, conns: make(map[net.Conn]bool)}
	b.DB = b.newRedisClient(1)
	plain, err := redisstore.New(redisstore.Config{Client: b.DB})
	if err != nil {
		t.Fatal(err)
	}
	b.plain, b.Store = plain, bot.Sealed(plain, Key)
	t.Cleanup(func() {
		for _, r := range b.replicas {
			b.stop(r)
		}
		_ = b.DB.Close()
		_ = b.Slack.Close()
		_ = b.AWS.Close()
		_ = slackServer.Close()
		_ = awsServer.Close()
		b.redisNet.cut()
		b.Redis.Close()
		served.Wait()
	})
	for range o.Replicas {
		b.Start()
	}
	return b
}

// Start starts one more replica and waits until it is connected. It returns its number, 0 for the
// first.
func (b *Bench) Start() int {
	b.T.Helper()
	client := b.newRedisClient(1)
	once := b.newRedisClient(-1)
	store, err := redisstore.New(redisstore.Config{Client: client, Once: once})
	if err != nil {
		b.T.Fatal(err)
	}
	slackHTTP, awsHTTP := b.slackNet.Client(), b.awsNet.Client()
	log := slog.New(b.Log)
	cloudConfig := b.cloudConfig(awsHTTP, log)
	if b.options.Cloud != nil {
		b.options.Cloud(&cloudConfig)
	}
	cloud, err := aws.New(cloudConfig)
	if err != nil {
		b.T.Fatal(err)
	}
	policy := approvals.Policy{
		Approvers: b.options.Approvers, Required: b.options.Required, Measures: approvals.Measures(),
	}
	botConfig := bot.Config{
		AppToken: AppToken, BotToken: BotToken, SlackAPI: "http://localhost/api", HTTPClient: slackHTTP,
		Store: bot.Sealed(store, Key), Logger: log,
		Handlers: handlers.Config{
			Cloud: cloud, Roles: role.New(cloud), Trail: trail.New(cloud),
			Channels: append([]string{actors.Incident}, b.options.Channels...), Requesters: b.options.Requesters,
			AllowShared: b.options.AllowShared,
			Requests: step.Requests{
				Measures: measures.All(),
				Policies: map[string]approvals.Policy{"prod": policy, "staging": policy}, Margin: b.options.Margin,
				Guard: b.options.Guard,
			},
			ExpireAfter: b.options.ExpireAfter, RequireReason: b.options.RequireReason,
			Lookback: 12 * time.Hour, FollowUps: b.options.FollowUps,
		},
	}
	if b.options.Bot != nil {
		b.options.Bot(&botConfig)
	}
	one, err := bot.New(botConfig)
	if err != nil {
		b.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.T.Context()))
	r := &replica{bot: one, cancel: cancel, done: make(chan error, 1), close: func() {
		_ = client.Close()
		_ = once.Close()
		slackHTTP.CloseIdleConnections()
		awsHTTP.CloseIdleConnections()
	}}
	go func() { r.done <- one.Run(ctx) }()
	b.replicas = append(b.replicas, r)
	b.Until("a replica is ready", func() bool { return one.Health().Ready })
	if err := cloud.Warm(ctx); err != nil {
		b.T.Fatal(err)
	}
	return len(b.replicas) - 1
}

// Queue queues a piece of work as if it had come due.
func (b *Bench) Queue(item approvals.Item, ids ...string) error {
	item.At = time.Now()
	_, err := b.plain.Accept(b.T.Context(), Key.SealItem(item), ids...)
	return err
}

// Backlog is what waits in the store.
func (b *Bench) Backlog(ctx context.Context) (approvals.Backlog, error) { return b.plain.Backlog(ctx) }

// Stop stops a replica as SIGTERM does.
func (b *Bench) Stop(replica int) {
	b.T.Helper()
	b.stop(b.replicas[replica])
}

func (b *Bench) stop(r *replica) {
	b.T.Helper()
	if r.done == nil {
		return
	}
	r.cancel()
	if err := <-r.done; err != nil {
		b.T.Errorf("the bot ended with: %v", err)
	}
	r.done = nil
	r.close()
}

// Health is a replica's own view of itself.
func (b *Bench) Health(replica int) bot.Health { return b.replicas[replica].bot.Health() }

// cloudConfig is that of the bot's AWS side in the seeded world.
func (b *Bench) cloudConfig(client *http.Client, log *slog.Logger) aws.Config {
	account := func(name, id string) aws.Account {
		return aws.Account{
			Name: name, ID: id, AssumeRole: b.World.Spokes[name], ExternalID: actors.ExternalID,
			UsersRole:            b.World.Users[name],
			TrustRole:            b.World.Trusts[name],
			Regions:              []string{"us-east-1", "eu-west-1"},
			AllowUnnamedSessions: b.options.AllowUnnamed,
		}
	}
	return aws.Config{
		Accounts: []aws.Account{account("prod", actors.ProdID), account("staging", actors.StagingID)},
		Margin:   b.options.Margin, ProtectedRoles: b.options.Protected, Logger: log,
		SDK: awssdk.Config{
			BaseEndpoint: awssdk.String("http://aws.example"), HTTPClient: client,
			Credentials: credentials.NewStaticCredentialsProvider(b.World.Bot.AccessKeyID, b.World.Bot.SecretAccessKey, ""),
		},
	}
}

// SDK is a configuration of the AWS SDK for an independent client with the given key.
func (b *Bench) SDK(key awsstandin.AccessKey) awssdk.Config {
	client := b.awsNet.Client()
	b.T.Cleanup(client.CloseIdleConnections)
	return awssdk.Config{
		Region: "us-east-1", BaseEndpoint: awssdk.String("http://aws.example"), HTTPClient: client, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	}
}

// newRedisClient makes a client. One that tries once does not use a connection again that was idle:
// a pipe cannot be seen to be dead before it is used, as a socket can.
func (b *Bench) newRedisClient(retries int) *redis.Client {
	options := &redis.Options{Addr: "127.0.0.1:6379", Dialer: b.redisNet.dial, MaxRetries: retries, PoolSize: 40}
	if retries < 0 {
		options.ConnMaxIdleTime = time.Millisecond
	}
	return redis.NewClient(options)
}

// RedisAway cuts every connection to Redis and refuses new ones, until it is called with false.
func (b *Bench) RedisAway(away bool) { b.redisNet.setAway(away) }

// redisNet connects to the Redis in memory, as long as it is not away.
type redisNet struct {
	db    *miniredis.Miniredis
	mu    sync.Mutex
	away  bool
	conns map[net.Conn]bool
}

var errRedisAway = errors.New("connection refused")

func (n *redisNet) dial(context.Context, string, string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return nil, errRedisAway
	}
	conn, err := n.db.Dial()
	if err == nil {
		n.conns[conn] = true
	}
	return conn, err
}

func (n *redisNet) setAway(away bool) {
	n.mu.Lock()
	n.away = away
	n.mu.Unlock()
	if away {
		n.cut()
	}
}

func (n *redisNet) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.conns {
		_ = conn.Close()
	}
	clear(n.conns)
}
