package slack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheRealClientReadsAChannel(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: "C0SHARED", Name: "with-them", Shared: true, BotMember: true})
		info := func(id string) *slackgo.Channel {
			c, err := r.api.GetConversationInfoContext(t.Context(), &slackgo.GetConversationInfoInput{
				ChannelID: id, IncludeNumMembers: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if c := info(incident); c.Name != "incident" || !c.IsMember || c.IsPrivate || c.IsExtShared || c.NumMembers != 4 {
			t.Errorf("got %+v", c)
		}
		if c := info(other); c.IsMember {
			t.Errorf("got %+v", c)
		}
		if c := info(secret); !c.IsPrivate {
			t.Errorf("got %+v", c)
		}
		if c := info("C0SHARED"); !c.IsExtShared || !c.IsShared || c.IsOrgShared {
			t.Errorf("got %+v", c)
		}
		r.refused("channel_not_found", "conversations.info", "channel", "C0NONE")
	})
}

func TestAChannelThatTheBotMayNotWriteIntoSaysSoAndRefuses(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: "C0READ", Name: "read", ReadOnly: true, BotMember: true})
		r.PutChannel(slack.Channel{ID: "C0FEW", Name: "few", PostingOnly: []string{"U0ALICE"}, BotMember: true})
		r.PutChannel(slack.Channel{
			ID: "C0BOTTOO", Name: "bot-too", PostingOnly: []string{"U0ALICE", "U0BOT"}, BotMember: true,
		})
		info := func(id string) *slackgo.Channel {
			c, err := r.api.GetConversationInfoContext(t.Context(), &slackgo.GetConversationInfoInput{ChannelID: id})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if c := info("C0READ"); !c.IsReadOnly || c.Properties != nil {
			t.Errorf("got %+v", c)
		}
		if c := info("C0FEW"); c.IsReadOnly || c.Properties == nil ||
			!slices.Equal(c.Properties.PostingRestrictedTo.User, []string{"U0ALICE"}) {
			t.Errorf("got %+v", c)
		}
		r.refused("restricted_action_read_only_channel", "chat.postMessage", "channel", "C0READ", "text", "x")
		r.refused("restricted_action", "chat.postMessage", "channel", "C0FEW", "text", "x")
		r.must("chat.postMessage", "channel", "C0BOTTOO", "text", "x")
	})
}

func TestMembersComeInPages(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		var all []string
		params := &slackgo.GetUsersInConversationParameters{ChannelID: incident, Limit: 3}
		for pages := 1; ; pages++ {
			part, next, err := r.api.GetUsersInConversationContext(t.Context(), params)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, part...)
			if next == "" {
				if pages != 2 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			params.Cursor = next
		}
		if !slices.Equal(all, []string{"U0ALICE", "U0BOB", "U0GUEST", "U0BOT"}) {
			t.Errorf("got %v", all)
		}
		r.refused("invalid_cursor", "conversations.members", "channel", incident, "cursor", "?")
		r.refused("invalid_limit", "conversations.members", "channel", incident, "limit", "1001")
	})
}

