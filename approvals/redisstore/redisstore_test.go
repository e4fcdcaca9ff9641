package redisstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

func TestAStoreNeedsAClientAndNoNetwork(t *testing.T) {
	if s, err := New(Config{}); err == nil {
		t.Errorf("made without a client: %v", s)
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Dialer: nobody})
	defer client.Close()
	if _, err := New(Config{Client: client}); err != nil {
		t.Errorf("made with a client that reaches nobody: %v", err)
	}
}

func TestEveryScriptSaysWhatItIsGivenAndTouchesNoOtherKey(t *testing.T) {
	files, err := scripts.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`(?:redis\.p?call|\bask)\('(\w+)'(?:, '(\w+)')?(?:, ([^,)]+))?|\b(?:add|last)\(([^,)]+)`)
	key := regexp.MustCompile(`^KEYS\[(\d|i)\]$`)
	for _, file := range files {
		if file.Name() == "shared.lua" {
			continue
		}
		text, err := scripts.ReadFile("scripts/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		head, body := "", string(text)
		for strings.HasPrefix(body, "--") {
			line, rest, _ := strings.Cut(body, "\n")
			head, body = head+line+"\n", rest
		}
		if !strings.Contains(head, "-- KEYS: ") || !strings.Contains(head, "-- Returns ") {
			t.Errorf("%s does not say at its top what its KEYS are and what it returns", file.Name())
		}
		if strings.Contains(body, "ARGV[") && !strings.Contains(head, "-- ARGV: ") {
			t.Errorf("%s does not say at its top what its ARGV are", file.Name())
		}
		found := calls.FindAllStringSubmatch(body, -1)
		for _, call := range found {
			if call[1] != "TIME" && !key.MatchString(call[3]+call[4]) {
				t.Errorf("%s touches a key that it was not given: %s", file.Name(), call[0])
			}
		}
		if n := strings.Count(body, "redis."); n > len(found) {
			t.Errorf("%s calls Redis %d times, of which %d can be read", file.Name(), n, len(found))
		}
	}
	if len(files) < 10 {
		t.Errorf("there are %d scripts", len(files))
	}
}

func TestAllKeysAreInOneSlotAndNoneIsLeftAfterTheRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s, item := scene(t, client)
		for _, name := range []string{"Accept", "Commit", "Commit of a remark", "Note", "Allow", "Park", "MarkDelivery"} {
			if err := everything(s, item)[name](t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		err := s.Commit(t.Context(), approvals.Transition{
			RequestID: "R1", Expect: 3, Next: approvals.StateDenied, Events: []approvals.Event{{Type: approvals.EventDenied}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.New(audit.Config{Store: s}).Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		var kept []string
		for _, k := range client.Keys(t.Context(), "*").Val() {
			if !strings.HasPrefix(k, prefix) {
				t.Errorf("a key without the hash tag: %q", k)
			}
			if strings.Contains(k, "R1") {
				kept = append(kept, k)
				days := 90 * 24 * time.Hour
				if k == requestKey("R1") {
					days *= 2 // the number of its last event outlives the log
				}
				if ttl := client.PTTL(t.Context(), k).Val(); ttl != days {
					t.Errorf("%q lives for %v", k, ttl)
				}
			}
		}
		if len(kept) != 3 {
			t.Errorf("of the request there are %q", kept)
		}
		time.Sleep(180 * 24 * time.Hour) // the list of a role's requests lives twice as long, too
		left := client.Keys(t.Context(), "*").Val()
		slices.Sort(left)
		if diff := cmp.Diff([]string{headKey, dueKey, notesKey, parkedKey, recentKey, unchainedKey, workKey},
			left); diff != "" {
			t.Errorf("what is left after the retention: %s", diff)
		}
	})
}

// takeOne accepts an item and has a worker take it.
func takeOne(t *testing.T, s *Store, worker string) approvals.Item {
	t.Helper()
	if _, err := s.Accept(t.Context(), approvals.Item{Kind: "click"}); err != nil {
		t.Fatal(err)
	}
	items, err := s.Take(t.Context(), worker, 1, 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("%s takes %v, %v", worker, items, err)
	}
	return items[0]
}

func TestWorkersThatAreGoneAreForgottenUnlessTheyHoldSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		names := func() []string {
			consumers, err := client.XInfoConsumers(t.Context(), workKey, group).Result()
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range consumers {
				names = append(names, c.Name)
			}
			return names
		}
		// The Redis in memory notes the time of a worker's last word when it keeps something, not when it
		// takes something.
		take := func(worker string) approvals.Item {
			item := takeOne(t, s, worker)
			if err := s.Keep(t.Context(), worker, []approvals.Item{item}); err != nil {
				t.Fatal(err)
			}
			return item
		}
		finish := func(item approvals.Item) {
			if err := s.Done(t.Context(), item); err != nil {
				t.Fatal(err)
			}
		}
		held := take("holds")
		finish(take("gone"))
		finish(take("works"))
		time.Sleep(23 * time.Hour)
		finish(take("works"))
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"gone", "holds", "works"}, names()); diff != "" {
			t.Errorf("before a day was over: %s", diff)
		}
		time.Sleep(time.Hour)
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"holds", "works"}, names()); diff != "" {
			t.Errorf("after a day: %s", diff)
		}
		items, err := s.Claim(t.Context(), "rival", time.Hour, 1)
		if err != nil || len(items) != 1 || items[0].ID != held.ID {
			t.Errorf("what it held is claimed as %v, %v", items, err)
		}
	})
}

