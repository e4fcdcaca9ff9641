package messages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
)

// wholeStory is an incident nearly to its end.
func wholeStory(t *testing.T) *story {
	enforced := record.Enforcement{
		State: record.SeenDenied, Denied: 3, FirstDenied: at.Add(70 * time.Second), At: at.Add(6 * time.Minute),
	}
	activity := exampleActivity()
	activity.Sessions[0].AfterCut = at.Add(70 * time.Second)
	return begin(t, "key pasted in a gist", 2).add(approvals.EventRefused, "U0NILS",
		approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedNotApprover}).
		add(approvals.EventVoted, "U0BOB", nil).add(approvals.EventApproved, "U0ANN", nil).
		add(approvals.EventStarted, "", started()).
		add(approvals.EventApplied, "", record.Applied{
			Cutoff: cutoff, At: at.Add(22 * time.Second), Writes: 1, Seen: record.SeenEqual,
			RevivesUntil: cutoff.Add(12 * time.Hour),
			CallerARN:    "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/4DLARAV3ISOEUUODW4FIG5AF5F",
		}).looked().add(approvals.EventActivity, "", activity).
		add(approvals.EventSimulated, "", record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
			At: at.Add(time.Minute), Before: role.DeniedByOurs, After: role.NotDenied,
			Proven: true,
		}}).
		add(approvals.EventSeenDenied, "", enforced)
}

// reportStories are the stories whose reports are kept.
func reportStories(t *testing.T) map[string]*story {
	executing := func() *story {
		return begin(t, "", 1).add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventStarted, "", started())
	}
	undo := begin(t, "the credentials are rotated", 1)
	undo.events[0].Detail = must(t, approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: "4DLARAV3ISOEUUODW4FIG5AAAA", Required: 1, ExpireAfter: 15 * time.Minute,
		Subject: approvals.Subject{Key: "111122223333/AROAEXAMPLEDEPLOY0001", Group: "prod", Facts: must(t, exampleRole())},
	})
	rehearsed := beginDrill(t, exampleRole(), "first Monday of the month", 1).add(approvals.EventRefused, "U0NILS",
		approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedNotApprover}).
		add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventRehearsed, "", exampleRehearsal()).looked()
	notRehearsed := beginDrill(t, exampleRole(), "", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventFailed, "", record.Failure{
			Sentence: "AWS does not allow revokebot sts:AssumeRole in account prod.",
		})
	onward := exampleSessions()[2]
	onward.Role, onward.SessionName = "DataRole", "deeper"
	return map[string]*story{
		"drill":        rehearsed.story,
		"drill_failed": notRehearsed.story,
		"drill_open":   beginDrill(t, exampleRole(), "", 2).add(approvals.EventVoted, "U0BOB", nil).story,
		"users": begin(t, "key pasted in a gist", 1).add(approvals.EventUsers, "", exampleUsers()).
			add(approvals.EventExpired, "", nil),
		"contained": wholeStory(t).add(approvals.EventVerdict, "", record.Conclusion{
			Harden: exampleWeaknesses(),
			Word:   record.WordContained, Why: []string{
				"Both old sessions were seen denied after the cutoff.", "No session was opened since by a caller that stood out.",
			},
		}),
		"not_contained": wholeStory(t).add(approvals.EventTampered, "", record.Tampered{
			State: role.Gone, Cutoff: cutoff, At: at.Add(5 * time.Minute), Promise: cutoff.Add(time.Hour),
		}).
			add(approvals.EventRewritten, "", record.Rewritten{
				Applied: record.Applied{Cutoff: cutoff.Add(5 * time.Minute), At: at.Add(5 * time.Minute)}, Rewrite: 1,
				Back: record.ReadBack{Equal: true, At: at.Add(5 * time.Minute)},
			}).
			add(approvals.EventFinding, "", record.Finding{Changes: []record.Change{
				{Change: trail.Change{
					Name: "DeleteRolePolicy", At: at.Add(4 * time.Minute), Who: "user eve", AccessKeyID: "AKIAEXAMPLEEVE",
					SourceAddress: "198.51.100.9", UserAgent: "aws-cli/2.31",
				}},
				{Change: trail.Change{Name: "PutRolePolicy", At: at.Add(3 * time.Minute), Who: "user eve"}},
			}}).
			add(approvals.EventSeenDenied, "", record.Enforcement{
				State: record.SeenNotDenied, Succeeded: 1, LastSucceeded: at.Add(7 * time.Minute), At: at.Add(8 * time.Minute),
			}).
			add(approvals.EventVerdict, "", record.Conclusion{
				Word: record.WordNotContained, Why: []string{"A call of an old session was answered 4 min after the cutoff."},
				Sessions: []record.Session{exampleSessions()[1], exampleSessions()[2], onward},
				Calls: []record.Call{{Call: trail.Call{
					Time: at.Add(5 * time.Minute), Service: "s3", Name: "ListBuckets", Region: "us-east-1",
					SourceAddress: "198.51.100.7",
				}, Session: "ASIAEXAMPLE00000002"}},
			}).add("from_the_future", "U0ZOE", map[string]any{"what": "nobody knows yet"}).
			add(approvals.EventHeld, "", record.Held{
				At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff.Add(5 * time.Minute),
			}).
			add(approvals.EventUndone, "", record.Undone{
				Request: "4DLARAV3ISOEUUODW4FIG5ZZZZ", Requester: "U0ROSA", Approvers: []string{"U0BOB"}, At: at.Add(time.Hour),
				Seen: record.SeenEqual, Revives: true, RevivesUntil: cutoff.Add(12 * time.Hour),
			}).
			add(approvals.EventReport, "U0ROSA", record.Reported{Upto: 3}),
		"nothing_known": executing().add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at}).
			add(approvals.EventReadBack, "", record.ReadBack{Error: "AWS did not answer iam:GetRolePolicy in time."}).
			add(approvals.EventEvidence, "", record.Evidence{
				Failed: "AWS does not allow revokebot cloudtrail:LookupEvents in account prod.",
			}).
			add(approvals.EventParked, "", record.Failure{
				Work: "evidence", Sentence: "The operator of revokebot finds the cause in its log.",
			}),
		"failed": executing().add(approvals.EventFailed, "", record.Failure{
			Sentence: "AWS did not answer in time.", Unsure: true,
		}),
		"denied":  begin(t, "a drill", 1).add(approvals.EventDenied, "U0BOB", record.Denial{Reason: "not *now* <!channel>"}),
		"open":    begin(t, "", 2).add(approvals.EventVoted, "U0BOB", nil),
		"expired": begin(t, "", 1).add(approvals.EventExpired, "", nil),
		"undo": undo.add(approvals.EventApproved, "U0BOB", nil).
			add(approvals.EventStarted, "", map[string]any{"removes": "{}"}).
			add(approvals.EventApplied, "", map[string]any{
				"at": at.Add(time.Minute), "caller_arn": "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/x",
			}),
	}
}

