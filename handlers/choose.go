package handlers

import (
	"context"
	"encoding/json"
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
func (h *Handlers) choose(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil || v.Request.Has(a.item.Source) {
		return err
	}
	at := slices.IndexFunc(record.Gather(v.Events).Sessions, func(s record.Session) bool { return s.Mark() == a.mark })
	if at < 0 || v.Request.State != approvals.StateApplied {
		return h.noSuchRequest(ctx, a)
	}
	standing := h.facts(ctx, a.User, approvals.Policy{}).Person.Standing(h.Slack.Home())
	if standing != approvals.FullMember {
		return h.refuse(ctx, a, "not_full_member", messages.NotEntitled(standing))
	}
	if n := step.CountOf(v.Events, approvals.EventChosen); n >= maxChoices {
		return h.refuse(ctx, a, "too_many_choices", messages.ChosenEnough(n))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(v.Events, func(e approvals.Event) bool {
		var earlier record.Chosen
		return e.Type == approvals.EventChosen && json.Unmarshal(e.Detail, &earlier) == nil && earlier.Mark == a.mark &&
			now.Sub(e.At) < sameChoice
	}) {
		return h.answer(ctx, a, messages.ChosenAlready())
	}
	t := step.Appending(a.request)
	step.AddBy(&t, approvals.EventChosen, a.User, a.item.Source, record.Chosen{Mark: a.mark})
	t.Work = []approvals.Item{investigate.ActivityItem(a.request, a.item.Source, a.mark, a.User)}
	if err := h.Store.Commit(ctx, t); err != nil {
		return err
	}
	return h.answer(ctx, a, messages.ChosenNow())
}
