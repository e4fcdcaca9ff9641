package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// refusedAgain is what the notes call a report that was asked for too often.
const refusedAgain = "report_again"

// recentReports is how many of the newest requests are looked through for a role before IAM is
// asked for its unique id.
const recentReports = 30

// requestID is what crypto/rand.Text makes.
var requestID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// reportCommand puts the report of a request into its thread: of the request with that id, or of
// the newest that asked to revoke sessions of that role. The sender, the workspace, the channel and
// the flood limits were looked at as for any command, the list of requesters is here.
func (h *Handlers) reportCommand(ctx context.Context, item approvals.Item, c Command, to Listener, what string) error {
	what, _ = splitCommand(what)
	if what == "" {
		h.whisper(ctx, to, messages.ReportUsage())
		return nil
	}
	if allowed, standing := h.mayRequest(ctx, c.User); !allowed {
		return h.refuse(ctx, item, c, to, "requester", messages.NotForReport(standing))
	}
	r, events, err := h.requestMeant(ctx, what)
	switch {
	case errors.Is(err, approvals.ErrUnknownRequest):
		return h.refuse(ctx, item, c, to, "unknown_request", messages.ReportNowhere(what))
	case err != nil:
		return err
	case !slices.Contains(h.Channels, r.Place.Channel) || h.place(c.Team, c.App, r.Place.Channel) != r.Place:
		return h.refuse(ctx, item, c, to, "unknown_request", messages.ReportNowhere(what))
	}
	return h.report(ctx, item, to, r, events, func(m *messages.Message) error {
		return h.refuse(ctx, item, c, to, refusedAgain, m)
	})
}

// reportClick does the same for the button in a request's thread.
func (h *Handlers) reportClick(ctx context.Context, item approvals.Item, c Click, to Listener) error {
	r, events, err := h.Store.Load(ctx, c.Value)
	switch {
	case errors.Is(err, approvals.ErrUnknownRequest):
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	case err != nil:
		return err
	case h.place(c.Team, c.App, c.Channel) != r.Place || !slices.Contains(h.Channels, c.Channel):
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	to.Drill = r.Purpose.Mode() == approvals.ModeDrill
	if allowed, standing := h.mayRequest(ctx, c.User); !allowed {
		return h.refuseClick(ctx, item, to, "requester", c.Message, c.Value, messages.NotForReport(standing))
	}
	return h.report(ctx, item, to, r, events, func(m *messages.Message) error {
		return h.refuseClick(ctx, item, to, refusedAgain, c.Message, c.Value, m)
	})
}

// report records a request for the report; the delivery makes it from the log and puts it into the
// thread. When nothing happened since the last one, that one is the answer, unless Slack refused
// files: then it may not have arrived, and a few more are made. refuse answers requests beyond
// that.
func (h *Handlers) report(
	ctx context.Context, item approvals.Item, to Listener, r approvals.Request, events []approvals.Event,
	refuse func(m *messages.Message) error,
) error {
	to.Drill = r.Purpose.Mode() == approvals.ModeDrill
	link := ""
	if d, err := h.Store.Delivered(ctx, r.ID); err != nil {
		return err
	} else if d.Card != "" {
		link = h.Slack.Link(r.Place.Channel, d.Card)
	}
	var answer *messages.Message
	var enough, asked bool
	read := record.View{Request: r, Events: events}
	err := h.ChangeFrom(ctx, read, func(v record.View) (t approvals.Transition, err error) {
		r = v.Request
		why, refused := filesRefused(v.Events)
		answer, enough, asked = messages.ReportComing(r, link), false, false
		if refused {
			answer = messages.ReportDoubtful(r, link, why)
		}
		switch {
		case r.Has(item.Source): // by a try before this one, which may not have come so far as to say so
			return t, nil
		case refused:
			wait, err := h.reportFlood(ctx, item, r.ID)
			if enough = wait > 0; enough {
				answer = messages.ReportEnough(r, why, reportsAgain, reportWindow, wait)
			}
			if enough || err != nil {
				return t, err
			}
		case reportedAlready(v.Events):
			answer = messages.ReportThere(r, link)
			return t, nil
		}
		asked = true
		err = step.AddBy(&t, approvals.EventReport, to.User, item.Source, record.Reported{Upto: r.Seq})
		return t, err // two who ask at once get one report
	})
	switch {
	case err != nil:
		return err
	case enough:
		return refuse(answer)
	case asked:
		h.Log.InfoContext(ctx, "a report was asked for", "request", r.ID, "user", to.User, "up_to", r.Seq)
	}
	h.whisper(ctx, to, answer)
	return nil
}

// reportedAlready reports whether the log ends with a report that has all that is before it.
func reportedAlready(events []approvals.Event) bool {
	last := events[len(events)-1]
	var d record.Reported
	return last.Type == approvals.EventReport && json.Unmarshal(last.Detail, &d) == nil && d.Upto == last.Seq-1
}

// filesRefused reports whether Slack refused a file of the thread, and why.
func filesRefused(events []approvals.Event) (why record.FilesRefused, refused bool) {
	i := slices.IndexFunc(events, func(e approvals.Event) bool { return e.Type == approvals.EventFilesRefused })
	if i < 0 {
		return record.FilesRefused{}, false
	}
	if err := json.Unmarshal(events[i].Detail, &why); err != nil {
		return record.FilesRefused{}, true // the reason is told as not known
	}
	return why, true
}

// requestMeant finds a request by its id, or the newest that asked to revoke sessions of a role,
// else approvals.ErrUnknownRequest. A role is looked for among the newest requests first, so that a
// report can be had while AWS is away and after the role is gone.
func (h *Handlers) requestMeant(ctx context.Context, what string) (approvals.Request, []approvals.Event, error) {
	if id := strings.ToUpper(what); requestID.MatchString(id) {
		if r, events, err := h.Store.Load(ctx, id); !errors.Is(err, approvals.ErrUnknownRequest) {
			return r, events, err
		}
	}
	target, err := h.Cloud.Parse(what)
	if err != nil {
		return approvals.Request{}, nil, approvals.ErrUnknownRequest
	}
	recent, err := h.Store.Recent(ctx, recentReports)
	if err != nil {
		return approvals.Request{}, nil, err
	}
	if r, events, err := h.firstOf(ctx, recent, func(role record.Role) bool {
		return role.AccountID == target.Account.ID && strings.EqualFold(role.Name, target.RoleName)
	}); !errors.Is(err, approvals.ErrUnknownRequest) {
		return r, events, err
	}
	look, err := h.Roles.Look(ctx, target, nil)
	if err != nil {
		h.Log.InfoContext(ctx, "the role of a report could not be looked up", "role", target.RoleName,
			"error", aws.Explain(err))
		return approvals.Request{}, nil, approvals.ErrUnknownRequest
	}
	history, err := h.Store.History(ctx, subjectKey(look.Role), recentReports)
	if err != nil {
		return approvals.Request{}, nil, err
	}
	return h.firstOf(ctx, history, func(of record.Role) bool { return of.ID == look.Role.ID })
}

// firstOf is the first of some requests that asked to revoke sessions of a role that is meant.
func (h *Handlers) firstOf(
	ctx context.Context, ids []string, meant func(record.Role) bool,
) (approvals.Request, []approvals.Event, error) {
	for _, id := range ids {
		r, events, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			continue
		}
		if err != nil {
			return approvals.Request{}, nil, err
		}
		c, err := h.Context(r)
		if err == nil && r.Purpose.Mode() == approvals.ModeDo && meant(c.Role) {
			return r, events, nil
		}
	}
	return approvals.Request{}, nil, approvals.ErrUnknownRequest
}
