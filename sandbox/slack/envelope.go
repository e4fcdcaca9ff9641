package slack

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// verificationToken is the deprecated token that payloads still carry.
const verificationToken = "sandbox-verification-token"

// encode writes JSON as Slack does, without escaping < > & for HTML. The values are all of this
// package's making, so an error is unreachable and shows as null.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// baseURL is the address by which a client reached the server, for the URLs that it is given back.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newID returns an envelope id of the form Slack uses.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	h := hex.EncodeToString(b)
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// nextIDLocked returns an object id such as F0000000012.
func (s *Server) nextIDLocked(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s%010d", prefix, s.ids)
}

// wrap makes the envelope around a payload.
func wrap(kind string, payload map[string]any, apply func(*Delivery)) *envelope {
	id := newID()
	return &envelope{id: id, accepts: true, apply: apply, raw: encode(map[string]any{
		"envelope_id": id, "type": kind, "accepts_response_payload": true, "payload": payload,
	})}
}

// commandPayloadLocked is the payload of a slash command; all its values are strings,
// is_enterprise_install too.
func (s *Server) commandPayloadLocked(base string, u User, c Channel, command, text string) map[string]any {
	name := c.Name
	switch {
	case c.DM:
		name = "directmessage"
	case c.Private:
		name = "privategroup"
	}
	p := map[string]any{
		"token": verificationToken, "team_id": u.TeamID, "team_domain": s.cfg.Domain,
		"channel_id": c.ID, "channel_name": name, "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": text, "api_app_id": s.cfg.AppID,
		"is_enterprise_install": strconv.FormatBool(s.cfg.OrgWide),
		"response_url":          s.newResponseURLLocked(base, &responseURL{channelID: c.ID, userID: u.ID}),
		"trigger_id":            s.newTriggerLocked(u.ID),
	}
	if s.cfg.EnterpriseID != "" {
		p["enterprise_id"], p["enterprise_name"] = s.cfg.EnterpriseID, s.cfg.TeamName
	}
	return p
}

// interactionLocked holds the fields that all interactive payloads share.
func (s *Server) interactionLocked(kind string, u User) map[string]any {
	team, enterprise, from := s.cfg.origin(kind, u)
	return map[string]any{
		"type": kind, "token": verificationToken, "api_app_id": s.cfg.AppID,
		"team": team, "enterprise": enterprise, "is_enterprise_install": s.cfg.OrgWide,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": from},
		"trigger_id": s.newTriggerLocked(u.ID),
	}
}

// messageLocked is a message as the Web API and payloads show it.
func (s *Server) messageLocked(m *message, metadata bool) map[string]any {
	p := map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "user": m.UserID, "team": s.cfg.TeamID}
	if m.fromBot(s) {
		p["bot_id"], p["app_id"] = s.cfg.BotID, s.cfg.AppID
		p["bot_profile"] = map[string]any{
			"id": s.cfg.BotID, "app_id": s.cfg.AppID, "name": s.cfg.BotName, "team_id": s.cfg.TeamID,
			"deleted": false, "updated": s.cfg.epoch(),
		}
	}
	if m.gone {
		p["subtype"], p["user"], p["text"], p["hidden"] = "tombstone", "USLACKBOT", "This message was deleted.", true
	}
	if len(m.Blocks) > 0 {
		p["blocks"] = m.Blocks
	}
	if metadata && len(m.Metadata) > 0 {
		p["metadata"] = m.Metadata
	}
	if m.Edited {
		p["edited"] = map[string]any{"user": m.UserID, "ts": m.TS}
	}
	if len(m.Files) > 0 {
		p["files"] = s.filesJSON(m.Files)
	}
	if m.ThreadTS != "" {
		p["thread_ts"] = m.ThreadTS
		if root := s.findLocked(m.ChannelID, m.ThreadTS); root != nil {
			p["parent_user_id"] = root.UserID
		}
	} else if replies := s.repliesLocked(m.ChannelID, m.TS); len(replies) > 0 && !m.Ephemeral {
		p["thread_ts"], p["reply_count"], p["latest_reply"] = m.TS, len(replies), replies[len(replies)-1].TS
	}
	return p
}

// epoch is a fixed time for fields that nobody reads.
func (Config) epoch() int64 { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix() }
