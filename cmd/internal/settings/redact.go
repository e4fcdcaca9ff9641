package settings

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// Redact is a value as an error may repeat it: quoted, cut, and not at all when it may be a secret
// that stands in the wrong place.
func Redact(value string) string {
	lower := strings.ToLower(value)
	for _, mark := range []string{"xapp-", "xoxb-", "xoxp-", "xoxe", "xoxa-", "xoxs-", "xwfp-"} {
		if strings.Contains(lower, mark) {
			return "what looks like a Slack token (not repeated here)"
		}
	}
	if strings.Contains(value, "://") && strings.Contains(value, "@") {
		return "an address with a password (not repeated here)"
	}
	if short := []rune(value); len(short) > maxShown {
		value = string(short[:maxShown]) + "…"
	}
	return strconv.Quote(value)
}

// maxShown is how many characters of a value an error repeats; the longest file names in use are
// shorter.
const maxShown = 200

// FileTrouble is why a file could not be read, without its path, which may be a secret that stands
// in the wrong place.
func FileTrouble(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return "it cannot be opened"
}

// OneLine joins the lines of an error that lists several things.
func OneLine(err error) string {
	return strings.TrimSuffix(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "), ".")
}
