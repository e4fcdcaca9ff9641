package aws

import (
	"context"
	"time"
)

// Revocation is one approved request to deny a role's older sessions.
type Revocation struct {
	RequestID   string // becomes the session's name and a tag
	AccountName string
	RoleName    string
	RoleARN     string // with the path, as Describe gave it
	RoleID      string // the unique id that was approved
	Requester   string // becomes the source identity and a tag
	Approvers   []string

	// NotBefore is a cutoff that was promised by an earlier, interrupted attempt; zero when there was none. The new
	// cutoff is never lower, and if the policy on the role already reaches it, nothing is written.
	NotBefore time.Time

	// Plan is called after the reads and before the write, at most once, so that the caller can make the cutoff
	// durable. An error stops the write and is returned. It is not called when nothing is to be written. May be nil.
	Plan func(context.Context, Plan) error
}

// Plan is what is about to be written.
type Plan struct {
	Cutoff           time.Time
	ServerTime       time.Time // AWS's clock at GetRole, whole seconds
	PreviousDocument string    // the policy that is on the role now, "" none
	Document         string    // the policy that will be
	ExistingCutoff   time.Time // of the policy on the role now, zero none
}

// Result is what was done and what was seen of it. That the document was read back does not say that sessions are
// denied already: IAM takes seconds to spread it.
type Result struct {
	Cutoff           time.Time // sessions issued before it are denied
	Document         string    // what is on the role now, as far as known
	PreviousDocument string    // what was on it before, "" none
	AppliedAt        time.Time // AWS's clock when the write answered, whole seconds; zero when nothing was written
	AlreadyThere     bool      // NotBefore was reached already and nothing was written
	ReadBack         bool      // the policy was read again and reaches the cutoff
	ReadBackAt       time.Time // AWS's clock at that read, whole seconds
	Mismatch         string    // what differed when ReadBack is false; may hold foreign text
	ReadBackError    error     // why it could not be read back, a *CallError
	Writes           int       // how often the policy was written: more than once when somebody else changed it
	CallerARN        string    // who wrote it, as AWS calls the bot's session
}
