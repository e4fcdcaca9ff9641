package doctor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/internal/finding"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// The tokens that the Slack stand-in takes.
const (
	standInAppToken = "xapp-1-A0SANDBOX-1-sandbox"
	standInBotToken = "xoxb-sandbox"
)

// ward is a healthy deployment on stand-ins, for doctor to look at. Tests make it ill. Use it
// inside a synctest bubble.
type ward struct {
	t     *testing.T
	slack *slackstandin.Server
	aws   *awsstandin.Server
	prod  *awsstandin.Account
	world actors.World
	db    *miniredis.Miniredis

	variables map[string]string
	yaml      string
	sdkError  error
	key       awsstandin.AccessKey // of the bot; an empty one is none

	mu       sync.Mutex
	info     map[string]string // what Redis says of itself
	config   map[string]string // what Redis is set to
	pong     string            // what Redis answers to PING, if not that
	behind   time.Duration     // of Redis' clock
	silent   bool              // Redis answers nothing
	asked    []string          // what Redis was asked
	edit     func(*http.Response)
	slackNet *pipe.Listener
	awsNet   *pipe.Listener
}

const wardYAML = `slack:
  channels: [C0INCIDENT]
  requesters: [U0ROSA, S0SECURITY]
approvals:
  approvers: [S0SECURITY]
accounts:
  prod:
    id: "111122223333"
    assume_role: arn:aws:iam::111122223333:role/revokebot-spoke
    external_id: sandbox-external-id
    regions: [eu-west-1]
    trust_role: arn:aws:iam::111122223333:role/revokebot-trust
    users_role: arn:aws:iam::111122223333:role/revokebot-users
    measures: [revoke, key]
protected_roles: ["arn:aws:iam::*:role/break-glass-admin"]
protected_users: ["arn:aws:iam::*:user/break-glass-admin"]
`

// inWard runs a test in a bubble with a ward. The configuration file lies in the folder that the
// test is in.
func inWard(t *testing.T, test func(t *testing.T, w *ward)) {
	t.Helper()
	inWardOf(t, slackstandin.Config{}, test)
}

// inWardOf is inWard with another Slack.
func inWardOf(t *testing.T, cfg slackstandin.Config, test func(t *testing.T, w *ward)) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	t.Chdir(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		w := &ward{
			t: t, slack: slackstandin.New(cfg),
			aws: awsstandin.New(awsstandin.Config{Latency: -1, LookupRate: -1}), db: miniredis.NewMiniRedis(),
		}
		var served sync.WaitGroup
		serve := func(h http.Handler) (*pipe.Listener, *http.Server) {
			l, s := pipe.Listen(), &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
			served.Go(func() { _ = s.Serve(l) })
			return l, s
		}
		var slackServer, awsServer *http.Server
		w.slackNet, slackServer = serve(w.slack)
		w.awsNet, awsServer = serve(w.aws)
		defer func() {
			_ = w.slack.Close()
			_ = w.aws.Close()
			_ = slackServer.Close()
			_ = awsServer.Close()
			served.Wait()
			w.db.Close()
		}()
		w.db.ClockTTL(true)
		if err := actors.SeedSlack(w.slack); err != nil {
			t.Fatal(err)
		}
		var err error
		if w.world, err = actors.SeedAWS(w.aws); err != nil {
			t.Fatal(err)
		}
		w.prod = w.world.Prod
		w.reset()
		test(t, w)
	})
}

// reset puts back all that is no stand-in's.
func (w *ward) reset() {
	w.variables = map[string]string{
		"SLACK_APP_TOKEN": standInAppToken, "SLACK_BOT_TOKEN": standInBotToken, "SLACK_API_URL": "http://localhost/api",
		"REDIS_URL": "redis://:" + cmdtest.Password + "@127.0.0.1:6379/0", "REVOKEBOT_CONFIG": "revokebot.yaml",
		"REVOKEBOT_SIGNING_KEY": cmdtest.SeedText,
	}
	w.yaml, w.sdkError, w.key, w.edit = wardYAML, nil, w.world.Bot, nil
	w.info = map[string]string{
		"redis_version": "7.4.1", "aof_enabled": "1", "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok",
		"used_memory": "12000000",
		"maxmemory":   "100000000", "role": "master", "connected_slaves": "1",
	}
	w.config = map[string]string{
		"appendonly": "yes", "save": "", "maxmemory-policy": "noeviction", "min-replicas-to-write": "1",
	}
	w.pong, w.behind, w.silent = "", 0, false
}

