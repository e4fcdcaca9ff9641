package record

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Facts is what the subject of a request holds: the role, and of a request to take a deny away also what that is about. Of
// a drill the role is in Drill and nowhere else: code that takes a drill for a revocation finds no role to write to.
type Facts struct {
	Role
	Undo  *Undoing `json:"undo,omitempty"`
	Drill *Role    `json:"drill,omitempty"`
}

// FactsOf decodes what the subject of a request holds.
func FactsOf(r approvals.Request) (Facts, error) {
	var f Facts
	if err := json.Unmarshal(r.Subject.Facts, &f); err != nil {
		return Facts{}, fmt.Errorf("facts of request %s: %w", r.ID, err)
	}
	return f, nil
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
