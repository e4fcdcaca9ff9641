package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/metrics"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is a bot whose metrics are looked at.
type scene struct {
	*bench.Bench
	*metrics.Metrics
	fails atomic.Bool // the store's lists
}

// watch makes a replica's metrics the way the program does.
func watch(t *testing.T, o *bench.Options, s *scene) {
	s.Metrics = metrics.New(metrics.Config{Version: "v1", Commit: "abc", Go: "go"})
	o.Bot = func(c *bot.Config) {
		c.Store = s.Metrics.Store(failing{c.Store, &s.fails, t})
		c.Watch = append(c.Watch, s.Metrics)
	}
	o.Cloud = func(c *aws.Config) {
		c.Watch = func(ctx context.Context, service, operation string) func(aws.Ended) {
			ended := s.AWSCall(ctx, service, operation)
			return func(e aws.Ended) { ended(string(e.Outcome), e.Attempts) }
		}
	}
}

// failing is a store whose lists cannot be read, when a test says so. Whoever moves a request tells
// it what it is for.
type failing struct {
	bot.Store
	now *atomic.Bool
	t   *testing.T
}

func (f failing) Commit(ctx context.Context, t approvals.Transition) error {
	r, _, err := f.Store.Load(ctx, t.RequestID)
	moves := len(t.From()) < len(approvals.States())
	if moves && err == nil && (t.Of.ID != r.ID || t.Of.Purpose != r.Purpose || r.Purpose == "") {
		f.t.Errorf("a request for %q becomes %s as one for %q", r.Purpose, t.Next, t.Of.Purpose)
	}
	return f.Store.Commit(ctx, t)
}

func (f failing) Recent(ctx context.Context, n int) ([]string, error) {
	if f.now.Load() {
		return nil, fmt.Errorf("a list that cannot be read")
	}
	return f.Store.Recent(ctx, n)
}

// start starts it and lets the metrics read.
func start(t *testing.T, o bench.Options) *scene {
	t.Helper()
	s := &scene{}
	watch(t, &o, s)
	s.Bench = bench.New(t, o)
	s.Read(metrics.Source{Health: func() bot.Health { return s.Health(0) }, Backlog: s.Bench.Backlog})
	return s
}

// now is every series of ours and its value; of a histogram, how many were observed.
func (s *scene) now(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := s.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "revokebot_") {
			continue
		}
		for _, one := range f.GetMetric() {
			values[f.GetName()+labels(one)] = value(one)
		}
	}
	return values
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	default:
		return float64(m.Histogram.GetSampleCount())
	}
}

func labels(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	if len(all) == 0 {
		return ""
	}
	return "{" + strings.Join(all, ",") + "}"
}

// family is the name of a series without its labels.
func family(series string) string {
	name, _, _ := strings.Cut(series, "{")
	return name
}

// still are the families that are not to move: they say what the program is.
var still = []string{"revokebot_build_info"}

