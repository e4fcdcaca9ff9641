package messages_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// drillStory is the log of a drill, with what its messages are shown with.
type drillStory struct {
	*story
	context messages.Context
}

func beginDrill(t *testing.T, role record.Role, reason string, required int) *drillStory {
	c := exampleContext()
	c.Role, c.Drill = role, true
	s := &story{t: t}
	s.add(approvals.EventRequested, "U0ROSA", approvals.Opening{
		Purpose: approvals.Revoke.Drill(),
		Subject: approvals.Subject{
			Key: "drill/111122223333/AROAEXAMPLEDEPLOY0001", Group: "prod", Facts: must(t, record.Facts{Drill: &role}),
		},
		Place:  approvals.Place{Team: "T0TEAM", App: "A0APP", Channel: "C0INCIDENT"},
		Reason: reason, Required: required, ExpireAfter: 15 * time.Minute,
	})
	return &drillStory{s, c}
}

func (d *drillStory) add(typ approvals.EventType, by string, detail any) *drillStory {
	d.story.add(typ, by, detail)
	return d
}

func (d *drillStory) card() *messages.Message {
	return messages.Drilled(messages.Card(d.fold(len(d.events)), d.events, d.context))
}

func (d *drillStory) last() *messages.Message { return messages.Drilled(d.lastIn(d.context)) }

func (d *drillStory) living(name string) *messages.Message {
	return messages.Drilled(d.livingIn(name, d.context))
}

// looked adds a drill's one look at CloudTrail.
func (d *drillStory) looked() *drillStory {
	l := exampleEvidence()
	l.Last = true
	return d.add(approvals.EventLooking, "", record.Looking{}).add(approvals.EventEvidence, "", l).
		add(approvals.EventSessions, "", record.Sessions{Rows: exampleSessions()})
}

func exampleRehearsal() record.Rehearsed {
	return record.Rehearsed{
		WouldBe: cutoff,
		Rehearsal: role.Rehearsal{
			At:        at.Add(20 * time.Second),
			CallerARN: "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/4DLARAV3ISOEUUODW4FIG5AF5F",
			Own:       true, First: 61 * time.Millisecond, Second: 23 * time.Millisecond, Size: 1873,
			Paper: role.Simulation{
				Before: role.DeniedByOurs, After: role.NotDenied, At: at.Add(21 * time.Second), Proven: true,
			},
			MayWrite: true,
			Documents: []contain.Document{{
				Slot: contain.Slot{Kind: contain.RoleInline, Name: contain.ConsolePolicy},
				Text: "{}",
			}},
		},
	}
}

