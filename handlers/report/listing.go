package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// columns are those of the complete list, for people (CSV) and programs (the keys of the JSON
// lines). The last three are what Timesketch needs (Timesketch documentation, "Import from CSV or
// JSONL").
var columns = []string{
	"time", "outcome", "cutoff", "caller", "caller_arn", "caller_key", "session_name", "source_identity", "mfa",
	"source_address", "user_agent",
	"region", "key", "expires", "event_name", "event_id", "looked_into_because", "calls", "calls_denied", "used_from",
	"state", "account", "account_id", "role", "services", "notable_calls", "resources", "tags",
	"message", "datetime", "timestamp_desc",
}

// cells is one session of the complete list.
func cells(in record.Incident, s record.Session, role record.Role) []string {
	outcome, relation, kind := "issued", "before", "Session issued"
	if !s.Issued() {
		kind = "Attempt rejected"
	}
	switch {
	case !s.Issued() && s.Uncertain:
		outcome = "refused: " + s.ErrorCode + " (the event does not name the role)"
	case !s.Issued():
		outcome = "refused: " + s.ErrorCode
	}
	if s.After {
		relation = "after"
	}
	calls, denied := "", "" // empty when it was not looked
	a, looked := in.Activities[s.EventID]
	if looked {
		calls, denied = strconv.Itoa(a.Calls), strconv.Itoa(a.Denied)
	}
	var services, resources []string
	for _, of := range a.Services {
		services = append(services, fmt.Sprintf("%s %d", of.Service, of.Calls))
	}
	for _, c := range a.Persistence {
		if c.Target != "" && !slices.Contains(resources, c.Target) {
			resources = append(resources, c.Target)
		}
	}
	state := messages.StateNow(in, s, utc)
	return []string{
		stamp(s.Time), outcome, relation, s.Caller, s.CallerARN, s.CallerAccessKey, s.SessionName, s.SourceIdentity,
		string(s.MFA), s.SourceAddress, s.UserAgent,
		s.Region, s.AccessKeyID, stamp(s.Expires), s.EventName, s.EventID,
		messages.Unusual(in.Suspects[s.EventID]), calls, denied, strings.Join(in.Suspects[s.EventID].From, " "),
		state, role.AccountName, role.AccountID, role.Name, strings.Join(services, ", "),
		strings.Join(messages.Notable(a), ", "), strings.Join(resources, ", "), s.Tags,
		"session " + s.SessionName + " of " + s.Caller + " from " + s.SourceAddress + ": " + state,
		s.Time.UTC().Format("2006-01-02T15:04:05+00:00"), kind,
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// CSV is the complete list of sessions as a spreadsheet reads it (RFC 4180), newest first. A text
// from outside that a spreadsheet would take for a formula gets an apostrophe in front, also where
// a spreadsheet that parts cells at ";" would see one begin (OWASP, "CSV Injection").
func CSV(in record.Incident, role record.Role) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	rows := [][]string{columns}
	for _, s := range in.Sessions {
		cells := cells(in, s, role)
		for i, text := range cells {
			cells[i] = inCell(text)
		}
		rows = append(rows, cells)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("list of sessions: %w", err)
	}
	return out.Bytes(), nil
}

// formula is where one could begin: at the start of a text or behind a ";", with spaces and quotes
// before it.
var formula = regexp.MustCompile(`(^|;)([ "']*[=+\-@|%＝＋－＠])`)

// inCell makes one line of a text and keeps a spreadsheet from computing it.
func inCell(text string) string {
	return formula.ReplaceAllString(messages.Clean(text, 1000), "$1'$2")
}

// JSONLines is the same for programs: one object a line, without what is not known.
func JSONLines(in record.Incident, role record.Role) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for _, s := range in.Sessions {
		object := make(map[string]any, len(columns))
		for i, text := range cells(in, s, role) {
			if text = strings.ToValidUTF8(text, "\uFFFD"); text != "" {
				object[columns[i]] = text
			}
		}
		if a, looked := in.Activities[s.EventID]; looked {
			object["calls"], object["calls_denied"] = a.Calls, a.Denied
		}
		if err := e.Encode(object); err != nil {
			return nil, fmt.Errorf("list of sessions: %w", err)
		}
	}
	return out.Bytes(), nil
}
