package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
)

// Whatever commands, clicks, expiries, redeliveries and crashes come in whatever order: the store,
// with the rules on top of it, and the model say the same.
func TestTheStoreAndTheRulesAgreeWithTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, connect := inMemory(t)
		client, second := connect(), connect()
		// Inside a bubble nobody may ask for the test's deadline, so rapid is not shown that there is
		// one.
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			m.FlushAll()
			d := &driver{
				T: rt, real: t, db: client, model: newModel(), inHand: make(map[string]int64),
				stores: []*Store{ready(t, client, 365*24*time.Hour), ready(t, second, 365*24*time.Hour)},
			}
			rt.Repeat(map[string]func(*rapid.T){
				"command":     d.command,
				"click":       d.click,
				"stale click": d.staleClick,
				"move":        d.move,
				"accept":      d.accept,
				"time passes": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 400).Draw(rt, "seconds")) * time.Second)
				},
				"work": d.work,
				"":     d.compare,
			})
		})
	})
}

// driver does everything to both.
type driver struct {
	*rapid.T
	real   *testing.T
	db     *redis.Client
	stores []*Store // of two processes
	model  *model
	inHand map[string]int64 // how many tries were begun of what a worker took and did not finish, by the store's id
	fresh  int
}

// store is one of the two processes.
func (d *driver) store(rt *rapid.T) *Store { return rapid.SampledFrom(d.stores).Draw(rt, "process") }

// source is a new envelope, or one that came before.
func (d *driver) source(rt *rapid.T) string {
	if d.fresh > 0 && rapid.IntRange(0, 3).Draw(rt, "redelivered") == 0 {
		return fmt.Sprint("envelope ", rapid.IntRange(1, d.fresh).Draw(rt, "which"))
	}
	d.fresh++
	return fmt.Sprint("envelope ", d.fresh)
}

// twice does a step, and again if its answer is lost. A step that is told again has the same
// answer.
func (d *driver) twice(rt *rapid.T, step func() error) error {
	err := step()
	if rapid.IntRange(0, 3).Draw(rt, "answer lost") == 0 {
		if again := step(); !errors.Is(again, err) {
			rt.Fatalf("told again: %v, the first time %v", again, err)
		}
	}
	return err
}

func (d *driver) command(rt *rapid.T) {
	id := fmt.Sprint("R", rapid.IntRange(0, 8).Draw(rt, "request"))
	subject := fmt.Sprint("role ", rapid.IntRange(0, 2).Draw(rt, "role"))
	by := rapid.SampledFrom(people[:3]).Draw(rt, "requester")
	required := rapid.IntRange(1, 3).Draw(rt, "required")
	source := d.source(rt)
	o := about(subject)
	o.Required = required
	store := d.store(rt)
	want := d.model.start(id, subject, by, source, required, time.Now(), o.ExpireAfter)
	if err := d.twice(rt, func() error {
		other, err := store.Open(d.real.Context(), id, by, source, o)
		if err == nil && other != want {
			rt.Fatalf("open %s for %s: pointed at %q, want %q", id, subject, other, want)
		}
		return err
	}); err != nil {
		rt.Fatal(err)
	}
}

// attempt is somebody's click on some request, under a policy that changes.
type attempt struct {
	id     string
	a      approvals.Attempt
	policy approvals.Policy
}

func (d *driver) attempt(rt *rapid.T) attempt {
	if len(d.model.order) == 0 {
		rt.Skip("there is no request yet")
	}
	by := rapid.SampledFrom(people).Draw(rt, "who")
	return attempt{
		id: rapid.SampledFrom(d.model.order).Draw(rt, "request"),
		a: approvals.Attempt{
			Action: rapid.SampledFrom([]approvals.Action{
				approvals.ActionApprove, approvals.ActionApprove, approvals.ActionDeny, approvals.ActionCancel,
			}).Draw(rt, "button"),
			By: by, Source: d.source(rt), Card: "card", Place: about("").Place,
			Facts: approvals.Facts{Person: approvals.Person{ID: by, Found: true, Team: "T0HOME", Guest: by == "U0GUEST"}},
		},
		policy: approvals.Policy{Approvers: approvers, Required: rapid.IntRange(1, 3).Draw(rt, "policy")},
	}
}

