package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// revoke has Rosa ask for a role, and Bob approve.
func revoke(b *bench.Bench, role string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, role+" key pasted in a gist")
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

// pressIn presses a button in the thread of a card.
func pressIn(b *bench.Bench, card bench.Card, user, action string) {
	b.T.Helper()
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == card.TS && strings.Contains(string(m.Blocks), `"`+action+`"`) {
			if _, err := b.Slack.Click(b.T.Context(), user, slack.Click{
				ChannelID: actors.Incident, MessageTS: m.TS, ActionID: action,
			}); err != nil {
				b.T.Fatal(err)
			}
			return
		}
	}
	b.T.Fatalf("no %s in the thread\n%s", action, b.Transcript())
}

// fillUndo sends the form that an Undo has opened.
func fillUndo(b *bench.Bench, user, words, reason string) slack.Delivery {
	b.T.Helper()
	b.Until("a form opens", func() bool { return len(b.Slack.Views(user)) == 1 })
	d, err := b.Slack.Submit(b.T.Context(), user, b.Slack.Views(user)[0].ID, map[string]map[string]any{
		messages.FieldWords: {"text": words}, messages.FieldReason: {"text": reason},
	})
	if err != nil {
		b.T.Fatal(err)
	}
	return d
}

// policyOn is the deny policy of a role in prod, "" none.
func policyOn(b *bench.Bench, role string) string {
	document, _ := b.World.Prod.RolePolicy(role, denyPolicy)
	return document
}

// removals is how often a policy was taken off a role.
func removals(b *bench.Bench) int { return len(b.AWS.Calls("DeleteRolePolicy")) }

// away lets time pass in which no replica runs: the last one is stopped, and a new one started
// after it.
func away(b *bench.Bench, replica *int, d time.Duration) {
	b.T.Helper()
	b.Stop(*replica)
	time.Sleep(d)
	*replica = b.Start()
}

// The whole way: the command, another person's approval, the policy off the role, and both threads
// tell it. The old session comes back to life, as the card said it would.
func TestAnUndoTakesTheDenyAwayWithASecondPersonAndSaysWhatComesBackToLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		stolen := b.Session("deploy-stolen")
		revoked := revoke(b, "prod/DeployRole")
		_, cutoff := written(t, b)
		if err := b.Works(stolen); err == nil {
			t.Fatal("the deny does not deny")
		}
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions it was a drill")
		r := card.Request()
		if r.Purpose.Mode() != approvals.ModeUndo || r.About != revoked.ID || r.Reason != "it was a drill" {
			t.Errorf("purpose %q about %q, reason %q", r.Purpose, r.About, r.Reason)
		}
		until := cutoff.Add(12*time.Hour).Format("2006-01-02 15:04:05") + " UTC"
		for _, said := range []string{
			"undo the revocation of", "It undoes a revocation", until, "they work again", "`revive old sessions`",
			"*0 of 1* approved", "it was a drill", "its card",
		} {
			if !strings.Contains(card.Message().Text, said) {
				t.Errorf("the card does not say %q: %s", said, card.Message().Text)
			}
		}
		card.Approve(actors.Rosa)
		b.Whispered(actors.Rosa, "You can't approve your own request")
		if card.State() != approvals.StateOpen || removals(b) != 0 {
			t.Fatal("the requester approved")
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if there := policyOn(b, actors.DeployRole); there != "" {
			t.Errorf("on the role: %s", there)
		}
		if err := b.Works(stolen); err != nil {
			t.Errorf("the old session does not come back to life, and the card said so: %v", err)
		}
		for _, said := range []string{
			"*Undone.*", "is off the role (verified)", "*work again*", until,
		} {
			if !card.Says(said) {
				t.Errorf("the thread does not say %q:\n%s", said, b.Transcript())
			}
		}
		b.Until("the revocation tells it", func() bool { return revoked.Says("*Undone* at") })
		revoked.CaughtUp()
		if text := revoked.Message().Text; !strings.HasPrefix(text, "Undone: ") ||
			!strings.Contains(text, "<@U0BOB> approved it") || strings.Contains(text, "*Revoked:*") {
			t.Errorf("the card of the revocation: %s", text)
		}
		if revoked.Request().Undone == nil || revoked.State() != approvals.StateApplied {
			t.Error("the log of the revocation does not have it")
		}

		// A second undo finds nothing, and the button says that it is done.
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.Whispered(actors.Rosa, "no applied measure on record")
		if _, err := b.Slack.Click(t.Context(), actors.Rosa, slack.Click{ // of a client that has not drawn the edit yet
			ChannelID: actors.Incident, MessageTS: revoked.TS, BlockID: "undo", ActionID: messages.ActionUndo, Value: revoked.ID,
		}); err != nil {
			t.Fatal(err)
		}
		b.Whispered(actors.Rosa, "was undone already")
		b.Settle()
		if len(b.Cards()) != 2 || removals(b) != 1 {
			t.Errorf("%d cards, %d removals", len(b.Cards()), removals(b))
		}
	})
}