// On the real server too the script finds the fields that it looks for.
func TestARealServerForgetsWorkersToo(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: redisserver.Start(t).Addr})
	defer client.Close()
	s := ready(t, client, 0)
	takeOne(t, s, "holds")
	if err := s.Done(t.Context(), takeOne(t, s, "gone")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		silent time.Duration
		want   int64
	}{{time.Hour, 0}, {0, 1}, {0, 0}} {
		gone, err := s.lua["sweep"].Run(t.Context(), client, []string{workKey}, group, step.silent.Milliseconds()).Int64()
		if err != nil || gone != step.want {
			t.Errorf("silent for %v: %d are forgotten, %v", step.silent, gone, err)
		}
	}
	left, err := client.XInfoConsumers(t.Context(), workKey, group).Result()
	if err != nil || len(left) != 1 || left[0].Name != "holds" {
		t.Errorf("left are %+v, %v", left, err)
	}
}

func TestAFullInboxTakesNoMoreAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		item := approvals.Item{Kind: "command", Body: []byte(`{}`)}
		if fresh, err := s.Accept(t.Context(), item, "envelope 1"); err != nil || !fresh {
			t.Fatal(err)
		}
		const fill = `for _ = 2, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'item', '{}') end return 'done'`
		if err := client.Eval(t.Context(), fill, []string{workKey}, maxInbox).Err(); err != nil {
			t.Fatal(err)
		}
		if fresh, err := s.Accept(t.Context(), item, "envelope 2"); fresh || !errors.Is(err, approvals.ErrFull) {
			t.Errorf("one too many: %v, %v", fresh, err)
		}
		if fresh, err := s.Accept(t.Context(), item, "envelope 1"); fresh || err != nil {
			t.Errorf("one that was taken before: %v, %v", fresh, err)
		}
		entries, err := client.XRangeN(t.Context(), workKey, "-", "+", 1).Result()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.XDel(t.Context(), workKey, entries[0].ID).Err(); err != nil {
			t.Fatal(err)
		}
		if fresh, err := s.Accept(t.Context(), item, "envelope 2"); !fresh || err != nil {
			t.Errorf("the same again, when there is room: %v, %v", fresh, err)
		}
	})
}

func TestNotesAreKeptOnceForEachSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		note := approvals.Event{
			Type: approvals.EventRefused, By: "U0BOB", Source: "envelope 1", Detail: []byte(`{"why":"channel"}`),
		}
		other := note
		other.Source = "envelope 2"
		none := note
		none.Source = ""
		for _, n := range []approvals.Event{note, note, other, none, none, note} {
			if err := s.Note(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := client.XRange(t.Context(), notesKey, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprint(e.Values["type"], " ", e.Values["by"], " ", e.Values["source"], " ",
				e.Values["detail"]))
		}
		want := []string{
			`refused U0BOB envelope 1 {"why":"channel"}`, `refused U0BOB envelope 2 {"why":"channel"}`,
			`refused U0BOB  {"why":"channel"}`, `refused U0BOB  {"why":"channel"}`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStreamsThatNobodyEmptiesAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		for _, stream := range []string{notesKey, parkedKey} {
			for range keepNotes + 10 {
				if _, err := m.XAdd(stream, "*", []string{"old", "entry"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Note(t.Context(), approvals.Event{Type: approvals.EventRefused}); err != nil {
			t.Fatal(err)
		}
		if err := s.Park(t.Context(), takeOne(t, s, "w"), "it failed"); err != nil {
			t.Fatal(err)
		}
		for _, stream := range []string{notesKey, parkedKey} {
			if n := client.XLen(t.Context(), stream).Val(); n != keepNotes {
				t.Errorf("%s has %d entries", stream, n)
			}
		}
	})
}

func TestWhatIsParkedIsThereWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		if _, err := s.Accept(t.Context(), approvals.Item{Kind: "click", Request: "R1", Source: "envelope 1"}); err != nil {
			t.Fatal(err)
		}
		items, err := s.Take(t.Context(), "w", 1, 0)
		if err != nil || len(items) != 1 {
			t.Fatalf("%v, %v", items, err)
		}
		for range 2 {
			if err := s.Park(t.Context(), items[0], "failed 5 times"); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := client.XRange(t.Context(), parkedKey, "-", "+").Result()
		if err != nil || len(entries) != 1 {
			t.Fatalf("%v, %v", entries, err)
		}
		want := map[string]any{"item": `{"kind":"click","request":"R1","source":"envelope 1"}`, "reason": "failed 5 times"}
		if diff := cmp.Diff(want, entries[0].Values); diff != "" {
			t.Error(diff)
		}
	})
}

// Deadlines are compared by the server that has the keys. Another one's clock says nothing about
// them.
func TestOnAClusterTheTimeIsThatOfTheServerThatHasTheKeys(t *testing.T) {
	t.Parallel()
	cluster := redisserver.StartCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs()})
	defer client.Close()
	s := ready(t, client, 0)
	if err := client.ForEachMaster(t.Context(), func(ctx context.Context, c *redis.Client) error {
		return c.ConfigResetStat(ctx).Err()
	}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	asked, holding := 0, 0
	for _, node := range cluster.Nodes {
		c := redis.NewClient(&redis.Options{Addr: node.Addr})
		stats, err := c.Info(t.Context(), "commandstats").Result()
		keys := c.Keys(t.Context(), "*").Val()
		_ = c.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(stats, "cmdstat_time:") {
			asked++
			if !slices.Contains(keys, workKey) {
				t.Errorf("%s was asked, which has %q", node.Addr, keys)
			}
		}
		if len(keys) > 0 {
			holding++
		}
	}
	if asked != 1 || holding != 1 {
		t.Errorf("%d servers were asked, and %d have keys", asked, holding)
	}
}

func TestAfterAFailoverWhatWasCopiedIsThereAndTheWorkGoesOn(t *testing.T) {
	t.Parallel()
	sentinel := redisserver.StartSentinel(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: redisserver.MasterName, SentinelAddrs: sentinel.Addrs, MaxRetries: -1,
	})
	defer client.Close()
	s := ready(t, client, 0)
	opened(t, s)
	if items, err := s.Take(t.Context(), "w", 1, 0); err != nil || len(items) != 1 {
		t.Fatalf("%v, %v", items, err)
	}
	if n, err := client.Wait(t.Context(), 1, patience).Result(); err != nil || n != 1 {
		t.Fatalf("%d replicas have it, %v", n, err)
	}
	sentinel.KillPrimary()
	vote := approvals.Transition{RequestID: "R1", Expect: 1, When: approvals.BeforeDeadline, Events: []approvals.Event{
		{Type: approvals.EventVoted, By: "U0BOB", Source: "envelope 1"},
	}}
	// While nobody is the primary, what cannot be committed is an error, and can be told again.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	refused := 0
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.Commit(ctx, vote)
		if err == nil {
			break
		}
		refused++
		for _, known := range []error{
			approvals.ErrUnknownRequest, approvals.ErrConflict, approvals.ErrTooLate, context.DeadlineExceeded,
		} {
			if errors.Is(err, known) && ctx.Err() != nil {
				t.Fatalf("after %d tries: %v", refused, err)
			}
			if errors.Is(err, known) && known != context.DeadlineExceeded {
				t.Fatalf("the store says %v", err)
			}
		}
		<-tick.C
	}
	if refused == 0 {
		t.Error("the primary's end was not noticed")
	}
	r, _, err := s.Load(t.Context(), "R1")
	if err != nil || r.Seq != 2 || !r.VotedBy("U0BOB") {
		t.Errorf("it has %d events, %v", r.Seq, err)
	}
	if items, err := s.Claim(t.Context(), "w2", 0, 10); err != nil || len(items) != 1 {
		t.Errorf("what was in hand is claimed as %v, %v", items, err)
	}
}
