package handlers

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// quorumBatch is how many people are looked up side by side; users.info takes about a hundred a minute.
const quorumBatch = 8

// quorum reports whether enough people besides the requester could approve, so that nobody waits for an approval that
// cannot come. It stops looking as soon as there are enough. What cannot be looked up does not stop a request: whether
// somebody may approve is looked up again when they click.
func (h *Handlers) quorum(ctx context.Context, requester string, p approvals.Policy) (bool, []messages.Candidate) {
	var why []messages.Candidate
	var people []string
	for _, id := range p.Approvers {
		if !approvals.IsGroup(id) {
			people = append(people, id)
			continue
		}
		members, err := h.Slack.GroupMembers(ctx, id)
		if err != nil {
			h.Log.WarnContext(ctx, "a user group could not be looked up", "group", id, "error", err)
			return true, nil
		}
		if len(members) == 0 {
			why = append(why, messages.Candidate{ID: id, Why: "the group is empty or disabled"})
		}
		people = append(people, members...)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	able := 0
	for batch := range slices.Chunk(people, quorumBatch) {
		verdicts := make([]approvals.Standing, len(batch))
		var lookups errgroup.Group
		for i, id := range batch {
			if id == requester {
				continue
			}
			lookups.Go(func() error {
				person, err := h.Slack.Person(ctx, id)
				if err != nil {
					h.Log.WarnContext(ctx, "a person could not be looked up", "user", id, "error", err)
					verdicts[i] = approvals.FullMember // not known to be unable
					return nil
				}
				verdicts[i] = person.Standing(h.Slack.Home())
				return nil
			})
		}
		_ = lookups.Wait() // the functions return nil
		for i, id := range batch {
			switch {
			case id == requester:
				why = append(why, messages.Candidate{ID: id, Why: "you, the requester"})
			case verdicts[i] == approvals.FullMember:
				why = append(why, messages.Candidate{ID: id, Why: "could approve"})
				able++
			default:
				why = append(why, messages.Candidate{ID: id, Why: "cannot, " + verdicts[i].String()})
			}
		}
		if able >= p.Required {
			return true, nil
		}
	}
	return false, why
}
