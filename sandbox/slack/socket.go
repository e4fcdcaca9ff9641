package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
)

const (
	// maxConnections is the limit of open Socket Mode connections per app ("Using Socket Mode").
	maxConnections = 10
	// maxAck is the size from which an acknowledgement is dropped without a word, as Slack does.
	maxAck = 20_480
	// warningTime lies between a disconnect with reason "warning" and the end of the connection.
	warningTime = 10 * time.Second
	// debugLife is how long a connection lasts that was opened with debug_reconnects=true.
	debugLife = 360 * time.Second
	// pongTimeout is how long a ping waits for its pong before the connection counts as dead.
	pongTimeout = 30 * time.Second
)

// ConnectionInfo describes an open Socket Mode connection.
type ConnectionInfo struct {
	ID    int
	Since time.Time
	// Hello is set from the hello frame until the farewell; envelopes go to such connections only.
	Hello bool
	// Sent counts envelopes, Acks acknowledgements that counted, Strays frames that acknowledged
	// nothing: unknown or late ids, ids of another connection, frames past the size limit or not
	// readable.
	Sent, Acks, Strays int
}

// conn is one Socket Mode connection. Its counters are guarded by the server's mutex.
type conn struct {
	info    ConnectionInfo
	ws      *websocket.Conn
	base    string        // scheme and host by which the client came
	greeted chan struct{} // closed when hello was written: the first frame
	done    chan struct{} // closed when nothing more will be read
}

// cut ends the connection without a close frame, as a broken network does.
func (c *conn) cut() { _ = c.ws.CloseNow() }

// serveLink is the WebSocket end of Socket Mode.
func (s *Server) serveLink(w http.ResponseWriter, r *http.Request) {
	if !s.useTicket(r.URL.Query().Get("ticket")) {
		http.Error(w, "ticket is unknown, used or expired", http.StatusForbidden)
		return
	}
	// Slack's own clients send Origin https://api.slack.com, so the origin says nothing; the ticket
	// does.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.cfg.Logger.Warn("websocket refused", "error", err)
		return
	}
	ws.SetReadLimit(1 << 20)
	c := &conn{ws: ws, base: baseURL(r), greeted: make(chan struct{}), done: make(chan struct{})}
	defer c.cut()
	number, ok := s.register(c)
	if !ok {
		return
	}
	defer s.unregister(c)
	if number > maxConnections {
		s.work.Go(func() { s.farewell(c, "too_many_websockets") })
	} else {
		// A client that has read hello may expect envelopes at once, before the write returns here.
		s.mu.Lock()
		c.info.Hello = true
		s.mu.Unlock()
		if err := s.write(c, s.hello(number)); err != nil {
			return
		}
		close(c.greeted)
		s.cfg.Logger.Debug("connection opened", "connection", c.info.ID, "open", number)
		s.work.Go(func() { s.ping(c) })
		if r.URL.Query().Get("debug_reconnects") == "true" {
			s.work.Go(func() { s.endAfter(c, debugLife, "refresh_requested") })
		}
	}
	for { // a closing connection is read to its end too
		_, frame, err := ws.Read(s.ctx)
		if err != nil {
			s.cfg.Logger.Debug("connection ended", "connection", c.info.ID, "reason", err)
			return
		}
		s.received(c, frame)
	}
}

// register adds a connection if the server is open and the limit allows, and returns how many there
// are with it.
func (s *Server) register(c *conn) (number int, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, false
	}
	if len(s.conns) < maxConnections {
		s.nextConn++
		c.info.ID, c.info.Since = s.nextConn, time.Now()
		s.conns = append(s.conns, c)
		return len(s.conns), true
	}
	return len(s.conns) + 1, true
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(other *conn) bool { return other == c })
	close(c.done)
}

// write sends one text frame. A client that does not read for the acknowledgement timeout loses its
// connection.
func (s *Server) write(c *conn, frame []byte) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.AckTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, frame)
}

func (s *Server) hello(number int) []byte {
	return encode(map[string]any{
		"type":            "hello",
		"num_connections": number,
		"connection_info": map[string]any{"app_id": s.cfg.AppID},
		"debug_info": map[string]any{
			"host": "applink-sandbox", "started": time.Now().UTC().Format("2006-01-02 15:04:05.000"),
			"build_number": 1, "approximate_connection_time": 3600,
		},
	})
}