// allOfDrill is every message about a drill, by name.
func allOfDrill(t *testing.T) map[string]*messages.Message {
	t.Helper()
	begin := func(required int) *drillStory {
		return beginDrill(t, exampleRole(), "first Monday of the month", required)
	}
	approved := func() *drillStory { return begin(1).add(approvals.EventApproved, "U0BOB", nil) }
	rehearsed := func(r record.Rehearsed) *drillStory { return approved().add(approvals.EventRehearsed, "", r) }
	good := exampleRehearsal()
	poor, unread, ambient := good, good, good
	poor.Paper.Before, poor.Paper.Proven, poor.Unnamed = role.NotDenied, false, true
	unread.Size, unread.SizeUnknown, unread.MayWrite, unread.MayWriteUnknown = 0, "no answer in time", false,
		"It could not be simulated: revokebot may not use the policy simulator in account prod."
	unread.Paper.Unavailable = unread.MayWriteUnknown
	ambient.Own, ambient.CallerARN = false, "arn:aws:sts::111122223333:assumed-role/revokebot/bot"
	failure := record.Failure{
		Sentence: "AWS does not allow revokebot sts:AssumeRole in account prod. Give its role that permission.",
	}
	const link = "https://acme.slack.com/archives/C0INCIDENT/p1"
	one := begin(2).add(approvals.EventVoted, "U0BOB", nil)
	many := rehearsed(good).add(approvals.EventReport, "U0ROSA", record.Reported{Upto: 3})
	failedLook := rehearsed(good).add(approvals.EventEvidence, "", record.Evidence{
		Failed: "AWS does not allow revokebot cloudtrail:LookupEvents in account prod.", Last: true,
	})
	sharing := beginDrill(t, func() record.Role { r := exampleRole(); r.SharedChannel = true; return r }(), "", 1)
	empty := rehearsed(good).add(approvals.EventEvidence, "", record.Evidence{
		Since: at.Add(-12 * time.Hour), Until: at, Cutoff: cutoff, Last: true,
		Regions: []trail.RegionCoverage{{Region: "us-east-1", Covered: true}},
	})
	out := map[string]*messages.Message{
		"drill_card_open":       begin(1).card(),
		"drill_card_one_of_two": one.card(),
		"drill_card_shared":     sharing.card(),
		"drill_card_approved":   approved().card(),
		"drill_card_rehearsed":  rehearsed(good).card(),
		"drill_card_doubtful":   rehearsed(poor).card(),
		"drill_card_failed":     approved().add(approvals.EventFailed, "", failure).card(),
		"drill_card_void": approved().add(approvals.EventVoided, "", record.Failure{
			Sentence: "The role was recreated under the same name. Ask again for the new role.",
		}).card(),
		"drill_card_denied": begin(1).add(approvals.EventDenied, "U0BOB", record.Denial{Reason: "not before Monday"}).
			card(),
		"drill_card_cancelled":    begin(1).add(approvals.EventCancelled, "U0ROSA", nil).card(),
		"drill_card_expired":      begin(1).add(approvals.EventExpired, "", nil).card(),
		"drill_requested":         begin(1).last(),
		"drill_voted":             one.last(),
		"drill_approved":          approved().last(),
		"drill_rehearsed":         rehearsed(good).last(),
		"drill_rehearsed_poor":    rehearsed(poor).last(),
		"drill_rehearsed_unread":  rehearsed(unread).last(),
		"drill_rehearsed_ambient": rehearsed(ambient).last(),
		"drill_failed":            approved().add(approvals.EventFailed, "", failure).last(),
		"drill_gave_up": approved().add(approvals.EventFailed, "", record.Failure{Sentence: messages.GaveUp("")}).
			last(),
		"drill_void": approved().add(approvals.EventVoided, "", record.Failure{
			Sentence: "The role was recreated under the same name.",
		}).last(),
		"drill_delayed": approved().add(approvals.EventDelayed,
			"", record.Failure{Sentence: "AWS is answering too many requests."}).last(),
		"drill_denied":    begin(1).add(approvals.EventDenied, "U0BOB", nil).last(),
		"drill_cancelled": begin(1).add(approvals.EventCancelled, "U0ROSA", nil).last(),
		"drill_expired":   begin(1).add(approvals.EventExpired, "", nil).last(),
		"drill_reminded": begin(1).add(approvals.EventReminded, "", record.Reminder{Ask: []string{"S0SECURITY"}}).
			last(),
		"drill_reminded_last": begin(1).
			add(approvals.EventReminded, "", record.Reminder{Ask: []string{"U0BOB"}, Last: true}).last(),
		"drill_nobody": begin(1).
			add(approvals.EventDirect, "", record.Direct{About: record.DirectCall, Nobody: true}).last(),
		"drill_shut_out": begin(1).add(approvals.EventShutOut, "", record.ShutOut{Code: "is_archived"}).last(),
		"drill_parked": approved().add(approvals.EventParked,
			"", record.Failure{Work: "execute", Sentence: "The operator of revokebot finds the cause in its log."}).last(),
		"drill_refused_line": begin(1).add(approvals.EventRefused, "U0NILS",
			approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedNotApprover}).last(),
		"drill_looking":         rehearsed(good).add(approvals.EventLooking, "", record.Looking{}).living("evidence"),
		"drill_evidence":        rehearsed(good).looked().living("evidence"),
		"drill_evidence_none":   empty.living("evidence"),
		"drill_evidence_failed": failedLook.living("evidence"),
		"drill_files_refused": many.add(approvals.EventFilesRefused, "", record.FilesRefused{
			Name: "DRILL-report-X-4.md", Code: "missing_scope",
		}).last(),
		"drill_call_out":       messages.CallOut(begin(1).fold(1), begin(1).context, link),
		"drill_outcome":        messages.Outcome(rehearsed(good).fold(3), nil, begin(1).context, "is_archived"),
		"drill_loose":          messages.Loose(rehearsed(good).last(), rehearsed(good).fold(3), begin(1).context),
		"drill_reply_usage":    messages.Usage("drill ", messages.ExampleReason, nil),
		"drill_reply_real":     messages.AlreadyOpen(openRequest(t), exampleContext(), link, false),
		"drill_reply_real_new": messages.AlreadyOpen(openRequest(t), exampleContext(), "", false),
		"drill_reply_no_quorum": messages.NoQuorum(approvals.ModeDrill, revokeWords(), exampleRole(), 1, []messages.Candidate{
			{ID: "U0ROSA", Why: "you, the requester"},
		}),
		"drill_reply_open":  messages.AlreadyOpen(begin(1).fold(1), begin(1).context, link, true),
		"drill_reply_plain": messages.Plain(`There is no account "prodd". Say prod or staging.`),
	}
	for _, code := range []approvals.RefusalCode{
		approvals.RefusedTaken, approvals.RefusedEnded, approvals.RefusedOwnRequest, approvals.RefusedNotApprover,
	} {
		out["drill_refused_"+string(code)] = messages.Refused(rehearsed(good).fold(3),
			approvals.Refusal{Action: approvals.ActionApprove, Code: code}, begin(1).context)
	}
	for name, m := range out { // as it leaves
		out[name] = messages.Drilled(m)
	}
	return out
}

