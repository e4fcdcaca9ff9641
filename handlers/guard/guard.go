// Package guard checks that the policy of an applied measure is still on the role and still denies.
// Where it does not, the guard restores it under the same approval.
//
// Start with watch.go: Watch queues what follows a write. Check is one check (guard.go). It
// restores what is missing through the same order and the same package role as the first write
// (rewrite.go), and asks CloudTrail who changed it (tamperedby.go). Simulate asks the policy
// simulator what the policy denies (proof.go). Expired offers to remove a policy whose sessions
// have all expired (expired.go).
//
// Its results are events in the request's log. It knows nothing of Slack.
package guard

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// Config is what New needs.
type Config struct {
	step.Requests
	Roles *role.Client
	Trail *trail.Client
	Plan  []time.Duration // when the role is checked, after the revocation; empty: never
	// Again is the item of one more check of a request that has its verdict; false before that.
	Again func(events []approvals.Event) (approvals.Item, bool)
}

// Guard watches what was written. Make one with New; its methods may be called at the same time.
type Guard struct {
	Config
	made sync.Map // the planned checks that this process made, by request and source
}

// New returns a guard.
func New(cfg Config) *Guard { return &Guard{Config: cfg} }

// maxLookTries is how often a check is tried again when AWS does not answer: about two minutes.
const maxLookTries = 7

// Check verifies that the policy of an applied measure is still on the role, and restores it if
// not.
//
// The first approval covers the restore: it denies nothing that the approvers did not agree to, so
// they are not looked up again (docs/decisions/0002-guard-under-the-same-approval.md). Check pauses
// while an undo is carried out, and ends with it.
func (g *Guard) Check(ctx context.Context, item approvals.Item) error {
	err := g.check(ctx, item)
	if err == nil {
		g.made.Store(item.Request+" "+item.Source, true)
	}
	return err
}

func (g *Guard) check(ctx context.Context, item approvals.Item) error {
	l, err := step.BodyOf[look](item)
	if err != nil {
		return err
	}
	v, err := g.Read(ctx, item.Request)
	if err != nil {
		return err
	}
	r := v.Request
	w := &guardRun{Guard: g, item: item, look: l, now: v.Now, request: r, events: v.Events}
	if w.done() {
		return nil
	}
	if w.look.Last {
		if err := step.NotYet(r, w.now, g.Plan); err != nil {
			return err
		}
	}
	if w.status, err = g.GuardStatus(ctx, r, v.Events); err != nil || w.status.Off() {
		return err
	}
	c, err := g.Context(r)
	if err != nil {
		return err
	}
	w.about = c
	if len(w.told()) > 0 {
		return w.write(ctx, role.Check{}) // a try that promised and died goes on
	}
	check, err := g.Roles.Check(ctx, w.order())
	if err != nil {
		return w.blind(ctx, err)
	}
	if err := errors.Join(w.moved(ctx, check), w.newKeys(ctx, check)); err != nil {
		return err
	}
	return w.decide(ctx, check)
}

// moved tells, once, that the user was renamed or has another path, and goes on with it there.
func (w *guardRun) moved(ctx context.Context, check role.Check) error {
	was := w.about.Role.Principal
	if check.On.ID != was.ID || check.On.ARN == was.ARN {
		return nil
	}
	w.about.Role.Principal = check.On
	return w.Remark(ctx, w.request.ID, approvals.EventFinding, "moved to "+check.On.ARN, record.Finding{
		Sentence: "The user " + aws.Quote(was.ARN) + " was renamed: it is " + aws.Quote(check.On.ARN) + " now. Its keys " +
			"and sessions live on, and so does this. An undo needs the old name back.", Urgent: true,
	})
}

// newKeys tells of access keys that the user did not have when the measure was asked for, once
// each: a stolen key makes others.
func (w *guardRun) newKeys(ctx context.Context, check role.Check) error {
	on := w.about.Role
	for _, key := range check.Keys {
		if len(on.Keys) == 0 || key == on.Key || slices.Contains(on.Keys, key) || check.State == role.RoleReplaced {
			continue
		}
		if err := w.Remark(ctx, w.request.ID, approvals.EventFinding, "new key "+key, record.Finding{
			Sentence: newKey(on, key), Urgent: true,
		}); err != nil {
			return err
		}
	}
	return nil
}

