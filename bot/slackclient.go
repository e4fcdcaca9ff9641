package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
)

// DefaultSlackAPI is Slack's Web API.
const DefaultSlackAPI = "https://slack.com/api/"

// callTimeout bounds one call to the Web API.
const callTimeout = 10 * time.Second

// slackClient is handlers.Slack and deliver.Poster on the Web API. Nothing is retried here:
// handlers know what is safe to do twice.
type slackClient struct {
	posts *pace // of each channel
	edits *pace // of all channels together
	watch watches
	// trouble is what became of the messages for each channel.
	trouble trouble

	api  *slack.Client
	http *http.Client
	base *url.URL
	self atomic.Pointer[identity] // nil until Slack has said it
	// groups has the workspace of each user group that was found by it.
	groups sync.Map
}

// identity is what Slack says of the bot's own token.
type identity struct {
	home   approvals.Place
	user   string // of the bot
	webURL string // https://acme.slack.com/
}

var (
	_ handlers.Slack = (*slackClient)(nil)
	_ deliver.Poster = (*slackClient)(nil)
)

func newSlackClient(cfg Config) (*slackClient, error) {
	address := cfg.SlackAPI
	if address == "" {
		address = DefaultSlackAPI
	}
	if !strings.HasSuffix(address, "/") {
		address += "/"
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("SLACK_API_URL is not a web address; leave it out for Slack, " +
			"or give one such as https://slack-gov.com/api/")
	}
	client := http.Client{}
	if cfg.HTTPClient != nil {
		client = *cfg.HTTPClient
	}
	client.Timeout, client.CheckRedirect = callTimeout, stayHere
	next := cmp.Or(client.Transport, http.DefaultTransport)
	responses := client // for response URLs, which are credentials
	responses.Transport = watched{next: next, watch: cfg.Watch, method: MethodResponse}
	client.Transport = watched{next: next, watch: cfg.Watch, base: base}
	return &slackClient{
		posts: newPostPace(), edits: newEditPace(), watch: cfg.Watch,
		api: slack.New(cfg.BotToken, slack.OptionAppLevelToken(cfg.AppToken), slack.OptionAPIURL(address),
			slack.OptionHTTPClient(&client)),
		http: &responses, base: base,
	}, nil
}

// identify asks whose token the bot has.
func (s *slackClient) identify(ctx context.Context) error {
	_, err := s.whoami(ctx)
	return err
}

// whoami is auth.test. A token of an organisation may name no workspace.
func (s *slackClient) whoami(ctx context.Context) (*slack.AuthTestResponse, error) {
	who, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return nil, slackError("auth.test", err)
	}
	if who.TeamID == "" && who.EnterpriseID == "" {
		return nil, emptyAnswer("auth.test")
	}
	s.self.Store(&identity{
		home: approvals.Place{Team: who.TeamID, Enterprise: who.EnterpriseID}, user: who.UserID, webURL: who.URL,
	})
	return who, nil
}

// identified reports whether Slack has said whose token the bot has.
func (s *slackClient) identified() bool { return s.self.Load() != nil }

// openSocket calls apps.connections.open. The address it returns is a credential.
func (s *slackClient) openSocket(ctx context.Context) (string, error) {
	_, address, err := s.api.StartSocketModeContext(ctx)
	if err != nil {
		return "", slackError("apps.connections.open", err)
	}
	return address, s.checkSocket(address)
}

// Home implements handlers.Slack. It is zero until identify succeeds; no user belongs to the
// zero place.
func (s *slackClient) Home() approvals.Place {
	if self := s.self.Load(); self != nil {
		return self.home
	}
	return approvals.Place{}
}

// slackbot is Slack's own program. users.info does not call it a bot.
const slackbot = "USLACKBOT"

// Person implements handlers.Slack with users.info. The caller compares
// them with Home, so that is found out first if need be.
func (s *slackClient) Person(ctx context.Context, id string) (approvals.Person, error) {
	if _, err := s.botUser(ctx); err != nil {
		return approvals.Person{}, err
	}
	return s.lookUp(ctx, id)
}

// lookUp is users.info.
func (s *slackClient) lookUp(ctx context.Context, id string) (approvals.Person, error) {
	u, err := s.api.GetUserInfoContext(ctx, id)
	if err != nil {
		err := slackError("users.info", err)
		if code := codeOf(err); code == "user_not_found" || code == "user_not_visible" {
			err = nil
		}
		return approvals.Person{}, err
	}
	return approvals.Person{
		ID: u.ID, Name: cmp.Or(u.RealName, u.Name), Found: u.ID == id, Team: u.TeamID, Enterprise: u.Enterprise.EnterpriseID,
		Guest:    u.IsRestricted || u.IsUltraRestricted,
		Bot:      u.IsBot || u.IsAppUser || u.IsWorkflowBot || u.IsConnectorBot || u.ID == slackbot,
		Gone:     u.Deleted,
		Stranger: u.IsStranger,
	}, nil
}