// openRequest is a real one.
func openRequest(t *testing.T) approvals.Request { return begin(t, "key pasted in a gist", 1).fold(1) }

// firstWords is the text that the first block of a message begins with.
func firstWords(t interface{ Errorf(string, ...any) }, name string, m *messages.Message) string {
	raw, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	var blocks []struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil || len(blocks) == 0 {
		t.Errorf("%s: no blocks: %v", name, err)
		return ""
	}
	return blocks[0].Text.Text
}

// saysDrill checks that a message says of itself that it is of a drill, whatever of it is shown,
// and that its buttons do.
func saysDrill(t interface{ Errorf(string, ...any) }, name string, m *messages.Message) {
	for _, form := range m.Forms() {
		if !strings.HasPrefix(form.Text, "DRILL: ") {
			t.Errorf("%s: the fallback begins with %q", name, cutTo(form.Text, 60))
		}
		if len(form.Blocks) == 0 {
			continue
		}
		if words := firstWords(t, name, form); !strings.HasPrefix(words, "DRILL: ") {
			t.Errorf("%s: the first block begins with %q", name, cutTo(words, 60))
		}
		for _, b := range form.Blocks {
			row, ok := b.(*slackgo.ActionBlock)
			if !ok {
				continue
			}
			for _, e := range row.Elements.ElementSet {
				if button, ok := e.(*slackgo.ButtonBlockElement); ok && !strings.HasPrefix(button.AccessibilityLabel, "DRILL: ") {
					t.Errorf("%s: a button is %q", name, button.AccessibilityLabel)
				} else if ok && button.Confirm != nil && !strings.HasPrefix(button.Confirm.Title.Text, "DRILL: ") {
					t.Errorf("%s: the question is %q", name, button.Confirm.Title.Text)
				}
			}
		}
	}
}

func cutTo(text string, n int) string { return text[:min(len(text), n)] }

