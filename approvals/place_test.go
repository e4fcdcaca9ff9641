package approvals_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestAPlaceIsComparedByItsHomeItsAppAndItsChannel(t *testing.T) {
	type place = approvals.Place
	workspace, grid, org := place{Team: "T1"}, place{Team: "T1", Enterprise: "E1"}, place{Enterprise: "E1"}
	for name, c := range map[string]struct {
		home, other place
		want        bool
	}{
		"the workspace": {workspace, place{Team: "T1"}, true},
		"the workspace, which joined an organisation":        {workspace, place{Team: "T1", Enterprise: "E1"}, true},
		"another workspace":                                  {workspace, place{Team: "T2"}, false},
		"another workspace of some organisation":             {workspace, place{Team: "T2", Enterprise: "E1"}, false},
		"an organisation":                                    {workspace, org, false},
		"nowhere, for a workspace":                           {workspace, place{}, false},
		"the workspace of the organisation":                  {grid, place{Team: "T1", Enterprise: "E1"}, true},
		"its workspace, without the organisation":            {grid, place{Team: "T1"}, true},
		"its other workspace":                                {grid, place{Team: "T2", Enterprise: "E1"}, true},
		"its organisation alone":                             {grid, org, true},
		"its organisation in place of a workspace":           {grid, place{Team: "E1"}, true},
		"its workspace, in another organisation":             {grid, place{Team: "T1", Enterprise: "E2"}, false},
		"another workspace, without the organisation":        {grid, place{Team: "T2"}, false},
		"a workspace of another organisation":                {grid, place{Team: "T2", Enterprise: "E2"}, false},
		"another organisation":                               {grid, place{Enterprise: "E2"}, false},
		"another organisation in place of a workspace":       {grid, place{Team: "E2"}, false},
		"nowhere, for a workspace of an organisation":        {grid, place{}, false},
		"any workspace of an organisation that has the app":  {org, place{Team: "T2", Enterprise: "E1"}, true},
		"the organisation that has the app":                  {org, org, true},
		"a workspace alone, for an organisation":             {org, place{Team: "T1"}, false},
		"another organisation than the one that has the app": {org, place{Team: "T1", Enterprise: "E2"}, false},
		"nowhere, for an organisation":                       {org, place{}, false},
		"a place, for nowhere":                               {place{}, place{Team: "T1", Enterprise: "E1"}, false},
		"nowhere, for nowhere":                               {place{}, place{}, false},
	} {
		for _, at := range []place{{App: "A1", Channel: "C1"}, {App: "A1", Channel: "C2"}, {App: "A2", Channel: "C1"}, {}} {
			home, other := c.home, c.other
			home.App, home.Channel, other.App, other.Channel = "A1", "C1", at.App, at.Channel
			if got := home.Holds(other); got != c.want {
				t.Errorf("%s: %+v holds %+v: %v", name, home, other, got)
			}
			if got, want := home.Is(other), c.want && at.App == "A1" && at.Channel == "C1"; got != want {
				t.Errorf("%s: %+v is %+v: %v", name, home, other, got)
			}
		}
	}
}
