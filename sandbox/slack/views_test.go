package slack_test

import (
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

const form = `{"type":"modal","callback_id":"ask","title":{"type":"plain_text","text":"Revoke"},
	"submit":{"type":"plain_text","text":"Ask"},
	"private_metadata":"m","notify_on_close":true,"blocks":[
	{"type":"input","block_id":"reason","label":{"type":"plain_text","text":"Reason"},
	"element":{"type":"plain_text_input","action_id":"text","max_length":10}},
	{"type":"input","block_id":"role","optional":true,"label":{"type":"plain_text","text":"Role"},
	"element":{"type":"external_select","action_id":"pick"}}]}`

// openForm sends a command as Alice and opens the form with its trigger.
func (r *rig) openForm(s *socket) (string, <-chan map[string]any) {
	r.t.Helper()
	seen := s.acking(nil)
	trigger := r.trigger(seen)
	body := r.must("views.open", "trigger_id", trigger, "view", form)
	return dig(body, "view", "id").(string), seen
}

func (r *rig) trigger(seen <-chan map[string]any) string {
	r.t.Helper()
	if _, err := r.Command(soon(r.t), "U0ALICE", incident, "/revoke-sessions", ""); err != nil {
		r.t.Fatal(err)
	}
	return dig(<-seen, "payload", "trigger_id").(string)
}

func TestATriggerOpensOneViewWithinThreeSeconds(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(nil)
		trigger := r.trigger(seen)
		time.Sleep(3 * time.Second)
		r.must("views.open", "trigger_id", trigger, "view", form)
		r.refused("exchanged_trigger_id", "views.open", "trigger_id", trigger, "view", form)
		trigger = r.trigger(seen)
		time.Sleep(3*time.Second + time.Millisecond)
		r.refused("expired_trigger_id", "views.open", "trigger_id", trigger, "view", form)
		r.refused("invalid_trigger_id", "views.open", "trigger_id", "1.2.abc", "view", form)
	})
}

func TestTheRealClientOpensAndUpdatesAModal(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		trigger := r.trigger(s.acking(nil))
		text := func(s string) *slackgo.TextBlockObject {
			return slackgo.NewTextBlockObject("plain_text", s, false, false)
		}
		view := slackgo.ModalViewRequest{
			Type: slackgo.VTModal, Title: text("Revoke"), Submit: text("Ask"), CallbackID: "ask",
			Blocks: slackgo.Blocks{BlockSet: []slackgo.Block{
				slackgo.NewInputBlock("reason", text("Reason"), nil, slackgo.NewPlainTextInputBlockElement(text("why"), "text")),
			}},
		}
		opened, err := r.api.OpenViewContext(t.Context(), trigger, view)
		if err != nil || opened.ID == "" || opened.Hash == "" || opened.CallbackID != "ask" ||
			opened.RootViewID != opened.ID {
			t.Fatalf("got %+v, %v", opened, err)
		}
		if got := r.Views("U0ALICE"); len(got) != 1 || got[0].ID != opened.ID || got[0].CallbackID != "ask" ||
			got[0].TriggerID != trigger {
			t.Errorf("got %+v", got)
		}
		view.Title = text("Revoking")
		updated, err := r.api.UpdateViewContext(t.Context(), view, "", opened.Hash, opened.ID)
		if err != nil || updated.Hash == opened.Hash || updated.Title.Text != "Revoking" {
			t.Errorf("got %+v, %v", updated, err)
		}
		if _, err := r.api.UpdateViewContext(t.Context(), view, "", opened.Hash, opened.ID); err == nil ||
			err.Error() != "hash_conflict" {
			t.Errorf("an old hash: %v", err)
		}
		if _, err := r.api.UpdateViewContext(t.Context(), view, "", "", "V0"); err == nil || err.Error() != "not_found" {
			t.Errorf("an unknown view: %v", err)
		}
		home := slackgo.HomeTabViewRequest{
			Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: []slackgo.Block{slackgo.NewDividerBlock()}},
		}
		if _, err := r.api.PublishViewContext(t.Context(), slackgo.PublishViewContextRequest{
			UserID: "U0BOB", View: home,
		}); err != nil {
			t.Fatal(err)
		}
		if v, ok := r.Home("U0BOB"); !ok || !strings.Contains(string(v.JSON), "divider") || len(r.Views("U0BOB")) != 0 {
			t.Errorf("got %+v, %v", v, ok)
		}
	})
}

func TestASubmissionCarriesWhatWasFilledInAndClosesTheModal(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		id, seen := r.openForm(s)
		changes := r.Subscribe(t.Context())
		d, err := r.Submit(soon(t), "U0ALICE", id, map[string]map[string]any{
			"reason": {"text": "gist"}, "role": {"pick": "DeployRole"},
		})
		if err != nil || !d.Acked || d.Error != "" {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		for want, path := range map[any][]any{
			"view_submission": {"type"}, "ask": {"view", "callback_id"}, "m": {"view", "private_metadata"}, id: {"view", "id"},
			"gist":       {"view", "state", "values", "reason", "text", "value"},
			"DeployRole": {"view", "state", "values", "role", "pick", "selected_option", "value"},
			"U0ALICE":    {"user", "id"}, "A0SANDBOX": {"api_app_id"},
		} {
			if got := dig(p, path...); got != want {
				t.Errorf("%v: got %v, want %v", path, got, want)
			}
		}
		if len(r.Views("U0ALICE")) != 0 {
			t.Error("the modal is still open")
		}
		if c := <-changes; c.Kind != "view_closed" || c.View == nil || c.View.ID != id {
			t.Errorf("got %+v", c)
		}
	})
}

