package approvals

import "cmp"

// Person is a directory record as of one moment. The zero value is a failed look-up.
type Person struct {
	ID         string
	Name       string // that people know them by, foreign text; no rule reads it
	Found      bool   // the look-up succeeded and was of this id
	Team       string // home workspace
	Enterprise string // organisation of the home workspace, empty without one
	Guest      bool   // multi-channel or single-channel guest
	Bot        bool   // any kind of program: bot user, app user, workflow, connector
	Gone       bool   // deactivated
	Stranger   bool   // of another organisation, by Slack's own word
}

// Standing is the kind of a person's account. The zero value is unknown and never passes.
type Standing int

// Standings. Only FullMember may request or approve.
const (
	StandingUnknown Standing = iota
	FullMember
	Guest
	Bot
	Deactivated
	Outsider
)

// String names the standing as a sentence would.
func (s Standing) String() string {
	return cmp.Or(map[Standing]string{
		FullMember: "full member", Guest: "guest", Bot: "bot", Deactivated: "deactivated account",
		Outsider: "person of another organisation",
	}[s], "unknown")
}

// Standing judges the person as seen from the place. Slack's word "stranger" is not enough: it is
// false for people of another organisation who share a channel, so the home workspace or the
// organisation must be the place's own (Slack documentation, "Developing for Slack Connect").
func (p Person) Standing(home Place) Standing {
	switch {
	case !p.Found || p.ID == "":
		return StandingUnknown
	case p.Gone:
		return Deactivated
	case p.Bot:
		return Bot
	case p.Stranger:
		return Outsider
	case p.Team == "" || home.Team == "" && home.Enterprise == "":
		return StandingUnknown
	case !home.Holds(Place{Team: p.Team, Enterprise: p.Enterprise}):
		return Outsider
	case p.Guest:
		return Guest
	default:
		return FullMember
	}
}

// Membership says whether a person is in a group. The zero value is unknown and never passes.
type Membership int

// Memberships.
const (
	MembershipUnknown Membership = iota // not looked up, or the look-up failed
	NotMember
	Member
)
