package messages

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// proofList is the message that lists what is known of a deny: three separate facts, each with its
// mark in words and its time.
var proofList = living{
	name: "proof",
	tells: func(e approvals.Event) bool {
		switch e.Type {
		case approvals.EventReadBack:
			back, err := record.Detail[record.ReadBack](e)
			return err == nil && back.Equal && !back.Undo // what is wrong is told by itself, to people by name
		case approvals.EventSimulated, approvals.EventSeenDenied:
			return true
		default:
			return false
		}
	},
	stirs: []approvals.EventType{
		approvals.EventReadBack, approvals.EventTampered, approvals.EventRewritten, approvals.EventHeld,
		approvals.EventUndone,
	},
	show: func(r approvals.Request, events []approvals.Event, c Context) *Message {
		p := proof{record.Proven(events), c.Words}
		return sentence(fmt.Sprintf("*Proof* for the %s *%s*. Three separate facts; this message is kept up to date.\n"+
			"%s\n%s\n%s%s\n"+
			"`sts:GetCallerIdentity` is answered under any deny, so that it works proves nothing.",
			c.Words.Mark, UTC(p.Since), p.storedLine(), p.paperLine(), p.enforcedLine(), p.guardLine(c)))
	},
}

// proof is what the log proves, in words.
type proof struct {
	record.Proof
	w Words
}

func (p proof) storedLine() string {
	const fact = "• *Stored: "
	written := "what was written"
	if p.Rewrites > 0 && !p.Rewritten.At.IsZero() {
		written = fmt.Sprintf("what was written again on %s", UTC(p.Rewritten.At))
	}
	switch {
	case !p.UndoneAt.IsZero():
		return fact + "not any more.* Another request took the " + p.w.Deny + " away on " + UTC(p.UndoneAt) + "."
	case p.Lost != nil && p.Lost.Lost():
		return fact + "no.* A look on " + UTC(p.Lost.At) + " found it " + TamperedWords(*p.Lost) + "."
	case p.Lost != nil:
		return fact + "not any more.* A look on " + UTC(p.Lost.At) + " found the role itself gone."
	case p.ReadBack == nil:
		return fact + "not known.* The policy was not read back."
	case p.ReadBack.Equal:
		return fact + "yes.* *Read back* on " + UTC(p.ReadBack.At) + ": the policy on the role says " + written + "."
	case p.ReadBack.Error != "":
		return fact + "not known.* The policy could not be read back."
	default:
		return fact + "no.* *Read back* on " + UTC(p.ReadBack.At) + ": " + Code(p.ReadBack.Mismatch, 300) + "."
	}
}

// then says that what was seen of the deny was seen while it was there.
func (p proof) then() string {
	if p.Lost != nil || !p.UndoneAt.IsZero() {
		return ", while it was there"
	}
	return ""
}

func (p proof) paperLine() string {
	const fact = "• *Effective on paper: "
	switch s := p.Simulated; {
	case s == nil:
		return fact + "not known yet.* The policy simulator has not answered."
	case s.Unavailable != "":
		return fact + "could not be simulated.* " + markup.Replace(Clean(s.Unavailable, 600))
	default:
		return fact + simulationMark(*s) + p.then() + ".* *Simulated* on " + UTC(s.At) + ": " +
			p.w.Paper(SimulatedWords(s.Before), SimulatedWords(s.After)) + "."
	}
}

func (p proof) enforcedLine() string {
	const fact = "• *Enforced: "
	asOf := func(e *record.Enforcement) string { return " As of " + UTC(e.At) + "." }
	why := func(e *record.Enforcement) string {
		if e.Why == "" {
			return ""
		}
		return " " + markup.Replace(Clean(e.Why, 600))
	}
	switch e := p.Seen; {
	case e == nil:
		return fact + "not known yet.* No call of " + p.w.Whom + " after the " + p.w.Mark + " was looked for yet."
	case e.State == record.SeenDenied && e.Denied > 0:
		early := "none that succeeded"
		if e.Succeeded > 0 {
			early = fmt.Sprintf("%s that succeeded, the last on %s, while IAM was still spreading the policy",
				english.Count(e.Succeeded, "call", "calls"), UTC(e.LastSucceeded))
		}
		return fact + "yes" + p.then() + ".* *Seen denied* in CloudTrail: " + english.Count(e.Denied, "call", "calls") +
			" of " + p.w.Whom + ", the first on " + UTC(e.FirstDenied) + "; " + early + "." + why(e) + asOf(e)
	case e.State == record.SeenNotDenied:
		return fact + "no.* CloudTrail shows " + english.Count(e.Succeeded, "call", "calls") + " of " + p.w.Whom +
			" that succeeded after the " + p.w.Mark +
			", the last on " + UTC(e.LastSucceeded) + "." + why(e) + asOf(e)
	default:
		if e.Why == "" {
			return fact + "not known yet.* CloudTrail has shown no call of " + p.w.Whom + " after the " + p.w.Mark + "." +
				asOf(e)
		}
		return fact + "not known yet.*" + why(e) + asOf(e)
	}
}

// guardLine is what the later looks at the policy came to.
func (p proof) guardLine(c Context) string {
	if p.Held == nil {
		return ""
	}
	return "\n" + heldText(*p.Held, c)
}

func SimulatedWords(v record.Verdict) string {
	switch v {
	case record.DeniedByOurs:
		return "denied by this policy"
	case record.DeniedByOther:
		return "denied by another policy"
	case record.NotDenied:
		return "not denied"
	default:
		return "answered in a way that revokebot does not know"
	}
}

// simulationMark sums up a simulation.
func simulationMark(s record.Simulated) string {
	switch {
	case s.Proven:
		return "yes"
	case s.Before == record.DeniedByOurs && s.After == record.DeniedByOther:
		return "yes, and new sessions are denied by another policy"
	case s.Before == record.DeniedByOther:
		return "not known, another policy denies it already"
	case s.Before == "" || s.After == "":
		return "not known"
	default:
		return "no"
	}
}