func TestEveryMessageOfADrillBeginsWithDRILLInItsBlocksAndItsFallback(t *testing.T) {
	for name, m := range allOfDrill(t) {
		if m == nil {
			t.Errorf("%s says nothing", name)
			continue
		}
		saysDrill(t, name, m)
	}
}

func TestNoOtherMessageSaysDRILL(t *testing.T) {
	of := allOfDrill(t)
	for name, m := range all(t) {
		if of[name] == nil && strings.Contains(m.Text+string(must(t, m.Blocks)), "DRILL: ") {
			t.Errorf("%s says DRILL", name)
		}
	}
}

// Rule 13. What was not done is not said, in none of the words that people know from a real one.
func TestADrillIsNeverSaidToHaveRevokedAppliedOrDeniedAnything(t *testing.T) {
	claim := regexp.MustCompile(`(?i)\b(revoked|applied|denied|read back|enforced)\b`)
	decided := regexp.MustCompile(`(?i)denied the request|request (?:was )?denied|\(access denied\)|, access denied`)
	s := beginDrill(t, exampleRole(), "first Monday of the month", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventRehearsed, "", exampleRehearsal()).looked()
	texts := map[string]string{"report": report.Report(s.fold(len(s.events)), s.events, exampleContext())}
	for name, m := range allOfDrill(t) {
		if name == "drill_card_open" || name == "drill_card_one_of_two" || name == "drill_card_shared" {
			continue // they have the warnings about the role, which are about a real one
		}
		texts[name] = m.Text + " " + string(must(t, m.Blocks))
	}
	for name, text := range texts {
		if found := claim.FindString(decided.ReplaceAllString(text, "")); found != "" {
			t.Errorf("%s says %q: %s", name, found, text)
		}
	}
}

func TestTheFormForADenialOfADrillSaysDRILL(t *testing.T) {
	s := beginDrill(t, exampleRole(), "", 1)
	form := messages.DenyForm(s.fold(1), s.context, messages.FormOrigin{
		Request: "4DLARAV3ISOEUUODW4FIG5AF5F", Channel: "C0INCIDENT", Message: "1.1",
	})
	form = s.context.LeavingForm(form)
	for _, p := range slack.CheckView(must(t, form)) {
		t.Errorf("%s", p)
	}
	words := form.Blocks.BlockSet[0].(*slackgo.SectionBlock).Text.Text
	if !strings.HasPrefix(form.Title.Text, "DRILL: ") || !strings.HasPrefix(words, "DRILL: ") {
		t.Errorf("%q, %q", form.Title.Text, words)
	}
}

func TestARowAboutADrillSaysDRILLInTheStatusAndOnTheAppHome(t *testing.T) {
	s := beginDrill(t, exampleRole(), "", 1)
	list := []messages.Listed{
		{Request: s.fold(1), Context: s.context, Link: "https://acme.slack.com/archives/C0INCIDENT/p1"},
	}
	m := messages.Status(messages.Desk{List: list})
	if row := m.Blocks[1].(*slackgo.SectionBlock).Text.Text; !strings.HasPrefix(row, "• DRILL: *open*") ||
		!strings.Contains(m.Text, row) {
		t.Errorf("the row is %q, the fallback %q", row, m.Text)
	}
	home := messages.Home(messages.Desk{List: list, Channels: []string{"C0INCIDENT"}})
	row := home.Blocks.BlockSet[len(home.Blocks.BlockSet)-2].(*slackgo.SectionBlock)
	if label := row.Accessory.ButtonElement.AccessibilityLabel; !strings.HasPrefix(row.Text.Text, "DRILL: *open*") ||
		!strings.HasPrefix(label, "DRILL: ") {
		t.Errorf("%q, %q", row.Text.Text, label)
	}
	for _, p := range slack.CheckView(must(t, home)) {
		t.Errorf("%s", p)
	}
}

