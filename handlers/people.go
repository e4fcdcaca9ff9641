package handlers

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
)

// facts looks up, side by side and now, what the directory says of somebody and which of the groups they are in. What
// could not be looked up stays unknown, which never passes.
func (h *Handlers) facts(ctx context.Context, id string, groups []string) approvals.Facts {
	var person approvals.Person
	memberships := make([]approvals.Membership, len(groups))
	var lookups errgroup.Group
	lookups.Go(func() error {
		found, err := h.Slack.Person(ctx, id)
		if err != nil {
			h.Log.WarnContext(ctx, "a person could not be looked up", "user", id, "error", err)
			return nil
		}
		person = found
		return nil
	})
	for i, group := range groups {
		lookups.Go(func() error {
			members, err := h.Slack.GroupMembers(ctx, group)
			if err != nil {
				h.Log.WarnContext(ctx, "a user group could not be looked up", "group", group, "error", err)
				return nil
			}
			memberships[i] = approvals.NotMember
			if slices.Contains(members, id) {
				memberships[i] = approvals.Member
			}
			return nil
		})
	}
	_ = lookups.Wait() // the functions return nil: a failed look-up leaves its zero value
	f := approvals.Facts{Person: person, Groups: make(map[string]approvals.Membership, len(groups))}
	for i, group := range groups {
		f.Groups[group] = memberships[i]
	}
	return f
}

// factsFor looks up what a policy needs to know of somebody: the groups only when they are not named themselves.
func (h *Handlers) factsFor(ctx context.Context, id string, p approvals.Policy) approvals.Facts {
	if slices.Contains(p.Approvers, id) {
		return h.facts(ctx, id, nil)
	}
	return h.facts(ctx, id, p.GroupIDs())
}

// mayRequest says whether somebody may ask for a revocation. The standing is FullMember when only the list keeps them
// from it.
func (h *Handlers) mayRequest(ctx context.Context, id string) (bool, approvals.Standing) {
	list := approvals.Policy{Approvers: h.Requesters, Required: 1}
	f := h.factsFor(ctx, id, list)
	if f.Person.ID != id {
		return false, approvals.StandingUnknown
	}
	standing := f.Person.Standing(h.Slack.Home())
	if standing != approvals.FullMember {
		return false, standing
	}
	if len(h.Requesters) == 0 {
		return true, standing
	}
	switch refusal := approvals.MayDecide(id, f, h.Slack.Home(), list); refusal.Code {
	case "":
		return true, standing
	case approvals.RefusedLookupFailed:
		return false, approvals.StandingUnknown
	default:
		return false, standing
	}
}