func TestAFormThatSlacksClientWouldNotSendIsAnError(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		id, _ := r.openForm(s)
		for _, values := range []map[string]map[string]any{
			nil,
			{"reason": {"text": ""}},
			{"reason": {"text": strings.Repeat("é", 11)}},
			{"reason": {"other": "x"}},
			{"none": {"text": "x"}},
		} {
			if d, err := r.Submit(soon(t), "U0ALICE", id, values); err == nil {
				t.Errorf("%v: got %+v", values, d)
			}
		}
		if d, err := r.Submit(soon(t), "U0BOB", id, map[string]map[string]any{"reason": {"text": "x"}}); err == nil {
			t.Errorf("somebody else's form: got %+v", d)
		}
		if d, err := r.Submit(soon(t), "U0ALICE", id, map[string]map[string]any{
			"reason": {"text": strings.Repeat("é", 10)},
		}); err != nil || !d.Acked {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestASubmissionIsAnsweredWithErrorsAnotherViewOrAClear(t *testing.T) {
	values := map[string]map[string]any{"reason": {"text": "gist"}}
	second := map[string]any{
		"type": "modal", "callback_id": "second", "title": map[string]any{"type": "plain_text", "text": "Two"},
		"blocks": []any{},
	}
	for name, c := range map[string]struct {
		payload any
		err     string
		views   []string
		errors  map[string]string
	}{
		"errors": {
			map[string]any{"response_action": "errors", "errors": map[string]any{"reason": "Say more"}},
			"",
			[]string{"ask"},
			map[string]string{"reason": "Say more"},
		},
		"errors nowhere": {
			map[string]any{"response_action": "errors", "errors": map[string]any{"none": "x"}},
			"invalid_view_response",
			[]string{"ask"},
			nil,
		},
		"update": {map[string]any{"response_action": "update", "view": second}, "", []string{"second"}, nil},
		"push":   {map[string]any{"response_action": "push", "view": second}, "", []string{"ask", "second"}, nil},
		"push a home": {
			map[string]any{"response_action": "push", "view": map[string]any{"type": "home", "blocks": []any{}}},
			"invalid_view_response",
			[]string{"ask"},
			nil,
		},
		"clear":   {map[string]any{"response_action": "clear"}, "", nil, nil},
		"unknown": {map[string]any{"response_action": "shrug"}, "invalid_view_response", []string{"ask"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
				s, _ := r.dial()
				seen := s.answering(func(frame map[string]any) any {
					if dig(frame, "payload", "type") == "view_submission" {
						return c.payload
					}
					return nil
				})
				id := dig(r.must("views.open", "trigger_id", r.trigger(seen), "view", form), "view", "id").(string)
				d, err := r.Submit(soon(t), "U0ALICE", id, values)
				if err != nil || d.Error != c.err || (c.err != "") != (len(d.Problems) > 0) {
					t.Fatalf("got %+v, %v", d, err)
				}
				got := r.Views("U0ALICE")
				if len(got) != len(c.views) {
					t.Fatalf("got %+v", got)
				}
				for i, v := range got {
					if v.CallbackID != c.views[i] {
						t.Errorf("view %d is %s, want %s", i, v.CallbackID, c.views[i])
					}
				}
				if len(got) > 0 && got[0].Errors["reason"] != c.errors["reason"] {
					t.Errorf("errors: %v", got[0].Errors)
				}
			})
		})
	}
}

func TestClosingAModalIsToldWhenItAskedForThat(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		id, seen := r.openForm(s)
		d, err := r.CloseView(soon(t), "U0ALICE", id)
		if err != nil || !d.Acked || len(r.Views("U0ALICE")) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
		if p := (<-seen)["payload"]; dig(p, "type") != "view_closed" || dig(p, "view", "id") != id ||
			dig(p, "is_cleared") != false {
			t.Errorf("got %v", p)
		}
		if _, err := r.CloseView(soon(t), "U0ALICE", id); err == nil {
			t.Error("a closed view was closed again")
		}
	})
}

func TestTypingInAMenuAsksTheAppForOptions(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		id, seen := r.openForm(s)
		d, err := r.Suggest(soon(t), "U0ALICE", slack.Suggestion{ViewID: id, BlockID: "role", ActionID: "pick", Value: "Dep"})
		if err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		if dig(p, "type") != "block_suggestion" || dig(p, "action_id") != "pick" || dig(p, "block_id") != "role" ||
			dig(p, "value") != "Dep" || dig(p, "container", "view_id") != id || dig(p, "view", "callback_id") != "ask" {
			t.Errorf("got %v", p)
		}
		if _, err := r.Suggest(soon(t), "U0ALICE", slack.Suggestion{
			ViewID: id, BlockID: "reason", ActionID: "text", Value: "x",
		}); err == nil {
			t.Error("a text field asked for options")
		}
	})
}

func TestAStackHoldsThreeViews(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		_, seen := r.openForm(s)
		r.must("views.push", "trigger_id", r.trigger(seen), "view", form)
		third := r.must("views.push", "trigger_id", r.trigger(seen), "view", form)
		r.refused("push_limit_reached", "views.push", "trigger_id", r.trigger(seen), "view", form)
		got := r.Views("U0ALICE")
		if len(got) != 3 || dig(third, "view", "root_view_id") != got[0].ID ||
			dig(third, "view", "previous_view_id") != got[1].ID {
			t.Errorf("got %+v and %v", got, third)
		}
	})
}
