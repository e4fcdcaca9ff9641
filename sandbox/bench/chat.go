package bench

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// patience is how much fake time Until waits.
const patience = 2 * time.Minute

// Until waits, in fake time, until something is so.
func (b *Bench) Until(what string, is func() bool) {
	b.T.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.T.Fatalf("waited %v in vain until %s\n%s\n%s", patience, what, b.Transcript(), b.Log)
		}
	}
}

// Settle lets a few seconds pass, in which everything that can happen by itself does.
func (b *Bench) Settle() { time.Sleep(5 * time.Second) }

// Command sends /revoke-sessions in the incident channel and expects the acknowledgement.
func (b *Bench) Command(user, text string) slack.Delivery {
	b.T.Helper()
	return b.CommandIn(user, actors.Incident, text)
}

// CommandIn sends /revoke-sessions in a channel.
func (b *Bench) CommandIn(user, channel, text string) slack.Delivery {
	b.T.Helper()
	d, err := b.Slack.Command(b.T.Context(), user, channel, messages.Command, text)
	if err != nil {
		b.T.Fatal(err)
	}
	if !d.Acked {
		b.T.Errorf("the command %q was not acknowledged: %s", text, d.Error)
	}
	return d
}

// Ask has Rosa ask for DeployRole in prod and returns the card.
func (b *Bench) Ask() Card {
	b.T.Helper()
	return b.AskFor(actors.Rosa, "prod/"+actors.DeployRole+" key pasted in a gist")
}

// AskFor sends a command and returns the card that appears.
func (b *Bench) AskFor(user, text string) Card {
	b.T.Helper()
	before := len(b.Cards())
	b.Command(user, text)
	b.Until("a card appears", func() bool { return len(b.Cards()) > before })
	return b.Cards()[before]
}

// Card is a request's card in the incident channel.
type Card struct {
	b  *Bench
	TS string
	ID string // of the request
}

// Cards are the bot's root messages in the incident channel, oldest first.
func (b *Bench) Cards() []Card {
	var cards []Card
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == "" && !m.Ephemeral && len(m.Metadata) > 0 {
			var meta struct {
				Payload struct {
					Request string `json:"request"`
					Event   string `json:"event"`
				} `json:"event_payload"`
			}
			if err := json.Unmarshal(m.Metadata, &meta); err != nil {
				b.T.Errorf("metadata %s: %v", m.Metadata, err)
			}
			if meta.Payload.Event == "0" {
				cards = append(cards, Card{b: b, TS: m.TS, ID: meta.Payload.Request})
			}
		}
	}
	return cards
}

// Message is the card as people see it now.
func (c Card) Message() slack.Message {
	for _, m := range c.b.Slack.Messages(actors.Incident) {
		if m.TS == c.TS {
			return m
		}
	}
	c.b.T.Fatalf("no message %s", c.TS)
	return slack.Message{}
}

// HasButtons reports whether the card can still be pressed.
func (c Card) HasButtons() bool { return strings.Contains(string(c.Message().Blocks), `"actions"`) }

// Thread is what the thread says, oldest first, ephemerals left out.
func (c Card) Thread() []string {
	var texts []string
	for _, m := range c.b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == c.TS && !m.Ephemeral {
			texts = append(texts, said(m))
		}
	}
	return texts
}

// said is a message's text, with the names of its files.
func said(m slack.Message) string {
	text := m.Text
	for _, f := range m.Files {
		text += "[file " + f.Name + "]"
	}
	return text
}

// Says reports whether the thread has a message with the text.
func (c Card) Says(text string) bool {
	for _, t := range c.Thread() {
		if strings.Contains(t, text) {
			return true
		}
	}
	return false
}

// Press presses a button of the card: messages.ActionApprove and the like.
func (c Card) Press(user, action string) slack.Delivery {
	c.b.T.Helper()
	d, err := c.b.Slack.Click(c.b.T.Context(), user, slack.Click{
		ChannelID: actors.Incident, MessageTS: c.TS, ActionID: action,
	})
	if err != nil {
		c.b.T.Fatal(err)
	}
	return d
}

