package handlers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// quietRole is one of which CloudTrail has nothing to draw: pictures take long with the race
// detector.
const quietRole = "QuietRole"

// quiet makes that role.
func quiet(b *bench.Bench) {
	if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
		Name: quietRole, Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	}); err != nil && !strings.Contains(err.Error(), "EntityAlreadyExists") {
		b.T.Fatal(err)
	}
}

// askDrill has Rosa ask for a drill of that role.
func askDrill(b *bench.Bench) bench.Card {
	b.T.Helper()
	quiet(b)
	return b.AskFor(actors.Rosa, "drill prod/"+quietRole+" first Monday of the month")
}

// allWrites is how often anybody asked AWS to change a role, whatever it answered.
func allWrites(b *bench.Bench) int {
	return len(b.AWS.Calls("PutRolePolicy")) + len(b.AWS.Calls("DeleteRolePolicy"))
}

// drilled checks everything that was said since the beginning of a test in which there were drills
// only: in the channel, to single people and by direct message.
func drilled(b *bench.Bench) {
	b.T.Helper()
	b.Settle()
	n := 0
	for _, c := range b.Slack.Channels() {
		for _, m := range b.Slack.Messages(c.ID) {
			if m.UserID != actors.Nils && (len(m.Metadata) > 0 || m.Ephemeral) {
				n++
				if !strings.HasPrefix(m.Text, "DRILL: ") || len(m.Blocks) > 0 &&
					!strings.Contains(string(m.Blocks[:min(len(m.Blocks), 160)]), `"DRILL: `) {
					b.T.Errorf("in %s: %s\n%s", c.ID, m.Text, m.Blocks)
				}
			}
			for _, f := range m.Files {
				if !strings.HasPrefix(f.Name, "DRILL-") || !strings.HasPrefix(f.Title, "DRILL: ") {
					b.T.Errorf("file %s, %q", f.Name, f.Title)
				}
			}
		}
	}
	if n < 2 {
		b.T.Errorf("%d messages were looked at\n%s", n, b.Transcript())
	}
	if writes := allWrites(b); writes != 0 {
		b.T.Errorf("%d writes", writes)
	}
}

func types(card bench.Card) (list []approvals.EventType) {
	for _, e := range card.Events() {
		if e.Type != approvals.EventLooking {
			list = append(list, e.Type)
		}
	}
	return list
}

func TestADrillIsTheEntireWayWithBothPeopleAndWithoutTheWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{5 * time.Minute}, Guard: looks})
		session := b.Session("deploy-42")
		before := b.Works(session)
		card := b.AskFor(actors.Rosa, "drill prod/"+actors.DeployRole+" first Monday of the month")
		card.CaughtUp()
		if !card.HasButtons() || !strings.HasPrefix(card.Message().Text,
			"DRILL: Approval needed: rehearse a revocation of ") ||
			!card.Says("<!subteam^"+actors.Group+"> Approval needed by ") {
			t.Errorf("the card and the call:\n%s", b.Transcript())
		}
		card.PressLate(actors.Rosa, messages.ActionApprove)
		b.Whispered(actors.Rosa, "DRILL: You can't approve your own request")
		card.PressLate(actors.Nils, messages.ActionApprove)
		b.Whispered(actors.Nils, "You are not on the list of approvers")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		time.Sleep(16 * time.Minute) // past the follow-ups, the looks of the guard and the timers of the request
		card.CaughtUp()
		if due, err := b.Redis.ZMembers("{revokebot}:due"); len(due) > 0 {
			t.Errorf("there is something to come (%v): %q", err, due)
		}

		var d record.Rehearsed
		if err := json.Unmarshal(card.Request().Closing.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if d.Paper.Before != role.DeniedByOurs || d.Paper.After != role.NotDenied || !d.MayWrite || !d.Own || d.Unnamed ||
			d.Size == 0 || d.Second <= 0 {
			t.Errorf("checked: %+v", d)
		}
		want := []approvals.EventType{
			approvals.EventRequested, approvals.EventRefused, approvals.EventRefused, approvals.EventApproved,
			approvals.EventRehearsed, approvals.EventEvidence, approvals.EventSessions,
		}
		if got := types(card); !slices.Equal(got, want) {
			t.Errorf("the log is %v", got)
		}
		for _, said := range []string{
			"The two remote steps took", "of 10240 characters", "names the requester and the approvers", "*Not checked*",
			"*CloudTrail*", "deploy-42",
		} {
			if !card.Says(said) {
				t.Errorf("the thread does not say %q:\n%s", said, b.Transcript())
			}
		}
		if onRole(b) != "" {
			t.Errorf("on the role: %s", onRole(b))
		}
		if after := b.Works(session); (before == nil) != (after == nil) {
			t.Errorf("a session of the role: before %v, after %v", before, after)
		}
		for _, call := range b.AWS.Calls("AssumeRole") {
			if call.Params["RoleSessionName"] == card.ID && strings.Contains(call.Params["Policy"], "Put") {
				t.Errorf("the session of the drill: %s", call.Params["Policy"])
			}
		}
		drilled(b)
	})
}

