package blocks

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// node is one piece of drawn text. Kind decides which of the other fields count.
type node struct {
	// text, bold, italic, strike, code, pre, quote, link, user, channel, group, broadcast, date,
	// break, heading, item, rows of rows of cells
	Kind   string
	Text   string // what is shown; the id for mentions
	Name   string // of a mention
	URL    string // of a link
	Kids   []node
	Unix   int64
	Format string // of a date, as written in the token
	UTC    string // of a date: what is shown before the page's script knows the zone
}

// maxDepth bounds the nesting of formats: deeper text is shown as written.
const maxDepth = 4

// parseMrkdwn reads Slack's mrkdwn ("Formatting text for app surfaces"). autolink makes links of
// bare web addresses, as Slack does unless a text object says verbatim.
func parseMrkdwn(s string, autolink bool) []node {
	s = clean(s)
	var out []node
	for s != "" {
		before, rest, ok := strings.Cut(s, "```")
		pre, after, closed := strings.Cut(rest, "```")
		if !ok || !closed || strings.TrimSpace(pre) == "" {
			return append(out, lines(s, autolink)...)
		}
		out = append(out, lines(strings.TrimSuffix(before, "\n"), autolink)...)
		out = append(out, node{Kind: "pre", Text: unescape(strings.Trim(plainTokens(pre), "\n"))})
		s = strings.TrimPrefix(after, "\n")
	}
	return out
}

// lines splits text into quotes and everything else.
func lines(s string, autolink bool) []node {
	if s == "" {
		return nil
	}
	var out []node
	var quoted []string
	flush := func() {
		if quoted != nil {
			out = append(out, node{Kind: "quote", Kids: inline(strings.Join(quoted, "\n"), autolink, 0)})
			quoted = nil
		}
	}
	broken := false
	for line := range strings.SplitSeq(s, "\n") {
		body, isQuote := strings.CutPrefix(line, "&gt;")
		if !isQuote {
			body, isQuote = strings.CutPrefix(line, ">")
		}
		if isQuote {
			quoted = append(quoted, strings.TrimPrefix(body, " "))
			broken = false
			continue
		}
		flush()
		if broken {
			out = append(out, node{Kind: "break"})
		}
		out = append(out, inline(line, autolink, 0)...)
		broken = true
	}
	flush()
	return out
}

var formats = map[byte]string{'*': "bold", '_': "italic", '~': "strike"}

// inline reads one run of text: tokens in angle brackets, code, formats, emoji and bare addresses.
func inline(s string, autolink bool, depth int) []node {
	var out []node
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			out = append(out, node{Kind: "text", Text: emojify(unescape(plain.String()))})
			plain.Reset()
		}
	}
	add := func(n ...node) { flush(); out = append(out, n...) }
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\n':
			add(node{Kind: "break"})
			i++
			continue
		case c == '<':
			if end := strings.IndexAny(s[i+1:], "<>\n"); end > 0 && s[i+1+end] == '>' {
				add(token(s[i+1 : i+1+end]))
				i += end + 2
				continue
			}
		case c == '`':
			if end := strings.IndexAny(s[i+1:], "`\n"); end > 0 && s[i+1+end] == '`' {
				add(node{Kind: "code", Text: unescape(plainTokens(s[i+1 : i+1+end]))})
				i += end + 2
				continue
			}
		case formats[c] != "" && depth < maxDepth:
			if end := closing(s, i); end > 0 {
				add(node{Kind: formats[c], Kids: inline(s[i+1:end], autolink, depth+1)})
				i = end + 1
				continue
			}
		case autolink && c == 'h' && (i == 0 || !wordBefore(s, i)):
			if u := bareAddress(s[i:]); u != "" {
				add(node{Kind: "link", URL: webLink(unescape(u)), Text: unescape(u)})
				i += len(u)
				continue
			}
		}
		plain.WriteByte(c)
		i++
	}
	flush()
	return out
}

