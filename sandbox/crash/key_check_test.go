package crash

import (
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// olderSessions is the bot's policy on a user.
const olderSessions = "RevokebotOlderSessions"

// checkKey looks at what AWS has of a user whose key was asked for: no key was made active, nothing
// was written without two people, and of an applied request both documents are there, or only the
// key's status once it was undone.
func (l *lane) checkKey(c *checks, p plan, r approvals.Request, user record.Role, events []approvals.Event) {
	var mine []string
	var last string // of the writes to the policy, whoever made it
	var cutoff, before time.Time
	for _, call := range l.aws.Calls("") {
		switch call.Action {
		case "UpdateAccessKey", "PutUserPolicy", "DeleteUserPolicy":
		default:
			continue
		}
		if call.Code != "" || call.Params["UserName"] != user.Name {
			continue
		}
		if strings.HasSuffix(call.PrincipalARN, "/"+r.ID) {
			mine = append(mine, call.Action)
		}
		switch call.Action {
		case "UpdateAccessKey":
			c.that(invUndone, call.Params["Status"] == "Inactive", "user %s: a key was made %s", user.Name,
				call.Params["Status"])
			continue
		case "PutUserPolicy":
			var err error
			cutoff, err = cutoffOf(call.Params["PolicyDocument"])
			c.that(invCutoff, err == nil && !cutoff.Before(before), "user %s: %v after %v (%v)", user.Name, cutoff, before, err)
			before = cutoff
		}
		last = call.Action
	}
	undo := r.Purpose.Mode() == approvals.ModeUndo
	c.that(invUndecided, len(mine) == 0 || len(r.Votes) >= r.Required, "request %s is %s and wrote %v", r.ID,
		r.State, mine)
	if r.State != approvals.StateApplied {
		return
	}
	now, _ := l.world.Prod.User(user.Name)
	policy, there := now.Policies[olderSessions]
	seen := slices.ContainsFunc(events, func(e approvals.Event) bool { return e.Type == approvals.EventTampered })
	robbed := slices.ContainsFunc(p.asks, func(a *ask) bool {
		return a.role == user.Name && (a.story == keyStolen || a.story == keyStripped)
	})
	if robbed && !seen && (now.Keys[user.Key] != "Inactive" || !there) {
		return // it was done after the last look
	}
	c.that(invUndone, now.Keys[user.Key] == "Inactive", "user %s: the key is %s", user.Name, now.Keys[user.Key])
	c.that(invUndone, there == (last == "PutUserPolicy"), "user %s has %q, the last write is %s", user.Name, policy, last)
	if undo {
		c.that(invUndone, slices.Equal(mine, []string{"DeleteUserPolicy"}), "request %s wrote %v", r.ID, mine)
		return
	}
	c.that(invCutoff, promised(events, cutoff), "request %s: the cutoff %v was never promised", r.ID, cutoff)
	c.that(invUndone, slices.Contains(mine, "UpdateAccessKey") && slices.Contains(mine, "PutUserPolicy"),
		"request %s wrote %v", r.ID, mine)
}
