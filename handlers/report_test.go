package handlers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// files are the names of the files in a card's thread, in their order.
func files(b *bench.Bench, card bench.Card) (names []string) {
	for _, m := range b.Slack.Messages(actors.Incident) {
		for _, f := range m.Files {
			if m.ThreadTS != card.TS || m.UserID != card.Message().UserID {
				b.T.Errorf("the file %s is in thread %q, of %s", f.Name, m.ThreadTS, m.UserID)
			}
			names = append(names, f.Name)
		}
	}
	return names
}

// reportFiles are those of reports.
func reportFiles(b *bench.Bench, card bench.Card) []string {
	return slices.DeleteFunc(files(b, card), func(name string) bool { return !strings.HasPrefix(name, "report-") })
}

// reportOf are the names of the files of the report with that number in the log.
func reportOf(card bench.Card, seq int64) []string {
	name := fmt.Sprintf("report-%s-%d", card.ID, seq)
	return []string{name + ".md", name + ".json"}
}

// asked are the numbers of the events that asked for reports.
func asked(card bench.Card) (seqs []int64) {
	for _, e := range card.Events() {
		if e.Type == approvals.EventReport {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// cancelled is a card whose request has ended and to whose thread nothing is added any more.
func cancelled(b *bench.Bench) bench.Card {
	card := b.Ask()
	card.Press(actors.Rosa, messages.ActionCancel)
	card.Becomes(approvals.StateCancelled)
	return card
}

func equalLists(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }

func TestAReportOfARoleOrARequestIsInTheThreadAndIsTheLogAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		card.CaughtUp()
		b.Command(actors.Nils, "report prod/DeployRole")
		b.Whispered(actors.Nils, "The report of request `"+card.ID+"` appears in the thread of <https://")
		card.CaughtUp()
		seqs := asked(card)
		if len(seqs) != 1 || !equalLists(reportFiles(b, card), reportOf(card, seqs[0])) {
			t.Fatalf("events %v, files %q\n%s", seqs, reportFiles(b, card), b.Transcript())
		}
		read := card.Events()[:seqs[0]-1]
		then, err := approvals.Fold(card.ID, read)
		if err != nil {
			t.Fatal(err)
		}
		c := messages.Context{
			Words: measures.All().Words(then.Purpose), Role: roleOf(t, then),
			Names: map[string]string{actors.Rosa: "Rosa", actors.Bob: "Bob"},
		}
		for _, m := range b.Slack.Messages(actors.Incident) {
			for _, f := range m.Files {
				content, _ := b.Slack.FileContent(f.ID)
				if !strings.HasPrefix(f.Name, "report-") {
					continue
				}
				if strings.HasSuffix(f.Name, ".md") {
					if want := report.Report(then, read, c); string(content) != want ||
						!strings.Contains(want, "**AWS accepted the inline policy") ||
						!strings.Contains(want, "`Rosa` asked") || strings.Contains(want, actors.Bob) {
						t.Errorf("the report is not the log's, with the names of people:\n%s", content)
					}
				} else if want, err := report.ReportFacts(then, read, c); err != nil ||
					string(content) != string(want) {
					t.Errorf("the facts are not the log's: %v\n%s", err, content)
				}
			}
		}

		b.Command(actors.Rosa, "report "+strings.ToLower(card.ID))
		b.Whispered(actors.Rosa, "Nothing has happened since the last report of request `"+card.ID+"`")
		pressReport(t, b, card, actors.Ines)
		b.Whispered(actors.Ines, "Nothing has happened since the last report")
		if n := len(asked(card)); n != 1 {
			t.Errorf("%d reports", n)
		}
		card.PressLate(actors.Nils, messages.ActionApprove) // something happens: a click is refused
		b.Until("it is in the log", func() bool { return card.Request().Refused == 1 })
		b.Command(actors.Rosa, "report "+card.ID)
		b.Until("the second report is there", func() bool { return len(reportFiles(b, card)) == 4 })
		card.CaughtUp()
		if seqs := asked(card); len(seqs) != 2 ||
			!equalLists(reportFiles(b, card), append(reportOf(card, seqs[0]), reportOf(card, seqs[1])...)) {
			t.Errorf("events %v, files %q", seqs, reportFiles(b, card))
		}
	})
}

