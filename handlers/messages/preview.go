package messages

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// preview says what a restriction would have denied in the hours before it was asked for.
func (v *view) preview() string {
	if v.c.Role.Known == nil || v.c.Drill || v.c.Undo != nil {
		return ""
	}
	const would = "*The last 12 hours:* "
	var u *record.Users
	for _, d := range record.All[record.Users](v.events, approvals.EventUsers) {
		u = &d
	}
	switch {
	case u == nil:
		return would + "what it would have denied is not known yet, CloudTrail is being checked."
	case u.Preview == nil:
		return would + "what it would have denied is not known: CloudTrail did not answer."
	case u.Preview.Failed != "":
		return would + "what it would have denied is not known. CloudTrail: " + v.Prose(u.Preview.Failed)
	}
	p := *u.Preview
	text := fmt.Sprintf("%swould have denied %d of %s", would, p.Denied, english.Count(p.Calls, "call", "calls"))
	var by []string
	for _, d := range p.By {
		by = append(by, fmt.Sprintf("%s, %d", v.Code(d.Caller, 60), d.Calls))
	}
	if len(by) > 0 {
		text += ": " + strings.Join(by, "; ")
	}
	text += "."
	if p.Denied*10 > p.Calls {
		text += " *That is more than a tenth: ask whose calls these are before you approve.*"
	}
	if p.Unknown > 0 {
		text += fmt.Sprintf(" Of %d through VPC endpoints it is not known: CloudTrail names no VPC.", p.Unknown)
	}
	if p.Left > 0 {
		text += fmt.Sprintf(" %s more not counted.", english.Count(p.Left, "session", "sessions"))
	}
	if p.Partly {
		text += " CloudTrail may have more calls."
	}
	return text
}

// surveyed says how many regions a survey asked, and names those that did not answer in full.
func surveyed(regions []trail.RegionCoverage) string {
	const named = 3
	words, left := []string{english.Count(len(regions), "region", "regions")}, 0
	for _, r := range regions {
		word := Code(r.Region, 40) + " newest only"
		switch {
		case r.Covered && !r.Truncated:
			continue
		case len(words) > named:
			left++
			continue
		case !r.Covered:
			word = "not " + Code(r.Region, 40) + ": " + markup.Replace(Clean(r.Reason, 150))
		}
		words = append(words, word)
	}
	if left > 0 {
		words = append(words, fmt.Sprintf("%d more not in full", left))
	}
	return strings.Join(words, ", ")
}

// shortWarnings are the first warnings, each in a few words. Details has all in full.
func shortWarnings(role record.Role, p phrases) (lines []string) {
	all := role.Warnings
	if p.know == "" || len(all) == 0 {
		return nil
	}
	most := shownWarnings
	if role.Key != "" {
		most++ // the third says that the key is inactive already
	}
	for i, w := range all[:min(len(all), most)] {
		if i > 0 || role.Leaked == "" { // else it says whose the key is
			w = fewWords(w)
			if role.Key == "" {
				w = Raw(w, limitShown)
			}
		}
		lines = append(lines, "• "+Raw(w, 250))
	}
	if left := len(all) - most; left > 0 {
		lines = append(lines, fmt.Sprintf("• %d more in Details", left))
	}
	return append([]string{strings.Trim(p.know, "*") + ":"}, lines...)
}

// fewWords is the first sentence of a warning, without what follows on its colon.
func fewWords(warning string) string {
	first, _, _ := strings.Cut(warning, ". ")
	if head, _, ok := strings.Cut(first, ": "); ok && strings.Count(head, " ") > 2 {
		first = head
	}
	return strings.TrimSuffix(first, ".")
}

// othersInForce names what other requests have in force on the role, in one line.
func othersInForce(role record.Role) string {
	if len(role.InForce) == 0 {
		return ""
	}
	words := make([]string, len(role.InForce))
	for i, o := range role.InForce {
		words[i] = Code(string(o.Measure), 40) + " by " + earlierRequest(o.Request, o.Card)
	}
	return "In force on this " + role.Noun() + " when this was asked for: " + List(words) + "."
}

// shownKnown is how many entries of a restriction a card shows.
const shownKnown = 8

// knownWords lists from where a role may be used, at most so many entries.
func knownWords(k contain.Known, most int) string {
	words := strings.Fields(k.String())
	left := len(words) - most
	words = words[:min(len(words), most)]
	for i, w := range words {
		words[i] = Code(w, 64)
	}
	if left > 0 {
		words = append(words, fmt.Sprintf("and %d more in Details", left))
	}
	return strings.Join(words, ", ")
}
