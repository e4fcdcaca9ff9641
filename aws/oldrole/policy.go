package role

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// PolicyName is the inline policy that the IAM console writes under "Revoke active sessions" (IAM User Guide, "Revoke
// IAM role temporary security credentials"). The same name is used, so that the console and we see each other's work.
const PolicyName = "AWSRevokeOlderSessions"

// issueTimeKey is the condition key. Texts in circulation spell it aws:TokeIssueTime: such a policy is stored and denies
// nobody.
const issueTimeKey = "aws:TokenIssueTime"

// issueTimeFormat writes UTC with a Z. A date without a zone is stored too, and denies nobody.
const issueTimeFormat = "2006-01-02T15:04:05.000Z"

// denyStatement is the statement as the console writes it.
func denyStatement(cutoff time.Time) string {
	return `{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"` + issueTimeKey + `":"` +
		cutoff.UTC().Format(issueTimeFormat) + `"}}}`
}

// policy is an inline policy, its statements as they were written.
type policy struct {
	version, id json.RawMessage
	statements  []json.RawMessage
}

// parsePolicy reads a decoded document. It reports false for what is not a policy.
func parsePolicy(document string) (policy, bool) {
	var outer struct{ Version, Id, Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &outer) != nil {
		return policy{}, false
	}
	p := policy{version: outer.Version, id: outer.Id}
	if len(outer.Statement) == 0 || string(outer.Statement) == "null" {
		return p, true
	}
	if json.Unmarshal(outer.Statement, &p.statements) != nil {
		p.statements = []json.RawMessage{outer.Statement}
	}
	for _, s := range p.statements {
		var object map[string]json.RawMessage
		if json.Unmarshal(s, &object) != nil || object == nil {
			return policy{}, false
		}
	}
	return p, true
}

// cutoff returns the highest cutoff of the statements that have our shape, zero when there is none. Where a date denies
// nobody because IAM cannot read it, there is no cutoff.
func (p policy) cutoff() time.Time {
	var highest time.Time
	for _, raw := range p.statements {
		dates, ours := ourDates(raw)
		if !ours {
			continue
		}
		for _, date := range dates {
			if t, ok := parseDate(date); ok && t.After(highest) {
				highest = t
			}
		}
	}
	return highest
}

// CutoffOf returns the cutoff of a document, zero for one without a deny that works.
func CutoffOf(document string) time.Time {
	p, _ := parsePolicy(document)
	return p.cutoff()
}

// withCutoff returns the document with the cutoff in place of every statement of our shape. The other statements, the
// version and the id stay as they were written.
func (p policy) withCutoff(cutoff time.Time) string {
	var kept []string
	written := false
	for _, raw := range p.statements {
		if _, ours := ourDates(raw); !ours {
			kept = append(kept, string(raw))
		} else if !written {
			kept = append(kept, denyStatement(cutoff))
			written = true
		}
	}
	if !written {
		kept = append(kept, denyStatement(cutoff))
	}
	version := string(p.version)
	if version == "" && len(kept) == 1 {
		// Nothing else depends on the language's version: take today's, as the console does.
		version = `"2012-10-17"`
	}
	var doc strings.Builder
	doc.WriteByte('{')
	if version != "" {
		doc.WriteString(`"Version":` + version + `,`)
	}
	if len(p.id) > 0 {
		doc.WriteString(`"Id":` + string(p.id) + `,`)
	}
	doc.WriteString(`"Statement":[` + strings.Join(kept, ",") + `]}`)
	return doc.String()
}

// lacks returns the statements of another policy, those of our shape aside, that this one does not have.
func (p policy) lacks(other policy) []json.RawMessage {
	var missing []json.RawMessage
	for _, raw := range other.statements {
		same := func(there json.RawMessage) bool { return sameJSON(string(there), string(raw)) }
		if _, ours := ourDates(raw); !ours && !slices.ContainsFunc(p.statements, same) {
			missing = append(missing, raw)
		}
	}
	return missing
}

// and returns the policy with what it lacks of another one, in front; with nothing of its own it is the other one.
func (p policy) and(other policy) policy {
	if len(p.statements) == 0 {
		p.version, p.id = other.version, other.id
	}
	p.statements = slices.Concat(p.lacks(other), p.statements)
	return p
}

// ourDates returns the dates of a statement that has the console's shape: it denies everything on everything under no
// other condition than DateLessThan aws:TokenIssueTime.
func ourDates(raw json.RawMessage) (dates []string, ours bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil, false
	}
	for name := range members {
		switch name {
		case "Sid", "Effect", "Action", "Resource", "Condition":
		default:
			return nil, false
		}
	}
	if members["Effect"] == nil || members["Action"] == nil || members["Resource"] == nil || members["Condition"] == nil {
		return nil, false // most of what others wrote lacks one, and need not be read a second time
	}
	var s struct {
		Effect           string
		Action, Resource oneOrMore
		Condition        map[string]map[string]oneOrMore
	}
	if json.Unmarshal(raw, &s) != nil || s.Effect != "Deny" || !isStar(s.Action) || !isStar(s.Resource) || len(s.Condition) != 1 {
		return nil, false
	}
	keys, ok := s.Condition["DateLessThan"]
	if !ok || len(keys) != 1 {
		return nil, false
	}
	for key, values := range keys {
		if strings.EqualFold(key, issueTimeKey) { // IAM does not tell condition keys apart by case
			return values, true
		}
	}
	return nil, false
}

func isStar(list oneOrMore) bool { return len(list) == 1 && list[0] == "*" }

// latestDate is the last second that a policy can name in four digits of year.
var latestDate = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// parseDate reads a date as IAM does: a W3C form of ISO 8601 with a zone, or seconds since 1970 (IAM User Guide, "Date
// condition operators").
func parseDate(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	var seconds json.Number
	if json.Unmarshal([]byte(s), &seconds) != nil {
		return time.Time{}, false
	}
	whole, err := seconds.Float64()
	if err != nil || whole < 0 {
		return time.Time{}, false
	}
	if whole >= float64(latestDate.Unix()) {
		return latestDate, true
	}
	return time.Unix(int64(whole), 0).UTC(), true
}

// sameJSON reports whether two documents say the same, whatever their white space and the order of members.
func sameJSON(a, b string) bool {
	va, okA := decodeJSON(a)
	vb, okB := decodeJSON(b)
	return okA && okB && reflect.DeepEqual(va, vb)
}

func decodeJSON(s string) (value any, ok bool) {
	if !json.Valid([]byte(s)) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(s)))
	decoder.UseNumber()
	return value, decoder.Decode(&value) == nil
}

// cutoffAt decides before which issue time sessions are denied.
//
// now is the latest that AWS's clock can show; issue times have whole seconds and the comparison is strict, so it is
// rounded up: a session of this very second is denied. The margin is added for the time that IAM takes to spread the
// policy, in which sessions can still be opened. The result is never below what is on the role already, nor below what
// an earlier attempt promised.
func cutoffAt(now time.Time, margin time.Duration, existing, promised time.Time) time.Time {
	cutoff := ceilSecond(now).Add(margin)
	for _, other := range []time.Time{existing, promised} {
		if other.After(cutoff) {
			cutoff = other
		}
	}
	cutoff = ceilSecond(cutoff)
	if cutoff.After(latestDate) {
		return latestDate
	}
	return cutoff
}

// ceilSecond rounds up to a whole second, in UTC.
func ceilSecond(t time.Time) time.Time {
	whole := t.UTC().Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}
