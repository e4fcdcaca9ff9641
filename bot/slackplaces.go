package bot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	// Slack recommends pages of no more than 200 (Slack documentation, "Pagination").
	membersPage = 200
	// maxMembersPages bounds the look-up of a channel's members: 5,000 people.
	maxMembersPages = 25
)

var errTooManyMembers = errors.New("the channel has more members than are read")

// Shared implements handlers.Slack with conversations.info (Slack documentation, "Developing for
// Slack Connect"): a channel that is shared within one organisation is not shared with another.
func (s *slackClient) Shared(ctx context.Context, channel string) (bool, error) {
	c, err := s.channelInfo(ctx, channel)
	return err == nil && isShared(c), err
}

func isShared(c *slack.Channel) bool {
	return c.IsExtShared || c.IsPendingExtShared || c.IsShared && !c.IsOrgShared
}

func (s *slackClient) channelInfo(ctx context.Context, channel string) (*slack.Channel, error) {
	const method = "conversations.info"
	c, err := s.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
	switch {
	case err != nil:
		return nil, slackError(method, err)
	case c.ID != channel:
		return nil, emptyAnswer(method)
	}
	return c, nil
}

// Members implements deliver.Poster with conversations.members.
func (s *slackClient) Members(ctx context.Context, channel string) ([]string, error) {
	var all []string
	cursor := ""
	for range maxMembersPages {
		some, next, err := s.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{
			ChannelID: channel, Cursor: cursor, Limit: membersPage,
		})
		if err != nil {
			return nil, slackError("conversations.members", err)
		}
		if some == nil {
			return nil, emptyAnswer("conversations.members")
		}
		all = append(all, some...)
		if cursor = next; cursor == "" {
			return all, nil
		}
	}
	return nil, &deliver.SlackError{Kind: deliver.SlackContent, Method: "conversations.members", Err: errTooManyMembers}
}

// Direct implements deliver.Poster with conversations.open and chat.postMessage.
func (s *slackClient) Direct(ctx context.Context, person string, mark deliver.Mark, m *messages.Message) error {
	c, _, _, err := s.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{person}})
	if err != nil {
		err := slackError("conversations.open", err)
		if e, ok := errors.AsType[*deliver.SlackError](err); ok && e.Kind == deliver.SlackUnsure {
			e.Kind = deliver.SlackPassing // nothing was sent, and to open it again changes nothing
		}
		return err
	}
	if c == nil || c.ID == "" {
		return &deliver.SlackError{
			Kind: deliver.SlackPassing, Method: "conversations.open", Err: errors.New("the answer is empty"),
		}
	}
	_, err = s.Post(ctx, c.ID, "", mark, m)
	return err
}
