package deliver

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// KindCallOut is the item that tells approvers who are not in the channel of a request that it
// waits for them.
const KindCallOut = "call_out"

const (
	// callOutAfter is how long after its opening a request's card is looked for; the mention in the
	// thread comes first.
	callOutAfter = 2 * time.Second
	// callOutTries is how often what Slack does not answer or take yet is tried: for about a quarter
	// of an hour.
	callOutTries = 20
	// maxCalledOut is how many people are told at most.
	maxCalledOut = 20
)

// callOutDue is the timer of a request that was just opened.
func callOutDue(id string) approvals.Due {
	return approvals.Due{After: callOutAfter, Item: approvals.Item{Kind: KindCallOut, Request: id, Source: "call out"}}
}

// CallOut tells approvers who are not members of the channel, one direct message each, where the
// card is. Those who are in the channel were mentioned there. Failures are logged.
// The thread reports them only when no approver can have heard of the request.
func (s *Sender) CallOut(ctx context.Context, item approvals.Item) error {
	r, events, err := s.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if r.State != approvals.StateOpen || r.Has(item.Source) {
		return nil
	}
	link, err := s.CardLink(ctx, r)
	if err != nil {
		return err
	}
	if link == "" {
		return &step.Again{After: step.RetryAfter(item.Attempt)} // the card is not there yet
	}
	outside, inside, err := s.approversOutside(ctx, r)
	if _, ofSlack := errors.AsType[*SlackError](err); ofSlack {
		if kind, _ := KindOf(err); (kind == SlackPassing || kind == SlackUnsure) && item.Attempt < callOutTries {
			return &step.Again{After: waitFor(err, item.Attempt)}
		}
		s.Log.WarnContext(ctx, "Slack did not say which approvers are not in the channel; none was sent a DM",
			"request", item.Request, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	c, err := s.Context(r)
	if err != nil {
		return err
	}
	heard, passing, err := s.tellEach(ctx, r, events, "call out ", outside, c.Leaving(messages.CallOut(r, c, link)))
	switch {
	case err != nil:
		return err
	case passing != nil && item.Attempt < callOutTries:
		return &step.Again{After: waitFor(passing, item.Attempt)}
	case heard, len(inside) > 0:
		return nil
	}
	s.Log.WarnContext(ctx, "no approver can have heard of a request", "request", r.ID, "channel", r.Place.Channel)
	return s.Remark(ctx, r.ID, approvals.EventDirect, item.Source, record.Direct{About: record.DirectCall, Nobody: true})
}

// approversOutside lists the approvers of a request who are not in its channel and those who are:
// full members other than the requester and those who approved, up to a bound.
func (s *Sender) approversOutside(ctx context.Context, r approvals.Request) (outside, inside []string, err error) {
	var side errgroup.Group
	var members, listed []string
	side.Go(func() (err error) { members, err = s.slack.Members(ctx, r.Place.Channel); return err })
	side.Go(func() (err error) {
		listed, err = s.Policies[r.Subject.Group].People(func(group string) ([]string, error) {
			return s.slack.GroupMembers(ctx, group)
		})
		return err
	})
	if err := side.Wait(); err != nil {
		return nil, nil, err
	}
	for _, id := range listed {
		switch {
		case id == r.Requester || r.VotedBy(id):
		case slices.Contains(members, id):
			inside = append(inside, id)
		case len(outside) < maxCalledOut:
			person, err := s.slack.Person(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			if person.Standing(s.slack.Home()) == approvals.FullMember {
				outside = append(outside, id)
			}
		}
	}
	return outside, inside, nil
}
