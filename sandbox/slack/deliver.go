package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// dispatchFailed is the error that Slack shows a person whose command or click reached no app in
// time.
const dispatchFailed = "dispatch_failed"

// keptEnvelopes is how many envelopes Redeliver can still find.
const keptEnvelopes = 5000

// Delivery is what became of one envelope.
type Delivery struct {
	EnvelopeID string
	Acked      bool
	// AckedAfter is the time from the frame's writing to its acknowledgement.
	AckedAfter time.Duration
	// AckPayload is the payload of the acknowledgement, if it had one.
	AckPayload json.RawMessage
	// Connection is the id of the connection used, 0 if there was none.
	Connection int
	// Error is what Slack shows the person: "dispatch_failed" without a connection or an
	// acknowledgement in time, "invalid_command_response" or "invalid_view_response" for a payload
	// that cannot be used. Empty: all is well.
	Error string
	// Problems say what was wrong with the blocks of an unusable payload.
	Problems []Problem
}

// envelope is a frame that was or will be sent.
type envelope struct {
	id      string
	raw     []byte
	accepts bool
	again   bool // the second of Fault.Twice
	// apply does what Slack does with the acknowledgement's payload; nil: nothing.
	apply func(d *Delivery)
}

// pending is a delivery that waits for its acknowledgement.
type pending struct {
	conn    *conn
	trouble Fault
	acked   bool                 // guarded by the server's mutex
	payload chan json.RawMessage // one place, so that the reader never waits
}

// deliver sends one envelope over the connection whose turn it is and waits for the
// acknowledgement. build is called with the mutex held, and with the address by which that
// connection's client came; its error ends the delivery.
func (s *Server) deliver(ctx context.Context, build func(base string) (*envelope, error)) (Delivery, error) {
	if !s.begin() {
		return Delivery{}, ErrClosed
	}
	defer s.work.Done()

	s.mu.Lock()
	c := s.pickLocked()
	base := ""
	if c != nil {
		base = c.base
	}
	env, err := build(base)
	if err != nil {
		s.mu.Unlock()
		return Delivery{}, err
	}
	s.keepLocked(env)
	d := Delivery{EnvelopeID: env.id}
	if c == nil {
		s.mu.Unlock()
		d.Error = dispatchFailed
		return d, nil
	}
	d.Connection = c.info.ID
	c.info.Sent++
	p := &pending{conn: c, trouble: s.takeFaultLocked(methodEnvelope, ""), payload: make(chan json.RawMessage, 1)}
	if env.id != "" {
		s.waiting[env.id] = append(s.waiting[env.id], p)
		defer s.forget(env.id, p)
	}
	s.mu.Unlock()

	sent := time.Now()
	if p.trouble.Twice {
		again := &envelope{id: env.id, raw: env.raw, again: true}
		s.work.Go(func() { _, _ = s.deliver(s.ctx, func(string) (*envelope, error) { return again, nil }) })
	}
	if err := s.writeEnvelope(ctx, c, env, p.trouble); err != nil {
		d.Error = dispatchFailed
		return d, s.cause(ctx)
	}
	if env.id == "" {
		return d, nil // nothing could acknowledge it
	}
	timer := time.NewTimer(s.cfg.AckTimeout)
	defer timer.Stop()
	select {
	case payload := <-p.payload:
		return s.acknowledged(d, env, payload, sent), nil
	case <-c.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case payload := <-p.payload: // it came before the end did
		return s.acknowledged(d, env, payload, sent), nil
	default:
	}
	d.Error = dispatchFailed
	return d, s.cause(ctx)
}

// cause is the reason why a wait ended that is not the app's fault.
func (s *Server) cause(ctx context.Context) error {
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return context.Cause(ctx)
}

func (s *Server) acknowledged(d Delivery, env *envelope, payload json.RawMessage, sent time.Time) Delivery {
	d.Acked, d.AckedAfter, d.AckPayload = true, time.Since(sent), payload
	if env.apply != nil && env.accepts {
		env.apply(&d)
	}
	return d
}

// writeEnvelope writes the frame, with the troubles that were asked for under the name "envelope".
func (s *Server) writeEnvelope(ctx context.Context, c *conn, env *envelope, fault Fault) error {
	if fault.Delay > 0 && !s.sleep(ctx, fault.Delay) {
		return s.cause(ctx)
	}
	if fault.DropBefore {
		c.cut()
		return fmt.Errorf("connection %d was cut", c.info.ID)
	}
	select {
	case <-c.greeted:
	case <-c.done:
		return fmt.Errorf("connection %d ended before hello", c.info.ID)
	}
	if err := s.write(c, env.raw); err != nil {
		return err
	}
	if fault.DropAfter {
		c.cut()
	}
	return nil
}

// keepLocked remembers an envelope for Redeliver.
func (s *Server) keepLocked(env *envelope) {
	if env.id == "" {
		return
	}
	if _, ok := s.envelopes[env.id]; !ok {
		s.sent = append(s.sent, env.id)
	}
	if !env.again {
		s.envelopes[env.id] = env
	}
	if len(s.sent) > keptEnvelopes {
		delete(s.envelopes, s.sent[0])
		s.sent = s.sent[1:]
	}
}

func (s *Server) forget(id string, p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = slices.DeleteFunc(s.waiting[id], func(other *pending) bool { return other == p })
	if len(s.waiting[id]) == 0 {
		delete(s.waiting, id)
	}
}

// SendEnvelope sends any bytes as one frame on one connection, for input that Slack would never
// send. If they are JSON with an envelope_id it waits for the acknowledgement of that, else it
// returns when the frame is written. Only a connection's absence or end, or a missing
// acknowledgement, is a Delivery.Error.
func (s *Server) SendEnvelope(ctx context.Context, raw []byte) (Delivery, error) {
	var head struct {
		EnvelopeID string `json:"envelope_id"`
	}
	if json.Unmarshal(raw, &head) != nil {
		head.EnvelopeID = "" // not for this code to judge
	}
	return s.deliver(ctx, func(string) (*envelope, error) {
		return &envelope{id: head.EnvelopeID, raw: slices.Clone(raw)}, nil
	})
}

// Redeliver sends an envelope again, byte by byte the same, over the connection whose turn it is,
// and applies the new acknowledgement as the first. It can find the last 5,000 envelopes.
func (s *Server) Redeliver(ctx context.Context, envelopeID string) (Delivery, error) {
	s.mu.Lock()
	env, ok := s.envelopes[envelopeID]
	s.mu.Unlock()
	if !ok {
		return Delivery{}, fmt.Errorf("redeliver: no envelope %q", envelopeID)
	}
	return s.deliver(ctx, func(string) (*envelope, error) { return env, nil })
}

// sleep waits and reports false if ctx or the server ended first.
func (s *Server) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}
