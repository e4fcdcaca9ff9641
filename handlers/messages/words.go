package messages

import (
	"cmp"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// Words are what people read of one measure. They fit into sentences that are the same for every
// measure; what differs by what a request does with its measure is in phrases.
type Words struct {
	Word   string // of the command, with a space after it; "" of the measure that needs none
	Form   string // of the command in the help: "lock &lt;role&gt;"
	Does   string // and what it asks for: "lock a role"
	Ask    string // what is asked for, before a role: "revoke sessions of"
	Past   string // what was done, in a title: "Revoked"
	Did    string // to what, in a title before a role: "sessions of"
	Noun   string // "revocation"
	Deny   string // what is on the role then, after "the" or "a": "revocation policy"
	Mark   string // the moment that parts sessions, before its time or alone: "cutoff"
	Whom   string // the sessions that are denied: "old sessions"
	Where  string // where to look for it: "the role's inline policies"
	Fence  string // what no other identity should do: "writing the role's inline policies"
	Calls  string // by which others take it away: "DeleteRolePolicy or PutRolePolicy"
	ByHand string // the same without revokebot: "revoke the role's active sessions"
	Stays  string // what becomes of a request that is not approved: "the leaked sessions keep working"

	Question string               // asked once more before an approval counts
	Yes      string               // the answer to it, at most 30 characters
	Every    string               // begins what follows on it, before the role: "Every session of"
	Confirm  string               // and goes on after it: plain text
	Means    func(Context) string // what Approve does: the first line for the card, the rest for its details

	After func(margin time.Duration) string // what holds after the approval, without a period

	Document func(policy string) string       // what is written, after "the": "inline policy `AWSRevokeOlderSessions`"
	Scope    func(cutoff string) string       // what it is done to: "sessions issued before …"
	Works    func(Context, string) string     // what works from the cutoff on, sentences
	Room     func(size int) string            // what the role would hold of its quota
	Paper    func(older, newer string) string // what the simulator said of two sessions

	Next func(w record.Word, further string) string // what to do, by the verdict, sentences

	Leave func(until string) string // when to undo it, a sentence for the report; until is for one that expires

	Undo  UndoWords
	Drill DrillWords
}

// UndoWords are those of taking a measure away again.
type UndoWords struct {
	What    string                                         // what is taken off it, after "the": "revocation policy"
	Confirm func(record.Undoing) string                    // what becomes of the sessions, in plain text
	Effect  func(record.Undoing) string                    // what is done to the document, a sentence
	Revival func(approvals.Request, record.Undoing) string // what becomes of the sessions it keeps out, sentences
	Kept    func(record.Undoing) string                    // the sessions that it keeps out
	Field   func(record.Undoing) (name, value string)      // what the card says of what is to be taken away
	Now     func(v record.Undone, until string) string     // the same once it is done, with the end of the sessions
	Expired func(v record.Expired) string                  // why it has done its work, a sentence
	Anew    string                                         // begins: "To deny old sessions again"
	Again   string                                         // what that does
}

// DrillWords are those of rehearsing a measure.
type DrillWords struct {
	Means string                        // what Approve does, for the card
	Would func(record.Rehearsed) string // what would have happened, sentences
}

// Context is what a message has to know besides the request.
type Context struct {
	Words     Words           // those of the request's measure
	Further   *Words          // of the measure to take if it does not hold; nil if there is none
	Keys      bool            // access keys of users can be asked for in the account
	Role      record.Role     // decoded from the request's subject
	Undo      *record.Undoing // the same of a request to take a measure away; nil of others
	Drill     bool            // the request is a drill
	Margin    time.Duration   // how far past AWS's now the cutoff will lie
	Approvers []string        // ids of people and groups who may approve; of the configuration
	Required  int             // how many have to approve now: the configuration may have become stricter
	Guard     time.Duration   // how long what was applied is checked; 0: not at all
	// Names are those of people, by their id, for the files: Slack shows none in them. Foreign text.
	Names map[string]string
	// Next is the measure that fits after a verdict, by what was found until then; nil if none does.
	Next func(record.Conclusion, record.Incident) *Offer
}

// Offer is a measure that fits after a verdict.
type Offer struct {
	Name  string
	Words Words
	Why   string // a sentence without its period
}

// Offer is what Next offers.
func (c Context) Offer(v record.Conclusion, in record.Incident) *Offer {
	if c.Next == nil {
		return nil
	}
	return c.Next(v, in)
}

// Incident is what the checks of CloudTrail have told, in the words of the measure.
func (c Context) Incident(events []approvals.Event) record.Incident {
	in := record.Gather(events)
	in.Mark = c.Words.Mark
	return in
}

// FurtherByHand is what to do if the measure does not hold.
func (c Context) FurtherByHand() string {
	if c.Further == nil {
		return "deny the " + c.Role.Noun() + " in a service control policy from the organisation's management account"
	}
	return c.Further.ByHand
}

// phrases are what is said of a request by what it does with its measure: apply it, take it away
// again, or rehearse it.
type phrases struct {
	ask   string // what is asked for, before a role
	by    string // what ends it: " by request …" of the request that is to be undone
	stays string // what becomes of a request that is not approved

	done    string        // the title once it is carried out, before the role; of what is applied, view.title
	outcome func() string // what came of it
	after   string        // what follows on why it failed

	means                 func() string // what Approve does
	know                  string        // above the warnings; "" if none are shown
	noun                  string        // what the principal is
	question, yes, detail string        // of the dialog that asks once more before an approval counts
	unsure                string        // of a try that failed: what is not known
}

// phrases are those for the request in the words of its measure.
func (c Context) phrases(r approvals.Request) (p phrases) {
	switch {
	case c.Drill:
		p = c.rehearsing(r)
	case c.Undo != nil:
		p = c.undoing(r)
	default:
		p = c.applying(r)
	}
	p.noun = c.Role.Noun()
	if !c.Drill { // which writes nothing
		p.unsure = " It is not known whether AWS accepted the change: check " + c.Words.Where + "."
	}
	return p
}

func (c Context) applying(r approvals.Request) phrases {
	w := c.Words
	return phrases{
		ask: w.Ask + " ", stays: w.Stays,
		outcome: func() string { return c.appliedLead(r) + judged(r) },
		means:   func() string { return w.Means(c) }, know: "*Know before you approve*",
		question: w.Question, yes: w.Yes, detail: upper(w.Every+InAccount(c.Role)) + " " + w.Confirm,
	}
}

func (c Context) undoing(r approvals.Request) phrases {
	w, u := c.Words, *c.Undo
	return phrases{
		ask: "undo the " + w.Noun + " of ", by: " by " + earlierRequest(r.About, u.Card),
		stays: "the " + w.Undo.What + " stays",
		done:  c.undoneTitle(r) + ": " + w.Noun + " of ", outcome: func() string { return c.undoOutcome(r) },
		means: func() string {
			switch {
			case u.Stays():
				return "What the " + w.Deny + " consists of was there before it, and *stays*. Approve ends the request: " +
					"revokebot does not restore it.\n" + w.Undo.Revival(r, u)
			case u.Gone:
				return "The " + w.Deny + " is *gone already*, and not by revokebot. Approve says that this is on purpose: " +
					"revokebot does not restore it. If the same " + w.Deny + " is back by then, revokebot removes it. What " +
					"revokebot has written since stays: undo that by a request of its own.\n" + w.Undo.Revival(r, u)
			}
			return "It undoes a " + w.Noun + ". " + w.Undo.Effect(u) + " A policy that someone changes before that stays.\n" +
				w.Undo.Revival(r, u)
		},
		question: "Undo the " + w.Noun + "?", yes: "Yes, undo it",
		detail: "This undoes the " + w.Noun + " of " + InAccount(c.Role) + ". " + w.Undo.Confirm(u),
	}
}

func (c Context) rehearsing(r approvals.Request) phrases {
	w := c.Words
	return phrases{
		ask: "rehearse a " + w.Noun + " of ", stays: "in an incident the leaked sessions would keep working",
		done: rehearsedTitle(r) + ": ", outcome: func() string { return drillOutcome(r) },
		after: " Nothing was written. A real " + w.Noun + " would most likely have ended the same way: fix that first.",
		means: func() string { return w.Drill.Means }, know: "*Know before you approve a real one*",
		question: "Rehearse it?", yes: "Yes, rehearse",
		detail: "A " + w.Noun + " of " + InAccount(c.Role) + " is rehearsed. Nothing is written, and no session loses " +
			"anything.",
	}
}

// titles are the outcome of a request that is not carried out, or not yet.
var titles = map[approvals.State]string{
	approvals.StateOpen: "Approval needed", approvals.StateApproved: "Approved", approvals.StateExecuting: "Approved",
	approvals.StateFailed: "Failed", approvals.StateDenied: "Request denied", approvals.StateCancelled: "Cancelled",
	approvals.StateExpired: "Expired",
}

// title is the outcome of a request first: it is all that a small screen shows. The role follows.
func (p phrases) title(s approvals.State) string {
	if s == approvals.StateApplied || s == approvals.StateRehearsed {
		return p.done
	}
	return p.state(s) + ": " + p.ask
}

// state is that outcome without what was asked for.
func (p phrases) state(s approvals.State) string {
	if s == approvals.StateVoid {
		return "Void, the " + p.noun + " changed"
	}
	return cmp.Or(titles[s], "In an unknown state")
}

// asked says who asked for what.
func (p phrases) asked(r approvals.Request, c Context) string {
	return Mention(r.Requester) + " asked to " + p.ask + roleWords(c.Role) + p.by + "."
}

// failure is why a request or a try ended, and what that leaves open.
func (p phrases) failure(e approvals.Event) string {
	f := record.Known[record.Failure](e)
	switch {
	case f == nil:
		return "The record does not say why."
	case f.Unsure:
		return outsideSentence(f.Sentence) + p.unsure
	default:
		return outsideSentence(f.Sentence)
	}
}
