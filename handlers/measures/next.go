package measures

import (
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Situation is what a verdict knows and the next measure depends on.
type Situation struct {
	Of       approvals.Measure // that the verdict is about
	Losses   int               // how often the policy was missed
	Open     bool              // the verdict is not contained, or unknown for more than silence
	Answered bool              // calls of sessions that should be denied succeeded
	Back     bool              // an attacker has opened sessions since
	Outside  bool              // the attacker is where no honest session was opened
	Services []string          // that may use the role
	Stolen   bool              // the own key of a session's caller is in other hands
	Vendor   bool              // a third party opened an unusual session
	Denied   bool              // a measure of the first response is in force
}

// Fit is why a measure comes next.
type Fit struct {
	Why  string // a sentence without its period; "" if the measure does not fit
	Last bool   // only if no other measure fits
}

// Next offers, after a verdict on a measure, the first that fits of those that an account lists;
// nil if none does. What is in force on the role is not offered again.
func (t Table) Next(
	of approvals.Measure, listed []approvals.Measure, role record.Role, c record.Conclusion, in record.Incident,
) (offer *messages.Offer) {
	if in.Drill || in.Undone || c.Word == record.WordSuperseded {
		return nil
	}
	holds := []approvals.Measure{of}
	for _, other := range role.InForce {
		holds = append(holds, other.Measure)
	}
	s := situationOf(of, role, c, in)
	for _, k := range t {
		s.Denied = s.Denied || k.First && slices.Contains(holds, k.Name)
	}
	for _, k := range t {
		if k.Fits == nil || k.Beside && !s.Denied || !slices.Contains(listed, k.Name) || slices.Contains(holds, k.Name) ||
			string(k.Principal()) != role.Noun() {
			continue
		}
		fit := k.Fits(s)
		if fit.Why == "" || fit.Last && offer != nil {
			continue
		}
		offer = &messages.Offer{Name: string(k.Name), Words: k.Words, Why: fit.Why}
		if !fit.Last {
			return offer
		}
	}
	return offer
}

func situationOf(of approvals.Measure, role record.Role, c record.Conclusion, in record.Incident) Situation {
	open := c.Word == record.WordNotContained || c.Word == record.WordUnknown && !c.Silent
	s := Situation{Of: of, Losses: in.Losses, Open: open, Back: open && len(c.Sessions) > 0}
	s.Answered = c.Word == record.WordNotContained &&
		(len(c.Calls) > 0 || in.Enforced != nil && in.Enforced.State == record.SeenNotDenied)
	conditional := false
	for _, p := range role.Trust {
		conditional = conditional || p.Conditional
		if service, ok := strings.CutPrefix(p.Words, "the service "); ok {
			s.Services = append(s.Services, service)
		}
	}
	home, foreign := in.Addresses()
	s.Outside = len(foreign) > 0 && !slices.ContainsFunc(foreign, func(a string) bool { return slices.Contains(home, a) })
	for _, row := range in.Sessions {
		why, unusual := in.Suspects[row.EventID]
		if !row.Issued() || !unusual || !why.Address && !why.Caller {
			continue
		}
		s.Stolen = s.Stolen || strings.HasPrefix(row.CallerAccessKey, "AKIA") && slices.Contains(foreign, row.SourceAddress)
		account := strings.Split(row.CallerARN+":::::", ":")[4]
		if of, ok := strings.CutPrefix(row.Caller, "account "); ok && account == "" { // CloudTrail names no ARN of another's
			account, _, _ = strings.Cut(of, " ")
		}
		s.Vendor = s.Vendor || conditional && account != "" && account != role.AccountID
	}
	return s
}
