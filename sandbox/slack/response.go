package slack

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// reply is what an app answers a command or a click with: as the payload of an acknowledgement or
// at a response_url.
type reply struct {
	Text            string
	Blocks          json.RawMessage
	ResponseType    string
	ReplaceOriginal bool
	DeleteOriginal  bool
	ThreadTS        string
}

// parseReply reads a reply and checks all of it; an empty object is an empty reply.
func parseReply(raw json.RawMessage) (reply, []Problem) {
	var r reply
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return r, []Problem{{"invalid_payload", "", "must be a JSON object"}}
	}
	var problems []Problem
	read := func(name string, to any) {
		if value, ok := fields[name]; ok && string(value) != "null" {
			if err := json.Unmarshal(value, to); err != nil {
				problems = append(problems, Problem{"invalid_payload", "/" + name, "has the wrong type"})
			}
		}
		delete(fields, name)
	}
	var unfurl bool
	var metadata struct {
		EventType string `json:"event_type"`
	}
	read("text", &r.Text)
	read("blocks", &r.Blocks)
	read("response_type", &r.ResponseType)
	read("replace_original", &r.ReplaceOriginal)
	read("delete_original", &r.DeleteOriginal)
	read("thread_ts", &r.ThreadTS)
	read("unfurl_links", &unfurl)
	read("unfurl_media", &unfurl)
	read("metadata", &metadata) // slack-go always sends one, mostly empty
	if metadata.EventType != "" {
		problems = append(problems, Problem{"invalid_payload", "/metadata", "is not supported here"})
	}
	for name := range fields {
		problems = append(problems, Problem{"invalid_payload", "/" + name, "invalid additional property: " + name})
	}
	if !slices.Contains([]string{"", "ephemeral", "in_channel"}, r.ResponseType) {
		problems = append(problems, Problem{"invalid_payload", "/response_type", "must be ephemeral or in_channel"})
	}
	if string(r.Blocks) == "[]" {
		r.Blocks = nil
	}
	problems = append(problems, CheckMessage(r.Text, r.Blocks)...)
	if r.Text == "" && r.Blocks == nil { // allowed for {} and deletions, the caller knows
		problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Code == "no_text" })
	}
	return r, problems
}

// replyLocked posts a reply as a new message: to one person, or to the channel.
func (s *Server) replyLocked(r reply, channelID, userID, threadTS string) {
	m := &message{Message: Message{
		ChannelID: channelID, ThreadTS: threadTS, UserID: s.cfg.BotUserID,
		Text: r.Text, Blocks: withIDs(r.Blocks),
	}}
	if r.ResponseType != "in_channel" {
		m.Ephemeral, m.VisibleTo = true, userID
	}
	s.addLocked(m)
}

// serveResponseURL answers a POST to a response_url: "ok", or an error as text with 404 for a URL
// that is used up or expired and 400 for a body that cannot be used.
func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request, token string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client went away
	}
	c := &call{method: methodResponse, args: objectArgs(body), request: r}
	s.serveCall(w, r, c, func() answer {
		if r.Method != http.MethodPost {
			return plain(http.StatusMethodNotAllowed, "method_not_allowed")
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return plain(http.StatusBadRequest, "invalid_payload")
		}
		return s.respond(token, body)
	})
}

func (s *Server) respond(token string, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, known := s.urls[token]
	switch {
	case !known || time.Since(u.at) > responseLife:
		return plain(http.StatusNotFound, "expired_url")
	case u.uses >= responseUses:
		return plain(http.StatusNotFound, "used_url")
	}
	r, problems := parseReply(body)
	problems = append(problems, s.checkFilesLocked("/blocks", r.Blocks, "invalid_blocks")...)
	if len(problems) > 0 {
		s.cfg.Logger.Warn("response_url refused", "problems", problems)
		return plain(http.StatusBadRequest, problems[0].Code)
	}
	original := s.findLocked(u.channelID, u.messageTS)
	replaces := r.ReplaceOriginal && original != nil
	switch {
	case r.DeleteOriginal && original == nil:
		return plain(http.StatusNotFound, "message_not_found")
	case !r.DeleteOriginal && r.Text == "" && r.Blocks == nil:
		return plain(http.StatusBadRequest, "no_text")
	}
	u.uses++
	switch {
	case r.DeleteOriginal:
		s.deleteLocked(original)
	case replaces:
		original.Text, original.Blocks = r.Text, withIDs(r.Blocks)
		s.changedLocked("update", original)
	default:
		s.replyLocked(r, u.channelID, u.userID, r.ThreadTS)
	}
	return plain(http.StatusOK, "ok")
}
