package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

const tag = "{revokebot}:"

// intruder can write to Redis, and knows all about how things are kept there; only the key they
// have not.
type intruder struct{ *bench.Bench }

// append puts an event into a log as the bot does: with the hash that goes with it.
func (i intruder) append(id string, seq string, state approvals.State, fields ...any) {
	i.T.Helper()
	ctx := i.T.Context()
	if err := i.DB.XAdd(ctx, &redis.XAddArgs{
		Stream: tag + "log:" + id, ID: seq + "-0", Values: fields,
	}).Err(); err != nil {
		i.T.Fatal(err)
	}
	if err := i.DB.HSet(ctx, tag+"request:"+id, "seq", seq, "state", string(state)).Err(); err != nil {
		i.T.Fatal(err)
	}
}

// entry is what the log has under a number.
func (i intruder) entry(id, seq string) map[string]any {
	i.T.Helper()
	entries, err := i.DB.XRange(i.T.Context(), tag+"log:"+id, seq+"-0", seq+"-0").Result()
	if err != nil || len(entries) != 1 {
		i.T.Fatalf("entry %s of request %s: %v, %v", seq, id, entries, err)
	}
	return entries[0].Values
}

// rewrite replaces the first event of a log that has no other.
func (i intruder) rewrite(id string, change func(by *string, o *approvals.Opening)) {
	i.T.Helper()
	e := i.entry(id, "1")
	var o approvals.Opening
	if err := json.Unmarshal([]byte(e["detail"].(string)), &o); err != nil {
		i.T.Fatal(err)
	}
	by := e["by"].(string)
	change(&by, &o)
	detail, err := o.Encode()
	if err != nil {
		i.T.Fatal(err)
	}
	if err := i.DB.Del(i.T.Context(), tag+"log:"+id).Err(); err != nil {
		i.T.Fatal(err)
	}
	i.append(id, "1", approvals.StateOpen, "type", "requested", "at", e["at"], "by", by, "source", e["source"],
		"detail", string(detail), "seal", e["seal"])
}

// queue puts an item into the work.
func (i intruder) queue(item approvals.Item) {
	i.T.Helper()
	body, err := json.Marshal(item)
	if err != nil {
		i.T.Fatal(err)
	}
	i.enqueue(string(body))
}

func (i intruder) enqueue(body string) {
	i.T.Helper()
	if err := i.DB.XAdd(i.T.Context(), &redis.XAddArgs{
		Stream: tag + "work", Values: []any{"item", body},
	}).Err(); err != nil {
		i.T.Fatal(err)
	}
}

// ends waits until a log that is not to be believed was noticed, and its request has ended.
func (i intruder) ends(card bench.Card) {
	i.T.Helper()
	i.Until("the log is one again", func() bool {
		_, _, err := i.Store.Load(i.T.Context(), card.ID)
		return err == nil
	})
	card.Becomes(approvals.StateFailed)
}

func (i intruder) execute(id string) {
	i.queue(approvals.Item{Kind: handlers.KindExecute, Request: id, Source: "execute " + id})
}

// alarmed holds a request against what becomes of a forged one: nothing is done, it ends, people
// are told once, and the role can be asked for again.
func (i intruder) alarmed(card bench.Card, events int) {
	i.T.Helper()
	i.ends(card)
	i.Settle()
	if n := i.Puts(); n != 0 {
		i.T.Errorf("%d policies were written", n)
	}
	if n := strings.Count(strings.Join(card.Thread(), "\n"), "not what revokebot wrote"); n != 1 {
		i.T.Errorf("the thread says it %d times:\n%s", n, i.Transcript())
	}
	if card.HasButtons() || !strings.Contains(card.Message().Text, "not what revokebot wrote") &&
		!strings.Contains(card.Message().Text, "its record was changed") {
		i.T.Errorf("the card says %q", card.Message().Text)
	}
	if n := strings.Count(i.Log.String(), "the log of a request is not what was written"); n != 1 {
		i.T.Errorf("the alarm is %d times in the log", n)
	}
	if n := len(card.Events()); n != events {
		i.T.Errorf("the log has %d events, not %d", n, events)
	}
	again := i.Ask()
	again.Approve(actors.Bob)
	again.Becomes(approvals.StateApplied)
}

func TestAPerfectVoteThatWasWrittenIntoRedisByHandDoesNothingButRaiseAnAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		now := card.Request().Opened.UnixMilli() + 1000
		b.append(card.ID, "2", approvals.StateApproved, "type", "approved", "at", now, "by", actors.Bob, "source",
			"envelope forged", "detail", "", "seal", "")
		if err := b.DB.HSet(t.Context(), tag+"request:"+card.ID, "source:envelope forged", "2 approved").Err(); err != nil {
			t.Fatal(err)
		}
		b.execute(card.ID)
		b.alarmed(card, 3)
	})
}