// newKey is the finding about a key.
func newKey(user record.Role, key string) string {
	name := user.AccountName + "/" + user.Name
	user.Key = key
	return aws.Quote(name) + " has the access key " + aws.Quote(key) + ", which it did not have when this was " +
		"asked for. If its owner did not make it, an attacker did: send " + aws.Quote(messages.Command+" "+user.Ref()) + "."
}

// guardRun is one check.
type guardRun struct {
	*Guard
	item    approvals.Item
	look    look
	now     time.Time // the store's clock when the check began
	request approvals.Request
	events  []approvals.Event
	about   messages.Context
	status  step.GuardStatus
}

// order converts the guarded request for package role.
func (w *guardRun) order() role.Order {
	o := w.Order(w.request, w.about)
	written := record.WrittenBy(w.events)
	o.Guard, o.Promised, o.Stands, o.InForce = true, written.Taken(), written.Stands, w.status.Minimum
	return o
}

// Sources of what one check can record.
func (w *guardRun) written() string { return w.item.Source + " written" }
func (w *guardRun) failed() string  { return w.item.Source + " failed" }

// round counts the schedules of looks: each loss begins one anew.
func (w *guardRun) round() int {
	return 1 + step.CountOf(w.events, approvals.EventRewritten) +
		w.count(func(t record.Tampered) bool { return t.Anew })
}

// reassess queues a check that takes up what was found where the verdict was given without it.
func (w *guardRun) reassess(t *approvals.Transition) {
	if item, ok := w.Again(w.events); ok {
		item.Request = w.request.ID
		t.Work = append(t.Work, item)
	}
}

// done reports whether this look was made already, or has become needless: the role is gone, the
// last check was made, or the schedule has begun anew.
func (w *guardRun) done() bool {
	if w.request.Has(w.written()) || w.request.Has(w.failed()) ||
		w.look.Round > 0 && w.look.Round < w.round() && len(w.told()) == 0 {
		return true
	}
	for e, t := range w.tampered() {
		if !t.Lost() || e.Source == w.item.Source && !t.Writing() {
			return true
		}
	}
	return step.CountOf(w.events, approvals.EventHeld) > 0 && !w.look.AfterUndo
}

// tampered are the losses that checks recorded.
func (w *guardRun) tampered() iter.Seq2[approvals.Event, record.Tampered] {
	return record.All[record.Tampered](w.events, approvals.EventTampered)
}

func (w *guardRun) count(is func(record.Tampered) bool) (n int) {
	for _, t := range w.tampered() {
		if is(t) {
			n++
		}
	}
	return n
}

// rewrites is how often a rewrite was promised.
func (w *guardRun) rewrites() int {
	return w.count(func(t record.Tampered) bool { return t.Writing() && !t.Resumed })
}

// backByItself ends the source of what a check missed and found before it was restored.
const backByItself = " back by itself"

// losses is how often a check missed the policy; what one check told in several events is one.
func (w *guardRun) losses() int {
	n := w.count(func(t record.Tampered) bool { return t.Lost() && !t.Resumed && !t.Told })
	for _, e := range w.events {
		if strings.HasSuffix(e.Source, backByItself) {
			n++
		}
	}
	return n
}

// told is what this very check told of a loss and promised, the loss first; none before it did.
func (w *guardRun) told() (all []record.Tampered) {
	for e, t := range w.tampered() {
		if t.Writing() && e.Source == w.source(len(all)) {
			all = append(all, t)
		}
	}
	return all
}

// source is that of the check's nth promise.
func (w *guardRun) source(n int) string {
	if n == 0 {
		return w.item.Source
	}
	return fmt.Sprintf("%s promise %d", w.item.Source, n+1)
}

// found is what a check found, of the document that is worst off.
func (w *guardRun) found(check role.Check) record.Tampered {
	t := record.Tampered{State: check.State, At: check.At}
	for i, there := range check.There {
		if check.Documents[i] == check.State {
			t.Policy, t.Found = step.PolicyOf(there), step.CutoffOf(w.order().Measure, check.Now, there)
		}
	}
	return t
}

