package aws

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// PolicyError is why a document is not a policy, in IAM's own words.
type PolicyError struct{ Message string }

func (e *PolicyError) Error() string { return e.Message }

func malformed(message string) error { return &PolicyError{message} }

var errSyntax = malformed("Syntax errors in policy.")

// member is one name and value of a JSON object, in the order of the text.
type member struct {
	name  string
	value any
}

// object is a JSON object whose names are all different.
type object []member

// decodeStrict reads one JSON value: object, []any, string, json.Number, bool or nil. A name that
// is given twice and anything after the value are errors, as they are to IAM.
func decodeStrict(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, errSyntax
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errSyntax
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > 32 {
		return nil, errSyntax
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	o, seen := object{}, map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok || seen[name] {
			return nil, errSyntax
		}
		seen[name] = true
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name, v})
	}
	_, err = d.Token()
	return o, err
}

// stringOrStrings reads the many places of the policy grammar that take one string or a list of
// them.
func stringOrStrings(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		var out []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	default:
		return nil, false
	}
}
