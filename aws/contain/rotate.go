package contain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// RotateParams are the parameters of RotateExternalID.
type RotateParams struct {
	New  string `json:"new"`            // the external id that the partner is to use from now on
	Only bool   `json:"only,omitempty"` // the second request: the old one goes
}

type rotate struct{}

// RotateExternalID changes the external id of a third party whose id leaked: the first request lets
// the old and the new one in, the second the new one alone. Live sessions go on. It is an Expecter.
func RotateExternalID() Measure { return rotate{} }

// Places is the trust policy.
func (rotate) Places(Target) [][]Slot { return [][]Slot{{trustPolicy}} }

// Reads is nothing.
func (rotate) Reads(Target) []Slot { return nil }

// Want is the trust policy with the list of external ids changed, or what was promised last if
// someone changed it since. It refuses a policy of which it is not clear who the partner is.
func (m rotate) Want(s State, promised []Document) ([]Document, error) {
	var params RotateParams
	if err := json.Unmarshal(s.Params, &params); err != nil || params.New == "" {
		return nil, errors.Join(errors.New("contain: the parameters have no external id"), err)
	}
	there, err := s.Found(trustPolicy)
	if err != nil {
		return nil, err
	}
	refuse := func(why string) ([]Document, error) {
		return []Document{{}}, &Refusal{Slot: trustPolicy, Sentence: "The trust policy of " + s.Principal.title() + " " + why}
	}
	text, why := rotated(there.Text, params)
	texts := []string{text}
	switch n := len(promised); {
	case n > 0:
		texts = append(texts, promised[n-1].Text)
	case isFrozen(there.Text):
		return refuse("is frozen: undo the freeze first.")
	case why != "":
		return refuse(why)
	}
	for _, text := range texts {
		d := Document{trustPolicy, text}
		if text != "" && s.puts(text) && !slices.ContainsFunc(promised, func(p Document) bool {
			return m.Gap(s.Now, d, p) != Covers
		}) {
			return []Document{d}, nil
		}
	}
	return refuse("cannot be written again: it is too long, or names a principal that was deleted. Change it in the " +
		"IAM console.")
}

// span is a part of a text.
type span struct{ from, to int }

func (s span) of(text string) string { return text[s.from:s.to] }

// membersIn are the values of an object in a text by their names, in their order; false if it is
// none, or has a name twice.
func membersIn(text string, in span) (names []string, values []span, ok bool) {
	d := json.NewDecoder(strings.NewReader(in.of(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil || slices.Contains(names, name.(string)) {
			return nil, nil, false
		}
		to := in.from + int(d.InputOffset())
		names, values = append(names, name.(string)), append(values, span{to - len(value), to})
	}
	_, unended := d.Token()
	_, err := d.Token()
	return names, values, unended == nil && err == io.EOF
}

// elements are those of a list in a text, or the one value that is none.
func elements(text string, in span) (all []span) {
	d := json.NewDecoder(strings.NewReader(in.of(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return []span{in}
	}
	for d.More() {
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		to := in.from + int(d.InputOffset())
		all = append(all, span{to - len(value), to})
	}
	return all
}

// external is one condition on the external id.
type external struct {
	span          // of its value
	ids  []string // that it lets in
}

// externals finds the conditions on the external id in a trust policy. why says what keeps it from
// being rotated, the rest of a sentence; "" if nothing does.
func externals(text string) (all []external, why string) {
	from, to, ok := statementsIn(text)
	if !ok {
		return nil, "cannot be read. Change it in the IAM console."
	}
	for _, statement := range elements(text, span{from, to}) {
		names, values, _ := membersIn(text, statement)
		at := slices.Index(names, "Condition")
		if at < 0 {
			continue
		}
		operators, conditions, _ := membersIn(text, values[at])
		for i, operator := range operators {
			keys, ids, _ := membersIn(text, conditions[i])
			for k, key := range keys {
				if !strings.EqualFold(key, "sts:ExternalId") {
					continue
				}
				one := external{ids[k], oneOrMore(json.RawMessage(ids[k].of(text)))}
				partners := named(`{"Statement":` + statement.of(text) + `}`)
				switch {
				case operator != "StringEquals":
					return nil, "has a condition on the external id by " + fmt.Sprintf("%q", operator) + ": revokebot changes " +
						"StringEquals alone. Change it in the IAM console."
				case len(partners) > 1:
					return nil, "has several partners in one statement: " + strings.Join(quotedAll(partners), ", ") +
						". Give each a statement of its own, with an external id of its own."
				}
				all = append(all, one)
			}
		}
	}
	if all == nil {
		return nil, "has no condition on sts:ExternalId: nothing can be rotated. Add one with the partner first."
	}
	return all, ""
}

func quotedAll(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = fmt.Sprintf("%q", text)
	}
	return all
}

// rotated is a trust policy, byte for byte, with other lists of external ids; "" and why if that
// cannot be.
func rotated(text string, p RotateParams) (result, why string) {
	all, why := externals(text)
	var old []string
	for _, e := range all {
		for _, id := range e.ids {
			if id != p.New && !slices.Contains(old, id) {
				old = append(old, id)
			}
		}
	}
	switch {
	case why != "":
		return "", why
	case len(old) > 1:
		return "", "has several external ids: it is not known which of them leaked. Change it in the IAM console."
	}
	var b strings.Builder
	last := 0
	for _, e := range all {
		ids := append(slices.Clone(old), p.New)
		if p.Only {
			ids = ids[len(old):]
		}
		list := e.of(text)
		if !slices.Equal(e.ids, ids) {
			var buffer bytes.Buffer
			encoder := json.NewEncoder(&buffer)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(ids) // strings
			list = strings.TrimSpace(buffer.String())
		}
		b.WriteString(text[last:e.from] + list)
		last = e.to
	}
	return b.String() + text[last:], ""
}

// Gap is none if what is there is what was written, lets in fewer external ids, or is that with the
// statement of a freeze.
func (rotate) Gap(_ time.Time, there, written Document) Gap {
	switch {
	case there.Text == "":
		return Gone
	case there.Slot != written.Slot:
		return Foreign
	case sameTrust(there.Text, written.Text), there.Text == frozenAlone, fewer(there.Text, written.Text),
		isFrozen(there.Text) && fewer(there.Text, frozen(written.Text)):
		return Covers
	default:
		return Changed
	}
}

// fewer reports whether two trust policies differ in external ids alone, of which there has no
// others than what was written.
func fewer(there, written string) bool {
	a, whyA := externals(there)
	b, whyB := externals(written)
	if whyA != "" || whyB != "" || len(a) != len(b) {
		return false
	}
	now, then := 0, 0
	for i := range a {
		if !sameTrust(there[now:a[i].from], written[then:b[i].from]) || len(a[i].ids) == 0 ||
			slices.ContainsFunc(a[i].ids, func(id string) bool { return !slices.Contains(b[i].ids, id) }) {
			return false
		}
		now, then = a[i].to, b[i].to
	}
	return sameTrust(there[now:], written[then:])
}

// Without puts the text of before back.
func (rotate) Without(there Document, w Written) (Document, error) { return putBack(there, w) }

// Denies is no: live sessions go on.
func (rotate) Denies(d Document, c Call) Answer { return freeze{}.Denies(d, c) }
