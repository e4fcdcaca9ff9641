package bot

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// trouble knows which channels Slack does not let the bot write into, by what this replica was
// answered last, and in which its messages are deleted.
type trouble struct {
	mu      sync.Mutex
	refused map[string]noticed
	deleted map[string]noticed
}

// noticed is what is wrong with a channel, since when, and when it was seen last.
type noticed struct {
	code        string
	first, last time.Time
}

const (
	// codeDeleted is the Code of a channel that takes messages, and in which messages of the bot were
	// found to be deleted: a card with its thread, or one of the lines that are edited.
	codeDeleted = "message_deleted"
	// deletedFor is how long that is shown after it was noticed last.
	deletedFor = time.Hour
)

// ChannelHealth is a channel that Slack does not let the bot write into, or in which its messages
// are deleted.
type ChannelHealth struct {
	Channel string `json:"channel"`
	Code    string `json:"code"` // Slack's word for it, such as is_archived; or message_deleted
	// for how long, without a message in between that it took; or when the first was found missing
	Since string `json:"since"`
}

// answered takes note of what came of a message for a channel, which may be that a message of the
// bot was deleted there. Later messages that the channel takes do not bring that one back, so only
// time ends it. An error that says nothing about the channel changes nothing, and a direct message
// is in no person's channel.
func (t *trouble) answered(channel string, err error) {
	if strings.HasPrefix(channel, "D") {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused, t.deleted = map[string]noticed{}, map[string]noticed{}
	}
	now := time.Now()
	kind, code := deliver.KindOf(err)
	switch {
	case err == nil:
		delete(t.refused, channel)
	case kind == deliver.SlackChannel:
		n := t.refused[channel]
		if n.code = code; n.first.IsZero() {
			n.first = now
		}
		t.refused[channel] = n
	case code == deliver.CodeGone || code == deliver.CodeOutside:
		n := t.deleted[channel]
		if now.Sub(n.last) > deletedFor {
			n.first = now
		}
		n.code, n.last = codeDeleted, now
		t.deleted[channel] = n
	}
}

// health lists the failing channels: those that refuse the bot before the others, each in the
// order of their ids.
func (t *trouble) health() []ChannelHealth {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []ChannelHealth
	for _, known := range []map[string]noticed{t.refused, t.deleted} {
		for _, id := range slices.Sorted(maps.Keys(known)) {
			n := known[id]
			_, refused := t.refused[id]
			if n.code == codeDeleted && (refused || time.Since(n.last) > deletedFor) {
				continue
			}
			all = append(all, ChannelHealth{Channel: id, Code: n.code, Since: time.Since(n.first).Round(time.Second).String()})
		}
	}
	return all
}