// doctor is one that comes to the ward.
func (w *ward) doctor() (doctor, func()) {
	if err := os.WriteFile("revokebot.yaml", []byte(w.yaml), 0o600); err != nil {
		w.t.Fatal(err)
	}
	slackHTTP, awsHTTP := w.slackNet.Client(), w.awsNet.Client()
	slackHTTP.Transport, awsHTTP.Transport = edited{slackHTTP.Transport, w}, edited{awsHTTP.Transport, w}
	env := &cmdtest.Env{Variables: w.variables}
	d := doctor{
		env: env.Environment(), slackHTTP: slackHTTP,
		sdk: func(context.Context) (awssdk.Config, error) {
			return awssdk.Config{
				BaseEndpoint: awssdk.String("http://aws.example"), HTTPClient: awsHTTP, RetryMaxAttempts: 2,
				Credentials: credentials.NewStaticCredentialsProvider(w.key.AccessKeyID, w.key.SecretAccessKey, w.key.SessionToken),
			}, w.sdkError
		},
		redis: func(address string) (redis.UniversalClient, error) {
			client, err := settings.Redis{Address: address}.Client()
			if err != nil {
				return nil, err
			}
			_ = client.Close()
			options := &redis.Options{Addr: "127.0.0.1:6379", Dialer: w.dialRedis, MaxRetries: -1, ContextTimeoutEnabled: true}
			return redis.NewClient(options), nil
		},
	}
	return d, func() {
		slackHTTP.CloseIdleConnections()
		awsHTTP.CloseIdleConnections()
	}
}

// examine lets doctor look, and wants the answer within the limit.
func (w *ward) examine() *report {
	w.t.Helper()
	d, leave := w.doctor()
	defer leave()
	began := time.Now()
	r := d.examine(w.t.Context())
	if took := time.Since(began); took > 10*time.Second {
		w.t.Errorf("it took %v", took)
	}
	return r
}

// look lets doctor look at the settings and at one section.
func (w *ward) look(at string) *report {
	w.t.Helper()
	d, leave := w.doctor()
	defer leave()
	ctx, cancel := context.WithTimeout(w.t.Context(), checksWithin)
	defer cancel()
	p, lines := d.settings(ctx)
	if p.redis != nil {
		defer p.redis.Close()
	}
	r := &report{}
	r.add("Settings", lines...)
	var sections []section
	switch at {
	case "slack":
		sections = []section{{"Slack", func() answer { return answer{found: d.examineSlack(ctx, p)} }}}
	case "redis":
		sections = []section{{"Redis", func() answer { return examineRedis(ctx, p) }}}
	case "aws": // with Redis, since their clocks are compared
		sections = []section{
			{"Redis", func() answer { return examineRedis(ctx, p) }}, {"AWS", func() answer { return examineAWS(ctx, p) }},
		}
	}
	clocks := map[string]aws.Clock{}
	for i, a := range sideBySide(doctorWithin, sections) {
		r.add(sections[i].name, a.found...)
		clocks[sections[i].name] = a.clock
	}
	r.add("Clocks", compareClocks(clocks["Redis"], clocks["AWS"])...)
	return r
}

// edited lets a test change what is answered, as a proxy would.
type edited struct {
	http.RoundTripper
	w *ward
}

func (e edited) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil { // package aws, bench_test.go wholeBody says why
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	answer, err := e.RoundTripper.RoundTrip(r)
	if err == nil && e.w.edit != nil {
		e.w.edit(answer)
	}
	return answer, err
}

