package investigate

import (
	"context"
	"fmt"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// KindActivity is an item that asks what a session did that was chosen from the menu.
const KindActivity = "activity"

// choice is the body of an activity item.
type choice struct {
	Mark string `json:"mark"` // of the session
	By   string `json:"by"`   // who chose it
}

// ActivityItem asks what the session with a mark did; by chose it by the item from source.
func ActivityItem(request, source, mark, by string) approvals.Item {
	return approvals.Item{
		Kind: KindActivity, Request: request, Source: "activity for " + source, Body: step.Body(choice{mark, by}),
	}
}

// Activity finds out what a chosen session did, and which roles it assumed.
func (inv *Investigator) Activity(ctx context.Context, item approvals.Item) error {
	c, err := step.BodyOf[choice](item)
	if err != nil {
		return err
	}
	q, err := inv.inquire(ctx, item, Look{})
	if q == nil || err != nil {
		return err
	}
	told, session, err := q.chosenBy(c)
	if err != nil {
		return err
	}
	if q.role.Key == "" { // a key and its sessions are asked about by the key
		session.RoleARN = q.role.ARN
	}
	chain, err := inv.Trail.Chain(ctx, trail.ChainQuery{
		RoleARN: q.role.ARN, ActivityQuery: q.asking([]trail.Session{session}, nil),
	})
	a, looked := chain.Roots[session.ID()]
	if err != nil {
		if again := q.retry(ctx, "a chosen session could not be looked up", err); again != nil {
			return again
		}
	}
	switch {
	case err != nil:
		told.Failed = step.Explained(err)
	case !looked:
		told.Failed = "CloudTrail did not answer about its key."
	default:
		told.Sessions = []record.SessionActivity{activityOf(session, a, a.Elsewhere(session))}
		told.Chain, told.MoreLinks = links(q.role, chain.Links)
		told.Partly = partly(chain.Regions, chain.Truncated)
	}
	t := step.Appending(q.request.ID)
	t.Events = []approvals.Event{{Type: approvals.EventActivity, Source: item.Source, Detail: fitActivity(&told)}}
	return inv.Store.Commit(ctx, t)
}

// chosenBy finds a choice in the log. The item is not signed; the log is.
func (q *investigation) chosenBy(c choice) (record.Activity, trail.Session, error) {
	made := false
	for e, chosen := range record.All[record.Chosen](q.events, approvals.EventChosen) {
		made = made || e.By == c.By && chosen.Mark == c.Mark
	}
	sessions := record.Gather(q.events).Sessions
	i := slices.IndexFunc(sessions, func(s record.Session) bool { return s.Mark() == c.Mark })
	if !made || i < 0 {
		return record.Activity{}, trail.Session{},
			fmt.Errorf("%w: the session %q was not chosen", step.ErrNotAnItem, c.Mark)
	}
	s := sessions[i]
	return record.Activity{Chosen: c.Mark, Asked: c.By, Session: &s}, s.Session, nil
}
