package deliver

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// Poster posts into channels and to people. Its errors are *SlackError.
type Poster interface {
	// Home is the workspace or organisation that the bot is installed in; it names no app and channel.
	Home() approvals.Place
	// Person looks a user up now. A user whom Slack does not know is a Person who is not Found.
	Person(ctx context.Context, id string) (approvals.Person, error)
	// GroupMembers looks up a user group's members now.
	GroupMembers(ctx context.Context, group string) ([]string, error)
	// Members are the people of a channel, the bot among them. One that has too many to read is an
	// error.
	Members(ctx context.Context, channel string) ([]string, error)

	// Post sends a message to a channel, or into a thread when thread is not empty, marked so that
	// Find knows it again. A message that Slack took and put into the channel, because the root of its
	// thread is gone, is an error with the Code CodeOutside, and ts names it.
	Post(ctx context.Context, channel, thread string, mark Mark, m *messages.Message) (ts string, err error)
	// Direct sends a message to one person, in the conversation that only they and the bot are in.
	Direct(ctx context.Context, person string, mark Mark, m *messages.Message) error
	// Update replaces a message of the bot's own.
	Update(ctx context.Context, channel, ts string, m *messages.Message) error
	// Find looks for a message that was posted with the mark, not before since. It returns "" when
	// there is none.
	Find(ctx context.Context, channel, thread string, mark Mark, since time.Time) (ts string, err error)
	// Upload puts files into a thread, as one message with words, at once or a moment after it
	// returns. Nothing is in the thread unless the error is of kind SlackUnsure or SlackUnknown.
	Upload(ctx context.Context, channel, thread, words string, files []Upload) error
	// FindFile reports whether the bot uploaded a file of that name into a thread, not before since.
	FindFile(ctx context.Context, channel, thread, name string, since time.Time) (bool, error)
	// Link is the address of a message in the workspace, "" when it cannot be known.
	Link(channel, ts string) string
}

// Mark says which event of which request a message tells. It travels as the message's metadata.
type Mark struct {
	Request string
	Seq     int64 // 0 for the card
	Late    bool  // it waits behind all others; not part of what is found again
}

// Upload is a file for a thread.
type Upload struct {
	Name    string // unique within the thread, so that FindFile knows it again
	Title   string // what people see
	AltText string // of a picture, for those who do not see it; at most timeline.MaxAltText characters
	Content []byte // not empty
}