func TestWithoutTheWordsADenyStaysWhileOldSessionsCanBeAliveAndAfterThatItIsPlainCleanUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/NightlyBackup") // any session may last twelve hours, whatever the maximum is now
		for _, text := range []string{
			"undo prod/NightlyBackup", "undo prod/NightlyBackup revive old session",
			"undo prod/NightlyBackup please revive old sessions",
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			if answer := b.Whispers(actors.Rosa)[before]; !strings.Contains(answer,
				"`/revoke-sessions undo prod/NightlyBackup revive old sessions [reason]`") ||
				!strings.Contains(answer, "*they work again*") {
				t.Errorf("%s: %s", text, answer)
			}
		}
		if len(b.Cards()) != 1 {
			t.Fatal("a card was posted")
		}
		b.Until("the evidence is posted", func() bool { return revoked.Says("CloudTrail") })
		replica := 0
		away(b, &replica, 12*time.Hour-30*time.Second)
		b.Settle()
		revoked.CaughtUp()
		if revoked.Says("*Expired.*") {
			t.Fatal("the clean-up is offered too early")
		}
		b.Until("the clean-up is offered", func() bool {
			return revoked.Says("*Expired.*")
		})
		pressIn(b, revoked, actors.Nils, messages.ActionCleanUp)
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		card := b.Cards()[1]
		if text := card.Message().Text; !strings.Contains(text, "This is clean-up") || strings.Contains(text, "typed") {
			t.Errorf("the card: %s", text)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if policyOn(b, "NightlyBackup") != "" || card.Says("*work again*") ||
			!card.Says("No old session works again") {
			t.Errorf("after the clean-up:\n%s", b.Transcript())
		}
		b.Until("the revocation tells it", func() bool { return revoked.Says("*Undone* at") })
		if revoked.Says("and that have not expired") {
			t.Errorf("nothing came back to life:\n%s", b.Transcript())
		}
	})
}

func TestTheFormOfTheButtonAsksForTheWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		revoked := revoke(b, "prod/DeployRole")
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.Whispered(actors.Rosa, "a reason is required")
		pressIn(b, revoked, actors.Rosa, messages.ActionUndo)
		d := fillUndo(b, actors.Rosa, "yes, do it", "a drill")
		if !strings.Contains(string(d.AckPayload), `"words":"These are not the words.`) ||
			len(b.Slack.Views(actors.Rosa)) != 1 {
			t.Errorf("wrong words: %s", d.AckPayload)
		}
		b.Settle()
		if len(b.Cards()) != 1 {
			t.Fatal("a card was posted")
		}
		fillUndo(b, actors.Rosa, "Revive old sessions", "a drill")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		card := b.Cards()[1]
		if r := card.Request(); r.Reason != "a drill" || r.Requester != actors.Rosa || r.About != revoked.ID {
			t.Errorf("the request: %+v", r)
		}
		// A denial ends it; asking again is asking for the undo again, with the words.
		deny(b, card, actors.Bob, "not yet")
		card.Becomes(approvals.StateDenied)
		if b.Puts() != 1 || removals(b) != 0 {
			t.Errorf("%d writes, %d removals", b.Puts(), removals(b))
		}
		again := b.AskFor(actors.Bob, "undo prod/DeployRole `revive old sessions` a drill")
		replica := 0
		away(b, &replica, 15*time.Minute)
		again.Becomes(approvals.StateExpired)
		pressIn(b, again, actors.Rosa, messages.ActionAgain)
		fillUndo(b, actors.Rosa, messages.ReviveWords, "a drill")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 4 })
		last := b.Cards()[3]
		if r := last.Request(); r.Purpose.Mode() != approvals.ModeUndo || r.About != revoked.ID {
			t.Errorf("asked again for %q about %q", r.Purpose, r.About)
		}
		last.Press(actors.Rosa, messages.ActionCancel)
		last.Becomes(approvals.StateCancelled)
	})
}

