package role

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// attacker writes and deletes documents on a role before and after any call of the bot, and looks
// at what the bot does.
type attacker struct {
	*bench
	turn    sync.Mutex // the bot reads side by side
	script  []int      // decisions, drawn before
	role    string
	places  []string
	read    map[string]string // what the bot has read last, by the policy's name
	readAt  map[string]int    // when: after how many events
	events  int
	wroteAt int              // when the bot began, or wrote last
	planned int              // when it promised last
	written []string         // what the bot wrote, in order
	book    book             // what it promised
	ours    []contain.Change // of the order that is undone; nil while a revocation is written
	crash   int              // calls until the bot dies; negative: it lives
	failed  string           // the first thing that is wrong
}

// fails notes what is wrong. The bubble has a goroutine of its own, in which rapid cannot stop.
func (a *attacker) fails(format string, args ...any) {
	if a.failed == "" {
		a.failed = fmt.Sprintf(format, args...)
	}
}

var errCrashed = errors.New("the bot is dead")

// draw takes the next decision, one of n; 0 when there is none left.
func (a *attacker) draw(n int) int {
	if len(a.script) == 0 {
		return 0
	}
	next := a.script[0]
	a.script = a.script[1:]
	return next % n
}

// RoundTrip is the way of the bot's calls.
func (a *attacker) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	name, ours := form.Get("PolicyName"), form.Get("RoleName") == a.role && form.Get("PolicyName") != ""
	if !ours {
		return a.HTTP.Transport.RoundTrip(r)
	}
	a.turn.Lock()
	defer a.turn.Unlock()
	a.strikes()
	dies := a.crash == 0
	a.crash--
	if dies && a.draw(2) == 0 {
		return nil, errCrashed
	}
	there, _ := a.Prod.RolePolicy(a.role, name)
	switch form.Get("Action") {
	case "PutRolePolicy":
		a.judge(name, there, form.Get("PolicyDocument"))
	case "DeleteRolePolicy":
		a.judge(name, there, "")
	}
	answer, err := a.HTTP.Transport.RoundTrip(r)
	if form.Get("Action") == "GetRolePolicy" {
		a.events++
		a.read[name], a.readAt[name] = there, a.events
	}
	if dies {
		if err == nil {
			_ = answer.Body.Close()
		}
		return nil, errCrashed
	}
	a.strikes()
	return answer, err
}

// judge looks at one write of the bot. there is what it replaces.
func (a *attacker) judge(name, there, text string) {
	now := a.Server.Now()
	raced := there != a.read[name] // someone has written between the bot's read and its write
	if a.readAt[name] < a.wroteAt || a.ours != nil && a.readAt[name] < a.planned {
		a.fails("%s is written by what was read too long ago", name)
	}
	a.events++
	a.wroteAt = a.events
	if !slices.ContainsFunc(a.book.all, func(c contain.Change) bool { return c.Slot.Name == name && c.After == text }) {
		a.fails("%s was not promised: %s", name, text)
	}
	if a.ours != nil {
		mine := slices.ContainsFunc(a.ours, func(c contain.Change) bool { return c.Slot.Name == name && c.After == there })
		if !mine && !raced {
			a.fails("the undo of %s removes what is not the bot's: %s", name, there)
		}
		if text != "" && cutoffOf(contain.Document{Text: text}).IsZero() {
			a.fails("the undo writes %s", text)
		}
		return
	}
	exact := func(text string) time.Time {
		return contain.Revoke().(contain.Dated).Cutoff(now, contain.Document{Text: text})
	}
	cutoff := cutoffOf(contain.Document{Text: text})
	if text != denyAt(cutoff) || cutoff.Before(now.Add(a.Config.Margin)) {
		a.fails("at %v the bot writes %s", now, text)
	}
	if there != "" && exact(there).IsZero() && !raced && !slices.Contains(a.written, there) {
		a.fails("%s is written over, and it was read before: %s", name, there)
	}
	if before := exact(there); before.After(cutoff) && !raced {
		a.fails("the cutoff moves back from %v to %v", before, cutoff)
	}
	for _, before := range a.written {
		if cutoffOf(contain.Document{Text: before}).After(cutoff) {
			a.fails("the cutoff moves back: %s after %s", text, before)
		}
	}
	a.written = append(a.written, text)
}

// strikes changes one of the places, or does nothing.
func (a *attacker) strikes() {
	now := a.Server.Now()
	texts := append([]string{
		awsbench.MayAll,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}`,
		denyAt(now.Add(-time.Hour)), denyAt(now.Add(10 * time.Minute)), denyAt(now.Add(48 * time.Hour)),
		awsbench.DenyAt("2026-11-22T10:01:31"),
		strings.Replace(denyAt(now.Add(time.Minute)), `"Statement":[`,
			`"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`, 1),
	}, a.written...)
	what, place := a.draw(10), a.places[a.draw(2)]
	switch {
	case what == 9:
		_ = a.Prod.DeleteRolePolicy(a.role, place) // it may not be there
	case what > 5:
		if err := a.Prod.PutRolePolicy(a.role, place, texts[a.draw(len(texts))]); err != nil {
			a.fails("%v", err)
		}
	}
}

