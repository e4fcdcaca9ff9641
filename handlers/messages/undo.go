package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// ReviveWords is what somebody has to type who wants a deny taken away while sessions that it keeps out can be alive.
const ReviveWords = "revive old sessions"

// SaysRevive reports whether a text is ReviveWords. Capitals, quotes around the words and the kind of white space do not
// matter: people copy them out of a sentence.
func SaysRevive(text string) bool {
	text = strings.Trim(strings.TrimSpace(text), "\"'`“”„‘’")
	return strings.EqualFold(strings.Join(strings.Fields(text), " "), ReviveWords)
}

// Facts is what the subject of a request holds: the role, and of a request to take a deny away also what that is about. Of
// a drill the role is in Drill and nowhere else: code that takes a drill for a revocation finds no role to write to.
type Facts struct {
	Role
	Undo  *Undoing `json:"undo,omitempty"`
	Drill *Role    `json:"drill,omitempty"`
}

// Undoing is the deny that a request is to take away, as it was when that was asked for. The request it is of is the
// request's About.
type Undoing struct {
	Card      string    `json:"card,omitempty"` // address of the earlier request's card
	Requester string    `json:"requester"`      // of the earlier request
	Approvers []string  `json:"approvers"`      // of the earlier request
	Applied   time.Time `json:"applied"`        // when that was applied

	Document string `json:"document"`           // the policy that revokebot wrote last; only this is taken away
	Restores string `json:"restores,omitempty"` // the policy that was there before and comes back; empty: none

	Cutoff        time.Time `json:"cutoff"`                  // of the deny that goes
	RestoreCutoff time.Time `json:"restore_cutoff,omitzero"` // of the deny that comes back
	RevivesUntil  time.Time `json:"revives_until"`           // until when sessions that are denied now can be alive
	Revives       bool      `json:"revives,omitempty"`       // some could be, when this was asked for
	Words         string    `json:"words,omitempty"`         // what the requester typed to say that they mean it
	Gone          bool      `json:"gone,omitempty"`          // the role was as before the deny already, when this was asked for
}

// UndoStarted is the Detail of an EventStarted of a request to take a deny away: what is about to be done.
type UndoStarted struct {
	Removes    string    `json:"removes"`
	Restores   string    `json:"restores,omitempty"`
	ServerTime time.Time `json:"server_time,omitzero"` // AWS's clock
}

// UndoApplied is the Detail of an EventApplied of a request to take a deny away.
type UndoApplied struct {
	At        time.Time `json:"at,omitzero"`          // AWS's clock at its answer; zero when this try changed nothing
	Found     bool      `json:"found,omitempty"`      // the role was as it should be already
	Promised  bool      `json:"promised,omitempty"`   // with Found: an earlier try of this request had begun
	Revives   bool      `json:"revives,omitempty"`    // sessions that were denied could still be alive at that moment
	CallerARN string    `json:"caller_arn,omitempty"` // who did it, as AWS calls the bot's session
	Unnamed   bool      `json:"unnamed,omitempty"`    // that session could not name the people
	Seen      Seen      `json:"seen,omitempty"`       // what the look after the write found
}

// Undone is the Detail of an EventUndone: another request took the deny of this one away.
type Undone struct {
	Request      string    `json:"request"`
	Card         string    `json:"card,omitempty"` // address of its card
	Requester    string    `json:"requester"`
	Approvers    []string  `json:"approvers"`
	At           time.Time `json:"at"`
	Cutoff       time.Time `json:"cutoff"`
	Restored     bool      `json:"restored,omitempty"` // the policy that was there before is back
	Found        bool      `json:"found,omitempty"`    // it was gone already, and not by that request
	Revives      bool      `json:"revives,omitempty"`
	RevivesUntil time.Time `json:"revives_until"`
	Seen         Seen      `json:"seen,omitempty"`
}

// Inert is the Detail of an EventInert: no session that the deny keeps out can be alive any more.
type Inert struct {
	Cutoff   time.Time `json:"cutoff"`
	Since    time.Time `json:"since"`
	Restores bool      `json:"restores,omitempty"` // a clean-up puts an earlier policy back
}

// both writes a moment in the reader's own zone and in UTC.
func both(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return local(t) + " (" + utc(t) + ")"
}

// earlierRequest names the request whose deny is to be taken away, with the way to its card where that is known.
func earlierRequest(about, card string) string {
	if card == "" {
		return "request " + code(about, 40)
	}
	return "request " + code(about, 40) + " (<" + card + "|its card>)"
}

// undoAsked says who wants what.
func undoAsked(r approvals.Request, c Context) string {
	return fmt.Sprintf("%s asked to *take away the deny* that %s put on %s.", Mention(r.Requester), earlierRequest(r.About, c.Undo.Card), roleWords(c.Role))
}

// undoEffect says what is done to the policy.
func undoEffect(u Undoing) string {
	switch {
	case u.Restores == "":
		return "The inline policy `AWSRevokeOlderSessions` is taken off the role."
	case u.RestoreCutoff.IsZero():
		return "The inline policy `AWSRevokeOlderSessions` that was there before is put back; it denies no session for its age."
	default:
		return "The inline policy `AWSRevokeOlderSessions` that was there before is put back; it denies sessions issued before *" + utc(u.RestoreCutoff) + "*."
	}
}

// denied names the sessions that the deny keeps out and that would not be kept out any more.
func denied(u Undoing) string {
	if u.RestoreCutoff.IsZero() {
		return "sessions issued before *" + utc(u.Cutoff) + "*"
	}
	return "sessions issued between *" + utc(u.RestoreCutoff) + "* and *" + utc(u.Cutoff) + "*"
}

// revival says what becomes of old sessions, with what the requester typed.
func revival(r approvals.Request, u Undoing) string {
	switch {
	case u.Revives:
		return fmt.Sprintf("Until %s, %s can still be alive: *they work again*, whoever holds them, a thief too. %s typed %s.",
			both(u.RevivesUntil), denied(u), Mention(r.Requester), code(u.Words, 40))
	case !u.RestoreCutoff.Before(u.Cutoff):
		return "The policy that comes back denies the same sessions, so none of them works again."
	default:
		return fmt.Sprintf("This is clean-up: by the longest session of the role, %s have been too old to be alive since %s.", denied(u), both(u.RevivesUntil))
	}
}

// upper begins a text with a capital letter; it is for texts that are written here.
func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
