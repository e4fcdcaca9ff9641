package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
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

// On is the kind of principal that a measure contains.
func On(m Measure) PrincipalKind { return m.Places(Target{})[0][0].Kind.Facts().Principal }

// Gap is what keeps a document from doing what it was written to do.
type Gap string

// The gaps.
const (
	Covers  Gap = ""        // none
	Gone    Gap = "gone"    // nothing is there
	Foreign Gap = "foreign" // a document that the measure could not have written
	Earlier Gap = "earlier" // an earlier cutoff
	Wider   Gap = "wider"   // more addresses
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

// Fresh is what a measure would write where nothing is, over what was promised.
func Fresh(m Measure, t Target, promised ...Document) ([]Document, error) {
	s := State{Target: t}
	for _, slot := range slices.Concat(append(m.Places(t), m.Reads(t))...) {
		s.There = append(s.There, Document{Slot: slot})
	}
	return m.Want(s, promised)
}

// Sealer is a measure by whose trust policy no one opens a session: trying one proves it.
type Sealer interface{ Seals() }

// Trusting is a measure that has to know whether principals are still the same.
type Trusting interface {
	Trusts() []string // their ARNs
}

// Serving is a measure that depends on which AWS services use the role, by its trust policy.
type Serving interface {
	// Services returns what people have to know of that, or a Refusal.
	Services(t Target, services []string) (warning string, err error)
}

// Call is what a measure has to know of a call to AWS.
type Call struct {
	Service  string    // such as sts.amazonaws.com
	Name     string    // such as GetCallerIdentity
	Issued   time.Time // when the session's credentials were issued; zero unknown
	LongTerm bool      // signed with the access key of a user, not of a session
	Key      string    // the access key's id; "" unknown
	From     string    // CloudTrail's sourceIPAddress: an address, or the name of a service
	Endpoint bool      // it came through a VPC endpoint: From is an address inside a VPC
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

// Kind says what a slot is. The zero value is unknown and has no facts.
type Kind string

// The kinds.
const (
	RoleInline   Kind = "role_inline"   // inline policy of a role, by its name
	RoleAttached Kind = "role_attached" // managed policy of a role, by its ARN: names are not unique
	RoleTrust    Kind = "role_trust"    // trust policy of a role, without a name
	UserInline   Kind = "user_inline"   // inline policy of a user, by its name
	KeyStatus    Kind = "key_status"    // status of a user's access key, by the key's id
)

// Facts are what follows from a kind.
type Facts struct {
	Principal PrincipalKind // what the slot is on

	// IAM actions. Remove is "" if a document of the kind is never removed.
	Read, Put, Remove string

	// Events are CloudTrail's names of the calls by which others change a document.
	Events []string

	// Quota is the largest Kind.Size that fits, by default, of all documents of the kind on one
	// principal together; 0 means that there is no limit (IAM User Guide, "IAM and AWS STS quotas").
	Quota int
}

// Facts returns the facts of the kind.
func (k Kind) Facts() Facts {
	of := func(on PrincipalKind, quota int, read, put, remove string) Facts {
		f := Facts{Principal: on, Read: "iam:" + read, Put: "iam:" + put, Events: []string{put}, Quota: quota}
		if remove != "" {
			f.Remove, f.Events = "iam:"+remove, append(f.Events, remove)
		}
		return f
	}
	switch k {
	case RoleInline:
		return of(Role, 10_240, "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy")
	case RoleAttached:
		return of(Role, 20, "ListAttachedRolePolicies", "AttachRolePolicy", "DetachRolePolicy")
	case RoleTrust:
		return of(Role, 2_048, "GetRole", "UpdateAssumeRolePolicy", "")
	case UserInline:
		return of(User, 2_048, "GetUserPolicy", "PutUserPolicy", "DeleteUserPolicy")
	case KeyStatus:
		f := of(User, 0, "ListAccessKeys", "UpdateAccessKey", "")
		f.Events = append(f.Events, "DeleteAccessKey")
		return f
	default:
		return Facts{}
	}
}

// Inline reports whether the kind is an inline policy, in which the bot writes Deny only.
func (k Kind) Inline() bool { return k == RoleInline || k == UserInline }

// Size counts a text as the kind's quota does: the characters of an inline policy without white
// space, all characters of a trust policy, one for an attached policy.
func (k Kind) Size(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case k == RoleAttached:
			return 1
		case k == RoleTrust || !unicode.IsSpace(r):
			n++
		}
	}
	return n
}

// Slot is a place for one document on a principal.
type Slot struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"`
}

// Label returns the slot's name as people and the policy simulator use it: of an ARN the last
// segment.
func (s Slot) Label() string {
	if s.Kind == RoleTrust {
		return "The trust policy"
	}
	return s.Name[strings.LastIndexByte(s.Name, '/')+1:]
}

// PrincipalKind says what can be contained. The zero value is unknown.
type PrincipalKind string

// The kinds of principals.
const (
	Role PrincipalKind = "role"
	User PrincipalKind = "user"
)

// longest returns how long a session of such a principal can live: twelve hours for a role,
// whatever its maximum says now, because it can have been lowered and AWS services do not keep to
// it; 36 hours for a user (STS API Reference, "GetSessionToken" and "GetFederationToken") and for
// what is unknown.
func (k PrincipalKind) longest() time.Duration {
	if k == Role {
		return 12 * time.Hour
	}
	return 36 * time.Hour
}

// Principal is a role or a user. Its texts are foreign.
type Principal struct {
	Kind        PrincipalKind `json:"kind"`
	AccountName string        `json:"account"` // as the configuration has it
	AccountID   string        `json:"account_id"`
	Partition   string        `json:"partition"` // such as aws
	Path        string        `json:"path"`      // begins and ends with a slash
	Name        string        `json:"name"`
	ARN         string        `json:"arn"` // with the path
	ID          string        `json:"id"`  // the unique id: AROA… or AIDA…
}

// title names the principal for people.
func (p Principal) title() string { return p.AccountName + "/" + p.Name }

// Documents are changes as what was promised.
func Documents(changes []Change) []Document {
	docs := make([]Document, len(changes))
	for i, c := range changes {
		docs[i] = Document{Slot: c.Slot, Text: c.After}
	}
	return docs
}

// ErrNotOurs is the refusal of an undo where someone else's document is in the slot.
var ErrNotOurs = errors.New("what is there is not what was written")

// Refusal says why a document is not written.
type Refusal struct {
	Slot     Slot   // one of the document's places
	Sentence string // for people: why, and what to do
	NotOurs  bool   // what is there is not what was written; ErrNotOurs
}

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Sentence }

// Is makes errors.Is find ErrNotOurs.
func (r *Refusal) Is(target error) bool { return target == ErrNotOurs && r.NotOurs }

// RefusalOf finds in an error of Want the refusal of the document with these places. It is nil if
// there is none.
func RefusalOf(err error, places []Slot) *Refusal {
	if r, ok := err.(*Refusal); ok && slices.Contains(places, r.Slot) {
		return r
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if r := RefusalOf(e, places); r != nil {
				return r
			}
		}
	}
	return nil
}

func notOurs(s Slot) *Refusal {
	return &Refusal{s, s.Label() + " is not what revokebot wrote: someone changed it. It stays as it is. Look at it in " +
		"the IAM console and decide there.", true}
}

func notRestored(s Slot) *Refusal {
	return &Refusal{Slot: s, Sentence: "Before the request, " + s.Label() + " held something that is not exactly a " +
		"revocation. revokebot never writes such a document. Nothing was undone. Delete or replace the policy in the IAM " +
		"console."}
}
