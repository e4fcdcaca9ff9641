package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// shownFindings is how many sessions one message tells about.
const shownFindings = 10

// ActionChain is the button that asks for a role of the chain, ActionSession the menu from which a
// session is chosen. The value of each is the request's id and the mark of what is meant.
const (
	ActionChain   = "revokebot_chain"
	ActionSession = "revokebot_session"
)

// ValueOf joins a request's id and a mark; PartsOf takes them apart again.
func ValueOf(request, mark string) string { return request + "/" + mark }

// PartsOf is the reverse of ValueOf; a value without a mark is a request's id.
func PartsOf(value string) (request, mark string) {
	request, mark, _ = strings.Cut(value, "/")
	return request, mark
}

// Findings tells what the sessions did that are looked into by themselves, and which roles came out
// of them. It is one message that is edited in place; nil before there is anything to tell.
func Findings(r approvals.Request, events []approvals.Event) *Message {
	in := record.Gather(events)
	var latest *record.Activity
	for _, e := range events {
		if e.Type != approvals.EventActivity {
			continue
		}
		if v, err := record.Detail[record.Activity](e); err == nil && v.Chosen == "" {
			latest = &v
		}
	}
	if latest == nil {
		return nil
	}
	if latest.Failed != "" && len(in.Activities) == 0 {
		return sentence("*What the sessions did is not known.* " + outsideSentence(latest.Failed))
	}
	head := findingsHead(in, *latest)
	m := &Message{Blocks: []slack.Block{section(head)}}
	text := head
	for _, line := range findingLines(in) {
		m.Blocks, text = append(m.Blocks, section(line)), text+"\n"+line
	}
	blocks, words := chainBlocks(r, in)
	m.Blocks, text = append(m.Blocks, blocks...), text+words
	if why := outsideSentence(latest.Partly); why != "" {
		m.Blocks, text = append(m.Blocks, contextLine(why)), text+"\n"+why
	}
	m.Text = fit(text, limitText)
	return within(m)
}

// findingLines are a paragraph for each session that did something, those that opened doors first,
// and one for those that are quiet.
func findingLines(in record.Incident) []string {
	var busy []record.Session
	var quiet []string
	for _, s := range in.Sessions {
		a, looked := in.Activities[s.EventID]
		_, suspect := in.Suspects[s.EventID]
		switch {
		case !looked || !suspect && stands(in):
		case a.Calls == 0 && !a.Partly:
			quiet = append(quiet, Code(s.SessionName, 64)+" of "+Code(s.Caller, 80))
		default:
			busy = append(busy, s)
		}
	}
	slices.SortStableFunc(busy, func(a, b record.Session) int {
		did, other := in.Activities[a.EventID], in.Activities[b.EventID]
		return cmp.Or(cmp.Compare(min(len(other.Elsewhere), 1), min(len(did.Elsewhere), 1)),
			cmp.Compare(len(other.Doors), len(did.Doors)), cmp.Compare(other.Calls, did.Calls))
	})
	var lines []string
	for _, s := range busy[:min(len(busy), shownFindings)] {
		lines = append(lines, activityWords(in, s, in.Activities[s.EventID]))
	}
	if left := len(busy) - len(lines); left > 0 {
		lines = append(lines, english.Count(left, "more session", "more sessions")+" made calls; the list has the numbers.")
	}
	if left := len(quiet) - shownFindings; left > 0 {
		quiet = append(quiet[:shownFindings:shownFindings], english.Count(left, "more session", "more sessions"))
	}
	if len(quiet) > 0 {
		lines = append(lines, "CloudTrail shows no calls yet of "+List(quiet)+".")
	}
	return lines
}

// stands reports whether any session that was issued stands out.
func stands(in record.Incident) bool {
	return slices.ContainsFunc(in.Sessions, func(s record.Session) bool {
		_, suspect := in.Suspects[s.EventID]
		return suspect && s.Issued()
	})
}

func findingsHead(in record.Incident, latest record.Activity) string {
	worth := " As CloudTrail had it on " + UTC(latest.Until) + ", which has management calls only: what was read from " +
		"S3 or a database is not in it."
	if !stands(in) {
		text := "*What the sessions did.* None came from an address or a caller that is first seen in this window" +
			othersWords(in, latest) + ". That clears none of them"
		if len(latest.Sessions) > 0 {
			text += ": the newest are told here, and the others can be chosen below"
		}
		text += "."
		return text + worth
	}
	text := "*What the sessions did* that stand out" + othersWords(in, latest) + "." + worth
	if latest.NotRead > 0 {
		text += fmt.Sprintf(" %s more stand out and were not looked into.",
			english.Count(latest.NotRead, "session", "sessions"))
	}
	return text
}

// othersWords says of how many more sessions it was looked where their keys are used.
func othersWords(in record.Incident, latest record.Activity) string {
	checked := fmt.Sprintf("; the keys of %s were checked, too",
		english.Count(latest.Others, "more session", "more sessions"))
	switch {
	case latest.Others == 0:
		return ""
	case len(Copies(in)) == 0:
		return checked + ", and none is seen used from another address"
	default:
		return checked
	}
}