// pressReport presses Report in a card's thread.
func pressReport(t *testing.T, b *bench.Bench, card bench.Card, user string) {
	t.Helper()
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == card.TS && strings.Contains(string(m.Blocks), messages.ActionReport) {
			if _, err := b.Slack.Click(t.Context(), user, slack.Click{
				ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionReport,
			}); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("there is no button\n%s", b.Transcript())
}

func TestTheButtonInTheThreadOfAnEndedRequestMakesItsReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := cancelled(b)
		pressReport(t, b, card, actors.Gina)
		b.Whispered(actors.Gina, "revokebot is for full members")
		pressReport(t, b, card, actors.Nils)
		b.Until("the report is there", func() bool { return len(reportFiles(b, card)) == 2 })
		card.CaughtUp()
		if seqs := asked(card); len(seqs) != 1 || !card.Says("*Files*, from the record") {
			t.Errorf("events %v\n%s", seqs, b.Transcript())
		}
		// A button that somebody made up, or that was copied elsewhere, leads nowhere.
		if _, err := b.Slack.Click(t.Context(), actors.Bob, slack.Click{
			ChannelID: actors.Incident, MessageTS: card.TS, BlockID: "report", ActionID: messages.ActionReport,
			Value: "NOSUCHREQUEST",
		}); err != nil {
			t.Fatal(err)
		}
		b.Whispered(actors.Bob, "There is no request behind this button")
	})
}

func TestAReportIsMadeInItsOwnChannelOnlyAndOnlyWhereTheCommandWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const other = "C0OTHER"
		closed := false
		b := bench.New(t, bench.Options{Bot: func(c *bot.Config) {
			if !closed {
				c.Handlers.Channels = append(c.Handlers.Channels, other)
			}
		}})
		b.Slack.PutChannel(slack.Channel{
			ID: other, Name: "other", Members: []string{actors.Rosa, actors.Bob, actors.Nils}, BotMember: true,
		})
		card := cancelled(b)
		b.CommandIn(actors.Nils, other, "staging/DeployRole")
		b.Until("there is a card in the other channel", func() bool { return len(b.Slack.Messages(other)) > 0 })
		press := func(user, channel, ts, value string) {
			t.Helper()
			if _, err := b.Slack.Click(t.Context(), user, slack.Click{
				ChannelID: channel, MessageTS: ts, BlockID: "report", ActionID: messages.ActionReport, Value: value,
			}); err != nil {
				t.Fatal(err)
			}
		}
		press(actors.Bob, other, b.Slack.Messages(other)[0].TS, card.ID) // a button that was copied there
		b.Whispered(actors.Bob, "There is no request behind this button")
		closed = true
		b.Stop(0)
		b.Start()
		recent, err := b.Store.Recent(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		b.Command(actors.Rosa, "report "+recent[0])
		b.Whispered(actors.Rosa, "There is no request on record")
		press(actors.Nils, other, b.Slack.Messages(other)[0].TS, recent[0])
		b.Whispered(actors.Nils, "There is no request behind this button")
		_, events, err := b.Store.Load(t.Context(), recent[0])
		if err != nil || len(asked(card)) != 0 || slices.ContainsFunc(events, func(e approvals.Event) bool {
			return e.Type == approvals.EventReport
		}) {
			t.Errorf("a report was made: %v\n%s", err, b.Transcript())
		}
	})
}

func TestWhoMayNotAskForAReportGetsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Requesters: []string{actors.Rosa, actors.Bob}})
		b.Slack.PutChannel(slack.Channel{ID: "C0OTHER", Name: "other", Members: []string{actors.Rosa}, BotMember: true})
		card := cancelled(b)
		before := len(card.Events())
		for _, try := range []struct{ user, text, told string }{
			{actors.Gina, "report prod/DeployRole", "revokebot is for full members"},
			{actors.Nils, "report prod/DeployRole", "not on the list of people"},
			{actors.Bob, "report", "Name the role, as in `/revoke-sessions report "},
			{actors.Bob, "report   ", "Name the role, as in `/revoke-sessions report "},
			{actors.Bob, "report prod/NoSuchRole", "There is no request on record for `prod/NoSuchRole`"},
			{actors.Bob, "report staging/DeployRole", "There is no request on record"},
			{actors.Bob, "report AAAAAAAAAAAAAAAAAAAAAAAAAA", "There is no request on record"},
			{actors.Bob, "report <!channel>", "There is no request on record for `&lt;!channel&gt;`"},
		} {
			b.Command(try.user, try.text)
			b.Whispered(try.user, try.told)
		}
		b.CommandIn(actors.Rosa, "C0OTHER", "report prod/DeployRole")
		b.Whispered(actors.Rosa, "works in <#"+actors.Incident+"> only")
		card.CaughtUp()
		if n := len(card.Events()); n != before || len(reportFiles(b, card)) != 0 {
			t.Errorf("%d events more, files %q", n-before, reportFiles(b, card))
		}
		for range 20 {
			b.Command(actors.Bob, "report "+card.ID)
		}
		b.Whispered(actors.Bob, "Too much at once")
		card.CaughtUp()
		if n := len(asked(card)); n != 1 {
			t.Errorf("%d reports of one thing", n)
		}
	})
}

