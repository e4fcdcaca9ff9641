package crash

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/program"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// What the crash test looks for it finds: each invariant is broken by hand after a round in which
// nobody died.
func TestWhatIsBrokenIsNoticed(t *testing.T) {
	l := mustLane(t, kinds()[0], program.Build(t, "cmd/revokebot"))
	p := plan{
		kind: kinds()[0], asks: []*ask{
			{story: approved, seat: 0}, {story: noSuchRole, seat: 1}, {story: undone, seat: 2}, {story: drilled, seat: 3},
		},
	}
	p.name(0)
	ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
	defer cancel()
	if _, _, err := l.play(ctx, p); err != nil {
		t.Fatal(err)
	}
	noticed := func(invariant string) {
		t.Helper()
		clear(l.known)
		c, err := l.check(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if invariant == "" {
			if len(c.broken) > 0 {
				t.Fatalf("broken before anything was: %s", strings.Join(c.broken, "\n"))
			}
			return
		}
		if !slices.ContainsFunc(c.broken, func(b string) bool { return strings.HasPrefix(b, invariant) }) {
			t.Errorf("not noticed: %s; only %q", invariant, c.broken)
		}
	}
	noticed("")

	a := p.asks[0]
	card := l.cards(a)[0]
	r, _, err := l.store.Load(ctx, card.request)
	if err != nil {
		t.Fatal(err)
	}
	a.commands = append(a.commands, sent{id: "lost", user: approver(5, 0), acked: true})
	noticed(invCommand)
	a.clicks = append(a.clicks, sent{id: "lost", user: approver(0, 1), action: "revokebot_approve", acked: true})
	noticed(invClick)

	policy, _ := l.world.Prod.RolePolicy(a.role, denyPolicy)
	if err := l.world.Prod.PutRolePolicy(a.role, denyPolicy,
		strings.Replace(policy, `TokenIssueTime":"20`, `TokenIssueTime":"19`, 1)); err != nil {
		t.Fatal(err)
	}
	noticed(invCutoff)
	if err := l.world.Prod.PutRolePolicy(p.asks[3].role, denyPolicy, policy); err != nil {
		t.Fatal(err)
	}
	noticed(invDrill)

	clean := p.asks[2].role
	if err := l.world.Prod.PutRolePolicy(clean, denyPolicy, policy); err != nil {
		t.Fatal(err)
	}
	noticed(invUndone)

	if err := l.store.Commit(ctx, approvals.Transition{
		RequestID: r.ID, Expect: approvals.AppendOnly, Events: []approvals.Event{
			{Type: approvals.EventReadBack, Detail: []byte(`{"equal":true}`)},
		},
	}); err != nil {
		t.Fatal(err)
	}
	noticed(invOnce)

	if err := l.db.XAdd(ctx, &redis.XAddArgs{Stream: keys + "parked", Values: []any{"item", "{}"}}).Err(); err != nil {
		t.Fatal(err)
	}
	noticed(invNothing)

	thread := slices.DeleteFunc(l.slack.Messages(a.room), func(m slackstandin.Message) bool {
		return m.ThreadTS != card.ts
	})
	l.slack.DeleteMessage(a.room, thread[1].TS)
	noticed(invThread)

	l.log.add("0.1", `{"level":"ERROR","msg":"by hand"}`)
	noticed(invLog)

	l.slack.DeleteMessage(a.room, card.ts)
	noticed(invCard)
}
