package contain

import (
	"slices"
	"time"
)

// The statement of freeze, and the trust policy of it alone, for a text that cannot be put again.
const (
	freezeStatement = `{"Sid":"RevokebotFreeze","Effect":"Deny","Principal":"*",` +
		`"Action":["sts:AssumeRole","sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]}`
	frozenAlone = `{"Version":"2012-10-17","Statement":[` + freezeStatement + `]}`
)

type freeze struct{}

// Freeze lets no one open a session of a role: it adds a Deny to its trust policy. Running sessions
// go on. It is a Sealer and an Expecter.
func Freeze() Measure { return freeze{} }

// Places is the trust policy.
func (freeze) Places(Target) [][]Slot { return [][]Slot{{trustPolicy}} }

// Reads is nothing.
func (freeze) Reads(Target) []Slot { return nil }

// Want is the first of these that IAM can take and that covers what was promised: what is there, if
// it is frozen; what was promised last; what is there and the Deny; the Deny alone.
func (m freeze) Want(s State, promised []Document) ([]Document, error) {
	there, err := s.Found(trustPolicy)
	if err != nil {
		return nil, err
	}
	var texts []string
	if isFrozen(there.Text) {
		texts = append(texts, there.Text)
	}
	if n := len(promised); n > 0 {
		texts = append(texts, promised[n-1].Text)
	}
	for _, text := range append(texts, frozen(there.Text)) {
		if d := (Document{trustPolicy, text}); s.puts(text) && !slices.ContainsFunc(promised, func(p Document) bool {
			return m.Gap(s.Now, d, p) != Covers
		}) {
			return []Document{d}, nil
		}
	}
	return []Document{{trustPolicy, frozenAlone}}, nil
}

// isFrozen reports whether the statement is in a trust policy.
func isFrozen(text string) bool {
	for _, s := range statements(text) {
		if string(s) == freezeStatement {
			return true
		}
	}
	return false
}

// frozen is a trust policy, byte for byte, with the statement behind its own; the statement alone
// if the policy cannot be read.
func frozen(text string) string {
	from, to, ok := statementsIn(text)
	if !ok || len(statements(text)) == 0 {
		return frozenAlone
	}
	own := text[from:to]
	if own[0] == '[' {
		own = own[1 : len(own)-1]
	}
	return text[:from] + "[" + own + "," + freezeStatement + "]" + text[to:]
}

// Gap is none if what is there is what was written, or the Deny alone. Any other text is changed: a
// statement that was added must not hide behind one that is still there.
func (freeze) Gap(_ time.Time, there, written Document) Gap {
	switch {
	case there.Text == "":
		return Gone
	case there.Slot != written.Slot:
		return Foreign
	case there.Text == frozenAlone || sameTrust(there.Text, written.Text):
		return Covers
	default:
		return Changed
	}
}

// Without puts the text of before back.
func (freeze) Without(there Document, w Written) (Document, error) { return putBack(there, w) }

// Seals makes it a Sealer.
func (freeze) Seals() {}

// Denies is no: running sessions go on.
func (freeze) Denies(d Document, _ Call) Answer {
	if d.Text == "" {
		return Unknown
	}
	return No
}
