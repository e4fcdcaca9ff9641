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

// decode reads one document, strictly, up to the first mistake, and finds the line of each key.
func decode(data []byte) (f file, lines map[string]int, mistake *Error) {
	defer func() {
		if recover() != nil { // the library panics on some odd tags and indentations
			mistake = mistakeAt(nil, "this is not YAML that can be read", "")
		}
	}()
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return f, nil, unreadable(err)
	}
	lines = map[string]int{}
	for i, document := range parsed.Docs {
		if i > 0 && document.Body != nil {
			return f, nil, mistakeAt(document.Body.GetToken(), "a second document begins here",
				"keep everything in one, without a line of ---")
		}
		keyLines(lines, "", document.Body)
	}
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return f, nil, unreadable(err)
	}
	return f, lines, nil
}

// measure is the name of one.
type measure string

// UnmarshalYAML reads a name.
func (m *measure) UnmarshalYAML(n ast.Node) error {
	*m = measure(scalar(n))
	if !slices.Contains(approvals.Measures(), approvals.Measure(*m)) {
		return mistakeAt(n.GetToken(), Redact(string(*m))+" is no measure", "write some of "+knownMeasures())
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
		return mistakeAt(n.GetToken(), Redact(text)+" is no duration", "write a number and a unit such as 30s, 15m or 12h")
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
		return mistakeAt(n.GetToken(), Redact(scalar(n))+" is no whole number", "write one such as 2")
	}
	*c = count(value)
	return nil
}
