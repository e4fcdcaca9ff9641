package contain

import "errors"

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
