package messages_test

import (
	"encoding/json"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// BenchmarkCard draws the card of an approved request and encodes it as Slack gets it.
func BenchmarkCard(b *testing.B) {
	s := begin(b, "key pasted in a gist", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventStarted, "", started())
	r, c := s.fold(len(s.events)), exampleContext()
	b.ReportAllocs()
	for b.Loop() {
		m := messages.Card(r, s.events, c)
		if raw, err := json.Marshal(m.Blocks); err != nil || len(raw) == 0 {
			b.Fatal(err)
		}
	}
}
