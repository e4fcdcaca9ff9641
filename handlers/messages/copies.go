package messages

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// shownCopies is how many sessions with copied keys the sentence with the state names.
const shownCopies = 3

// copies are the sessions whose keys were used from where they were not opened, newest first.
func copies(in record.Incident) (found []record.Session) {
	for _, s := range in.Sessions {
		if len(in.Suspects[s.EventID].From) > 0 {
			found = append(found, s)
		}
	}
	return found
}

// copyLines say for the sentence with the state whose keys are in other hands, from where, and
// whether they are still in.
func copyLines(in record.Incident) (lines []string) {
	copied := copies(in)
	for _, s := range copied[:min(len(copied), shownCopies)] {
		a := in.Activities[s.EventID]
		line := fmt.Sprintf("*Used from another address:* session %s of %s, opened from %s at %s. %s.",
			code(s.SessionName, 64), code(s.Caller, 120), code(s.SourceAddress, 60), utc(s.Time), usedFrom(a.Elsewhere))
		if still := stillIn(in, s, a); still != "" {
			line += " " + still
		}
		lines = append(lines, line)
	}
	if left := len(copied) - len(lines); left > 0 {
		lines = append(lines, english.Count(left, "more session was", "more sessions were")+" used from another address; "+
			"the findings have them.")
	}
	return lines
}

// usedFrom says from where a copied key was used.
func usedFrom(from []trail.Source) string {
	const shown = 3
	words := make([]string, 0, shown+1)
	for _, s := range from[:min(len(from), shown)] {
		word := fmt.Sprintf("%s (%s, %s to %s", code(s.Address, 60), english.Count(s.Calls, "call", "calls"), utc(s.First),
			clock(s.Last))
		if agent := agentOf(s.UserAgent); agent != "" {
			word += ", " + code(agent, 60)
		}
		words = append(words, word+")")
	}
	if left := len(from) - len(words); left > 0 {
		words = append(words, english.Count(left, "more address", "more addresses"))
	}
	return "*Its key was used from* " + list(words) + ", so somebody there holds a copy"
}

// agentOf is the first word of a user agent, which names the program.
func agentOf(agent string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(agent), " ")
	return first
}

// alsoFrom says what else came from the addresses at which a copied key was used: the same people
// may hold more.
func alsoFrom(in record.Incident, of record.Session, a record.SessionActivity) string {
	there := map[string]bool{}
	for _, s := range a.Elsewhere {
		there[s.Address] = true
	}
	var words []string
	for _, s := range in.Sessions {
		if !there[s.SourceAddress] || s.EventID == of.EventID || len(words) == 3 {
			continue
		}
		what := "a session of "
		if !s.Issued() {
			what = "a refused attempt to assume this role by "
		}
		words = append(words, what+code(s.Caller, 80)+" on "+utc(s.Time))
	}
	if len(words) == 0 {
		return ""
	}
	return "*From the same address:* " + list(words) + "."
}

// stillIn says whether a session of before the cutoff is kept out, and no more than was seen.
func stillIn(in record.Incident, s record.Session, a record.SessionActivity) string {
	answered := ""
	if !a.LastOK.IsZero() {
		answered = " Its last answered call was on " + utc(a.LastOK) + "."
	}
	switch {
	case s.After || in.Cutoff.IsZero():
		return ""
	case in.Undone:
		return "*Not kept out:* the deny was taken away by another request."
	case !s.Expires.IsZero() && !s.Expires.After(in.Cutoff):
		return "*It had ended* by itself on " + utc(s.Expires) + "."
	case !a.LastOK.Before(in.Cutoff) && a.LastOK.After(a.Refused):
		return "*Still in, as far as is known:* a call was answered after the cutoff, on " + utc(a.LastOK) +
			", and none was refused since."
	case !a.Refused.IsZero() && !a.Refused.Before(in.Cutoff):
		return "*Seen denied* by an explicit deny since " + utc(a.Refused) + "." + answered
	default:
		return "*Not known whether it is still in:* no call after the cutoff is known that tells." + answered
	}
}
