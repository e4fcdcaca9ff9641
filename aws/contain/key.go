package contain

import (
	"encoding/json"
	"errors"
	"time"
)

// Statuses of an access key (IAM API Reference, "UpdateAccessKey").
const (
	KeyActive   = "Active"
	KeyInactive = "Inactive"
)

// KeyParams are the parameters of Key.
type KeyParams struct {
	Key string `json:"key"` // the access key's id
}

type key struct{ dated }

// Key contains the leaked access key of a user: it makes the key inactive, then denies the user's
// sessions that were issued before that. Sessions outlive an inactive key by up to 36 hours. The
// user's other keys go on, because their calls have no issue time. It is a Prober, Expirer,
// Expecter and Dated. Nothing in it makes a key active.
func Key() Measure { return key{} }

// Places are the key's status, and the revocation in a policy that the requests for all keys of the
// user share, or in one that is named by the request.
func (key) Places(t Target) [][]Slot {
	var params KeyParams
	_ = json.Unmarshal(t.Params, &params) // Want refuses a slot without a name
	const name = "RevokebotOlderSessions"
	return [][]Slot{
		{{KeyStatus, params.Key}},
		{{UserInline, name}, {UserInline, name + "-" + t.Request[:min(8, len(t.Request))]}},
	}
}

// Reads is nothing.
func (key) Reads(Target) []Slot { return nil }

// Want is an inactive key, and the revocation with the latest of now and the margin, what was
// promised, and the revocation that is there. A key that is deleted stays so.
func (m key) Want(s State, promised []Document) ([]Document, error) {
	places := m.Places(s.Target)
	status, err := s.Found(places[0][0])
	switch {
	case status.Slot.Name == "" && err == nil:
		return nil, errors.New("contain: the parameters name no access key")
	case err != nil:
		return nil, err
	case status.Text != "":
		status.Text = KeyInactive
	}
	revoked, err := m.want(s, places[1], promised)
	if _, refused := errors.AsType[*Refusal](err); err != nil && !refused {
		return nil, err
	}
	return []Document{status, revoked}, err
}

// Gap compares the key's status. A key that is gone does no harm.
func (m key) Gap(now time.Time, there, written Document) Gap {
	switch {
	case written.Slot.Kind != KeyStatus:
		return m.dated.Gap(now, there, written)
	case there.Slot != written.Slot:
		return Foreign
	case there.Text == "" || there.Text == KeyInactive:
		return Covers
	default:
		return Changed
	}
}

// Without takes the revocation away. The key stays as it is: a leaked key is never made active
// again.
func (m key) Without(there Document, w Written) (Document, error) {
	switch {
	case there.Slot.Kind != KeyStatus:
		return m.dated.Without(there, w)
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	default:
		return there, nil
	}
}

// Denies compares the key that signed, and of sessions the issue time. AWS refuses every call of an
// inactive key, GetCallerIdentity too.
func (m key) Denies(d Document, c Call) Answer {
	switch {
	case d.Slot.Kind != KeyStatus:
		return m.dated.Denies(d, c)
	case d.Text != KeyInactive || c.Key == "" && c.LongTerm:
		return Unknown
	case c.LongTerm && c.Key == d.Slot.Name:
		return Yes
	default:
		return No
	}
}
