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
	Ask    string // what is asked for, before a role: "revoke the active sessions of"
	Short  string // the same in a list: "revoke the sessions of"
	Title  string // the same in titles and on buttons: "revoke sessions of"
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
	Stays  string // what becomes of a request that is not approved: "no session is revoked"

	Question string               // asked once more before an approval counts
	Yes      string               // the answer to it, at most 30 characters
	Confirm  func(Context) string // what follows on it: at most 300 characters of plain text
	Means    func(Context) string // what Approve does, for the card

	After func(margin time.Duration) string // what holds after the approval, without a period

	Document func(policy string) string       // what is written, after "the": "inline policy `AWSRevokeOlderSessions`"
	Scope    func(cutoff string) string       // what it is done to: "sessions issued before …"
	Works    func(cutoff string) string       // what works from then on, sentences
	Room     func(size int) string            // what the role would hold of its quota
	Paper    func(older, newer string) string // what the simulator said of two sessions

	Next    func(w record.Word, further string) string // what to do, by the verdict
	Contain func(further string) string                // the same in a report where sessions are not contained

	Leave func(until string) string // when to undo it, a sentence for the report; until is for one that expires

	Undo  UndoWords
	Drill DrillWords
}

// UndoWords are those of taking a measure away again.
type UndoWords struct {
	Confirm func(Context) string                           // as Words.Confirm
	Effect  func(record.Undoing) string                    // what is done to the document, a sentence
	Revival func(approvals.Request, record.Undoing) string // what becomes of the sessions it keeps out, sentences
	Revived func(revives bool, u record.Undoing) string    // the same once it is done
	Kept    func(record.Undoing) string                    // the sessions that it keeps out
	Field   func(record.Undoing) (name, value string)      // what the card says of what is to be taken away
	Now     func(record.Undone) string                     // what that means in the thread of what was undone, a sentence
	Inert   func(v record.Inert) string                    // why it has done its work, a sentence
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
	Offered   bool            // that measure exists in the account
	Role      record.Role     // decoded from the request's subject
	Undo      *record.Undoing // the same of a request to take a measure away; nil of others
	Drill     bool            // the request is a drill
	Margin    time.Duration   // how far past AWS's now the cutoff will lie
	Approvers []string        // ids of people and groups who may approve; of the configuration
	Required  int             // how many have to approve now: the configuration may have become stricter
	Guard     time.Duration   // how long what was applied is checked; 0: not at all
}

// FurtherByHand is what to do if the measure does not hold.
func (c Context) FurtherByHand() string {
	if c.Further == nil {
		return "deny the role in a service control policy from the organisation's management account"
	}
	return c.Further.ByHand
}

// phrases are what is said of a request by what it does with its measure: apply it, take it away
// again, or rehearse it. Those of a drill begin with a small letter where DRILL comes to stand in
// front of them.
type phrases struct {
	asked   string // who asked for what, a sentence
	denying string // the same in the form for a denial
	wants   string // what is asked for, before a role
	listed  string // the same in a list
	open    string // the same of one that is under way
	again   string // the same in the label of Ask again
	report  string // the label of Files, before a role

	noun  string // what was asked for: "revocation"
	thing string // "request" or "drill"
	stays string // what becomes of a request that is not approved

	titles  map[approvals.State]string
	of      map[approvals.State]string // in a title, before the role
	being   string                     // the card, while it is carried out
	doing   string                     // how it is carried out: "applied"
	outcome func() string              // what came of it

	denied, nothing, expired string // how it was denied, what was done then, what follows on an expiry
	unsure                   string // of a try that failed: what is not known
	failed, ended, after     string // of the last try: what did not happen, how it ended, what follows
	wrote                    string // what it wrote

	means    func() string
	know     string // above the warnings; "" if none are shown
	decision func() decision
}

// phrases are those for the request in the words of its measure.
func (c Context) phrases(r approvals.Request) phrases {
	switch {
	case c.Drill:
		return c.rehearsing(r)
	case c.Undo != nil:
		return c.undoing(r)
	default:
		return c.applying(r)
	}
}

func (c Context) applying(r approvals.Request) phrases {
	w, who, on := c.Words, Mention(r.Requester), roleWords(c.Role)
	return phrases{
		asked: who + " asked to " + w.Ask + " " + on + ".", denying: who + " asked to " + w.Short + " " + on + ".",
		wants: w.Ask + " ", listed: w.Short + " ", open: " asked for ", again: "Ask again to " + w.Title + " ",
		report: "Post the files about ", noun: w.Noun, thing: "request", stays: w.Stays,
		titles: map[approvals.State]string{
			approvals.StateOpen: "Approval needed", approvals.StateApproved: "Approved, being applied",
			approvals.StateApplied: c.appliedTitle(r), approvals.StateFailed: "Failed",
			approvals.StateDenied: "Request denied", approvals.StateCancelled: "Cancelled",
			approvals.StateExpired: "Expired", approvals.StateVoid: "Void, the role changed",
		},
		of:    map[approvals.State]string{approvals.StateOpen: w.Title + " ", approvals.StateApplied: w.Did + " "},
		being: "The " + w.Deny + " is being written.", doing: "applied",
		outcome: func() string { return c.appliedLead(r) + judged(r) },
		denied:  "denied it", nothing: " Nothing was done.",
		expired: " Nothing was done; the command can be sent again.",
		unsure:  " It is not known whether AWS accepted the policy: check " + w.Where + ".",
		failed:  "The " + w.Noun + " did not happen.", ended: " without a " + w.Noun + " that is known to have worked. ",
		means: func() string { return w.Means(c) }, know: "*Know before you approve*",
		decision: func() decision {
			return decision{
				question: w.Question, yes: w.Yes, danger: true, detail: w.Confirm(c),
				approve: "Approve: " + w.Title + " ", deny: "Deny the request for ", cancel: "Cancel your own request for ",
			}
		},
	}
}

