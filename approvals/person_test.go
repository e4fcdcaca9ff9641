package approvals_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestStanding(t *testing.T) {
	grid := approvals.Place{Team: home.Team, Enterprise: "E0HOME"}
	org := approvals.Place{Enterprise: "E0HOME"}
	type person = approvals.Person
	for name, c := range map[string]struct {
		home   approvals.Place
		person person
		want   approvals.Standing
	}{
		"somebody of the workspace": {
			home, person{ID: bob, Found: true, Team: home.Team}, approvals.FullMember,
		},
		"somebody of another workspace of the organisation": {
			grid, person{ID: bob, Found: true, Team: "T0SISTER", Enterprise: "E0HOME"}, approvals.FullMember,
		},
		"somebody of an organisation that has the app": {
			org, person{ID: bob, Found: true, Team: "T0SISTER", Enterprise: "E0HOME"}, approvals.FullMember,
		},
		"somebody whose workspace Slack calls by the organisation": {
			org, person{ID: bob, Found: true, Team: "E0HOME"}, approvals.FullMember,
		},
		"somebody of an organisation, seen from another that has the app": {
			org, person{ID: bob, Found: true, Team: "T0OTHER", Enterprise: "E0OTHER"}, approvals.Outsider,
		},
		"somebody of no organisation, seen from one that has the app": {
			org, person{ID: bob, Found: true, Team: "T0OTHER"}, approvals.Outsider,
		},
		"somebody without a workspace, seen from an organisation": {
			org, person{ID: bob, Found: true, Enterprise: "E0HOME"}, approvals.StandingUnknown,
		},
		"somebody who was not found": {
			home, person{ID: bob, Team: home.Team}, approvals.StandingUnknown,
		},
		"somebody without an id":       {home, person{Found: true, Team: home.Team}, approvals.StandingUnknown},
		"somebody without a workspace": {home, person{ID: bob, Found: true}, approvals.StandingUnknown},
		"somebody seen from nowhere": {
			approvals.Place{}, person{ID: bob, Found: true, Team: home.Team}, approvals.StandingUnknown,
		},
		"two without a workspace": {approvals.Place{}, person{ID: bob, Found: true}, approvals.StandingUnknown},
		"a guest": {
			home, person{ID: bob, Found: true, Team: home.Team, Guest: true}, approvals.Guest,
		},
		"a bot": {
			home, person{ID: bob, Found: true, Team: home.Team, Bot: true}, approvals.Bot,
		},
		"a deactivated account": {
			home, person{ID: bob, Found: true, Team: home.Team, Gone: true}, approvals.Deactivated,
		},
		"a stranger by Slack's own word": {
			home, person{ID: bob, Found: true, Team: home.Team, Stranger: true}, approvals.Outsider,
		},
		"somebody of another workspace": {
			home, person{ID: bob, Found: true, Team: "T0OTHER"}, approvals.Outsider,
		},
		"somebody of another organisation": {
			grid, person{ID: bob, Found: true, Team: "T0OTHER", Enterprise: "E0OTHER"}, approvals.Outsider,
		},
		"somebody of another workspace where there are no orgs": {
			home, person{ID: bob, Found: true, Team: "T0OTHER", Enterprise: ""}, approvals.Outsider,
		},
		"somebody of an organisation, seen from a workspace of none": {
			home, person{ID: bob, Found: true, Team: "T0OTHER", Enterprise: "E0OTHER"}, approvals.Outsider,
		},
		"somebody of no organisation, seen from a workspace of one": {
			grid, person{ID: bob, Found: true, Team: "T0OTHER"}, approvals.Outsider,
		},
		"a guest of another organisation": {
			home, person{ID: bob, Found: true, Team: "T0OTHER", Guest: true}, approvals.Outsider,
		},
		"a bot that was deactivated": {
			home, person{ID: bob, Found: true, Team: home.Team, Bot: true, Gone: true}, approvals.Deactivated,
		},
		"a bot that is a stranger": {
			home, person{ID: bob, Found: true, Team: home.Team, Bot: true, Stranger: true}, approvals.Bot,
		},
		"a stranger without a workspace": {home, person{ID: bob, Found: true, Stranger: true}, approvals.Outsider},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.person.Standing(c.home); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestZeroValuePersonIsNotAPass(t *testing.T) {
	var nobody approvals.Person
	if got := nobody.Standing(home); got != approvals.StandingUnknown {
		t.Errorf("nobody is a %v", got)
	}
	var standing approvals.Standing
	if standing == approvals.FullMember || standing.String() != "unknown" {
		t.Errorf("an unknown standing is %v", standing)
	}
}

func TestEveryStandingHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for s := approvals.StandingUnknown; s <= approvals.Outsider; s++ {
		if name := s.String(); name == "" || seen[name] {
			t.Errorf("standing %d is called %q", s, name)
		} else {
			seen[name] = true
		}
	}
	if got := approvals.Standing(99).String(); got != "unknown" {
		t.Errorf("a standing that does not exist is called %q", got)
	}
}
