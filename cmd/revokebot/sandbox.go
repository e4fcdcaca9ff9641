package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
	"github.com/revokebot/revokebot/sandbox/web"
)

type sandboxCmd struct {
	Listen      string        `default:"127.0.0.1:8080" help:"Address of the page (default ${default})."`
	SlackListen string        `default:"127.0.0.1:0" help:"Address of the Slack stand-in (default: a free port)."`
	AWSListen   string        `default:"127.0.0.1:0" name:"aws-listen" help:"Address of the AWS stand-in (default: a free port)."`
	EnvFile     string        `help:"Write the settings with which revokebot doctor and revokebot run use the stand-ins to this file, for a shell to read, and a configuration file to the same path with .yaml. The Redis in memory then listens, too."`
	RedisListen string        `default:"127.0.0.1:0" help:"Address of the Redis in memory, with --env-file (default: a free port)."`
	WithoutBot  bool          `help:"Start the stand-ins and the page only, for a bot that runs as a process of its own."`
	Margin      time.Duration `default:"10s" help:"How far past now the cutoff lies, shorter than in production so that nobody waits (default ${default})."`
	Propagation time.Duration `default:"4s" help:"How long AWS takes to enforce a new policy (default ${default})."`
	TrailDelay  time.Duration `default:"5s" help:"How late CloudTrail is (default ${default})."`
}

// The tokens that the Slack stand-in takes. They open nothing else.
const (
	sandboxAppToken = "xapp-1-A0SANDBOX-1-sandbox"
	sandboxBotToken = "xoxb-sandbox"
)

