package main

import (
	"slices"
	"strings"
	"testing"
)

// of returns some text of so many columns.
func of(columns int) string { return strings.Repeat("é ", columns/2) + strings.Repeat("x", columns%2) }

func TestOneLongLineOfEachKindIsFound(t *testing.T) {
	code, text := of(codeColumns+1), of(textColumns+1-len("// "))
	for name, lines := range map[string][2]string{
		"a/b.go":                  {"var _ = `" + code, "// " + text},
		"static/a.css":            {"a { " + code, "/* " + text},
		"static/a.js":             {code, "// " + text},
		"bolt/a.mjs":              {code, "// " + text},
		"templates/a.tmpl":        {"{{" + code, "{{/* " + text},
		"templates/a.html":        {"<p>" + code, "<!-- " + text},
		"scripts/a.lua":           {code, "-- " + text},
		"scripts/a.sh":            {code, "#  " + text},
		"deploy/a.yaml":           {"a: " + code, "   # " + text},
		".github/workflows/a.yml": {"a: " + code, "   # " + text},
		"go.mod":                  {code, "// " + text},
		"Makefile":                {"\t" + code, "#  " + text},
		"sub/Dockerfile":          {"RUN " + code, "#  " + text},
		".gitignore":              {code, "#  " + text},
	} {
		for n, line := range lines {
			got := tooLong(name, "\n"+line+"\n")
			if len(got) != 1 || !strings.HasPrefix(got[0], name+":2: ") {
				t.Errorf("%s, line %d of the test: got %q, want line 2", name, n, got)
			}
		}
	}
	if got := tooLong(".ci/run", "#!/usr/bin/env bash\n"+code); len(got) != 1 {
		t.Errorf("a script without an ending: got %q", got)
	}
	page := of(textColumns + 1)
	if got := tooLong("docs/a.md", "# a\n\n"+page+"\n"); !slices.Equal(got,
		[]string{"docs/a.md:3: 101 columns, text has at most 100"}) {
		t.Errorf("a page: got %q", got)
	}
}

func TestALineThatMayBeAsLongAsItIsIsNotFound(t *testing.T) {
	long := of(2 * codeColumns)
	address := "https://example.com/" + strings.Repeat("x", codeColumns)
	for name, text := range map[string]string{
		"of the length":        "a.js\n" + of(codeColumns) + "\n// " + of(textColumns-3),
		"tabs":                 "a.go\n" + strings.Repeat("\t", codeColumns),
		"beside code":          "a.go\nvar x int // " + of(textColumns),
		"a comment in a text":  "a.go\nconst x = `\n// " + of(textColumns) + "\n`",
		"a directive":          "a.go\n//go:generate " + long,
		"code in a comment":    "a.go\n//\t" + long,
		"a table":              "a.md\n| " + long,
		"a table in a list":    "a.md\n   | " + long,
		"a heading":            "a.md\n## " + long,
		"a block of code":      "a.md\n```sh\n" + long + "\n```\n",
		"an address":           "a.md\n" + address + " more",
		"a link":               "a.md\nsee\n[the page](../" + strings.Repeat("x", textColumns) + "),",
		"an address in a note": "a.yaml\n# " + address,
		"figures":              "a.json\n" + long,
		"a drawing":            "a.svg\n" + long,
		"sums":                 "go.sum\n" + long,
	} {
		file, text, _ := strings.Cut(text, "\n")
		if got := tooLong(file, text); len(got) > 0 {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestALinkThatWouldFitOnALineOfItsOwnIsNoExcuse(t *testing.T) {
	if got := tooLong("a.md", of(textColumns)+"[page](page.md)"); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestWhatFollowsABlockOfCodeIsMeasured(t *testing.T) {
	if got := tooLong("a.md", "```\nx\n```\n"+of(textColumns+1)); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}
