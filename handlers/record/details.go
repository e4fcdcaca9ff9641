package record

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
)

// Role is what the card shows of a role: the Facts of a request's subject, as they were when it was
// asked for.
type Role struct {
	role.Role
	SharedChannel bool    `json:"shared_channel,omitempty"`
	InForce       []Other `json:"in_force,omitempty"` // of other requests, the newest of each measure
	Leaked        string  `json:"leaked,omitempty"`   // the access key that was typed in place of the role or user
	Key           string  `json:"key,omitempty"`      // the user's access key that the request is about

	Known  *contain.Known        `json:"known,omitempty"`  // from where the role may be used, of a restriction
	Rotate *contain.RotateParams `json:"rotate,omitempty"` // of a rotation; its external id stands in no message
}

// Noun is what it is: "role" or "user".
func (r Role) Noun() string { return string(cmp.Or(r.Kind, contain.Role)) }

// Ref is how a command names it.
func (r Role) Ref() string {
	if r.Kind == contain.User && r.Key == "" {
		return r.ARN
	}
	return r.AccountName + "/" + cmp.Or(r.Key, r.Name)
}

// Params are those of the measure, nil if it takes none.
func (r Role) Params() json.RawMessage {
	switch {
	case r.Known != nil:
		return Encode(r.Known)
	case r.Rotate != nil:
		return Encode(r.Rotate)
	case r.Key != "":
		return Encode(contain.KeyParams{Key: r.Key})
	}
	return nil
}

// Other is a request whose measure is in force on the same principal.
type Other struct {
	Measure approvals.Measure `json:"measure"`
	Request string            `json:"request"`
	Card    string            `json:"card,omitempty"` // address of its card
}

// Started is the Detail of an EventStarted: the changes that are about to be made.
type Started struct {
	Changes    []contain.Change `json:"changes,omitempty"`
	Cutoff     time.Time        `json:"cutoff,omitzero"`      // of the document; zero for one without and for an undo
	ServerTime time.Time        `json:"server_time,omitzero"` // AWS's clock
}

// Applied is the Detail of an EventApplied: AWS accepted the write, or it was found done.
type Applied struct {
	Policy       string    `json:"policy,omitempty"` // the name of the policy that was written; empty: the IAM console's
	Cutoff       time.Time `json:"cutoff,omitzero"`  // zero for a document without one and for an undo
	At           time.Time `json:"at,omitzero"`      // AWS's clock at its answer; zero if this try wrote nothing
	AlreadyThere bool      `json:"already_there,omitempty"`
	Promised     bool      `json:"promised,omitempty"` // of an undo that found it done: an earlier try had begun
	Writes       int       `json:"writes,omitempty"`
	CallerARN    string    `json:"caller_arn,omitempty"` // who wrote, as AWS calls the bot's session
	Unnamed      bool      `json:"unnamed,omitempty"`    // that session could not name the people
	Seen         Seen      `json:"seen,omitempty"`       // what was read after the write; the next event has the details

	// RevivesUntil is until when sessions that this keeps out would work again without it, by the role
	// as it was.
	RevivesUntil time.Time `json:"revives_until,omitzero"`
	// Refused are the slots whose document AWS or the measure refused; the others were written.
	Refused []contain.Slot `json:"refused,omitempty"`
	// There is what was read back or else written: as promised, or as someone else has raised it.
	There []contain.Document `json:"there,omitempty"`
	// Slots, of an undo, are what it left; RestoreCutoff is the highest cutoff of them.
	Slots         Stands    `json:"slots,omitempty"`
	RestoreCutoff time.Time `json:"restore_cutoff,omitzero"`
	// Revives, of an undo: sessions that were denied could still be alive at that moment.
	Revives bool `json:"revives,omitempty"`
}

// Seen says what was found when a policy that was written was read again. The zero value is
// nothing.
type Seen string

// What a second look can find.
const (
	SeenEqual   Seen = "equal"   // the role has what was written
	SeenOther   Seen = "other"   // it has not
	SeenNothing Seen = "nothing" // it could not be read
)

// ReadBack is the Detail of an EventReadBack.
type ReadBack struct {
	Equal    bool      `json:"equal"`
	Policy   string    `json:"policy,omitempty"` // its name; empty: the IAM console's
	At       time.Time `json:"at,omitzero"`      // AWS's clock
	Mismatch string    `json:"mismatch,omitempty"`
	Error    string    `json:"error,omitempty"` // a sentence: why it could not be read
}

// Failure is the Detail of EventFailed, EventVoided, EventDelayed and EventParked.
type Failure struct {
	Sentence string `json:"sentence"` // what happened and what to do, made here or in package aws
	Unsure   bool   `json:"unsure,omitempty"`
	Work     string `json:"work,omitempty"` // EventParked: what kind of work
}

// Finding is the Detail of an EventFinding.
type Finding struct {
	Sentence string            `json:"sentence"`
	Trust    []role.Principal  `json:"trust,omitempty"`   // who may assume the role now
	Urgent   bool              `json:"urgent,omitempty"`  // the requester and the approvers are mentioned
	Further  approvals.Measure `json:"further,omitempty"` // a button asks for it

	Changes []Change `json:"changes,omitempty"` // who changed the policy, newest first; not with the others
}
