package slack

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

const (
	// triggerLife is how long a trigger_id opens a view ("Opening a modal").
	triggerLife = 3 * time.Second
	// responseLife and responseUses limit a response_url ("Handling user interaction").
	responseLife = 30 * time.Minute
	responseUses = 5
	// keepExpired is how long expired things are remembered, to say that they are expired and not
	// unknown.
	keepExpired = time.Hour
)

// trigger is a trigger_id; it opens one view.
type trigger struct {
	userID string
	at     time.Time
	used   bool
}

// responseURL is where an app may answer a command or a click.
type responseURL struct {
	channelID, userID string
	messageTS         string // the message that was clicked, empty for a command
	at                time.Time
	uses              int
}

func (s *Server) newTriggerLocked(userID string) string {
	for id, t := range s.triggers {
		if time.Since(t.at) > keepExpired {
			delete(s.triggers, id)
		}
	}
	s.ids++
	id := fmt.Sprintf("%d.%d.%s", s.ids, time.Now().UnixMilli(), strings.ToLower(rand.Text()))
	s.triggers[id] = &trigger{userID: userID, at: time.Now()}
	return id
}

// useTriggerLocked exchanges a trigger_id for its person, or returns Slack's error.
func (s *Server) useTriggerLocked(id string) (userID, problem string) {
	t, ok := s.triggers[id]
	switch {
	case !ok:
		return "", "invalid_trigger_id"
	case t.used:
		return "", "exchanged_trigger_id"
	case time.Since(t.at) > triggerLife:
		return "", "expired_trigger_id"
	}
	t.used = true
	return t.userID, ""
}

func (s *Server) newResponseURLLocked(base string, u *responseURL) string {
	for token, old := range s.urls {
		if time.Since(old.at) > keepExpired {
			delete(s.urls, token)
		}
	}
	u.at = time.Now()
	token := rand.Text()
	s.urls[token] = u
	return base + "/commands/response/" + token
}