func TestTheFilesOfADrillSayDRILLInNameTitleAltTextAndContent(t *testing.T) {
	s := beginDrill(t, exampleRole(), "", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventRehearsed, "", exampleRehearsal()).looked()
	s.add(approvals.EventReport, "U0ROSA", record.Reported{Upto: int64(len(s.events))})
	found := 0
	for n := range s.events {
		for _, f := range report.Files(s.fold(n+1), s.events[:n+1], s.events[n], s.context) {
			found++
			if !strings.HasPrefix(f.Name, "DRILL-") || !strings.HasPrefix(f.Title, "DRILL: ") ||
				strings.HasSuffix(f.Name, ".png") && !strings.HasPrefix(f.AltText, "DRILL: ") {
				t.Errorf("%s, %q, %q", f.Name, f.Title, f.AltText)
			}
			content, err := f.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(f.Name, "DRILL-report") && !strings.Contains(cutTo(string(content), 40), "DRILL") {
				t.Errorf("%s begins with %q", f.Name, cutTo(string(content), 40))
			}
		}
	}
	if found != 5 {
		t.Errorf("%d files", found)
	}
}

// worstOfDrill is all that is said of a drill in which every text from outside is the same bad one.
func worstOfDrill(t *testing.T, bad string) map[string]*messages.Message {
	shown := exampleRole()
	shown.Name, shown.AccountName, shown.AccountID, shown.ARN, shown.ID = bad, bad, bad, bad, bad
	shown.LastUsedRegion = bad
	s := beginDrill(t, shown, bad, 2)
	failed := record.Failure{Sentence: "AWS does not allow it."}
	ends := map[approvals.EventType]any{
		approvals.EventRehearsed: record.Rehearsed{
			WouldBe: cutoff,
			Rehearsal: role.Rehearsal{
				CallerARN: bad, SizeUnknown: bad, Paper: role.Simulation{Before: role.Verdict(bad), After: role.Verdict(bad)},
				MayWriteUnknown: "It could not be simulated.",
			},
		},
		approvals.EventFailed: failed,
		approvals.EventVoided: failed,
	}
	out := map[string]*messages.Message{
		"card": s.card(), "requested": s.last(), "real": messages.AlreadyOpen(s.fold(1), s.context, "", false),
		"usage": messages.Usage("drill ", messages.ExampleReason, nil),
		"no quorum": messages.NoQuorum(approvals.ModeDrill, revokeWords(), shown, 1,
			[]messages.Candidate{{ID: bad, Why: "you, the requester"}}),
		"plain": messages.Plain(bad),
	}
	for end, what := range ends {
		d := &drillStory{&story{t: t, events: slices.Clone(s.events)}, s.context}
		d.add(approvals.EventRefused, "U0NILS", approvals.Refusal{
			Action: approvals.Action(bad), Code: approvals.RefusedWrongPlace, Channel: bad,
		})
		out["refused"] = d.last()
		d.add(approvals.EventApproved, "U0BOB", nil)
		out["approved"] = d.last()
		d.add(end, "", what)
		out[string(end)], out["card "+string(end)] = d.last(), d.card()
		out["loose "+string(end)] = messages.Loose(d.last(), d.fold(len(d.events)), d.context)
		out["outcome "+string(end)] = messages.Outcome(d.fold(len(d.events)), d.events, d.context, record.CodeThreadGone)
		if end == approvals.EventRehearsed {
			rows := exampleSessions()
			for i := range rows {
				rows[i].Caller, rows[i].SessionName, rows[i].SourceAddress, rows[i].SourceIdentity = bad, bad, bad, bad
			}
			d.add(approvals.EventEvidence, "", exampleEvidence()).add(approvals.EventSessions, "", record.Sessions{Rows: rows})
			out["evidence"] = d.living("evidence")
		}
	}
	for name, m := range out { // as it leaves
		out[name] = messages.Drilled(m)
	}
	return out
}

func TestNoTextFromOutsideKeepsAMessageOfADrillFromSayingDRILL(t *testing.T) {
	for _, bad := range nasty {
		for name, m := range worstOfDrill(t, bad) {
			saysDrill(t, name, m)
			examine(t, name, m)
		}
	}
}