func (c Context) undoing(r approvals.Request) phrases {
	w, u, stays := c.Words, *c.Undo, "the "+c.Words.Deny+" stays"
	asked := Mention(r.Requester) + " asked to *undo the " + w.Noun + "* of " + roleWords(c.Role) + " by " +
		earlierRequest(r.About, u.Card) + "."
	return phrases{
		asked: asked, denying: asked,
		wants: "*undo* the " + w.Noun + " of ", listed: "undo the " + w.Noun + " of ",
		open: " asked to undo the " + w.Noun + " of ", again: "Ask again to undo the " + w.Noun + " of ",
		report: "Post the files about ", noun: "undo", thing: "request", stays: stays,
		titles: map[approvals.State]string{
			approvals.StateOpen:     "Approval needed to undo a " + w.Noun,
			approvals.StateApproved: "Approved, the " + w.Noun + " is being undone",
			approvals.StateApplied:  c.undoneTitle(r), approvals.StateFailed: "Failed to undo a " + w.Noun,
			approvals.StateDenied: "Denied, " + stays, approvals.StateCancelled: "Cancelled, " + stays,
			approvals.StateExpired: "Expired, " + stays,
			approvals.StateVoid:    "Void, the role changed, nothing was undone",
		},
		being: "The " + w.Noun + " is being undone.", doing: "applied",
		outcome: func() string { return c.undoOutcome(r) },
		denied:  "denied it", nothing: " Nothing was done.", expired: " Nothing was done; it can be asked for again.",
		unsure: " It is not known whether AWS removed the " + w.Deny + ": check " + w.Where + ".",
		failed: "The " + w.Noun + " was not undone.",
		ended:  ", and it is not known to have undone the " + w.Noun + ". ",
		means: func() string {
			switch {
			case u.Stays():
				return "What the " + w.Deny + " consists of was there before it, and *stays*. Approve ends the request: " +
					"revokebot does not restore it.\n" + w.Undo.Revival(r, u)
			case u.Gone:
				return "The " + w.Deny + " is *gone already*, and not by revokebot. Approve says that this is on purpose: " +
					"revokebot does not restore it. If the same " + w.Deny + " is back by then, it is removed; what revokebot " +
					"has written since stays and has to be asked for again.\n" + w.Undo.Revival(r, u)
			}
			untouched := " If the role has anything else by then than what revokebot wrote, nothing is changed.\n"
			if len(u.Slots) > 1 {
				untouched = " A policy that is changed by then stays.\n"
			}
			return "It undoes a " + w.Noun + ". " + w.Undo.Effect(u) + untouched + w.Undo.Revival(r, u)
		},
		decision: func() decision {
			return decision{
				question: "Undo the " + w.Noun + "?", yes: "Yes, undo it", danger: true, detail: w.Undo.Confirm(c),
				approve: "Approve: undo the " + w.Noun + " of ", deny: "Deny: keep the " + w.Noun + " of ",
				cancel: "Cancel your own request for ",
			}
		},
	}
}

func (c Context) rehearsing(r approvals.Request) phrases {
	w := c.Words
	asked := Mention(r.Requester) + " asked to *rehearse* a " + w.Noun + " for " + roleWords(c.Role) + "."
	return phrases{
		asked: asked, denying: asked, wants: "*rehearse* a " + w.Noun + ", in which nothing is written, of ",
		listed: "rehearse a " + w.Noun + " for ", open: " asked for a drill of ", again: "ask again to rehearse it for ",
		report: "post the files about ", noun: "drill", thing: "drill", stays: "in an incident no session would be touched",
		titles: map[approvals.State]string{ // it is never executing or applied
			approvals.StateOpen:     "approval needed to rehearse a " + w.Noun,
			approvals.StateApproved: "approved, being rehearsed", approvals.StateRehearsed: rehearsedTitle(r),
			approvals.StateFailed: "failed", approvals.StateDenied: "the request was denied",
			approvals.StateCancelled: "cancelled", approvals.StateExpired: "expired",
			approvals.StateVoid: "void, the role changed",
		},
		being: "It is being rehearsed.", doing: "rehearsed", outcome: func() string { return drillOutcome(r) },
		denied:  "denied the request",
		expired: " In a real one no session would have been touched; the command can be sent again.",
		failed:  "it was not rehearsed to its end. Nothing was written.",
		ended:   " before its end. ", wrote: " Nothing was written.",
		after: " A real " + w.Noun + " would most likely have ended the same way: fix that first.",
		means: func() string { return w.Drill.Means }, know: "*Know before you approve a real one*",
		decision: func() decision {
			return decision{
				question: "rehearse it?", yes: "Yes, rehearse", detail: "A " + w.Noun + " for " + InAccount(c.Role) +
					" is rehearsed. Nothing is written, and no session loses anything.",
				approve: "approve it for ", deny: "deny it for ", cancel: "cancel your own for ",
			}
		},
	}
}

// title is the outcome of a request first: it is all that a small screen shows.
func (p phrases) title(s approvals.State) string {
	if s == approvals.StateExecuting {
		s = approvals.StateApproved
	}
	return cmp.Or(p.titles[s], "In an unknown state")
}

// failure is why a request or a try ended, and what that leaves open.
func (p phrases) failure(f record.Failure) string {
	text := outsideSentence(f.Sentence)
	if f.Unsure {
		text += p.unsure
	}
	return text
}