// Whatever is on the role and whenever someone changes it, and wherever the bot dies and begins
// anew: what the bot had read as someone else's is not written over, ours is exactly a Deny that
// was promised, and the cutoff never moves back.
func TestAnAttackerWhoWritesBetweenAnyTwoStepsLosesNothingAndMovesNoCutoffBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		failed, script := "", rapid.SliceOfN(rapid.IntRange(0, 1<<16), 0, 120).Draw(rt, "script")
		onBench(t, nil, func(t *testing.T, b *bench) {
			made := b.Role(standin.RoleSpec{})
			a := &attacker{
				bench: b, script: script, role: made.Name, places: []string{policyName, beside},
				read: map[string]string{}, readAt: map[string]int{},
			}
			config := b.Config
			config.SDK.HTTPClient = &http.Client{Transport: a}
			config.SDK.RetryMaxAttempts = 1
			config.Logger = slog.New(slog.DiscardHandler)
			cloud, err := aws.New(config)
			if err != nil {
				t.Fatal(err)
			}
			o := order(Role{Principal: of("prod", made.Name, made.ARN, made.UniqueID).Principal})
			a.applies(t.Context(), New(cloud), o)
			if len(a.book.all) > 0 {
				a.ours, a.book = a.book.all, book{}
				a.applies(t.Context(), New(cloud), undo(o, a.ours))
			}
			failed = a.failed
		})
		if failed != "" {
			rt.Fatal(failed)
		}
	})
}

// applies carries an order out, which may die once on its way.
func (a *attacker) applies(ctx context.Context, roles *Client, o Order) {
	a.crash = a.draw(7) - 1
	for range 2 {
		began := len(a.written)
		a.events++
		a.wroteAt = a.events
		o := a.book.keeping(o)
		keep := o.Promise
		o.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) {
			a.events++
			a.planned = a.events
			return keep(ctx, p)
		}
		out, err := roles.Apply(ctx, nil, o)
		if _, refused := errors.AsType[*contain.Refusal](err); err != nil && !refused && !errors.Is(err, errCrashed) {
			a.fails("%+v, %v", out, err)
		}
		if err == nil && out.Documents[0].Writes > 0 && o.Mode == Do && len(a.written) == began {
			a.fails("it says that it wrote: %+v", out)
		}
		if err == nil && out.Documents[0].ReadBack && o.Mode == Do {
			there := out.Documents[0].There
			for _, c := range a.book.all {
				if cutoffOf(contain.Document{Text: c.After}).After(cutoffOf(there)) {
					a.fails("read back is %s, promised was %s", there.Text, c.After)
				}
			}
		}
		a.crash = -1
		time.Sleep([]time.Duration{0, time.Second, time.Minute}[a.draw(3)])
	}
}

// An attacker who may make roles gives one the name that people type or paste for another one.
func TestNoDecoyIsTakenForTheRoleThatWasMeant(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		made := b.Role(standin.RoleSpec{Path: "/ops/"})
		for _, decoy := range []string{"Deploy.", "Deploy,", "Deploy.,", made.UniqueID} {
			b.Role(standin.RoleSpec{Name: decoy})
		}
		const arn = "arn:aws:iam::111122223333:role/"
		for _, text := range []string{
			"prod/Deploy.", "prod/Deploy,", "111122223333/Deploy.,", "prod/" + made.UniqueID, "prod/" + made.UniqueID + ":ci-1",
			arn + "Deploy,", arn + "Deploy.", arn + "Deploy.,",
		} {
			target, err := b.Cloud.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
			_, lookErr := b.roles.Look(t.Context(), target, nil)
			for _, err := range []error{err, lookErr} {
				refused, ok := errors.AsType[*aws.RefusedError](err)
				if !ok || !strings.Contains(refused.Sentence, `the other is "Deploy"`) {
					t.Errorf("%s: %q, %v", text, got.Name, err)
				}
			}
		}
		// By the ARN of a session each of them can be revoked, the decoys too.
		for _, name := range []string{"Deploy", "Deploy.", "Deploy,", made.UniqueID} {
			if got := b.describe("arn:aws:sts::111122223333:assumed-role/" + name + "/any"); got.Name != name {
				t.Errorf("%s: %q", name, got.Name)
			}
		}
		// What AWS calls it is no slip of the pen, whatever else is there or not.
		for _, name := range []string{"Deploy.", "Deploy,", "Deploy,."} {
			target, err := b.Cloud.Parse(arn + name)
			target.Exact = true
			look, lookErr := b.roles.Look(t.Context(), target, nil)
			gone := name == "Deploy,."
			if err != nil || gone != errors.Is(lookErr, aws.ErrNoSuchRole) || !gone && look.Role.Name != name {
				t.Errorf("%s: %q, %v, %v", name, look.Role.Name, err, lookErr)
			}
		}
		for text, want := range map[string]string{"ops/Deploy": "Deploy", made.UniqueID: made.UniqueID} {
			if got := b.describe(arn + text); got.Name != want {
				t.Errorf("%s: %q", text, got.Name)
			}
		}
		// Where it cannot be known, none is taken.
		for text, fault := range map[string]standin.Fault{
			"prod/" + made.UniqueID: {Action: "ListRoles", Times: -1, Code: "AccessDenied"},
			"prod/Deploy.":          {Action: "GetRole", Times: -1, Every: 2, Code: "AccessDenied"},
			arn + "Deploy,":         {Action: "GetRole", Times: -1, Every: 2, Code: "AccessDenied"},
		} {
			b.Server.ClearFaults()
			b.Server.Inject(fault)
			target, err := b.Cloud.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil); !errors.Is(err, aws.ErrAccessDenied) {
				t.Errorf("%s fails: %q, %v", fault.Action, got.Name, err)
			}
		}
	})
}
