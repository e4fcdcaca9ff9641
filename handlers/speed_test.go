package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// The critical path is from the click's envelope to the write: two remote steps, and a little for
// everything else.
const (
	remoteDelay = 100 * time.Millisecond
	mostSteps   = 2
	mostMedian  = 240 * time.Millisecond
)

// slow makes every call to Slack and to AWS take its time before it has any effect.
func slow(b *bench.Bench) {
	b.Slack.Inject(slack.Fault{Method: "*", Delay: remoteDelay})
	b.AWS.Inject(awsstandin.Fault{Times: -1, Delay: remoteDelay})
}

// call is a remote call as the stand-in saw it.
type call struct {
	name       string
	from, till time.Time
}

// callsSince are the calls that began since a moment, and of which counts says that they are looked
// at.
func callsSince(b *bench.Bench, since time.Time, counts func(awsstandin.Call) bool) []call {
	var all []call
	for _, c := range b.AWS.Calls("") {
		if !c.At.Before(since) && counts(c) {
			all = append(all, call{c.Action, c.At, c.Ended})
		}
	}
	for _, c := range b.Slack.Calls("") {
		if !c.At.Before(since) {
			all = append(all, call{c.Method, c.At, c.Ended})
		}
	}
	slices.SortFunc(all, func(a, b call) int { return a.from.Compare(b.from) })
	return all
}

// stepsTo is the longest chain of calls up to the first write, each of which began when the one
// before it had ended, with the calls of each step.
func stepsTo(calls []call) [][]string {
	var steps [][]string
	depth := make([]int, len(calls))
	for i, c := range calls {
		for j, before := range calls[:i] {
			if !before.till.After(c.from) {
				depth[i] = max(depth[i], depth[j]+1)
			}
		}
		for len(steps) <= depth[i] {
			steps = append(steps, nil)
		}
		steps[depth[i]] = append(steps[depth[i]], c.name)
		if c.name == "PutRolePolicy" || c.name == "AttachRolePolicy" || c.name == "UpdateAccessKey" {
			return steps[:depth[i]+1]
		}
	}
	return nil
}

// Two remote steps deep, for every approver: what does not depend on something else is asked for at
// once.
func TestFromTheClickToTheWriteAreTwoRemoteSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2, ExpireAfter: time.Hour})
		for i := range 15 {
			name := fmt.Sprintf("Role%02d", i)
			if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{Name: name, Trust: trustLambda}); err != nil {
				t.Fatal(err)
			}
			ask, who, read := "prod/"+name, "GetRole", "GetRolePolicy"
			switch i % 3 { // every measure of the first response
			case 1:
				ask, read = "lock "+ask, "ListAttachedRolePolicies"
			case 2:
				key, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: name})
				if err != nil {
					t.Fatal(err)
				}
				ask, who, read = key.AccessKeyID, "GetUser", "ListAccessKeys"
			}
			card := b.AskFor(actors.Rosa, ask)
			sessions := len(b.AWS.Calls("AssumeRole"))
			card.Approve(actors.Ines)
			b.Until("one has approved", func() bool { return len(card.Request().Votes) == 1 })
			if n := len(b.AWS.Calls("AssumeRole")); n != sessions {
				t.Errorf("a session was opened for the first of two approvals")
			}
			if i%5 == 1 { // the first approver is looked up again, beside the rest
				time.Sleep(2 * time.Minute)
			}
			card.CaughtUp()
			time.Sleep(10 * time.Second)
			slow(b)
			clicked := time.Now()
			card.Approve(actors.Bob)
			b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
			steps := stepsTo(callsSince(b, clicked, func(awsstandin.Call) bool { return true }))
			if len(steps) != mostSteps {
				t.Fatalf("%s: steps %q", name, steps)
			}
			for _, needed := range []string{"users.info", "usergroups.users.list", who, read, "AssumeRole"} {
				if !slices.Contains(steps[0], needed) {
					t.Errorf("%s: %s is not in the first step: %q", name, needed, steps)
				}
			}
			b.Slack.ClearFaults()
			b.AWS.ClearFaults()
			time.Sleep(20 * time.Second) // the evidence, and the limits on commands
		}
	})
}

