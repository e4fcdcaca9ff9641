package messages

import (
	"slices"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// living is one kind of message of the thread that is edited instead of told anew.
type living struct {
	name string
	// tells: the events that it is posted with and edited for. They say nothing else in the thread.
	tells func(approvals.Event) bool
	// stirs: types of events that say something of their own in the thread and change this message,
	// too.
	stirs []approvals.EventType
	// show puts everything that the log has into one message; nil: nothing yet.
	show func(r approvals.Request, events []approvals.Event, c Context) *Message
}

// livingMessages returns all of them. An event belongs to the first that tells it.
func livingMessages() []living {
	return []living{proofList, summary, sessionTable, findings, sessionMenu}
}

// Living names the message that an event is shown in, "" for one that Thread tells.
func Living(e approvals.Event) string {
	for _, l := range livingMessages() {
		if l.tells(e) {
			return l.name
		}
	}
	return ""
}

// Stirs reports whether an event that Thread tells changes the message of that name, too.
func Stirs(name string, e approvals.Event) bool {
	return slices.ContainsFunc(livingMessages(), func(l living) bool {
		return l.name == name && slices.Contains(l.stirs, e.Type)
	})
}

// LivingMessage is the message of that name with all that the log has, nil when there is nothing to
// show yet. r is the fold of all events.
func LivingMessage(name string, r approvals.Request, events []approvals.Event, c Context) *Message {
	for _, l := range livingMessages() {
		if l.name == name {
			return l.show(r, events, c)
		}
	}
	return nil
}

// Loose is a message of a thread for the channel, where it stands alone because the thread's root
// is gone: it begins with what it is about.
func Loose(m *Message, r approvals.Request, c Context) *Message {
	about := "About the request " + Code(r.ID, 40) + " for " + roleWords(c.Role) + ", which has no thread any more:"
	out := &Message{Text: fit(about+"\n"+m.Text, limitText)}
	if len(m.Blocks) > 0 {
		out.Blocks = append([]slack.Block{section(about)}, m.Blocks...)
	}
	return out
}