// Rule 1. A form counts only where the button was, and for a request that has put a deny on a role.
func TestAFormOfAnotherPlaceAsksForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/DeployRole")
		denied := b.AskFor(actors.Rosa, "prod/NightlyBackup")
		deny(b, denied, actors.Bob, "")
		denied.Becomes(approvals.StateDenied)
		send := func(n, app, channel, request string) {
			body, err := json.Marshal(map[string]any{
				"team": "T0SANDBOX", "app": app, "user": actors.Rosa, "form": messages.FormUndo, "words": messages.ReviveWords,
				"request_id": "FORGED" + n,
				"origin":     messages.FormOrigin{Request: request, Channel: channel, Message: "1.1"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Store.Accept(t.Context(), approvals.Item{Kind: "submit", Source: "envelope forged " + n, Body: body},
				"forged "+n); err != nil {
				t.Fatal(err)
			}
		}
		place := revoked.Request().Place
		send("1", "A0OTHER", place.Channel, revoked.ID)
		send("2", place.App, "C0OTHER", revoked.ID)
		send("3", place.App, place.Channel, "NOSUCHREQUEST")
		send("4", place.App, place.Channel, denied.ID)
		b.Settle()
		if len(b.Cards()) != 2 {
			t.Errorf("%d cards:\n%s", len(b.Cards()), b.Transcript())
		}
		send("5", place.App, place.Channel, revoked.ID)
		b.Until("the true one is taken", func() bool { return len(b.Cards()) == 3 })
	})
}

func TestAFormThatCannotOpenSaysWhatToType(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/DeployRole")
		b.Slack.Inject(slack.Fault{Method: "views.open", Error: "expired_trigger_id", Times: 1})
		pressIn(b, revoked, actors.Rosa, messages.ActionUndo)
		b.Whispered(actors.Rosa, "`/revoke-sessions undo prod/DeployRole`, with the words `revive old sessions`")
	})
}

func TestAnUndoPutsTheEarlierDocumentBackByteForByte(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		before := "{ \"Version\" : \"2012-10-17\",\n" +
			"  \"Statement\" : [ {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"," +
			"\n \"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"1999-01-01T00:00:00Z\"}}} ] }"
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, before); err != nil {
			t.Fatal(err)
		}
		first := revoke(b, "prod/DeployRole")
		afterFirst := policyOn(b, actors.DeployRole)
		time.Sleep(time.Minute)
		second := revoke(b, "prod/DeployRole")

		// The button of the earlier one points at the later one, which is undone first.
		pressIn(b, first, actors.Rosa, messages.ActionUndo)
		fillUndo(b, actors.Rosa, messages.ReviveWords, "")
		b.Whispered(actors.Rosa, "a later revocation")
		for _, step := range []struct {
			about bench.Card
			back  string
		}{{second, afterFirst}, {first, before}} {
			card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
			if about := card.Request().About; about != step.about.ID {
				t.Fatalf("it is about %s, not %s", about, step.about.ID)
			}
			if !strings.Contains(card.Message().Text, "that was there before is put back") {
				t.Errorf("the card: %s", card.Message().Text)
			}
			card.Approve(actors.Bob)
			card.Becomes(approvals.StateApplied)
			if there := policyOn(b, actors.DeployRole); there != step.back {
				t.Errorf("on the role\n%s\nwant\n%s", there, step.back)
			}
			step.about.CaughtUp()
		}
		if !first.Says("The earlier policy is back") || removals(b) != 0 {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
	})
}