// decide says what follows from what the check found.
func (w *guardRun) decide(ctx context.Context, check role.Check) error {
	switch {
	case check.Good() && w.look.Last:
		return w.held(ctx, check)
	case check.Good():
		return nil
	case (check.State == role.RoleGone || check.State == role.RoleReplaced) && w.item.Attempt < step.MaxDoubts:
		return &step.Again{After: time.Second << w.item.Attempt}
	case check.State == role.RoleGone, check.State == role.RoleReplaced:
		return w.tell(ctx, w.item.Source, w.found(check))
	case w.status.Busy:
		return &step.Again{After: time.Second, Busy: true} // it is about to write itself, and must not be undercut
	case w.rewrites() >= record.MaxRewrites:
		return w.exhausted(ctx, check)
	default:
		return w.write(ctx, check)
	}
}

// held ends the schedule, unless the policy simulator says that what is there lets old sessions in:
// then IAM reads it otherwise than revokebot.
func (w *guardRun) held(ctx context.Context, check role.Check) error {
	answer, err := w.Roles.Simulate(ctx, w.order(), check.There)
	doubt := answer.Before == role.NotDenied
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case (err != nil || doubt) && w.item.Attempt < step.MaxDoubts:
		return &step.Again{After: step.RetryAfter(w.item.Attempt)}
	case doubt:
		t := w.found(check)
		t.State, t.Found = role.Weakened, time.Time{}
		t.Why = "What is there should block old sessions, but the policy simulator says that it does not."
		return w.tell(ctx, w.item.Source, t)
	}
	return w.Remark(ctx, w.request.ID, approvals.EventHeld, w.item.Source, record.Held{
		At: check.At, After: w.age(), Cutoff: w.found(check).Found, Losses: w.losses(),
	})
}

// age is how long ago the policy was applied, in whole minutes once it is minutes; by the store's
// clock.
func (w *guardRun) age() time.Duration {
	age := w.now.Sub(w.request.Ended)
	if age < time.Minute {
		return age.Truncate(time.Second)
	}
	return age.Truncate(time.Minute)
}

// exhausted tells, once and again at the last check, that the policy is not written any more.
func (w *guardRun) exhausted(ctx context.Context, check role.Check) error {
	source, restored := "guard exhausted", step.CountOf(w.events, approvals.EventRewritten)
	why := fmt.Sprintf("It was restored %d times already, and the other side is faster.", restored)
	if restored < record.MaxRewrites {
		why = fmt.Sprintf("Restoring it was tried %d times, and it worked %d times.", record.MaxRewrites, restored)
	}
	if w.look.Last {
		source, why = w.item.Source, why+" This was the last check."
	}
	t := w.found(check)
	t.Why = why
	return w.tell(ctx, source, t)
}

// tell records a loss that nothing is done about.
func (w *guardRun) tell(ctx context.Context, source string, t record.Tampered) error {
	t.Cutoff = record.WrittenBy(w.events).Planned
	if t.Lost() {
		t.SCP = role.OldSessionsSCP(w.about.Role.ARN, t.Cutoff)
	}
	w.Log.WarnContext(ctx, "the measure is not on the role and is not written again", "request", w.request.ID,
		"state", t.State, "why", t.Why)
	tr := step.Appending(w.request.ID)
	step.Add(&tr, approvals.EventTampered, source, t)
	w.askWho(&tr, source)
	if t.Anew {
		w.schedule(&tr, w.request.ID, look{Round: w.round() + 1, AfterUndo: w.look.AfterUndo})
	}
	w.reassess(&tr)
	return w.Store.Commit(ctx, tr)
}

// blind says what a check comes to that AWS did not answer.
func (w *guardRun) blind(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	w.Log.WarnContext(ctx, "the role could not be checked", "request", w.request.ID, "error", cause)
	if !aws.Final(cause) && w.item.Attempt < maxLookTries {
		return &step.Again{After: step.RetryAfter(w.item.Attempt)}
	}
	what := "Whether the " + w.about.Words.Deny + " is still on the role could not be checked"
	source, sentence := "guard blind", what+": "+step.Explained(cause)+" Later checks try again."
	if w.look.Last {
		source, sentence = "guard blind at the end", what+", and this was the last check: "+step.Explained(cause)
	}
	return w.Remark(ctx, w.request.ID, approvals.EventFinding, source, record.Finding{Sentence: sentence})
}
