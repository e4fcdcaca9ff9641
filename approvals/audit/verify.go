package audit

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/revokebot/revokebot/approvals"
)

// maxLine is the length from which on a line is not one of an audit log: details have at most some
// 50 kB.
const maxLine = 4 << 20

// Report is what Verify found.
type Report struct {
	Lines       int   // that were read
	First, Last int64 // their numbers
	Head        Head  // of the last
	Signed      int   // lines whose signatures were checked and are good
	Forged      int   // events that the chain itself marks as not signed by the deployment
	Problems    []string
	More        int // problems that were not kept
}

// maxProblems is how many are kept: of a file that is something else there are as many as lines.
const maxProblems = 20

// Whole reports whether nothing is wrong.
func (r Report) Whole() bool { return len(r.Problems) == 0 }

func (r *Report) add(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Verify reads an audit log and looks for lines that were changed, taken out, added or moved. With
// keys it checks the signatures, and says of each line that has none of theirs; without, only the
// chain. until is where the log has to reach at least; its zero value asks for nothing. It fails
// when the log cannot be read to its end.
func Verify(in io.Reader, keys []ed25519.PublicKey, until Head) (Report, error) {
	v := verifier{keys: make(map[string]ed25519.PublicKey), seqs: make(map[string]int64), until: until}
	for _, k := range keys {
		v.keys[approvals.KeyName(k)] = k
	}
	r := bufio.NewReaderSize(in, 64<<10)
	if mark, _ := r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark { // some editors put it in front
		_, _ = r.Discard(len(byteOrderMark))
	}
	for {
		text, err := readText(r)
		if errors.Is(err, io.EOF) {
			if text != "" {
				v.Lines++
				v.add("line %d: it was cut off: it has no end of line.", v.Lines)
			}
			break
		}
		if err != nil {
			return v.Report, err
		}
		v.Lines++
		v.line(text)
	}
	v.end()
	return v.Report, nil
}

const byteOrderMark = "\ufeff"

// errLongLine is for what cannot be an audit log.
var errLongLine = errors.New("a line is too long for an audit log")

func readText(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, err := r.ReadSlice('\n')
		b.Write(part)
		switch {
		case b.Len() > maxLine:
			return "", errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return b.String(), err
		default:
			return strings.TrimSuffix(b.String(), "\n"), nil
		}
	}
}

type verifier struct {
	Report
	keys   map[string]ed25519.PublicKey
	seqs   map[string]int64 // the last event of each request
	until  Head
	seen   bool // the line until
	signed bool // a line was signed; from then on all are
	gap    bool // lines are missing
}

func (v *verifier) line(text string) {
	l, signedText, signature, err := readLine(text)
	if err != nil {
		v.add("line %d: it is no line of an audit log.", v.Lines)
		return
	}
	changed := v.signature(l, signedText, signature)
	if v.Last > 0 && l.N <= v.Last {
		if l.N == v.Last {
			v.add("%s: there is a line %d before it already: one was added.", v.name(l.N), l.N)
		} else {
			v.add("%s: it comes after line %d: it was moved, or added.", v.name(l.N), v.Last)
		}
		return
	}
	switch {
	case v.Last == 0: // the first that can be read
		v.First = l.N
		if l.N == 1 && l.Prev != Start().Hash {
			v.add("%s: the first line of a chain follows none, and this one does.", v.name(l.N))
		}
	case l.N > v.Last+1:
		v.add("%s: %s missing before it.", v.name(l.N), span("line", v.Last+1, l.N-1, "is", "are"))
		v.gap = true
		clear(v.seqs) // what was in them is not known
	case l.Prev != v.Head.Hash && !changed:
		v.add("%s: it does not follow the line before it: line %d was changed after it was chained, "+
			"or another stands in its place.", v.name(l.N), v.Last)
	}
	v.event(l, changed)
	v.Last, v.Head = l.N, Head{N: l.N, Hash: hashOf(text)}
	if v.until.N == l.N && v.until.N > 0 {
		v.seen = true
		if v.until.Hash != v.Head.Hash {
			v.add("%s: its hash is %s, not the %s of the head that was given.", v.name(l.N), v.Head.Hash, v.until.Hash)
		}
	}
}

// signature checks that of a line and reports whether the line was changed.
func (v *verifier) signature(l line, text string, signature []byte) bool {
	if len(v.keys) == 0 {
		return false
	}
	key, known := v.keys[l.Key]
	switch {
	case l.Key == "" && v.signed:
		v.add("%s: it is not signed, and lines before it are: it was changed or added.", v.name(l.N))
		return true
	case l.Key == "":
		return false
	case !known:
		v.signed = true
		v.add("%s: it is signed with key %s, which was not given: give the public key with that name as well.", v.name(l.N),
			l.Key)
		return false
	case !approvals.VerifyLine(key, []byte(text), signature):
		v.signed = true
		v.add("%s: it was changed: its signature is not of this text.", v.name(l.N))
		return true
	}
	v.signed = true
	v.Signed++
	return false
}

// event checks that the events of a request come one after the other, and are sealed as they are
// marked.
func (v *verifier) event(l line, changed bool) {
	if l.Forged != "" {
		v.Forged++
		return
	}
	if key, ok := v.keys[l.Key]; ok && !changed {
		if why := approvals.CheckEvent(key, l.Request, l.event()); why != "" && why != approvals.ForgeryOtherKey {
			v.add("%s: the event in it is not as it was recorded: %s.", v.name(l.N), why.Words())
		}
	}
	if l.Request == "" {
		return
	}
	last, known := v.seqs[l.Request]
	switch {
	case changed, l.Type == approvals.EventForged:
	case known && l.Seq > last+1:
		v.add("%s: event %d of request %s follows event %d: %s not chained.", v.name(l.N), l.Seq, l.Request, last,
			span("event", last+1, l.Seq-1, "was", "were"))
	case known && l.Seq <= last:
		v.add("%s: event %d of request %s comes after event %d: its log was set back.", v.name(l.N), l.Seq, l.Request, last)
	case !known && v.First == 1 && !v.gap && l.Seq != 1:
		v.add("%s: request %s begins with event %d.", v.name(l.N), l.Request, l.Seq)
	}
	v.seqs[l.Request] = l.Seq
}

func (v *verifier) end() {
	switch {
	case v.Lines == 0:
		v.add("There is no line in it.")
	case v.until.N > v.Last:
		v.add("It ends with line %d: %s missing at its end.", v.Last, span("line", v.Last+1, v.until.N, "is", "are"))
	case v.until.N > 0 && v.until.N < v.First:
		v.add("It begins with line %d, so line %d of the head that was given cannot be compared.", v.First, v.until.N)
	case v.until.N > 0 && !v.seen:
		v.add("Line %d, of the head that was given, is not in it.", v.until.N)
	}
	if len(v.keys) > 0 && !v.signed && v.Lines > 0 && len(v.Problems) == 0 {
		v.add("None of its lines is signed.")
	}
}

// name says which line is meant: where it stands, and its number if that is another.
func (v *verifier) name(n int64) string {
	if int64(v.Lines) == n {
		return fmt.Sprintf("line %d", n)
	}
	return fmt.Sprintf("line %d (number %d)", v.Lines, n)
}

// span names lines or events, with the verb for one or for several.
func span(noun string, from, to int64, one, several string) string {
	if from == to {
		return fmt.Sprintf("%s %d %s", noun, from, one)
	}
	return fmt.Sprintf("%ss %d to %d %s", noun, from, to, several)
}