// GroupMembers implements handlers.Slack with usergroups.users.list, which leaves out disabled
// groups. A token of an organisation has to name the workspace of the group (Slack documentation,
// "usergroups.users.list"): the one where it was last, else the first that knows it.
func (s *slackClient) GroupMembers(ctx context.Context, group string) ([]string, error) {
	found, _ := s.groups.Load(group)
	team, _ := found.(string)
	members, err := s.membersIn(ctx, team, group)
	if code := codeOf(err); code != "missing_argument" && (team == "" || code != "no_such_subteam") {
		return members, err
	}
	teams, unread := s.teams(ctx)
	if unread != nil {
		return nil, unread
	}
	for _, t := range teams {
		if members, err = s.membersIn(ctx, t.ID, group); codeOf(err) != "no_such_subteam" {
			s.groups.Store(group, t.ID)
			break
		}
	}
	return members, err
}

// teams are the workspaces that an app of an organisation was added to, by auth.teams.list.
func (s *slackClient) teams(ctx context.Context) ([]slack.Team, error) {
	teams, _, err := s.api.ListTeamsContext(ctx, slack.ListTeamsParameters{Limit: 1000})
	return teams, slackError("auth.teams.list", err)
}

func (s *slackClient) membersIn(ctx context.Context, team, group string) ([]string, error) {
	members, err := s.api.GetUserGroupMembersContext(ctx, group, slack.GetUserGroupMembersOptionTeamID(team))
	if err != nil {
		return nil, slackError("usergroups.users.list", err)
	}
	if members == nil { // a group without members is an empty list
		return nil, emptyAnswer("usergroups.users.list")
	}
	return members, nil
}

// metadataType marks the bot's messages, so that one that may have been posted can be found again.
const metadataType = "revokebot_event"

// Post implements deliver.Poster with chat.postMessage.
func (s *slackClient) Post(
	ctx context.Context, channel, thread string, mark deliver.Mark, m *messages.Message,
) (string, error) {
	class := classThread
	switch {
	case mark.Late:
		class = classLate
	case mark.Seq == 0:
		class = classCard
	}
	if err := s.turn(ctx, s.posts, channel, mark.Request+"/"+strconv.FormatInt(mark.Seq, 10), class, 1); err != nil {
		return "", err
	}
	options := append(content(m), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{
			"request": mark.Request, "event": strconv.FormatInt(mark.Seq, 10),
		}}))
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	_, ts, posted, err := s.api.PostMessageWithResponseContext(ctx, channel, options...)
	if err != nil {
		err := slackError("chat.postMessage", err)
		holdBack(s.posts, channel, err)
		s.trouble.answered(channel, err)
		return "", err
	}
	if ts == "" {
		return "", emptyAnswer("chat.postMessage")
	}
	s.trouble.answered(channel, nil)
	if thread != "" && posted.Timestamp != "" && posted.ThreadTimestamp == "" {
		err := &deliver.SlackError{Kind: deliver.SlackNoTarget, Method: "chat.postMessage", Code: deliver.CodeOutside}
		s.trouble.answered(channel, err)
		return ts, err
	}
	return ts, nil
}

// Update implements deliver.Poster with chat.update. Edits that are made together take their turns
// at the first of them.
func (s *slackClient) Update(ctx context.Context, channel, ts string, m *messages.Message) error {
	class, what, takes := classCard, channel+"/"+ts, 1
	if together := deliver.EditsIn(ctx); together != nil {
		class, what, takes = classThread, together.Request, together.Take()
	}
	if takes > 0 {
		if err := s.turn(ctx, s.edits, everywhere, what, class, takes); err != nil {
			return err
		}
	}
	_, updated, _, err := s.api.UpdateMessageContext(ctx, channel, ts, content(m)...)
	if err != nil {
		err := slackError("chat.update", err)
		holdBack(s.edits, everywhere, err)
		s.trouble.answered(channel, err)
		return err
	}
	if updated == "" {
		return emptyAnswer("chat.update")
	}
	s.trouble.answered(channel, nil)
	return nil
}

// turn waits for a message's turn, see pace.
func (s *slackClient) turn(ctx context.Context, p *pace, channel, what string, class, takes int) error {
	err := p.turn(ctx, channel, what, class, takes)
	if codeOf(err) == deliver.CodePaced {
		s.watch.heldBack(ctx, p.method)
	}
	return err
}

