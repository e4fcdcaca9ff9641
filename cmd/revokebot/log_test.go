package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// notInLogs are the marks of what no log may hold: credentials of Slack and AWS, and payloads.
// Response URLs are known by their path, the addresses of WebSockets by their ticket.
var notInLogs = []string{
	"xapp-", "xoxb-", "xoxp-", "/commands/response/", "response_url", "ticket=", "trigger_id", "api_app_id",
	"Authorization", "SessionToken",
}

// logLine is a line of the JSON log.
type logLine struct {
	Level, Msg, Address string
	Error               any
	line                string
}

// wantCleanLog checks that a log holds structured lines only, no secret and no ERROR. The last line
// may be the sentence that the program ended with.
func wantCleanLog(t *testing.T, text string, secrets []string) {
	t.Helper()
	for _, l := range readLog(t, text) {
		if l.Level == "ERROR" {
			t.Errorf("an ERROR in the log: %s", l.line)
		}
	}
	for _, secret := range append(notInLogs, secrets...) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) && !strings.HasPrefix(line, "revokebot: ") {
				t.Errorf("the log holds %q: %s", secret, line)
			}
		}
	}
}

func readLog(t *testing.T, text string) []logLine {
	t.Helper()
	var lines []logLine
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "revokebot: ") {
			continue
		}
		l := logLine{line: line}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Msg == "" || l.Level == "" {
			t.Errorf("this line of the log is not structured: %q", line)
			continue
		}
		lines = append(lines, l)
	}
	return lines
}
