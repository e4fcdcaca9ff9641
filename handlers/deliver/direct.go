package deliver

import (
	"context"
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// KindOutcome is the item that tells the people of a request by direct message what became of it.
const KindOutcome = "outcome"

const (
	// shutOutAfter is how long a channel has refused what there is to tell before people are told
	// directly.
	shutOutAfter = time.Minute
	// outcomeTries is how often a direct message is tried that Slack does not take yet: for some three
	// hours.
	outcomeTries = 200
	sourceShut   = "shut out"
)

// refusedChannel sends a DM to the people of a request whose channel has refused for a while
// what there is to tell. The thread goes on being tried.
func (s *Sender) refusedChannel(ctx context.Context, id, code string) error {
	_, events, err := s.Store.Load(ctx, id)
	if err != nil {
		return err
	}
	d, err := s.Store.Delivered(ctx, id)
	if err != nil || d.Cursor >= int64(len(events)) {
		return err
	}
	now, err := s.Store.Now(ctx)
	if err != nil || now.Sub(events[d.Cursor].At) < shutOutAfter {
		return err
	}
	return s.shutOut(ctx, id, code)
}

// threadGone records that the thread is gone. Later messages go to the channel, and the outcome is
// sent by DM as well. deleted says that the card is known to be gone; without one no approver can
// decide, so an open request ends.
//
// It comes before the mark of what it was noticed by, so that a replica which dies here notices
// again.
func (d *delivery) threadGone(ctx context.Context, deleted bool) error {
	d.loose = true
	if deleted {
		if _, err := d.cardDeleted(ctx, d.id); err != nil {
			return err
		}
	}
	return d.shutOut(ctx, d.id, record.CodeThreadGone)
}

// cardDeleted ends an open request whose card was deleted. It reports false when the request is not
// open any more.
func (s *Sender) cardDeleted(ctx context.Context, id string) (bool, error) {
	return s.Close(ctx, id, step.Opened, func(approvals.Request) step.Failure {
		return step.Failure{Sentence: messages.CardDeletedReason}
	})
}

// shutOut records, once, that a request has ended and its people cannot read that in its thread,
// and queues their DMs.
func (s *Sender) shutOut(ctx context.Context, id, code string) error {
	r, _, err := s.Store.Load(ctx, id)
	if err != nil {
		return err
	}
	// The person who cancelled a request knows.
	if !r.State.Ended() || r.State == approvals.StateCancelled || r.Has(sourceShut) {
		return nil
	}
	s.Log.WarnContext(ctx, "the outcome of a request cannot be posted in its thread; its people get it by DM",
		"request", id, "channel", r.Place.Channel, "code", code)
	t := step.Appending(id)
	t.Work = []approvals.Item{{Kind: KindOutcome, Request: id, Source: "outcome"}}
	step.Add(&t, approvals.EventShutOut, sourceShut, record.ShutOut{Code: code})
	return s.Store.Commit(ctx, t)
}

// Outcome tells the requester and those who approved what became of a request, each once.
func (s *Sender) Outcome(ctx context.Context, item approvals.Item) error {
	r, events, err := s.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if !r.Has(sourceShut) || r.Requester == "" {
		return nil // the log says of no reason to, or of no person
	}
	c, err := s.Context(r)
	if err != nil {
		return err
	}
	why := record.WhyDirect(events)
	people := append([]string{r.Requester}, r.Voters()...)
	_, passing, err := s.tellEach(ctx, r, events, "outcome ", people, c.Leaving(messages.Outcome(r, events, c, why)))
	if passing == nil || err != nil {
		return err
	}
	if item.Attempt >= outcomeTries {
		s.Log.ErrorContext(ctx, "the people of a request were not told of its outcome", "request", r.ID, "error", passing)
		return nil
	}
	return &step.Again{After: waitFor(passing, item.Attempt)}
}

// tellEach sends people a direct message, each once, and reports whether one of them has it, or may
// have it. passing is an error of Slack's that may pass.
func (s *Sender) tellEach(
	ctx context.Context, r approvals.Request, events []approvals.Event, source string, people []string,
	m *messages.Message,
) (heard bool, passing, err error) {
	for _, person := range people {
		told, err := s.direct(ctx, r, events, source+person, person, m)
		if kind, _ := KindOf(err); kind == SlackPassing {
			passing = err
		} else if err != nil {
			return heard, passing, err
		}
		heard = heard || told
	}
	return heard, passing, nil
}

// direct sends one person a direct message, once: the log knows it by source. told says that they
// have it, or may have it. An error of Slack's is one that may pass; what does not pass is logged
// and recorded.
//
// The record follows the message: if the bot dies between the two, the person gets it twice and not
// never. Where Slack does not say whether it took the message, it is not sent again.
func (s *Sender) direct(
	ctx context.Context, r approvals.Request, events []approvals.Event, source, person string, m *messages.Message,
) (told bool, err error) {
	for _, e := range events {
		var d record.Direct
		if e.Type == approvals.EventDirect && e.Source == source && json.Unmarshal(e.Detail, &d) == nil {
			return d.Problem == "" || d.Unsure, nil
		}
	}
	d := record.Direct{Person: person, About: record.DirectOutcome}
	if r.State == approvals.StateOpen {
		d.About = record.DirectCall
	}
	call, cancel := context.WithTimeout(ctx, deliveryCall)
	defer cancel()
	if err := s.slack.Direct(call, person, Mark{Request: r.ID}, m); err != nil {
		kind, code := KindOf(err)
		if kind == SlackPassing {
			return false, err
		}
		s.Log.WarnContext(ctx, "a direct message was not sent, or may not have been", "request", r.ID, "user", person,
			"error", err)
		d.Unsure, d.Problem = kind == SlackUnsure, code
		if d.Problem == "" {
			d.Problem = "no answer"
		}
	}
	return d.Problem == "" || d.Unsure, s.Remark(ctx, r.ID, approvals.EventDirect, source, d)
}