func TestHistoryIsNewestFirstAndRepliesAreOldestFirst(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		var roots []string
		for i := range 5 {
			m, err := r.Post("U0ALICE", incident, "", fmt.Sprint("root ", i))
			if err != nil {
				t.Fatal(err)
			}
			roots = append(roots, m.TS)
			time.Sleep(time.Second)
		}
		for i := range 3 {
			r.must("chat.postMessage", "channel", incident, "thread_ts", roots[1], "text", fmt.Sprint("reply ", i),
				"metadata", fmt.Sprintf(`{"event_type":"line","event_payload":{"n":%d}}`, i))
		}
		r.must("chat.postMessage", "channel", incident, "thread_ts", roots[1], "text", "shown", "reply_broadcast", "true")

		history, err := r.api.GetConversationHistoryContext(t.Context(),
			&slackgo.GetConversationHistoryParameters{ChannelID: incident, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		texts := func(list []slackgo.Message) (t []string) {
			for _, m := range list {
				t = append(t, m.Text)
			}
			return t
		}
		if got := texts(history.Messages); !slices.Equal(got, []string{"shown", "root 4", "root 3"}) || !history.HasMore {
			t.Errorf("got %v", got)
		}
		rest, err := r.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{
			ChannelID: incident, Limit: 10, Cursor: history.ResponseMetaData.NextCursor, Oldest: roots[0],
		})
		if err != nil || !slices.Equal(texts(rest.Messages), []string{"root 2", "root 1"}) || rest.HasMore {
			t.Errorf("got %v, %v", texts(rest.Messages), err)
		}
		if rest.Messages[1].ReplyCount != 4 || rest.Messages[1].ThreadTimestamp != roots[1] {
			t.Errorf("got %+v", rest.Messages[1])
		}
		exact, err := r.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{
			ChannelID: incident, Oldest: roots[2], Latest: roots[2], Inclusive: true, Limit: 1,
		})
		if err != nil || !slices.Equal(texts(exact.Messages), []string{"root 2"}) {
			t.Errorf("got %v, %v", texts(exact.Messages), err)
		}

		thread, more, _, err := r.api.GetConversationRepliesContext(t.Context(), &slackgo.GetConversationRepliesParameters{
			ChannelID: incident, Timestamp: roots[1], IncludeAllMetadata: true,
		})
		if err != nil || more || !slices.Equal(texts(thread), []string{"root 1", "reply 0", "reply 1", "reply 2", "shown"}) {
			t.Fatalf("got %v, %v", texts(thread), err)
		}
		if thread[2].Metadata.EventType != "line" || thread[2].Metadata.EventPayload["n"] != 1.0 ||
			thread[2].ParentUserId != "U0ALICE" {
			t.Errorf("got %+v", thread[2])
		}
		bare, _, _, err := r.api.GetConversationRepliesContext(t.Context(),
			&slackgo.GetConversationRepliesParameters{ChannelID: incident, Timestamp: roots[1]})
		if err != nil || bare[2].Metadata.EventType != "" {
			t.Errorf("metadata that was not asked for: %+v, %v", bare[2].Metadata, err)
		}
		r.refused("thread_not_found", "conversations.replies", "channel", incident, "ts", "946684800.999999")
		r.refused("not_in_channel", "conversations.history", "channel", other)
	})
}

func TestADirectMessageIsOpenedOnce(t *testing.T) {
	inBubble(t, slack.Config{Scopes: append(slack.DefaultScopes(), "im:write", "im:read")}, func(t *testing.T, r *rig) {
		r.PutUser(slack.User{ID: "U0APP", Name: "app", Bot: true})
		r.PutUser(slack.User{ID: "U0GONE", Name: "gone", Deactivated: true})
		c, _, _, err := r.api.OpenConversationContext(t.Context(), &slackgo.OpenConversationParameters{
			Users: []string{"U0BOB"}, ReturnIM: true,
		})
		if err != nil || c.ID != "D0BOB" || !c.IsIM || c.User != "U0BOB" {
			t.Errorf("got %+v, %v", c, err)
		}
		again := r.must("conversations.open", "users", "U0BOB")
		if dig(again, "channel", "id") != "D0BOB" || len(r.Channels()) != 4 {
			t.Errorf("got %v and %d channels", again, len(r.Channels()))
		}
		r.refused("user_not_found", "conversations.open", "users", "U0NOBODY")
		r.refused("cannot_dm_bot", "conversations.open", "users", "U0APP")
		r.refused("user_disabled", "conversations.open", "users", "U0GONE")
		r.refused("users_list_not_supplied", "conversations.open")
		r.refused("invalid_arguments", "conversations.open", "users", "U0BOB,U0ALICE")
	})
}