// closing finds the marker that ends the format opened at i, or 0. A format begins and ends at the
// edge of a word and stays on its line.
func closing(s string, i int) int {
	if i > 0 && wordBefore(s, i) || i+1 >= len(s) || s[i+1] == ' ' || s[i+1] == s[i] {
		return 0
	}
	for j := i + 2; j < len(s) && s[j] != '\n'; j++ {
		if s[j] != s[i] || s[j-1] == ' ' {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(s[j+1:]); j+1 == len(s) || !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return j
		}
	}
	return 0
}

func wordBefore(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func bareAddress(s string) string {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return ""
	}
	end := strings.IndexAny(s, " \n\t<>`*|\"")
	if end < 0 {
		end = len(s)
	}
	u := strings.TrimRight(s[:end], ".,;:!?)_~")
	if webLink(unescape(u)) == "" {
		return ""
	}
	return u
}

// token reads what stands between < and >.
func token(s string) node {
	body, label, labelled := strings.Cut(s, "|")
	label = unescape(label)
	switch {
	case strings.HasPrefix(body, "@"):
		return node{Kind: "user", Text: body[1:], Name: label}
	case strings.HasPrefix(body, "#"):
		return node{Kind: "channel", Text: body[1:], Name: label}
	case strings.HasPrefix(body, "!subteam^"):
		return node{Kind: "group", Text: strings.TrimPrefix(body, "!subteam^"), Name: strings.TrimPrefix(label, "@")}
	case strings.HasPrefix(body, "!date^"):
		return dateToken(body, label)
	case body == "!here" || body == "!channel" || body == "!everyone":
		return node{Kind: "broadcast", Text: "@" + body[1:]}
	case strings.HasPrefix(body, "!"):
		return node{Kind: "text", Text: "<" + unescape(s) + ">"}
	}
	link := webLink(unescape(body))
	if link == "" {
		return node{Kind: "text", Text: "<" + unescape(s) + ">"}
	}
	if !labelled || label == "" {
		label = strings.TrimPrefix(unescape(body), "mailto:")
	}
	return node{Kind: "link", URL: link, Text: emojify(label)}
}

// dateToken reads !date^unix^format[^link]. Without a usable time Slack shows the fallback.
func dateToken(body, fallback string) node {
	parts := strings.Split(body, "^")
	if len(parts) < 3 {
		return node{Kind: "text", Text: fallback}
	}
	unix, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || unix < 0 || unix > 1<<40 {
		return node{Kind: "text", Text: fallback}
	}
	n := node{Kind: "date", Unix: unix, Format: unescape(parts[2]), Text: fallback}
	n.UTC = time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC")
	if n.Text == "" {
		n.Text = n.UTC
	}
	if len(parts) > 3 {
		n.URL = webLink(unescape(parts[3]))
	}
	return n
}

// webLink returns the address if a browser may follow it from a message, and "" if not. An address
// that names a user before the host is refused: it is how one host is made to look like another.
func webLink(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		if u.User != nil || u.Host == "" || strings.ContainsFunc(u.Host, notInHost) {
			return ""
		}
	case "mailto":
	default:
		return ""
	}
	return u.String()
}

// notInHost finds what url.Parse lets pass in a host and no host has, such as quotes.
func notInHost(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
}

// plainTokens shows tokens inside code by their text: Slack shows links there without following
// them.
func plainTokens(s string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "<")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		body, after, closed := strings.Cut(rest, ">")
		if !closed || strings.Contains(body, "\n") {
			out.WriteByte('<')
			s = rest
			continue
		}
		if _, label, labelled := strings.Cut(body, "|"); labelled {
			body = label
		}
		out.WriteString(body)
		s = after
	}
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func unescape(s string) string { return entities.Replace(s) }

// plainNodes draws plain_text: emoji and line breaks, nothing else.
func plainNodes(s string) []node {
	var out []node
	for i, line := range strings.Split(clean(s), "\n") {
		if i > 0 {
			out = append(out, node{Kind: "break"})
		}
		if line != "" {
			out = append(out, node{Kind: "text", Text: emojify(line)})
		}
	}
	return out
}
