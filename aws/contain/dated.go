package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The policies of revoke.
const (
	// ConsolePolicy is what the IAM console writes under "Revoke active sessions". Revoke uses the
	// same name, so that the console and the bot see each other's work. The console overwrites
	// whatever is in it.
	ConsolePolicy = "AWSRevokeOlderSessions"
	// OwnPolicy begins the name that revoke uses where ConsolePolicy holds something else.
	OwnPolicy = "RevokebotOlderSessions-"
)

type revoke struct{ dated }

// Revoke denies a role's sessions that were issued before the write. It is a Prober, Expirer,
// Expecter and Dated.
func Revoke() Measure { return revoke{} }

// Places is one document: in the console's policy, or in one that is named by the request.
func (revoke) Places(t Target) [][]Slot {
	return [][]Slot{{
		{RoleInline, ConsolePolicy},
		{RoleInline, OwnPolicy + t.Request[:min(8, len(t.Request))]},
	}}
}

// Reads is nothing.
func (revoke) Reads(Target) []Slot { return nil }

// Want is the revocation with the latest of now and the margin, what was promised, and the
// revocation that is there.
func (m revoke) Want(s State, promised []Document) ([]Document, error) {
	d, err := m.want(s, m.Places(s.Target)[0], promised)
	if _, refused := errors.AsType[*Refusal](err); err != nil && !refused {
		return nil, err
	}
	return []Document{d}, err
}

// mostAhead is how far ahead of the clock a date may lie that someone else wrote. A later one is no
// revocation but a lock of sessions that do not exist yet: it is neither adopted nor guarded nor
// restored.
const mostAhead = time.Hour

// dated is what measures whose document is a revocation have in common.
type dated struct{}

// want returns the revocation for the first usable place, or for the place that was promised last
// if that is usable.
func (dated) want(s State, places []Slot, promised []Document) (Document, error) {
	if s.Now.IsZero() {
		return Document{}, errors.New("contain: AWS's time is not known")
	}
	promises, last, err := read(places, promised)
	if err != nil {
		return Document{}, err
	}
	var there []time.Time // in the usable places, zero if nothing is there
	var usable []Slot
	for _, place := range places {
		d, err := s.Found(place)
		if err != nil {
			return Document{}, err
		}
		at, ok := readRevocation(d.Text)
		if ok && (believed(s.Now, at) || slices.ContainsFunc(promises, at.Equal)) || d.Text == "" {
			usable, there = append(usable, place), append(there, at)
		}
	}
	if len(usable) == 0 {
		return Document{}, noPlace(s.Principal, places)
	}
	i := max(0, slices.Index(usable, last))
	cutoff := ceilSecond(s.Now).Add(max(s.Margin, 0))
	for _, at := range append(promises, there[i]) {
		if at.After(cutoff) {
			cutoff = at
		}
	}
	if cutoff = ceilSecond(cutoff); cutoff.After(latestDate) {
		cutoff = latestDate
	}
	return Document{usable[i], revocation(cutoff)}, nil
}

// read returns the cutoffs that were promised for such slots, and the place that was promised last.
func read(places []Slot, promised []Document) (cutoffs []time.Time, last Slot, err error) {
	for _, d := range promised {
		if d.Slot.Kind != places[0].Kind {
			continue // of another document of the measure
		}
		at, ok := readRevocation(d.Text)
		if !ok {
			return nil, Slot{}, fmt.Errorf("contain: what was promised for %s is not a revocation", d.Slot.Label())
		}
		cutoffs = append(cutoffs, at)
		if slices.Contains(places, d.Slot) {
			last = d.Slot
		}
	}
	return cutoffs, last, nil
}

func noPlace(p Principal, places []Slot) *Refusal {
	labels := make([]string, len(places))
	for i, place := range places {
		labels[i] = place.Label()
	}
	names, them := strings.Join(labels, " and ")+" hold documents", "them"
	if len(places) == 1 {
		names, them = labels[0]+" holds a document", "it"
	}
	return &Refusal{Slot: places[0], Sentence: names + " on " + p.title() + " that revokebot did not write, and it " +
		"never writes over " + them + ". Delete one that you do not need in the IAM console, then ask again."}
}

// believed reports whether a date can be one of a revocation, by AWS's clock.
func believed(now, cutoff time.Time) bool { return !cutoff.After(ceilSecond(now.Add(mostAhead))) }

// Gap compares cutoffs. The very cutoff that was written is enough however far ahead the clock has
// it.
func (dated) Gap(now time.Time, there, written Document) Gap {
	at, ok := readRevocation(there.Text)
	wanted, ours := readRevocation(written.Text)
	switch {
	case there.Text == "":
		return Gone
	case !ok || !ours || there.Slot.Kind != written.Slot.Kind || !believed(now, at) && !at.Equal(wanted):
		return Foreign
	case at.Before(wanted):
		return Earlier
	default:
		return Covers
	}
}

// Without puts back what was there before, if that is nothing or a revocation that is not later
// than ours: Want takes up the cutoff that it finds, so a later one was not there.
func (dated) Without(there Document, w Written) (Document, error) {
	at, ok := readRevocation(there.Text)
	before, exact := readRevocation(w.Before)
	ours := ok && w.wrote(there.Text)
	switch {
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	case there.Text == w.Before, !ours && same(there.Text, w.Before),
		slices.ContainsFunc(w.Others, func(text string) bool { return same(there.Text, text) }):
		return there, nil
	case !ours:
		return Document{}, notOurs(there.Slot)
	case w.Before != "" && (!exact || before.After(at)):
		return Document{}, notRestored(there.Slot)
	}
	return Document{w.Slot, w.Before}, nil
}

// Cutoff is the document's date.
func (dated) Cutoff(now time.Time, d Document) time.Time {
	if at, ok := readRevocation(d.Text); ok && believed(now, at) {
		return at
	}
	return time.Time{}
}

// Ends is the end of the longest session that can have been issued before the cutoff.
func (dated) Ends(d Document, p Principal) time.Time {
	at, ok := readRevocation(d.Text)
	if !ok {
		return time.Time{}
	}
	return at.Add(p.Kind.longest())
}

// Probes are two sessions, issued a second before the cutoff and a second after it.
func (dated) Probes(d Document) []Probe {
	at, ok := readRevocation(d.Text)
	if !ok {
		return nil
	}
	return []Probe{issued(at.Add(-time.Second), true), issued(at.Add(time.Second), false)}
}

// Policy is the document itself.
func (dated) Policy(d Document) string { return d.Text }

// Denies compares the issue time. A call with a user's access key has none, and the condition does
// not hold for it.
func (dated) Denies(d Document, c Call) Answer {
	at, ok := readRevocation(d.Text)
	switch {
	case !ok:
		return Unknown
	case c.LongTerm || c.neverDenied():
		return No
	case c.Issued.IsZero():
		return Unknown
	case c.Issued.Before(at):
		return Yes
	default:
		return No
	}
}

func issued(at time.Time, denied bool) Probe {
	return Probe{[]ContextKey{{issueTimeKey, "date", []string{at.UTC().Format(issueTimeFormat)}}}, denied}
}

// ceilSecond rounds up to a whole second, in UTC. Issue times have whole seconds and the comparison
// is strict: a session of the running second is denied.
func ceilSecond(t time.Time) time.Time {
	whole := t.UTC().Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}

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
		cutoff = time.Time{}
	}
	return cutoff, ok
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
		return slices.ContainsFunc(texts, func(text string) bool { return first == text })
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
	seconds, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(seconds, 0).UTC(), err == nil
}