// The newest request of a role, also when the role is gone and AWS is away.
func TestAReportCanBeHadWhenTheRoleIsGoneAndAWSIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		first, second := cancelled(b), cancelled(b)
		if err := b.World.Prod.DeleteRole(actors.DeployRole); err != nil {
			t.Fatal(err)
		}
		b.AWS.Inject(awsstandin.Fault{Times: -1, HangUp: true})
		b.Command(actors.Bob, "report arn:aws:iam::"+actors.ProdID+":role/deployrole")
		b.Whispered(actors.Bob, "The report of request `"+second.ID+"`")
		b.Command(actors.Bob, "report "+first.ID)
		b.Whispered(actors.Bob, "The report of request `"+first.ID+"`")
	})
}

// Rule 16, for files: whatever fails, each is there once, in order.
func TestAFileThatMayHaveBeenUploadedIsLookedForFirst(t *testing.T) {
	t.Parallel()
	share := "files.completeUploadExternal"
	for name, faults := range map[string][]slack.Fault{
		"shared without an answer": {
			{Method: share, DropAfter: true, Times: 1}, {Method: "conversations.replies", HTTPStatus: 503, Times: 2},
		},
		"both shared without answers": {{Method: share, DropAfter: true, Times: 2}},
		"not shared":                  {{Method: share, DropBefore: true, Times: 1}},
		"trouble at every step": {
			{Method: "files.getUploadURLExternal", HTTPStatus: 500, Times: 1},
			{Method: "upload", HTTPStatus: 500, Times: 1},
			{Method: share, HTTPStatus: 500, Times: 1},
		},
		"too fast":                     {{Method: share, RetryAfter: 2 * time.Second, Times: 3}},
		"the message without answer":   {{Method: "chat.postMessage", DropAfter: true, Times: 1}},
		"the token is gone for a time": {{Method: "files.getUploadURLExternal", Error: "token_revoked", Times: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := cancelled(b)
				for _, f := range faults {
					b.Slack.Inject(f)
				}
				b.Command(actors.Nils, "report "+card.ID)
				b.Whispered(actors.Nils, "The report of")
				card.CaughtUp()
				if seqs := asked(card); len(seqs) != 1 || !equalLists(reportFiles(b, card), reportOf(card, seqs[0])) {
					t.Errorf("events %v, files %q", seqs, reportFiles(b, card))
				}
				n := 0
				for _, text := range card.Thread() {
					if strings.Contains(text, "*Files*, from the record") {
						n++
					}
				}
				if n != 1 || card.Says("Slack rejects") {
					t.Errorf("told %d times:\n%s", n, b.Transcript())
				}
			})
		})
	}
}

// A worker dies after the upload; the next finds the files and goes on.
func TestAWorkerThatDiesAfterAnUploadIsFollowedByOneThatFindsTheFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := cancelled(b)
		b.Slack.Inject(slack.Fault{Method: "files.getUploadURLExternal", HTTPStatus: 503, Times: 2})
		b.Command(actors.Nils, "report "+card.ID)
		b.Whispered(actors.Nils, "The report of")
		b.Until("the report is there", func() bool { return len(reportFiles(b, card)) == 2 })
		card.CaughtUp()
		// As if the mark after the upload were lost.
		d, err := b.Store.Delivered(t.Context(), card.ID)
		if err != nil {
			t.Fatal(err)
		}
		seq := asked(card)[0]
		d.Cursor, d.Part, d.Intent = seq-1, 1, seq
		if _, ok, err := b.Store.BeginDelivery(t.Context(), card.ID, "dying", time.Second); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := b.Store.MarkDelivery(t.Context(), card.ID, "dying", time.Second, d); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		uploads := len(b.Slack.Calls("files.completeUploadExternal"))
		err = b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: card.ID, Expect: approvals.AppendOnly, Events: []approvals.Event{
				{Type: approvals.EventParked, Source: "by hand"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Until("it is posted", func() bool {
			d, err := b.Store.Delivered(t.Context(), card.ID)
			return err == nil && d.Cursor == card.Request().Seq && d.Part == 0
		})
		if n := len(b.Slack.Calls("files.completeUploadExternal")) - uploads; n != 0 {
			t.Errorf("%d uploads", n)
		}
	})
}