// decided is a decision on the log as it was read.
func (d *driver) decided(rt *rapid.T, store *Store, c attempt) (t approvals.Transition, ignored bool) {
	r, _, err := store.Load(d.real.Context(), c.id)
	if err != nil {
		rt.Fatal(err)
	}
	now, err := store.Now(d.real.Context())
	if err != nil {
		rt.Fatal(err)
	}
	// The request's own place is nowhere in this test; the people are at home in T0HOME.
	r.Place = approvals.Place{Team: "T0HOME"}
	c.a.Place = r.Place
	decision := approvals.Decide(r, "card", c.a, c.policy, now)
	t = approvals.Transition{
		RequestID: c.id, Expect: r.Seq, When: approvals.BeforeDeadline, Events: []approvals.Event{decision.Event},
		Next: decision.Next,
	}
	switch decision.Event.Type {
	case approvals.EventRefused:
		t.Expect, t.When, t.Next = approvals.AppendOnly, approvals.AnyTime, approvals.StateUnknown
	case approvals.EventApproved:
		t.Work = []approvals.Item{{Kind: "execute", Request: c.id}}
		t.Due = []approvals.Due{{Item: approvals.Item{Kind: "reminder", Request: c.id}, After: time.Minute}}
	}
	return t, decision.Event.Type == ""
}

// settle commits, and decides again as long as others come first.
func (d *driver) settle(rt *rapid.T, store *Store, c attempt, t approvals.Transition, ignored bool) {
	for !ignored {
		err := d.twice(rt, func() error { return store.Commit(d.real.Context(), t) })
		switch {
		case err == nil:
			return
		case errors.Is(err, approvals.ErrConflict), errors.Is(err, approvals.ErrTooLate):
			t, ignored = d.decided(rt, store, c)
		default:
			rt.Fatal(err)
		}
	}
}

func (d *driver) click(rt *rapid.T) {
	c, store := d.attempt(rt), d.store(rt)
	t, ignored := d.decided(rt, store, c)
	d.model.click(c.id, c.a.Action, c.a.By, c.a.Source, c.policy.Required, time.Now())
	d.settle(rt, store, c, t, ignored)
}

// staleClick decides, then somebody else clicks and time passes, and only then is the first
// decision committed.
func (d *driver) staleClick(rt *rapid.T) {
	first, store := d.attempt(rt), d.store(rt)
	t, ignored := d.decided(rt, store, first)
	if rapid.Bool().Draw(rt, "somebody comes first") {
		d.click(rt)
	}
	time.Sleep(time.Duration(rapid.IntRange(0, 600).Draw(rt, "late by")) * time.Second)
	if !ignored && t.Expect == approvals.AppendOnly {
		// A refusal is a refusal, however long it took to write it down; unless its envelope was heard
		// meanwhile.
		r := d.model.requests[first.id]
		if !slices.ContainsFunc(r.log, func(e modelEvent) bool { return e.Source == first.a.Source }) {
			d.model.add(first.id, modelEvent{approvals.EventRefused, first.a.By, first.a.Source}, r.state)
		}
	} else {
		d.model.click(first.id, first.a.Action, first.a.By, first.a.Source, first.policy.Required, time.Now())
	}
	d.settle(rt, store, first, t, ignored)
}

// move is what a program commits that did not ask Decide: any move at all, on the log as it is.
func (d *driver) move(rt *rapid.T) {
	if len(d.model.order) == 0 {
		rt.Skip("there is no request yet")
	}
	id := rapid.SampledFrom(d.model.order).Draw(rt, "request")
	event := rapid.SampledFrom([]approvals.EventType{
		approvals.EventRequested, approvals.EventVoted, approvals.EventApproved, approvals.EventDenied,
		approvals.EventCancelled,
		approvals.EventExpired, approvals.EventStarted, approvals.EventApplied, approvals.EventFailed, approvals.EventVoided,
	}).Draw(rt, "event")
	d.fresh++
	by, source, store := rapid.SampledFrom(people).Draw(rt, "who"), fmt.Sprint("envelope ", d.fresh), d.store(rt)
	t := approvals.Transition{
		RequestID: id, Expect: int64(len(d.model.requests[id].log)), Next: leads[event],
		Events: []approvals.Event{{Type: event, By: by, Source: source}},
	}
	want := approvals.ErrIllegal
	if d.model.move(id, event, by, source) {
		want = nil
	}
	_ = d.twice(rt, func() error {
		if err := store.Commit(d.real.Context(), t); !errors.Is(err, want) {
			rt.Fatalf("%s of %s: %v, want %v", event, id, err, want)
		}
		return want
	})
}

func (d *driver) accept(rt *rapid.T) {
	ids := []string{d.source(rt), d.source(rt)}
	item := approvals.Item{Kind: "click", Source: ids[0]}
	want := d.model.accept(item, ids)
	store := d.store(rt)
	fresh, err := store.Accept(d.real.Context(), item, ids...)
	if err != nil || fresh != want {
		rt.Fatalf("accepted %v, want %v, %v", fresh, want, err)
	}
	if again, err := store.Accept(d.real.Context(), item, ids...); err != nil || again {
		rt.Fatalf("accepted again: %v, %v", again, err)
	}
}