func TestTheRealClientLearnsWhoSomebodyIs(t *testing.T) {
	inBubble(t, slack.Config{EnterpriseID: "E0CORP"}, func(t *testing.T, r *rig) {
		r.PutUser(slack.User{ID: "U0ONE", Name: "one", SingleChannelGuest: true})
		r.PutUser(slack.User{ID: "U0GONE", Name: "gone", Deactivated: true})
		r.PutUser(slack.User{ID: "U0APP", Name: "app", Bot: true})
		r.PutUser(slack.User{ID: "U0THEM", Name: "them", TeamID: "T0OTHER", EnterpriseID: "E0OTHER", Stranger: true})
		who := func(id string) *slackgo.User {
			u, err := r.api.GetUserInfoContext(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		if u := who("U0ALICE"); u.Name != "alice" || u.RealName != "Alice Archer" || u.TeamID != "T0SANDBOX" ||
			u.IsRestricted || u.IsBot || u.Deleted || u.Enterprise.EnterpriseID != "E0CORP" || u.TZ != "Europe/Berlin" {
			t.Errorf("got %+v", u)
		}
		if u := who("U0GUEST"); !u.IsRestricted || u.IsUltraRestricted {
			t.Errorf("got %+v", u)
		}
		if u := who("U0ONE"); !u.IsRestricted || !u.IsUltraRestricted {
			t.Errorf("got %+v", u)
		}
		if u := who("U0GONE"); !u.Deleted {
			t.Errorf("got %+v", u)
		}
		if u := who("U0APP"); !u.IsBot {
			t.Errorf("got %+v", u)
		}
		if u := who("U0BOT"); !u.IsBot {
			t.Errorf("the bot itself: %+v", u)
		}
		if u := who("U0THEM"); u.TeamID != "T0OTHER" || u.Enterprise.EnterpriseID != "E0OTHER" || !u.IsStranger {
			t.Errorf("got %+v", u)
		}
		_, err := r.api.GetUserInfoContext(t.Context(), "U0NOBODY")
		if refusal, ok := errors.AsType[slackgo.SlackErrorResponse](err); !ok || refusal.Err != "user_not_found" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheRealClientReadsUserGroups(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutGroup(slack.Group{ID: "S0SECURITY", Handle: "security", Name: "Security", Members: []string{"U0BOB"}})
		r.PutGroup(slack.Group{ID: "S0OLD", Handle: "old", Disabled: true, Members: []string{"U0ALICE"}})
		members, err := r.api.GetUserGroupMembersContext(t.Context(), "S0SECURITY")
		if err != nil || !slices.Equal(members, []string{"U0BOB"}) {
			t.Errorf("got %v, %v", members, err)
		}
		groups, err := r.api.GetUserGroupsContext(t.Context(), slackgo.GetUserGroupsOptionIncludeUsers(true),
			slackgo.GetUserGroupsOptionIncludeCount(true))
		if err != nil || len(groups) != 1 || groups[0].Handle != "security" || groups[0].UserCount != 1 ||
			!slices.Equal(groups[0].Users, []string{"U0BOB"}) {
			t.Errorf("got %+v, %v", groups, err)
		}
		r.refused("no_such_subteam", "usergroups.users.list", "usergroup", "S0NONE")
		r.refused("no_such_subteam", "usergroups.users.list", "usergroup", "S0OLD")
		r.must("usergroups.users.list", "usergroup", "S0OLD", "include_disabled", "true")
		r.refused("team_not_found", "usergroups.list", "team_id", "T0OTHER")
		if got := r.Groups(); len(got) != 2 || got[0].ID != "S0SECURITY" || len(r.Users()) != 3 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnUploadThatIsNotAsItWasAnnouncedIsRefused(t *testing.T) {
	inBubble(t, slack.Config{Scopes: append(slack.DefaultScopes(), "chat:write.public")}, func(t *testing.T, r *rig) {
		r.refused("missing_argument", "files.getUploadURLExternal", "filename", "a.png", "length", "0")
		r.refused("file_upload_size_restricted", "files.getUploadURLExternal", "filename", "a.png", "length", "99999999")
		r.refused("alt_txt_too_large", "files.getUploadURLExternal", "filename", "a.png", "length", "1",
			"alt_txt", strings.Repeat("é", 1001))
		r.must("files.getUploadURLExternal", "filename", "a.png", "length", "1", "alt_txt", strings.Repeat("é", 1000))
		upload := func() (file string) {
			announced := r.must("files.getUploadURLExternal", "filename", "a.txt", "length", "3")
			to := slackgo.UploadToURLParameters{UploadURL: announced["upload_url"].(string), Content: "abc", Filename: "a.txt"}
			if err := r.api.UploadToURL(t.Context(), to); err != nil {
				t.Fatal(err)
			}
			if err := r.api.UploadToURL(t.Context(), to); err == nil {
				t.Error("the address takes a second upload")
			}
			return announced["file_id"].(string)
		}
		unsent := r.must("files.getUploadURLExternal", "filename", "a.txt", "length", "3")["file_id"].(string)
		r.refused("file_not_found", "files.completeUploadExternal", "files", `[{"id":"`+unsent+`"}]`, "channel_id", incident)
		id := upload()
		list := `[{"id":"` + id + `"}]`
		r.refused("file_not_found", "files.completeUploadExternal", "files", `[{"id":"`+id+`"},{"id":"`+id+`"}]`,
			"channel_id", incident)
		r.refused("invalid_arguments", "files.completeUploadExternal", "files", list, "thread_ts", "1700000000.000100")
		r.refused("channel_not_found", "files.completeUploadExternal", "files", list, "channel_id", "C0NONE")
		r.refused("thread_not_found", "files.completeUploadExternal", "files", list, "channel_id", incident, "thread_ts",
			"1700000000.000100")
		if n := len(r.Messages(incident)); n != 0 {
			t.Errorf("%d messages of what was refused", n)
		}
		r.must("files.completeUploadExternal", "files", list)
		r.refused("file_not_found", "files.completeUploadExternal", "files", list, "channel_id", incident)
	})
}

func TestAFileIsUploadedIntoAThreadByTheRealClient(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		root := r.card(incident)
		summary, err := r.api.UploadFileContext(t.Context(), slackgo.UploadFileParameters{
			Channel: incident, ThreadTimestamp: root, Filename: "sessions.csv", Title: "Sessions", AltTxt: "All sessions",
			Content: "a,b\n1,2\n", FileSize: 8, InitialComment: "The full list",
		})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Messages(incident)
		if len(got) != 2 || got[1].ThreadTS != root || got[1].Text != "The full list" || len(got[1].Files) != 1 {
			t.Fatalf("got %+v", got)
		}
		f := got[1].Files[0]
		content, ok := r.FileContent(f.ID)
		if f.ID != summary.ID || f.Title != "Sessions" || f.AltText != "All sessions" || f.Size != 8 || !ok ||
			string(content) != "a,b\n1,2\n" {
			t.Errorf("got %+v with %q", f, content)
		}
		_, err = r.api.UploadFileContext(t.Context(), slackgo.UploadFileParameters{
			Channel: incident, Filename: "x.txt", Content: "abc", FileSize: 4,
		})
		if status, ok := errors.AsType[slackgo.StatusCodeError](err); !ok || status.Code != 400 {
			t.Errorf("a size that is not true: %v", err)
		}
		r.refused("file_not_found", "files.completeUploadExternal", "files", `[{"id":"F0"}]`, "channel_id", incident)
		r.refused("file_not_found", "files.completeUploadExternal", "files", `[{"id":"`+f.ID+`"}]`, "channel_id", incident)
		thread := r.must("conversations.replies", "channel", incident, "ts", root)
		if text := fmt.Sprint(thread["messages"]); !strings.Contains(text, "sessions.csv") ||
			!strings.Contains(text, "All sessions") {
			t.Errorf("the thread does not show the file: %s", text)
		}
		if got := r.Calls("upload"); len(got) != 2 {
			t.Errorf("%d uploads recorded", len(got))
		}
	})
}
