package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/program"
	"github.com/revokebot/revokebot/sandbox/redisserver"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

const (
	appToken = "xapp-1-A0SANDBOX-1-measure"
	botToken = "xoxb-measure"

	// approvers share the clicks, of which one person has thirty a minute.
	approvers = 60
	// inbox is the stream of work that is not done (docs/redis.md).
	inbox = "{revokebot}:work"
	// timersKey are the timers, and turns is longer than an item waits for a place in the bot.
	timersKey, turns = "{revokebot}:due", 4 * time.Second
	// patience bounds each wait for the bot. Evidence takes long: CloudTrail answers two questions a
	// second.
	patience = 10 * time.Minute
	// approvedOf is of how many decisions one approves. A revocation asks CloudTrail some dozens of
	// questions in its half an hour, and CloudTrail answers two in a second (AWS documentation,
	// "LookupEvents"): with one in half a minute, at ten decisions a second, the bot keeps up. With
	// more, what grows would be what waits for CloudTrail.
	approvedOf = 300

	trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// world is everything but the bot. It has lanes, each a channel with a person who asks in it,
// because a person has fifteen commands a minute and Slack takes a message a second in a channel.
type world struct {
	tb     testing.TB
	slack  *slackstandin.Server
	aws    *awsstandin.Server
	seeded actors.World
	redis  *redisserver.Server
	db     *redis.Client

	slackURL, awsURL, config string
	lanes, roles             int
	cards                    chan card
}

// card is a request's card as it was posted.
type card struct {
	channel, ts string
	lane        int
}

func channel(lane int) string   { return fmt.Sprintf("C0LANE%05d", lane) }
func requester(n int) string    { return fmt.Sprintf("U0ASK%05d", n) }
func approver(n int) string     { return fmt.Sprintf("U0YES%05d", n%approvers) }
func role(n int) string         { return fmt.Sprintf("Role%05d", n) }
func (w *world) lane(n int) int { return n % w.lanes }

// newWorld starts everything but the bot, with a number of lanes and roles.
func newWorld(tb testing.TB, lanes, roles int) *world {
	tb.Helper()
	w := &world{
		tb: tb, lanes: lanes, roles: roles, cards: make(chan card, 1<<16),
		slack: slackstandin.New(slackstandin.Config{
			AppToken: appToken, BotToken: botToken, Events: []string{"app_home_opened"},
		}),
		aws:   awsstandin.New(awsstandin.Config{LookupRate: -1}),
		redis: redisserver.Start(tb, "--appendonly", "yes"),
	}
	w.db = redis.NewClient(&redis.Options{Addr: w.redis.Addr})
	check(tb, actors.SeedSlack(w.slack))
	w.people()
	var err error
	w.seeded, err = actors.SeedAWS(w.aws)
	check(tb, err)
	for n := range roles {
		_, err := w.seeded.Prod.NewRole(awsstandin.RoleSpec{Name: role(n), Trust: trustLambda})
		check(tb, err)
	}
	w.config = filepath.Join(tb.TempDir(), "revokebot.yaml")
	check(tb, os.WriteFile(w.config, []byte(w.settings()), 0o600))
	var stopSlack, stopAWS func()
	w.slackURL, stopSlack, err = program.Serve(w.slack)
	check(tb, err)
	w.awsURL, stopAWS, err = program.Serve(w.aws)
	check(tb, err)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(tb.Context()))
	watched := make(chan struct{})
	changes := w.slack.Subscribe(watching)
	go func() {
		defer close(watched)
		w.watch(changes)
	}()
	tb.Cleanup(func() {
		stopWatching()
		<-watched
		_ = w.slack.Close()
		_ = w.aws.Close()
		stopSlack()
		stopAWS()
		_ = w.db.Close()
	})
	return w
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// people fills the workspace.
func (w *world) people() {
	var group []string
	for n := range approvers {
		group = append(group, approver(n))
		w.slack.PutUser(slackstandin.User{ID: approver(n), Name: strings.ToLower(approver(n))})
	}
	w.slack.PutGroup(slackstandin.Group{ID: actors.Group, Handle: "security", Name: "Security", Members: group})
	for n := range w.lanes {
		w.slack.PutUser(slackstandin.User{ID: requester(n), Name: strings.ToLower(requester(n))})
		members := append([]string{requester(n)}, group...)
		w.slack.PutChannel(slackstandin.Channel{
			ID: channel(n), Name: strings.ToLower(channel(n)), Members: members, BotMember: true,
		})
	}
}

func (w *world) settings() string {
	channels := make([]string, w.lanes)
	for n := range channels {
		channels[n] = channel(n)
	}
	return fmt.Sprintf(`slack:
  channels: [%s]
approvals:
  approvers: [%s]
  expire_after: 4h
accounts:
  prod:
    id: %q
    assume_role: %s
    external_id: %s
    regions: [us-east-1]
`, strings.Join(channels, ", "), actors.Group, actors.ProdID, w.seeded.Spokes["prod"], actors.ExternalID)
}

// watch hands on each card as it appears, until the workspace closes or the world ends.
func (w *world) watch(changes <-chan slackstandin.Change) {
	seen := map[string]bool{}
	note := func(m slackstandin.Message) {
		lane, err := strconv.Atoi(strings.TrimPrefix(m.ChannelID, "C0LANE"))
		if err != nil || m.ThreadTS != "" || m.Ephemeral || len(m.Metadata) == 0 || seen[m.TS] {
			return
		}
		seen[m.TS] = true
		w.cards <- card{m.ChannelID, m.TS, lane}
	}
	for change := range changes {
		switch {
		case change.Resync:
			for n := range w.lanes {
				for _, m := range w.slack.Messages(channel(n)) {
					note(m)
				}
			}
		case change.Kind == "message":
			note(*change.Message)
		}
	}
}

// env is what both the bot and the floors are told.
func (w *world) env() []string {
	return []string{
		"HOME=" + w.tb.TempDir(), "SLACK_APP_TOKEN=" + appToken, "SLACK_BOT_TOKEN=" + botToken,
		"SLACK_API_URL=" + w.slackURL + "/api/",
		"AWS_ENDPOINT_URL=" + w.awsURL, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + w.seeded.Bot.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + w.seeded.Bot.SecretAccessKey,
	}
}

// bot starts the bot and waits until it is connected and has read what it keeps in memory.
func (w *world) bot(binary string) *process {
	w.tb.Helper()
	listen := freeAddress(w.tb)
	p := run(w.tb, binary, append(w.env(), "REDIS_URL="+w.redis.URL(), "REVOKEBOT_CONFIG="+w.config,
		"REVOKEBOT_LISTEN="+listen, "REVOKEBOT_LOG=json"), "run")
	p.listen = listen
	w.connected(p, 2)
	return p
}

// connected waits for a process's connections, and returns when the first of them was there.
func (w *world) connected(p *process, connections int) time.Time {
	w.tb.Helper()
	var first time.Time
	w.until(p, "it is connected", time.Millisecond/2, func() error {
		n := 0
		for _, c := range w.slack.Connections() {
			if c.Hello && c.Since.After(p.began) {
				if n++; n == 1 {
					first = c.Since
				}
			}
		}
		if n < connections {
			return fmt.Errorf("%d connections", n)
		}
		return nil
	})
	return first
}

// quiet waits until the bot has done all that it can do now.
func (w *world) quiet(p *process) {
	w.tb.Helper()
	w.quietIf(p, func() error { return nil })
}

// told waits until the bot has done what it can do now, and all that waits for Slack's pace or for
// a place.
func (w *world) told(p *process) {
	w.tb.Helper()
	w.quietIf(p, func() error {
		now := time.Now()
		timers, err := w.db.ZRevRangeByScoreWithScores(w.tb.Context(), timersKey, &redis.ZRangeBy{
			Min: "-inf", Max: strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10),
		}).Result()
		for _, t := range timers {
			item, _ := t.Member.(string)
			if strings.Contains(item, `"kind":"deliver"`) || int64(t.Score) < now.Add(turns).UnixMilli() {
				err = errors.New("an item waits for its turn")
			}
		}
		return err
	})
}

