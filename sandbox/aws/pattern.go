package aws

import "strings"

// Escaped wildcards travel from expand to glob as these runes of Unicode's private use area, which
// no policy can contain: documents are limited to U+00FF.
const (
	literalStar     = '\uE000'
	literalQuestion = '\uE001'
)

// expand replaces the policy variables of a value: ${*}, ${?} and ${$} stand for the characters
// themselves, every other ${key} for the request's value of that key, or for the default in ${key,
// 'default'}. ok is false if a key has no value: the element that holds it then matches nothing
// (IAM User Guide, "Policy variables").
func expand(s string, ctx Context, pattern bool) (expanded string, ok bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(before)
		s = after
		switch name {
		case "*", "?":
			if !pattern {
				b.WriteString(name)
			} else if name == "*" {
				b.WriteRune(literalStar)
			} else {
				b.WriteRune(literalQuestion)
			}
			continue
		case "$":
			b.WriteByte('$')
			continue
		}
		key, fallback, hasDefault := strings.Cut(name, ",")
		value := strings.Trim(strings.TrimSpace(fallback), "'")
		if got, present := ctx.lookup(strings.ToLower(strings.TrimSpace(key))); present && len(got) == 1 {
			value = got[0]
		} else if !hasDefault {
			return "", false
		}
		if pattern {
			value = strings.NewReplacer("*", string(literalStar), "?", string(literalQuestion)).Replace(value)
		}
		b.WriteString(value)
	}
}

// glob matches the whole of s against a pattern in which * stands for any characters and ? for one.
func glob(want, s string) bool {
	pattern, text := []rune(want), []rune(s)
	p, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && matchRune(pattern[p], text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func matchRune(p, c rune) bool {
	switch p {
	case '?':
		return true
	case literalStar:
		return c == '*'
	case literalQuestion:
		return c == '?'
	default:
		return p == c
	}
}