// everywhere stands for all channels where a limit is not of one.
const everywhere = ""

// holdBack keeps back what else would meet the same limit.
func holdBack(p *pace, channel string, err error) {
	if e, ok := errors.AsType[*deliver.SlackError](err); ok && e.RetryAfter > 0 {
		p.hold(channel, e.RetryAfter)
	}
}

// content says text and blocks, and that Slack must not look for names or links in them.
func content(m *messages.Message) []slack.MsgOption {
	options := []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionParse(false)}
	if len(m.Blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(m.Blocks...))
	}
	return options
}

// findSkew is how far Slack's clock may be behind the store's.
const findSkew = 2 * time.Minute

// botUser is the bot as the author of its messages.
func (s *slackClient) botUser(ctx context.Context) (string, error) {
	if !s.identified() {
		if err := s.identify(ctx); err != nil {
			return "", err
		}
	}
	return s.self.Load().user, nil
}

// Find implements deliver.Poster by the metadata of Post. Another app can post with the same
// metadata: the author has to be the bot.
func (s *slackClient) Find(
	ctx context.Context, channel, thread string, mark deliver.Mark, since time.Time,
) (ts string, err error) {
	user, err := s.botUser(ctx)
	if err != nil {
		return "", err
	}
	return ts, s.search(ctx, channel, thread, since, func(m slack.Message) bool {
		p := m.Metadata.EventPayload
		if m.User == user && m.Metadata.EventType == metadataType && p["request"] == mark.Request &&
			p["event"] == strconv.FormatInt(mark.Seq, 10) {
			ts = m.Timestamp
		}
		return ts != ""
	})
}

// search reads the messages of a thread, or of a channel, until one is found, with
// conversations.replies or conversations.history.
func (s *slackClient) search(
	ctx context.Context, channel, thread string, since time.Time, found func(slack.Message) bool,
) error {
	oldest := strconv.FormatInt(since.Add(-findSkew).Unix(), 10)
	for cursor := ""; ; {
		var page []slack.Message
		var more bool
		var err error
		method := "conversations.replies"
		if thread != "" {
			page, more, cursor, err = s.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
				ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: 200, IncludeAllMetadata: true,
			})
		} else {
			var history *slack.GetConversationHistoryResponse
			method = "conversations.history"
			history, err = s.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
				ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: 200, IncludeAllMetadata: true,
			})
			if err == nil {
				page, more, cursor = history.Messages, history.HasMore, history.ResponseMetaData.NextCursor
			}
		}
		if err != nil {
			return slackError(method, err)
		}
		if slices.ContainsFunc(page, found) || !more || cursor == "" {
			return nil
		}
	}
}

// Whisper implements handlers.Slack: by the response URL while it is good, else with
// chat.postEphemeral.
func (s *slackClient) Whisper(ctx context.Context, to handlers.Listener, m *messages.Message) error {
	var first error
	if to.ResponseURL != "" && s.trusts(to.ResponseURL) {
		first = slack.PostWebhookCustomHTTPContext(ctx, to.ResponseURL, s.http, &slack.WebhookMessage{
			Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, ResponseType: slack.ResponseTypeEphemeral,
		})
		if first == nil {
			return nil
		}
	}
	_, err := s.api.PostEphemeralContext(ctx, to.Channel, to.User, content(m)...)
	if err == nil {
		return nil
	}
	if first != nil {
		// The cause may hold the address, which is a credential.
		return fmt.Errorf("response URL refused; %w", slackError("chat.postEphemeral", err))
	}
	return slackError("chat.postEphemeral", err)
}

// OpenForm implements handlers.Slack with views.open.
func (s *slackClient) OpenForm(ctx context.Context, trigger string, form slack.ModalViewRequest) error {
	_, err := s.api.OpenViewContext(ctx, trigger, form)
	return slackError("views.open", err)
}

// PublishHome implements handlers.Slack with views.publish.
func (s *slackClient) PublishHome(ctx context.Context, user string, view slack.HomeTabViewRequest) error {
	_, err := s.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: view})
	return slackError("views.publish", err)
}

// Link implements handlers.Slack.
func (s *slackClient) Link(channel, ts string) string {
	self := s.self.Load()
	if self == nil || self.webURL == "" || ts == "" {
		return ""
	}
	return strings.TrimSuffix(self.webURL, "/") + "/archives/" + url.PathEscape(channel) + "/p" +
		strings.ReplaceAll(ts, ".", "")
}
