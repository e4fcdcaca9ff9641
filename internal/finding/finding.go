// Package finding is the form in which packages that know nothing of each other say what a check
// found, so that revokebot doctor can print them side by side.
package finding

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// State is what a check came to. The zero value is unknown and never OK.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warning" // it works, and less well or less safely than it could
	Failure State = "failure" // a revocation would be stopped, or it is not known because nothing answered
)

// Finding is what one check saw.
type Finding struct {
	Check  string `json:"check"` // what was looked at, in a few words, unique among the findings of a program
	State  State  `json:"state"`
	Saw    string `json:"saw"`             // one or more sentences; may hold foreign text, which the printer cleans
	Source string `json:"source,omitzero"` // of a setting: where its value comes from
	Fix    string `json:"fix,omitzero"`    // what to do about it, a sentence; "" only where the state is OK
}

// Good is a check that found everything as it should be.
func Good(check, saw string, args ...any) Finding {
	return Finding{Check: check, State: OK, Saw: fmt.Sprintf(saw, args...)}
}

// Warn is a check that found something that works and could be better.
func Warn(check, fix, saw string, args ...any) Finding {
	return Finding{Check: check, State: Warning, Saw: fmt.Sprintf(saw, args...), Fix: fix}
}

// Fail is a check that found what stops a revocation.
func Fail(check, fix, saw string, args ...any) Finding {
	return Finding{Check: check, State: Failure, Saw: fmt.Sprintf(saw, args...), Fix: fix}
}

// From says where the value of a setting comes from.
func (f Finding) From(source string) Finding {
	f.Source = source
	return f
}

// Split parts a text of this project's usual form into what is the case and what to do: the last of
// several sentences, or what follows the colon of a single one. Where neither is there, fix is "".
func Split(text string) (saw, fix string) {
	text = strings.TrimSpace(text)
	if at := strings.LastIndex(strings.TrimSuffix(text, "."), ". "); at >= 0 {
		return text[:at+1], text[at+2:]
	}
	saw, fix, found := strings.Cut(text, ": ")
	if !found {
		return text, ""
	}
	return saw + ".", capital(fix)
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
