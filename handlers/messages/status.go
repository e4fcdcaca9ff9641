package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// Action ids of the App Home. ActionAsk's value is the channel to ask in; ActionOpenCard is a link,
// which Slack follows by itself.
const (
	ActionAsk      = "revokebot_ask"
	ActionOpenCard = "revokebot_open_card"
)

// Listed is a request as the status and the App Home list it.
type Listed struct {
	Request approvals.Request
	Context Context
	Link    string // of the card, "" when it is not known
}

// Status lists the open and the newest requests for one person.
func Status(list []Listed) *Message {
	lines := make([]string, 0, len(list)+1)
	lines = append(lines, statusTitle(list))
	for _, l := range list {
		lines = append(lines, "• "+listedWords(l, true))
	}
	blocks := make([]slack.Block, 0, len(lines))
	for _, line := range lines {
		blocks = append(blocks, section(line))
	}
	return &Message{Text: fit(strings.Join(lines, "\n"), limitText), Blocks: blocks}
}

func statusTitle(list []Listed) string {
	open := 0
	for _, l := range list {
		if !l.Request.State.Ended() {
			open++
		}
	}
	switch {
	case len(list) == 0:
		return "*No request is on record.* Next: `" + Command + "` opens a form to ask for a revocation."
	case open == 0:
		return "*No request is under way.* The newest ones:"
	case open == 1:
		return "*1 request is under way.* It and the newest others:"
	default:
		return fmt.Sprintf("*%d requests are under way.* They and the newest others:", open)
	}
}

// listedWords says in one line what became of a request.
func listedWords(l Listed, link bool) string {
	r, p := l.Request, l.Context.phrases(l.Request)
	state := bold(r.State.String())
	switch {
	case r.State == approvals.StateOpen:
		state += fmt.Sprintf(", %d of %d approved, until %s", len(r.Votes), r.Required, Both(r.Deadline))
	case r.Undone != nil:
		state += ", and *undone* since"
	case r.State == approvals.StateApplied && l.Context.Undo == nil:
		// as its card says it: the deny may be gone since
		title := l.Context.appliedTitle(r)
		state = bold(strings.ToLower(title[:1]) + title[1:])
	}
	text := markedIf(l.Context.Drill, state+": "+p.ask+roleWords(l.Context.Role)+", asked by "+
		Mention(r.Requester)+" at "+Both(r.Asked)+".")
	if link && l.Link != "" {
		text += " Open <" + l.Link + "|its card>."
	}
	return text
}

// maxHomeChannels bounds the channels on the App Home. In the others the command works all the
// same.
const maxHomeChannels = 10

// Home is the App Home of a full member: where to ask, and the open and the newest requests. notice
// is what to say first, put together here; "" nothing.
func Home(list []Listed, channels []string, notice string) slack.HomeTabViewRequest {
	blocks := []slack.Block{header("Revocations")}
	if notice != "" {
		blocks = append(blocks, section(notice))
	}
	for _, id := range channels[:min(len(channels), maxHomeChannels)] {
		button := slack.NewButtonBlockElement(ActionAsk, id, plainText("Ask for a revocation"))
		button.AccessibilityLabel = "Ask for a revocation in channel " + Clean(id, 32)
		blocks = append(
			blocks, slack.NewSectionBlock(mrkdwn("Ask in "+Channel(id)+", where the card appears and others approve:"), nil,
				slack.NewAccessory(button)))
	}
	blocks = append(blocks, slack.NewDividerBlock(), section(statusTitle(list)))
	for _, l := range list {
		var open *slack.Accessory
		if l.Link != "" {
			button := slack.NewButtonBlockElement(ActionOpenCard, "", plainText("Open the card"))
			button.URL = l.Link
			button.AccessibilityLabel = cut(markedIf(l.Context.Drill,
				"Open the card of the request for ")+labelled(l.Context.Role), limitOption)
			open = slack.NewAccessory(button)
		}
		blocks = append(blocks, slack.NewSectionBlock(mrkdwn(listedWords(l, false)), nil, open))
	}
	blocks = append(blocks, contextLine("As of the moment at which you opened this tab."))
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
}

// HomeRefused is the App Home of everybody else.
func HomeRefused(standing approvals.Standing) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section(NotEntitled(standing).Text)}},
	}
}

// What stands first on the App Home after a button there led to nothing.
func HomeFormLost(channel string) string {
	return "*The form may not have opened*, so nothing was requested yet. If there is none in front of you, " +
		"press the button again, or send `" + Command + "` in " + Channel(channel) + "."
}

// HomeAsked says where the answer is to what was asked for by the form of the App Home.
func HomeAsked(channel string) string {
	return "*What you asked for went to " + Channel(channel) + ".* The card is there, or the reason why not, " +
		"which only you see."
}

// HomeNotInChannel rejects a requester who is not in the channel, as far as Slack says.
func HomeNotInChannel(channel string) string {
	return "*Nothing was requested*: only people in the channel can ask, and Slack does not list you in " +
		Channel(channel) + ". Join it and ask again."
}

// AskedFromHome tells the requester in the channel that a request of the App Home is being checked.
func AskedFromHome() *Message {
	return sentence("What you asked for on the App Home is being checked. The card appears here, or the reason why not.")
}
