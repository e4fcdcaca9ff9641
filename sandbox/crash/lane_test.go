package crash

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/program"
	"github.com/revokebot/revokebot/sandbox/redisserver"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

const (
	appToken = "xapp-1-A0SANDBOX-1-crash"
	botToken = "xoxb-crash"

	// channels is how many rooms there are: one for each request of a round, so that Slack's limit of
	// a message a second and channel holds nobody up. A room is used again when all had their turn.
	channels = 240
	// seats is how many requests a round can have, each with people of its own.
	seats = 6

	margin = 5 * time.Second
)

// kind is how a lane is set up. Which kind a round is played in follows from its number.
type kind struct {
	replicas    int
	expireAfter time.Duration
	guard       string // the times of its checks
}

// kinds are one replica and two, each with a time to decide that people keep to, and with one so
// short that a death in between lets requests expire.
func kinds() []kind {
	const guard = "1s, 2s"
	return []kind{
		{1, 15 * time.Minute, guard}, {2, 15 * time.Minute, guard}, {1, 5 * time.Second, guard}, {2, 5 * time.Second, guard},
	}
}

func kindOf(round int) kind { return kinds()[round%len(kinds())] }

// lane is a world in which rounds are played one after the other.
type lane struct {
	kind     kind
	slack    *slackstandin.Server
	aws      *awsstandin.Server
	world    actors.World
	db       *redis.Client   // past the proxies
	store    approvals.Store // takes nothing that is not signed
	gate     *gate
	log      *botLog
	replicas []*replica

	restarts sync.WaitGroup
	key      approvals.Key
	chain    audit.Store    // of the audit log
	files    []string       // each replica's audit log
	chained  map[string]int // how often the audit log has each event, by request and number; "" are the notes
	end      string         // its last line when a round was checked

	rooms int             // how many were used so far
	known map[string]bool // requests of earlier rounds

	lateMu sync.Mutex
	late   []*replica // to be started when the round is over
}

func requester(seat int) string { return fmt.Sprintf("U0ASK%d", seat) }
func approver(seat, n int) string {
	return fmt.Sprintf("U0APPROVE%d%d", seat, n)
}

func room(n int) string { return fmt.Sprintf("C0ROOM%03d", n%channels) }

// newLane starts everything but the bot.
func newLane(t *testing.T, k kind, binary string) (*lane, error) {
	l := &lane{kind: k, gate: &gate{}, log: &botLog{}, known: make(map[string]bool), chained: make(map[string]int)}
	l.gate.strike = l.strike
	l.slack = slackstandin.New(slackstandin.Config{AppToken: appToken, BotToken: botToken})
	l.aws = awsstandin.New(awsstandin.Config{LookupRate: -1})
	if err := actors.SeedSlack(l.slack); err != nil {
		return nil, err
	}
	l.people()
	var err error
	if l.world, err = actors.SeedAWS(l.aws); err != nil {
		return nil, err
	}
	scripts, err := scriptNames()
	if err != nil {
		return nil, err
	}
	server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	l.db = redis.NewClient(&redis.Options{Addr: server.Addr})
	plain, err := redisstore.New(redisstore.Config{Client: l.db})
	if err != nil {
		return nil, err
	}
	if l.key, err = approvals.NewKey(make([]byte, ed25519.SeedSize)); err != nil {
		return nil, err
	}
	l.store, l.chain = approvals.NewSealed(plain, l.key), plain
	// The bot trusts response URLs of its own API's address alone, and any replica may answer: the
	// replicas share it, and have a path each.
	paths := http.NewServeMux()
	slackURL, stopSlack, err := program.Serve(paths)
	if err != nil {
		return nil, err
	}
	closers := []func(){func() { _ = l.db.Close() }, stopSlack}
	for n := range k.replicas {
		paths.Handle(below(fmt.Sprintf("/%d", n), watched("slack", n, l.gate, l.slack, slackName)))
		p, err := startProxy(server.Addr, n, l.gate, scripts)
		if err != nil {
			return nil, err
		}
		awsURL, stopAWS, err := program.Serve(watched("aws", n, l.gate, l.aws, awsName))
		if err != nil {
			return nil, err
		}
		closers = append(closers, p.close, stopAWS)
		dir := t.TempDir()
		config, file := filepath.Join(dir, "revokebot.yaml"), filepath.Join(dir, "audit.jsonl")
		if err := os.WriteFile(config, []byte(l.config()+"audit:\n  file: "+file+"\n"), 0o600); err != nil {
			return nil, err
		}
		l.files = append(l.files, file)
		l.replicas = append(l.replicas, &replica{number: n, binary: binary, log: l.log, env: []string{
			"HOME=" + t.TempDir(), "SLACK_APP_TOKEN=" + appToken, "SLACK_BOT_TOKEN=" + botToken,
			fmt.Sprintf("SLACK_API_URL=%s/%d/api/", slackURL, n),
			"REDIS_URL=redis://" + p.listener.Addr().String() + "/0", "REVOKEBOT_CONFIG=" + config, "REVOKEBOT_LISTEN=",
			"REVOKEBOT_LOG=json",
			"REVOKEBOT_SIGNING_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, ed25519.SeedSize)),
			"AWS_ENDPOINT_URL=" + awsURL, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID=" + l.world.Bot.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + l.world.Bot.SecretAccessKey,
		}})
	}
	t.Cleanup(func() {
		l.gate.disarm()
		l.restarts.Wait()
		for _, r := range l.replicas {
			r.retire()
		}
		_ = l.slack.Close()
		_ = l.aws.Close()
		for _, c := range closers {
			c()
		}
	})
	return l, nil
}

