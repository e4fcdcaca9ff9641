package handlers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

const (
	// maxDelays is how often a request that AWS does not accept for a passing reason is tried again:
	// about five minutes in all, with the delays of step.RetryAfter.
	maxDelays = 9
	// confirmAfter is the age of a click from which on the approver is looked up again before the call
	// to AWS.
	confirmAfter = time.Minute
	// lookAhead is how long carrying out may take without an approver's minute being over in the
	// middle, which would cost a look-up of its own.
	lookAhead = 10 * time.Second
)

// execute takes up an approved request that was not carried out where it was approved, or not to
// its end: from what the log says was promised. It does nothing if the request has moved on.
func (h *Handlers) execute(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if item.Event > 0 && slices.ContainsFunc(events, func(e approvals.Event) bool {
		return e.Type == approvals.EventDelayed && e.Seq > item.Event && !strings.HasPrefix(e.Source, item.Source+" ")
	}) {
		return nil // the try that was put off by a click has a timer of its own
	}
	return h.carryOut(ctx, item, record.View{Request: r, Events: events}, nil)
}

// Resume carries out what a click has completed the approval of before the replica that had it
// died. It decides nothing, and reports false for an item that has not been decided to that end.
func (h *Handlers) Resume(ctx context.Context, item approvals.Item) (mine bool, err error) {
	if item.Kind != KindClick {
		return false, nil
	}
	a, err := actOf(item)
	if err != nil {
		return false, err
	}
	err = h.withAlarm(ctx, func(ctx context.Context) error {
		v, err := h.Read(ctx, a.value)
		if mine = err == nil && approvedBy(v, item.Source); mine {
			return h.carryOut(ctx, item, v, nil)
		}
		if errors.Is(err, approvals.ErrUnknownRequest) {
			return nil
		}
		return err
	})
	return mine, err
}

// execution is one approved request on its way: its measure is applied, or what an earlier request
// has applied is taken away, or the measure is rehearsed.
//
// It can begin while it is looked up who approves (prepare): then it asks ahead. That grants
// nothing: it is used when the approval is committed, and dropped when it is not.
type execution struct {
	h       *Handlers
	request approvals.Request
	about   messages.Context
	order   role.Order // with what the request has promised, in this try and in others
	earlier bool       // an earlier try had begun, and may have done it
	now     time.Time  // the latest that AWS's clock could show when this try promised last
	own     int64      // the event by which this try promised last; 0 before

	cancel context.CancelFunc // of what is asked
	asked  chan struct{}      // closed when the next two and the order's minimum are known
	ready  *role.Prepared     // nil if AWS was not asked
	err    error

	// The second look at the approvers, beside everything else. It counts the time from the store's
	// clock on with this machine's running clock.
	looked  chan struct{} // closed when the first check is over
	lookErr error         // the store did not say what time it is
	clock   time.Time     // the store's, when the check began
	began   time.Time
	found   map[string]approvals.Refusal
}

// execution gathers what carrying out a request takes.
func (h *Handlers) execution(r approvals.Request) (*execution, error) {
	c, err := h.Context(r)
	return &execution{h: h, request: r, about: c, order: h.Order(r, c), cancel: func() {}}, err
}

// undoes reports whether an earlier request's write is taken away.
func (e *execution) undoes() bool { return e.order.Mode == role.Undo }

// prepare begins to ask for what carrying out a request takes if the attempt turns out to be the
// approval that is still missing. It returns nil if that cannot be, by all that is known without a
// look-up, or if the measure is not of the first response. The caller drops it.
func (h *Handlers) prepare(ctx context.Context, v record.View, a approvals.Attempt, p approvals.Policy) *execution {
	r := v.Request
	if k, _ := h.Measures.Of(string(r.Purpose.Measure())); r.Purpose.Mode() != approvals.ModeDo || !k.First ||
		!approvals.MayComplete(r, v.Card, a, p, v.Now) {
		return nil
	}
	e, err := h.execution(r)
	if err != nil {
		return nil // carrying it out comes to the same
	}
	e.order.Approvers = append(e.order.Approvers, a.By)
	ctx, e.cancel = context.WithCancel(ctx)
	e.ask(ctx, v.Now, lookAhead, true)
	return e
}

// drop ends what is still being asked for.
func (e *execution) drop() {
	e.cancel()
	<-e.asked
	<-e.looked
}

