package slack_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAMessageIsPostedUpdatedAndDeletedByTheRealClient(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		button := slackgo.NewButtonBlockElement("approve", "req-1",
			slackgo.NewTextBlockObject("plain_text", "Approve", false, false))
		channel, ts, posted, err := r.api.PostMessageWithResponseContext(t.Context(), incident,
			slackgo.MsgOptionText("Revoke?", false),
			slackgo.MsgOptionBlocks(slackgo.NewActionBlock("decide", button)),
			slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: "request", EventPayload: map[string]any{"id": "req-1"}}),
			slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl(), slackgo.MsgOptionParse(false),
			slackgo.MsgOptionLinkNames(false))
		if err != nil {
			t.Fatal(err)
		}
		if channel != incident || ts != "946684800.000000" || posted.BotID != "B0BOT" || len(posted.Blocks.BlockSet) != 1 {
			t.Errorf("posted in %s at %s: %+v", channel, ts, posted)
		}
		got := r.Messages(incident)
		if len(got) != 1 || got[0].Username != "revokebot" || !json.Valid(got[0].Blocks) || len(got[0].Metadata) == 0 {
			t.Fatalf("got %+v", got)
		}

		if _, _, _, err := r.api.UpdateMessageContext(t.Context(), incident, ts,
			slackgo.MsgOptionText("Approved.", false)); err != nil {
			t.Fatal(err)
		}
		after := r.Messages(incident)[0]
		if after.Text != "Approved." || after.Blocks != nil || !after.Edited || after.Seq <= got[0].Seq {
			t.Errorf("a text without blocks should take the blocks away: %+v", after)
		}
		if string(after.Metadata) != string(got[0].Metadata) {
			t.Errorf("metadata that was not given should stay: %s", after.Metadata)
		}
		if _, _, err := r.api.DeleteMessageContext(t.Context(), incident, ts); err != nil {
			t.Fatal(err)
		}
		if left := r.Messages(incident); len(left) != 0 {
			t.Errorf("left over: %+v", left)
		}
		r.refused("message_not_found", "chat.update", "channel", incident, "ts", ts, "text", "x")
	})
}

func TestBlocksThatReplaceBlocksLeaveNoEditedMark(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts := r.card(incident)
		r.must("chat.update", "channel", incident, "ts", ts, "text", "Approved", "blocks", `[{"type":"divider"}]`)
		if m := r.Messages(incident)[0]; m.Edited || !strings.Contains(string(m.Blocks), "divider") {
			t.Errorf("got %+v", m)
		}
	})
}

func TestEveryRefusalOfAMessageIsSlacks(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: "C0OLD", Name: "old", Archived: true, BotMember: true})
		r.PutChannel(slack.Channel{ID: "C0HIDDEN", Name: "hidden", Private: true})
		said, err := r.Post("U0ALICE", incident, "", "hello")
		if err != nil {
			t.Fatal(err)
		}
		reply := r.must("chat.postMessage", "channel", incident, "thread_ts", said.TS, "text", "a reply")["ts"].(string)
		whisper := r.must("chat.postEphemeral", "channel", incident, "user", "U0BOB", "text", "psst")["message_ts"].(string)
		for _, c := range []struct {
			want, method string
			args         []string
		}{
			{"channel_not_found", "chat.postMessage", []string{"channel", "C0NONE", "text", "x"}},
			{"channel_not_found", "chat.postMessage", []string{"channel", "#incident", "text", "x"}},
			{"channel_not_found", "chat.postMessage", []string{"channel", "C0HIDDEN", "text", "x"}},
			{"not_in_channel", "chat.postMessage", []string{"channel", other, "text", "x"}},
			{"is_archived", "chat.postMessage", []string{"channel", "C0OLD", "text", "x"}},
			{"no_text", "chat.postMessage", []string{"channel", incident}},
			{"no_text", "chat.postMessage", []string{"channel", incident, "text", "", "blocks", "[]"}},
			{"msg_too_long", "chat.postMessage", []string{"channel", incident, "text", strings.Repeat("é", 40_001)}},
			{"invalid_blocks", "chat.postMessage", []string{"channel", incident, "text", "x", "blocks", `[{"type":"video"}]`}},
			{"invalid_thread_ts", "chat.postMessage", []string{"channel", incident, "text", "x", "thread_ts", "yesterday"}},
			{
				"thread_not_found", "chat.postMessage", []string{"channel", incident, "text", "x", "thread_ts", "946684800.999999"},
			},
			{"cannot_reply_to_message", "chat.postMessage", []string{"channel", incident, "text", "x", "thread_ts", reply}},
			{"cannot_reply_to_message", "chat.postMessage", []string{"channel", incident, "text", "x", "thread_ts", whisper}},
			{
				"invalid_metadata_format", "chat.postMessage", []string{
					"channel", incident, "text", "x", "metadata", `{"event_type":"x"}`,
				},
			},
			{
				"metadata_too_large", "chat.postMessage", []string{
					"channel", incident, "text", "x", "metadata",
					`{"event_type":"x","event_payload":{"a":"` + strings.Repeat("a", 8000) + `"}}`,
				},
			},
			{"message_not_found", "chat.update", []string{"channel", incident, "ts", "946684800.999999", "text", "x"}},
			{"message_not_found", "chat.update", []string{"channel", incident, "ts", whisper, "text", "x"}},
			{"cant_update_message", "chat.update", []string{"channel", incident, "ts", said.TS, "text", "x"}},
			{"msg_too_long", "chat.update", []string{"channel", incident, "ts", reply, "text", strings.Repeat("é", 4001)}},
			{"cant_delete_message", "chat.delete", []string{"channel", incident, "ts", said.TS}},
			{"message_not_found", "chat.delete", []string{"channel", incident, "ts", whisper}},
			{"user_not_in_channel", "chat.postEphemeral", []string{"channel", secret, "user", "U0ALICE", "text", "x"}},
			{"message_not_found", "chat.getPermalink", []string{"channel", incident, "message_ts", "946684800.999999"}},
		} {
			r.refused(c.want, c.method, c.args...)
		}
		if got := len(r.Messages(incident)); got != 3 {
			t.Errorf("%d messages, want the three that were accepted", got)
		}
		r.must("chat.postMessage", "channel", incident, "text", strings.Repeat("é", 40_000))
		r.must("chat.update", "channel", incident, "ts", reply, "text", strings.Repeat("é", 4000))
	})
}

