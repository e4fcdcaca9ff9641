package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// KindRemind is the item that reminds approvers of a request that is open.
const KindRemind = "remind"

// Sources of the two reminders, which are also what makes each of them happen once.
const (
	remindHalf = "remind half"
	remindLast = "remind last"
)

const (
	// lastCall is how long before the deadline the last reminder comes, or a tenth of the time when
	// that is shorter.
	lastCall = 2 * time.Minute
	// shortest is the shortest time to decide in which people are reminded at all: the first call is
	// not over before.
	shortest = time.Minute
	// maxAsked is how many people a reminder names in place of a group that some of them are done
	// with.
	maxAsked = 10
)

// reminder is the body of a remind item.
type reminder struct {
	Last bool `json:"last,omitempty"` // no other follows
}

func remindItem(id, source string, r reminder) approvals.Item {
	return approvals.Item{Kind: KindRemind, Request: id, Source: source, Body: step.Body(r)}
}

// Calls are the timers of a request that people have so long to decide: for those who are not in
// the channel, and the reminders.
func Calls(id string, expireAfter time.Duration) []approvals.Due {
	due := []approvals.Due{callOutDue(id)}
	if expireAfter < shortest {
		return due
	}
	return append(due,
		approvals.Due{After: expireAfter / 2, Item: remindItem(id, remindHalf, reminder{})},
		approvals.Due{After: expireAfter - lead(expireAfter), Item: remindItem(id, remindLast, reminder{Last: true})})
}

// lead is how long before the deadline the last reminder comes.
func lead(expireAfter time.Duration) time.Duration { return min(lastCall, expireAfter/10) }

// Remind records that the approvers are to be reminded, if the request is open and approvals are
// missing. One that comes so late that the next is due as well is left to that one.
func (s *Sender) Remind(ctx context.Context, item approvals.Item) error {
	asked, err := step.BodyOf[reminder](item)
	if err != nil {
		return err
	}
	return s.Change(ctx, item.Request, func(v record.View) (t approvals.Transition, err error) {
		r, last := v.Request, asked.Last
		over := r.Deadline
		if !last {
			over = over.Add(-lead(r.Deadline.Sub(r.Opened)))
		}
		if r.State != approvals.StateOpen || r.Has(item.Source) || !v.Now.Before(over) {
			return t, nil
		}
		t.When = approvals.BeforeDeadline
		step.Add(&t, approvals.EventReminded, item.Source, record.Reminder{Ask: s.stillAsked(ctx, r), Last: last})
		return t, nil
	})
}

// stillAsked are those on the list who can still do something: not the requester and not those who
// approved. A group that one of the latter is in is named by the others of it, unless they are many
// or cannot be looked up.
func (s *Sender) stillAsked(ctx context.Context, r approvals.Request) []string {
	done := append(r.Voters(), r.Requester)
	var ask []string
	for _, id := range s.Policies[r.Subject.Group].Approvers {
		if !approvals.IsGroup(id) || len(r.Votes) == 0 {
			ask = append(ask, id)
			continue
		}
		members, err := s.slack.GroupMembers(ctx, id)
		if err != nil {
			s.Log.WarnContext(ctx, "a user group could not be looked up; a reminder names all of it", "group", id, "error", err)
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