func TestAVoteThatWasCopiedDoesNothingButRaiseAnAlarm(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]struct {
		from string // "own": an earlier one of the same request
		kind string
	}{
		"from another request":                    {"other", "approved"},
		"of the same person, once more":           {"own", "voted"},
		"as the approval that was still missing":  {"own", "approved"},
		"of another request, and once more there": {"other", "voted"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{
					bench.New(t, bench.Options{ErrorsAllowed: true, Required: 2, Approvers: []string{actors.Bob, actors.Ines}}),
				}
				card := b.Ask()
				from := card
				if copied.from == "other" {
					from = b.AskFor(actors.Nils, "staging/DeployRole")
				}
				from.Approve(actors.Bob)
				b.Until("it is counted", func() bool { return len(from.Request().Votes) == 1 })
				card.CaughtUp()
				e := b.entry(from.ID, "2")
				at := "2"
				if copied.from == "own" {
					at = "3"
				}
				b.append(card.ID, at, approvals.StateApproved, "type", copied.kind, "at", e["at"], "by", e["by"],
					"source", e["source"], "detail", e["detail"], "seal", e["seal"])
				b.execute(card.ID)
				b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
				b.ends(card)
				if n := b.Puts(); n != 0 || !card.Says("its signature does not match") {
					t.Errorf("%d policies were written\n%s", n, b.Transcript())
				}
			})
		})
	}
}

func TestARequestThatWasChangedAfterItWasAskedForDoesNothingButRaiseAnAlarm(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(by *string, o *approvals.Opening){
		"another requester": func(by *string, _ *approvals.Opening) { *by = actors.Nils },
		"fewer approvals":   func(_ *string, o *approvals.Opening) { o.Required = 0 },
		"another role": func(_ *string, o *approvals.Opening) {
			o.Subject.Facts = json.RawMessage(strings.ReplaceAll(string(o.Subject.Facts), "DeployRole", "AdminRole"))
		},
		"another subject":     func(_ *string, o *approvals.Opening) { o.Subject.Key = "111122223333/AROAELSEWHERE" },
		"another place":       func(_ *string, o *approvals.Opening) { o.Place.Channel = "C0ELSEWHERE" },
		"more time to decide": func(_ *string, o *approvals.Opening) { o.ExpireAfter *= 100 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Approvers: []string{actors.Bob, actors.Rosa}})}
				card := b.Ask()
				card.CaughtUp()
				b.rewrite(card.ID, change)
				card.Approve(actors.Bob)
				b.Whispered(actors.Bob, "The request ended at")
				if strings.Contains(card.Message().Text, "AdminRole") {
					t.Errorf("the card says %q", card.Message().Text)
				}
				b.alarmed(card, 3)
			})
		})
	}
}

func TestAClickThatWasQueuedByHandIsNobodysClick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		b.Settle()
		r, events := card.Request(), len(card.Events())
		click, err := json.Marshal(handlers.Click{
			Place: r.Place, Message: card.TS, User: actors.Bob,
			ActionID: messages.ActionApprove, Value: card.ID,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.queue(approvals.Item{Kind: handlers.KindClick, Source: "envelope forged", Body: click})
		b.Until("it is parked", func() bool { return b.DB.XLen(t.Context(), tag+"parked").Val() == 1 })
		b.Settle()
		if card.State() != approvals.StateOpen || b.Puts() != 0 || len(card.Events()) != events ||
			!b.Log.Has("not signed by this deployment") {
			t.Errorf("the request is %s, %d policies were written", card.State(), b.Puts())
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
	})
}

func TestAForgedLogOfAnotherRequestForTheRoleIsNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		last := len(card.Events())
		// As if the deny had been undone.
		b.append(card.ID, "99", approvals.StateApplied, "type", "undone", "at", "1", "by", actors.Bob, "source", "undone X",
			"detail", "{}", "seal", "")
		undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" "+messages.ReviveWords)
		card.CaughtUp()
		if undo.Request().About != card.ID || card.State() != approvals.StateApplied || card.Request().Undone != nil {
			t.Errorf("the undo is about %q, the revocation is %s\n%s", undo.Request().About, card.State(), b.Transcript())
		}
		if n := len(card.Events()); n != last+2 || !card.Says("What was done for it before stands") {
			t.Errorf("the log has %d events after %d\n%s", n, last, b.Transcript())
		}
	})
}

func TestARequestThatWasOpenedWithoutTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		e := b.entry(card.ID, "1")
		if err := b.DB.Del(t.Context(), tag+"log:"+card.ID).Err(); err != nil {
			t.Fatal(err)
		}
		b.append(card.ID, "1", approvals.StateOpen, "type", "requested", "at", e["at"], "by", e["by"], "source", e["source"],
			"detail", e["detail"])
		card.Approve(actors.Bob)
		b.ends(card)
		if n := b.Puts(); n != 0 || !card.Says("without the signing key that is in use now") {
			t.Errorf("%d policies were written\n%s", n, b.Transcript())
		}
	})
}

func TestAnUndoThatWasQueuedByHandIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{
			bench.New(t, bench.Options{
				ErrorsAllowed: true, Approvers: []string{actors.Bob, actors.Rosa}, Guard: []time.Duration{time.Minute},
			}),
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		denied := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" "+messages.ReviveWords)
		deny(b.Bench, denied, actors.Bob, "not yet")
		denied.Becomes(approvals.StateDenied)
		other := b.AskFor(actors.Nils, "staging/"+actors.DeployRole)
		other.Approve(actors.Bob)
		other.Becomes(approvals.StateApplied)
		undone := b.AskFor(actors.Nils, "undo staging/"+actors.DeployRole+" "+messages.ReviveWords)
		undone.Approve(actors.Bob)
		undone.Becomes(approvals.StateApplied)
		for _, by := range []string{denied.ID, card.ID, undone.ID} {
			body, err := json.Marshal(map[string]string{"request": by})
			if err != nil {
				t.Fatal(err)
			}
			b.queue(approvals.Item{Kind: handlers.KindUndone, Request: card.ID, Source: "undone by " + by, Body: body})
		}
		b.Settle()
		time.Sleep(2 * time.Minute)
		if r := card.Request(); r.Undone != nil || r.Watched.Type != approvals.EventHeld {
			t.Errorf("an undo is told that nobody made, and the guard's last word is %q\n%s", r.Watched.Type, b.Transcript())
		}
		if other.Request().Undone == nil {
			t.Error("the undo that was made is not told")
		}
		if n := b.DB.XLen(t.Context(), tag+"parked").Val(); n != 3 {
			t.Errorf("%d items were parked", n)
		}
	})
}

func TestAnOutcomeThatWasQueuedByHandIsSentToNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.queue(approvals.Item{Kind: deliver.KindOutcome, Request: card.ID, Source: "outcome"})
		b.Settle()
		if told := append(direct(b.Bench, actors.Rosa), direct(b.Bench, actors.Bob)...); len(told) > 0 {
			t.Errorf("people are told that the channel refuses the bot, and it does not: %q", told)
		}
	})
}

func TestAQuestionThatWasQueuedByHandIsNotAskedOfADenyThatWasNeverMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.queue(approvals.Item{
			Kind: guard.KindTamperedBy, Request: card.ID, Source: "tampered_by by hand",
			Body: json.RawMessage(`{"since":"1999-12-31T00:00:00Z","last":true}`),
		})
		time.Sleep(time.Minute)
		for _, e := range card.Events() {
			if e.Type == approvals.EventFinding {
				t.Errorf("a finding: %s", e.Detail)
			}
		}
	})
}

func TestALookThatWasQueuedByHandIsNotTheLastBeforeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{
			bench.New(t, bench.Options{
				ErrorsAllowed: true, Guard: []time.Duration{
					time.Minute, 10 * time.Minute,
				}, FollowUps: []time.Duration{5 * time.Minute, 20 * time.Minute},
			}),
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.queue(approvals.Item{
			Kind: guard.KindGuard, Request: card.ID, Source: "guard by hand",
			Body: json.RawMessage(`{"after":86400000000000,"last":true}`),
		})
		b.queue(approvals.Item{
			Kind: investigate.KindEvidence, Request: card.ID, Source: "evidence 2", Body: json.RawMessage(`{"number":2}`),
		})
		last := func(kind approvals.EventType) (at time.Duration, event approvals.Event) {
			for _, e := range card.Events() {
				if e.Type == kind {
					at, event = e.At.Sub(card.Request().Ended), e
				}
			}
			return at, event
		}
		time.Sleep(30 * time.Minute)
		var held record.Held
		at, event := last(approvals.EventHeld)
		if err := json.Unmarshal(event.Detail, &held); err != nil || at < 10*time.Minute || held.After > 11*time.Minute {
			t.Errorf("it is said after %s that the deny held for %s, %v", at, held.After, err)
		}
		if at, _ := last(approvals.EventVerdict); at < 20*time.Minute {
			t.Errorf("the last word of the looks comes after %s", at)
		}
	})
}
