package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	codeColumns = 120
	textColumns = 100 // of comments and of documentation
)

// markers are what a comment on a line of its own begins with, by the end of the file's name. Files
// with another name are not held to a width.
var markers = map[string][]string{
	".css": {"/*"}, ".html": {"<!--"}, ".js": {"//", "/*"}, ".lua": {"--"}, ".mjs": {"//", "/*"}, ".mod": {"//"},
	".sh": {"#"}, ".tmpl": {"{{/*", "{{- /*", "<!--"}, ".yaml": {"#"}, ".yml": {"#"},
	".dockerignore": {"#"}, ".gitignore": {"#"}, "Dockerfile": {"#"}, "Makefile": {"#"},
}

// tooLong returns a sentence for every line of a file that is too long.
func tooLong(name, text string) []string {
	kind := path.Ext(name)
	if kind == "" {
		kind = path.Base(name)
	}
	comments, held := markers[kind]
	if strings.HasPrefix(text, "#!") {
		comments, held = []string{"#"}, true
	}
	switch {
	case kind == ".go":
		inGo := goComments(text)
		return longLines(name, text, func(n int, _ string) bool { return inGo[n] }, isGoBlock)
	case kind == ".md":
		return longLines(name, text, func(int, string) bool { return true }, markdownBlocks())
	case held:
		whole := func(_ int, line string) bool {
			return slices.ContainsFunc(comments, func(m string) bool { return strings.HasPrefix(line, m) })
		}
		return longLines(name, text, whole, func(string) bool { return false })
	}
	return nil
}

// longLines measures the lines. isText tells comments and documentation from code, and free tells
// which of their lines may have any length. Both get a line without the space around it.
func longLines(name, text string, isText func(n int, line string) bool, free func(line string) bool) []string {
	var found []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		what, limit := "code", codeColumns
		if isText(n, trimmed) {
			if free(trimmed) {
				continue
			}
			what, limit = "text", textColumns
		}
		if columns := utf8.RuneCountInString(line); columns > limit && !unbreakable(line, limit) {
			found = append(found, fmt.Sprintf("%s:%d: %d columns, %s has at most %d", name, n, columns, what, limit))
		}
	}
	return found
}

// unbreakable reports whether a line has an address or the end of a Markdown link that would be too
// long on a line of its own, too.
func unbreakable(line string, limit int) bool {
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	return slices.ContainsFunc(strings.Fields(line), func(word string) bool {
		address := strings.Contains(word, "://") || strings.Contains(word, "](")
		return address && indent+utf8.RuneCountInString(word) > limit
	})
}

// goComments returns the lines of a Go file that are comments and nothing else. A line of a raw
// string is code, whatever it begins with.
func goComments(text string) map[int]bool {
	lines := map[int]bool{}
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, scanner.ScanComments)
	end := 0 // the line on which the token before ended
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if kind == token.SEMICOLON && literal == "\n" {
			continue
		}
		first := file.Line(pos)
		last := first + strings.Count(literal, "\n")
		if kind == token.COMMENT {
			for n := max(first, end+1); n <= last; n++ {
				lines[n] = true
			}
		}
		end = last
	}
}

// isGoBlock knows directives, and the blocks of code in doc comments, which gofmt indents by a tab.
func isGoBlock(line string) bool {
	return strings.HasPrefix(line, "//go:") || strings.HasPrefix(line, "//\t")
}

// markdownBlocks returns a function that is asked about every line of a page in turn. It knows
// tables, headings, and fenced blocks of code.
func markdownBlocks() func(line string) bool {
	fenced := false
	return func(line string) bool {
		fence := strings.HasPrefix(line, "```")
		if fence {
			fenced = !fenced
		}
		return fence || fenced || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "#")
	}
}
