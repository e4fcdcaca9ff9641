package messages

import (
	"github.com/revokebot/revokebot/approvals"

	"github.com/revokebot/revokebot/handlers/record"
)

// DrillUsage says how to ask for a drill, when there was nothing to go on.
func DrillUsage() *Message {
	return sentence(drillMark + "name the role to rehearse a revocation of, and why: `" + Command + " drill DeployRole " +
		"first Monday of the month`. Nothing is written.")
}

// RealOneOpen answers who asks for a drill of a role while a real request for it is under way. link
// is that of its card, empty while it is being posted.
func RealOneOpen(r approvals.Request, role record.Role, link string) *Message {
	where := "Its card is being posted in " + Channel(r.Place.Channel) + "."
	if link != "" {
		where = "Look at <" + link + "|its card> in " + Channel(r.Place.Channel) + "."
	}
	return sentence(drillMark + "none was started, because *a real request* for " + roleWords(role) + " is " +
		r.State.String() + ", asked for by " + Mention(r.Requester) + " at " + local(r.Opened) + ". " + where)
}

// NoQuorumToDrill answers a request for a drill that nobody could approve.
func NoQuorumToDrill(role record.Role, required int, candidates []Candidate) *Message {
	return sentence(drillMark + quorumWords(role, required, candidates) + "\nA real revocation would be refused for the " +
		"same reason. Whoever runs revokebot can add approvers.")
}

// Sentences for drills that ended before their end.
const (
	// DrillGaveUp: the bot failed for a reason of its own.
	DrillGaveUp = "revokebot failed at this drill several times for a reason of its own, which its log has under the " +
		"request's id."
	// UnknownPurpose: a newer version may have opened the request.
	UnknownPurpose = "This version of revokebot does not know what the request is for, so nothing was done. " +
		"Ask again once all replicas are of one version."
)
