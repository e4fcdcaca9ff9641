package messages

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Pen writes for one kind of reader: people in Slack, a cell of a table, or a report in Markdown.
// Thread and report tell the same facts with the same sentences.
type Pen struct {
	Code  func(text string, limit int) string // a text from outside
	Prose func(text string) string            // a sentence of package aws, in which text from outside is quoted
	Bold  func(text string) string
	Who   func(id string) string // a person of the workspace
	At    func(time.Time) string
	Noun  string // of the principal: "role"
	Keys  bool   // access keys can be asked for in the account

	Restricts bool // the measure parts calls by their addresses
}

// slackPen writes mrkdwn. Moments of the day are without their date.
func slackPen(day time.Time, on record.Role) Pen {
	return Pen{
		Code, outsideSentence, bold, Mention, func(t time.Time) string { return Clock(t, day) }, on.Noun(), false,
		on.Known != nil,
	}
}

// quoted is what package aws writes around a text from outside. There is no back-tick in it.
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*("|$)`)

// outsideSentence shows a sentence of package aws, in which text from outside is quoted, as code.
func outsideSentence(text string) string {
	return quoted.ReplaceAllString(markup.Replace(Clean(text, 1000)), "`$0`")
}

// Session names a session.
func (p Pen) Session(s record.Session) string {
	return p.What(s.SessionName) + " of " + p.Code(s.Caller, 120) + " from " + p.Code(s.SourceAddress, 60)
}

// What names a session, or the access key of a user that stands among the sessions.
func (p Pen) What(name string) string {
	if isKey(name) {
		return "access key " + p.Code(name, 64)
	}
	return "session " + p.Code(name, 64)
}

// Call tells of one call and what came of it.
func (p Pen) Call(c record.Call) string {
	text := p.Code(c.Service+":"+c.Name, 110)
	if c.Target != "" {
		text += " " + p.Code(c.Target, 150)
	}
	if c.SourceAddress != "" {
		text += " from " + p.Code(c.SourceAddress, 60)
	}
	if c.Session != "" {
		text += " with the key " + p.Code(KeyEnd(c.Session), 10)
	}
	outcome := p.Bold("succeeded")
	if c.ErrorCode != "" {
		outcome = "rejected, " + p.Code(c.ErrorCode, 80)
	}
	if c.Times > 1 {
		outcome += fmt.Sprintf(", %d times", c.Times)
	}
	return text + ": " + outcome
}

// Calls counts calls by service.
func (p Pen) Calls(all, denied int, services []trail.ServiceUse, others int) string {
	text := english.Count(all, "call", "calls")
	if denied > 0 {
		text += fmt.Sprintf(", %d denied", denied)
	}
	words := make([]string, 0, len(services)+1)
	for _, s := range services {
		words = append(words, fmt.Sprintf("%s %d", p.Code(s.Service, 40), s.Calls))
	}
	if others > 0 {
		words = append(words, fmt.Sprintf("others %d", others))
	}
	if len(words) > 0 {
		text += " (" + strings.Join(words, ", ") + ")"
	}
	return text
}

// UsedFrom says from where a stolen key was used.
func (p Pen) UsedFrom(from []trail.Source) string {
	const shown = 3
	words := make([]string, 0, shown+1)
	for _, s := range from[:min(len(from), shown)] {
		word := p.Code(s.Address, 60) + " (" + english.Count(s.Calls, "call", "calls")
		if agent, _, _ := strings.Cut(strings.TrimSpace(s.UserAgent), " "); agent != "" {
			word += ", " + p.Code(agent, 60)
		}
		words = append(words, word+")")
	}
	if left := len(from) - len(words); left > 0 {
		words = append(words, english.Count(left, "more address", "more addresses"))
	}
	return "used from " + List(words)
}

// State says whether a session has access, as far as it was seen.
func (p Pen) State(in record.Incident, s record.Session) string {
	a := in.Activities[s.EventID]
	switch {
	case !s.Issued() && s.Uncertain:
		return "rejected, role not named"
	case !s.Issued():
		return "rejected, " + p.Code(s.ErrorCode, 40)
	case s.After && in.Vouched[s.CallerIdentity()].By != "":
		return "new, called ours"
	case s.After && in.Known(s):
		return "new, known caller"
	case s.After:
		return "new, caller " + in.FirstSeen(s)
	case in.Drill || in.Cutoff.IsZero():
		return "would be blocked"
	case !s.Expires.IsZero() && !s.Expires.After(in.Until):
		return "expired at " + p.At(s.Expires)
	case in.Undone:
		return "not blocked by this request, which was undone"
	case in.Lost:
		return "not blocked, the policy is gone"
	case !a.LastOK.Before(in.Cutoff) && a.LastOK.After(a.Refused):
		return "has access, last successful call at " + p.At(a.LastOK)
	case !a.Refused.IsZero() && !a.Refused.Before(in.Cutoff):
		return "blocked since " + p.At(a.Refused)
	default:
		return "no activity since the " + in.Mark
	}
}

// KeyEnd is the part of an access key id that tells keys apart.
func KeyEnd(key string) string {
	const shown = 4
	if runes := []rune(key); len(runes) > shown {
		return ellipsis + string(runes[len(runes)-shown:])
	}
	return key
}

// RoleOf names a role that was assumed.
func RoleOf(l record.Link) string {
	if l.Account != "" {
		return l.Account + "/" + l.RoleName
	}
	return l.RoleARN
}

// Unusual says why a session is looked into by itself, in foreign text: for cells and lists, not
// for markup.
func Unusual(s record.Suspect) string {
	var words []string
	if len(s.From) > 0 {
		words = append(words, "used from "+Raw(s.From[0], 60))
	}
	switch {
	case s.Address && s.Caller:
		words = append(words, "address and caller first seen in this window")
	case s.Address:
		words = append(words, "address first seen in this window")
	case s.Caller:
		words = append(words, "caller first seen in this window")
	}
	return strings.Join(words, ", ")
}

// Fact is one of the three facts about what was applied, in words for people and in one word for
// programs.
type Fact struct{ Name, Word, Text string }

// What a Fact's Word can be.
const (
	FactYes      = "yes"
	FactNo       = "no"
	FactNotKnown = "not_known"
	FactUndone   = "undone"
	FactRoleGone = "role_gone"
)

// Facts are what is known of what was applied: on the role, by the policy simulator, in CloudTrail.
func (p Pen) Facts(proof record.Proof) [3]Fact {
	facts := [3]Fact{p.onRole(proof), p.simulated(proof.Simulated), p.seen(proof.Seen)}
	if proof.Lost != nil || !proof.UndoneAt.IsZero() {
		for i := range facts[1:] {
			if f := &facts[1+i]; f.Word == FactYes {
				f.Text += ", while the policy was on the " + p.Noun
			}
		}
	}
	return facts
}

func (p Pen) onRole(proof record.Proof) Fact {
	f := func(word, text string) Fact { return Fact{"On the " + p.Noun, word, text} }
	switch back := proof.ReadBack; {
	case !proof.UndoneAt.IsZero():
		return f(FactUndone, "no, undone at "+p.At(proof.UndoneAt))
	case proof.Lost != nil && proof.Lost.Lost():
		return f(FactNo, "no, "+p.Found(*proof.Lost)+" at "+p.At(proof.Lost.At))
	case proof.Lost != nil && p.Noun == string(contain.User):
		return f(FactRoleGone, "the user was deleted or renamed, seen at "+p.At(proof.Lost.At))
	case proof.Lost != nil:
		return f(FactRoleGone, "the "+p.Noun+" was deleted, seen at "+p.At(proof.Lost.At))
	case back == nil:
		return f(FactNotKnown, "not verified")
	case back.Equal:
		return f(FactYes, "yes ("+p.At(back.At)+")")
	case back.Error != "":
		return f(FactNotKnown, "not verified. "+p.Prose(back.Error))
	default:
		return f(FactNo, "no, "+p.Code(back.Mismatch, 300))
	}
}

func (p Pen) simulated(s *record.Simulated) Fact {
	f := func(word, text string) Fact { return Fact{"Policy simulator", word, text} }
	switch {
	case s == nil:
		return f(FactNotKnown, "no answer yet")
	case s.Unavailable != "":
		return f(FactNotKnown, "not available. "+p.Prose(s.Unavailable))
	case s.Tried && s.Proven:
		return Fact{"Session tried", FactYes, "a new session is refused by the trust policy"}
	case s.Tried:
		return Fact{"Session tried", FactNo, "a new session is not refused by the trust policy"}
	case p.Restricts && s.Proven:
		return f(FactYes, "blocks calls from elsewhere, allows those from known addresses")
	case p.Restricts && s.Before == role.DeniedByOurs:
		return f(FactNotKnown, "blocks calls from elsewhere; another policy blocks more")
	case p.Restricts && s.Before == role.NotDenied:
		return f(FactNo, "does not block calls from elsewhere")
	case s.Before == role.DeniedByOther:
		return f(FactNotKnown, "another policy blocks old sessions already")
	case s.Before == role.DeniedByOurs && s.After == role.DeniedByOther:
		return f(FactYes, "blocks old sessions; another policy blocks new ones, too")
	case s.Before == role.DeniedByOurs && s.After == role.NotDenied:
		return f(FactYes, "blocks old sessions, allows new ones")
	case s.Before == role.DeniedByOurs && s.After == role.DeniedByOurs && s.Proven:
		return f(FactYes, "blocks old and new sessions")
	case s.Before == role.DeniedByOurs && s.After == role.DeniedByOurs:
		return f(FactNo, "blocks new sessions, too")
	case s.Before == role.NotDenied:
		return f(FactNo, "does not block old sessions")
	default:
		return f(FactNotKnown, "an answer that revokebot does not know")
	}
}

func (p Pen) seen(e *record.Enforcement) Fact {
	f := func(word, text string) Fact {
		if e != nil && e.Why != "" {
			text += ". " + p.Prose(e.Why)
		}
		return Fact{"Seen blocked in CloudTrail", word, text}
	}
	switch {
	case e == nil:
		return f(FactNotKnown, "not checked yet")
	case e.State == record.SeenDenied && e.Denied > 0:
		text := "yes, " + english.Count(e.Denied, "call", "calls") + " since " + p.At(e.FirstDenied)
		if e.Succeeded > 0 {
			text += "; " + english.Count(e.Succeeded, "call", "calls") + " succeeded before, the last at " +
				p.At(e.LastSucceeded)
		}
		return f(FactYes, text)
	case e.State == record.SeenNotDenied:
		return f(FactNo, "no, "+english.Count(e.Succeeded, "call", "calls")+" succeeded since it was applied, the last at "+
			p.At(e.LastSucceeded))
	default:
		return f(FactNotKnown, "not yet, as of "+p.At(e.At))
	}
}

// isKey reports whether the name of a document is the id of an access key, whose status it is.
func isKey(name string) bool { return strings.HasPrefix(name, "AKIA") }

// Found says what a check found in place of what was applied, in the middle of a sentence.
func (p Pen) Found(t record.Tampered) string {
	switch {
	case isKey(t.Policy) && t.State == role.Weakened:
		return "active again"
	case t.State == role.Gone:
		return "removed"
	case t.State == role.Weakened && t.Cutoff.IsZero():
		return "replaced by another policy"
	case t.State == role.Weakened && t.Found.IsZero():
		return "replaced by one that is no revocation"
	case t.State == role.Weakened:
		return "changed to the earlier cutoff " + p.At(t.Found)
	case t.State == role.RoleGone:
		return "gone with the " + p.Noun
	case t.State == role.RoleReplaced:
		return "gone with the " + p.Noun + ", whose name another one has now"
	default:
		return "changed"
	}
}