// TestEveryMetricMoves plays an evening on which everything happens, and looks after each act which
// metrics have moved. A new one that nothing here moves fails it.
func TestEveryMetricMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{
			ErrorsAllowed: true, Guard: []time.Duration{5 * time.Second, time.Minute},
			FollowUps: []time.Duration{5 * time.Minute}, ExpireAfter: 15 * time.Minute,
		})
		before := s.now(t)
		moved := map[string]bool{}
		look := func() map[string]float64 {
			t.Helper()
			time.Sleep(2 * time.Second) // what was read is good for a second
			now := s.now(t)
			for series, value := range now {
				if was, known := before[series]; !known && value != 0 || known && was != value {
					moved[family(series)] = true
				}
			}
			return now
		}
		want := func(series string, least float64) {
			t.Helper()
			if got := look()[series]; got < least {
				t.Errorf("%s is %v, want %v or more", series, got, least)
			}
		}

		// A command and clicks that are refused, and a revocation with throttling on the way and a thief
		// who fights back.
		s.Command(actors.Gina, "prod/"+actors.DeployRole+" a guest")
		s.Whispered(actors.Gina, "")
		want(`revokebot_refusals_total{code="requester"}`, 1)
		card := s.Ask()
		want(`revokebot_requests{state="open"}`, 1)
		if now := look(); now["revokebot_timers"] < 1 {
			t.Errorf("no timers: %v", now["revokebot_timers"])
		}
		card.Approve(actors.Rosa)
		want(`revokebot_refusals_total{code="own_request"}`, 1)
		s.AWS.Inject(awsstandin.Fault{Action: "GetRole", Code: "Throttling", Times: 1})
		s.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 8 * time.Second})
		card.Approve(actors.Bob)
		s.Until("the write is under way", func() bool { return card.State() == approvals.StateExecuting })
		now := look() // all at once: the write is not under way for long
		for _, series := range []string{
			`revokebot_requests{state="executing"}`, "revokebot_request_longest_seconds", "revokebot_inbox_items",
			"revokebot_inbox_oldest_seconds",
		} {
			if now[series] < 1 {
				t.Errorf("%s is %v while a write is under way", series, now[series])
			}
		}
		card.Becomes(approvals.StateApplied)
		want("revokebot_click_to_deny_seconds", 1)
		want("revokebot_request_to_approval_seconds", 1)
		want(`revokebot_time_to_proof_seconds{proof="read_back"}`, 1)
		want(`revokebot_aws_retries_total{operation="GetRole",service="iam"}`, 1)
		want(`revokebot_aws_calls_total{operation="PutRolePolicy",outcome="ok",service="iam"}`, 1)
		want(`revokebot_requests_total{purpose="revoke",state="applied"}`, 1)
		if _, err := iam.NewFromConfig(s.SDK(s.World.Rival)).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String("AWSRevokeOlderSessions"),
		}); err != nil {
			t.Fatal(err)
		}
		s.Until("the deny is written again", func() bool { return card.Says("Restored (") })
		want(`revokebot_guard_findings_total{found="gone"}`, 1)
		want(`revokebot_alarms_total{kind="tampered"}`, 1)
		want(`revokebot_events_total{event="rewritten"}`, 1)
		want(`revokebot_time_to_proof_seconds{proof="simulated"}`, 1)

		// An expiry, with more messages than Slack takes, and Slack that is not well.
		expiring := s.AskFor(actors.Rosa, "staging/"+actors.DeployRole+" nobody looks")
		s.Slack.Inject(slack.Fault{Method: "chat.postMessage", Times: 1, RetryAfter: 3 * time.Second})
		expiring.Approve(actors.Rosa)
		for _, text := range []string{
			"drill prod/DeployRole", "drill prod/NightlyBackup", "drill staging/DeployRole", "prod/NightlyBackup",
		} {
			s.Command(actors.Rosa, text)
		}
		s.Settle()
		s.Slack.Inject(slack.Fault{Method: "chat.update", Times: 1, RetryAfter: 3 * time.Second})
		time.Sleep(16 * time.Minute)
		expiring.Becomes(approvals.StateExpired)
		want(`revokebot_verdicts_total{verdict="unknown"}`, 1)
		want(`revokebot_requests_total{purpose="revoke",state="expired"}`, 1)
		want(`revokebot_slack_calls_total{method="chat.postMessage",outcome="ratelimited"}`, 1)
		want(`revokebot_slack_calls_total{method="users.info",outcome="ok"}`, 1)
		want(`revokebot_items_total{kind="deliver",outcome="again"}`, 1)
		want(`revokebot_slack_held_back_total{method="chat.postMessage"}`, 1)

		// A piece of work that fails until it is given up, and a channel that refuses the bot.
		s.fails.Store(true)
		s.Command(actors.Rosa, "status")
		s.Until("it is parked", func() bool { return look()[`revokebot_items_parked_total{kind="command"}`] > 0 })
		s.fails.Store(false)
		want("revokebot_items_parked", 1)
		want(`revokebot_items_total{kind="command",outcome="gave_up"}`, 1)
		s.Slack.Inject(slack.Fault{Method: "chat.postMessage", Error: "is_archived"})
		s.Command(actors.Rosa, "staging/"+actors.DeployRole+" again")
		s.Until("the channel is in trouble", func() bool { return look()["revokebot_channels_in_trouble"] > 0 })
		s.Slack.ClearFaults()

		// Envelopes of other kinds.
		want(`revokebot_envelopes_total{kind="slash_commands",outcome="accepted"}`, 3)
		want(`revokebot_envelope_ack_age_seconds{kind="interactive"}`, 2)

		// Slack drops the connections, and Redis goes.
		s.Slack.Inject(slack.Fault{Method: "apps.connections.open", Times: 4, Error: "internal_error"})
		s.Slack.DropConnections()
		want(`revokebot_connection_trouble{trouble="passing"}`, 1)
		s.Until("it is connected again", func() bool { return look()[`revokebot_connections{state="alive"}`] == 2 })
		if now := look(); now["revokebot_last_hello_timestamp_seconds"] <= before["revokebot_last_hello_timestamp_seconds"] {
			t.Error("the last hello is no later than before")
		}
		s.RedisAway(true)
		s.Until("Redis is missed", func() bool { return look()["revokebot_store_up"] == 0 })
		if _, known := look()["revokebot_inbox_items"]; known {
			t.Error("the inbox is told although the store does not answer")
		}
		_, _ = s.Slack.Command(t.Context(), actors.Rosa, actors.Incident, messages.Command, "help")
		want(`revokebot_envelopes_total{kind="slash_commands",outcome="not_recorded"}`, 1)
		s.Until("the replica is not ready", func() bool { return look()["revokebot_ready"] == 0 })
		s.RedisAway(false)
		s.Until("it is ready again", func() bool { return look()["revokebot_ready"] == 1 })

		// Its events are sent on (package audit).
		s.Posted("ok")
		want(`revokebot_webhook_posts_total{outcome="ok"}`, 1)

		// Nobody is left to queue what comes due.
		s.AskFor(actors.Rosa, "prod/"+actors.DeployRole+" the last one")
		s.Stop(0)
		time.Sleep(20 * time.Minute)
		want("revokebot_timers_overdue_seconds", 60)

		foreign := []string{
			actors.DeployRole, actors.Incident, actors.Rosa, actors.Bob, actors.ProdID, "prod", "gist", card.ID, "arn:",
		}
		for series := range look() {
			for _, text := range foreign {
				if strings.Contains(series, text) {
					t.Errorf("%s names %s", series, text)
				}
			}
		}
		for _, f := range metrics.Families() {
			if !moved[f.Name] && !slices.Contains(still, f.Name) {
				t.Errorf("%s has not moved", f.Name)
			}
			delete(moved, f.Name)
		}
		for name := range moved {
			t.Errorf("%s is not among the families", name)
		}
	})
}

