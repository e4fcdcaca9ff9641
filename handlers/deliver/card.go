package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// CardLink is the address of a request's card, empty while it is not known.
func (s *Sender) CardLink(ctx context.Context, r approvals.Request) (string, error) {
	d, err := s.Store.Delivered(ctx, r.ID)
	if err != nil || d.Card == "" {
		return "", err
	}
	return s.slack.Link(r.Place.Channel, d.Card), nil
}

// CloseWithoutCard ends a request whose card can never be posted. It reports false when the request
// is not open any more, and when people can see it: then the thread catches up.
func (s *Sender) CloseWithoutCard(ctx context.Context, id, slackError string) (bool, error) {
	return s.Close(ctx, id, func(v record.View) bool {
		return step.Opened(v) && v.Card == ""
	}, func(approvals.Request) step.Failure {
		return step.Failure{Sentence: messages.CardImpossibleReason(slackError)}
	})
}

// cardAge is how old a request is before its card is looked for: Slack has it by then.
const cardAge = 30 * time.Second

// WithoutCard checks whether the card of an open request was deleted, and then ends the request: no
// approver can decide it. It reports false where that is not known.
func (s *Sender) WithoutCard(ctx context.Context, id string) (bool, error) {
	v, err := s.View(ctx, id)
	if err != nil || v.Card == "" || !step.Opened(v) || v.Now.Sub(v.Request.Opened) < cardAge {
		return false, err
	}
	look, cancel := context.WithTimeout(ctx, deliveryCall)
	defer cancel()
	ts, err := s.slack.Find(look, v.Request.Place.Channel, "", Mark{Request: id}, v.Request.Opened)
	if err != nil {
		s.Log.WarnContext(ctx, "Slack did not say whether a card is still there", "request", id, "error", err)
		return false, nil
	}
	if ts != "" {
		return false, nil
	}
	s.Log.WarnContext(ctx, "the card of an open request was deleted; the request ends, and the role can be asked for "+
		"again", "request", id)
	return s.cardDeleted(ctx, id)
}

// NowhereToTell reports whether a request has ended and never had a card.
func (s *Sender) NowhereToTell(ctx context.Context, id string) (bool, error) {
	v, err := s.View(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return v.Card == "", nil
	}
	return v.Card == "" && v.Request.State.Ended(), err
}
