package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// Action ids of the App Home. ActionAsk's value is the channel to ask in, ActionFilter's an account
// or allAccounts; ActionOpenCard is a link, which Slack follows by itself.
const (
	ActionAsk      = "revokebot_ask"
	ActionFilter   = "revokebot_filter"
	ActionOpenCard = "revokebot_open_card"
)

// Listed is a request as the status and the App Home list it.
type Listed struct {
	Request approvals.Request
	Events  []approvals.Event
	Context Context
	Link    string // of the card, "" when it is not known
	Yours   bool   // it waits for the person who reads this
}

// Desk is what the status and the App Home show a person.
type Desk struct {
	List     []Listed
	Channels []string // in which the person may ask
	Now      time.Time
	Accounts []string // to choose from
	Account  string   // that was chosen; "" all
	Notice   string   // what to say first, put together here; "" nothing
}

// Status lists the open and the newest requests for one person.
func Status(d Desk) *Message {
	lines := make([]string, 0, len(d.List)+1)
	lines = append(lines, statusTitle(d.List))
	for _, l := range d.List {
		lines = append(lines, "• "+l.words(d.Now, true))
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

// words say in one line what became of a request: of what was applied, as its card says it.
func (l Listed) words(now time.Time, link bool) string {
	r, v := l.Request, newView(l.Request, l.Events, l.Context)
	state := bold(r.State.String())
	switch {
	case r.State == approvals.StateOpen:
		state += fmt.Sprintf(", %d of %d approved, until %s", len(r.Votes), r.Required, local(r.Deadline))
	case r.Undone != nil:
		state += ", and *undone* since"
	case r.State == approvals.StateApplied && l.Context.Undo == nil:
		outcome, _ := v.title()
		state = bold(markup.Replace(strings.ToLower(outcome[:1]) + outcome[1:]))
	}
	if until := l.guarded(now); !until.IsZero() {
		state += ", guarded until " + local(until)
	}
	text := markedIf(l.Context.Drill, state+": "+v.p.ask+roleWords(l.Context.Role)+", asked by "+
		Mention(r.Requester)+" at "+local(r.Asked)+".")
	if link && l.Link != "" {
		text += " Open <" + l.Link + "|its card>."
	}
	return text
}

// guarded is until when the guard checks what was applied; zero if it does not, or not any more.
func (l Listed) guarded(now time.Time) time.Time {
	r, a := l.Request, record.Known[record.Applied](l.Request.Closing)
	if r.State != approvals.StateApplied || r.Undone != nil || l.Context.Undo != nil || l.Context.Drill || a == nil ||
		a.At.IsZero() || r.Watched.Type == approvals.EventHeld || r.Watched.Type == approvals.EventTampered {
		return time.Time{}
	}
	if until := a.At.Add(l.Context.Guard); l.Context.Guard > 0 && until.After(now) {
		return until
	}
	return time.Time{}
}

// open reports whether what was applied is known not to contain.
func (l Listed) open() bool {
	r := l.Request
	v := record.Known[record.Conclusion](r.Judged)
	return r.State == approvals.StateApplied && r.Undone == nil && l.Context.Undo == nil &&
		(r.Watched.Type == approvals.EventTampered || v != nil && v.Word == record.WordNotContained)
}

// The sections of the App Home, in their order.
const (
	forYou = iota
	forOthers
	notHeld
	inGuard
	recent
)

func (l Listed) section(now time.Time) int {
	switch {
	case l.Yours:
		return forYou
	case !l.Request.State.Ended():
		return forOthers
	case l.open():
		return notHeld
	case !l.guarded(now).IsZero():
		return inGuard
	default:
		return recent
	}
}

// maxHomeChannels bounds the channels on the App Home. In the others the command works all the
// same.
const maxHomeChannels = 10

// maxInSection bounds what a section of the App Home shows: Slack allows 100 blocks.
const maxInSection = 10

// allAccounts is the value that stands for all of them.
const allAccounts = "*"

// Home is the App Home of a full member: where to ask, and the newest requests by what they need.
func Home(d Desk) slack.HomeTabViewRequest {
	blocks := []slack.Block{header("Revocations")}
	if d.Notice != "" {
		blocks = append(blocks, section(d.Notice))
	}
	for _, id := range d.Channels[:min(len(d.Channels), maxHomeChannels)] {
		button := slack.NewButtonBlockElement(ActionAsk, id, plainText("Ask for a revocation"))
		button.AccessibilityLabel = "Ask for a revocation in channel " + Clean(id, 32)
		blocks = append(
			blocks, slack.NewSectionBlock(mrkdwn("Ask in "+Channel(id)+", where the card appears and others approve:"), nil,
				slack.NewAccessory(button)))
	}
	blocks = append(blocks, slack.NewDividerBlock())
	shown := section(statusTitle(d.List))
	if menu := d.menu(); menu != nil {
		shown = slack.NewSectionBlock(mrkdwn(statusTitle(d.List)), nil, slack.NewAccessory(menu))
	}
	blocks = append(blocks, shown)
	for at, title := range []string{"Waiting for you", "Waiting for others", "Not contained", "Guarded", "Recent"} {
		var in []Listed
		for _, l := range d.List {
			if l.section(d.Now) == at {
				in = append(in, l)
			}
		}
		if len(in) == 0 {
			continue
		}
		blocks = append(blocks, header(title))
		for _, l := range in[:min(len(in), maxInSection)] {
			blocks = append(blocks, l.row(d.Now))
		}
		if left := len(in) - maxInSection; left > 0 {
			blocks = append(blocks, contextLine(fmt.Sprintf("and %d more", left)))
		}
	}
	blocks = append(blocks, contextLine("As of "+local(d.Now)+". Open this tab again to refresh it."))
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
}

// menu chooses an account; nil where there is no choice.
func (d Desk) menu() *slack.SelectBlockElement {
	if len(d.Accounts) < 2 || len(d.Accounts) >= maxOptions {
		return nil
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("Account"), ActionFilter)
	for i, name := range append([]string{allAccounts}, d.Accounts...) {
		if name == "" || len(name) > limitValue {
			continue
		}
		shown := "Account " + Raw(name, limitOption-10)
		if i == 0 {
			shown = "All accounts"
		}
		option := slack.NewOptionBlockObject(name, plainText(shown), nil)
		menu.Options = append(menu.Options, option)
		if i == 0 || name == d.Account {
			menu.InitialOption = option
		}
	}
	return menu
}

func (l Listed) row(now time.Time) slack.Block {
	var open *slack.Accessory
	if l.Link != "" {
		button := slack.NewButtonBlockElement(ActionOpenCard, "", plainText("Open the card"))
		button.URL = l.Link
		button.AccessibilityLabel = cut(markedIf(l.Context.Drill,
			"Open the card of the request for ")+labelled(l.Context.Role), limitOption)
		open = slack.NewAccessory(button)
	}
	return slack.NewSectionBlock(mrkdwn(l.words(now, false)), nil, open)
}

// HomeRefused is the App Home of every other person.
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
