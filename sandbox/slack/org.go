package slack

import (
	"slices"
	"strings"
)

// What is different about an organisation with several workspaces (Enterprise Grid), and about an
// app that is deployed to all of it (Slack documentation, "Organization-ready apps"):
//
//   - a slash command and an event name the workspace of the person, and the organisation;
//   - a click names the workspace that the app is installed in, a form and a menu that of the
//     person; all three have no team when the app is deployed to the organisation (Slack
//     documentation, "block_actions payload", "view_submission payload");
//   - some methods then have to be told a workspace that the app was added to, and answer
//     missing_argument without ("usergroups.users.list", "bots.info").
//
// What auth.test says of such a token is not documented: here its team is the organisation.

// ours reports whether a workspace is the server's own or one of its organisation's.
func (c Config) ours(team string) bool { return team == c.TeamID || slices.Contains(c.Siblings, team) }

// grants reports whether the app may look into one of the workspaces.
func (c Config) grants(teams ...string) bool {
	return !c.OrgWide || slices.ContainsFunc(teams, func(id string) bool { return slices.Contains(c.Granted, id) })
}

// team is the workspace that a call is about.
func (c Config) team(call *call) string {
	if c.OrgWide {
		return call.args["team_id"]
	}
	return c.TeamID
}

// checkTeam refuses a call for a workspace that the token is not of. Slack's own client for
// JavaScript names the workspace in every call, so that all methods take one.
func (c Config) checkTeam(m method, call *call) *answer {
	id, given := call.args["team_id"]
	var a answer
	switch {
	case !given && c.OrgWide && m.team:
		a = refuse("missing_argument")
		a.fields["arg"] = "team_id"
	case !given, !c.OrgWide && id == c.TeamID, c.OrgWide && slices.Contains(c.Granted, id):
		return nil
	case c.OrgWide && id == c.EnterpriseID && call.method == "bots.info":
		return nil
	case c.OrgWide && c.ours(id):
		a = refuse("team_access_not_granted")
	default:
		a = refuse("team_not_found")
	}
	return &a
}

// origin is where the payload of an interaction says that it comes from: its team, its enterprise,
// and the team of the person.
func (c Config) origin(kind string, u User) (team, enterprise any, from string) {
	at, from := c.TeamID, u.TeamID
	if kind != "block_actions" {
		at = u.TeamID
	}
	where := map[string]any{"id": at, "domain": strings.ToLower(at)}
	if at == c.TeamID {
		where["domain"] = c.Domain
	}
	if c.EnterpriseID != "" {
		enterprise = map[string]any{"id": c.EnterpriseID, "name": c.TeamName}
		if c.ours(at) {
			where["enterprise_id"], where["enterprise_name"] = c.EnterpriseID, c.TeamName
		}
	}
	if kind == "block_suggestion" && u.EnterpriseID != "" {
		from = u.EnterpriseID // Slack documentation, "block_suggestion payload"
	}
	if c.OrgWide {
		return nil, enterprise, from
	}
	return where, enterprise, from
}

// teamList is auth.teams.list, on one page.
func (s *Server) teamList(*call) answer {
	teams := []any{}
	granted := []string{s.cfg.TeamID}
	if s.cfg.OrgWide {
		granted = s.cfg.Granted
	}
	for _, id := range granted {
		teams = append(teams, map[string]any{"id": id, "name": s.cfg.TeamName + " " + id})
	}
	return success("teams", teams, "response_metadata", map[string]any{"next_cursor": ""})
}