func TestWhatSomebodyChangedIsNotTouched(t *testing.T) {
	t.Parallel()
	const theirs = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/DeployRole")
		ours := policyOn(b, actors.DeployRole)
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, theirs); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateFailed)
		if there := policyOn(b, actors.DeployRole); there != theirs || removals(b) != 0 || b.Puts() != 1 {
			t.Errorf("on the role: %s", there)
		}
		if !card.Says("nothing was changed") || card.Says("not known whether") || revoked.Request().Undone != nil {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
		// When asked for, it is refused at once.
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.Whispered(actors.Rosa, "someone else changed it")
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.Whispered(actors.Rosa, "It is as it was before the revocation")
		// Put back as it was, it can be undone; gone by the time of the approval, that is what is said.
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, ours); err != nil {
			t.Fatal(err)
		}
		card = b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return revoked.Says("was gone already") })
		if !card.Says("*Undone already.*") || card.Says("AWS accepted") || removals(b) != 0 {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
	})
}

func TestARoleThatWasMadeAgainHasNothingToUndo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/DeployRole")
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		if _, err := b.World.Prod.RecreateRole(actors.DeployRole); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateVoid)
		if !card.Says("What was to be undone went with the old one") {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.Whispered(actors.Rosa, "there is nothing to undo on")
		pressIn(b, revoked, actors.Rosa, messages.ActionUndo)
		fillUndo(b, actors.Rosa, messages.ReviveWords, "")
		b.Whispered(actors.Rosa, "went with the old one")
		b.Settle()
		if len(b.Cards()) != 2 || removals(b) != 0 {
			t.Errorf("%d cards, %d removals", len(b.Cards()), removals(b))
		}
	})
}

// Rule 8.
func TestAnUndoAndARevocationOfTheSameRoleAreNotOpenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		revoke(b, "prod/DeployRole")
		done := make(chan struct{})
		go func() { defer close(done); b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions") }()
		b.Command(actors.Nils, "prod/DeployRole it goes on")
		<-done
		b.Settle()
		open := 0
		for _, card := range b.Cards() {
			if card.State() == approvals.StateOpen {
				open++
			}
		}
		told := strings.Join(append(b.Whispers(actors.Rosa), b.Whispers(actors.Nils)...), "\n")
		if open != 1 || len(b.Cards()) != 2 || !strings.Contains(told, "No second request was made") {
			t.Errorf("%d open requests, %d cards\n%s", open, len(b.Cards()), b.Transcript())
		}
	})
}

// Rule 15.
func TestAnUndoThatIsKilledBetweenTheWriteAndItsRecordResumes(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awsstandin.Fault{
		"the removal never came":           {Action: "DeleteRolePolicy", HangUp: true, Times: 3},
		"the removal came, the answer not": {Action: "DeleteRolePolicy", Hang: true, AfterDoing: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Replicas: 2})
				revoked := revoke(b, "prod/DeployRole")
				card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
				b.AWS.Inject(fault)
				card.Approve(actors.Bob)
				b.Until("it is begun", func() bool { return card.State() == approvals.StateExecuting })
				card.Becomes(approvals.StateApplied)
				b.Until("the revocation tells it", func() bool { return revoked.Says("*Undone*") })
				if policyOn(b, actors.DeployRole) != "" || !card.Says("*Undone.*") {
					t.Errorf("the thread:\n%s", b.Transcript())
				}
				count := map[approvals.EventType]int{}
				for _, e := range append(card.Events(), revoked.Events()...) {
					count[e.Type]++
				}
				if count[approvals.EventApplied] != 2 || count[approvals.EventUndone] != 1 {
					t.Errorf("events %v", count)
				}
			})
		})
	}
}

// Rule 15. The store is gone at the very moment at which the policy is off the role.
func TestAnUndoWhoseRecordIsLostIsFoundDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ErrorsAllowed: true})
		revoked := revoke(b, "prod/DeployRole")
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		calls := b.AWS.Subscribe(t.Context())
		go func() {
			for call := range calls {
				if call.Action == "DeleteRolePolicy" {
					b.RedisAway(true)
				}
			}
		}()
		card.Approve(actors.Bob)
		b.Until("the policy is off the role", func() bool { return policyOn(b, actors.DeployRole) == "" })
		b.Settle()
		b.RedisAway(false)
		b.Until("the test's own connections are new", func() bool { return b.DB.Ping(t.Context()).Err() == nil })
		card.Becomes(approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return revoked.Says("*Undone*") })
		if removals(b) != 1 || !card.Says("*Undone.*") {
			t.Errorf("%d removals:\n%s", removals(b), b.Transcript())
		}
	})
}