func TestInvalidBlocksArePointedAt(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		text := slackgo.NewTextBlockObject("plain_text", strings.Repeat("b", 76), false, false)
		_, _, err := r.api.PostMessageContext(t.Context(), incident, slackgo.MsgOptionText("x", false),
			slackgo.MsgOptionBlocks(slackgo.NewActionBlock("", slackgo.NewButtonBlockElement("a", "v", text))))
		refusal, ok := errors.AsType[slackgo.SlackErrorResponse](err)
		const where = "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"
		if !ok || refusal.Err != "invalid_blocks" || len(refusal.Errors) != 1 || *refusal.Errors[0].Message != where ||
			len(refusal.ResponseMetadata.Messages) != 1 || refusal.ResponseMetadata.Messages[0] != "[ERROR] "+where {
			t.Errorf("got %#v", err)
		}
		long := `{"type":"section","text":{"type":"plain_text","text":"` + strings.Repeat("x", 3000) + `"}}`
		r.refused("msg_blocks_too_long", "chat.postMessage", "channel", incident, "text", "x",
			"blocks", "["+strings.Repeat(long+",", 4)+long+"]")
	})
}

func TestAReplyToADeletedRootLandsOutsideTheThread(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		root := r.card(incident)
		r.must("chat.postMessage", "channel", incident, "thread_ts", root, "text", "in the thread")
		r.DeleteMessage(incident, root)
		_, _, posted, err := r.api.PostMessageWithResponseContext(t.Context(), incident,
			slackgo.MsgOptionTS(root), slackgo.MsgOptionText("where am I?", false))
		if err != nil {
			t.Fatal(err)
		}
		if posted.ThreadTimestamp != "" {
			t.Errorf("the reply says it is in thread %s", posted.ThreadTimestamp)
		}
		got := r.Messages(incident)
		if len(got) != 3 || !got[0].Deleted || got[0].Text != "" || got[0].Blocks != nil || got[1].ThreadTS != root ||
			got[2].ThreadTS != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTimestampsAreUniqueAndIncreaseWhenTheClockStandsStill(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		last := ""
		for range 20 {
			ts := r.must("chat.postMessage", "channel", incident, "text", "x")["ts"].(string)
			if ts <= last {
				t.Fatalf("%s after %s", ts, last)
			}
			last = ts
		}
	})
}

func TestPostingFasterThanSlackAllowsIsRateLimited(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for range 20 {
			r.must("chat.postMessage", "channel", incident, "text", "x")
		}
		_, _, err := r.api.PostMessageContext(t.Context(), incident, slackgo.MsgOptionText("x", false))
		if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); !ok || limited.RetryAfter != time.Second {
			t.Errorf("got %#v", err)
		}
		r.must("chat.postMessage", "channel", secret, "text", "another channel")
		time.Sleep(time.Second)
		r.must("chat.postMessage", "channel", incident, "text", "x")
		body, resp := r.post(botToken, "chat.postMessage", "channel", incident, "text", "x")
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" ||
			body["error"] != "ratelimited" {
			t.Errorf("got %s %v", resp.Status, body)
		}
	})
}