func (e edited) CloseIdleConnections() {
	e.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

var errRefused = errors.New("connection refused")

// dialRedis connects to the Redis in memory, which says of itself what the ward wants.
func (w *ward) dialRedis(context.Context, string, string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pong == "gone" {
		return nil, errRefused
	}
	if w.silent {
		client, there := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, there)
			_ = there.Close()
		}()
		return client, nil
	}
	conn, err := w.db.Dial()
	w.db.Server().SetPreHook(w.answer)
	return conn, err
}

// answer is what a real Redis says to what the one in memory does not know.
func (w *ward) answer(c *server.Peer, cmd string, args ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, strings.TrimSpace(cmd+" "+strings.Join(args[:min(len(args), 1)], "")))
	switch {
	case cmd == "PING" && w.pong != "":
		c.WriteError(w.pong)
	case cmd == "INFO" && w.info == nil, cmd == "CONFIG" && w.config == nil:
		c.WriteError("NOPERM this user has no permissions to run the '" + strings.ToLower(cmd) + "' command")
	case cmd == "INFO":
		text := ""
		for _, name := range slices.Sorted(maps.Keys(w.info)) {
			text += name + ":" + w.info[name] + "\r\n"
		}
		c.WriteBulk(text)
	case cmd == "CONFIG":
		c.WriteMapLen(1)
		c.WriteBulk(args[1])
		c.WriteBulk(w.config[args[1]])
	case cmd == "TIME":
		now := time.Now().Add(-w.behind)
		c.WriteLen(2)
		c.WriteBulk(strconv.FormatInt(now.Unix(), 10))
		c.WriteBulk("0")
	default:
		return false
	}
	return true
}

// wrong are the lines that are not ok.
func wrong(r *report) []finding.Finding {
	var all []finding.Finding
	for _, p := range r.parts {
		for _, l := range p.lines {
			if l.State != finding.OK {
				all = append(all, l)
			}
		}
	}
	return all
}

func words(lines []finding.Finding) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(string(l.State) + " " + l.Check + ": " + l.Saw + " " + l.Fix + "\n")
	}
	return b.String()
}

// revokePolicy puts the permissions of the bot's role in prod, those of deploy unless they are
// changed.
func (w *ward) revokePolicy(change ...string) {
	w.t.Helper()
	if err := w.prod.PutRolePolicy("revokebot-spoke", "revoke-sessions",
		strings.NewReplacer(change...).Replace(deploy.IAMPolicy)); err != nil {
		w.t.Fatal(err)
	}
}

// trust puts the trust policy of that role, that of deploy unless it is changed.
func (w *ward) trust(change ...string) {
	w.t.Helper()
	document := deploy.SpokeTrustPolicy("arn:aws:iam::"+actors.ProdID+":user/revokebot", actors.ExternalID)
	if err := w.prod.SetTrust("revokebot-spoke", strings.NewReplacer(change...).Replace(document)); err != nil {
		w.t.Fatal(err)
	}
}

// fromRole lets the bot run as a role of the account, that may do what it should and some more.
func (w *ward) fromRole(more ...string) {
	w.t.Helper()
	policies := map[string]string{"hub": deploy.HubPolicy}
	if len(more) > 0 {
		policies["more"] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["` + strings.Join(more, `","`) +
			`"],"Resource":"*"}}`
	}
	const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` +
		`"Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	if _, err := w.prod.NewRole(awsstandin.RoleSpec{Name: "revokebot", Trust: trust, Policies: policies}); err != nil {
		w.t.Fatal(err)
	}
	w.trust("user/revokebot", "role/revokebot")
	var err error
	if w.key, err = w.prod.ServiceSession("revokebot", "ecs-tasks.amazonaws.com", "task", "us-east-1"); err != nil {
		w.t.Fatal(err)
	}
}

// golden compares with a file, and writes it when the test was asked to.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is otherwise; got:\n%s", filepath.Base(path), got)
	}
}
