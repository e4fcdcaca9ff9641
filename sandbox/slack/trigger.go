package slack

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// triggerLife is how long a trigger_id opens a view ("Opening a modal").
	triggerLife = 3 * time.Second
	// responseLife and responseUses limit a response_url ("Handling user interaction").
	responseLife = 30 * time.Minute
	responseUses = 5
	// keepExpired is how long expired things are remembered, to say that they are expired and not unknown.
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

// useTicket takes a Socket Mode ticket; it can be taken once.
func (s *Server) useTicket(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	issued, ok := s.tickets[ticket]
	delete(s.tickets, ticket)
	return ok && time.Since(issued) <= ticketLife
}

// openConnection is apps.connections.open.
func (s *Server) openConnection(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ticket, issued := range s.tickets {
		if time.Since(issued) > ticketLife {
			delete(s.tickets, ticket)
		}
	}
	ticket := rand.Text()
	s.tickets[ticket] = time.Now()
	ws := "ws" + strings.TrimPrefix(baseURL(c.request), "http")
	return success("url", ws+"/link/?ticket="+ticket+"&app_id="+s.cfg.AppID)
}

// route is ServeHTTP without its bookkeeping.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r, strings.TrimPrefix(path, "/api/"))
	case path == "/link/" || path == "/link":
		s.serveLink(w, r)
	case strings.HasPrefix(path, "/commands/response/"):
		s.serveResponseURL(w, r, strings.TrimPrefix(path, "/commands/response/"))
	case strings.HasPrefix(path, "/upload/v1/"):
		s.serveUpload(w, r, strings.TrimPrefix(path, "/upload/v1/"))
	default:
		http.NotFound(w, r)
	}
}
