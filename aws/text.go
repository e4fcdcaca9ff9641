package aws

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// quotedRunes is how much of a foreign text a sentence repeats.
const quotedRunes = 64

// Quote repeats foreign text in a sentence so that it can do no harm there: in double quotes, cut
// to 64 characters, all that is not printable ASCII escaped, and the characters that chat programs
// act upon as well.
func Quote(s string) string {
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

// Few keeps a list short enough for a sentence.
func Few(all []string) []string {
	const most = 10
	if len(all) <= most {
		return all
	}
	return append(all[:most:most], fmt.Sprintf("%d more", len(all)-most))
}

// DecodeDocument undoes the percent-encoding in which IAM returns policy documents. A plus sign
// stands for itself. A document that is not encoded is returned as it is.
func DecodeDocument(s string) string {
	if strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{") {
		return s
	}
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}
