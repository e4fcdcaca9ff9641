package messages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// What the thread says of CloudTrail are four messages that are edited in place, in this order: the
// sentence, the table, the findings, and the menu to choose a session from. Slack notifies nobody
// of an edit, so what people have to know at once comes as a message of its own as well.

// summary is the sentence with the state of the incident.
var summary = living{
	name: "evidence",
	tells: func(e approvals.Event) bool {
		return e.Type == approvals.EventLooking || e.Type == approvals.EventEvidence && !Newsworthy(e)
	},
	stirs: []approvals.EventType{
		approvals.EventEvidence, approvals.EventSessions, approvals.EventReadBack, approvals.EventRewritten,
		approvals.EventSeenDenied,
		approvals.EventVerdict, approvals.EventActivity, approvals.EventTampered, approvals.EventHeld, approvals.EventUndone,
	},
	show: func(_ approvals.Request, events []approvals.Event, _ Context) *Message {
		return Summary(record.Gather(events))
	},
}

// sessionTable is the table of sessions.
var sessionTable = living{
	name:  "sessions",
	tells: func(e approvals.Event) bool { return e.Type == approvals.EventSessions },
	stirs: []approvals.EventType{approvals.EventEvidence, approvals.EventActivity, approvals.EventRewritten},
	show: func(_ approvals.Request, events []approvals.Event, _ Context) *Message {
		return Table(record.Gather(events))
	},
}

// findings tells what sessions did and where they went on to.
var findings = living{
	name: "findings",
	tells: func(e approvals.Event) bool {
		return e.Type == approvals.EventActivity && !Newsworthy(e) && headlineOf(e).Chosen == ""
	},
	stirs: []approvals.EventType{
		approvals.EventActivity, approvals.EventEvidence, approvals.EventRewritten, approvals.EventUndone,
	},
	show: func(r approvals.Request, events []approvals.Event, _ Context) *Message { return Findings(r, events) },
}

// sessionMenu offers the other sessions.
var sessionMenu = living{
	name:  "menu",
	tells: func(e approvals.Event) bool { return e.Type == approvals.EventOffered },
	stirs: []approvals.EventType{approvals.EventSessions},
	show: func(r approvals.Request, events []approvals.Event, _ Context) *Message {
		return ChooseSession(r, record.Gather(events))
	},
}

// headline is the part of an Evidence or an Activity that says how it is told. It is asked for
// often, and the rest is long.
type headline struct {
	Chosen   string            `json:"chosen"`
	News     []json.RawMessage `json:"news"`
	NewLinks []json.RawMessage `json:"new_links"`
	Copies   []json.RawMessage `json:"new_copies"`
}

func headlineOf(e approvals.Event) headline {
	h, err := record.Detail[headline](e)
	if err != nil {
		return headline{}
	}
	return h
}

// Newsworthy reports whether a look found what people have to know at once.
func Newsworthy(e approvals.Event) bool {
	if e.Type != approvals.EventEvidence && e.Type != approvals.EventActivity {
		return false
	}
	h := headlineOf(e)
	return h.Chosen == "" && len(h.News)+len(h.NewLinks)+len(h.Copies) > 0
}

// evidenceNews tells of sessions that an earlier look did not have and that matter.
func evidenceNews(before approvals.Request, e approvals.Event) *Message {
	v, err := record.Detail[record.Evidence](e)
	if err != nil || len(v.News) == 0 {
		return nil
	}
	var lines []string
	unknown := false
	for _, s := range v.News {
		line := fmt.Sprintf("• %s session %s of %s from %s, %s", UTC(s.Time), Code(s.SessionName, 64), Code(s.Caller, 120),
			Code(s.SourceAddress, 60), Code(s.Region, 30))
		switch {
		case s.After && s.Known:
			line += ": opened *after the cutoff*, by a caller known before it"
		case s.After:
			line, unknown = line+": opened *after the cutoff*, by a caller *not seen before*", true
		default:
			line += ": from before the cutoff"
			if i := slices.IndexFunc(v.Suspects, func(x record.Suspect) bool { return x.EventID == s.EventID }); i >= 0 {
				line += ", " + SeldomWords(v.Suspects[i])
			}
		}
		lines = append(lines, line)
	}
	if v.MoreNews > 0 {
		lines = append(lines, fmt.Sprintf("• and %d more, in the table", v.MoreNews))
	}
	head := "*CloudTrail shows more now.*"
	if unknown {
		head = mentions(involved(before)) + ": *CloudTrail shows new sessions since the cutoff.* The deny does not touch " +
			"them. If you do not know the caller, stop new sessions by the role's trust policy and revoke again."
	}
	return sentence(head + "\n" + strings.Join(lines, "\n"))
}

// activityNews tells of calls and roles that an earlier look did not have and that matter; of a
// session that somebody chose, everything.
func activityNews(before approvals.Request, e approvals.Event) *Message {
	v, err := record.Detail[record.Activity](e)
	switch {
	case err != nil:
		return nil
	case v.Chosen != "":
		return chosenActivity(v)
	case len(v.News)+len(v.NewLinks)+len(v.NewCopies) == 0:
		return nil
	}
	text := mentions(involved(before)) + ": *CloudTrail shows more of what these sessions did.*"
	for _, c := range v.NewCopies {
		text += fmt.Sprintf("\n• session %s of %s, opened from %s on %s. %s", Code(c.Session.SessionName, 64),
			Code(c.Session.Caller, 120), Code(c.Session.SourceAddress, 60),
			UTC(c.Session.Time), usedFrom(c.From))
	}
	for _, c := range v.News {
		text += "\n• " + callWords(c)
	}
	for _, l := range v.NewLinks {
		text += "\n• " + linkWords(l)
	}
	return sentence(text + "\nThe findings above have the whole picture.")
}
