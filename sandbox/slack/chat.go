package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

const (
	// maxUpdateText is the longest text of chat.update.
	maxUpdateText = 4000
	// maxMetadata is this stand-in's own limit for metadata in bytes; Slack has one
	// (metadata_too_large) and does not say where.
	maxMetadata = 8000
	// postsPerSecond and postBurst are the pace of chat.postMessage per channel: Slack says one a
	// second with short bursts ("Rate limits").
	postsPerSecond = 1
	postBurst      = 20
)

// writableLocked finds a channel that the bot can write to; a user's id stands for the direct
// message with them.
func (s *Server) writableLocked(id string) (Channel, string) {
	c, found := s.channels.get(id)
	if _, isUser := s.users.get(id); !found && isUser {
		c, found = s.directLocked(id), true
	}
	switch {
	case !found, c.Private && !c.BotMember:
		return c, "channel_not_found"
	case !c.DM && !s.cfg.grants(c.Teams...):
		return c, "team_access_not_granted"
	case c.Archived:
		return c, "is_archived"
	case !c.BotMember && !s.hasScope("chat:write.public"):
		return c, "not_in_channel"
	case c.ReadOnly:
		return c, "restricted_action_read_only_channel"
	case len(c.PostingOnly) > 0 && !slices.Contains(c.PostingOnly, s.cfg.BotUserID):
		return c, "restricted_action"
	}
	return c, ""
}

// contentLocked checks text and blocks of a call and returns them as they are stored.
func (s *Server) contentLocked(c *call) (text string, blocks json.RawMessage, bad *answer) {
	text, blocks = c.args["text"], json.RawMessage(c.args["blocks"])
	problems := CheckMessage(text, blocks)
	if len(problems) == 0 {
		problems = s.checkFilesLocked("/blocks", blocks, "invalid_blocks")
	}
	if len(problems) == 0 {
		return text, withIDs(blocks), nil
	}
	code := problems[0].Code
	a := refuse(code)
	if code != "no_text" && code != "msg_too_long" {
		same := slices.DeleteFunc(problems, func(p Problem) bool { return p.Code != code })
		a = refuseProblems(code, same)
	}
	return "", nil, &a
}

// checkMetadata returns Slack's error for metadata that cannot be used.
func checkMetadata(raw string) string {
	var m struct {
		EventType    string         `json:"event_type"`
		EventPayload map[string]any `json:"event_payload"`
	}
	switch {
	case raw == "":
		return ""
	case len(raw) > maxMetadata:
		return "metadata_too_large"
	case json.Unmarshal([]byte(raw), &m) != nil || m.EventType == "" || m.EventPayload == nil:
		return "invalid_metadata_format"
	}
	return ""
}

// threadLocked decides where a reply lands. A reply to a root that was deleted is accepted outside
// the thread.
func (s *Server) threadLocked(channelID, ts string) (threadTS, problem string) {
	if ts == "" {
		return "", ""
	}
	if _, ok := parseTS(ts); !ok {
		return "", "invalid_thread_ts"
	}
	root := s.everLocked(channelID, ts)
	switch {
	case root == nil:
		return "", "thread_not_found"
	case root.ThreadTS != "" || root.Ephemeral:
		return "", "cannot_reply_to_message"
	case root.gone:
		return "", ""
	}
	return ts, ""
}

// postMessage is chat.postMessage.
func (s *Server) postMessage(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, blocks, bad := s.contentLocked(c)
	if bad != nil {
		return *bad
	}
	if problem := checkMetadata(c.args["metadata"]); problem != "" {
		return refuse(problem)
	}
	channel, problem := s.writableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	threadTS, problem := s.threadLocked(channel.ID, c.args["thread_ts"])
	if problem != "" {
		return refuse(problem)
	}
	limit := s.limits[channel.ID]
	if limit == nil {
		limit = rate.NewLimiter(postsPerSecond, postBurst)
		s.limits[channel.ID] = limit
	}
	if !limit.Allow() {
		a := refuse("ratelimited")
		a.status, a.retryAfter = http.StatusTooManyRequests, time.Second
		return a
	}
	m := &message{
		Message: Message{
			ChannelID: channel.ID, ThreadTS: threadTS, UserID: s.cfg.BotUserID, Text: text, Blocks: blocks,
		},
		broadcast: threadTS != "" && isTrue(c.args["reply_broadcast"]),
	}
	if raw := c.args["metadata"]; raw != "" {
		m.Metadata = json.RawMessage(raw)
	}
	s.addLocked(m)
	return success("channel", channel.ID, "ts", m.TS, "message", s.messageLocked(m, true))
}

// ownLocked finds a message of the bot's for chat.update and chat.delete.
func (s *Server) ownLocked(c *call, notOwn string) (*message, string) {
	channel, problem := s.writableLocked(c.args["channel"])
	if problem != "" {
		return nil, problem
	}
	m := s.findLocked(channel.ID, c.args["ts"])
	switch {
	case m == nil || m.Ephemeral:
		return nil, "message_not_found"
	case !m.fromBot(s):
		return nil, notOwn
	}
	return m, ""
}

// updateMessage is chat.update. A text without blocks takes the blocks away; metadata that is not
// given stays.
func (s *Server) updateMessage(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, blocks, bad := s.contentLocked(c)
	if bad != nil {
		return *bad
	}
	if utf8.RuneCountInString(text) > maxUpdateText {
		return refuse("msg_too_long")
	}
	if problem := checkMetadata(c.args["metadata"]); problem != "" {
		return refuse(problem)
	}
	m, problem := s.ownLocked(c, "cant_update_message")
	if problem != "" {
		return refuse(problem)
	}
	m.Text, m.Blocks = text, blocks
	m.Edited = m.Edited || blocks == nil
	if raw := c.args["metadata"]; raw != "" {
		m.Metadata = json.RawMessage(raw)
	}
	s.changedLocked("update", m)
	return success("channel", m.ChannelID, "ts", m.TS, "text", m.Text, "message", s.messageLocked(m, true))
}

// removeMessage is chat.delete.
func (s *Server) removeMessage(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, problem := s.ownLocked(c, "cant_delete_message")
	if problem != "" {
		return refuse(problem)
	}
	s.deleteLocked(m)
	return success("channel", m.ChannelID, "ts", m.TS)
}

// postEphemeral is chat.postEphemeral.
func (s *Server) postEphemeral(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, blocks, bad := s.contentLocked(c)
	if bad != nil {
		return *bad
	}
	channel, problem := s.writableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	if !inChannel(channel, c.args["user"]) {
		return refuse("user_not_in_channel")
	}
	threadTS, problem := s.threadLocked(channel.ID, c.args["thread_ts"])
	if problem != "" {
		return refuse(problem)
	}
	m := &message{Message: Message{
		ChannelID: channel.ID, ThreadTS: threadTS, UserID: s.cfg.BotUserID, Text: text, Blocks: blocks,
		Ephemeral: true, VisibleTo: c.args["user"],
	}}
	s.addLocked(m)
	return success("message_ts", m.TS)
}

// permalink is chat.getPermalink.
func (s *Server) permalink(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	channel, problem := s.readableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	m := s.findLocked(channel.ID, c.args["message_ts"])
	if m == nil || m.Ephemeral {
		return refuse("message_not_found")
	}
	link := fmt.Sprintf("https://%s.slack.com/archives/%s/p%s", s.cfg.Domain, channel.ID,
		strings.Replace(m.TS, ".", "", 1))
	if m.ThreadTS != "" {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + channel.ID
	}
	return success("channel", channel.ID, "permalink", link)
}

func isTrue(arg string) bool { return arg == "true" || arg == "1" }