func TestAWorkspaceThatTakesNoFilesIsToldOfOnceAndTheThreadGoesOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault slack.Fault
		says  string
		takes time.Duration
	}{
		"no scope": {
			slack.Fault{Method: "files.getUploadURLExternal", Error: "missing_scope"}, "add the scope `files:write`", 0,
		},
		"turned off": {
			slack.Fault{Method: "files.getUploadURLExternal", Error: "file_uploads_disabled"}, "(`file_uploads_disabled`)", 0,
		},
		"the host is not there": {slack.Fault{Method: "upload", DropBefore: true}, "`files.slack.com`", 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := cancelled(b)
				b.Slack.Inject(test.fault)
				for n := range 2 {
					b.Command(actors.Nils, "report "+card.ID)
					b.Until("it is asked for", func() bool { return len(asked(card)) == n+1 })
					time.Sleep(test.takes)
					card.CaughtUp()
				}
				told := 0
				for _, text := range card.Thread() {
					if strings.Contains(text, "Slack rejected the file") {
						told++
						if !strings.Contains(text, test.says) {
							t.Errorf("it says %q", text)
						}
					}
				}
				if told != 1 || len(reportFiles(b, card)) != 0 || len(asked(card)) != 2 {
					t.Errorf("told %d times, files %q:\n%s", told, reportFiles(b, card), b.Transcript())
				}
				b.Slack.ClearFaults() // somebody saw to it
				b.Command(actors.Nils, "report "+card.ID)
				b.Until("the report is there", func() bool { return len(reportFiles(b, card)) == 2 })
			})
		})
	}
}

func TestAReportWhoseFilesSlackRefusesIsAskedForAgainAFewTimesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := cancelled(b)
		b.Slack.Inject(slack.Fault{Method: "files.getUploadURLExternal", Error: "missing_scope"})
		ask := func(user, told string) {
			t.Helper()
			time.Sleep(time.Second) // what each is told is told to them once in a while
			b.Command(user, "report "+card.ID)
			b.Whispered(user, told)
			card.CaughtUp()
		}
		ask(actors.Nils, "The report of request `"+card.ID+"` appears in")
		for _, user := range []string{actors.Nils, actors.Rosa, actors.Bob} {
			ask(user, "(`missing_scope`). The record is complete. The operator of revokebot can add the scope `files:write`")
		}
		before := len(card.Events())
		const enough = "was asked for again 3 times in 10 min. Slack rejected the file "
		ask(actors.Bob, enough)
		pressReport(t, b, card, actors.Ines)
		b.Whispered(actors.Ines, enough)
		card.CaughtUp()
		if n := len(card.Events()); n != before || len(asked(card)) != 4 {
			t.Errorf("%d events more, %d reports", n-before, len(asked(card)))
		}
		notes, err := b.DB.XRange(t.Context(), "{revokebot}:notes", "-", "+").Result()
		if text := fmt.Sprint(notes); err != nil || strings.Count(text, "report_again") != 2 {
			t.Errorf("the refusals are noted as %s, %v", text, err)
		}
		b.Slack.ClearFaults() // somebody saw to it
		time.Sleep(10 * time.Minute)
		b.Command(actors.Bob, "report "+card.ID)
		b.Until("the report is there", func() bool { return len(reportFiles(b, card)) == 2 })
	})
}

func roleOf(t *testing.T, r approvals.Request) record.Role {
	t.Helper()
	var role record.Role
	if err := json.Unmarshal(r.Subject.Facts, &role); err != nil {
		t.Fatal(err)
	}
	return role
}