// reportMessages are what is said about reports, by name.
func reportMessages(t *testing.T) map[string]*messages.Message {
	r := wholeStory(t).fold(1)
	const link = "https://acme.slack.com/archives/C0INCIDENT/p1"
	return map[string]*messages.Message{
		"thread_files_refused": wholeStory(t).
			add(approvals.EventFilesRefused, "", record.FilesRefused{Name: "report-X-3.md", Code: "missing_scope"}).last(),
		"thread_files_disabled": wholeStory(t).add(approvals.EventFilesRefused,
			"", record.FilesRefused{Name: "report-X-3.md", Code: "file_uploads_disabled"}).last(),
		"thread_files_away": wholeStory(t).add(approvals.EventFilesRefused,
			"", record.FilesRefused{Name: "report-X-3.md", Code: record.CodeNoAnswer}).last(),
		"thread_file_not_made": wholeStory(t).
			add(approvals.EventFilesRefused, "", record.FilesRefused{Name: "report-X-3.md"}).last(),
		"reply_report_usage":   messages.Usage("report ", "", []string{"prod"}),
		"reply_report_nowhere": messages.ReportNowhere("prod/Nobody"),
		"reply_report_coming":  messages.ReportComing(r, link, nil),
		"reply_report_no_link": messages.ReportComing(r, "", nil),
		"reply_report_there":   messages.ReportThere(r, link),
		"reply_report_doubtful": messages.ReportComing(r, link, &record.FilesRefused{
			Name: "report-X-3.md", Code: "missing_scope",
		}),
		"reply_report_unmade": messages.ReportComing(r, link, &record.FilesRefused{}),
		"reply_report_enough": messages.ReportEnough(r, record.FilesRefused{Code: "file_uploads_disabled"}, 3,
			10*time.Minute, 7*time.Minute+300*time.Millisecond),
		"reply_report_no_more": messages.ReportEnough(r, record.FilesRefused{}, 3, 10*time.Minute, time.Millisecond),
	}
}

