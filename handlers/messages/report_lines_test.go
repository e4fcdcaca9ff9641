package messages_test

import (
	"encoding/csv"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
)

// part is a part of a report, by its title.
func part(t *testing.T, markdown, title string) string {
	t.Helper()
	_, text, found := strings.Cut(markdown, "\n## "+title+"\n\n")
	if !found {
		t.Fatalf("no part %q in\n%s", title, markdown)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func TestAReportBeginsWithFiveLinesThenActionsThenTheTimeline(t *testing.T) {
	titles := regexp.MustCompile(`(?m)^## .+$`)
	for name, s := range reportStories(t) {
		markdown, _ := s.report()
		if got := titles.FindAllString(markdown, 3); !slices.Equal(got, []string{
			"## In five lines", "## Actions", "## Timeline",
		}) {
			t.Errorf("%s: %q", name, got)
		}
		var begins []string
		for line := range strings.Lines(strings.TrimSpace(part(t, markdown, "In five lines"))) {
			what, _, _ := strings.Cut(line, ":**")
			begins = append(begins, what)
		}
		if !slices.Equal(begins, []string{"- **What happened", "- **When", "- **Done", "- **Open", "- **Steps"}) {
			t.Errorf("%s: the lines are %q", name, begins)
		}
	}
}

func TestTheStepsOfAReportSayHowLongEachTook(t *testing.T) {
	markdown, facts := reportStories(t)["contained"].report()
	want := "asked 2026-11-22 03:04:05 UTC, approved after 30 s, applied after 20 s, first seen blocked after 20 s."
	if lines := part(t, markdown, "In five lines"); !strings.Contains(lines, want) {
		t.Errorf("no %q in\n%s", want, lines)
	}
	var read struct {
		Steps []struct{ Step, After string }
	}
	if err := json.Unmarshal(facts, &read); err != nil || len(read.Steps) != 4 || read.Steps[3].After != "20s" {
		t.Errorf("%+v, %v", read, err)
	}
	markdown, _ = reportStories(t)["nothing_known"].report()
	if !strings.Contains(markdown, "no old session was seen blocked.") {
		t.Errorf("a step that did not happen is not said:\n%s", markdown)
	}
}

func TestAReportThatSaysBlockedOfASessionSaysSoInItsSteps(t *testing.T) {
	for after, blocked := range map[time.Duration]bool{12 * time.Second: true, -time.Second: false} {
		activity := exampleActivity()
		activity.Sessions[0].Refused = cutoff.Add(after)
		markdown, _ := begin(t, "", 1).add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventStarted, "", started()).
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at}).looked().
			add(approvals.EventActivity, "", activity).report()
		lines := part(t, markdown, "In five lines")
		if strings.Contains(lines, "first seen blocked") != blocked ||
			strings.Contains(lines, "no old session was seen blocked") == blocked {
			t.Errorf("denied %v after the cutoff:\n%s", after, lines)
		}
	}
}

func TestAReportNamesPeopleAndTellsTwoOfOneNameApart(t *testing.T) {
	s := reportStories(t)["contained"]
	c := exampleContext()
	c.Names = map[string]string{"U0ROSA": "Rosa <!channel>", "U0BOB": "Bob", "U0ANN": "bob\u200b", "U0NILS": ""}
	markdown := report.Report(s.fold(len(s.events)), s.events, c)
	for _, want := range []string{
		"`Rosa <!channel>` asked to", "`Bob` (`U0BOB`) and `bob` (`U0ANN`) approved.", "`U0NILS` · pressed Approve",
	} {
		if !strings.Contains(markdown, want) {
			t.Errorf("no %q in\n%s", want, markdown)
		}
	}
	if strings.Contains(markdown, "U0ROSA") {
		t.Error("an id stands where a name is known")
	}
	harmlessMarkdown(t, "names", markdown)
	if ids := report.People(s.events); !slices.Equal(ids, []string{"U0ROSA", "U0NILS", "U0BOB", "U0ANN"}) {
		t.Errorf("people %q", ids)
	}
	many := begin(t, "", 1)
	for n := range 50 {
		many.add(approvals.EventRefused, "U0"+string(rune('A'+n%26))+string(rune('A'+n/26)), approvals.Refusal{})
	}
	if ids := report.People(many.events); len(ids) != 20 {
		t.Errorf("%d people are looked up", len(ids))
	}
}

func TestAReportSaysWhoChangedThePolicyEachTime(t *testing.T) {
	markdown, _ := reportStories(t)["not_contained"].report()
	if lines := part(t, markdown, "In five lines"); !strings.Contains(lines,
		"**Someone changed the revocation policy:** `user eve` 2 times. It was restored 1 time.") {
		t.Errorf("the lines do not say who:\n%s", lines)
	}
	timeline := part(t, markdown, "Timeline")
	for _, want := range []string{
		"- 2026-11-22 03:07:05 · CloudTrail · **revocation policy:** `user eve` replaced it by another policy",
		"- 2026-11-22 03:08:05 · CloudTrail · **revocation policy:** `user eve`, access key `AKIAEXAMPLEEVE`, " +
			"from `198.51.100.9`, with `aws-cli/2.31` removed it",
	} {
		if !strings.Contains(timeline, want) {
			t.Errorf("no %q in\n%s", want, timeline)
		}
	}
}