// ask begins to ask whether the approvers still may, if their click is more than a minute old or
// will be within ahead, and what must not be undercut; of AWS, too, if it is to be prepared. A zero
// clock is asked for.
func (e *execution) ask(ctx context.Context, clock time.Time, ahead time.Duration, prepare bool) {
	e.asked, e.looked = make(chan struct{}), make(chan struct{})
	e.clock, e.began = clock, time.Now()
	r, o := e.request, e.order
	go func() {
		defer close(e.looked)
		if e.clock.IsZero() {
			if e.clock, e.lookErr = e.h.Store.Now(ctx); e.lookErr != nil {
				return
			}
		}
		e.lookAgain(ctx, r, e.clock.Add(ahead))
	}()
	go func() {
		defer close(e.asked)
		var asking errgroup.Group
		asking.Go(func() (err error) { e.order.InForce, err = e.h.minimum(ctx, r); return err })
		if prepare {
			asking.Go(func() (err error) { e.ready, err = e.h.Roles.Prepare(ctx, o); return err })
		}
		e.err = asking.Wait()
	}()
}

// minimum is what other requests for the measure have in force: a request to apply it writes no
// less, and a drill says so.
func (h *Handlers) minimum(ctx context.Context, r approvals.Request) ([]contain.Document, error) {
	if r.Purpose.Mode() == approvals.ModeUndo {
		return nil, nil
	}
	force, err := h.InForce(ctx, strings.TrimPrefix(r.Subject.Key, drillPrefix))
	return force.Minimum(r), err
}

// confirm waits, and returns *step.NotConfirmed if one of the request's approvers was not found to
// be one again although their click is more than a minute old by now. An approver who was not
// looked up, or too long ago, because something else took long, is looked up now.
func (e *execution) confirm(ctx context.Context) error {
	if <-e.looked; e.lookErr != nil {
		return e.lookErr
	}
	if time.Since(e.began) > confirmAfter {
		e.clock, e.began, e.found = e.clock.Add(time.Since(e.began)), time.Now(), nil
	}
	at := e.clock.Add(time.Since(e.began))
	e.lookAgain(ctx, e.request, at)
	for _, v := range e.request.Votes {
		if refusal, ok := e.found[v.By]; at.Sub(v.At) > confirmAfter && (!ok || refusal.Code != "") {
			return &step.NotConfirmed{Approver: v.By, Refusal: refusal}
		}
	}
	return nil
}

// lookAgain looks up, side by side, every approver whose click is more than a minute old at a time
// and who was not found already.
func (e *execution) lookAgain(ctx context.Context, r approvals.Request, at time.Time) {
	policy := e.h.Policies[r.Subject.Group]
	found := maps.Clone(e.found)
	if found == nil {
		found = make(map[string]approvals.Refusal)
	}
	var mu sync.Mutex
	var lookups sync.WaitGroup
	for _, v := range r.Votes {
		if _, ok := e.found[v.By]; ok || at.Sub(v.At) <= confirmAfter {
			continue
		}
		lookups.Go(func() {
			refusal := approvals.MayDecide(v.By, e.h.facts(ctx, v.By, policy), e.h.Slack.Home(), policy)
			mu.Lock()
			defer mu.Unlock()
			found[v.By] = refusal
		})
	}
	lookups.Wait()
	e.found = found
}

