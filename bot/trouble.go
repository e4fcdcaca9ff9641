package bot

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// trouble knows which channels Slack does not let the bot write into, by what this replica was
// answered last, and in which somebody deletes its messages.
type trouble struct {
	mu       sync.Mutex
	channels map[string]refusedChannel
	deleted  map[string]deletedIn
}

// deletedIn is when it was noticed, first and last, that messages of the bot are missing in a
// channel.
type deletedIn struct{ first, last time.Time }

const (
	// codeDeleted is the Code of a channel that takes messages, and in which messages of the bot were
	// found to be deleted: a card with its thread, or one of the lines that are edited.
	codeDeleted = "message_deleted"
	// deletedFor is how long that is shown after it was noticed last.
	deletedFor = time.Hour
)

type refusedChannel struct {
	code  string
	since time.Time
}

// ChannelHealth is a channel that Slack does not let the bot write into, or in which its messages
// are deleted.
type ChannelHealth struct {
	Channel string `json:"channel"`
	Code    string `json:"code"` // Slack's word for it, such as is_archived; or message_deleted
	// for how long, without a message in between that it took; or when the first was found missing
	Since string `json:"since"`
}

// answered takes note of what came of a message for a channel. An error that says nothing about the
// channel changes nothing.
func (t *trouble) answered(channel string, err error) {
	if strings.HasPrefix(channel, "D") {
		return // a direct message, which is nobody's channel
	}
	e, refused := errors.AsType[*deliver.SlackError](err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		delete(t.channels, channel)
	case refused && e.Kind == deliver.SlackChannel:
		if t.channels == nil {
			t.channels = make(map[string]refusedChannel)
		}
		since := time.Now()
		if before, known := t.channels[channel]; known {
			since = before.since
		}
		t.channels[channel] = refusedChannel{code: e.Code, since: since}
	}
}

// missing takes note that a message of the bot was deleted in a channel. Later messages that the
// channel takes do not bring that one back, so only time ends it.
func (t *trouble) missing(channel string, err error) {
	e, ok := errors.AsType[*deliver.SlackError](err)
	if !ok || e.Code != deliver.CodeGone && e.Code != deliver.CodeOutside || strings.HasPrefix(channel, "D") {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deleted == nil {
		t.deleted = make(map[string]deletedIn)
	}
	now := time.Now()
	d := t.deleted[channel]
	if d.first.IsZero() || now.Sub(d.last) > deletedFor {
		d.first = now
	}
	d.last = now
	t.deleted[channel] = d
}

// health lists the channels in trouble: those that refuse the bot before the others, each in the
// order of their ids.
func (t *trouble) health() []ChannelHealth {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []ChannelHealth
	for _, id := range slices.Sorted(maps.Keys(t.channels)) {
		c := t.channels[id]
		all = append(all, ChannelHealth{Channel: id, Code: c.code, Since: time.Since(c.since).Round(time.Second).String()})
	}
	for _, id := range slices.Sorted(maps.Keys(t.deleted)) {
		d := t.deleted[id]
		if _, refused := t.channels[id]; !refused && time.Since(d.last) <= deletedFor {
			all = append(all, ChannelHealth{
				Channel: id, Code: codeDeleted, Since: time.Since(d.first).Round(time.Second).String(),
			})
		}
	}
	return all
}
