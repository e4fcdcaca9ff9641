package report

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// proven tells the proof, fact by fact, and what no fact speaks for.
func (i incidentReport) proven(s *sheet) {
	s.title("What is proven, and what is not")
	p := i.proof
	if p.Since.IsZero() || i.undo {
		s.item("No %s was applied by this request, so nothing is proven about one.", i.words.Deny)
	} else {
		s.item("**Stored: %s.** %s", said(p.stored()), p.storedReport())
		s.item("**Effective on paper: %s.** %s", said(p.paper()), p.paperReport())
		s.item("**Enforced: %s.** %s", said(p.enforced()), p.enforcedReport())
		if p.Held != nil {
			s.item("The %s held for %s: it was on the role at the last look, on %s.", i.words.Deny,
				messages.Span(p.Held.After), utc(p.Held.At))
		}
	}
	in := i.in
	for _, g := range in.Regions {
		switch {
		case !g.Covered:
			s.item("**Not covered:** region %s, %s. Nothing is known about what happened there.", mdCode(g.Region, 40),
				mdProse(g.Reason, 200))
		case g.Truncated:
			s.item("Region %s was read in part only: the newest events.", mdCode(g.Region, 40))
		}
	}
	if in.Failed != "" {
		s.item("The latest look at CloudTrail failed: %s", mdProse(in.Failed, 1200))
	}
	if in.LeftOut > 0 {
		s.item("%s found that the record does not keep.", english.Count(in.LeftOut, "session was", "sessions were"))
	}
	if in.NotRead > 0 {
		s.item("%s out and not looked into.", english.Count(in.NotRead, "session stood", "sessions stood"))
	}
	if v := in.Verdict; v != nil {
		for _, why := range v.Why {
			s.item("On the last word: %s", mdProse(why, 400))
		}
		for _, c := range v.Calls {
			s.item("A call that got through after the %s: %s %s", i.words.Mark, stampLine(c.Time), mdCall(c))
		}
		for _, session := range v.Sessions {
			s.item("%s: %s, %s", shows(session, i.words), mdSession(session), stampLine(session.Time))
		}
	}
	s.item("CloudTrail is minutes late and has management calls only: no events is not no activity, " +
		"and what was read from buckets and databases is not in it.")
}

// shows says how a session of the last word shows that it is not contained, as the beginning of a
// line.
func shows(s record.Session, w messages.Words) string {
	switch {
	case s.Role != "":
		return "Of the role " + mdCode(s.Role, 64) + ", out of a session that stood out, and not seen stopped"
	case s.After:
		return "Opened after the " + w.Mark + " by a caller that was suspicious before"
	default:
		return "From before the " + w.Mark + ", and its calls still got through"
	}
}

func said(word string) string { return strings.ReplaceAll(word, "_", " ") }

// proof is what the log proves, in words.
type proof struct {
	record.Proof
	w messages.Words
}

func (p proof) storedReport() string {
	switch {
	case !p.UndoneAt.IsZero():
		return "Another request took the " + p.w.Deny + " away on " + utc(p.UndoneAt) + "."
	case p.Lost != nil && p.Lost.Lost():
		return "A look on " + utc(p.Lost.At) + " found it " + messages.TamperedWords(*p.Lost) + "."
	case p.Lost != nil:
		return "A look on " + utc(p.Lost.At) + " found the role itself gone; its sessions ended with it."
	case p.ReadBack == nil:
		return "The policy was not read back."
	case p.ReadBack.Equal:
		return "Read back on " + utc(p.ReadBack.At) + ": the policy on the role said what was written."
	case p.ReadBack.Error != "":
		return "The policy could not be read back: " + mdProse(p.ReadBack.Error, 1000)
	default:
		return "Read back on " + utc(p.ReadBack.At) + ": " + mdCode(p.ReadBack.Mismatch, 800)
	}
}

func (p proof) paperReport() string {
	switch s := p.Simulated; {
	case s == nil:
		return "The policy simulator has not answered."
	case s.Unavailable != "":
		return "It could not be simulated: " + mdProse(s.Unavailable, 600)
	default:
		return "Simulated on " + utc(s.At) + ": " +
			p.w.Paper(messages.SimulatedWords(s.Before), messages.SimulatedWords(s.After)) + "."
	}
}

func (p proof) enforcedReport() string {
	e := p.Seen
	if e == nil {
		return "No call of " + p.w.Whom + " after the " + p.w.Mark + " was looked for."
	}
	text := fmt.Sprintf("CloudTrail shows %s of %s after the %s that were denied, and %s that succeeded.",
		english.Count(e.Denied, "call", "calls"), p.w.Whom, p.w.Mark, english.Count(e.Succeeded, "call", "calls"))
	if !e.FirstDenied.IsZero() {
		text += " The first denial was on " + utc(e.FirstDenied) + "."
	}
	if !e.LastSucceeded.IsZero() {
		text += " The last success was on " + utc(e.LastSucceeded) + "."
	}
	if e.Why != "" {
		text += " " + mdProse(e.Why, 600)
	}
	return text + " As of " + utc(e.At) + "."
}

// The three facts of a proof, each in a word.
const (
	wordYes      = "yes"
	wordNo       = "no"
	wordNotKnown = "not_known"
	wordUndone   = "undone"
	wordRoleGone = "role_gone"
	wordDrill    = "drill"
)

func (p proof) stored() string {
	switch {
	case !p.UndoneAt.IsZero():
		return wordUndone
	case p.Lost != nil && p.Lost.Lost():
		return wordNo
	case p.Lost != nil:
		return wordRoleGone
	case p.ReadBack == nil || p.ReadBack.Error != "" && !p.ReadBack.Equal:
		return wordNotKnown
	case p.ReadBack.Equal:
		return wordYes
	default:
		return wordNo
	}
}

func (p proof) paper() string {
	switch s := p.Simulated; {
	case s == nil || s.Unavailable != "" || s.Before == "" || s.After == "" || s.Before == record.DeniedByOther:
		return wordNotKnown
	case s.Proven, s.Before == record.DeniedByOurs && s.After == record.DeniedByOther:
		return wordYes
	default:
		return wordNo
	}
}

func (p proof) enforced() string {
	switch s := p.Seen; {
	case s != nil && s.State == record.SeenDenied && s.Denied > 0:
		return wordYes
	case s != nil && s.State == record.SeenNotDenied:
		return wordNo
	default:
		return wordNotKnown
	}
}