// A worker that was held up takes the deny away after the request has ended without that: people
// are told.
func TestAnUndoThatCameLateIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoke(b, "prod/DeployRole")
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		b.AWS.Inject(awsstandin.Fault{Action: "DeleteRolePolicy", Delay: 3 * time.Second})
		card.Approve(actors.Bob)
		b.Until("it is begun", func() bool { return card.State() == approvals.StateExecuting })
		if err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: card.ID, Expect: card.Request().Seq, Next: approvals.StateFailed,
			Events: []approvals.Event{
				{Type: approvals.EventFailed, Detail: []byte(`{"sentence":"It was given up.","unsure":true}`)},
			},
		}); err != nil {
			t.Fatal(err)
		}
		b.Until("it is posted", func() bool { return card.Says("although this request had ended") })
		if !card.Says("<@U0ROSA> and <@U0BOB> *Finding:*") || policyOn(b, actors.DeployRole) != "" {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
	})
}

// What was written again under the same approval is what an undo takes away, and the moment moves
// with its cutoff.
func TestAnUndoIsOfWhatWasWrittenLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/NightlyBackup")
		first := policyOn(b, "NightlyBackup")
		cutoff := b.AWS.Now().Add(20 * time.Minute).UTC().Truncate(time.Second)
		again := denyText(cutoff)
		if err := b.World.Prod.PutRolePolicy("NightlyBackup", denyPolicy, again); err != nil {
			t.Fatal(err)
		}
		rewritten(t, b, revoked, cutoff)
		replica := 0
		away(b, &replica, 12*time.Hour+5*time.Minute)
		b.Settle()
		if revoked.Says("*Expired.*") {
			t.Errorf("the clean-up is offered by the earlier cutoff:\n%s", b.Transcript())
		}
		pressIn(b, revoked, actors.Rosa, messages.ActionUndo)
		fillUndo(b, actors.Rosa, messages.ReviveWords, "") // it still has to be typed
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		card := b.Cards()[1]
		// Written again once more before the approval, it is not what was approved any more.
		if err := b.World.Prod.PutRolePolicy("NightlyBackup", denyPolicy, denyText(cutoff.Add(time.Minute))); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateFailed)
		// Each document that the request has promised is its own: AWS may have taken the first one late.
		if err := b.World.Prod.PutRolePolicy("NightlyBackup", denyPolicy, first); err != nil {
			t.Fatal(err)
		}
		card = b.AskFor(actors.Rosa, "undo prod/NightlyBackup revive old sessions")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if there := policyOn(b, "NightlyBackup"); there != "" {
			t.Errorf("on the role: %s", there)
		}
	})
}

// The record of the undo and that of the revocation are two steps: what comes twice is there once,
// and what was lost in between is made good.
func TestTheRevocationIsToldOfItsUndoOnceWhateverHappensInBetween(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		revoked := revoke(b, "prod/DeployRole")
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		card.Approve(actors.Bob)
		b.Until("the revocation is told", func() bool { return revoked.Request().Undone != nil })
		body, err := json.Marshal(map[string]string{"request": card.ID})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			if err := b.Queue(approvals.Item{Kind: "undone", Request: revoked.ID, Source: "undone by " + card.ID, Body: body},
				"again", string(rune('a'+n))); err != nil {
				t.Fatal(err)
			}
		}
		b.Settle()
		if n := count(revoked, approvals.EventUndone); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestAnUndoThatAWSDoesNotAllowFailsWithTheNextStep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []awsstandin.Fault
		end    approvals.State
		told   string
		unsure bool
	}{
		"DeleteRolePolicy is not allowed": {
			[]awsstandin.Fault{{Code: "AccessDenied", Times: -1}},
			approvals.StateFailed, "does not allow revokebot iam:DeleteRolePolicy in account prod. " +
				"Give its role that permission", false,
		},
		"nor at the second try": {
			[]awsstandin.Fault{{Code: "Throttling", Times: 3}, {Code: "AccessDenied", Times: -1}},
			approvals.StateFailed,
			"does not allow revokebot", false,
		},
		"throttling that passes": {
			[]awsstandin.Fault{{Code: "Throttling", Times: 5}}, approvals.StateApplied, "*Undone.*", false,
		},
		"a timeout that stays": {
			[]awsstandin.Fault{{Hang: true, Times: -1}}, approvals.StateFailed, "It was tried 10 times", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				revoke(b, "prod/DeployRole")
				card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
				for _, fault := range c.faults {
					fault.Action = "DeleteRolePolicy"
					b.AWS.Inject(fault)
				}
				card.Approve(actors.Bob)
				for card.State() != c.end && !card.State().Ended() {
					time.Sleep(time.Second)
				}
				card.Becomes(c.end)
				if !card.Says(c.told) || card.Says("not known whether AWS accepted the change") != c.unsure {
					t.Errorf("the thread does not say %q:\n%s", c.told, b.Transcript())
				}
				if c.end == approvals.StateFailed && policyOn(b, actors.DeployRole) == "" {
					t.Error("the deny is gone")
				}
			})
		})
	}
}

