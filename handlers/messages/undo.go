package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// ReviveWords is what somebody has to type who wants a deny taken away while sessions that it keeps
// out can be alive.
const ReviveWords = "revive old sessions"

// SaysRevive reports whether a text is ReviveWords. Capitals, quotes around the words and the kind
// of white space do not matter: people copy them out of a sentence.
func SaysRevive(text string) bool {
	text = strings.Trim(strings.TrimSpace(text), "\"'`“”„‘’")
	return strings.EqualFold(strings.Join(strings.Fields(text), " "), ReviveWords)
}

// both writes a moment in the reader's own zone and in UTC.
func both(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return local(t) + " (" + utc(t) + ")"
}

// earlierRequest names the request whose deny is to be taken away, with the way to its card where
// that is known.
func earlierRequest(about, card string) string {
	if card == "" {
		return "request " + code(about, 40)
	}
	return "request " + code(about, 40) + " (<" + card + "|its card>)"
}

// undoAsked says who wants what.
func undoAsked(r approvals.Request, c Context) string {
	return fmt.Sprintf("%s asked to *take away the deny* that %s put on %s.", Mention(r.Requester),
		earlierRequest(r.About, c.Undo.Card), roleWords(c.Role))
}

// undoEffect says what is done to the policy.
func undoEffect(u record.Undoing) string {
	switch {
	case !u.Restores():
		return "The " + inline(u.Policy) + " is taken off the role."
	case u.RestoreCutoff.IsZero():
		return "The " + inline(u.Policy) + " that was there before is put back; it denies no session for its " +
			"age."
	default:
		return "The " + inline(u.Policy) + " that was there before is put back; it denies sessions issued " +
			"before *" + utc(u.RestoreCutoff) + "*."
	}
}

// denied names the sessions that the deny keeps out and that would not be kept out any more.
func denied(u record.Undoing) string {
	if u.RestoreCutoff.IsZero() {
		return "sessions issued before *" + utc(u.Cutoff) + "*"
	}
	return "sessions issued between *" + utc(u.RestoreCutoff) + "* and *" + utc(u.Cutoff) + "*"
}

// revival says what becomes of old sessions, with what the requester typed.
func revival(r approvals.Request, u record.Undoing) string {
	switch {
	case u.Revives:
		return fmt.Sprintf("Until %s, %s can still be alive: *they work again*, whoever holds them, a thief too. "+
			"%s typed %s.",
			both(u.RevivesUntil), denied(u), Mention(r.Requester), code(u.Words, 40))
	case !u.RestoreCutoff.Before(u.Cutoff):
		return "The policy that comes back denies the same sessions, so none of them works again."
	default:
		return fmt.Sprintf("This is clean-up: by the longest session of the role, %s have been too old to be alive since %s.",
			denied(u), both(u.RevivesUntil))
	}
}

// upper begins a text with a capital letter; it is for texts that are written here.
func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
