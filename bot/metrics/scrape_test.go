package metrics

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
)

// gathered is how many series there are of a family; -1 when gathering fails.
func gathered(m *Metrics, name string) int {
	families, err := m.Registry().Gather()
	if err != nil {
		return -1
	}
	for _, f := range families {
		if f.GetName() == name {
			return len(f.GetMetric())
		}
	}
	return 0
}

func TestAStoreThatHangsHoldsUpNoScrapeAndIsAskedOnceForSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		m := New(Config{})
		m.Read(Source{
			Health: func() bot.Health { return bot.Health{} },
			Backlog: func(ctx context.Context) (approvals.Backlog, error) {
				asked++
				if asked == 1 {
					<-ctx.Done()
					return approvals.Backlog{}, errors.New("no answer")
				}
				return approvals.Backlog{Waiting: 3}, nil
			},
		})
		began := time.Now()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if gathered(m, "revokebot_inbox_items") != 0 || gathered(m, "revokebot_store_up") != 1 {
					t.Error("what waits is told without an answer of the store, or that there was none is not")
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > backlogWithin || asked != 1 {
			t.Errorf("five scrapes took %v and asked %d times", took, asked)
		}
		time.Sleep(backlogFor)
		if gathered(m, "revokebot_inbox_items") != 1 || gathered(m, "revokebot_requests") != 3 {
			t.Error("the store answers again, and what waits is not told")
		}
	})
}

func TestAClickThatWasPutOffOrThatAnotherItemCarriedOutBeginsWithTheApproval(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	detail, err := approvals.Opening{Purpose: approvals.Revoke.Do(), Required: 1}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	approved, err := approvals.Fold("R1", []approvals.Event{
		{Seq: 1, Type: approvals.EventRequested, Source: "envelope 0", Detail: detail, At: at.Add(-time.Minute)},
		{Seq: 2, Type: approvals.EventApproved, Source: "envelope 1", At: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	click := approvals.Item{Source: "envelope 1", Queued: at.Add(-time.Second)}
	in := func(change func(*approvals.Item)) context.Context {
		item := click
		change(&item)
		return context.WithValue(t.Context(), inHand{}, item)
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		want time.Time
	}{
		"the click":     {in(func(*approvals.Item) {}), click.Queued},
		"put off":       {in(func(i *approvals.Item) { i.Attempt = 1 }), at},
		"another item":  {in(func(i *approvals.Item) { i.Source = "execute" }), at},
		"not known":     {in(func(i *approvals.Item) { i.Queued = time.Time{} }), at},
		"a later clock": {in(func(i *approvals.Item) { i.Queued = at.Add(time.Second) }), at},
		"no item":       {t.Context(), at},
	} {
		if got := clicked(test.ctx, approved); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Prometheus sees a rise only of what was there before (Prometheus documentation, "Query
// functions", increase).
func TestWhatIsAlarmedOnBeginsAtNothing(t *testing.T) {
	m := New(Config{})
	m.SlackCall(t.Context(), "chat.postMessage")(bot.CallOK)
	m.AWSCall(t.Context(), "iam", "GetRole")("ok", 1)
	for name, least := range map[string]int{
		"revokebot_slack_calls_total": 2, "revokebot_aws_calls_total": 3, "revokebot_alarms_total": 3,
		"revokebot_requests_total":       8,
		"revokebot_guard_findings_total": 4, "revokebot_envelopes_total": 10,
	} {
		if n := gathered(m, name); n < least {
			t.Errorf("%s begins with %d series, not with %d or more", name, n, least)
		}
	}
}