// Rule 4 holds for an undo as well.
func TestTheApproverOfAnUndoIsLookedUpAgainWhenMoreThanAMinuteLiesBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2})
		revoked := b.Ask()
		revoked.Approve(actors.Bob)
		b.Until("one approval is counted", func() bool { return len(revoked.Request().Votes) == 1 })
		revoked.Approve(actors.Ines)
		revoked.Becomes(approvals.StateApplied)
		card := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions")
		card.Approve(actors.Bob)
		b.Until("one approval is counted", func() bool { return len(card.Request().Votes) == 1 })
		time.Sleep(90 * time.Second)
		b.Slack.PutGroup(slack.Group{ID: actors.Group, Handle: "security", Name: "Security", Members: []string{actors.Ines}})
		card.Approve(actors.Ines)
		card.Becomes(approvals.StateFailed)
		if removals(b) != 0 || !card.Says("may not approve any more") {
			t.Errorf("%d removals:\n%s", removals(b), b.Transcript())
		}
	})
}

// CloudTrail shows a session that lasts longer than any should: neither the clean-up nor
// an undo takes it for dead.
func TestNoSessionThatCloudTrailShowedAliveIsTakenForExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		arn := "arn:aws:iam::" + actors.ProdID + ":role/NightlyBackup"
		ends := b.AWS.Now().Add(20 * time.Hour)
		if err := b.World.Prod.RecordEvent("us-east-1", map[string]any{
			"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "sourceIPAddress": "203.0.113.10",
			"eventTime":         b.AWS.Now().Add(-10 * time.Minute).Format(time.RFC3339),
			"userIdentity":      map[string]any{"type": "AWSService", "invokedBy": "backup.amazonaws.com"},
			"requestParameters": map[string]any{"roleArn": arn, "roleSessionName": "long"},
			"responseElements": map[string]any{"credentials": map[string]any{
				"accessKeyId": "ASIAEXAMPLELONG00001", "expiration": ends.Format("Jan 2, 2006, 3:04:05 PM"),
			}},
			"resources": []any{map[string]any{"type": "AWS::IAM::Role", "ARN": arn}},
		}); err != nil {
			t.Fatal(err)
		}
		revoked := revoke(b, "prod/NightlyBackup")
		b.Until("the session is told", func() bool { return strings.Contains(b.Transcript(), "long") })
		replica := 0
		away(b, &replica, 19*time.Hour)
		b.Settle()
		revoked.CaughtUp()
		b.Command(actors.Rosa, "undo prod/NightlyBackup")
		b.Whispered(actors.Rosa, "revive old sessions")
		if revoked.Says("*Expired.*") || len(b.Cards()) != 1 {
			t.Errorf("a session that lives for another hour is taken for expired:\n%s", b.Transcript())
		}
		away(b, &replica, 2*time.Hour)
		b.Until("the clean-up is offered", func() bool { return revoked.Says("*Expired.*") })
	})
}

