package slack

import (
	"crypto/rand"
	"strings"
	"time"
)

// ticketLife is how long the URL of apps.connections.open may be used.
const ticketLife = 30 * time.Second

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

// useTicket takes a Socket Mode ticket; it can be taken once.
func (s *Server) useTicket(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	issued, ok := s.tickets[ticket]
	delete(s.tickets, ticket)
	return ok && time.Since(issued) <= ticketLife
}
