package role

import (
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

// Outcome is what Apply did and what was seen of it. That a document was read back does not say
// that it is enforced already: IAM takes seconds to spread it.
type Outcome struct {
	Role      Role     // as it was read for this order: its trust policy may not be the one that was shown
	Documents []Result // one for each document of the measure, in write order; zero where the order was stopped before
	CallerARN string   // who wrote, as AWS calls the bot's session
	Unnamed   bool     // the session could not name the people; see Account.AllowUnnamedSessions
}

// Result is what became of one document.
type Result struct {
	Change        contain.Change   // the last that was promised by this try; zero if nothing had to be promised
	There         contain.Document // what was read last, as far as known
	At            time.Time        // AWS's clock when the last write answered, whole seconds; zero: nothing was written
	AlreadyThere  bool             // the document was there, and nothing was written
	ReadBack      bool             // it was read after the write, or instead of it, and leaves no gap
	ReadBackAt    time.Time        // AWS's clock at that read, whole seconds
	Gap           contain.Gap      // when ReadBack is false and it could be read
	ReadBackError error            // why it could not be read, a *CallError
	Writes        int              // more than one when someone else changed it
	Err           error            // AWS or the measure refused this document; the others were tried all the same
}

// err is the error of an outcome: that of its first document if none of them is there or was
// written.
func (o Outcome) err() error {
	for _, d := range o.Documents {
		if d.Err == nil {
			return nil
		}
	}
	return o.Documents[0].Err
}
