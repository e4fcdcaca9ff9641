package traces

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
)

// store draws the steps of a store that read or change a request, or take an item in.
type store struct {
	bot.Store
	t *Traces
}

// Store is a store whose steps are drawn.
func (t *Traces) Store(s bot.Store) bot.Store { return &store{s, t} }

func (s *store) step(ctx context.Context, name, request string) trace.Span {
	attributes := []attribute.KeyValue{attribute.String("db.system", "redis")}
	if onlyID(request) != "" {
		attributes = append(attributes, attrRequest.String(request))
	}
	return s.t.call(ctx, "store "+name, attributes...)
}

// done ends the span of a step. That somebody was quicker, and what the clock or the log says, is
// no failure.
func done(span trace.Span, err error) {
	switch {
	case err == nil:
		end(span, "ok", false)
	case errors.Is(err, approvals.ErrConflict):
		end(span, "conflict", false)
	case errors.Is(err, approvals.ErrTooLate):
		end(span, "too_late", false)
	case errors.Is(err, approvals.ErrTooEarly):
		end(span, "too_early", false)
	case errors.Is(err, approvals.ErrUnknownRequest):
		end(span, "unknown_request", false)
	case isForged(err):
		end(span, "forged", true)
	case errors.Is(err, approvals.ErrFull):
		end(span, "full", true)
	case errors.Is(err, approvals.ErrOneCopy):
		end(span, "one_copy", true)
	default:
		end(span, "failed", true)
	}
}

func isForged(err error) bool {
	_, ok := errors.AsType[*approvals.ForgedError](err)
	return ok
}

// Accept implements approvals.Store.
func (s *store) Accept(ctx context.Context, item approvals.Item, ids ...string) (bool, error) {
	span := s.step(ctx, "accept", "")
	fresh, err := s.Store.Accept(ctx, item, ids...)
	done(span, err)
	return fresh, err
}

// Open implements approvals.Store.
func (s *store) Open(
	ctx context.Context, id, by, source string, o approvals.Opening, later ...approvals.Due,
) (string, error) {
	span := s.step(ctx, "open", id)
	other, err := s.Store.Open(ctx, id, by, source, o, later...)
	done(span, err)
	return other, err
}

// Load implements approvals.Store.
func (s *store) Load(ctx context.Context, id string) (approvals.Request, []approvals.Event, error) {
	span := s.step(ctx, "load", id)
	r, events, err := s.Store.Load(ctx, id)
	done(span, err)
	return r, events, err
}

// Commit implements approvals.Store.
func (s *store) Commit(ctx context.Context, t approvals.Transition) error {
	span := s.step(ctx, "commit", t.RequestID)
	types := make([]string, len(t.Events))
	for i, e := range t.Events {
		types[i] = string(e.Type)
	}
	span.SetAttributes(attrEvents.String(strings.Join(types, " ")))
	if t.Next != approvals.StateUnknown {
		span.SetAttributes(attrState.String(string(t.Next)))
	}
	err := s.Store.Commit(ctx, t)
	done(span, err)
	return err
}

// Condemn implements approvals.Store.
func (s *store) Condemn(ctx context.Context, c approvals.Condemnation) error {
	span := s.step(ctx, "condemn", c.RequestID)
	err := s.Store.Condemn(ctx, c)
	done(span, err)
	return err
}

// Note implements approvals.Store.
func (s *store) Note(ctx context.Context, e approvals.Event) error {
	span := s.step(ctx, "note", "")
	err := s.Store.Note(ctx, e)
	done(span, err)
	return err
}

// SetAside implements approvals.Store.
func (s *store) SetAside(ctx context.Context, item approvals.Item, reason string) error {
	span := s.step(ctx, "set aside", item.Request)
	err := s.Store.SetAside(ctx, item, reason)
	done(span, err)
	return err
}
