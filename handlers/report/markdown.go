package report

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Markdown is read outside Slack, by renderers that are not known: what they link, ping and
// format differs. Text from outside is therefore a code span, in which none of them does anything;
// see mdCode and mdProse.

// mdCode shows a text from outside in Markdown, as code.
func mdCode(text string, limit int) string {
	text = messages.Clean(strings.ReplaceAll(text, "`", "'"), limit)
	if text == "" {
		return "`-`"
	}
	return "`" + text + "`"
}

// harmless is a sentence without a character that any renderer gives a meaning to within a line. A
// colon that no space follows is part of an address, an ARN or an :emoji:.
var harmless = regexp.MustCompile(`^(?:[\p{L}\p{N} .,;()'"/%?!-]|:(?: |$))*$`)

// action is an action of AWS, as package aws names them in its sentences.
var action = regexp.MustCompile(`\b[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]*\b`)

// mdProse shows a sentence that was put together here or in package aws and may have text from
// outside quoted in it: as it is when it is harmless, its actions as code; else all of it as code.
func mdProse(text string, limit int) string {
	text = messages.Clean(text, limit)
	rest := action.ReplaceAllString(text, "")
	if rest == "" || !harmless.MatchString(rest) || strings.Contains(strings.ToLower(text), "www.") {
		return mdCode(text, limit)
	}
	return action.ReplaceAllString(text, "`$0`")
}

// named names people of the workspace, with their id where it is needed to tell two apart.
func named(names map[string]string) func(id string) string {
	times := map[string]int{}
	short := func(id string) string { return strings.ToLower(messages.Clean(names[id], 80)) }
	for id := range names {
		times[short(id)]++
		times[strings.ToLower(id)]++ // a name that is an id
	}
	return func(id string) string {
		switch {
		case id == "":
			return "revokebot"
		case short(id) == "":
			return mdCode(id, 40)
		case times[short(id)] > 1:
			return mdCode(names[id], 80) + " (" + mdCode(id, 40) + ")"
		default:
			return mdCode(names[id], 80)
		}
	}
}

// People are the ids of those whom a report of events names, at most 20.
func People(events []approvals.Event) (ids []string) {
	for _, e := range events {
		all := []string{e.By}
		switch e.Type {
		case approvals.EventUndone:
			d := of[record.Undone](e)
			all = append(append(all, d.Requester), d.Approvers...)
		case approvals.EventDirect:
			all = append(all, of[record.Direct](e).Person)
		}
		for _, id := range all {
			if id != "" && !slices.Contains(ids, id) && len(ids) < 20 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func (i incidentReport) people(ids []string) string {
	words := make([]string, len(ids))
	for n, id := range ids {
		words[n] = i.Who(id)
	}
	return messages.List(words)
}

func mdRole(role record.Role) string {
	key := ""
	if role.Key != "" {
		key = mdCode(role.Key, 64) + " of "
	}
	return key + mdCode(role.AccountName+"/"+role.Name, 130) + " (account " + mdCode(role.AccountID, 12) + ")"
}

// mdOther names a role that sessions assumed.
func mdOther(l record.Link) string { return mdCode(messages.RoleOf(l), 300) }

// pen writes Markdown.
var pen = messages.Pen{
	Code: mdCode, Prose: func(text string) string {
		if text == "" {
			return ""
		}
		return mdProse(text, 1200)
	},
	Bold: func(text string) string { return "**" + text + "**" }, Who: named(nil), At: utc, Noun: "role",
}

func upper(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// utc writes a moment as messages do.
func utc(t time.Time) string { return messages.UTC(t) }

// stampLine writes a moment as the report's lines do: to the second, in UTC, without saying so each
// time.
func stampLine(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// mdFailure is a failure's sentence, and what it leaves open.
func mdFailure(e approvals.Event) string {
	f, err := record.Detail[record.Failure](e)
	if err != nil {
		return "why is not known"
	}
	text := mdProse(f.Sentence, 1200)
	if f.Unsure {
		text += " It is not known whether AWS accepted the change: check it in IAM."
	}
	return text
}
