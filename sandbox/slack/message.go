package slack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one message as people see it.
type Message struct {
	ChannelID string
	// TS is the message's id in its channel: seconds, a dot and six digits, increasing over the whole
	// workspace.
	TS string
	// ThreadTS is the root's ts in a reply, empty in a root.
	ThreadTS string
	// UserID and Username are the author's; for the app they are its bot user's.
	UserID, Username string
	Text             string
	// Blocks is a JSON array, or nil. Blocks and elements that came without an id have one.
	Blocks json.RawMessage
	// Metadata is {"event_type":…,"event_payload":…}, or nil.
	Metadata json.RawMessage
	// Edited is the mark that Slack shows on a changed text; changed blocks do not get it.
	Edited bool
	// Deleted marks what is left of a deleted root that has replies; it has no text and no blocks.
	Deleted bool
	// Ephemeral messages are seen by VisibleTo only and are in no history.
	Ephemeral bool
	VisibleTo string
	Files     []File
	// Seq grows with every change to any message of the workspace.
	Seq int64
}

// message is the stored form.
type message struct {
	Message
	micros    int64
	broadcast bool // a reply that is also shown in the channel
	gone      bool // deleted; kept so that its ts still names something
}

func (m *message) fromBot(s *Server) bool { return m.UserID == s.cfg.BotUserID }

// public returns a copy that shares nothing with the stored message.
func (m *message) public() Message {
	p := m.Message
	p.Blocks, p.Metadata, p.Files = bytes.Clone(p.Blocks), bytes.Clone(p.Metadata), slices.Clone(p.Files)
	return p
}

// nextTSLocked gives out the next ts: now, or just after the last one where the clock stood still
// or went back.
func (s *Server) nextTSLocked() (string, int64) {
	s.lastTS = max(s.lastTS+1, time.Now().UnixMicro())
	return formatTS(s.lastTS), s.lastTS
}

func formatTS(micros int64) string {
	return fmt.Sprintf("%d.%06d", micros/1_000_000, micros%1_000_000)
}

// parseTS reads a ts; it is strict because Slack's ts are ids and not numbers.
func parseTS(ts string) (micros int64, ok bool) {
	whole, fraction, found := strings.Cut(ts, ".")
	if !found || len(fraction) != 6 {
		return 0, false
	}
	micros, err := strconv.ParseInt(whole+fraction, 10, 64)
	return micros, err == nil && formatTS(micros) == ts
}

// addLocked gives a message its ts and stores it.
func (s *Server) addLocked(m *message) {
	m.TS, m.micros = s.nextTSLocked()
	if u, ok := s.userLocked(m.UserID); ok && m.Username == "" {
		m.Username = u.RealName
	}
	s.messages[m.ChannelID] = append(s.messages[m.ChannelID], m)
	kind := "message"
	if m.Ephemeral {
		kind = "ephemeral"
	}
	s.changedLocked(kind, m)
}

// changedLocked counts a change and tells the subscribers.
func (s *Server) changedLocked(kind string, m *message) {
	s.seq++
	m.Seq = s.seq
	p := m.public()
	s.publishLocked(Change{Kind: kind, Message: &p})
}

// findLocked finds a message that was not deleted.
func (s *Server) findLocked(channelID, ts string) *message {
	m := s.everLocked(channelID, ts)
	if m == nil || m.gone {
		return nil
	}
	return m
}

// everLocked finds a message, deleted ones included.
func (s *Server) everLocked(channelID, ts string) *message {
	micros, ok := parseTS(ts)
	if !ok {
		return nil
	}
	list := s.messages[channelID]
	i, found := slices.BinarySearchFunc(list, micros, func(m *message, t int64) int { return cmp.Compare(m.micros, t) })
	if !found {
		return nil
	}
	return list[i]
}

// repliesLocked returns the visible replies of a root in order.
func (s *Server) repliesLocked(channelID, rootTS string) []*message {
	var list []*message
	for _, m := range s.messages[channelID] {
		if m.ThreadTS == rootTS && !m.gone && !m.Ephemeral {
			list = append(list, m)
		}
	}
	return list
}

// deleteLocked takes a message away. A root with replies leaves a tombstone.
func (s *Server) deleteLocked(m *message) {
	m.gone, m.Deleted = true, true
	m.Text, m.Blocks, m.Metadata, m.Files = "", nil, nil, nil
	s.changedLocked("delete", m)
}

// Messages returns what is in a channel, roots, replies and ephemeral messages alike, in ts order.
// Of deleted messages only roots with replies remain, as tombstones.
func (s *Server) Messages(channelID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Message
	for _, m := range s.messages[channelID] {
		if !m.gone || len(s.repliesLocked(channelID, m.TS)) > 0 {
			list = append(list, m.public())
		}
	}
	return list
}

// Post is a person writing a plain message, into the thread of threadTS if that is not empty. With
// metadata it is another app's, in that person's name.
func (s *Server) Post(userID, channelID, threadTS, text string, metadata ...json.RawMessage) (Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.actorLocked(userID, channelID)
	if err != nil {
		return Message{}, err
	}
	if text == "" {
		return Message{}, fmt.Errorf("post to %s: no text", c.ID)
	}
	if threadTS != "" {
		if root := s.findLocked(channelID, threadTS); root == nil || root.ThreadTS != "" || root.Ephemeral {
			return Message{}, fmt.Errorf("post to %s: no thread %s", channelID, threadTS)
		}
	}
	m := &message{Message: Message{ChannelID: channelID, ThreadTS: threadTS, UserID: userID, Text: text}}
	for _, raw := range metadata {
		m.Metadata = raw
	}
	s.addLocked(m)
	return m.public(), nil
}

// DeleteMessage is an administrator deleting any message. What does not exist stays so.
func (s *Server) DeleteMessage(channelID, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.findLocked(channelID, ts); m != nil {
		s.deleteLocked(m)
	}
}

// actorLocked checks that a person exists and is in a conversation that is open.
func (s *Server) actorLocked(userID, channelID string) (Channel, error) {
	if _, ok := s.users.get(userID); !ok {
		return Channel{}, fmt.Errorf("no user %s", userID)
	}
	c, ok := s.channels.get(channelID)
	switch {
	case !ok:
		return c, fmt.Errorf("no channel %s", channelID)
	case c.Archived:
		return c, fmt.Errorf("channel %s is archived", channelID)
	case !inChannel(c, userID):
		return c, fmt.Errorf("user %s is not in channel %s", userID, channelID)
	}
	return c, nil
}
