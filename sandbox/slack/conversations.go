package slack

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
)

// readableLocked finds a channel that the bot can see: a public one, or one that it is in.
func (s *Server) readableLocked(id string) (Channel, string) {
	c, found := s.channels.get(id)
	if !found || c.Private && !c.BotMember {
		return c, "channel_not_found"
	}
	if !c.DM && !s.cfg.grants(c.Teams...) {
		return c, "team_access_not_granted"
	}
	return c, ""
}

// scopeFor is the scope that a method needs for this kind of channel.
func (c Channel) scopeFor(right string) []string {
	switch {
	case c.DM:
		return []string{"im:" + right}
	case c.Private:
		return []string{"groups:" + right}
	}
	return []string{"channels:" + right}
}

// channelLocked is a conversation as the Web API shows it.
func (s *Server) channelLocked(c Channel) map[string]any {
	if c.DM {
		user := ""
		if len(c.Members) > 0 {
			user = c.Members[0]
		}
		return map[string]any{
			"id": c.ID, "is_im": true, "user": user, "is_archived": c.Archived, "is_org_shared": false,
			"created": s.cfg.epoch(), "is_user_deleted": false, "context_team_id": s.cfg.TeamID,
		}
	}
	p := map[string]any{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "created": s.cfg.epoch(), "creator": "USLACKBOT",
		"is_channel": !c.Private, "is_group": c.Private, "is_im": false, "is_mpim": false, "is_private": c.Private,
		"is_archived": c.Archived, "is_general": false, "is_member": c.BotMember, "is_read_only": c.ReadOnly, "unlinked": 0,
		"is_shared": c.Shared || c.OrgShared, "is_ext_shared": c.Shared, "is_org_shared": c.OrgShared,
		"is_pending_ext_shared": c.Invited,
		"context_team_id":       s.cfg.TeamID, "shared_team_ids": c.Teams, "previous_names": []string{},
		"topic":   map[string]any{"value": "", "creator": "", "last_set": 0},
		"purpose": map[string]any{"value": "", "creator": "", "last_set": 0},
	}
	if len(c.PostingOnly) > 0 {
		p["properties"] = map[string]any{"posting_restricted_to": map[string]any{"type": []string{}, "user": c.PostingOnly}}
	}
	return p
}

// channelInfo is conversations.info.
func (s *Server) channelInfo(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	channel, problem := s.readableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	if bad := s.checkScopes(channel.scopeFor("read")); bad != nil {
		return *bad
	}
	p := s.channelLocked(channel)
	if isTrue(c.args["include_num_members"]) {
		p["num_members"] = len(s.membersLocked(channel))
	}
	return success("channel", p)
}

// membersLocked are the people of a channel and the bot, if it is in.
func (s *Server) membersLocked(c Channel) []string {
	members := slices.Clone(c.Members)
	if c.BotMember {
		members = append(members, s.cfg.BotUserID)
	}
	return members
}

// channelMembers is conversations.members.
func (s *Server) channelMembers(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	channel, problem := s.readableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	if bad := s.checkScopes(channel.scopeFor("read")); bad != nil {
		return *bad
	}
	members := s.membersLocked(channel)
	start, limit, problem := page(c, 100, 1000)
	if problem != "" {
		return refuse(problem)
	}
	part, next := cutPage(members, start, limit)
	return success("members", part, "response_metadata", map[string]any{"next_cursor": next})
}

// channelHistory is conversations.history: roots and broadcast replies, newest first, without
// ephemeral messages.
func (s *Server) channelHistory(c *call) answer {
	return s.listMessages(c, func(channel Channel) ([]*message, string) {
		var list []*message
		for _, m := range slices.Backward(s.messages[channel.ID]) {
			tombstone := m.gone && len(s.repliesLocked(channel.ID, m.TS)) > 0
			if !m.Ephemeral && (m.ThreadTS == "" || m.broadcast) && (!m.gone || tombstone) {
				list = append(list, m)
			}
		}
		return list, ""
	})
}