// work is a worker's turn: what has come due, what is new, or what another worker died over.
func (d *driver) work(rt *rapid.T) {
	store, ctx := d.store(rt), d.real.Context()
	d.model.promote(time.Now())
	if _, err := store.Promote(ctx, 1000); err != nil {
		rt.Fatal(err)
	}
	n := rapid.IntRange(1, 4).Draw(rt, "items")
	items, err := store.Take(ctx, "worker", n, 0)
	if len(items) == 0 && err == nil {
		items, err = store.Claim(ctx, "heir", time.Second, n)
	}
	if err != nil {
		rt.Fatal(err)
	}
	for _, item := range items {
		begun, claimed := d.inHand[item.ID]
		if item.Tries != begun+1 {
			rt.Fatalf("handed out as try %d after %d were begun", item.Tries, begun)
		}
		if !claimed {
			d.inHand[item.ID] = 1
		} else if rapid.Bool().Draw(rt, "the answer to the claim is lost") {
			continue
		} else {
			d.must(rt, func() error {
				ok, err := store.Begin(ctx, "heir", item)
				if err == nil && !ok {
					err = errors.New("it is not the heir's")
				}
				return err
			})
			d.inHand[item.ID] = item.Tries
		}
		plain := item
		plain.ID, plain.Tries, plain.Queued = "", 0, time.Time{}
		if item.Kind == approvals.KindExpire {
			d.expire(rt, store, item.Request)
		}
		switch rapid.SampledFrom([]string{"done", "done", "postponed", "parked", "dies"}).Draw(rt, "outcome") {
		case "done":
			d.must(rt, func() error { return store.Done(ctx, item) })
		case "postponed":
			after := time.Duration(rapid.IntRange(1, 100).Draw(rt, "after")) * time.Second
			next := plain
			next.Attempt++
			d.model.timer(next, time.Now().Add(after))
			d.must(rt, func() error { return store.Postpone(ctx, item, after) })
		case "parked":
			d.must(rt, func() error { return store.Park(ctx, item, "it failed") })
		default:
			continue
		}
		d.model.finish(plain)
		delete(d.inHand, item.ID)
	}
}

func (d *driver) must(rt *rapid.T, step func() error) {
	if err := d.twice(rt, step); err != nil {
		rt.Fatal(err)
	}
}

// expire does what comes due at a deadline.
func (d *driver) expire(rt *rapid.T, store *Store, id string) {
	d.model.expire(id)
	r, _, err := store.Load(d.real.Context(), id)
	if err != nil {
		rt.Fatal(err)
	}
	if r.State != approvals.StateOpen {
		return
	}
	d.must(rt, func() error {
		return store.Commit(d.real.Context(), approvals.Transition{
			RequestID: id, Expect: r.Seq, When: approvals.AfterDeadline, Next: approvals.StateExpired,
			Events: []approvals.Event{{Type: approvals.EventExpired, Source: "expire " + id}},
		})
	})
}

// compare holds all that is stored against the model.
func (d *driver) compare(rt *rapid.T) {
	ctx := d.real.Context()
	same := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%s, the model and the store: %s", what, diff)
		}
	}
	for id, want := range d.model.requests {
		r, events, err := d.store(rt).Load(ctx, id)
		if err != nil {
			rt.Fatal(err)
		}
		var log []modelEvent
		for _, e := range events {
			log = append(log, modelEvent{e.Type, e.By, e.Source})
		}
		same("log of "+id, want.log, log)
		same("state of "+id, want.state, r.State)
		same("voters of "+id, want.voters, nonEmpty(r.Voters()))
		same("deadline of "+id, want.deadline.UTC(), r.Deadline)
		hash, err := d.db.HMGet(ctx, requestKey(id), "state", "seq").Result()
		if err != nil {
			rt.Fatal(err)
		}
		same("hash of "+id, []any{string(r.State), fmt.Sprint(r.Seq)}, hash)
	}
	open := make(map[string]string)
	for n := range 3 {
		subject := fmt.Sprint("role ", n)
		if id, err := d.db.Get(ctx, subjectKey(subject+"/revoke")).Result(); err == nil {
			open[subject] = id
		}
	}
	same("requests under way", d.model.open, open)
	queue := make(map[string]int)
	for _, entry := range d.db.XRange(ctx, workKey, "-", "+").Val() {
		queue[field(entry, "item")]++
	}
	same("work", d.model.queue, queue)
	timers := make(map[string]time.Time)
	for _, z := range d.db.ZRangeWithScores(ctx, dueKey, 0, -1).Val() {
		timers[fmt.Sprint(z.Member)] = time.UnixMilli(int64(z.Score))
	}
	same("timers", millis(d.model.timers), millis(timers))
	pending, err := d.db.XPending(ctx, workKey, group).Result()
	if err != nil {
		rt.Fatal(err)
	}
	same("what is in hand", int64(len(d.inHand)), pending.Count)
}

func nonEmpty(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	return ids
}

// millis makes times comparable.
func millis(timers map[string]time.Time) map[string]int64 {
	out := make(map[string]int64)
	for item, at := range timers {
		out[item] = at.UnixMilli()
	}
	return out
}
