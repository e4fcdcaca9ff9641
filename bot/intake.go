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
	// whisperWithin bounds the private reply to a person who is rejected, so that it does not hold
	// up a stop.
	whisperWithin = 3 * time.Second
	// noteBurst and noteEvery bound the outlines, so that they do not push other notes out of the
	// store. What comes on top is counted only.
	noteBurst = 50
	noteEvery = 6 * time.Second
)

// eventEnvelope is a note of an envelope that the bot cannot parse.
const eventEnvelope approvals.EventType = "envelope"

// intake takes envelopes: first into the inbox, then the acknowledgement.
type intake struct {
	store   approvals.Store
	whisper func(ctx context.Context, to handlers.Listener, m *messages.Message) error
	suggest func(handlers.Suggestion) any                        // what a menu offers; at once
	judge   func(handlers.Submission) (errors map[string]string) // what is wrong with a form as it is; at once
	log     *slog.Logger
	slots   chan struct{}
	noting  *rate.Limiter
	watch   watches
	pending sync.WaitGroup // calls of the store, also those that no caller waits for any more
}

func newIntake(
	store approvals.Store, whisper func(context.Context, handlers.Listener, *messages.Message) error, log *slog.Logger,
) *intake {
	return &intake{
		store: store, whisper: whisper, log: log,
		slots:  make(chan struct{}, intakeSlots),
		noting: rate.NewLimiter(rate.Every(noteEvery), noteBurst),
	}
}

// ackFunc sends the acknowledgement of one envelope on the connection it came by. payload may be
// nil.
type ackFunc func(ctx context.Context, envelopeID string, payload any) error

// arrival is one envelope on its way.
type arrival struct {
	*intake
	frame
	intakeItem
	acknowledgement ackFunc
}

// take handles one envelope and returns when it is acknowledged. It never fails towards the
// connection: what goes wrong is told to the person and logged.
func (in *intake) take(ctx context.Context, f frame, ack ackFunc) {
	if f.came.IsZero() {
		f.came = time.Now()
	}
	got := readEnvelope(f)
	ctx, ended := in.watch.envelope(ctx, Envelope{Kind: kindOf(f), Read: f.came, Item: got.item})
	ended((&arrival{in, f, got, ack}).handle(ctx))
}

// say logs what becomes of an envelope.
func (a *arrival) say(ctx context.Context, level slog.Level, what string, more ...any) {
	a.log.Log(ctx, level, what, append([]any{"envelope", a.EnvelopeID}, more...)...)
}

// handle does what an envelope that was read comes to.
func (a *arrival) handle(ctx context.Context) EnvelopeOutcome {
	if a.unreadable != "" {
		a.say(ctx, slog.LevelWarn, "an envelope could not be read", "what", a.unreadable)
		a.keep(ctx, "unreadable: "+a.unreadable)
		a.turnAway(ctx, messages.NotUnderstood())
		return EnvelopeUnreadable
	}
	if a.ignored != "" {
		outcome := EnvelopeIgnored
		if a.unknown {
			outcome = EnvelopeUnknown
			a.keep(ctx, a.ignored)
		}
		a.say(ctx, slog.LevelInfo, "an envelope was ignored", "why", a.ignored)
		a.acknowledge(ctx, nil)
		return outcome
	}
	if a.suggestion != nil {
		a.acknowledge(ctx, a.suggest(*a.suggestion))
		a.say(ctx, slog.LevelDebug, "a menu was filled", "user", a.suggestion.User, "took", time.Since(a.came).String())
		return EnvelopeAnswered
	}
	if a.submission != nil {
		if wrong := a.judge(*a.submission); len(wrong) > 0 {
			a.answer = messages.FieldErrors(wrong)
		}
	}
	if a.answer != nil {
		a.say(ctx, slog.LevelInfo, "a form was answered at its field", "user", a.listener.User)
		a.acknowledge(ctx, a.answer)
		return EnvelopeAnswered
	}
	a.Payload = nil // what is needed of it is in the item
	return a.record(ctx)
}

