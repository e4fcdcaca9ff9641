package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// sameChoice is how long one choice of a session stands for all: CloudTrail has nothing new sooner.
const sameChoice = time.Minute

// maxChoices bounds the choices in the log of one request: each can bring a long answer, and no
// person must be able to make the log long.
const maxChoices = 100

// choose takes a session that was chosen from the menu. The check itself is slow work of its own.
// Full members who can read the channel may choose; the value says which session, and everything
// else is looked up.
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
	if n := step.CountOf(events, approvals.EventChosen); n >= maxChoices {
		return h.refuseClick(ctx, item, to, "too_many_choices", c.Message, c.Value, messages.ChosenEnough(n))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(events, func(e approvals.Event) bool {
		var earlier record.Chosen
		return e.Type == approvals.EventChosen && json.Unmarshal(e.Detail, &earlier) == nil && earlier.Mark == mark &&
			now.Sub(e.At) < sameChoice
	}) {
		h.whisper(ctx, to, messages.ChosenAlready())
		return nil
	}
	t := step.Appending(r.ID)
	if err := step.AddBy(&t, approvals.EventChosen, c.User, item.Source, record.Chosen{Mark: mark}); err != nil {
		return err
	}
	t.Work = []approvals.Item{investigate.ActivityItem(r.ID, item.Source, mark, c.User)}
	if err := h.Store.Commit(ctx, t); err != nil {
		return err
	}
	h.whisper(ctx, to, messages.ChosenNow())
	return nil
}

// marked reads what a button or menu of the thread means: the request, its log and the mark. The
// mark is "" when the click leads nowhere; the sender then has an answer already.
func (h *Handlers) marked(
	ctx context.Context, item approvals.Item, c Click, to Listener,
) (approvals.Request, []approvals.Event, string, error) {
	id, mark := messages.PartsOf(c.Value)
	r, events, err := h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil &&
		(mark == "" || h.place(c.Team, c.App, c.Channel) != r.Place) {
		return approvals.Request{}, nil, "", h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	return r, events, mark, err
}
