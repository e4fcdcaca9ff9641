package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// recentReports is how many of the newest requests are looked through for a role before IAM is
// asked for its unique id.
const recentReports = 30

// requestID is what crypto/rand.Text makes.
var requestID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// reportCommand puts the report of a request into its thread: of the request with that id, or of
// the newest that asked to revoke sessions of that role. The sender, the workspace, the channel and
// the flood limits were looked at as for any command, the list of requesters is here.
func (h *Handlers) reportCommand(ctx context.Context, a act, what string) error {
	what, _ = splitCommand(what)
	if what == "" {
		return h.answer(ctx, a, messages.Usage("report ", "", h.accountNames()))
	}
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	v, err := h.requestMeant(ctx, what)
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil && !h.listable(a.Command, v.Request) {
		return h.refuse(ctx, a, "unknown_request", messages.ReportNowhere(what))
	}
	if err != nil {
		return err
	}
	return h.report(ctx, a, v)
}

// listable reports whether a request is of the workspace of a command and of an allowed channel.
func (h *Handlers) listable(c Command, r approvals.Request) bool {
	c.Channel = r.Place.Channel
	return slices.Contains(h.Channels, c.Channel) && r.Place.Is(c.Place)
}

// reportClick does the same for the button in a request's thread.
func (h *Handlers) reportClick(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	if !slices.Contains(h.Channels, a.Channel) {
		return h.noSuchRequest(ctx, a)
	}
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	return h.report(ctx, a, v)
}

// report records a request for the report; the delivery makes it from the log and puts it into the
// thread. When nothing happened since the last one, that one is the answer, unless Slack refused
// files: then it may not have arrived, and a few more are made.
func (h *Handlers) report(ctx context.Context, a act, v record.View) error {
	a.drill = v.Request.Purpose.Mode() == approvals.ModeDrill
	link, err := h.Sender.CardLink(ctx, v.Request)
	if err != nil {
		return err
	}
	var answer *messages.Message
	var enough bool
	err = h.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
		r := v.Request
		why := filesRefused(v.Events)
		answer, enough = messages.ReportComing(r, link, why), false
		switch {
		case r.Has(a.item.Source): // by a try before this one, which may not have come so far as to say so
			return t, nil
		case why != nil:
			wait, err := h.Store.Allow(ctx, "report of "+r.ID, counted(a.item), reportsAgain, reportWindow)
			if enough = wait > 0; enough {
				answer = messages.ReportEnough(r, *why, reportsAgain, reportWindow, wait)
			}
			if enough || err != nil {
				return t, err
			}
		case reportedAlready(v.Events):
			answer = messages.ReportThere(r, link)
			return t, nil
		}
		h.Log.InfoContext(ctx, "a report is asked for", "request", r.ID, "user", a.User, "up_to", r.Seq)
		step.AddBy(&t, approvals.EventReport, a.User, a.item.Source, record.Reported{Upto: r.Seq})
		return t, nil // two who ask at once get one report
	})
	switch {
	case err != nil:
		return err
	case enough:
		return h.refuse(ctx, a, "report_again", answer)
	default:
		return h.answer(ctx, a, answer)
	}
}

// reportedAlready reports whether the log ends with a report that has all that is before it.
func reportedAlready(events []approvals.Event) bool {
	last := events[len(events)-1]
	var d record.Reported
	return last.Type == approvals.EventReport && json.Unmarshal(last.Detail, &d) == nil && d.Upto == last.Seq-1
}

// filesRefused is why a file of the thread did not come, nil if all did.
func filesRefused(events []approvals.Event) *record.FilesRefused {
	i := slices.IndexFunc(events, func(e approvals.Event) bool { return e.Type == approvals.EventFilesRefused })
	if i < 0 {
		return nil
	}
	why, _ := record.Detail[record.FilesRefused](events[i])
	return &why
}