// record puts an envelope into the inbox and acknowledges it, or turns its sender away.
func (a *arrival) record(ctx context.Context) EnvelopeOutcome {
	select {
	case a.slots <- struct{}{}:
	default:
		a.say(ctx, slog.LevelWarn, "an envelope was rejected: too many at once")
		a.turnAway(ctx, messages.Busy())
		return EnvelopeBusy
	}
	fresh, err := a.accept(ctx)
	if errors.Is(err, approvals.ErrFull) {
		a.say(ctx, slog.LevelWarn, "an envelope was rejected: too much work waits")
		a.turnAway(ctx, messages.Busy())
		return EnvelopeBusy
	}
	if err != nil {
		a.say(ctx, slog.LevelWarn, "an envelope was not recorded, as far as is known", "error", err)
		answer := messages.PerhapsNotRecorded()
		switch {
		case errors.Is(err, approvals.ErrNotRecorded):
			answer = messages.NotRecorded()
		case errors.Is(err, approvals.ErrOneCopy):
			answer = messages.OneCopy()
		}
		a.turnAway(ctx, answer)
		return EnvelopeNotRecorded
	}
	a.acknowledge(ctx, nil)
	a.say(ctx, slog.LevelDebug, "an envelope was accepted", "kind", a.item.Kind, "fresh", fresh,
		"took", time.Since(a.came).String())
	if !fresh {
		return EnvelopeSeen
	}
	return EnvelopeAccepted
}

// keep writes an outline of an envelope to the store's notes, for an operator. Nothing waits for
// it.
func (a *arrival) keep(ctx context.Context, why string) {
	if !a.noting.Allow() {
		a.say(ctx, slog.LevelWarn, "no outline of an envelope is kept: too many at once")
		return
	}
	data := a.raw
	if data == nil {
		data = a.Payload
	}
	kind := a.Type
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
		return
	}
	e := approvals.Event{Type: eventEnvelope, Detail: detail}
	if a.EnvelopeID != "" {
		e.Source = source(a.frame)
	}
	a.pending.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
		defer cancel()
		if err := a.store.Note(ctx, e); err != nil {
			a.say(ctx, slog.LevelWarn, "an outline of an envelope could not be kept", "error", err)
		}
	})
}

// errNoAnswer is a store that did not say in time whether it took an item.
var errNoAnswer = errors.New("no answer in time")

// accept puts an item into the inbox, and gives the slot back when the store is done with it. It
// returns in time even if the store does not: the person is answered, and reading goes on.
func (a *arrival) accept(ctx context.Context) (fresh bool, err error) {
	type answer struct {
		fresh bool
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, acceptTimeout)
	answered := make(chan answer)
	givenUp := make(chan struct{})
	a.pending.Go(func() {
		defer func() { <-a.slots }()
		defer cancel()
		fresh, err := a.store.Accept(limited, a.item, a.ids...)
		select {
		case answered <- answer{fresh, err}:
		case <-givenUp:
			if err == nil {
				a.say(ctx, slog.LevelWarn, "an envelope was recorded after its sender was told that it was not")
			}
		}
	})
	late := time.NewTimer(acceptTimeout + acceptGrace)
	defer late.Stop()
	select {
	case got := <-answered:
		return got.fresh, got.err
	case <-late.C:
		close(givenUp)
		return false, errNoAnswer
	}
}

func (a *arrival) acknowledge(ctx context.Context, payload any) {
	if a.EnvelopeID == "" {
		return // nothing names it
	}
	if err := a.acknowledgement(ctx, a.EnvelopeID, payload); err != nil {
		a.say(ctx, slog.LevelWarn, "an envelope was not acknowledged; Slack may send it again", "error", err)
		return
	}
	a.watch.acknowledged(ctx, kindOf(a.frame), time.Since(a.came))
}

// turnAway acknowledges without having recorded anything and says so to the person: with the
// acknowledgement itself after a command or a form, by the response URL after a click, whose
// acknowledgement shows nothing.
func (a *arrival) turnAway(ctx context.Context, m *messages.Message) {
	if a.listener.Drill {
		m = messages.Drilled(m)
	}
	switch {
	case a.Type == frameSlash:
		a.acknowledge(ctx, ephemeralReply(m))
		return
	case a.form:
		a.acknowledge(ctx, messages.FieldErrors(map[string]string{messages.FieldReason: m.Text}))
		return
	}
	a.acknowledge(ctx, nil)
	if a.listener.User == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, whisperWithin)
	defer cancel()
	if err := a.whisper(ctx, a.listener, m); err != nil {
		a.log.WarnContext(ctx, "a private reply was not delivered", "user", a.listener.User, "error", err)
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