// activityWords is a paragraph about one session.
func activityWords(in record.Incident, s record.Session, a record.SessionActivity) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*Session* %s of %s, from %s, opened %s", Code(s.SessionName, 64), Code(s.Caller, 120),
		Code(s.SourceAddress, 60), UTC(s.Time))
	if why := SeldomWords(in.Suspects[s.EventID]); why != "" {
		b.WriteString(" (" + why + ")")
	}
	if len(a.Elsewhere) > 0 {
		b.WriteString(". " + usedFrom(a.Elsewhere) + ". ")
		if a.Partly {
			b.WriteString("Its calls, as far as they were read")
		} else {
			b.WriteString("All its calls")
		}
	}
	b.WriteString(": ")
	switch {
	case a.Calls == 0 && a.Partly:
		b.WriteString("no calls were found in what could be read.")
	case a.Calls == 0:
		b.WriteString("CloudTrail shows no calls yet.")
	default:
		fmt.Fprintf(&b, "*%s*", english.Count(a.Calls, "call", "calls"))
		if a.Denied > 0 {
			fmt.Fprintf(&b, ", %d of them denied", a.Denied)
		}
		fmt.Fprintf(&b, ", from %s to %s: %s.", UTC(a.First), clockOrDay(a), servicesWords(a))
	}
	for i, call := range a.Doors {
		if i == 6 {
			fmt.Fprintf(&b, "\n• and %d more of this kind", len(a.Doors)-i+a.MoreDoors)
			break
		}
		b.WriteString("\n• " + doorWords(call, len(a.Elsewhere) > 0))
	}
	if also := alsoFrom(in, s, a); also != "" {
		b.WriteString("\n" + also)
	}
	if still := stillIn(in, s, a); still != "" {
		b.WriteString("\n" + still)
	}
	if a.Partly && a.Calls > 0 {
		b.WriteString("\nNot everything could be read: there may be more." + namedWords(a))
	}
	return fit(b.String(), 2000)
}

// namedWords says what was looked up by name where there were more calls than are read, as a
// further sentence; nothing where nothing was.
func namedWords(a record.SessionActivity) string {
	names := make([]string, len(a.NamesCut))
	for i, name := range a.NamesCut {
		names[i] = Code(name, 40)
	}
	const beyond = " Beyond its newest calls, those that open doors most often (keys, users, policies, " +
		"trust) and sessions of roles were looked up by name, and "
	switch {
	case !a.Named:
		return ""
	case len(names) == 0:
		return beyond + "all of those were read."
	default:
		return beyond + "*even of these there can be more* than was read: " + List(names) + "."
	}
}

func clockOrDay(a record.SessionActivity) string {
	if a.First.UTC().Format(time.DateOnly) == a.Last.UTC().Format(time.DateOnly) {
		return Clock(a.Last)
	}
	return UTC(a.Last)
}

func servicesWords(a record.SessionActivity) string {
	words := make([]string, 0, len(a.Services)+1)
	for _, s := range a.Services {
		word := fmt.Sprintf("%s %d", Code(s.Service, 40), s.Calls)
		if s.Denied > 0 {
			word += fmt.Sprintf(" (%d denied)", s.Denied)
		}
		words = append(words, word)
	}
	if a.Others > 0 {
		words = append(words, fmt.Sprintf("other services %d", a.Others))
	}
	return strings.Join(words, ", ")
}

// doorWords tells of one call that opens a way in.
func doorWords(c record.Call, from bool) string {
	outcome := "*worked*"
	if c.ErrorCode != "" {
		outcome = "refused, " + Code(c.ErrorCode, 60)
	}
	text := fmt.Sprintf("%s %s", Clock(c.Time), Code(c.Service+":"+c.Name, 100))
	if c.Target != "" {
		text += " " + Code(c.Target, 150)
	}
	if from && c.SourceAddress != "" {
		text += " from " + Code(c.SourceAddress, 60)
	}
	if c.Opens != "" {
		text += ", " + markup.Replace(Clean(c.Opens, 120))
	}
	if c.Times > 1 {
		outcome += fmt.Sprintf(", %d times", c.Times)
	}
	return text + ": " + outcome
}

// chainBlocks lists the roles that came out of the sessions, each with a button that asks for it.
func chainBlocks(r approvals.Request, in record.Incident) ([]slack.Block, string) {
	if len(in.Chain) == 0 {
		return nil, ""
	}
	head := "*Roles that these sessions went on to.* The deny on this role does not touch those sessions: " +
		"each role needs a request of its own, approved on its own."
	blocks, text := []slack.Block{section(head)}, "\n"+head
	asked := map[string]bool{}
	for i, l := range in.Chain {
		if i == record.MaxLinks {
			break
		}
		line := linkWords(l)
		text += "\n" + line
		block := slack.NewSectionBlock(mrkdwn(line), nil, nil)
		ended := !l.Expires.IsZero() && !l.Expires.After(in.Until)
		if l.Account != "" && !l.Loop && !ended && !asked[l.RoleARN] {
			asked[l.RoleARN] = true
			b := threadButton(ActionChain, ValueOf(r.ID, l.Mark()), "Ask to revoke",
				"Ask to revoke sessions of "+Raw(l.Account+"/"+l.RoleName, 75))
			block.Accessory = slack.NewAccessory(b)
		}
		blocks = append(blocks, block)
	}
	if left := len(in.Chain) - record.MaxLinks; left > 0 || in.MoreLinks > 0 {
		more := english.Count(max(left, 0)+in.MoreLinks, "role more is", "roles more are") + " not shown here."
		blocks, text = append(blocks, contextLine(more)), text+"\n"+more
	}
	return blocks, text
}

