package bot

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheMembersOfAChannelAreReadPageByPageUpToABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		c := newClient(t, client)
		people := func(n int) []string {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("U0P%04d", i)
			}
			return ids
		}
		for _, n := range []int{3, membersPage, 2*membersPage + 1} {
			server.PutChannel(slack.Channel{ID: incident, Name: "incident", Members: people(n)})
			if got, err := c.Members(t.Context(), incident); err != nil || !slices.Equal(got, people(n)) {
				t.Errorf("%d members: got %d, %v", n, len(got), err)
			}
		}
		server.PutChannel(slack.Channel{ID: incident, Name: "incident", Members: people(membersPage*maxMembersPages + 1)})
		if got, err := c.Members(t.Context(), incident); err == nil || got != nil {
			t.Errorf("more than the bound: got %d, %v", len(got), err)
		}
		server.Inject(slack.Fault{Method: "conversations.members", Error: "missing_scope", Times: 1})
		if _, err := c.Members(t.Context(), incident); slackKind(t, err).Kind != deliver.SlackToken {
			t.Errorf("refused: %v", err)
		}
	})
}

func TestAChannelIsSharedWhenAnotherOrganisationIsInItOrInvited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		c := newClient(t, client)
		for _, one := range []struct {
			channel slack.Channel
			want    bool
		}{
			{slack.Channel{}, false},
			{slack.Channel{Shared: true}, true},
			{slack.Channel{Invited: true}, true},
			{slack.Channel{OrgShared: true}, false},
			{slack.Channel{OrgShared: true, Shared: true}, true},
		} {
			one.channel.ID, one.channel.Name = incident, "incident"
			server.PutChannel(one.channel)
			if got, err := c.Shared(t.Context(), incident); err != nil || got != one.want {
				t.Errorf("%+v: got %v, %v", one.channel, got, err)
			}
		}
		if _, err := c.Shared(t.Context(), "C0NOWHERE"); slackKind(t, err).Code != "channel_not_found" {
			t.Errorf("an unknown channel: %v", err)
		}
	})
}

// What fails before the message is on its way can be tried again without telling anybody twice.
func TestADirectMessageThatWasNotSentCanBeSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		c := newClient(t, client)
		server.PutUser(slack.User{ID: "U0GONE", Name: "gone", Deactivated: true})
		server.PutUser(slack.User{ID: "U0HERE", Name: "here"})
		send := func(to string) deliver.SlackErrorKind {
			err := c.Direct(t.Context(), to, deliver.Mark{Request: "R1"}, &messages.Message{Text: "x"})
			if err == nil {
				return deliver.SlackUnknown
			}
			return slackKind(t, err).Kind
		}
		server.Inject(slack.Fault{Method: "conversations.open", DropAfter: true, Times: 1})
		server.Inject(slack.Fault{Method: "chat.postMessage", HTTPStatus: 503, Times: 1})
		for i, want := range []deliver.SlackErrorKind{deliver.SlackPassing, deliver.SlackUnsure, deliver.SlackUnknown} {
			if got := send("U0HERE"); got != want {
				t.Errorf("try %d is of kind %q, want %q", i+1, got, want)
			}
		}
		if got := server.Messages("D0HERE"); len(got) != 1 || got[0].Text != "x" {
			t.Errorf("they have: %+v", got)
		}
		if got := send("U0GONE"); got != deliver.SlackNoPerson {
			t.Errorf("somebody who is gone: kind %q", got)
		}
	})
}

func TestAChannelIsInTroubleFromARefusalUntilAMessageThatItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		c := newClient(t, client)
		post := func() { _, _ = c.Post(t.Context(), incident, "", deliver.Mark{}, &messages.Message{Text: "x"}) }
		trouble := func(want ...string) {
			t.Helper()
			var got []string
			for _, h := range c.trouble.health() {
				got = append(got, h.Channel+" "+h.Code)
			}
			if !slices.Equal(got, want) {
				t.Errorf("in trouble: %q, want %q", got, want)
			}
		}
		trouble()
		server.Inject(slack.Fault{Method: "chat.postMessage", HTTPStatus: 503, Times: 1})
		post()
		trouble()
		server.Inject(slack.Fault{Method: "chat.postMessage", Error: "is_archived", Times: 1})
		post()
		trouble(incident + " is_archived")
		server.Inject(slack.Fault{Method: "chat.update", Error: "not_in_channel", Times: 1})
		_ = c.Update(t.Context(), incident, "1.1", &messages.Message{Text: "x"})
		server.Inject(slack.Fault{Method: "chat.postMessage", HTTPStatus: 503, Times: 1})
		post()
		trouble(incident + " not_in_channel")
		post()
		trouble()
	})
}

func TestAChannelIsInTroubleForAnHourAfterAMessageOfTheBotWasFoundToBeDeleted(t *testing.T) {
	for name, notice := range map[string]func(ctx context.Context, c *slackClient, ts string){
		"by an edit": func(ctx context.Context, c *slackClient, ts string) {
			_ = c.Update(ctx, incident, ts, &messages.Message{Text: "x"})
		},
		"by a reply that fell into the channel": func(ctx context.Context, c *slackClient, ts string) {
			_, _ = c.Post(ctx, incident, ts, deliver.Mark{Seq: 1}, &messages.Message{Text: "x"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newSlack(t, slack.Config{})
				c := newClient(t, client)
				root, err := c.Post(t.Context(), incident, "", deliver.Mark{}, &messages.Message{Text: "x"})
				if err != nil {
					t.Fatal(err)
				}
				server.DeleteMessage(incident, root)
				if all := c.trouble.health(); len(all) != 0 {
					t.Errorf("before it was noticed: %+v", all)
				}
				notice(t.Context(), c, root)
				if _, err := c.Post(t.Context(), incident, "", deliver.Mark{Seq: 2}, &messages.Message{Text: "x"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(deletedFor - time.Minute)
				if all := c.trouble.health(); len(all) != 1 || all[0].Channel != incident || all[0].Code != "message_deleted" {
					t.Errorf("for an hour: %+v", all)
				}
				time.Sleep(2 * time.Minute)
				if all := c.trouble.health(); len(all) != 0 {
					t.Errorf("after an hour: %+v", all)
				}
			})
		})
	}
}