func (s *story) report() (markdown string, facts []byte) {
	s.t.Helper()
	r := s.fold(len(s.events))
	facts, err := report.ReportFacts(r, s.events, exampleContext())
	if err != nil {
		s.t.Fatal(err)
	}
	return report.Report(r, s.events, exampleContext()), facts
}

func TestReportsAreTheGoldenOnes(t *testing.T) {
	golden := func(name string, got []byte) {
		path := filepath.Join("testdata", "report", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v: run make golden and read what it wrote", err)
			return
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs (-golden +now):\n%s", name, diff)
		}
	}
	for name, s := range reportStories(t) {
		markdown, facts := s.report()
		golden(name+".md", []byte(markdown))
		if name == "contained" {
			golden(name+".json", facts)
		}
		if again, againFacts := s.report(); again != markdown || !bytes.Equal(againFacts, facts) {
			t.Errorf("%s: the same log gives another report", name)
		}
	}
}

// The files of a report say the same whatever came later, and whatever the configuration is by
// then.
// An attacker can lower the role's maximum session: older sessions live on.
func TestAReportTakesNoSessionForExpiredThatCanBeAlive(t *testing.T) {
	for name, c := range map[string]struct {
		expires time.Time
		want    time.Time
	}{
		"of twelve hours": {at.Add(time.Hour), cutoff.Add(12 * time.Hour)},
		"that is longer":  {cutoff.Add(20 * time.Hour), cutoff.Add(20 * time.Hour)},
	} {
		shown := exampleRole()
		shown.MaxSession = time.Hour
		s := begins(t, "key pasted in a gist", 1, shown).add(approvals.EventApproved, "U0BOB", nil).
			add(approvals.EventStarted, "", started()).add(approvals.EventApplied, "", record.Applied{
			Cutoff: cutoff, At: at, Seen: record.SeenEqual, RevivesUntil: cutoff.Add(12 * time.Hour),
		}).add(approvals.EventReadBack, "", readBack()).
			add(approvals.EventSessions, "", record.Sessions{Rows: []record.Session{
				{Session: trail.Session{EventID: "old", Time: at.Add(-time.Hour), Expires: c.expires}},
				{Session: trail.Session{EventID: "new", Time: cutoff.Add(time.Hour), Expires: cutoff.Add(13 * time.Hour)}},
			}})
		context := exampleContext()
		context.Role = shown
		text := report.Report(s.fold(len(s.events)), s.events, context)
		if want := "expired, by " + c.want.UTC().Format("2006-01-02 15:04:05") + " UTC"; !strings.Contains(text, want) {
			t.Errorf("a session %s: no %q in\n%s", name, want, text)
		}
	}
}

func TestAReportReadsUpToItsEventAndNoFurther(t *testing.T) {
	s := wholeStory(t)
	upto := len(s.events)
	s.add(approvals.EventFinding, "", record.Finding{Sentence: "Something that came in between."})
	s.add(approvals.EventReport, "U0ROSA", record.Reported{Upto: int64(upto)})
	n := len(s.events)
	files := func(c messages.Context) (contents []string) {
		for _, f := range report.Files(s.fold(n), s.events[:n], s.events[n-1], c) {
			content, err := f.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			contents = append(contents, f.Name, string(content))
		}
		return contents
	}
	first := files(exampleContext())
	s.add(approvals.EventUndone, "", nil)
	if diff := cmp.Diff(first, files(messages.Context{
		Words: revokeWords(), Role: exampleRole(), Margin: time.Hour, Approvers: []string{"U0ELSE"}, Required: 5,
	})); diff != "" {
		t.Errorf("made again (-first +again):\n%s", diff)
	}
	if len(first) != 10 || first[6] != "report-4DLARAV3ISOEUUODW4FIG5AF5F-15.md" ||
		first[8] != "report-4DLARAV3ISOEUUODW4FIG5AF5F-15.json" {
		t.Fatalf("%d files", len(first)/2)
	}
	if !strings.Contains(first[7], fmt.Sprintf("read up to event %d of", upto)) ||
		strings.Contains(first[7], "in between") {
		t.Errorf("it reads another log:\n%s", first[7])
	}
	for _, wrong := range []any{nil, record.Reported{}, record.Reported{Upto: 99}, record.Reported{Upto: -1}} {
		s := wholeStory(t).add(approvals.EventReport, "U0ROSA", wrong)
		if got := report.Files(s.fold(len(s.events)), s.events, s.events[len(s.events)-1],
			exampleContext()); len(got) != 0 {
			t.Errorf("%+v has %d files", wrong, len(got))
		}
	}
}