func linkWords(l record.Link) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, session %s → *%s*", strings.Repeat("↳", max(1, min(l.Depth, 3))), Code(l.From, 80),
		Code(l.FromSession, 64), Code(RoleOf(l), 130))
	fmt.Fprintf(&b, ", %s", english.Count(l.Sessions, "session", "sessions"))
	if !l.First.IsZero() {
		b.WriteString(", first " + UTC(l.First))
	}
	switch {
	case l.Loop:
		b.WriteString(". *A loop:* this role comes up again, so its sessions may open sessions of the one above anew.")
	case l.Account == "":
		b.WriteString(". Its account " + Code(l.AccountID, 40) + " is not configured here: revoke it there.")
	}
	b.WriteString(inTurn(l))
	return fit(b.String(), 1500)
}

// inTurn says what the sessions of a role did that others went on to.
func inTurn(l record.Link) string {
	var b strings.Builder
	switch {
	case !l.Looked:
	case l.Calls == 0 && l.Partly:
		b.WriteString("\nWhat they did could not be read.")
	case l.Calls == 0:
		b.WriteString("\nCloudTrail shows no calls of it yet.")
	default:
		fmt.Fprintf(&b, "\nIn turn: *%s*", english.Count(l.Calls, "call", "calls"))
		if l.Denied > 0 {
			fmt.Fprintf(&b, ", %d of them denied", l.Denied)
		}
		if len(l.Services) > 0 {
			b.WriteString(": " + servicesWords(record.SessionActivity{Services: l.Services}))
		}
		b.WriteString(".")
		if !l.LastOK.IsZero() {
			b.WriteString(" The last answered one was on " + UTC(l.LastOK) + ".")
		}
		if l.Partly {
			b.WriteString(" Not everything could be read: there may be more.")
		}
	}
	if !l.Expires.IsZero() && !l.Loop {
		b.WriteString(" Unless it is revoked, it lasts until " + UTC(l.Expires) + ".")
	}
	for _, door := range l.Doors {
		b.WriteString("\n• " + doorWords(door, true))
	}
	return b.String()
}

func RoleOf(l record.Link) string {
	if l.Account != "" {
		return l.Account + "/" + l.RoleName
	}
	return l.RoleARN
}

// chosenActivity tells what the session did that somebody chose from the menu.
func chosenActivity(v record.Activity) *Message {
	who := "Somebody"
	if v.Asked != "" {
		who = Mention(v.Asked)
	}
	text := who + " asked what a session did. "
	switch {
	case v.Failed != "":
		return sentence(text + "It is not known. " + outsideSentence(v.Failed) + " The session can be chosen again.")
	case len(v.Sessions) == 0 || v.Session == nil:
		return nil
	}
	text += activityWords(record.Incident{Cutoff: v.Cutoff}, *v.Session, v.Sessions[0])
	for _, l := range v.Chain {
		text += "\n" + linkWords(l)
	}
	if why := outsideSentence(v.Partly); why != "" {
		text += "\n" + why
	}
	return sentence(text)
}

// ChooseSession is the menu of sessions, in a message of its own: a table must not stand in a
// message that can be clicked. nil when there is nothing to choose.
func ChooseSession(r approvals.Request, in record.Incident) *Message {
	const most = 100 // options that Slack allows in a menu (Slack documentation, "Select menu element")
	var options []*slack.OptionBlockObject
	for _, s := range in.Sessions {
		if !s.Issued() || s.AccessKeyID == "" || len(options) == most {
			continue
		}
		label := s.Time.UTC().Format("15:04:05") + " " + Raw(s.SessionName, 30) + " from " + Raw(s.SourceAddress, 20)
		options = append(options, slack.NewOptionBlockObject(ValueOf(r.ID, s.Mark()),
			slack.NewTextBlockObject(slack.PlainTextType, cut(label, 75), false, false), nil))
	}
	if len(options) == 0 {
		return nil
	}
	text := "*What did another session do?* Choose one, and the thread tells its calls."
	if len(options) == most {
		text += fmt.Sprintf(" The newest %d can be chosen.", most)
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic,
		slack.NewTextBlockObject(slack.PlainTextType, "Choose a session", false, false), ActionSession, options...)
	block := slack.NewSectionBlock(mrkdwn(text), nil, slack.NewAccessory(menu))
	block.BlockID = "choose"
	return &Message{Text: text, Blocks: []slack.Block{block}}
}