func TestADrillIsDecidedByTheSameRulesAsARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2})
		card := askDrill(b)
		card.Approve(actors.Bob)
		b.Until("one of two is counted", func() bool { return len(card.Request().Votes) == 1 })
		card.PressLate(actors.Bob, messages.ActionApprove)
		b.Whispered(actors.Bob, "each person counts once")
		if card.State() != approvals.StateOpen {
			t.Errorf("it is %s", card.State())
		}
		deny(b, card, actors.Ines, "not today")
		card.Becomes(approvals.StateDenied)
		second := askDrill(b)
		time.Sleep(16 * time.Minute)
		second.Becomes(approvals.StateExpired)
		if !second.Says("*Last reminder*") {
			t.Errorf("nobody was reminded:\n%s", b.Transcript())
		}
		pressIn(b, second, actors.Rosa, messages.ActionAgain)
		b.Until("there is another drill", func() bool { return len(b.Cards()) == 3 })
		again := b.Cards()[2]
		if r := again.Request(); r.Purpose.Mode() != approvals.ModeDrill || r.Reason != "first Monday of the month" {
			t.Errorf("asked again for %s, %q", r.Purpose, r.Reason)
		}
		again.Press(actors.Rosa, messages.ActionCancel)
		again.Becomes(approvals.StateCancelled)
		drilled(b)
	})
}

func TestWhatIsRefusedForARevocationIsRefusedForADrill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Protected: []string{"*break-glass*"}, RequireReason: true})
		for text, told := range map[string]string{
			"drill prod/break-glass-admin why":                      "is protected by the configuration",
			"drill prod/AWSServiceRoleForElasticLoadBalancing why":  "service-linked role",
			"drill prod/revokebot-spoke why":                        "revokebot itself works with",
			"drill prod/Nobody why":                                 "No role `Nobody` in prod",
			"drill nowhere/DeployRole why":                          "nowhere",
			"drill prod/DeployRole":                                 "a reason is required",
			"drill prod/DeployRole " + strings.Repeat("why ", 1000): "characters",
			"drill": "Name the role, as in `/revoke-sessions drill ",
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			if answer := b.Whispers(actors.Rosa)[before]; !strings.Contains(answer, told) {
				t.Errorf("%s: %q", text, answer)
			}
			time.Sleep(10 * time.Second)
		}
		b.CommandIn(actors.Rosa, actors.General, "drill prod/DeployRole why")
		b.Whispered(actors.Rosa, "works in <#"+actors.Incident+"> only")
		b.Command(actors.Gina, "drill prod/DeployRole why")
		b.Whispered(actors.Gina, "full members")
		if len(b.Cards()) != 0 {
			t.Error("there is a card")
		}
		drilled(b)
	})
}

// A drill is not in the way of what matters.
func TestARevocationGoesOnUnhinderedWhileADrillOfTheRoleRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		drill := askDrill(b)
		real := b.AskFor(actors.Rosa, "prod/"+quietRole+" key pasted in a gist")
		if real.Request().Purpose.Mode() != approvals.ModeDo {
			t.Fatalf("it is for %s", real.Request().Purpose)
		}
		real.Approve(actors.Bob)
		real.Becomes(approvals.StateApplied)
		drill.Approve(actors.Ines)
		drill.Becomes(approvals.StateRehearsed)
		if err := b.World.Prod.DeleteRolePolicy(quietRole, denyPolicy); err != nil { // the guard is the real one's still
			t.Fatal(err)
		}
		b.Until("it is written again", func() bool { return count(real, approvals.EventRewritten) == 1 })
		time.Sleep(time.Minute)
		undo := b.AskFor(actors.Rosa, "undo prod/"+quietRole+" "+messages.ReviveWords)
		if undo.Request().About != real.ID {
			t.Errorf("the undo is about %s", undo.Request().About)
		}
		for _, e := range drill.Events() {
			if e.Type == approvals.EventTampered || e.Type == approvals.EventUndone || e.Type == approvals.EventPolicyExpired {
				t.Errorf("the drill has %s", e.Type)
			}
		}
	})
}

