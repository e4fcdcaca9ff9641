package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// KindCallOut is the item that tells approvers who are not in the channel of a request that it waits for them.
const KindCallOut = "call_out"

const (
	// callOutAfter is how long after its opening a request's card is looked for; the mention in the thread comes first.
	callOutAfter = 2 * time.Second
	// callOutTries is how often what Slack does not answer or take yet is tried: for about a quarter of an hour.
	callOutTries = 20
	// maxCalledOut is how many people are told at most.
	maxCalledOut = 20
)

// callOutDue is the timer of a request that was just opened.
func callOutDue(id string) approvals.Due {
	return approvals.Due{After: callOutAfter, Item: approvals.Item{Kind: KindCallOut, Request: id, Source: "call out"}}
}

// callOut tells approvers who are not members of the channel, one direct message each, where the card is. Those who are in
// the channel were mentioned there. It is a courtesy: whatever fails is logged, and the thread is told only when nobody who
// could approve can have heard of the request.
func (h *Handlers) callOut(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if r.State != approvals.StateOpen || r.Has(item.Source) {
		return nil
	}
	link, err := h.cardLink(ctx, r)
	if err != nil {
		return err
	}
	if link == "" {
		return &Again{After: retryAfter(nil, item.Attempt)} // the card is not there yet
	}
	outside, inside, err := h.approversOutside(ctx, r)
	if err != nil {
		return h.callOutFailed(ctx, item, err)
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	heard := len(inside) > 0
	var passing error
	for _, person := range outside {
		told, err := h.direct(ctx, r, events, "call out "+person, person, c.Leaving(messages.CallOut(r, c, link)))
		if err != nil {
			if _, ofSlack := errors.AsType[*SlackError](err); !ofSlack {
				return err
			}
			passing = err
		}
		heard = heard || told
	}
	if passing != nil && item.Attempt < callOutTries {
		return &Again{After: retryAfter(passing, item.Attempt)}
	}
	if heard {
		return nil
	}
	h.log.WarnContext(ctx, "no approver can have heard of a request", "request", r.ID, "channel", r.Place.Channel)
	return h.remark(ctx, r.ID, approvals.EventDirect, item.Source, record.Direct{About: record.DirectCall, Nobody: true})
}

// callOutFailed tries again later, and in the end leaves it at the mention in the thread.
func (h *Handlers) callOutFailed(ctx context.Context, item approvals.Item, cause error) error {
	e, ok := errors.AsType[*SlackError](cause)
	switch {
	case !ok:
		return cause
	case (e.Kind == SlackPassing || e.Kind == SlackUnsure) && item.Attempt < callOutTries:
		return &Again{After: retryAfter(cause, item.Attempt)}
	}
	h.log.WarnContext(ctx, "it could not be found out which approvers are not in the channel; none was told directly", "request", item.Request, "error", cause)
	return nil
}

// approversOutside lists the approvers of a request who are not in its channel and those who are: full members other than
// the requester and those who approved, up to a bound.
func (h *Handlers) approversOutside(ctx context.Context, r approvals.Request) (outside, inside []string, err error) {
	var (
		side    errgroup.Group
		members []string
		listed  []string
	)
	side.Go(func() (err error) { members, err = h.Slack.Members(ctx, r.Place.Channel); return err })
	side.Go(func() error {
		for _, id := range h.Policies[r.Subject.Group].Approvers {
			if !approvals.IsGroup(id) {
				listed = append(listed, id)
				continue
			}
			group, err := h.Slack.GroupMembers(ctx, id)
			if err != nil {
				return err
			}
			listed = append(listed, group...)
		}
		return nil
	})
	if err := side.Wait(); err != nil {
		return nil, nil, err
	}
	slices.Sort(listed)
	for _, id := range slices.Compact(listed) {
		switch {
		case id == r.Requester || r.VotedBy(id):
		case slices.Contains(members, id):
			inside = append(inside, id)
		case len(outside) < maxCalledOut:
			person, err := h.Slack.Person(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			if person.Standing(h.Slack.Home()) == approvals.FullMember {
				outside = append(outside, id)
			}
		}
	}
	return outside, inside, nil
}
