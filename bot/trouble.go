package bot

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/handlers"
)

// trouble knows which channels Slack does not let the bot write into, by what this replica was answered last.
type trouble struct {
	mu       sync.Mutex
	channels map[string]refusedChannel
}

type refusedChannel struct {
	code  string
	since time.Time
}

// ChannelHealth is a channel that Slack does not let the bot write into.
type ChannelHealth struct {
	Channel string `json:"channel"`
	Code    string `json:"code"`  // Slack's word for it, such as is_archived
	Since   string `json:"since"` // for how long, without a message in between that it took
}

// answered takes note of what came of a message for a channel. An error that says nothing about the channel changes nothing.
func (t *trouble) answered(channel string, err error) {
	if strings.HasPrefix(channel, "D") {
		return // a direct message, which is nobody's channel
	}
	e, refused := errors.AsType[*handlers.SlackError](err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		delete(t.channels, channel)
	case refused && e.Kind == handlers.SlackChannel:
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

// health lists the channels in trouble, in the order of their ids.
func (t *trouble) health() []ChannelHealth {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []ChannelHealth
	for _, id := range slices.Sorted(maps.Keys(t.channels)) {
		c := t.channels[id]
		all = append(all, ChannelHealth{Channel: id, Code: c.code, Since: time.Since(c.since).Round(time.Second).String()})
	}
	return all
}
