package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// configFile is a configuration file as an operator would write it for the sandbox's world. The
// second account is the team's own: one person may approve there who may not for the first one. The
// policy is looked at again sooner than in production, because a visitor stays for minutes.
func configFile(world actors.World, margin time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "slack:\n  channels: [%s]\napprovals:\n  approvers: [%s]\n  expire_after: 15m\naccounts:\n",
		actors.Incident, actors.Group)
	ids := map[string]string{"prod": actors.ProdID, "staging": actors.StagingID}
	for _, name := range []string{"prod", "staging"} {
		fmt.Fprintf(&b, "  %s:\n    id: %q\n    assume_role: %s\n    users_role: %s\n    trust_role: %s\n"+
			"    external_id: %s\n    regions: [us-east-1, eu-west-1]\n"+
			"    measures: [revoke, lock, key, restrict, freeze, rotate-external-id]\n",
			name, ids[name], world.Spokes[name], world.Users[name], world.Trusts[name], actors.ExternalID)
		if name == "staging" {
			fmt.Fprintf(&b, "    approvers: [%s, %s]\n", actors.Group, actors.Nils)
		}
	}
	fmt.Fprintf(&b, "protected_roles:\n  - arn:aws:iam::*:role/break-glass-admin\nrevocation:\n  margin: %s\n"+
		"  guard: [5s, 15s, 60s, 5m, 20m]\n"+
		"trail:\n  lookback: 12h\n  follow_ups: [30s, 2m, 7m, 16m]\n", margin)
	return b.String()
}