// BenchmarkClickToDeny measures a hundred approvals on real time, with every remote call slowed to
// 100 ms, from the click to the moment at which the write takes effect. It fails above 240 ms, or
// with more than two remote steps, in the median: a machine that is busy with something else can
// delay a call until another has ended. On fake time, above, it is exact.
//
//	go test ./handlers -run '^$' -bench ClickToDeny
func BenchmarkClickToDeny(t *testing.B) {
	for t.Loop() {
		var took []time.Duration
		var depths []int
		paths := map[string]int{}
		clickToDeny(t, 100, func(d time.Duration, path [][]string) {
			took, depths = append(took, d), append(depths, len(path))
			for i := range path {
				slices.Sort(path[i])
			}
			paths[strings.Join(joined(path), ", then ")]++
		})
		slices.Sort(took)
		slices.Sort(depths)
		median, p99, depth := took[len(took)/2], took[len(took)*99/100], depths[len(depths)/2]
		for path, n := range paths {
			t.Logf("%d times %s", n, path)
		}
		t.Logf("%d approvals with every remote call slowed to %v: median %v, p99 %v; %d sequential remote steps", len(took),
			remoteDelay,
			median.Round(time.Millisecond), p99.Round(time.Millisecond), depth)
		t.ReportMetric(float64(median.Milliseconds()), "ms-median")
		t.ReportMetric(float64(p99.Milliseconds()), "ms-p99")
		t.ReportMetric(float64(depth), "steps")
		if median > mostMedian || depth > mostSteps {
			t.Errorf("the median is %v and may be %v; %d steps and may be %d", median, mostMedian, depth, mostSteps)
		}
	}
}

func joined(path [][]string) []string {
	out := make([]string, len(path))
	for i, step := range path {
		out[i] = strings.Join(step, " ∥ ")
	}
	return out
}

// clickToDeny has n requests made, and then approved one after the other with slow remote calls.
// The cards are in several channels and by several people, because of the limits on both.
func clickToDeny(t testing.TB, n int, measured func(time.Duration, [][]string)) {
	const perChannel, perPerson = 4, 12
	t.Helper()
	o := bench.Options{ExpireAfter: time.Hour, Approvers: []string{"S0MANY"}}
	for i := range (n + perChannel - 1) / perChannel {
		o.Channels = append(o.Channels, fmt.Sprintf("C0INCIDENT%02d", i))
	}
	b := bench.New(t, o)
	b.Redis.ClockTTL(false) // which costs more with every key; nothing has to end here
	var asking, approving []string
	for i := range (n + perPerson - 1) / perPerson {
		asking, approving = append(asking, fmt.Sprintf("U0ASK%02d", i)), append(approving, fmt.Sprintf("U0YES%02d", i))
	}
	for _, id := range slices.Concat(asking, approving) {
		b.Slack.PutUser(slack.User{ID: id, Name: id, RealName: id})
	}
	b.Slack.PutGroup(slack.Group{ID: "S0MANY", Handle: "many", Name: "Many", Members: approving})
	for _, id := range o.Channels {
		b.Slack.PutChannel(slack.Channel{
			ID: id, Name: strings.ToLower(id), Members: slices.Concat(asking, approving), BotMember: true,
		})
	}
	for i := range n {
		if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
			Name: fmt.Sprintf("Role%03d", i), Trust: trustLambda,
		}); err != nil {
			t.Fatal(err)
		}
		b.CommandIn(asking[i/perPerson], o.Channels[i/perChannel], fmt.Sprintf("prod/Role%03d", i))
	}
	var cards []slack.Message
	b.Until("all cards are there, and the approvers are called", func() bool {
		cards = nil
		told := 0
		for _, channel := range o.Channels {
			for _, m := range b.Slack.Messages(channel) {
				if m.ThreadTS == "" {
					cards = append(cards, m)
				} else {
					told++
				}
			}
		}
		return len(cards) == n && told == n
	})
	writes := b.AWS.Subscribe(t.Context())
	slow(b)
	for i, card := range cards {
		clicked := time.Now()
		if d, err := b.Slack.Click(t.Context(), approving[i/perPerson], slack.Click{
			ChannelID: card.ChannelID, MessageTS: card.TS, ActionID: messages.ActionApprove,
		}); err != nil || !d.Acked {
			t.Fatalf("click %d: %+v, %v", i, d, err)
		}
		for c := range writes {
			if c.Action != "PutRolePolicy" {
				continue
			}
			role := c.Params["RoleName"]
			path := stepsTo(slices.DeleteFunc(callsSince(b, clicked, func(c awsstandin.Call) bool {
				return c.Params["RoleName"] == role || c.Action == "AssumeRole"
			}), func(c call) bool { return strings.HasPrefix(c.name, "chat.") })) // the threads of the requests before
			measured(c.Ended.Sub(clicked), path)
			break
		}
	}
}