// quietIf waits until nothing is in the inbox and nothing else is wrong, for a quarter of a second.
func (w *world) quietIf(p *process, is func() error) {
	w.tb.Helper()
	in := 0
	w.until(p, "nothing is left to do", 50*time.Millisecond, func() error {
		// With commands that the bot does not use: what looks must not be counted, see commandCalls.
		work, err := w.db.XInfoStream(w.tb.Context(), inbox).Result()
		if err == nil && work.Length > 0 {
			err = fmt.Errorf("%d items", work.Length)
		}
		if err = errors.Join(err, is()); err != nil {
			in = 0
			return err
		}
		if in++; in < 5 {
			return errors.New("it may go on")
		}
		return nil
	})
}

// until looks again and again whether something is so; is says why it is not.
func (w *world) until(p *process, what string, every time.Duration, is func() error) {
	w.tb.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	give := time.Now().Add(patience)
	for {
		err := is()
		if err == nil {
			return
		}
		select {
		case <-p.gone:
			w.tb.Fatalf("the process ended before %s:\n%s", what, p.tail())
		case <-tick.C:
		}
		if time.Now().After(give) {
			w.tb.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// ask sends the command for a role in a lane and returns how long its acknowledgement took.
func (w *world) ask(lane, n int) (time.Duration, error) {
	return acknowledged(w.slack.Command(w.tb.Context(), requester(lane), channel(lane), messages.Command,
		"prod/"+role(n)+" measured"))
}

// press has somebody press a button of a card.
func (w *world) press(user, action string, c card) (time.Duration, error) {
	return acknowledged(w.slack.Click(w.tb.Context(), user, slackstandin.Click{
		ChannelID: c.channel, MessageTS: c.ts, ActionID: action,
	}))
}

// decide approves the first of approvedOf cards and cancels the others.
func (w *world) decide(n int, c card) (time.Duration, error) {
	if n%approvedOf == 0 {
		return w.press(approver(n/approvedOf), messages.ActionApprove, c)
	}
	return w.press(requester(c.lane), messages.ActionCancel, c)
}

func acknowledged(d slackstandin.Delivery, err error) (time.Duration, error) {
	if err == nil && !d.Acked {
		err = fmt.Errorf("envelope %s: %s", d.EnvelopeID, d.Error)
	}
	return d.AckedAfter, err
}

// card waits for the next card.
func (w *world) card(p *process) card {
	w.tb.Helper()
	select {
	case c := <-w.cards:
		return c
	case <-p.gone:
		w.tb.Fatalf("the process ended before the card came:\n%s", p.tail())
	case <-time.After(patience):
		w.tb.Fatal("no card came")
	}
	return card{}
}

// open has n requests made, of the roles from first on, with at most forty under way, and returns
// their cards.
func (w *world) open(p *process, first, n int) []card {
	w.tb.Helper()
	const underWay = 40
	var cards []card
	for i := range n {
		if _, err := w.ask(w.lane(first+i), first+i); err != nil {
			w.tb.Fatal(err)
		}
		if i >= underWay {
			cards = append(cards, w.card(p))
		}
	}
	for len(cards) < n {
		cards = append(cards, w.card(p))
	}
	return cards
}

// commands is how many commands Redis has carried out so far, scripts and the commands in them
// included.
func (w *world) commands() int {
	w.tb.Helper()
	info, err := w.db.Info(w.tb.Context(), "commandstats").Result()
	check(w.tb, err)
	n, err := commandCalls(info)
	check(w.tb, err)
	return n
}

// commandCalls adds the calls up, without those by which this program looks and those that open
// connections.
func commandCalls(info string) (int, error) {
	ours := []string{"info", "config|get", "xinfo|stream", "zrevrangebyscore", "client|setinfo", "hello"}
	sum := 0
	for line := range strings.Lines(info) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "cmdstat_")
		if !ok {
			continue
		}
		name, values, _ := strings.Cut(rest, ":calls=")
		digits, _, _ := strings.Cut(values, ",")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return 0, fmt.Errorf("commandstats: %q: %w", line, err)
		}
		if !slices.Contains(ours, name) {
			sum += n
		}
	}
	return sum, nil
}
