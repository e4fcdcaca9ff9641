package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/revokebot/revokebot/approvals"
)

// errNoYAML is a file that makes the library panic: it does on some odd tags and indentations.
func errNoYAML() *Error {
	return says("", "this is not YAML that can be read", "compare it with docs/configuration.md")
}

// decode reads one document, strictly, and tells all that cannot be read, in the order of the
// lines. The library stops at the first mistake, so each is taken out of the document and the rest
// is read again.
func decode(data []byte) (f file, mistakes []*Error) {
	defer func() {
		if recover() != nil {
			f, mistakes = file{}, []*Error{errNoYAML()}
		}
	}()
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return file{}, []*Error{unreadable("", err)}
	}
	for i, document := range parsed.Docs {
		if i > 0 && document.Body != nil {
			return file{}, []*Error{unreadable("", valueErrorAt(document.Body,
				"a second document begins here", "keep everything in one, without a line of ---"))}
		}
	}
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return decodeRest(parsed.Docs[0].Body, err)
	}
	for _, document := range parsed.Docs {
		if err := checkAccountNames(document.Body); err != nil {
			return f, []*Error{unreadable("", err)}
		}
	}
	return f, nil
}

// decodeRest reads what can be read of a document that err is the first mistake of.
func decodeRest(root ast.Node, err error) (f file, mistakes []*Error) {
	for err != nil {
		key, found := takeOut(root, "", tokenOf(err))
		mistakes = append(mistakes, unreadable(key, err))
		if !found {
			return file{}, mistakes[len(mistakes)-1:]
		}
		f = file{}
		err = yaml.NodeToValue(root, &f, yaml.Strict())
	}
	slices.SortStableFunc(mistakes, func(a, b *Error) int { return a.Line - b.Line })
	return f, mistakes
}

// checkAccountNames refuses names that YAML reads as numbers of another base: 012 would become the
// account 10.
func checkAccountNames(root ast.Node) error {
	for _, top := range entries(root) {
		if scalar(top.Key) != "accounts" {
			continue
		}
		for _, account := range entries(top.Value) {
			name, ok := account.Key.(*ast.IntegerNode)
			if ok && fmt.Sprint(name.Value) != name.GetToken().Value {
				return valueErrorAt(name, "the account's name "+name.GetToken().Value+" reads as a number", "put it in quotes")
			}
		}
	}
	return nil
}

// measure is the name of one.
type measure string

// UnmarshalYAML reads a name.
func (m *measure) UnmarshalYAML(n ast.Node) error {
	*m = measure(scalar(n))
	if !slices.Contains(approvals.Measures(), approvals.Measure(*m)) {
		return valueErrorAt(n, Redact(string(*m))+" is no measure", "write some of "+knownMeasures())
	}
	return nil
}

func knownMeasures() string { return strings.Trim(fmt.Sprint(approvals.Measures()), "[]") }

// duration is a length of time as Go writes it: 30s, 15m, 12h.
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(n ast.Node) error {
	text := scalar(n)
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		return valueErrorAt(n, Redact(text)+" is no duration", "write a number and a unit such as 30s, 15m or 12h")
	}
	*d = duration(value)
	return nil
}

// count is a whole number.
type count int

// UnmarshalYAML reads a count.
func (c *count) UnmarshalYAML(n ast.Node) error {
	value, err := strconv.Atoi(scalar(n))
	if err != nil {
		return valueErrorAt(n, Redact(scalar(n))+" is no whole number", "")
	}
	*c = count(value)
	return nil
}
