package messages

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// proofList is the message that lists what is known of a deny: three separate facts, each with its mark in words and its
// time.
var proofList = living{
	name: "proof",
	tells: func(e approvals.Event) bool {
		switch e.Type {
		case approvals.EventReadBack:
			back, err := detail[ReadBack](e)
			return err == nil && back.Equal && !back.Undo // what is wrong is told by itself, to people by name
		case approvals.EventSimulated, approvals.EventSeenDenied:
			return true
		default:
			return false
		}
	},
	stirs: []approvals.EventType{
		approvals.EventReadBack, approvals.EventTampered, approvals.EventRewritten, approvals.EventHeld, approvals.EventUndone,
	},
	show: func(r approvals.Request, events []approvals.Event, _ Context) *Message {
		p := proven(events)
		return sentence(fmt.Sprintf("*Proof* for the cutoff *%s*. Three separate facts; this message is kept up to date.\n%s\n%s\n%s%s\n"+
			"`sts:GetCallerIdentity` is answered under any deny, so that it works proves nothing.",
			utc(p.cutoff), p.storedLine(), p.paperLine(), p.enforcedLine(), p.guardLine()))
	},
}

// proof is what the log has of each fact. What was seen before the deny was written again does not speak for it any more.
type proof struct {
	cutoff    time.Time
	back      *ReadBack
	lost      *Tampered  // what a look found instead of the deny, until it is written again
	rewritten *Rewritten // the last time
	rewrites  int
	simulated *Simulated
	seen      *Enforcement
	held      *Held
	undoneAt  time.Time
}

// proven folds a log. An event that cannot be read proves nothing.
func proven(events []approvals.Event) proof {
	var p proof
	for _, e := range events {
		switch e.Type {
		case approvals.EventApplied:
			if a, err := detail[Applied](e); err == nil {
				p.cutoff = a.Cutoff
			}
		case approvals.EventReadBack:
			p.back = known[ReadBack](e)
		case approvals.EventTampered:
			if t := known[Tampered](e); t != nil {
				p.lost, p.held = t, nil
			}
		case approvals.EventRewritten:
			if w := known[Rewritten](e); w != nil {
				p = proof{cutoff: w.Cutoff, rewritten: w, rewrites: p.rewrites + 1, back: &w.Back}
			}
		case approvals.EventSimulated:
			if s := known[Simulated](e); s != nil && s.Cutoff.Equal(p.cutoff) {
				p.simulated = s
			}
		case approvals.EventSeenDenied:
			p.seen = known[Enforcement](e)
		case approvals.EventHeld:
			if p.held = known[Held](e); p.held != nil {
				p.lost = nil
			}
		case approvals.EventUndone:
			p.undoneAt = e.At
		}
	}
	return p
}

func known[T any](e approvals.Event) *T {
	d, err := detail[T](e)
	if err != nil {
		return nil
	}
	return &d
}

func (p proof) storedLine() string {
	const fact = "• *Stored: "
	written := "what was written"
	if p.rewrites > 0 && !p.rewritten.At.IsZero() {
		written = fmt.Sprintf("what was written again on %s", utc(p.rewritten.At))
	}
	switch {
	case !p.undoneAt.IsZero():
		return fact + "not any more.* Another request took the deny away on " + utc(p.undoneAt) + "."
	case p.lost != nil && p.lost.Lost():
		return fact + "no.* A look on " + utc(p.lost.At) + " found it " + p.lost.words() + "."
	case p.lost != nil:
		return fact + "not any more.* A look on " + utc(p.lost.At) + " found the role itself gone."
	case p.back == nil:
		return fact + "not known.* The policy was not read back."
	case p.back.Equal:
		return fact + "yes.* *Read back* on " + utc(p.back.At) + ": the policy on the role says " + written + "."
	case p.back.Error != "":
		return fact + "not known.* The policy could not be read back."
	default:
		return fact + "no.* *Read back* on " + utc(p.back.At) + ": " + code(p.back.Mismatch, 300) + "."
	}
}

// then says that what was seen of the deny was seen while it was there.
func (p proof) then() string {
	if p.lost != nil || !p.undoneAt.IsZero() {
		return ", while it was there"
	}
	return ""
}

func (p proof) paperLine() string {
	const fact = "• *Effective on paper: "
	switch s := p.simulated; {
	case s == nil:
		return fact + "not known yet.* The policy simulator has not answered."
	case s.Unavailable != "":
		return fact + "could not be simulated.* " + markup.Replace(clean(s.Unavailable, 600))
	case s.Before == DeniedByOurs && s.After == NotDenied:
		return fact + "yes" + p.then() + ".* *Simulated* on " + utc(s.At) + ": a session issued a second before the cutoff is denied by this policy, one issued a second after it is not."
	default:
		return fact + s.mark() + p.then() + ".* *Simulated* on " + utc(s.At) + ": a session issued a second before the cutoff is " + s.Before.words() +
			", one issued a second after it is " + s.After.words() + "."
	}
}

func (p proof) enforcedLine() string {
	const fact = "• *Enforced: "
	asOf := func(e *Enforcement) string { return " As of " + utc(e.At) + "." }
	why := func(e *Enforcement) string {
		if e.Why == "" {
			return ""
		}
		return " " + markup.Replace(clean(e.Why, 600))
	}
	switch e := p.seen; {
	case e == nil:
		return fact + "not known yet.* No call of an old session after the cutoff was looked for yet."
	case e.State == SeenDenied && e.Denied > 0:
		early := "none that succeeded"
		if e.Succeeded > 0 {
			early = fmt.Sprintf("%s that succeeded, the last on %s, while IAM was still spreading the policy", calls(e.Succeeded), utc(e.LastSucceeded))
		}
		return fact + "yes" + p.then() + ".* *Seen denied* in CloudTrail: " + calls(e.Denied) + " of old sessions, the first on " + utc(e.FirstDenied) + "; " + early + "." + why(e) + asOf(e)
	case e.State == SeenNotDenied:
		return fact + "no.* CloudTrail shows " + calls(e.Succeeded) + " of old sessions that succeeded after the cutoff, the last on " + utc(e.LastSucceeded) + "." + why(e) + asOf(e)
	default:
		if e.Why == "" {
			return fact + "not known yet.* CloudTrail has shown no call of an old session after the cutoff." + asOf(e)
		}
		return fact + "not known yet.*" + why(e) + asOf(e)
	}
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%d calls", n)
}

// guardLine is what the later looks at the policy came to.
func (p proof) guardLine() string {
	if p.held == nil {
		return ""
	}
	return "\n" + p.held.text()
}
