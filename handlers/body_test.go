package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func TestWorkWithABodyThatCannotBeReadIsParkedAndBringsForthNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, FollowUps: []time.Duration{time.Hour}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute)
		b.Settle()
		events := len(card.Events())
		bad := []approvals.Item{
			{Kind: investigate.KindEvidence, Source: "evidence x"},
			{Kind: investigate.KindEvidence, Source: "evidence 0 wide", Body: json.RawMessage(`"0 wide"`)},
			{Kind: investigate.KindEvidence, Source: "evidence 1", Body: json.RawMessage(`{"number":-1}`)},
			{Kind: investigate.KindEvidence, Source: "evidence 1 wide", Body: json.RawMessage(`{"number":1,"wide":true}`)},
			{Kind: investigate.KindActivity, Source: "activity for envelope 1"},
			{
				Kind: investigate.KindActivity, Source: "activity for envelope 2",
				Body: json.RawMessage(`{"mark":"none","by":"U0EVE"}`),
			},
			{Kind: deliver.KindRemind, Source: "remind last"},
			{Kind: guard.KindGuard, Source: "guard 1"},
			{Kind: guard.KindTamperedBy, Source: "tampered_by 1", Body: json.RawMessage(`[]`)},
			{Kind: handlers.KindUndone, Source: "undone by nobody"},
		}
		for _, item := range bad {
			item.Request = card.ID
			if err := b.Queue(item); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Minute)
		b.Settle()
		if n := b.DB.XLen(t.Context(), tag+"parked").Val(); n != int64(len(bad)) {
			t.Errorf("%d of %d items were parked", n, len(bad))
		}
		for _, e := range card.Events()[events:] {
			if e.Type != approvals.EventParked {
				t.Errorf("an event %s: %s", e.Type, e.Detail)
			}
		}
		if !strings.Contains(b.Log.String(), `the body of an item of kind \"evidence\"`) {
			t.Error("the log does not say what is wrong")
		}
	})
}

func TestALookThatWasQueuedUnderAnotherNameIsNotMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{FollowUps: []time.Duration{time.Hour}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute)
		b.Settle()
		events := len(card.Events())
		if err := b.Queue(approvals.Item{
			Kind: investigate.KindEvidence, Request: card.ID, Source: "evidence x", Body: json.RawMessage(`{"number":0}`),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.Settle()
		if now := card.Events(); len(now) != events {
			t.Errorf("%d events more: %v", len(now)-events, now[events:])
		}
	})
}
