package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// KindActivity is an item that asks what a session did which somebody chose from the menu.
const KindActivity = "activity"

// choice is the body of an activity item.
type choice struct {
	Mark string `json:"mark"` // of the session
	By   string `json:"by"`   // who chose it
}

// sameChoice is how long one choice of a session stands for all: CloudTrail has nothing new sooner.
const sameChoice = time.Minute

// maxChoices is how many choices the log of one request has room for: each can bring a long answer, and nobody must be able
// to make the log long.
const maxChoices = 100

// choose takes a session that somebody chose from the menu. The look itself is slow work of its own. Whoever may read the
// channel as a full member may choose; the value says which session, and everything else is looked up.
func (h *Handlers) choose(ctx context.Context, item approvals.Item, c Click, to Listener) error {
	r, events, mark, err := h.marked(ctx, item, c, to)
	if err != nil || mark == "" {
		return err
	}
	if r.Has(item.Source) {
		return nil
	}
	at := slices.IndexFunc(record.Gather(events).Sessions, func(s record.Session) bool { return s.Mark() == mark })
	if at < 0 || r.State != approvals.StateApplied {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	if standing := h.facts(ctx, c.User, nil).Person.Standing(h.Slack.Home()); standing != approvals.FullMember {
		return h.refuseClick(ctx, item, to, "not_full_member", c.Message, c.Value, messages.MembersOnly(standing))
	}
	if n := countOf(events, approvals.EventChosen); n >= maxChoices {
		return h.refuseClick(ctx, item, to, "too_many_choices", c.Message, c.Value, messages.ChosenEnough(n))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(events, func(e approvals.Event) bool {
		var earlier record.Chosen
		return e.Type == approvals.EventChosen && json.Unmarshal(e.Detail, &earlier) == nil && earlier.Mark == mark && now.Sub(e.At) < sameChoice
	}) {
		h.whisper(ctx, to, messages.ChosenAlready())
		return nil
	}
	t := appending(r.ID)
	if err := addBy(&t, approvals.EventChosen, c.User, item.Source, record.Chosen{Mark: mark}); err != nil {
		return err
	}
	t.Work = []approvals.Item{{
		Kind: KindActivity, Request: r.ID, Source: "activity for " + item.Source, Body: body(choice{mark, c.User}),
	}}
	if err := h.Store.Commit(ctx, t); err != nil {
		return err
	}
	h.whisper(ctx, to, messages.ChosenNow())
	return nil
}

func countOf(events []approvals.Event, kind approvals.EventType) (n int) {
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// marked reads what a button or menu of the thread means: the request, its log and the mark. The mark is "" when the
// click leads nowhere, and whoever clicked was told so.
func (h *Handlers) marked(ctx context.Context, item approvals.Item, c Click, to Listener) (approvals.Request, []approvals.Event, string, error) {
	id, mark := messages.PartsOf(c.Value)
	r, events, err := h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil && (mark == "" || h.place(c.Team, c.App, c.Channel) != r.Place) {
		return approvals.Request{}, nil, "", h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	return r, events, mark, err
}

// chosenActivity finds out what the session did that somebody chose, and where it went on to.
func (h *Handlers) chosenActivity(ctx context.Context, item approvals.Item) error {
	c, err := bodyOf[choice](item)
	if err != nil {
		return err
	}
	q, err := h.inquire(ctx, item, trailLook{})
	if q == nil || err != nil {
		return err
	}
	told, session, err := q.chosenBy(c)
	if err != nil {
		return err
	}
	told.Until, told.Cutoff = q.until, q.cutoff
	chain, err := h.Trail.Chain(ctx, trail.ChainQuery{
		AccountName: q.role.Account, RoleARN: q.role.ARN, Since: q.since, Until: q.until, Cutoff: q.cutoff, Depth: chainDepth, Keys: maxKeys,
		Patience: lookPatience, Sessions: []trail.Session{session},
	})
	switch a, looked := chain.Roots[session.AccessKeyID]; {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && item.Attempt < maxLooks:
		return &Again{After: retryAfter(err, item.Attempt+3)}
	case err != nil:
		h.log.WarnContext(ctx, "a chosen session was not looked up", "request", q.request.ID, "error", err)
		told.Failed = explained(err)
	case !looked:
		told.Failed = "CloudTrail did not answer about its key."
	default:
		told.Sessions = []record.SessionActivity{activityOf(session, a, a.Elsewhere(session))}
		told.Chain, told.MoreLinks = links(q.role, chain.Links)
		told.Partly = partly(chain.Regions, chain.Truncated)
	}
	detail, err := fitActivity(&told)
	if err != nil {
		return err
	}
	return h.Store.Commit(ctx, q.transition(approvals.Event{Type: approvals.EventActivity, Source: item.Source, Detail: detail}))
}

// chosenBy finds a choice in the log. The item is not signed; the log is.
func (q *inquiry) chosenBy(c choice) (record.Activity, trail.Session, error) {
	made := slices.ContainsFunc(q.events, func(e approvals.Event) bool {
		var chosen record.Chosen
		return e.Type == approvals.EventChosen && e.By == c.By &&
			json.Unmarshal(e.Detail, &chosen) == nil && chosen.Mark == c.Mark
	})
	sessions := record.Gather(q.events).Sessions
	i := slices.IndexFunc(sessions, func(s record.Session) bool { return s.Mark() == c.Mark })
	if !made || i < 0 {
		return record.Activity{}, trail.Session{}, fmt.Errorf("%w: nobody has chosen the session %q", errNotAnItem, c.Mark)
	}
	s := sessions[i]
	return record.Activity{Chosen: c.Mark, Asked: c.By, Session: &s}, s.Session, nil
}
