package aws

import (
	"slices"
	"strconv"
	"strings"
)

// insights is a query in the part of the language that is understood here: fields, filter, sort by
// @timestamp, dedup of one field and limit; in a filter =, in and like with quoted texts, and, or
// and parentheses (Amazon CloudWatch Logs User Guide, "CloudWatch Logs Insights language query
// syntax").
type insights struct {
	fields    []string
	filter    matches
	ascending bool
	dedup     string
	limit     int
}

// reads gives a field of an event by its name; false if the event lacks it.
type reads = func(name string) (string, bool)

// matches is a filter.
type matches = func(reads) bool

// insightsReader reads the words of a query.
type insightsReader struct {
	words []string
	wrong bool
}

// parseInsights reads a query; what is not understood is malformed.
func parseInsights(text string) (insights, error) {
	r := &insightsReader{words: insightsWords(text)}
	var q insights
	for more := true; more && !r.wrong; more = r.take("|") {
		switch command := r.next(); {
		case q.limit > 0, q.dedup != "" && command != "limit": // limit alone may follow dedup
			r.wrong = true
		case command == "fields" && q.fields == nil:
			for again := true; again; again = r.take(",") {
				q.fields = append(q.fields, r.name())
			}
		case command == "filter" && q.filter == nil:
			q.filter = r.either()
		case command == "sort":
			r.wrong = r.name() != "@timestamp" || r.wrong
			if q.ascending = r.take("asc"); !q.ascending {
				r.take("desc")
			}
		case command == "dedup":
			q.dedup = r.name()
		case command == "limit":
			q.limit, _ = strconv.Atoi(r.next())
			r.wrong = r.wrong || q.limit < 1
		default:
			r.wrong = true
		}
	}
	if r.wrong || len(r.words) > 0 || q.fields == nil {
		return q, errOf("MalformedQueryException", "unexpected symbol found in the query")
	}
	return q, nil
}

// insightsWords splits a query; a quoted text keeps its first quote.
func insightsWords(text string) (words []string) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := 1
		switch {
		case text[0] == '"':
			if n = strings.IndexByte(text[1:], '"') + 1; n == 0 {
				return append(words, "?")
			}
			words, text = append(words, text[:n]), text[n+1:]
			continue
		case strings.IndexByte("|,()[]=", text[0]) < 0:
			if n = strings.IndexAny(text, " |,()[]=\"\n\t"); n < 0 {
				n = len(text)
			}
		}
		words, text = append(words, text[:n]), text[n:]
	}
	return words
}

func (r *insightsReader) next() string {
	if len(r.words) == 0 {
		r.wrong = true
		return ""
	}
	word := r.words[0]
	r.words = r.words[1:]
	return word
}

func (r *insightsReader) take(word string) bool {
	if len(r.words) == 0 || r.words[0] != word {
		return false
	}
	r.words = r.words[1:]
	return true
}

func (r *insightsReader) name() string {
	name := r.next()
	r.wrong = r.wrong || strings.Trim(name, "@.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != ""
	return name
}

func (r *insightsReader) quoted() string {
	text, ok := strings.CutPrefix(r.next(), `"`)
	r.wrong = r.wrong || !ok
	return text
}

func (r *insightsReader) either() matches {
	left := r.both()
	for r.take("or") {
		a, b := left, r.both()
		left = func(read reads) bool { return a(read) || b(read) }
	}
	return left
}

func (r *insightsReader) both() matches {
	left := r.one()
	for r.take("and") {
		a, b := left, r.one()
		left = func(read reads) bool { return a(read) && b(read) }
	}
	return left
}

// one reads a comparison. A field that an event lacks compares with nothing.
func (r *insightsReader) one() matches {
	if r.take("(") {
		inner := r.either()
		r.wrong = !r.take(")") || r.wrong
		return inner
	}
	name := r.name()
	compare := func(fits func(string) bool) matches {
		return func(read reads) bool {
			value, there := read(name)
			return there && fits(value)
		}
	}
	switch r.next() {
	case "=":
		text := r.quoted()
		return compare(func(value string) bool { return value == text })
	case "like":
		text := r.quoted()
		return compare(func(value string) bool { return strings.Contains(value, text) })
	case "in":
		r.wrong = !r.take("[") || r.wrong
		var list []string
		for again := true; again && !r.wrong; again = r.take(",") {
			list = append(list, r.quoted())
		}
		r.wrong = !r.take("]") || r.wrong
		return compare(func(value string) bool { return slices.Contains(list, value) })
	default:
		r.wrong = true
		return nil
	}
}
