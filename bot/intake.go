package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	// acceptTimeout leaves time for the acknowledgement within the three seconds that Slack waits
	// (Slack documentation, "Implementing slash commands", "Handling user interaction").
	acceptTimeout = 1500 * time.Millisecond
	// acceptGrace is for a store that obeys its deadline to say so.
	acceptGrace = 100 * time.Millisecond
	// intakeSlots bounds the envelopes that are being put into the inbox at one time. What comes on
	// top is told "busy".
	intakeSlots = 128
	// whisperWithin bounds the private reply to somebody who is turned away, so that it does not hold
	// up a stop.
	whisperWithin = 3 * time.Second
	// noteWorkers bounds the outlines that are being written at one time, noteBurst and noteEvery how
	// many there are, so that they do not push other notes out of the store. What comes on top is
	// counted only.
	noteWorkers = 8
	noteBurst   = 50
	noteEvery   = 6 * time.Second
)

// eventEnvelope is a note of an envelope that nobody here could do anything with.
const eventEnvelope approvals.EventType = "envelope"

// intake takes envelopes: first into the inbox, then the acknowledgement.
type intake struct {
	store   approvals.Store
	whisper func(ctx context.Context, to handlers.Listener, m *messages.Message) error
	suggest func(handlers.Suggestion) any                        // what a menu offers; at once
	judge   func(handlers.Submission) (errors map[string]string) // what is wrong with a form as it is; at once
	log     *slog.Logger
	slots   chan struct{}
	notes   chan struct{}
	noting  *rate.Limiter
	watch   watches
	pending sync.WaitGroup // calls of the store, also those that nobody waits for any more
}

func newIntake(
	store approvals.Store, whisper func(context.Context, handlers.Listener, *messages.Message) error, log *slog.Logger,
) *intake {
	return &intake{
		store: store, whisper: whisper, log: log,
		slots: make(chan struct{}, intakeSlots), notes: make(chan struct{}, noteWorkers),
		noting: rate.NewLimiter(rate.Every(noteEvery), noteBurst),
	}
}

// ackFunc sends the acknowledgement of one envelope on the connection it came by. payload may be
// nil.
type ackFunc func(ctx context.Context, envelopeID string, payload any) error

// take handles one envelope and returns when it is acknowledged. It never fails towards the
// connection: what goes wrong is told to the person and logged.
func (in *intake) take(ctx context.Context, f frame, ack ackFunc) {
	if f.came.IsZero() {
		f.came = time.Now()
	}
	got, err := readEnvelope(f)
	ctx, ended := in.watch.envelope(ctx, Envelope{Kind: kindOf(f), Read: f.came, Item: got.item})
	ended(in.answer(ctx, f, got, err, ack))
}

// answer does what an envelope that was read comes to; unread is why it could not be read.
func (in *intake) answer(ctx context.Context, f frame, got intakeItem, unread error, ack ackFunc) EnvelopeOutcome {
	if unreadable, ok := errors.AsType[*errUnreadable](unread); ok {
		in.log.WarnContext(ctx, "an envelope could not be read", "envelope", f.EnvelopeID, "what", unreadable.what)
		in.keep(ctx, f, "unreadable: "+unreadable.what)
		in.turnAway(ctx, f, got, ack, messages.NotUnderstood())
		return EnvelopeUnreadable
	}
	if unread != nil {
		in.log.ErrorContext(ctx, "an envelope could not be kept", "envelope", f.EnvelopeID, "error", unread)
		in.turnAway(ctx, f, got, ack, messages.NotRecorded())
		return EnvelopeNotRecorded
	}
	if got.ignored != "" {
		outcome := EnvelopeIgnored
		if got.unknown {
			outcome = EnvelopeUnknown
			in.keep(ctx, f, got.ignored)
		}
		in.log.InfoContext(ctx, "an envelope was ignored", "envelope", f.EnvelopeID, "why", got.ignored)
		in.acknowledge(ctx, f, ack, nil)
		return outcome
	}
	if got.suggestion != nil {
		in.acknowledge(ctx, f, ack, in.suggest(*got.suggestion))
		in.log.DebugContext(ctx, "a menu was filled", "envelope", f.EnvelopeID, "user", got.suggestion.User,
			"took", time.Since(f.came).String())
		return EnvelopeAnswered
	}
	if got.submission != nil {
		if wrong := in.judge(*got.submission); len(wrong) > 0 {
			got.answer = messages.FieldErrors(wrong)
		}
	}
	if got.answer != nil {
		in.log.InfoContext(ctx, "a form was answered at its field", "envelope", f.EnvelopeID, "user", got.listener.User)
		in.acknowledge(ctx, f, ack, got.answer)
		return EnvelopeAnswered
	}
	f.Payload = nil // what is needed of it is in the item
	return in.record(ctx, f, got, ack)
}