// Run starts everything, prints where it is, and waits.
func (s sandboxCmd) Run(ctx context.Context, env environment) error {
	for name, d := range map[string]time.Duration{"--margin": s.Margin, "--propagation": s.Propagation, "--trail-delay": s.TrailDelay} {
		if d < 0 {
			return usagef("%s is negative: give a duration such as 10s.", name)
		}
	}
	json, level, err := logSettings(env)
	if err != nil {
		return err
	}
	log := logger(env.stderr, json, level)

	slackServer := slackstandin.New(slackstandin.Config{
		AppToken: sandboxAppToken, BotToken: sandboxBotToken, Logger: log.With("stand-in", "slack"),
		Events: []string{"app_home_opened"}, // as the manifest has it
	})
	defer slackServer.Close()
	if err := actors.SeedSlack(slackServer); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	awsServer := awsstandin.New(awsstandin.Config{
		Logger: log.With("stand-in", "aws"), Propagation: s.Propagation, TrailDelay: s.TrailDelay,
	})
	defer awsServer.Close()
	world, err := actors.SeedAWS(awsServer)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}

	loot, err := actors.SeedLife(ctx, awsServer, world)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}

	var parts servers
	defer parts.close()
	slackURL, err := parts.serve(ctx, "--slack-listen", s.SlackListen, slackServer)
	if err != nil {
		return err
	}
	awsURL, err := parts.serve(ctx, "--aws-listen", s.AWSListen, awsServer)
	if err != nil {
		return err
	}

	cast := actors.New(actors.Config{
		Endpoint: awsURL, RoleARN: world.Role, Key: world.Key(), Rival: world.RivalKey(), Console: world.ConsoleKey(), Loot: &loot, Logger: log,
	})
	configText := sandboxConfig(world, s.Margin)
	c, err := parseConfig("sandbox", []byte(configText))
	if err != nil {
		return err
	}
	watch, err := newWatching(ctx, env, log)
	if err != nil {
		return err
	}
	defer watch.close(log)
	cloud, err := sandboxCloud(c, world, awssdk.Config{BaseEndpoint: awssdk.String(awsURL)}, watch.aws, log)
	if err != nil {
		return err
	}
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // it never fails (package crypto/rand)
	key, err := approvals.NewKey(seed)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	set := settings{appToken: sandboxAppToken, botToken: sandboxBotToken, slackAPI: slackURL + "/api/", key: key}

	pageConfig := s.page(slackServer, awsServer, world, cast, slackURL, awsURL, log)
	pageConfig.GuardRail = sandboxGuardRail(world, cloud)
	pageConfig.LeaveOut = func(m actors.Missing) error { return world.LeaveOut(slackServer, m) }
	page := web.New(pageConfig)
	defer page.Close()
	pageURL, err := parts.serve(ctx, "--listen", s.Listen, beside(page, watch))
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	running.Go(func() {
		if err := cast.Run(ctx); err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("sandbox: %w", err))
		}
	})
	if s.EnvFile == "" {
		s.RedisListen = ""
	}
	memory, err := startSandboxRedis(s.RedisListen)
	if err != nil {
		return err
	}
	defer memory.db.Close()
	if !s.WithoutBot {
		stop, err := startSandboxBot(ctx, c, set, memory, cloud, watch, log, &running, cancel)
		if err != nil {
			cancel(err)
			running.Wait()
			return err
		}
		defer stop()
	}
	if err := s.announce(env, pageURL, clientVariables(set, seed, awsURL, memory, world), world, configText); err != nil {
		cancel(err)
	}
	<-ctx.Done()
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// sandboxCloud is the bot's AWS: the stand-in that sdk points at, with the bot's key there.
func sandboxCloud(c config, world actors.World, sdk awssdk.Config, watch aws.WatchFunc, log *slog.Logger) (*aws.Cloud, error) {
	sdk.Credentials = credentials.NewStaticCredentialsProvider(world.Bot.AccessKeyID, world.Bot.SecretAccessKey, world.Bot.SessionToken)
	cloud, err := aws.New(aws.Config{
		Accounts: c.accounts, DefaultAccount: c.defaultAccount, ProtectedRoles: c.protectedRoles, Margin: c.margin, Logger: log, SDK: sdk,
		Watch: watch,
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return cloud, nil
}

// sandboxGuardRail is what the bot advises for the account of the story.
func sandboxGuardRail(world actors.World, cloud *aws.Cloud) string {
	return aws.GuardRailSCP(aws.Role{ARN: world.Role}, cloud.OwnRoles("prod"))
}

// startSandboxBot runs the real bot on the stand-ins and on a Redis in memory.
func startSandboxBot(ctx context.Context, c config, set settings, memory sandboxRedis, cloud *aws.Cloud, watch watching, log *slog.Logger, running *sync.WaitGroup, fail context.CancelCauseFunc) (stop func(), err error) {
	client := memory.client()
	closeAll := func() { _ = client.Close() }
	store, err := redisstore.New(redisstore.Config{Client: client, Retention: c.keepFor})
	if err != nil {
		closeAll()
		return nil, err
	}
	b, err := newBot(c, set, bot.Sealed(store, set.key), cloud, watch, log)
	if err != nil {
		closeAll()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	watch.read(b, store)
	running.Go(func() {
		audit.New(audit.Config{Store: store, Key: set.key, Alarm: watch.auditAlarm, Logger: log}).Run(ctx)
	})
	running.Go(func() { keepWarm(ctx, cloud, log) })
	running.Go(func() {
		if err := b.Run(ctx); err != nil {
			fail(explainStart(err))
		}
	})
	return closeAll, nil
}

// sandboxConfig is a configuration file as somebody would write it for the sandbox's world. The second account is the
// team's own: somebody may approve there who may not for the first one. The deny is looked at again sooner than in
// production, because a visitor stays for minutes.
func sandboxConfig(world actors.World, margin time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "slack:\n  channels: [%s]\napprovals:\n  approvers: [%s]\n  expire_after: 15m\naccounts:\n", actors.Incident, actors.Group)
	ids := map[string]string{"prod": actors.ProdID, "staging": actors.StagingID}
	for _, name := range []string{"prod", "staging"} {
		fmt.Fprintf(&b, "  %s:\n    id: %q\n    assume_role: %s\n    external_id: %s\n    regions: [us-east-1, eu-west-1]\n",
			name, ids[name], world.Spokes[name], actors.ExternalID)
		if name == "staging" {
			fmt.Fprintf(&b, "    approvers: [%s, %s]\n", actors.Group, actors.Nils)
		}
	}
	fmt.Fprintf(&b, "protected_roles:\n  - arn:aws:iam::*:role/break-glass-*\nrevocation:\n  margin: %s\n  guard: [5s, 15s, 60s, 5m]\n"+
		"trail:\n  lookback: 12h\n  follow_ups: [30s, 2m, 16m]\n", margin)
	return b.String()
}

func (s sandboxCmd) page(slackServer *slackstandin.Server, awsServer *awsstandin.Server, world actors.World, cast *actors.Cast, slackURL, awsURL string, log *slog.Logger) web.Config {
	return web.Config{
		Slack: slackServer, AWS: awsServer, Actors: cast, Account: world.Prod, RoleName: actors.DeployRole,
		Channel: actors.Incident, Propagation: s.Propagation, TrailDelay: s.TrailDelay, Logger: log,
		People: []web.Person{
			{UserID: actors.Rosa, Role: web.Responder, Blurb: "on call, asks for the revocation"},
			{UserID: actors.Bob, Role: web.Approver, Blurb: "security, may approve"},
			{UserID: actors.Ines, Role: web.Approver, Blurb: "security, may approve"},
			{UserID: actors.Nils, Role: web.OtherApprover, Blurb: "shop team, may approve for staging only"},
			{UserID: actors.Gina, Role: web.Guest, Blurb: "guest, may neither ask nor approve"},
		},
		Suggest: []string{
			"/revoke-sessions prod/DeployRole key pasted in a gist",
			"/revoke-sessions help",
			"/revoke-sessions",
			"/revoke-sessions status",
			"/revoke-sessions drill prod/DeployRole before it is needed",
			"/revoke-sessions staging/DeployRole a test build logged its session",
			"/revoke-sessions prod/AWSServiceRoleForElasticLoadBalancing",
		},
		Facts: map[string]string{
			"Slack stand-in": slackURL + "/api/", "AWS stand-in": awsURL,
			"Metrics of the bot":   "/metrics, here",
			"Margin of the cutoff": s.Margin.String() + " (30s in production)",
			"Redis":                "in memory, gone when the sandbox stops",
		},
	}
}

// clientVariables lead another client to the stand-ins.
func clientVariables(set settings, seed []byte, awsURL string, memory sandboxRedis, world actors.World) []variable {
	all := []variable{
		{"SLACK_API_URL", set.slackAPI},
		{"SLACK_APP_TOKEN", set.appToken},
		{"SLACK_BOT_TOKEN", set.botToken},
		{"AWS_ENDPOINT_URL", awsURL},
		{"AWS_REGION", "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-1"}, // which version 1 of the aws command line reads instead
		{"AWS_ACCESS_KEY_ID", world.Bot.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", world.Bot.SecretAccessKey},
	}
	if memory.url != "" {
		all = append(all, variable{"REDIS_URL", memory.url}, variable{"REVOKEBOT_SIGNING_KEY", base64.StdEncoding.EncodeToString(seed)})
	}
	return all
}

// announce prints where everything is, and writes the file for other clients if there is to be one. The lines with = can be
// pasted into a shell.
func (s sandboxCmd) announce(env environment, pageURL string, variables []variable, world actors.World, configText string) error {
	lines := []string{
		"",
		"  SANDBOX: stand-ins for Slack and AWS. Nothing here is real, and nothing real is touched.",
		"",
		"  Open  " + pageURL,
		"",
		"  Other clients can be pointed at the stand-ins with:",
	}
	for _, v := range variables {
		lines = append(lines, v.name+"="+v.value)
	}
	if s.EnvFile != "" {
		if err := writeEnvFile(s.EnvFile, variables, configText); err != nil {
			return err
		}
		lines = append(lines, "", "  These and REVOKEBOT_CONFIG are in "+s.EnvFile+", the configuration file beside it. In another shell, from the same folder:", "",
			"    . "+dotted(s.EnvFile)+" && revokebot doctor")
	}
	lines = append(
		lines,
		"",
		"  The AWS key is the bot's. A build's, which may assume "+actors.DeployRole+" in both accounts, is:",
		"CI_ACCESS_KEY_ID="+world.CI.AccessKeyID,
		"CI_SECRET_ACCESS_KEY="+world.CI.SecretAccessKey,
		"",
	)
	switch {
	case s.WithoutBot && s.EnvFile != "":
		lines = append(lines, "  No bot runs here. Start one in that shell with revokebot run. Its configuration file is:", "", indent(configText))
	case s.WithoutBot:
		lines = append(lines, "  No bot runs here. Start one with the lines above, REDIS_URL, and REVOKEBOT_CONFIG naming a file with:", "", indent(configText))
	default:
		lines = append(lines, "  The bot runs with this configuration file:", "", indent(configText))
	}
	lines = append(lines, "  Ctrl-C stops it.", "")
	_, err := fmt.Fprintln(env.stdout, strings.Join(lines, "\n"))
	return err
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}

// servers are the HTTP servers of the sandbox.
type servers struct {
	all     []*http.Server
	serving sync.WaitGroup
}

// serve starts one and returns its address.
func (s *servers) serve(ctx context.Context, flag, address string, handler http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", usagef("%s: cannot listen on %s (%v). Choose another address with %s.", flag, address, err, flag)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.all = append(s.all, server)
	s.serving.Go(func() { _ = server.Serve(listener) })
	return "http://" + listener.Addr().String(), nil
}

// close ends them, the last one first.
func (s *servers) close() {
	for _, server := range slices.Backward(s.all) {
		_ = server.Close()
	}
	s.serving.Wait()
}