func TestTheCleanUpIsOfferedOnceAndNotAfterAnUndoOrALaterRevocation(t *testing.T) {
	t.Parallel()
	offers := func(card bench.Card) int { return count(card, approvals.EventPolicyExpired) }
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		replica := 0
		first := revoke(b, "prod/NightlyBackup")
		away(b, &replica, 30*time.Minute)
		second := revoke(b, "prod/NightlyBackup")
		away(b, &replica, 11*time.Hour+59*time.Minute)
		b.Settle()
		if offers(first)+offers(second) != 0 {
			t.Fatalf("a clean-up is offered, and the later deny has not expired:\n%s", b.Transcript())
		}
		away(b, &replica, 10*time.Minute)
		b.Settle()
		if offers(first) != 0 || offers(second) != 1 {
			t.Fatalf("%d and %d offers:\n%s", offers(first), offers(second), b.Transcript())
		}
		// The clean-up brings the earlier deny back, which has expired as well: its turn.
		pressIn(b, second, actors.Rosa, messages.ActionCleanUp)
		b.Until("a card appears", func() bool { return len(b.Cards()) == 3 })
		b.Cards()[2].Approve(actors.Bob)
		b.Until("the earlier one is offered", func() bool { return offers(first) == 1 })
		pressIn(b, first, actors.Rosa, messages.ActionCleanUp)
		b.Until("a card appears", func() bool { return len(b.Cards()) == 4 })
		b.Cards()[3].Approve(actors.Bob)
		b.Cards()[3].Becomes(approvals.StateApplied)
		away(b, &replica, 3*time.Hour)
		b.Settle()
		if offers(first) != 1 || offers(second) != 1 || policyOn(b, "NightlyBackup") != "" {
			t.Errorf("%d and %d offers:\n%s", offers(first), offers(second), b.Transcript())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		undone := revoke(b, "prod/NightlyBackup")
		card := b.AskFor(actors.Rosa, "undo prod/NightlyBackup revive old sessions")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		// While another request for the role is under way, an offer waits for what comes of it.
		waiting := revoke(b, "staging/DeployRole")
		replica := 0
		away(b, &replica, 11*time.Hour+50*time.Minute)
		card = b.AskFor(actors.Rosa, "staging/DeployRole again")
		away(b, &replica, 14*time.Minute)
		b.Settle()
		if offers(waiting) != 0 {
			t.Errorf("a clean-up is offered while a revocation waits for its approval:\n%s", b.Transcript())
		}
		away(b, &replica, 10*time.Minute)
		card.Becomes(approvals.StateExpired)
		away(b, &replica, 6*time.Minute) // it may have looked a moment before that
		b.Until("the clean-up is offered", func() bool { return offers(waiting) == 1 })
		if offers(undone) != 0 {
			t.Errorf("what was undone is offered for clean-up:\n%s", b.Transcript())
		}
	})
}

func TestAnUndoIsRefusedForThoseWhoMayNotAskAndWhereNobodyCouldApprove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, c := range []struct{ user, text, told string }{
			{actors.Rosa, "undo", "Name the role, as in `/revoke-sessions undo "},
			{actors.Rosa, "undo prod/Nobody", "No role `Nobody` in prod"},
			{actors.Rosa, "undo prod/DeployRole", "no applied measure on record"},
			{actors.Rosa, "undo prod/DeployRole " + strings.Repeat("x", 1000), "1000 characters"},
			{actors.Rosa, "undo <!channel>", "role"},
			{actors.Gina, "undo prod/DeployRole", "revokebot is for full members"},
		} {
			before := len(b.Whispers(c.user))
			b.Command(c.user, c.text)
			b.Until(c.text+" is answered", func() bool { return len(b.Whispers(c.user)) > before })
			if answer := b.Whispers(c.user)[before]; !strings.Contains(answer, c.told) ||
				strings.Contains(answer, "<!channel>") {
				t.Errorf("%s: %s", c.text, answer)
			}
		}
		b.CommandIn(actors.Rosa, actors.General, "undo prod/DeployRole")
		b.Whispered(actors.Rosa, "works in <#"+actors.Incident+"> only")
		if len(b.Cards()) != 0 {
			t.Error("a card was posted")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Approvers: []string{actors.Bob}})
		b.Command(actors.Bob, "undo prod/DeployRole")
		b.Whispered(actors.Bob, "1 person is needed to approve")
	})
}