// channelReplies is conversations.replies: the root and then its replies, oldest first.
func (s *Server) channelReplies(c *call) answer {
	return s.listMessages(c, func(channel Channel) ([]*message, string) {
		ts := c.args["ts"]
		root := s.everLocked(channel.ID, ts)
		if root == nil || root.Ephemeral {
			return nil, "thread_not_found"
		}
		replies := s.repliesLocked(channel.ID, ts)
		if root.gone && len(replies) == 0 {
			return nil, "thread_not_found"
		}
		return append([]*message{root}, replies...), ""
	})
}

// listMessages answers with a page of messages between oldest and latest.
func (s *Server) listMessages(c *call, list func(Channel) ([]*message, string)) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	channel, problem := s.readableLocked(c.args["channel"])
	if problem != "" {
		return refuse(problem)
	}
	if bad := s.checkScopes(channel.scopeFor("history")); bad != nil {
		return *bad
	}
	if !channel.BotMember {
		return refuse("not_in_channel")
	}
	all, problem := list(channel)
	if problem != "" {
		return refuse(problem)
	}
	oldest, latest := micros(c.args["oldest"], 0), micros(c.args["latest"], math.MaxInt64)
	inclusive := isTrue(c.args["inclusive"])
	root := c.args["ts"] // the root of a thread is always told
	all = slices.DeleteFunc(all, func(m *message) bool {
		inside := m.micros > oldest && m.micros < latest
		edge := inclusive && (m.micros == oldest || m.micros == latest)
		return !inside && !edge && (root == "" || m.TS != root)
	})
	start, limit, problem := page(c, 100, 1000)
	if problem != "" {
		return refuse(problem)
	}
	part, next := cutPage(all, start, limit)
	messages := make([]any, 0, len(part))
	for _, m := range part {
		messages = append(messages, s.messageLocked(m, isTrue(c.args["include_all_metadata"])))
	}
	return success("messages", messages, "has_more", next != "",
		"response_metadata", map[string]any{"next_cursor": next})
}

// openChannel is conversations.open with one person.
func (s *Server) openChannel(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var channel Channel
	users := strings.Split(c.args["users"], ",")
	switch {
	case c.args["channel"] != "" && c.args["users"] != "":
		return refuse("invalid_arguments", "[ERROR] give channel or users, not both")
	case c.args["channel"] != "":
		found, problem := s.readableLocked(c.args["channel"])
		if problem != "" || !found.DM {
			return refuse("channel_not_found")
		}
		channel = found
	case c.args["users"] == "":
		return refuse("users_list_not_supplied")
	case len(users) > 1:
		return refuse("invalid_arguments", "[ERROR] several users are not supported")
	default:
		u, known := s.users.get(users[0])
		switch {
		case !known:
			return refuse("user_not_found")
		case u.Bot:
			return refuse("cannot_dm_bot")
		case u.Deactivated:
			return refuse("user_disabled")
		}
		channel = s.directLocked(u.ID)
	}
	p := map[string]any{"id": channel.ID}
	if isTrue(c.args["return_im"]) {
		p = s.channelLocked(channel)
	}
	return success("channel", p)
}

// page reads limit and cursor.
func page(c *call, standard, most int) (start, limit int, problem string) {
	limit = standard
	if text := c.args["limit"]; text != "" {
		limit, _ = strconv.Atoi(text) // the argument's kind has been checked
		if limit < 1 || limit > most {
			return 0, 0, "invalid_limit"
		}
	}
	if cursor := c.args["cursor"]; cursor != "" {
		plain, err := base64.StdEncoding.DecodeString(cursor)
		if err == nil {
			start, err = strconv.Atoi(strings.TrimPrefix(string(plain), "next:"))
		}
		if err != nil || start < 0 {
			return 0, 0, "invalid_cursor"
		}
	}
	return start, limit, ""
}

// cutPage returns a page and the cursor of the next, empty at the end.
func cutPage[T any](all []T, start, limit int) ([]T, string) {
	start = min(start, len(all))
	end := min(start+limit, len(all))
	next := ""
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("next:" + strconv.Itoa(end)))
	}
	return all[start:end], next
}

// micros reads a ts or a number of seconds as microseconds.
func micros(text string, otherwise int64) int64 {
	if exact, ok := parseTS(text); ok {
		return exact
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return otherwise
	}
	return int64(seconds * 1e6)
}
