package crash

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errRESP is text that is not RESP (Redis documentation, "Redis serialization protocol
// specification").
var errRESP = errors.New("not RESP")

// readValue reads one whole value of RESP2 or RESP3 and returns it as it came.
func readValue(r *bufio.Reader) ([]byte, error) { return appendValue(nil, r) }

func appendValue(raw []byte, r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return raw, err
	}
	raw = append(raw, line...)
	n, members := 0, 0
	switch line[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return raw, nil
	case '$', '!', '=', '*', '~', '>', '%', '|':
		if n, err = size(line); err != nil || n < 0 {
			return raw, err
		}
	default:
		return raw, fmt.Errorf("%w: %q", errRESP, line)
	}
	switch line[0] {
	case '$', '!', '=':
		start := len(raw)
		raw = append(raw, make([]byte, n+2)...)
		_, err := io.ReadFull(r, raw[start:])
		return raw, err
	case '%':
		members = 2 * n
	case '|': // an attribute, and the value that it belongs to
		members = 2*n + 1
	default:
		members = n
	}
	for range members {
		if raw, err = appendValue(raw, r); err != nil {
			return raw, err
		}
	}
	return raw, nil
}

// size reads the number of a line such as "$5\r\n".
func size(line []byte) (int, error) {
	if len(line) < 4 || line[len(line)-2] != '\r' {
		return 0, fmt.Errorf("%w: %q", errRESP, line)
	}
	n, err := strconv.Atoi(string(line[1 : len(line)-2]))
	if err != nil {
		return 0, fmt.Errorf("%w: %q", errRESP, line)
	}
	return n, nil
}

// words takes the bulk strings out of a command, which is an array of them.
func words(raw []byte) []string {
	var list []string
	for len(raw) > 0 {
		end := 0
		for end < len(raw) && raw[end] != '\n' {
			end++
		}
		if end == len(raw) {
			return list
		}
		line, rest := raw[:end+1], raw[end+1:]
		if line[0] == '$' {
			n, err := size(line)
			if err != nil || n < 0 || n+2 > len(rest) {
				return list
			}
			list = append(list, string(rest[:n]))
			rest = rest[n+2:]
		}
		raw = rest
	}
	return list
}

// isNil reports whether a reply says that there is nothing.
func isNil(raw []byte) bool {
	text := string(raw)
	return text == "_\r\n" || text == "*-1\r\n" || text == "$-1\r\n"
}