// record puts an envelope into the inbox and acknowledges it, or turns its sender away.
func (in *intake) record(ctx context.Context, f frame, got intakeItem, ack ackFunc) EnvelopeOutcome {
	select {
	case in.slots <- struct{}{}:
	default:
		in.log.WarnContext(ctx, "an envelope was turned away: too many at once", "envelope", f.EnvelopeID)
		in.turnAway(ctx, f, got, ack, messages.Busy())
		return EnvelopeBusy
	}
	fresh, err := in.accept(ctx, f, got)
	if errors.Is(err, approvals.ErrFull) {
		in.log.WarnContext(ctx, "an envelope was turned away: too much work waits", "envelope", f.EnvelopeID)
		in.turnAway(ctx, f, got, ack, messages.Busy())
		return EnvelopeBusy
	}
	if err != nil {
		in.log.WarnContext(ctx, "an envelope was not recorded, as far as is known", "envelope", f.EnvelopeID, "error", err)
		answer := messages.PerhapsNotRecorded()
		switch {
		case errors.Is(err, approvals.ErrNotRecorded):
			answer = messages.NotRecorded()
		case errors.Is(err, approvals.ErrOneCopy):
			answer = messages.OneCopy()
		}
		in.turnAway(ctx, f, got, ack, answer)
		return EnvelopeNotRecorded
	}
	in.acknowledge(ctx, f, ack, nil)
	in.log.DebugContext(ctx, "an envelope was accepted", "envelope", f.EnvelopeID, "kind", got.item.Kind, "fresh", fresh,
		"took", time.Since(f.came).String())
	if !fresh {
		return EnvelopeSeen
	}
	return EnvelopeAccepted
}

// keep writes an outline of an envelope to the store's notes, for somebody to look at. Nothing
// waits for it.
func (in *intake) keep(ctx context.Context, f frame, why string) {
	free := false
	select {
	case in.notes <- struct{}{}:
		if free = in.noting.Allow(); !free {
			<-in.notes
		}
	default:
	}
	if !free {
		in.log.WarnContext(ctx, "no outline of an envelope is kept: too many at once", "envelope", f.EnvelopeID)
		return
	}
	data := f.raw
	if data == nil {
		data = f.Payload
	}
	kind := f.Type
	if !plainName.MatchString(kind) {
		kind = ""
	}
	detail, err := json.Marshal(struct {
		Why     string `json:"why"`
		Type    string `json:"type,omitempty"` // of the envelope
		Bytes   int    `json:"bytes"`
		Outline string `json:"outline"`
	}{why, kind, len(data), outline(data)})
	if err != nil { // of texts and a number
		<-in.notes
		return
	}
	e := approvals.Event{Type: eventEnvelope, Detail: detail}
	if f.EnvelopeID != "" {
		e.Source = source(f)
	}
	in.pending.Go(func() {
		defer func() { <-in.notes }()
		ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
		defer cancel()
		if err := in.store.Note(ctx, e); err != nil {
			in.log.WarnContext(ctx, "an outline of an envelope could not be kept", "envelope", f.EnvelopeID, "error", err)
		}
	})
}

// errNoAnswer is a store that did not say in time whether it took an item.
var errNoAnswer = errors.New("no answer in time")

// accept puts an item into the inbox, and gives the slot back when the store is done with it. It
// returns in time even if the store does not: the person is answered, and reading goes on.
func (in *intake) accept(ctx context.Context, f frame, got intakeItem) (fresh bool, err error) {
	type answer struct {
		fresh bool
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, acceptTimeout)
	answered := make(chan answer)
	givenUp := make(chan struct{})
	in.pending.Go(func() {
		defer func() { <-in.slots }()
		defer cancel()
		fresh, err := in.store.Accept(limited, got.item, got.ids...)
		select {
		case answered <- answer{fresh, err}:
		case <-givenUp:
			if err == nil {
				in.log.WarnContext(ctx, "an envelope was recorded after its sender was told that it was not",
					"envelope", f.EnvelopeID)
			}
		}
	})
	late := time.NewTimer(acceptTimeout + acceptGrace)
	defer late.Stop()
	select {
	case a := <-answered:
		return a.fresh, a.err
	case <-late.C:
		close(givenUp)
		return false, errNoAnswer
	}
}

func (in *intake) acknowledge(ctx context.Context, f frame, ack ackFunc, payload any) {
	if f.EnvelopeID == "" {
		return // nothing names it
	}
	if err := ack(ctx, f.EnvelopeID, payload); err != nil {
		in.log.WarnContext(ctx, "an envelope was not acknowledged; Slack may send it again", "envelope", f.EnvelopeID,
			"error", err)
		return
	}
	in.watch.acknowledged(ctx, kindOf(f), time.Since(f.came))
}

// turnAway acknowledges without having recorded anything and says so to the person: with the
// acknowledgement itself after a command or a form, by the response URL after a click, whose
// acknowledgement shows nothing.
func (in *intake) turnAway(ctx context.Context, f frame, got intakeItem, ack ackFunc, m *messages.Message) {
	if got.listener.Drill {
		m = messages.Drilled(m)
	}
	switch {
	case f.Type == frameSlash:
		in.acknowledge(ctx, f, ack, ephemeralReply(m))
		return
	case got.form:
		in.acknowledge(ctx, f, ack, messages.FieldError(m))
		return
	}
	to := got.listener
	in.acknowledge(ctx, f, ack, nil)
	if to.User == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, whisperWithin)
	defer cancel()
	if err := in.whisper(ctx, to, m); err != nil {
		in.log.WarnContext(ctx, "a private reply was not delivered", "user", to.User, "error", err)
	}
}

// ephemeralReply is the payload of an acknowledgement that only the sender of a command sees.
func ephemeralReply(m *messages.Message) any {
	return struct {
		ResponseType string        `json:"response_type"`
		Text         string        `json:"text"`
		Blocks       []slack.Block `json:"blocks,omitempty"`
	}{"ephemeral", m.Text, m.Blocks}
}

// ackFrame is an acknowledgement as it goes over the wire.
func ackFrame(envelopeID string, payload any) ([]byte, error) {
	return json.Marshal(struct {
		EnvelopeID string `json:"envelope_id"`
		Payload    any    `json:"payload,omitempty"`
	}{envelopeID, payload})
}
