package measures

import (
	"fmt"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// situation is what a verdict knows and the next measure depends on.
type situation struct {
	of       approvals.Measure // that the verdict is about
	holds    []approvals.Measure
	losses   int  // how often the policy was missed
	open     bool // the verdict is not contained, or unknown for more than silence
	in       bool // a call of the attacker succeeded: not contained by sessions or calls of the role itself
	back     bool // an attacker has opened sessions since
	outside  bool // the attacker is where no honest session was opened
	services []string
	stolen   bool // the own key of a session's caller
	vendor   bool // a third party's caller opened an unusual session
}

// ladder says after which verdict a measure fits, and why: the first that fits and exists is
// offered.
var ladder = []struct {
	name approvals.Measure
	why  func(situation) string // "" if it does not fit
}{
	{approvals.Lock, func(s situation) string {
		switch {
		case s.losses == 2:
			return "the policy was removed twice"
		case s.losses > 2:
			return fmt.Sprintf("the policy was removed %d times", s.losses)
		}
		return ""
	}},
	{approvals.Revoke, func(s situation) string {
		return when(s.in && s.of == approvals.Restrict, "the attacker calls from a known address")
	}},
	{approvals.Restrict, func(s situation) string {
		_, err := contain.Restrict().(contain.Serving).Services(contain.Target{}, s.services)
		return when(s.open && s.outside && len(s.services) > 0 && err == nil,
			"services use this role, and the attacker is outside")
	}},
	{"rotate-external-id", func(s situation) string {
		return when(s.open && s.vendor, "a third party's session is unusual, so its external id may have leaked")
	}},
	{"freeze", func(s situation) string {
		return when(s.open && s.stolen && (slices.Contains(s.holds, approvals.Revoke) ||
			slices.Contains(s.holds, approvals.Lock)), "the caller's own key is stolen")
	}},
	{approvals.Lock, func(s situation) string {
		switch {
		case s.open && s.back:
			return "the attacker has opened a new session"
		case s.in:
			return "sessions that should be denied still have access"
		}
		return ""
	}},
}

func when(fits bool, why string) string {
	if fits {
		return why
	}
	return ""
}

// Next offers, after a verdict on a measure, the one that fits of those that an account lists; nil
// if none does. What is in force on the role is not offered again.
func (t Table) Next(
	of approvals.Measure, listed []approvals.Measure, role record.Role, c record.Conclusion, in record.Incident,
) *messages.Offer {
	if in.Drill || in.Undone || c.Word == record.WordSuperseded {
		return nil
	}
	s := situationOf(of, role, c, in)
	for _, rung := range ladder {
		k, exists := t.Of(string(rung.name))
		if !exists || !slices.Contains(listed, k.Name) || slices.Contains(s.holds, k.Name) ||
			string(k.Principal()) != role.Noun() {
			continue
		}
		if why := rung.why(s); why != "" {
			return &messages.Offer{Name: string(k.Name), Words: k.Words, Why: why}
		}
	}
	return nil
}

func situationOf(of approvals.Measure, role record.Role, c record.Conclusion, in record.Incident) situation {
	open := c.Word == record.WordNotContained || c.Word == record.WordUnknown && !c.Silent
	s := situation{of: of, holds: []approvals.Measure{of}, losses: in.Losses, open: open, back: len(c.Sessions) > 0}
	s.in = c.Word == record.WordNotContained &&
		(len(c.Calls) > 0 || in.Enforced != nil && in.Enforced.State == record.SeenNotDenied)
	for _, other := range role.InForce {
		s.holds = append(s.holds, other.Measure)
	}
	conditional := false
	for _, p := range role.Trust {
		conditional = conditional || p.Conditional
		if service, ok := strings.CutPrefix(p.Words, "the service "); ok {
			s.services = append(s.services, service)
		}
	}
	home, foreign := in.Addresses()
	s.outside = len(foreign) > 0 && !slices.ContainsFunc(foreign, func(a string) bool { return slices.Contains(home, a) })
	for _, row := range in.Sessions {
		why, unusual := in.Suspects[row.EventID]
		if !row.Issued() || !unusual || !why.Address && !why.Caller {
			continue
		}
		s.stolen = s.stolen || strings.HasPrefix(row.CallerAccessKey, "AKIA") && slices.Contains(foreign, row.SourceAddress)
		account := strings.Split(row.CallerARN+":::::", ":")[4]
		s.vendor = s.vendor || conditional && account != "" && account != role.AccountID
	}
	return s
}
