package aws

import (
	"context"
	"time"
)

// UndoRequest is one approved request to take a deny away again.
type UndoRequest struct {
	RequestID   string // becomes the session's name and a tag
	AccountName string
	RoleName    string
	RoleARN     string // with the path
	RoleID      string // the unique id that was approved
	Requester   string // becomes the source identity and a tag
	Approvers   []string

	Written  string // the document that the bot wrote last; only this is taken away
	Previous string // what was on the role before, to be restored; "" deletes the policy

	// Plan is called after the reads and before the write, at most once. An error stops the write and is returned as it
	// is. It is not called when nothing is to be done. May be nil.
	Plan func(context.Context, UndoPlan) error
}

// UndoPlan is what is about to be done.
type UndoPlan struct {
	Document      string    // the policy that is on the role now
	Restores      string    // the policy that will be, "" none
	ServerTime    time.Time // AWS's clock, whole seconds
	Cutoff        time.Time // of the deny that goes
	RevivesUntil  time.Time // as RevivesUntil gives it for the role as it is now
	RestoreCutoff time.Time // of the deny that comes back, zero none
}

// UndoResult is what was done and what was seen of it.
type UndoResult struct {
	Role          Role      // as it was read for this
	Removed       string    // the document that was taken away, "" when nothing was done
	Document      string    // what is on the role now, as far as known, "" none
	UndoneAt      time.Time // AWS's clock when the write answered, whole seconds; zero when nothing was done
	AlreadyDone   bool      // the role was as it should be, and nothing was done
	ReadBack      bool      // the role was read after the write, or instead of it, and is as it should be
	ReadBackAt    time.Time // AWS's clock at that read, whole seconds
	Mismatch      string    // what differed when ReadBack is false, plain text
	ReadBackError error     // why it could not be read back, a *CallError
	CallerARN     string    // who did it, as AWS calls the bot's session
	Unnamed       bool      // the session could not name the people; see Account.AllowUnnamedSessions
}

// Undo restores what was on the role before, if what is there is what the bot wrote. Otherwise it is ErrNotOurs, and
// nothing is touched. That the role is already as it should be is no error, so that an interrupted attempt can be made again.
//
// IAM has no compare-and-set: the policy is read once more just before the write, which leaves a moment for somebody
// else's write to be lost.
func (c *Cloud) Undo(ctx context.Context, r UndoRequest) (UndoResult, error) {
	return UndoResult{}, ctx.Err()
}

// RevivesUntil says until when sessions that a deny with this cutoff keeps out would come back to life if it were taken
// away: the cutoff and the role's longest session. AWS services open sessions of up to twelve hours whatever the role's
// maximum is. A maximum that was lowered since those sessions were opened cannot be seen.
func RevivesUntil(cutoff time.Time, role Role) time.Time {
	return cutoff.Add(role.MaxSession)
}
