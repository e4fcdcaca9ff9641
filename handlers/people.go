package handlers

import (
	"context"
	"slices"
	"sync"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
)

// facts looks up, side by side and now, what a policy needs to know of a person: their directory
// record and, unless the policy names them, which of its groups they are in. What could not be
// looked up stays unknown, which never passes.
func (h *Handlers) facts(ctx context.Context, id string, p approvals.Policy) approvals.Facts {
	f := approvals.Facts{Groups: make(map[string]approvals.Membership)}
	var lookups sync.WaitGroup
	lookups.Go(func() {
		person, err := h.Slack.Person(ctx, id)
		if err != nil {
			h.Log.WarnContext(ctx, "a person could not be looked up", "user", id, "error", err)
			return
		}
		f.Person = person
	})
	groups := p.GroupIDs()
	if slices.Contains(p.Approvers, id) {
		groups = nil
	}
	in := make([]approvals.Membership, len(groups))
	for i, group := range groups {
		lookups.Go(func() {
			members, err := h.Slack.GroupMembers(ctx, group)
			switch {
			case err != nil:
				h.Log.WarnContext(ctx, "a user group could not be looked up", "group", group, "error", err)
			case slices.Contains(members, id):
				in[i] = approvals.Member
			default:
				in[i] = approvals.NotMember
			}
		})
	}
	lookups.Wait()
	for i, group := range groups {
		f.Groups[group] = in[i]
	}
	return f
}

// mayRequest reports whether a person may ask for a revocation. The standing is FullMember when
// only the list keeps them from it.
func (h *Handlers) mayRequest(ctx context.Context, id string) (bool, approvals.Standing) {
	list := approvals.Policy{Approvers: h.Requesters, Required: 1}
	f := h.facts(ctx, id, list)
	standing := f.Person.Standing(h.Slack.Home())
	switch {
	case f.Person.ID != id:
		return false, approvals.StandingUnknown
	case standing != approvals.FullMember, len(h.Requesters) == 0:
		return standing == approvals.FullMember, standing
	}
	why := approvals.MayDecide(id, f, h.Slack.Home(), list).Code
	if why == approvals.RefusedLookupFailed {
		standing = approvals.StandingUnknown
	}
	return why == "", standing
}

// quorumBatch is how many people are looked up side by side; users.info takes about a hundred a
// minute.
const quorumBatch = 8

// quorum reports whether enough people besides the requester could approve, so that no requester
// waits for an approval that cannot come. It stops looking as soon as there are enough. What cannot
// be looked up does not stop a request: an approver is looked up again at the click.
func (h *Handlers) quorum(ctx context.Context, requester string, p approvals.Policy) (bool, []messages.Candidate) {
	var why []messages.Candidate
	people, err := p.People(func(group string) ([]string, error) {
		members, err := h.Slack.GroupMembers(ctx, group)
		if err != nil {
			h.Log.WarnContext(ctx, "a user group could not be looked up", "group", group, "error", err)
		} else if len(members) == 0 {
			why = append(why, messages.Candidate{ID: group, Why: "the group is empty or disabled"})
		}
		return members, err
	})
	if err != nil {
		return true, nil
	}
	able := 0
	for batch := range slices.Chunk(people, quorumBatch) {
		standings := make([]approvals.Standing, len(batch))
		var lookups sync.WaitGroup
		for i, id := range batch {
			if id == requester {
				continue
			}
			lookups.Go(func() {
				person, err := h.Slack.Person(ctx, id)
				standings[i] = person.Standing(h.Slack.Home())
				if err != nil {
					h.Log.WarnContext(ctx, "a person could not be looked up", "user", id, "error", err)
					standings[i] = approvals.FullMember // not known to be unable
				}
			})
		}
		lookups.Wait()
		for i, id := range batch {
			switch {
			case id == requester:
				why = append(why, messages.Candidate{ID: id, Why: "you, the requester"})
			case standings[i] == approvals.FullMember:
				why = append(why, messages.Candidate{ID: id, Why: "could approve"})
				able++
			default:
				why = append(why, messages.Candidate{ID: id, Why: "cannot, " + standings[i].String()})
			}
		}
		if able >= p.Required {
			return true, nil
		}
	}
	return false, why
}

// kindPolicies is what replicas tell one another: how many approvals each asks for, by account.
const kindPolicies = "policies"

// Announce tells the other replicas how many approvals this one asks for in each account, and
// returns the most that any of them has asked for of late.
func (h *Handlers) Announce(ctx context.Context) (map[string]int, error) {
	most := make(map[string]int)
	for account, p := range h.Policies {
		most[account] = p.Required
	}
	said, err := h.Store.Announce(ctx, approvals.Item{Kind: kindPolicies, Body: step.Body(most)})
	for _, item := range said {
		other, _ := step.BodyOf[map[string]int](item) // what cannot be read asks for nothing
		for account, n := range other {
			most[account] = max(most[account], min(n, approvals.MaxRequired))
		}
	}
	return most, err
}