func TestADrillIsRefusedWithTheWayToTheCardWhileARealRequestIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		quiet(b)
		real := b.AskFor(actors.Rosa, "prod/"+quietRole+" key pasted in a gist")
		real.CaughtUp()
		b.Command(actors.Bob, "drill prod/"+quietRole+" why")
		b.Whispered(actors.Bob, "DRILL: No second request was made: <@U0ROSA> asked to revoke sessions of")
		if told := b.Whispers(actors.Bob); !strings.Contains(told[len(told)-1], "/p"+strings.ReplaceAll(real.TS, ".", "")) {
			t.Errorf("told %q", told)
		}
		real.Approve(actors.Bob)
		real.Becomes(approvals.StateApplied)
		drill := askDrill(b)
		drill.Approve(actors.Bob)
		drill.Becomes(approvals.StateRehearsed)
		if b.Puts() != 1 {
			t.Errorf("%d writes", b.Puts())
		}
		// What a report of the role means is the real one.
		b.Command(actors.Rosa, "report prod/"+quietRole)
		b.Whispered(actors.Rosa, "The report of request `"+real.ID+"`")
	})
}

// Whoever asks for a drill is not to be sent to the IAM console in earnest.
func TestADrillThatCannotBeRecordedIsAnsweredAsOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.RedisAway(true)
		d := b.Command(actors.Rosa, "drill prod/DeployRole why")
		if n := strings.Count(string(d.AckPayload), `"DRILL: revokebot`); n != 2 { // the fallback and the block
			t.Errorf("answered with %s", d.AckPayload)
		}
		b.RedisAway(false)
		b.Settle()
		if len(b.Cards()) != 0 {
			t.Errorf("%d cards", len(b.Cards()))
		}
	})
}

func TestTwoDrillsOfARoleAtATimeAreOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := askDrill(b)
		b.Command(actors.Bob, "drill prod/"+quietRole+" me too")
		b.Whispered(actors.Bob, "DRILL: No second request was made: <@"+actors.Rosa+"> asked to rehearse a revocation of")
		if len(b.Cards()) != 1 || card.State() != approvals.StateOpen {
			t.Errorf("%d cards", len(b.Cards()))
		}
		drilled(b)
	})
}

func TestADrillThatAWSKeepsFromItsEndEndsWithTheReasonAndWasNeverUnsure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault awsstandin.Fault
		state approvals.State
		told  string
	}{
		"no session": {
			awsstandin.Fault{Action: "AssumeRole", Code: "AccessDenied", Times: -1}, approvals.StateFailed, "sts:AssumeRole",
		},
		"no answer for a while": {
			awsstandin.Fault{Action: "GetRole", Code: "ServiceUnavailable", Times: 9},
			approvals.StateRehearsed,
			"*Delayed:*",
		},
		"no answer": {
			awsstandin.Fault{Action: "GetRole", Hang: true, Times: -1}, approvals.StateFailed, "It was tried 10 times.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := askDrill(b)
				card.CaughtUp()
				b.AWS.Inject(c.fault)
				card.Approve(actors.Bob)
				for n := 0; n < 20 && !card.State().Ended(); n++ {
					time.Sleep(time.Minute)
				}
				card.Becomes(c.state)
				if !card.Says(c.told) || card.Says("It is not known whether") {
					t.Errorf("the thread:\n%s", b.Transcript())
				}
				drilled(b)
			})
		})
	}
}

func TestADrillOfARoleThatIsAnotherNowIsVoid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := askDrill(b)
		if _, err := b.World.Prod.RecreateRole(quietRole); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateVoid)
		drilled(b)
	})
}

