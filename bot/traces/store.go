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

// step draws one step of the store.
func (s *store) step(ctx context.Context, name, request string, do func(trace.Span) error) error {
	attributes := []attribute.KeyValue{attribute.String("db.system", "redis")}
	if onlyID(request) != "" {
		attributes = append(attributes, attrRequest.String(request))
	}
	span := s.t.call(ctx, "store "+name, attributes...)
	err := do(span)
	outcome, bad := stepOutcome(err)
	end(span, outcome, bad)
	return err
}

// stepOutcome is what became of a step. That another replica was quicker, and what the clock or the
// log says, is no failure.
func stepOutcome(err error) (outcome string, bad bool) {
	if err == nil {
		return "ok", false
	}
	if _, forged := errors.AsType[*approvals.ForgedError](err); forged {
		return "forged", true
	}
	for _, o := range []struct {
		err  error
		word string
		bad  bool
	}{
		{approvals.ErrConflict, "conflict", false},
		{approvals.ErrTooLate, "too_late", false},
		{approvals.ErrTooEarly, "too_early", false},
		{approvals.ErrUnknownRequest, "unknown_request", false},
		{approvals.ErrFull, "full", true},
		{approvals.ErrOneCopy, "one_copy", true},
	} {
		if errors.Is(err, o.err) {
			return o.word, o.bad
		}
	}
	return "failed", true
}

// Accept implements approvals.Store.
func (s *store) Accept(ctx context.Context, item approvals.Item, ids ...string) (fresh bool, err error) {
	err = s.step(ctx, "accept", "", func(trace.Span) error {
		fresh, err = s.Store.Accept(ctx, item, ids...)
		return err
	})
	return fresh, err
}

// Open implements approvals.Store.
func (s *store) Open(
	ctx context.Context, id, by, source string, o approvals.Opening, later ...approvals.Due,
) (other string, err error) {
	err = s.step(ctx, "open", id, func(trace.Span) error {
		other, err = s.Store.Open(ctx, id, by, source, o, later...)
		return err
	})
	return other, err
}

// Load implements approvals.Store.
func (s *store) Load(ctx context.Context, id string) (r approvals.Request, events []approvals.Event, err error) {
	err = s.step(ctx, "load", id, func(trace.Span) error {
		r, events, err = s.Store.Load(ctx, id)
		return err
	})
	return r, events, err
}

// Commit implements approvals.Store.
func (s *store) Commit(ctx context.Context, t approvals.Transition) error {
	return s.step(ctx, "commit", t.RequestID, func(span trace.Span) error {
		types := make([]string, len(t.Events))
		for i, e := range t.Events {
			types[i] = string(e.Type)
		}
		span.SetAttributes(attrEvents.String(strings.Join(types, " ")))
		if t.Next != approvals.StateUnknown {
			span.SetAttributes(attrState.String(string(t.Next)))
		}
		return s.Store.Commit(ctx, t)
	})
}

// Condemn implements approvals.Store.
func (s *store) Condemn(ctx context.Context, c approvals.Condemnation) error {
	return s.step(ctx, "condemn", c.RequestID, func(trace.Span) error { return s.Store.Condemn(ctx, c) })
}

// Note implements approvals.Store.
func (s *store) Note(ctx context.Context, e approvals.Event) error {
	return s.step(ctx, "note", "", func(trace.Span) error { return s.Store.Note(ctx, e) })
}

// SetAside implements approvals.Store.
func (s *store) SetAside(ctx context.Context, item approvals.Item, reason string) error {
	return s.step(ctx, "set aside", item.Request, func(trace.Span) error { return s.Store.SetAside(ctx, item, reason) })
}
