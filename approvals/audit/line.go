package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Entry is an event that is to be chained.
type Entry struct {
	ID      string // the store's own
	Request string // empty: the event belongs to no request
	Event   approvals.Event
}

// Head is where a chain ends.
type Head struct {
	N    int64  // the number of the last line, 0 before the first
	Hash string // of the last line
}

// Start is the head of a chain without a line.
func Start() Head { return Head{Hash: strings.Repeat("0", 2*sha256.Size)} }

// String is as --head takes it.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.N, h.Hash) }

// line is a line as JSON, up to its signature. The order of its members is that of the text.
type line struct {
	N       int64               `json:"n"`
	Prev    string              `json:"prev"`
	At      string              `json:"at"`
	Request string              `json:"request,omitempty"`
	Seq     int64               `json:"seq,omitempty"`
	Type    approvals.EventType `json:"type"`
	By      string              `json:"by,omitempty"`
	Source  string              `json:"source,omitempty"`
	Detail  json.RawMessage     `json:"detail,omitempty"`
	Seal    string              `json:"seal,omitempty"`
	Forged  approvals.Forgery   `json:"forged,omitempty"` // what was wrong with the event's seal when it was chained
	Key     string              `json:"key,omitempty"`    // the name of the key that signed the line
}

// The end of a signed line. What is before it is what was signed.
const (
	beforeSig = `,"sig":"`
	afterSig  = `"}`
)

// next makes the line that follows a head, and the head with it. With no key it is not signed.
func next(head Head, entry Entry, key approvals.Key) (string, Head, error) {
	e := entry.Event
	l := line{
		N: head.N + 1, Prev: head.Hash, At: e.At.UTC().Format("2006-01-02T15:04:05.000Z"), Request: entry.Request, Seq: e.Seq,
		Type: e.Type, By: e.By, Source: e.Source,
		Detail: e.Detail, Seal: e.Seal,
	}
	if !key.IsZero() {
		l.Key, l.Forged = approvals.KeyName(key.Public()), approvals.CheckEvent(key.Public(), entry.Request, e)
	}
	if len(e.Detail) > 0 && !json.Valid(e.Detail) {
		quoted, err := json.Marshal(string(e.Detail))
		if err != nil {
			return "", head, fmt.Errorf("audit line %d: %w", l.N, err)
		}
		l.Detail, l.Forged = quoted, approvals.ForgeryUnreadable
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // the detail stays as it was signed
	if err := encoder.Encode(l); err != nil {
		return "", head, fmt.Errorf("audit line %d: %w", l.N, err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if !key.IsZero() {
		text = strings.TrimSuffix(text, "}")
		text += beforeSig + base64.StdEncoding.EncodeToString(key.SignLine([]byte(text))) + afterSig
	}
	return text, Head{N: l.N, Hash: hashOf(text)}, nil
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// errNoLine is for what is no line of an audit log.
var errNoLine = errors.New("this is no line of an audit log")

// readLine reads a line: what it says, what was signed, and the signature, empty when there is
// none.
func readLine(text string) (l line, signed string, signature []byte, err error) {
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.N < 1 || len(l.Prev) != 2*sha256.Size || l.Type == "" {
		return line{}, "", nil, errNoLine
	}
	at := strings.LastIndex(text, beforeSig)
	if at < 0 || l.Key == "" {
		return l, text, nil, nil
	}
	signature, err = base64.StdEncoding.DecodeString(strings.TrimSuffix(text[at+len(beforeSig):], afterSig))
	if err != nil || !strings.HasSuffix(text, afterSig) {
		return line{}, "", nil, errNoLine
	}
	return l, text[:at], signature, nil
}

// HeadOf is the head of a chain that ends with a line.
func HeadOf(text string) (Head, error) {
	l, _, _, err := readLine(text)
	return Head{N: l.N, Hash: hashOf(text)}, err
}

// event is what the line tells of.
func (l line) event() approvals.Event {
	at, _ := time.Parse(time.RFC3339, l.At) // the seal of another time does not fit
	return approvals.Event{Seq: l.Seq, Type: l.Type, At: at, By: l.By, Source: l.Source, Detail: l.Detail, Seal: l.Seal}
}
