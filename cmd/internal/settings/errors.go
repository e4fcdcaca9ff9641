package settings

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is a setting that is wrong, missing or unwise. The program prints Error and ends with exit
// status 2; doctor prints Saw and Fix behind the name of the setting.
type Error struct {
	Setting  string // a variable, or a key of the file such as accounts.prod.id; "" is the whole file
	Line     int    // of the file; 0 is unknown
	Saw, Fix string // sentences; "" where only the program prints the error
	text     string
}

// Error returns one or two sentences on one line, which name the setting.
func (e *Error) Error() string { return e.text }

// Errorf is an error that only the program prints.
func Errorf(format string, args ...any) error {
	return &Error{text: fmt.Sprintf(format, args...)}
}

// is says what is wrong with a setting, such as "is missing", and how to fix it; with two clauses
// more, why it is wrong and how to fix it.
func is(setting, wrong string, more ...string) *Error {
	e := says(setting, setting+" "+wrong, more...)
	e.Saw = "It" + strings.TrimPrefix(e.Saw, setting)
	return e
}

// says is like is, for a sentence with a subject of its own.
func says(setting, saw string, more ...string) *Error {
	e := &Error{Setting: setting, Saw: saw + ".", Fix: sentence(more[0]), text: saw + ": " + more[0] + "."}
	if len(more) > 1 {
		e.Saw, e.Fix = e.text, sentence(more[1])
		e.text += " " + e.Fix
	}
	return e
}

// below puts where the setting stands in front of what the program prints.
func (e *Error) below(where string) *Error {
	e.text = where + ": " + e.text
	return e
}

// sentence gives a clause a capital and a full stop.
func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	return string(unicode.ToUpper(first)) + clause[size:] + "."
}