// PressLate presses a button that the card had once: a client that has not drawn the new card yet.
func (c Card) PressLate(user, action string) slack.Delivery {
	c.b.T.Helper()
	d, err := c.b.Slack.Click(c.b.T.Context(), user, slack.Click{
		ChannelID: actors.Incident, MessageTS: c.TS, BlockID: "decide", ActionID: action, Value: c.ID,
	})
	if err != nil {
		c.b.T.Fatal(err)
	}
	return d
}

// Approve has somebody press Approve.
func (c Card) Approve(user string) { c.b.T.Helper(); c.Press(user, messages.ActionApprove) }

// State is the state of the request in the store.
func (c Card) State() approvals.State {
	c.b.T.Helper()
	return c.Request().State
}

// Request is the request in the store.
func (c Card) Request() approvals.Request {
	c.b.T.Helper()
	r, _, err := c.b.Store.Load(c.b.T.Context(), c.ID)
	if err != nil {
		c.b.T.Fatal(err)
	}
	return r
}

// Events is the request's log.
func (c Card) Events() []approvals.Event {
	c.b.T.Helper()
	_, events, err := c.b.Store.Load(c.b.T.Context(), c.ID)
	if err != nil {
		c.b.T.Fatal(err)
	}
	return events
}

// Becomes waits until the request is in a state and the card and the thread have caught up.
func (c Card) Becomes(s approvals.State) {
	c.b.T.Helper()
	c.b.Until("the request is "+s.String(), func() bool { return c.State() == s })
	c.CaughtUp()
}

// CaughtUp waits until Slack has been told everything that is in the log.
func (c Card) CaughtUp() {
	c.b.T.Helper()
	c.b.Until("Slack is up to date", func() bool {
		d, err := c.b.Store.Delivered(c.b.T.Context(), c.ID)
		return err == nil && d.Cursor == c.Request().Seq && d.CardSeq == d.Cursor
	})
}

// Whispers are the messages that only one person sees, oldest first.
func (b *Bench) Whispers(user string) []string {
	var texts []string
	for _, channel := range b.Slack.Channels() {
		for _, m := range b.Slack.Messages(channel.ID) {
			if m.Ephemeral && m.VisibleTo == user {
				texts = append(texts, m.Text)
			}
		}
	}
	return texts
}

// Whispered waits until the person was told something that contains text.
func (b *Bench) Whispered(user, text string) {
	b.T.Helper()
	b.Until("only "+user+" is told: "+text, func() bool {
		for _, w := range b.Whispers(user) {
			if strings.Contains(w, text) {
				return true
			}
		}
		return false
	})
}

// Puts is how often a policy was written to a role.
func (b *Bench) Puts() int { return len(b.AWS.Calls("PutRolePolicy")) }

// Transcript is the incident channel as text, for failures.
func (b *Bench) Transcript() string {
	var t strings.Builder
	for _, m := range b.Slack.Messages(actors.Incident) {
		switch {
		case m.Ephemeral:
			t.WriteString("  (only " + m.VisibleTo + ") ")
		case m.ThreadTS != "":
			t.WriteString("  > ")
		}
		t.WriteString(m.Username + ": " + said(m) + "\n")
	}
	return t.String()
}

// Session assumes DeployRole in prod as the CI user does.
func (b *Bench) Session(name string) awsstandin.AccessKey {
	b.T.Helper()
	out, err := sts.NewFromConfig(b.SDK(b.World.CI)).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: &b.World.Role, RoleSessionName: &name,
	})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return awsstandin.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	}
}

// Works makes a call with a session's credentials and returns what AWS says.
func (b *Bench) Works(session awsstandin.AccessKey) error {
	_, err := iam.NewFromConfig(b.SDK(session)).ListRoles(b.T.Context(), &iam.ListRolesInput{})
	return err
}
