package metrics

import (
	"context"
	"encoding/json"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/record"
)

// store counts what is committed.
type store struct {
	bot.Store
	m *Metrics
}

// Store is a store whose events are counted.
func (m *Metrics) Store(s bot.Store) bot.Store { return &store{Store: s, m: m} }

// Open implements approvals.Store.
func (s *store) Open(
	ctx context.Context, id, by, source string, o approvals.Opening, later ...approvals.Due,
) (string, error) {
	other, err := s.Store.Open(ctx, id, by, source, o, later...)
	if err == nil && other == "" {
		s.m.came(approvals.StateOpen, o.Purpose)
		s.m.counter("events_total", string(approvals.EventRequested)).Inc()
	}
	return other, err
}

// Commit implements approvals.Store.
func (s *store) Commit(ctx context.Context, t approvals.Transition) error {
	err := s.Store.Commit(ctx, t)
	if err != nil {
		return err
	}
	if t.Next != approvals.StateUnknown && t.Next != approvals.StateOpen { // with one approval of several it stays open
		s.m.came(t.Next, t.Of.Purpose)
	}
	for _, e := range t.Events {
		s.m.counter("events_total", s.m.words.of("event", string(e.Type))).Inc()
		switch e.Type {
		case approvals.EventRefused:
			s.m.refused(e)
		case approvals.EventTampered:
			s.m.tampered(e)
		case approvals.EventApproved:
			s.timeApproval(ctx, t)
		case approvals.EventApplied:
			s.timeDeny(ctx, t)
		case approvals.EventVerdict:
			s.verdict(ctx, t.RequestID, e)
		case approvals.EventSimulated, approvals.EventSeenDenied:
			s.timeProof(ctx, t.RequestID, e)
		}
	}
	return nil
}

// Condemn implements approvals.Store. It is no commit: what it appends, and the end that it brings
// to a request that had none, are counted here.
func (s *store) Condemn(ctx context.Context, c approvals.Condemnation) error {
	err := s.Store.Condemn(ctx, c)
	if err != nil {
		return err
	}
	for _, e := range c.Events[c.Trusted:] {
		s.m.counter("events_total", s.m.words.of("event", string(e.Type))).Inc()
		var f approvals.Forged
		if e.Type == approvals.EventForged && (json.Unmarshal(e.Detail, &f) != nil || !f.Foreign) {
			s.m.Alarm(AlarmForgedLog)
		}
	}
	if c.Ends {
		s.m.came(c.Next, c.Purpose)
	}
	return nil
}

// Note implements approvals.Store.
func (s *store) Note(ctx context.Context, e approvals.Event) error {
	err := s.Store.Note(ctx, e)
	switch {
	case err != nil:
	case e.Type == approvals.EventRefused:
		s.m.refused(e)
	case e.Type == approvals.EventForged:
		s.m.Alarm(AlarmForgedLog)
	}
	return err
}

// Park implements approvals.Store.
func (s *store) Park(ctx context.Context, item approvals.Item, reason string) error {
	err := s.Store.Park(ctx, item, reason)
	if err == nil {
		s.m.counter("items_parked_total", s.m.words.of("item", item.Kind)).Inc()
	}
	return err
}

// unknownPurpose is the label of a request whose opening is not to be believed.
const unknownPurpose = "unknown"

// came counts a request that came into a state.
func (m *Metrics) came(state approvals.State, purpose approvals.Purpose) {
	label := unknownPurpose
	if purpose.Mode() != "" {
		label = string(purpose)
	}
	m.counter("requests_total", string(state), label).Inc()
}

// refused counts a refusal, of a request's log or of the notes.
func (m *Metrics) refused(e approvals.Event) {
	var d struct {
		Code string `json:"code"` // approvals.Refusal
		Why  string `json:"why"`  // a note
	}
	_ = json.Unmarshal(e.Detail, &d) // what cannot be read has no code
	if d.Code == "" {
		d.Code = d.Why
	}
	m.counter("refusals_total", m.words.of("code", d.Code)).Inc()
}

// tampered counts what a check found, once for each loss.
func (m *Metrics) tampered(e approvals.Event) {
	var d record.Tampered
	if json.Unmarshal(e.Detail, &d) != nil || d.Resumed {
		return
	}
	if d.Lost() && !d.Writing() && !d.Anew {
		m.Alarm(AlarmGaveUp)
	}
	if d.Told {
		return
	}
	m.counter("guard_findings_total", m.words.of("found", string(d.State))).Inc()
	if d.Lost() {
		m.Alarm(AlarmTampered)
	}
}
