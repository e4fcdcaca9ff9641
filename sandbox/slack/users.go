package slack

import (
	"slices"
	"time"
)

// authTest is auth.test.
func (s *Server) authTest(*call) answer {
	a := success("url", "https://"+s.cfg.Domain+".slack.com/", "team", s.cfg.TeamName, "user", s.cfg.BotName,
		"team_id", s.cfg.TeamID, "user_id", s.cfg.BotUserID, "bot_id", s.cfg.BotID, "is_enterprise_install", s.cfg.OrgWide)
	if s.cfg.EnterpriseID != "" {
		a.fields["enterprise_id"] = s.cfg.EnterpriseID
	}
	if s.cfg.OrgWide {
		a.fields["team_id"], a.fields["url"] = s.cfg.EnterpriseID, "https://"+s.cfg.Domain+".enterprise.slack.com/"
	}
	return a
}

// userInfo is users.info.
func (s *Server) userInfo(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, known := s.userLocked(c.args["user"])
	if !known {
		return refuse("user_not_found")
	}
	p := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deactivated,
		"is_bot": u.Bot, "is_app_user": false, "is_stranger": u.Stranger, "updated": s.cfg.epoch(),
		"profile": map[string]any{
			"real_name": u.RealName, "real_name_normalized": u.RealName, "display_name": u.Name,
			"display_name_normalized": u.Name, "title": u.Title, "team": u.TeamID, "avatar_hash": "",
		},
	}
	if !u.Deactivated { // Slack leaves these out of a deactivated user
		zone, err := time.LoadLocation(u.TZ)
		if err != nil {
			zone = time.UTC
		}
		label, offset := time.Now().In(zone).Zone()
		p["tz"], p["tz_label"], p["tz_offset"] = u.TZ, label, offset
		p["is_admin"], p["is_owner"], p["is_primary_owner"] = false, false, false
		p["is_restricted"] = u.Guest || u.SingleChannelGuest
		p["is_ultra_restricted"] = u.SingleChannelGuest
		p["is_email_confirmed"] = true
	}
	if u.EnterpriseID != "" {
		p["enterprise_user"] = map[string]any{
			"id": u.ID, "enterprise_id": u.EnterpriseID, "enterprise_name": "", "teams": []string{u.TeamID},
			"is_admin": false, "is_owner": false,
		}
	}
	if isTrue(c.args["include_locale"]) {
		p["locale"] = "en-US"
	}
	return success("user", p)
}

// botInfo is bots.info: the app's own bot is the only one.
func (s *Server) botInfo(c *call) answer {
	if c.args["bot"] != s.cfg.BotID {
		return refuse("bot_not_found")
	}
	return success("bot", map[string]any{
		"id": s.cfg.BotID, "deleted": false, "name": s.cfg.BotName, "updated": s.cfg.epoch(), "app_id": s.cfg.AppID,
		"user_id": s.cfg.BotUserID, "icons": map[string]any{},
	})
}

// groupList is usergroups.list.
func (s *Server) groupList(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, g := range s.groups.all() {
		if g.TeamID != s.cfg.team(c) {
			continue
		}
		if g.Disabled && !isTrue(c.args["include_disabled"]) {
			continue
		}
		deleted := int64(0)
		if g.Disabled {
			deleted = s.cfg.epoch()
		}
		p := map[string]any{
			"id": g.ID, "team_id": g.TeamID, "is_usergroup": true, "is_subteam": true, "is_external": false,
			"name": g.Name, "handle": g.Handle, "description": "", "date_create": s.cfg.epoch(),
			"date_update": s.cfg.epoch(), "date_delete": deleted, "auto_type": nil, "created_by": "USLACKBOT",
			"prefs": map[string]any{"channels": []string{}, "groups": []string{}},
		}
		if isTrue(c.args["include_count"]) {
			p["user_count"] = len(g.Members)
		}
		if isTrue(c.args["include_users"]) {
			p["users"] = g.Members
		}
		list = append(list, p)
	}
	return success("usergroups", list)
}

// groupUsers is usergroups.users.list. A disabled group has nobody unless disabled ones are asked
// for.
func (s *Server) groupUsers(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.groups.get(c.args["usergroup"])
	if !known || g.TeamID != s.cfg.team(c) || g.Disabled && !isTrue(c.args["include_disabled"]) {
		return refuse("no_such_subteam")
	}
	users := slices.Clone(g.Members)
	if users == nil {
		users = []string{}
	}
	return success("users", users)
}
