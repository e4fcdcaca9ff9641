package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// KindRemind is the item that reminds approvers of a request that is open.
const KindRemind = "remind"

// Sources of the two reminders, which are also what makes each of them happen once.
const (
	remindHalf = "remind half"
	remindLast = "remind last"
)

const (
	// lastCall is how long before the deadline the last reminder comes, or a tenth of the time when that is shorter.
	lastCall = 2 * time.Minute
	// shortest is the shortest time to decide in which people are reminded at all: the first call is not over before.
	shortest = time.Minute
	// maxAsked is how many people a reminder names in place of a group that some of them are done with.
	maxAsked = 10
)

// calls are the timers of a request that people have so long to decide: for those who are not in the channel, and the
// reminders.
func calls(id string, expireAfter time.Duration) []approvals.Due {
	due := []approvals.Due{callOutDue(id)}
	if expireAfter < shortest {
		return due
	}
	return append(due, []approvals.Due{
		{After: expireAfter / 2, Item: approvals.Item{Kind: KindRemind, Request: id, Source: remindHalf}},
		{After: expireAfter - lead(expireAfter), Item: approvals.Item{Kind: KindRemind, Request: id, Source: remindLast}},
	}...)
}

// lead is how long before the deadline the last reminder comes.
func lead(expireAfter time.Duration) time.Duration { return min(lastCall, expireAfter/10) }

// remind records that the approvers are to be reminded, if the request is open and approvals are missing. One that comes
// so late that the next is due as well is left to that one.
func (h *Handlers) remind(ctx context.Context, item approvals.Item) error {
	for range maxDecisions {
		r, _, err := h.Store.Load(ctx, item.Request)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.State != approvals.StateOpen || r.Has(item.Source) {
			return nil
		}
		now, err := h.Store.Now(ctx)
		if err != nil {
			return err
		}
		last := item.Source == remindLast
		if !last && !now.Before(r.Deadline.Add(-lead(r.Deadline.Sub(r.Opened)))) {
			return nil
		}
		t := approvals.Transition{RequestID: r.ID, Expect: r.Seq, When: approvals.BeforeDeadline}
		if err := add(&t, approvals.EventReminded, item.Source, record.Reminder{Ask: h.stillAsked(ctx, r), Last: last}); err != nil {
			return err
		}
		switch err := h.Store.Commit(ctx, t); {
		case errors.Is(err, approvals.ErrTooLate):
			return nil
		case !errors.Is(err, approvals.ErrConflict):
			return err
		}
	}
	return &Again{After: time.Second}
}

// stillAsked are those on the list who can still do something: not the requester and not those who approved. A group that
// one of the latter is in is named by the others of it, unless they are many or cannot be looked up.
func (h *Handlers) stillAsked(ctx context.Context, r approvals.Request) []string {
	done := append(r.Voters(), r.Requester)
	var ask []string
	for _, id := range h.Policies[r.Subject.Group].Approvers {
		if !approvals.IsGroup(id) || len(r.Votes) == 0 {
			ask = append(ask, id)
			continue
		}
		members, err := h.Slack.GroupMembers(ctx, id)
		if err != nil {
			h.log.WarnContext(ctx, "a user group could not be looked up; a reminder names all of it", "group", id, "error", err)
		}
		finished := func(m string) bool { return slices.Contains(done, m) }
		if err != nil || !slices.ContainsFunc(members, finished) || len(members) > maxAsked {
			ask = append(ask, id)
			continue
		}
		ask = append(ask, members...)
	}
	var named []string
	for _, id := range ask {
		if !slices.Contains(done, id) && !slices.Contains(named, id) {
			named = append(named, id)
		}
	}
	return named
}
