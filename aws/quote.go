package aws

import (
	"strconv"
	"strings"
)

// quotedRunes is how much of a foreign text a sentence repeats.
const quotedRunes = 64

// quote repeats foreign text in a sentence so that it can do no harm there: in double quotes, cut to 64 characters, all
// that is not printable ASCII escaped, and the characters that chat programs act upon as well.
func quote(s string) string {
	cut, n := s, 0
	more := false
	for i := range s {
		if n == quotedRunes {
			cut, more = s[:i], true
			break
		}
		n++
	}
	q := markup.Replace(strconv.QuoteToASCII(cut))
	if more {
		q += "…"
	}
	return q
}

// markup are the characters that open a mention, a link, an entity or code in chat programs.
var markup = strings.NewReplacer("<", `\x3c`, ">", `\x3e`, "&", `\x26`, "`", `\x60`)