func TestAnApproverWhoMayNotApproveAnyMoreAMinuteLaterEndsADrill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := askDrill(b)
		b.AWS.Inject(awsstandin.Fault{Action: "GetRole", Code: "ServiceUnavailable", Times: 24})
		card.Approve(actors.Bob)
		b.Until("it is delayed", func() bool { return card.Request().Delays > 0 })
		b.Slack.PutGroup(slack.Group{ID: actors.Group, Handle: "security", Name: "Security", Members: []string{actors.Ines}})
		time.Sleep(3 * time.Minute)
		card.Becomes(approvals.StateFailed)
		if !card.Says("may not approve any more") {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
		drilled(b)
	})
}

// Rule 15, of a drill.
func TestADrillWhoseReplicaDiedWithTheApprovalIsRehearsedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the approval is in the log, and nobody has the click any more
		b := bench.New(t, bench.Options{})
		card := askDrill(b)
		card.CaughtUp()
		commitApproval(t, b, card.ID)
		card.Becomes(approvals.StateRehearsed)
		drilled(b)
	})
}

// commitApproval is what a replica that died had committed.
func commitApproval(t *testing.T, b *bench.Bench, id string) {
	t.Helper()
	err := b.Store.Commit(t.Context(), approvals.Transition{
		RequestID: id, Expect: 1, Next: approvals.StateApproved, Events: []approvals.Event{
			{Type: approvals.EventApproved, By: actors.Bob, Source: "a dead replica"},
		},
		Due: []approvals.Due{
			{After: 30 * time.Second, Item: approvals.Item{Kind: handlers.KindExecute, Request: id, Source: "execute " + id}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A purpose that this version does not know writes nothing, whatever its facts say.
func TestAnApprovedRequestOfAnUnknownPurposeFailsWithAReasonAndWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		quiet(b)
		model := b.AskFor(actors.Rosa, "prod/"+quietRole)
		model.Press(actors.Rosa, messages.ActionCancel)
		model.Becomes(approvals.StateCancelled)
		r := model.Request()
		_, err := b.Store.Open(t.Context(), "REQUESTOFANOTHERVERSION", actors.Rosa, "another", approvals.Opening{
			Purpose: "another", Subject: r.Subject, Place: r.Place, Required: 1, ExpireAfter: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		commitApproval(t, b, "REQUESTOFANOTHERVERSION")
		b.Until("it has failed", func() bool {
			r, _, err := b.Store.Load(t.Context(), "REQUESTOFANOTHERVERSION")
			return err == nil && r.State == approvals.StateFailed &&
				strings.Contains(string(r.Closing.Detail), "does not know what the request is for")
		})
		if n := allWrites(b); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestTheReportOfADrillSaysDRILL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := askDrill(b)
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		b.Settle()
		pressReport(t, b, card, actors.Nils)
		b.Whispered(actors.Nils, "DRILL: The report of request `"+card.ID+"`")
		b.Command(actors.Rosa, "report "+card.ID)
		b.Whispered(actors.Rosa, "DRILL: Nothing has happened since the last report")
		card.CaughtUp()
		if !card.Says("[file DRILL-report-" + card.ID) {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
		b.Command(actors.Rosa, "report prod/"+quietRole) // no revocation of it was asked for
		b.Whispered(actors.Rosa, "There is no request on record")
	})
}

func TestApproversOutsideTheChannelAreToldDirectlyThatItIsADrill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		incident(b, leave(actors.Ines))
		askDrill(b)
		b.Until("Ines is told", func() bool { return len(direct(b, actors.Ines)) > 0 })
		if told := direct(b, actors.Ines); !strings.HasPrefix(told[0], "DRILL: Approval needed by ") {
			t.Errorf("told %q", told)
		}
		drilled(b)
	})
}

// What another request has promised is the least that a revocation writes, also when it is off the
// role.
func TestADrillSaysTheCutoffThatARevocationWouldWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		high := b.AWS.Now().Add(50 * time.Minute).UTC().Truncate(time.Second)
		putOn(b, denyPolicy, denyText(high))
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		removeAs(t, b, b.World.Rival)
		drill := b.AskFor(actors.Rosa, "drill prod/DeployRole")
		approvedAs(b, drill, approvals.StateRehearsed)
		if got := record.WouldBeSince(drill.Events()); !got.Equal(high) {
			t.Errorf("the drill says %v, a revocation would write %v", got, high)
		}
	})
}
