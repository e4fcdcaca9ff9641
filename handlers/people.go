package handlers

import (
	"context"
	"slices"
	"sync"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
)

// facts looks up, side by side and now, a person's directory record and which of the groups they
// are in. What could not be looked up stays unknown, which never passes.
func (h *Handlers) facts(ctx context.Context, id string, groups []string) approvals.Facts {
	var person approvals.Person
	memberships := make([]approvals.Membership, len(groups))
	var lookups sync.WaitGroup
	lookups.Go(func() {
		found, err := h.Slack.Person(ctx, id)
		if err != nil {
			h.Log.WarnContext(ctx, "a person could not be looked up", "user", id, "error", err)
			return
		}
		person = found
	})
	for i, group := range groups {
		lookups.Go(func() {
			members, err := h.Slack.GroupMembers(ctx, group)
			switch {
			case err != nil:
				h.Log.WarnContext(ctx, "a user group could not be looked up", "group", group, "error", err)
			case slices.Contains(members, id):
				memberships[i] = approvals.Member
			default:
				memberships[i] = approvals.NotMember
			}
		})
	}
	lookups.Wait()
	f := approvals.Facts{Person: person, Groups: make(map[string]approvals.Membership, len(groups))}
	for i, group := range groups {
		f.Groups[group] = memberships[i]
	}
	return f
}

// factsFor looks up what a policy needs to know of a person: the groups only when the policy does
// not name the person.
func (h *Handlers) factsFor(ctx context.Context, id string, p approvals.Policy) approvals.Facts {
	if slices.Contains(p.Approvers, id) {
		return h.facts(ctx, id, nil)
	}
	return h.facts(ctx, id, p.GroupIDs())
}

// mayRequest reports whether a person may ask for a revocation. The standing is FullMember when
// only the list keeps them from it.
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
