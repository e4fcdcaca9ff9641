package contain

import (
	"encoding/json"
	"fmt"
	"time"
)

// Target is what a request is about.
type Target struct {
	Principal Principal
	Request   string          // the request's id
	Params    json.RawMessage // of the measure; nil if it takes none
}

// State is what one read found.
type State struct {
	Target
	Now     time.Time         // the latest that AWS's clock can show
	Margin  time.Duration     // time that IAM takes to enforce a policy everywhere
	There   []Document        // one for each slot of Places and Reads
	Trusted map[string]string // unique ids of the principals that a trust policy names, by ARN
}

// Found returns what was read in a slot. A slot that was not read is an error: it is not known to
// be empty.
func (s State) Found(slot Slot) (Document, error) {
	for _, d := range s.There {
		if d.Slot == slot {
			return d, nil
		}
	}
	return Document{}, fmt.Errorf("contain: %s was not read", slot.Label())
}

// Measure contains a principal by what one or more documents say. Its methods are pure.
type Measure interface {
	// Places returns the documents in write order, each with the slots in which it may stand. No slot
	// is in two documents.
	Places(Target) [][]Slot
	// Reads returns the slots that Want has to see besides.
	Reads(Target) []Slot
	// Want returns one document for each of Places. It covers what was promised: what other requests
	// have in force, then what this request has promised, oldest first. A document that must not be
	// written is zero, and the error has a Refusal for it (see RefusalOf); the others can be written
	// all the same. Any other error comes without documents.
	Want(s State, promised []Document) ([]Document, error)
	// Gap says what keeps a document from doing at least what another one of the same document's
	// places was written to do.
	Gap(now time.Time, there, written Document) Gap
	// Without returns what there has to say after what was written was taken away. It is there itself
	// if nothing is to be done, and a Refusal (ErrNotOurs) if there is neither what was written nor
	// what was before.
	Without(there Document, w Written) (Document, error)
}

// Gap is what keeps a document from doing what it was written to do.
type Gap string

// The gaps.
const (
	Covers  Gap = ""        // none
	Gone    Gap = "gone"    // nothing is there
	Foreign Gap = "foreign" // a document that the measure could not have written
	Earlier Gap = "earlier" // an earlier cutoff
	Changed Gap = "changed" // another text where the very text counts
)

// Prober is a measure that the policy simulator can prove.
type Prober interface {
	// Probes returns what the simulator has to say of a document; nil if it is not one of the
	// measure's.
	Probes(Document) []Probe
	// Policy returns the text that denies, for the simulator's PolicyInputList: a drill attaches
	// nothing.
	Policy(Document) string
}

// Probe is one question to the simulator, about an action that every Deny of everything covers.
type Probe struct {
	Keys   []ContextKey
	Denied bool // what the answer has to be
}

// ContextKey is a condition key of a request.
type ContextKey struct {
	Name   string
	Type   string // as the simulator calls it: date, ip, string
	Values []string
}

// Expirer is a measure whose documents lose their use with time.
type Expirer interface {
	// Ends returns when a document has outlived every session that it denies; zero if that is not
	// known.
	Ends(Document, Principal) time.Time
}

// Dated is a measure whose documents have a cutoff.
type Dated interface {
	// Cutoff returns the issue time before which a document denies sessions. It is zero if the
	// document is not exactly a revocation, or dated more than an hour ahead of now: the time when it
	// was read or promised.
	Cutoff(now time.Time, d Document) time.Time
}

// Expecter is a measure that says which calls it denies, once it is enforced.
type Expecter interface {
	Denies(Document, Call) Answer
}

// Call is what a measure has to know of a call to AWS.
type Call struct {
	Service  string    // such as sts.amazonaws.com
	Name     string    // such as GetCallerIdentity
	Issued   time.Time // when the session's credentials were issued; zero unknown
	LongTerm bool      // signed with the access key of a user, not of a session
}

// neverDenied reports whether no policy can deny the call (STS API Reference, "GetCallerIdentity").
func (c Call) neverDenied() bool {
	return c.Name == "GetCallerIdentity" && (c.Service == "sts.amazonaws.com" || c.Service == "sts.amazonaws.com.cn")
}

// Answer says whether a call is denied. The zero value is unknown.
type Answer int

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

// String returns the answer in a word.
func (a Answer) String() string {
	switch a {
	case Yes:
		return "yes"
	case No:
		return "no"
	default:
		return "unknown"
	}
}
