package crash

import (
	"fmt"
	"slices"
	"strings"
)

// point is a place in the bot's work where it can be killed: before or after one step of one kind.
type point struct {
	where string // "redis", "aws" or "slack"
	what  string // the script, the command, the action, the method; "" in a shot: any
	after bool   // the step was done, and the bot has not heard of it yet
}

func (p point) String() string {
	when := "before"
	if p.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s", when, p.where, p.what)
}

// steps are the kinds of steps that rounds are killed at, each before and after. What a bot does
// once a start only, such as asking for its own name, is among them too: a process may die while it
// starts.
func steps() map[string][]string {
	return map[string][]string{
		"redis": {
			"accept", "take", "open", "commit", "note", "begin_delivery", "mark_delivery", "end_delivery", "done", "postpone",
			"acknowledge", "promote",
			"claim", "begin", "keep", "allow", "announce", "chain", "read",
		},
		"aws": {
			"AssumeRole", "GetCallerIdentity", "GetRole", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy",
			"ListAttachedRolePolicies", "AttachRolePolicy", "DetachRolePolicy",
			"GetUser", "ListAccessKeys", "UpdateAccessKey", "GetUserPolicy", "PutUserPolicy", "DeleteUserPolicy",
			"GetAccessKeyInfo", "GetAccessKeyLastUsed", "ListUserPolicies", "ListAttachedUserPolicies", "ListGroupsForUser",
			"GetLoginProfile",
			"ListRolePolicies", "ListRoles", "SimulatePrincipalPolicy", "LookupEvents",
		},
		"slack": {
			"auth.test", "apps.connections.open", "users.info", "usergroups.users.list", "chat.postMessage", "chat.update",
			"conversations.history", "conversations.replies", "views.open", "response_url", "chat.postEphemeral", "envelope",
			"ack",
			"conversations.info", "conversations.members", "conversations.open", "files.getUploadURLExternal", "upload",
			"files.completeUploadExternal",
		},
	}
}

// seldom are the store's scripts that write nothing or do nothing while all is well, and that of
// the webhook, which these rounds have not.
func seldom() []string { return []string{"park", "sweep", "condemn", "backlog", "sending"} }

// nameless are the steps of this round that are no points, and so are never struck on purpose.
func nameless(seen map[point]int) []string {
	var names []string
	all := points()
	for p := range seen {
		if p.where != "redis" && !slices.Contains(all, p) && !slices.Contains(all, point{p.where, p.what, true}) {
			names = append(names, p.String())
		}
	}
	return names
}

// points are all of them, in one order.
func points() []point {
	var all []point
	for where, names := range steps() {
		for _, what := range names {
			for _, after := range []bool{false, true} {
				p := point{where, what, after}
				if what == "envelope" && !after || what == "ack" && !after {
					continue // before an envelope there is nothing, and before its acknowledgement is after accept
				}
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b point) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// pointOf reads a point as String writes it; a where alone, or a what alone, is not enough.
func pointOf(text string) (point, error) {
	for _, p := range points() {
		if p.String() == text {
			return p, nil
		}
	}
	return point{}, fmt.Errorf("no point is called %q", text)
}