// carryOut does an approved request, going on with an execution that has asked ahead; nil is none.
// item is that of the click that completed the approval, or that of the queue.
//
// What is about to be written is in the log before it is written. A try that takes over reads the
// role, and finds it done or not.
func (h *Handlers) carryOut(ctx context.Context, item approvals.Item, v record.View, e *execution) error {
	if !step.UnderWay(v) {
		return nil
	}
	r := v.Request
	why := ""
	if mode := r.Purpose.Mode(); mode == "" {
		why = messages.UnknownPurpose
	} else if mode != approvals.ModeUndo && r.State == approvals.StateApproved &&
		!slices.Contains(h.Policies[r.Subject.Group].Measures, r.Purpose.Measure()) {
		why = messages.NotListedAnyMore
	}
	if why != "" { // its purpose or measure does not exist here
		h.Log.WarnContext(ctx, "an approved request is not carried out", "request", r.ID, "purpose", string(r.Purpose))
		_, err := h.Close(ctx, r.ID, step.UnderWay,
			func(approvals.Request) step.Failure { return step.Failure{Sentence: why} })
		return err
	}
	if e == nil {
		var err error
		if e, err = h.execution(r); err != nil {
			return err
		}
		e.ask(ctx, time.Time{}, 0, false)
		defer e.drop()
	}
	e.request, e.earlier = r, r.Promise != nil
	e.order.Approvers, e.order.Promised = r.Voters(), record.WrittenBy(v.Events).Changes
	began := time.Now()
	var out role.Outcome
	var err error
	if r.Purpose.Writes() {
		if out, err = e.apply(ctx); err == nil && e.undoes() {
			err = e.half(out)
		}
		if err == nil {
			err = e.applied(ctx, out)
		}
	} else {
		err = e.rehearse(ctx)
	}
	if err != nil {
		return e.failed(ctx, item, out, err)
	}
	h.Log.InfoContext(ctx, "a request was carried out", "request", r.ID, "purpose", string(r.Purpose),
		"role", e.about.Role.ARN, "took", time.Since(began).String())
	return nil
}

// apply has AWS do it. The approvers are looked up again while the role is read. What AWS refused
// while it was prepared, it refused.
func (e *execution) apply(ctx context.Context) (role.Outcome, error) {
	if <-e.asked; e.err != nil {
		return role.Outcome{}, e.err
	}
	if e.undoes() {
		if err := e.upToDate(ctx); err != nil {
			return role.Outcome{}, err
		}
	}
	o := e.order
	o.Confirm = e.confirm
	o.Promise = func(ctx context.Context, p role.Plan) ([]contain.Change, error) {
		if err := step.InTime(e.request, p.At); err != nil {
			return nil, err
		}
		if err := e.confirm(ctx); err != nil { // an approver's minute can be over since
			return nil, err
		}
		return e.promise(ctx, p)
	}
	return e.h.Roles.Apply(ctx, e.ready, o)
}

// promise makes a change durable before it is made.
func (e *execution) promise(ctx context.Context, p role.Plan) ([]contain.Change, error) {
	if e.undoes() {
		if err := e.newest(ctx); err != nil {
			return nil, err
		}
	}
	t := approvals.Transition{Next: approvals.StateExecuting}
	step.Add(&t, approvals.EventStarted, "", record.Started{
		Changes: []contain.Change{p.Change}, ServerTime: p.At,
		Cutoff: step.CutoffOf(e.order.Measure, p.Now, contain.Document{Slot: p.Slot, Text: p.After}),
	})
	if err := e.commit(ctx, t, nil); err != nil {
		return nil, err
	}
	e.order.Promised = append(e.order.Promised, p.Change)
	e.own, e.now = e.request.Seq, p.Now
	return e.order.Promised, e.beside(ctx, p)
}

// beside stops a try whose promise does less in its slot than what the request for another part of
// the principal has promised at the same time: another try promises more. Of the same part one
// request is under way.
func (e *execution) beside(ctx context.Context, p role.Plan) error {
	if e.undoes() || e.request.Subject.Part == "" {
		return nil
	}
	others, err := e.h.minimum(ctx, e.request)
	planned := contain.Document{Slot: p.Slot, Text: p.After}
	if slices.ContainsFunc(others, func(d contain.Document) bool {
		return d.Slot.Kind == p.Slot.Kind && e.order.Measure.Gap(p.Now, planned, d) != contain.Covers
	}) {
		return errOvertaken
	}
	return err
}

// commit moves the request while it is approved or executing, whatever harmless events came in
// between. may is asked about what was promised since it was read last; nil allows everything.
func (e *execution) commit(ctx context.Context, t approvals.Transition, may func([]contain.Change) error) error {
	var r approvals.Request
	changes := e.order.Promised
	err := e.h.ChangeFrom(ctx, record.View{Request: e.request}, func(v record.View) (approvals.Transition, error) {
		if r = v.Request; !step.UnderWay(v) {
			return t, step.ErrTaken
		}
		if v.Events != nil {
			changes = record.WrittenBy(v.Events).Changes
		}
		if may != nil {
			return t, may(changes)
		}
		return t, nil
	})
	if err == nil {
		e.request, e.request.State, e.request.Seq = r, t.Next, r.Seq+int64(len(t.Events))
		e.order.Promised = changes
	}
	return err
}