func TestAReportTellsEveryEventOfTheLogAlsoOnesThatCannotBeRead(t *testing.T) {
	s := wholeStory(t)
	for _, typ := range []approvals.EventType{
		approvals.EventDelayed, approvals.EventReadBack, approvals.EventEvidence, approvals.EventFinding,
		approvals.EventParked, approvals.EventReport,
		approvals.EventFilesRefused, approvals.EventSimulated, approvals.EventSeenDenied, approvals.EventTampered,
		approvals.EventRewritten, approvals.EventHeld,
		approvals.EventPolicyExpired, approvals.EventUndone, approvals.EventSessions, approvals.EventChosen,
		approvals.EventActivity, approvals.EventVouched,
		approvals.EventVerdict,
		approvals.EventRefused, approvals.EventUntrusted, "from_the_future",
	} {
		s.add(typ, "", nil)
		s.events[len(s.events)-1].Detail = json.RawMessage(`{"torn`)
	}
	markdown, facts := s.report()
	_, timeline, _ := strings.Cut(markdown, "## Timeline\n")
	timeline, _, _ = strings.Cut(timeline, "\n## ")
	for _, e := range s.events {
		if e.Type == approvals.EventLooking {
			continue // progress
		}
		if stamp := "\n- " + e.At.UTC().Format("2006-01-02 15:04:05") + " · "; !strings.Contains(timeline, stamp) {
			t.Errorf("event %d (%s) is not in the timeline", e.Seq, e.Type)
		}
	}
	var read struct {
		Events []struct {
			Seq  int64
			Type approvals.EventType
		}
	}
	if err := json.Unmarshal(facts, &read); err != nil || len(read.Events) != len(s.events) ||
		read.Events[len(read.Events)-1].Type != "from_the_future" {
		t.Errorf("the facts have %d events of %d: %v", len(read.Events), len(s.events), err)
	}
}

var (
	ownWords  = regexp.MustCompile(`\*\*[A-Za-z0-9 :,.-]+\*\*`)
	ownTitles = regexp.MustCompile(`(?m)^#{1,2} `)
	ownItems  = regexp.MustCompile(`(?m)^(?:  )?- `)
)

// harmlessMarkdown checks that what is not in a code span has only the formatting that the report
// writes itself.
func harmlessMarkdown(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Count(line, "`")%2 != 0 {
			t.Errorf("%s: a code span is not closed: %q", name, line)
		}
		for _, r := range strings.TrimRight(line, "\n") {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
				t.Errorf("%s: an invisible character %U: %q", name, r, line)
			}
		}
	}
	rest := spans.ReplaceAllString(text, "")
	for _, own := range []*regexp.Regexp{ownWords, ownTitles, ownItems} {
		rest = own.ReplaceAllString(rest, "")
	}
	rest = strings.ToLower(rest)
	for _, bad := range []string{
		"<", ">", "[", "]", "*", "_", "~", "#", "@", "|", "\\", "$", "&", "://", "www.", "evil.example", "http:", ":tada:",
	} {
		if i := strings.Index(rest, bad); i >= 0 {
			t.Errorf("%s: %q outside a code span: %q", name, bad, rest[max(i-60, 0):min(i+60, len(rest))])
		}
	}
}