func TestAnEphemeralMessageIsSeenByOnePersonAndInNoHistory(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts, err := r.api.PostEphemeralContext(t.Context(), incident, "U0BOB",
			slackgo.MsgOptionText("Only you see this", false))
		if err != nil {
			t.Fatal(err)
		}
		got := r.Messages(incident)
		if len(got) != 1 || !got[0].Ephemeral || got[0].VisibleTo != "U0BOB" || got[0].TS != ts {
			t.Errorf("got %+v", got)
		}
		if list, _ := r.must("conversations.history", "channel", incident)["messages"].([]any); len(list) != 0 {
			t.Errorf("history: %v", list)
		}
	})
}

func TestAMessageToAPersonOpensTheDirectMessage(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		body := r.must("chat.postMessage", "channel", "U0ALICE", "text", "psst")
		if body["channel"] != "D0ALICE" || len(r.Messages("D0ALICE")) != 1 {
			t.Errorf("got %v", body)
		}
		channels := r.Channels()
		if last := channels[len(channels)-1]; !last.DM || last.Members[0] != "U0ALICE" {
			t.Errorf("got %+v", last)
		}
	})
}

func TestAPermalinkNamesTheMessageAndItsThread(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		root := r.card(incident)
		link, err := r.api.GetPermalinkContext(t.Context(), &slackgo.PermalinkParameters{Channel: incident, Ts: root})
		if err != nil || link != "https://sandbox.slack.com/archives/C0INCIDENT/p946684800000000" {
			t.Errorf("got %s, %v", link, err)
		}
		reply := r.must("chat.postMessage", "channel", incident, "thread_ts", root, "text", "x")["ts"].(string)
		got := r.must("chat.getPermalink", "channel", incident, "message_ts", reply)["permalink"].(string)
		if !strings.HasSuffix(got, "?thread_ts="+root+"&cid="+incident) {
			t.Errorf("got %s", got)
		}
	})
}

func TestSubscribersSeeEveryChangeAndASlowOneIsToldToReadAgain(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		changes := r.Subscribe(t.Context())
		ts := r.card(incident)
		r.must("chat.update", "channel", incident, "ts", ts, "text", "x")
		r.must("chat.postEphemeral", "channel", incident, "user", "U0BOB", "text", "x")
		r.DeleteMessage(incident, ts)
		for _, want := range []string{"message", "update", "ephemeral", "delete"} {
			if c := <-changes; c.Kind != want || c.Message == nil || c.Resync {
				t.Errorf("got %+v, want %s", c, want)
			}
		}
		for range 300 {
			if _, err := r.Post("U0ALICE", incident, "", "x"); err != nil {
				t.Fatal(err)
			}
		}
		if c := <-changes; !c.Resync {
			t.Errorf("got %+v, want Resync", c)
		}
		for range 43 { // 256 fit, the 257th emptied the queue
			if c := <-changes; c.Kind != "message" {
				t.Fatalf("got %+v", c)
			}
		}
		if len(changes) != 0 {
			t.Errorf("%d more changes", len(changes))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, open := <-changes; open {
			t.Error("Close left the subscription open")
		}
		if _, open := <-r.Subscribe(t.Context()); open {
			t.Error("a subscription after Close is open")
		}
		synctest.Wait()
	})
}

func TestPeoplePostOnlyWhereTheyAre(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for _, c := range []struct{ user, channel, thread, text string }{
			{"U0NOBODY", incident, "", "x"},
			{"U0ALICE", secret, "", "x"},
			{"U0ALICE", "C0NONE", "", "x"},
			{"U0ALICE", incident, "946684800.123456", "x"},
			{"U0ALICE", incident, "", ""},
		} {
			if _, err := r.Post(c.user, c.channel, c.thread, c.text); err == nil {
				t.Errorf("%+v was posted", c)
			}
		}
		root, err := r.Post("U0ALICE", incident, "", "x")
		if err != nil || root.Username != "Alice Archer" {
			t.Fatalf("got %+v, %v", root, err)
		}
		if reply, err := r.Post("U0BOB", incident, root.TS, "y"); err != nil || reply.ThreadTS != root.TS {
			t.Errorf("got %+v, %v", reply, err)
		}
	})
}