// people fills the workspace: a requester and two approvers for each seat, and rooms that everybody
// is in.
func (l *lane) people() {
	everybody := []string{actors.Nils, actors.Gina}
	var approvers []string
	put := func(id string) string {
		l.slack.PutUser(slackstandin.User{ID: id, Name: strings.ToLower(id)})
		everybody = append(everybody, id)
		return id
	}
	for seat := range seats {
		put(requester(seat))
		approvers = append(approvers, put(approver(seat, 0)), put(approver(seat, 1)))
	}
	l.slack.PutGroup(slackstandin.Group{ID: actors.Group, Handle: "security", Name: "Security", Members: approvers})
	for n := range channels {
		l.slack.PutChannel(slackstandin.Channel{
			ID: room(n), Name: strings.ToLower(room(n)), Members: everybody, BotMember: true,
		})
	}
}

func (l *lane) config() string {
	rooms := make([]string, channels)
	for n := range rooms {
		rooms[n] = room(n)
	}
	return fmt.Sprintf(`slack:
  channels: [%s]
approvals:
  approvers: [%s]
  expire_after: %v
accounts:
  prod:
    id: %q
    assume_role: %s
    external_id: %s
    regions: [us-east-1]
    users_role: %s
    measures: [revoke, lock, key]
revocation:
  margin: %v
  guard: [%s]
trail:
  lookback: 1h
  follow_ups: [2s]
`, strings.Join(rooms, ", "), actors.Group, l.kind.expireAfter, actors.ProdID, l.world.Spokes["prod"],
		actors.ExternalID, l.world.Users["prod"], margin, l.kind.guard)
}

// strike kills what a shot says and has it started again.
func (l *lane) strike(number int, s shot) {
	victims := []*replica{l.replicas[number]}
	if s.how == killAll {
		victims = l.replicas
	}
	for _, r := range victims {
		if !r.kill() {
			continue
		}
		if s.late {
			l.lateMu.Lock()
			l.late = append(l.late, r)
			l.lateMu.Unlock()
			continue
		}
		l.restarts.Go(func() { l.restart(r) })
	}
}

func (l *lane) restart(r *replica) {
	if err := r.start(); err != nil {
		l.log.add("harness", fmt.Sprintf(`{"level":"ERROR","msg":%q}`, err))
	}
}

// comeBack starts the processes that were to stay away until the round's work was done.
func (l *lane) comeBack() {
	l.lateMu.Lock()
	defer l.lateMu.Unlock()
	for _, r := range l.late {
		l.restart(r)
	}
	l.late = nil
}

// ready waits until every process is connected to Slack.
func (l *lane) ready(ctx context.Context) error {
	for _, r := range l.replicas {
		l.restart(r)
	}
	return until(ctx, "all replicas are connected", func() error {
		for _, r := range l.replicas {
			if !r.alive() {
				return fmt.Errorf("replica %d does not run", r.number)
			}
		}
		n := 0
		for _, c := range l.slack.Connections() {
			if c.Hello {
				n++
			}
		}
		if n < len(l.replicas) {
			return fmt.Errorf("%d connections", n)
		}
		return nil
	})
}

// until looks again and again whether something is so, until ctx ends; is says why it is not.
func until(ctx context.Context, what string, is func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := is()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain until %s: %w", what, err), ctx.Err())
		case <-tick.C:
		}
	}
}
