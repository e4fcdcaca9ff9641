package blocks

import (
	"strconv"
	"strings"
)

// parseMarkdown reads the part of Markdown that a markdown block is used for: headings, lists,
// tables, fences, **bold**, *italic*, `code` and [links](https://…). Everything else is shown as
// written.
func parseMarkdown(s string) []node {
	var out []node
	var fence []string
	inFence := false
	for line := range strings.SplitSeq(clean(s), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			if inFence {
				out = append(out, node{Kind: "pre", Text: strings.Join(fence, "\n")})
				fence = nil
			}
			inFence = !inFence
		case inFence:
			fence = append(fence, line)
		case trimmed == "":
			out = append(out, node{Kind: "break"})
		case strings.HasPrefix(trimmed, "|"):
			out = addRow(out, trimmed)
		case strings.HasPrefix(trimmed, "#"):
			out = append(out, node{
				Kind: "heading", Text: headingLevel(trimmed),
				Kids: markdownInline(strings.TrimSpace(strings.TrimLeft(trimmed, "#")), 0),
			})
		case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "* "):
			out = append(out, node{Kind: "item", Kids: markdownInline(trimmed[2:], 0)})
		case strings.HasPrefix(trimmed, "> "):
			out = append(out, node{Kind: "quote", Kids: markdownInline(trimmed[2:], 0)})
		default:
			out = append(append(out, markdownInline(trimmed, 0)...), node{Kind: "break"})
		}
	}
	if inFence {
		out = append(out, node{Kind: "pre", Text: strings.Join(fence, "\n")})
	}
	return out
}

// headingLevel is 1 to 3; what is deeper looks like 3.
func headingLevel(line string) string {
	return strconv.Itoa(min(3, len(line)-len(strings.TrimLeft(line, "#"))))
}

// addRow adds a line of a table to the table before it, or begins one. The line that only draws a
// rule makes a head of the first row.
func addRow(out []node, line string) []node {
	if strings.Trim(line, "|-: ") == "" {
		if n := len(out); n > 0 && out[n-1].Kind == "rows" && len(out[n-1].Kids) == 1 {
			out[n-1].Kids[0].Text = "head"
		}
		return out
	}
	row := node{Kind: "row"}
	line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00") // clean has taken every other NUL
	for text := range strings.SplitSeq(line, "|") {
		text = strings.TrimSpace(strings.ReplaceAll(text, "\x00", "|"))
		row.Kids = append(row.Kids, node{Kind: "cell", Kids: markdownInline(text, 0)})
	}
	if n := len(out); n > 0 && out[n-1].Kind == "rows" {
		out[n-1].Kids = append(out[n-1].Kids, row)
		return out
	}
	return append(out, node{Kind: "rows", Kids: []node{row}})
}

func markdownInline(s string, depth int) []node {
	var out []node
	plain := func(t string) {
		if t != "" {
			out = append(out, node{Kind: "text", Text: emojify(t)})
		}
	}
	if depth > maxDepth {
		plain(s)
		return out
	}
	for s != "" {
		i := strings.IndexAny(s, "*_`[")
		if i < 0 {
			plain(s)
			return out
		}
		plain(s[:i])
		s = s[i:]
		n, used := markdownSpan(s, depth)
		if used == 0 {
			plain(s[:1])
			used = 1
		} else {
			out = append(out, n)
		}
		s = s[used:]
	}
	return out
}

// markdownSpan reads one format at the start of s and says how much of s it took; 0 when there is
// none.
func markdownSpan(s string, depth int) (node, int) {
	if s[0] == '[' {
		label, rest, ok := strings.Cut(s[1:], "](")
		address, _, closed := strings.Cut(rest, ")")
		if u := webLink(address); ok && closed && u != "" && !strings.Contains(label, "]") {
			return node{Kind: "link", URL: u, Text: label}, len(label) + len(address) + 4
		}
		return node{}, 0
	}
	for _, f := range []struct {
		mark, kind string
	}{{"**", "bold"}, {"__", "bold"}, {"*", "italic"}, {"_", "italic"}, {"`", "code"}} {
		rest, ok := strings.CutPrefix(s, f.mark)
		if !ok {
			continue
		}
		inner, _, closed := strings.Cut(rest, f.mark)
		if !closed || inner == "" || inner[0] == ' ' {
			return node{}, 0
		}
		used := len(inner) + 2*len(f.mark)
		if f.kind == "code" {
			return node{Kind: "code", Text: inner}, used
		}
		return node{Kind: f.kind, Kids: markdownInline(inner, depth+1)}, used
	}
	return node{}, 0
}
