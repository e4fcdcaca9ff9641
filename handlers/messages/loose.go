package messages

import (
	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// Loose is a message of a thread for the channel, where it stands alone because the thread's root
// is gone: it begins with what it is about.
func Loose(m *Message, r approvals.Request, c Context) *Message {
	about := "About the request " + code(r.ID, 40) + " for " + roleWords(c.Role) + ", which has no thread any more:"
	out := &Message{Text: fit(about+"\n"+m.Text, limitText)}
	if len(m.Blocks) > 0 {
		out.Blocks = append([]slack.Block{section(about)}, m.Blocks...)
	}
	return drilledIf(c.Drill, out)
}