// requestMeant finds a request by its id, or the newest that asked to revoke sessions of a role,
// else approvals.ErrUnknownRequest. A role is looked for among the newest requests first, so that a
// report can be had while AWS is away and after the role is gone.
func (h *Handlers) requestMeant(ctx context.Context, what string) (v record.View, err error) {
	if id := strings.ToUpper(what); requestID.MatchString(id) {
		if v.Request, v.Events, err = h.Store.Load(ctx, id); !errors.Is(err, approvals.ErrUnknownRequest) {
			return v, err
		}
	}
	recent, err := h.Store.Recent(ctx, recentReports)
	if err != nil {
		return v, err
	}
	if key, isKey, err := h.Cloud.ParseKey(what); isKey && err == nil {
		return h.firstOf(ctx, recent, func(role record.Role) bool { return role.Key == key.ID || role.Leaked == key.ID })
	}
	target, err := h.Cloud.Parse(what)
	if err != nil {
		return v, approvals.ErrUnknownRequest
	}
	kind := cmp.Or(target.Kind, contain.Role)
	if v, err = h.firstOf(ctx, recent, func(role record.Role) bool {
		return role.AccountID == target.Account.ID && strings.EqualFold(role.Name, target.RoleName) &&
			cmp.Or(role.Kind, contain.Role) == kind
	}); !errors.Is(err, approvals.ErrUnknownRequest) {
		return v, err
	}
	look, err := h.Roles.Look(ctx, target, nil)
	if err != nil {
		h.Log.InfoContext(ctx, "the role of a report could not be looked up", "role", target.RoleName,
			"error", aws.Explain(err))
		return v, approvals.ErrUnknownRequest
	}
	history, err := h.Store.History(ctx, subjectOf(look.Role, "").Key, recentReports)
	if err != nil {
		return v, err
	}
	return h.firstOf(ctx, history, func(of record.Role) bool { return of.ID == look.Role.ID })
}

// firstOf is the first of some requests that asked to revoke sessions of a role that is meant.
func (h *Handlers) firstOf(ctx context.Context, ids []string, meant func(record.Role) bool) (record.View, error) {
	views, err := h.LoadAll(ctx, ids)
	for _, v := range views {
		if c, err := h.Context(v.Request); err == nil && v.Request.Purpose.Mode() == approvals.ModeDo && meant(c.Role) {
			return v, nil
		}
	}
	return record.View{}, cmp.Or(err, approvals.ErrUnknownRequest)
}

// planAgain is how long one plan stands for all: it holds much of the log.
const planAgain = 5 * time.Minute

// plan reads the role of a request and records what a person needs to recreate it; the delivery
// makes the file. Nothing of it is ever carried out. Those who may request may ask.
func (h *Handlers) plan(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil || v.Request.Has(a.item.Source) {
		return err
	}
	c, err := h.Context(v.Request)
	if err != nil {
		return err
	}
	if v.Request.State != approvals.StateApplied || v.Request.Purpose.Mode() != approvals.ModeDo || c.Role.Key != "" ||
		!slices.Contains(h.Channels, a.Channel) {
		return h.noSuchRequest(ctx, a)
	}
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	recent := func(events []approvals.Event) bool {
		return slices.ContainsFunc(events, func(e approvals.Event) bool {
			return e.Type == approvals.EventPlan && now.Sub(e.At) < planAgain
		})
	}
	if recent(v.Events) {
		return h.answer(ctx, a, messages.PlanThere())
	}
	portrait, err := h.Roles.Portrait(ctx, c.Role.Principal)
	if err != nil {
		return h.refuseRole(ctx, a, err)
	}
	plan := record.Plan{Portrait: portrait, At: portrait.ServerTime}
	for _, k := range h.Measures.For(contain.Role) {
		for _, slot := range slices.Concat(k.On.Places(contain.Target{Principal: portrait.Principal})...) {
			if slot.Name != "" { // a trust policy is made again as it was read
				plan.Ours = append(plan.Ours, slot.Name)
			}
		}
	}
	plan.Fit()
	err = h.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
		if !recent(v.Events) {
			step.AddBy(&t, approvals.EventPlan, a.User, a.item.Source, plan)
		}
		return t, nil
	})
	if err != nil {
		return err
	}
	return h.answer(ctx, a, messages.PlanComing())
}