// ping sends Slack's pings until the connection ends or does not answer.
func (s *Server) ping(c *conn) {
	interval := s.cfg.PingInterval
	if interval <= 0 {
		interval = 10 * time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		on := s.pings
		s.mu.Unlock()
		if !on {
			continue
		}
		ctx, cancel := context.WithTimeout(s.ctx, pongTimeout)
		err := c.ws.Ping(ctx)
		cancel()
		if err != nil {
			c.cut()
			return
		}
	}
}

// received handles a frame from the client: an acknowledgement, or nothing that Slack knows.
func (s *Server) received(c *conn, frame []byte) {
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	err := json.Unmarshal(frame, &ack)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(frame) < maxAck {
		for _, p := range s.waiting[ack.EnvelopeID] {
			if p.conn != c || p.acked {
				continue
			}
			if p.trouble.LoseAck {
				c.cut()
				return
			}
			p.acked = true
			p.payload <- ack.Payload
			c.info.Acks++
			if p.trouble.DropAcked {
				c.cut()
			}
			return
		}
	}
	c.info.Strays++
	s.cfg.Logger.Warn("frame acknowledges nothing", "connection", c.info.ID, "envelope_id", ack.EnvelopeID,
		"bytes", len(frame), "error", err)
}

// pickLocked returns the connection whose turn it is, or nil.
func (s *Server) pickLocked() *conn {
	var ready []*conn
	for _, c := range s.conns {
		if c.info.Hello {
			ready = append(ready, c)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	slices.SortFunc(ready, func(a, b *conn) int { return cmp.Compare(a.info.ID, b.info.ID) })
	s.turn++
	return ready[s.turn%len(ready)]
}

// Connections describes the open connections, oldest first.
func (s *Server) Connections() []ConnectionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]ConnectionInfo, 0, len(s.conns))
	for _, c := range s.conns {
		list = append(list, c.info)
	}
	return list
}

// SetPings turns the server's pings on or off for all connections, present and future.
func (s *Server) SetPings(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pings = on
}

// Disconnect sends a disconnect frame with the reason (warning, refresh_requested, link_disabled,
// too_many_websockets) on every connection, or on those with the given ids. After "warning" Slack
// keeps the connections for about ten seconds, and envelopes still come by them; after any other
// reason it closes them at once.
func (s *Server) Disconnect(reason string, ids ...int) {
	if !s.begin() {
		return
	}
	defer s.work.Done()
	for _, c := range s.some(ids) {
		wait := warningTime
		if reason != "warning" {
			wait = 0
			s.retire(c)
		}
		select {
		case <-c.greeted:
		case <-c.done:
			continue
		}
		if err := s.write(c, disconnectFrame(reason)); err != nil {
			c.cut()
			continue
		}
		s.work.Go(func() { s.endAfter(c, wait, "") })
	}
}

// retire keeps further envelopes from a connection.
func (s *Server) retire(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.info.Hello = false
}

// DropConnections cuts every connection, or those with the given ids, without a close frame.
func (s *Server) DropConnections(ids ...int) {
	for _, c := range s.some(ids) {
		c.cut()
	}
}

// some lists the connections with the given ids; without ids, all.
func (s *Server) some(ids []int) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.conns), func(c *conn) bool {
		return len(ids) > 0 && !slices.Contains(ids, c.info.ID)
	})
}

// endAfter closes a connection later, with a disconnect frame if there is a reason.
func (s *Server) endAfter(c *conn, d time.Duration, reason string) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.farewell(c, reason)
	case <-c.done:
	}
}

// farewell writes the disconnect frame, if there is a reason, and closes the connection properly.
func (s *Server) farewell(c *conn, reason string) {
	s.retire(c)
	if reason != "" {
		if err := s.write(c, disconnectFrame(reason)); err != nil {
			c.cut()
			return
		}
	}
	_ = c.ws.Close(websocket.StatusNormalClosure, "") // the peer may have gone first
}

func disconnectFrame(reason string) []byte {
	return encode(map[string]any{
		"type": "disconnect", "reason": reason,
		"debug_info": map[string]any{"host": "applink-sandbox"},
	})
}