// sum is what was observed of a histogram in all.
func (s *scene) sum(t *testing.T, name string) (sum float64, n uint64) {
	t.Helper()
	families, err := s.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, one := range f.GetMetric() {
			sum, n = sum+one.Histogram.GetSampleSum(), n+one.Histogram.GetSampleCount()
		}
	}
	return sum, n
}

func TestFromTheClickToTheDenyIsMeasuredWithEverythingInBetweenAndOnlyOfRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{})
		card := s.Ask()
		card.CaughtUp()
		s.Slack.Inject(slack.Fault{Method: "users.info", Delay: 2 * time.Second})
		s.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 3 * time.Second})
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if sum, n := s.sum(t, "revokebot_click_to_deny_seconds"); n != 1 || sum < 5 || sum > 6 {
			t.Errorf("%d revocations took %v s; the approver's look-up took 2 s, and the write 3 s", n, sum)
		}
		s.Slack.ClearFaults()
		undo := s.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
		undo.Approve(actors.Bob)
		undo.Becomes(approvals.StateApplied)
		if _, n := s.sum(t, "revokebot_click_to_deny_seconds"); n != 1 {
			t.Error("an undo counts as a deny")
		}
	})
}

func TestWhatNobodySignedRaisesTheAlarmOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{ErrorsAllowed: true})
		alarms := func() float64 { return s.now(t)[`revokebot_alarms_total{kind="forged_log"}`] }
		queue := func(item approvals.Item) {
			t.Helper()
			body, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.DB.XAdd(t.Context(), &redis.XAddArgs{
				Stream: "{revokebot}:work", Values: []any{"item", body},
			}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		card := s.Ask()
		card.CaughtUp()
		if n := alarms(); n != 0 {
			t.Errorf("%v alarms before anything was forged", n)
		}
		vote := []any{"type", "approved", "at", "1", "by", actors.Bob, "source", "envelope forged", "detail", "", "seal", ""}
		if err := s.DB.XAdd(t.Context(), &redis.XAddArgs{
			Stream: "{revokebot}:log:" + card.ID, ID: "2-0", Values: vote,
		}).Err(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			queue(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
		}
		s.Settle()
		card.Becomes(approvals.StateFailed)
		if n := alarms(); n != 1 {
			t.Errorf("a log that was written by hand is %v alarms", n)
		}
		queue(approvals.Item{Kind: handlers.KindClick, Source: "envelope by hand", Body: json.RawMessage(`{}`)})
		s.Settle()
		if n := alarms(); n != 2 {
			t.Errorf("with a click that was queued by hand there are %v alarms", n)
		}
	})
}
