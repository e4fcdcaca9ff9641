package bot

import (
	"encoding/json"
	"strings"
	"testing"
)

// BenchmarkReadEnvelope reads a click on a card: the largest envelope there is, because Slack sends
// the whole message along.
func BenchmarkReadEnvelope(b *testing.B) {
	blocks := `[{"type":"section","text":{"type":"mrkdwn","text":"` + strings.Repeat("what the card says ", 400) + `"}}]`
	payload := `{"type":"block_actions","user":{"id":"U1","team_id":"T1"},"api_app_id":"A1","team":{"id":"T1"},` +
		`"trigger_id":"9.9",` +
		`"container":{"message_ts":"1.1","channel_id":"C1"},"channel":{"id":"C1"},"message":{"ts":"1.1","blocks":` + blocks +
		`},` +
		`"response_url":"https://hooks.slack.com/actions/1","actions":[{"action_id":"revokebot_approve","value":"R1",` +
		`"type":"button"}]}`
	raw := []byte(`{"type":"interactive","envelope_id":"e1","payload":` + payload + `}`)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			b.Fatal(err)
		}
		item := readEnvelope(f)
		if item.unreadable+item.ignored != "" {
			b.Fatalf("%+v", item)
		}
	}
}