func TestAReportOfAnUndoneRevocationSaysUntilWhenOldSessionsWorkAgain(t *testing.T) {
	for revives, want := range map[bool]string{
		true:  "**work again** as soon as IAM has spread the change; the last of them ends by 2026-11-22 15:04:57 UTC.",
		false: "No old session works again.",
	} {
		undone := record.Undone{
			Request: "R2", Requester: "U0ROSA", Approvers: []string{"U0BOB"}, At: at.Add(time.Hour), Seen: record.SeenEqual,
			Revives: revives, RevivesUntil: cutoff.Add(12 * time.Hour),
		}
		markdown, facts := wholeStory(t).add(approvals.EventUndone, "U0ROSA", undone).report()
		if lines := part(t, markdown, "In five lines"); !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
		if strings.Contains(string(facts), `"old_sessions_until": "2026-11-22T15:04:57Z"`) != revives {
			t.Errorf("the facts say something else: %v", revives)
		}
	}
}

func TestDurationsInTheFactsAreTexts(t *testing.T) {
	durations := map[string]bool{
		"expire_after": true, "max_session": true, "first_step": true, "second_step": true, "after": true,
	}
	found := map[string]bool{}
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, one := range n {
				walk(one)
			}
		case map[string]any:
			for key, value := range n {
				text, is := value.(string)
				if _, number := value.(float64); number && durations[key] {
					t.Errorf("%s is the number %v", key, value)
				} else if _, err := time.ParseDuration(text); is && durations[key] && err == nil {
					found[key] = true
				}
				walk(value)
			}
		}
	}
	for _, s := range reportStories(t) {
		_, facts := s.add(approvals.EventFinding, "", record.Finding{Sentence: `"after": 12, \"after\": 12`}).report()
		var read any
		if err := json.Unmarshal(facts, &read); err != nil || !strings.Contains(string(facts), `\"after\": 12`) {
			t.Fatalf("%v: a text was changed", err)
		}
		walk(read)
	}
	if len(found) != len(durations) {
		t.Errorf("only of %v is there a duration", found)
	}
}

func TestTheTimelineOfAReportLeavesOutSessionsThatMatterToNoReader(t *testing.T) {
	markdown, _ := reportStories(t)["contained"].report()
	timeline := part(t, markdown, "Timeline")
	for session, told := range map[string]bool{
		"deploy-42": true, "chained": true, "GitHubActions": false, "deploy-43": false, "`x` of": false,
	} {
		if strings.Contains(timeline, session) != told {
			t.Errorf("session %s: told is %v in\n%s", session, !told, timeline)
		}
	}
	if !strings.Contains(timeline, "\n3 sessions are not in this list") {
		t.Errorf("what is left out is not counted:\n%s", timeline)
	}
}

func TestEveryOpenActionOfAReportHasItsCommandAndDoneOnesComeLast(t *testing.T) {
	activity := exampleActivity()
	activity.Sessions[0].Persistence = []record.Call{
		{Call: trail.Call{Time: at, Service: "iam", Name: "CreateAccessKey", Target: "user backdoor AKIAEXAMPLE000000001"}},
	}
	activity.Chain = []record.Link{{
		Depth: 1, FromSession: "deploy-42", RoleARN: "arn:aws:iam::111122223333:role/Data", RoleName: "Data", Account: "prod",
		Sessions: 1, Revoked: at.Add(time.Hour), Last: at,
	}}
	markdown, _ := begin(t, "", 1).add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventStarted, "", started()).
		add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at}).looked().
		add(approvals.EventActivity, "", activity).report()
	actions := part(t, markdown, "Actions")
	key := strings.Index(actions, "  - `aws iam update-access-key --user-name backdoor "+
		"--access-key-id AKIAEXAMPLE000000001 --status Inactive`")
	done := strings.Index(actions, "- Revoked, nothing to do: `prod/Data` was assumed")
	if key < 0 || done < key {
		t.Errorf("the command is at %d, what is done at %d in\n%s", key, done, actions)
	}
}

// Timesketch documentation, "Import from CSV or JSONL"; its reader drops rows whose datetime it
// does not understand.
func TestTheListIsOneThatTimesketchImports(t *testing.T) {
	s := wholeStory(t)
	in := record.Gather(s.events)
	table, err := report.CSV(in, exampleRole())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(table))).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		of := map[string]string{}
		for i, column := range rows[0] {
			of[column] = row[i]
		}
		at, err := time.Parse(time.RFC3339, of["datetime"])
		if err != nil || !strings.HasSuffix(of["datetime"], "+00:00") || at.Format(time.RFC3339) != of["time"] ||
			of["message"] == "" || of["account"] != "prod" || of["role"] != "DeployRole" ||
			!slices.Contains([]string{"Session issued", "Attempt rejected"}, of["timestamp_desc"]) {
			t.Errorf("%v: %q", err, of)
		}
		if of["session_name"] == "deploy-42" && (of["calls"] != "14" || of["services"] != "iam 9, s3 5" ||
			of["notable_calls"] != "CreateAccessKey, PutRolePolicy (rejected)" ||
			of["resources"] != "user backdoor, role Admin") {
			t.Errorf("what it did: %q", of)
		}
	}
	first := []string{
		"time", "outcome", "cutoff", "caller", "caller_arn", "caller_key", "session_name", "source_identity", "mfa",
		"source_address", "user_agent", "region", "key", "expires", "event_name", "event_id", "looked_into_because", "calls",
		"calls_denied", "used_from",
	}
	if !slices.Equal(rows[0][:len(first)], first) {
		t.Errorf("the columns that other programs know are now %q", rows[0])
	}
}

