package contain

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// issueTimeKey is the condition key. Texts in circulation spell it aws:TokeIssueTime: such a policy
// denies no session.
const issueTimeKey = "aws:TokenIssueTime"

// issueTimeFormat writes UTC with a Z, as the IAM console does. A date without a zone denies no
// session.
const issueTimeFormat = "2006-01-02T15:04:05.000Z"

// latestDate is the last second that four digits of a year can name.
var latestDate = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// revocation writes the document as the console does under "Revoke active sessions" (IAM User
// Guide, "Revoke IAM role temporary security credentials").
func revocation(cutoff time.Time) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":` +
		`{"DateLessThan":{"` + issueTimeKey + `":"` + cutoff.UTC().Format(issueTimeFormat) + `"}}}]}`
}

// readRevocation reads a document that is exactly a revocation. It is the only reader of dates and
// policies in this package, and accepts less than IAM does: where two readers could differ, the
// document is no revocation.
func readRevocation(text string) (cutoff time.Time, ok bool) {
	if !plain(text) || !json.Valid([]byte(text)) {
		return time.Time{}, false
	}
	r := reader{json.NewDecoder(strings.NewReader(text))}
	r.UseNumber()
	ok = r.object(members{
		"Version": one("2012-10-17", "2008-10-17"),
		"Statement": r.oneOrList(r.object(members{
			"Effect":   one("Deny"),
			"Action":   r.oneOrList(one("*")),
			"Resource": r.oneOrList(one("*")),
			"Condition": r.object(members{
				"DateLessThan": r.object(members{issueTimeKey: r.oneOrList(date(&cutoff))}),
			}),
		})),
	})(r.next())
	if !ok {
		return time.Time{}, false
	}
	return cutoff, true
}

// plain reports whether a text holds printable ASCII and JSON's white space only, and no escapes.
// Readers differ in what they make of the rest: some fold the Kelvin sign to a k.
func plain(text string) bool {
	for _, c := range []byte(text) {
		if c == '\\' || c > '~' || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// value accepts or rejects a JSON value, given its first token. It reads the rest of an accepted
// one.
type value func(first json.Token) bool

// members are the members that an object has to have, each once. Reading takes them out.
type members map[string]value

// reader reads JSON that is known to be valid.
type reader struct{ *json.Decoder }

func (r reader) next() json.Token {
	t, err := r.Token()
	if err != nil {
		return nil
	}
	return t
}

// object accepts an object with exactly these members, in any order. A member that is unknown,
// doubled or written in another case is not among those that are left. Only the condition key has
// no case.
func (r reader) object(left members) value {
	return func(first json.Token) bool {
		if first != json.Delim('{') {
			return false
		}
		for r.More() {
			name, ok := r.next().(string)
			if strings.EqualFold(name, issueTimeKey) {
				name = issueTimeKey
			}
			accepts := left[name]
			delete(left, name)
			if !ok || accepts == nil || !accepts(r.next()) {
				return false
			}
		}
		return r.next() == json.Delim('}') && len(left) == 0
	}
}

// oneOrList accepts a value, or a list of one.
func (r reader) oneOrList(v value) value {
	return func(first json.Token) bool {
		if first != json.Delim('[') {
			return v(first)
		}
		return v(r.next()) && r.next() == json.Delim(']')
	}
}

// one accepts a string that is one of the given ones.
func one(texts ...string) value {
	return func(first json.Token) bool {
		for _, text := range texts {
			if first == text {
				return true
			}
		}
		return false
	}
}

// date accepts a date, and keeps it.
func date(into *time.Time) value {
	return func(first json.Token) (ok bool) {
		switch t := first.(type) {
		case string:
			*into, ok = parseDate(t)
		case json.Number:
			*into, ok = parseEpoch(t.String())
		}
		return ok
	}
}

var (
	dateForm  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$`)
	epochForm = regexp.MustCompile(`^[1-9]\d{8,9}$`)
)

// parseDate reads a date in UTC, or seconds since 1970. IAM takes other forms too (IAM User Guide,
// "Date condition operators"), but not all that look like one.
func parseDate(s string) (time.Time, bool) {
	if !dateForm.MatchString(s) {
		return parseEpoch(s)
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil && t.Unix() > 0
}

// parseEpoch reads seconds since 1970 of nine or ten digits: a moment between 1973 and 2286.
func parseEpoch(s string) (time.Time, bool) {
	if !epochForm.MatchString(s) {
		return time.Time{}, false
	}
	var seconds int64
	for _, c := range s {
		seconds = seconds*10 + int64(c-'0')
	}
	return time.Unix(seconds, 0).UTC(), true
}
