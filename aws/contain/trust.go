package contain

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// trustPolicy is the one slot of its kind on a role.
var trustPolicy = Slot{Kind: RoleTrust}

// uniqueID is the form of what IAM shows in the place of a principal that was deleted (IAM User
// Guide, "AWS JSON policy elements: Principal"). Such a text cannot be put again.
var uniqueID = regexp.MustCompile(`^A(ROA|IDA)[A-Z0-9]{9,}$`)

// statementsIn finds the statements of a policy in its text; false if that cannot be read.
func statementsIn(text string) (from, to int, ok bool) {
	names, values, ok := membersIn(text, span{0, len(text)})
	i := slices.Index(names, "Statement")
	if !ok || i < 0 {
		return 0, 0, false
	}
	from, to = values[i].from, values[i].to
	return from, to, text[from] == '[' || text[from] == '{'
}

// statements are the texts of a policy's statements; nil if they cannot be read.
func statements(text string) (all []json.RawMessage) {
	from, to, ok := statementsIn(text)
	switch {
	case !ok:
		return nil
	case text[from] == '{':
		return []json.RawMessage{json.RawMessage(text[from:to])}
	}
	_ = json.Unmarshal([]byte(text[from:to]), &all) // which Decode has read
	return all
}

// named are the principals of type AWS that a trust policy names.
func named(text string) (all []string) {
	for _, raw := range statements(text) {
		var s struct{ Principal, NotPrincipal json.RawMessage }
		_ = json.Unmarshal(raw, &s)
		for _, p := range []json.RawMessage{s.Principal, s.NotPrincipal} {
			var byType struct{ AWS json.RawMessage }
			_ = json.Unmarshal(p, &byType)
			all = append(all, oneOrMore(byType.AWS)...)
		}
	}
	return all
}

// Admits are the principals whom a trust policy lets in, each once.
func Admits(text string) (all []string) {
	for _, raw := range statements(text) {
		var s struct {
			Effect    string
			Principal json.RawMessage
		}
		var byType map[string]json.RawMessage
		if json.Unmarshal(raw, &s) != nil || s.Effect != "Allow" {
			continue
		}
		if json.Unmarshal(s.Principal, &byType) != nil {
			byType = map[string]json.RawMessage{"": s.Principal}
		}
		for _, kind := range slices.Sorted(maps.Keys(byType)) {
			for _, name := range oneOrMore(byType[kind]) {
				if !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
	}
	return all
}

// oneOrMore is a string, or a list of strings.
func oneOrMore(raw json.RawMessage) (all []string) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	_ = json.Unmarshal(raw, &all)
	return all
}

// Trusts are the ARNs of roles and users of an account that a trust policy names. IAM binds each to
// the unique id that it has when the policy is written.
func Trusts(account, text string) (arns []string) {
	for _, name := range named(text) {
		parts := strings.SplitN(name, ":", 6)
		if len(parts) == 6 && parts[2] == "iam" && parts[4] == account && !slices.Contains(arns, name) &&
			(strings.HasPrefix(parts[5], "role/") || strings.HasPrefix(parts[5], "user/")) {
			arns = append(arns, name)
		}
	}
	return arns
}

// deleted are the unique ids in a trust policy, of principals that are gone.
func deleted(text string) []string {
	return slices.DeleteFunc(named(text), func(name string) bool { return !uniqueID.MatchString(name) })
}

// sameTrust reports whether a trust policy says what was written: byte for byte, but for unique ids
// in the place of principals that were deleted since. Those let no one in.
func sameTrust(there, written string) bool {
	a, b := strings.Split(there, `"`), strings.Split(written, `"`)
	return slices.EqualFunc(a, b, func(now, then string) bool {
		return now == then || uniqueID.MatchString(now) && strings.HasPrefix(then, "arn:") &&
			(strings.Contains(then, ":role/") || strings.Contains(then, ":user/"))
	})
}

// putBack is the document of before in the place of what was written, byte for byte.
func putBack(there Document, w Written) (Document, error) {
	switch gone := deleted(w.Before); {
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	case there.Text == w.Before:
		return there, nil
	case !slices.ContainsFunc(w.After, func(after string) bool { return sameTrust(there.Text, after) }):
		return Document{}, notOurs(there.Slot)
	case len(gone) > 0:
		return Document{}, rebound(gone)
	}
	return Document{w.Slot, w.Before}, nil
}

// rebound is the refusal to put a trust policy back that names principals which are not there any
// more, or not the same.
func rebound(names []string) *Refusal {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%q", name) // foreign text
	}
	return &Refusal{Slot: trustPolicy, Sentence: fmt.Sprintf("The trust policy of before names principals that were "+
		"deleted or made again since: %s. Putting it back would fail, or trust others than before. Nothing was undone. "+
		"Write the trust policy in the IAM console; the audit log has the text of before.", strings.Join(names, ", "))}
}

// changed are the principals that do not have the unique ids any more that they had when w.Before
// was read.
func (w Written) changed(now map[string]string) (arns []string) {
	for _, arn := range slices.Sorted(maps.Keys(w.Trusted)) {
		if now[arn] != w.Trusted[arn] {
			arns = append(arns, arn)
		}
	}
	return arns
}

// puts reports whether IAM can take a trust policy: it fits, and every principal is there, as far
// as that is known.
func (s State) puts(text string) bool {
	return RoleTrust.Size(text) <= RoleTrust.Facts().Quota && len(deleted(text)) == 0 &&
		!slices.ContainsFunc(Trusts(s.Principal.AccountID, text), func(arn string) bool {
			return s.Trusted != nil && s.Trusted[arn] == ""
		})
}