// OWASP, "CSV Injection": also where a spreadsheet parts cells at ";".
func TestNoCellOfTheListIsComputed(t *testing.T) {
	for _, bad := range []string{
		"=1+1", "+1", "-1", "@x", "a;=1+1", "a; =1+1", `a;"=1+1"`, "a;;@x", " =1", `"=1`, "＝1", "x\t=1",
	} {
		in := record.Gather(begin(t, "", 1).add(approvals.EventSessions, "", record.Sessions{Rows: []record.Session{
			{Session: trail.Session{EventID: "e", Time: at, SessionName: bad, Caller: bad, UserAgent: bad}},
		}}).events)
		table, err := report.CSV(in, exampleRole())
		if err != nil {
			t.Fatal(err)
		}
		for _, comma := range ",;\t" {
			// As a spreadsheet reads it that takes this for what parts cells, and a quote for text.
			for row := range strings.SplitSeq(string(table), "\r\n") {
				for cell := range strings.SplitSeq(row, string(comma)) {
					cell = strings.TrimLeft(cell, ` "`)
					if slices.ContainsFunc([]string{"=", "+1", "-", "@", "＝"}, func(sign string) bool {
						return strings.HasPrefix(cell, sign)
					}) {
						t.Errorf("%q parted at %q is computed: %q", bad, comma, cell)
					}
				}
			}
		}
	}
}

func TestTheListTheTableAndTheThreadSayTheSameOfASession(t *testing.T) {
	s := wholeStory(t)
	in := record.Gather(s.events)
	lines, err := report.JSONLines(in, exampleRole())
	if err != nil {
		t.Fatal(err)
	}
	var table string
	for _, p := range messages.Thread(s.fold(len(s.events)), s.events, exampleContext()) {
		if p.Name == "evidence" {
			table = string(must(t, p.Blocks))
		}
	}
	for line := range strings.Lines(string(lines)) {
		var of struct{ State, Session string }
		if err := json.Unmarshal([]byte(line), &of); err != nil || of.State == "" {
			t.Fatalf("%v: %s", err, line)
		}
		state, _, _ := strings.Cut(of.State, " at ")
		if !strings.Contains(table, `"text":"`+state) {
			t.Errorf("the list says %q, which the table does not:\n%s", of.State, table)
		}
	}
}

func TestThePictureSaysWhyItIsRedNamesItsMarksAndSaysBlocked(t *testing.T) {
	blocked := cutoff.Add(12 * time.Second)
	activity := exampleActivity()
	a := &activity.Sessions[0]
	a.Elsewhere = []trail.Source{{Address: "203.0.113.66", Calls: 12, First: at.Add(-50 * time.Second)}}
	a.LastOK, a.AfterCut, a.Refused, a.Last = at.Add(20*time.Second), blocked, blocked, blocked
	alt := func(s *story) string {
		s.add(approvals.EventReport, "U0ROSA", record.Reported{Upto: int64(len(s.events))})
		n := len(s.events)
		return report.Files(s.fold(n), s.events, s.events[n-1], exampleContext())[0].AltText
	}
	text := alt(wholeStory(t).add(approvals.EventActivity, "", activity))
	for _, want := range []string{
		"(Red: deploy-42 from 198.51.100.7, used from 203.0.113.66, blocked since 03:05:09 UTC): ", "; 1 stolen session, ",
		"past the cutoff blocked; ", "session issued after the cutoff, 22 Nov 03:05 to 22 Nov 04:04; ",
		"03:03 used from 203.0.113.66", "03:03 CreateAccessKey", "03:03 PutRolePolicy rejected",
		"03:05 blocked", "03:04 assumed prod/DataRole",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	a.LastOK = blocked.Add(time.Minute)
	if text := alt(wholeStory(t).add(approvals.EventActivity, "", activity)); strings.Contains(text, "blocked") {
		t.Errorf("a session that has access is said to be blocked: %s", text)
	}
	a.Elsewhere = nil
	if text := alt(wholeStory(t).add(approvals.EventActivity, "", activity)); strings.Contains(text, "Red") ||
		!strings.Contains(text, "(Amber: deploy-42 from 198.51.100.7, address first seen in this window, has access, ") {
		t.Errorf("a session that was first seen is accused: %s", text)
	}
}
