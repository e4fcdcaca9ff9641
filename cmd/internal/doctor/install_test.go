package doctor

import (
	"strings"
	"testing"

	"github.com/revokebot/revokebot/internal/finding"
	"github.com/revokebot/revokebot/sandbox/actors"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

func TestDoctorTellsHowTheAppIsInstalledAndWhatIsWrongWithThat(t *testing.T) {
	const (
		sister  = "T0SISTER"
		channel = "channel " + actors.Incident
	)
	both := []string{"T0SANDBOX", sister}
	for name, c := range map[string]struct {
		slack slackstandin.Config
		place func(w *ward)     // where the channel and the group are; nil: in the first workspace
		says  map[string]string // by check
		wrong map[string]string // by check; the others are ok
	}{
		"in a workspace": {says: map[string]string{"bot token": "of the workspace Sandbox (T0SANDBOX)."}},
		"in a workspace of an organisation": {
			slack: slackstandin.Config{Siblings: []string{sister}},
			says:  map[string]string{"bot token": "of the workspace Sandbox (T0SANDBOX) of the organisation E0SANDBOX."},
		},
		"in one of two workspaces that share the channel": {
			slack: slackstandin.Config{Siblings: []string{sister}},
			place: func(w *ward) { w.move(both, "T0SANDBOX", false) },
			says:  map[string]string{channel: "The bot is in #incident-4711."},
		},
		"in a workspace, the group in another": {
			slack: slackstandin.Config{Siblings: []string{sister}},
			place: func(w *ward) { w.move(both, sister, false) },
			wrong: map[string]string{
				"user group " + actors.Group: "Slack knows no such user group", "prod: approvers": "Nobody can approve",
			},
		},
		"in one of two workspaces, the channel shared with another organisation too": {
			slack: slackstandin.Config{Siblings: []string{sister}},
			place: func(w *ward) { w.move(both, "T0SANDBOX", true) },
			wrong: map[string]string{channel: "is shared with another organisation"},
		},
		"in an organisation": {
			slack: slackstandin.Config{Siblings: []string{sister}, OrgWide: true},
			place: func(w *ward) { w.move(both, sister, false) },
			says: map[string]string{
				"bot token": "of the whole organisation Sandbox (E0SANDBOX).", "tokens of one app": "Both are of A0SANDBOX.",
				"workspaces":                 "The app was added to Sandbox T0SANDBOX (T0SANDBOX), Sandbox T0SISTER (T0SISTER).",
				"user group " + actors.Group: "2 people are in it.", channel: "The bot is in #incident-4711.",
			},
		},
		"in an organisation, and added to no workspace": {
			slack: slackstandin.Config{Siblings: []string{sister}, OrgWide: true, Granted: []string{}},
			wrong: map[string]string{
				"workspaces": "The app was added to no workspace", channel: "The app was not added to the workspace",
				"user group " + actors.Group: "missing_argument", "prod: approvers": "Nobody can approve",
			},
		},
		"in an organisation, and not added to the workspace of the channel": {
			slack: slackstandin.Config{Siblings: []string{sister}, OrgWide: true, Granted: []string{sister}},
			place: func(w *ward) { w.move([]string{"T0SANDBOX"}, sister, false) },
			wrong: map[string]string{channel: "The app was not added to the workspace"},
		},
		"in an organisation, and Slack does not list its workspaces": {
			slack: slackstandin.Config{OrgWide: true},
			place: func(w *ward) {
				w.slack.Inject(slackstandin.Fault{Method: "auth.teams.list", HTTPStatus: 503, Times: -1})
			},
			wrong: map[string]string{
				"workspaces": "auth.teams.list", "user group " + actors.Group: "auth.teams.list",
				"prod: approvers": "Nobody can approve",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWardOf(t, c.slack, func(t *testing.T, w *ward) {
				if c.place != nil {
					c.place(w)
				}
				r := w.look("slack")
				for _, p := range r.parts {
					for _, l := range p.lines {
						if want, ok := c.says[l.Check]; ok && !strings.Contains(l.Saw, want) {
							t.Errorf("%s says %q, want %q", l.Check, l.Saw, want)
						}
						delete(c.says, l.Check)
						want, ill := c.wrong[l.Check]
						if ill != (l.State == finding.Failure) || !strings.Contains(l.Saw, want) {
							t.Errorf("%s %s: %s %s", l.State, l.Check, l.Saw, l.Fix)
						}
						delete(c.wrong, l.Check)
					}
				}
				if len(c.says)+len(c.wrong) > 0 {
					t.Errorf("nothing is said of %v %v", c.says, c.wrong)
				}
				wellFormed(t, name, r)
			})
		})
	}
}

// move puts the incident channel into workspaces, and the group into one.
func (w *ward) move(teams []string, group string, external bool) {
	for _, c := range w.slack.Channels() {
		if c.ID == actors.Incident {
			c.Teams, c.OrgShared, c.Shared = teams, len(teams) > 1, external
			w.slack.PutChannel(c)
		}
	}
	for _, g := range w.slack.Groups() {
		g.TeamID = group
		w.slack.PutGroup(g)
	}
}