// Rule 18, for whatever renders Markdown.
func TestForeignTextInAReportIsDataItNeverPingsLinksOrFormats(t *testing.T) {
	for name, s := range reportStories(t) {
		markdown, _ := s.report()
		harmlessMarkdown(t, name, markdown)
	}
	for _, bad := range append([]string{
		"[evil](https://evil.example)", "![x](https://evil.example/x.png)", "# evil", "- evil", "1. evil",
		"<script>evil</script>", "<img src=https://evil.example>",
		"www.evil.example", "mail evil@evil.example", "@evil", "#1 evil", "evil|evil|evil\n|-|-|", "$$evil$$", "``evil``",
		"~~~\nevil", "&lt;evil&gt;", "evil\\", "[evil]: https://evil.example",
		":evil:", "GH-1 _evil_ **evil**", "http:evil", "WWW.EVIL.example",
	}, nasty...) {
		shown := record.Role{Role: role.Role{
			Principal: contain.Principal{
				AccountName: bad, AccountID: bad, Name: bad, ARN: bad, ID: bad,
			},
			LastUsedRegion: bad,
			Warnings:       []string{bad},
			Trust:          []role.Principal{{Words: bad}},
			MaxSession:     time.Hour,
		}}
		session := record.Session{
			Session: trail.Session{
				EventID: "e", EventName: bad, Time: at, Caller: bad, CallerARN: bad, CallerID: bad,
				CallerAccessKey: bad, SessionName: bad, SourceIdentity: bad, MFA: trail.MFA(bad), SourceAddress: bad,
				UserAgent: bad, Region: bad, AccessKeyID: bad,
			},
		}
		refused := session
		refused.EventID, refused.ErrorCode = "f", bad+"x"
		call := record.Call{Call: trail.Call{
			EventID: bad, Time: at, Service: bad, Name: bad, Region: bad, SourceAddress: bad, Target: bad, Opens: bad,
		}, Session: bad}
		failure := record.Failure{Sentence: bad, Work: bad}
		s := begins(t, bad, 1, shown).add(approvals.EventRefused, "U0NILS",
			approvals.Refusal{Action: approvals.Action(bad), Code: approvals.RefusalCode(bad), Channel: bad}).
			add(approvals.EventApproved, bad, nil).add(approvals.EventDelayed, "", failure).
			add(approvals.EventStarted, "", started()).
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, CallerARN: bad}).
			add(approvals.EventReadBack, "", record.ReadBack{Mismatch: bad}).
			add(approvals.EventReadBack, "", record.ReadBack{Error: bad + "x"}).
			add(approvals.EventEvidence, "", record.Evidence{
				Since: at, Until: at, Suspects: []record.Suspect{{EventID: "e", Address: true}},
				Regions: []trail.RegionCoverage{{Region: bad, Reason: bad}, {Region: bad, Covered: true, Truncated: true}},
			}).
			add(approvals.EventSessions, "", record.Sessions{Rows: []record.Session{session, refused}}).
			add(approvals.EventActivity, "", record.Activity{
				Sessions: []record.SessionActivity{{
					EventID: "e", Calls: 1, Services: []trail.ServiceUse{{Service: bad, Calls: 1}},
					Persistence: []record.Call{call},
					Elsewhere:   []trail.Source{{Address: bad, UserAgent: bad}},
				}},
				Chain: []record.Link{
					{
						From: bad, FromSession: bad, RoleARN: bad, RoleName: bad, AccountID: bad, Looked: true,
						Services: []trail.ServiceUse{{Service: bad}}, Persistence: []record.Call{call},
					},
				},
			}).
			add(approvals.EventEvidence, "", record.Evidence{Failed: bad + "x"}).
			add(approvals.EventActivity, "", record.Activity{Failed: bad + "x"}).
			add(approvals.EventSimulated, "", record.Simulated{
				Cutoff: cutoff, Simulation: role.Simulation{Unavailable: bad + "x"},
			}).
			add(approvals.EventSeenDenied, "", record.Enforcement{State: record.EnforcementState(bad), Why: bad}).
			add(approvals.EventTampered, "", record.Tampered{State: role.CheckState(bad), Why: bad}).
			add(approvals.EventFinding, "", record.Finding{Sentence: bad}).
			add(approvals.EventParked, "", failure).
			add(approvals.EventVerdict, "", record.Conclusion{
				Word: record.Word(bad), Why: []string{bad}, Calls: []record.Call{call}, Sessions: []record.Session{session},
			}).
			add(approvals.EventUndone, bad, map[string]any{"request": bad, "requester": bad, "approvers": []string{bad}}).
			add(approvals.EventType(bad), bad, map[string]any{bad: bad})
		s.events[0].By = "U0ROSA"
		r := s.fold(len(s.events))
		c := messages.Context{Words: revokeWords(), Role: shown}
		harmlessMarkdown(t, bad, report.Report(r, s.events, c))
		facts, err := report.ReportFacts(r, s.events, c)
		if err != nil || !json.Valid(facts) {
			t.Errorf("%q: facts: %v", bad, err)
		}
		for n, e := range s.events {
			if e.Type != approvals.EventVerdict {
				continue
			}
			for _, f := range report.Files(r, s.events[:n+1], e, c) {
				if strings.ContainsFunc(f.AltText, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }) {
					t.Errorf("%q: the picture is described by %q", bad, f.AltText)
				}
				if _, err := f.Bytes(); err != nil {
					t.Errorf("%q: %s: %v", bad, f.Name, err)
				}
			}
		}
		denied := begins(t, bad, 1, shown).add(approvals.EventDenied, bad, record.Denial{Reason: bad})
		harmlessMarkdown(t, bad, report.Report(denied.fold(2), denied.events, c))
	}
}
