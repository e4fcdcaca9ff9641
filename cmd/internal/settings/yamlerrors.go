package settings

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"
)

// mistakeAt is something in the file that cannot be read, with its line where that is known. fix is
// a clause; "" has nothing better than the documentation.
func mistakeAt(at *token.Token, saw, fix string) *Error {
	e := says("", saw, cmp.Or(fix, "compare it with docs/configuration.md"))
	if at != nil {
		e.Line = at.Position.Line
		e.below(fmt.Sprintf("line %d", e.Line))
	}
	return e
}

// unreadable says on one line what is wrong. The library's own messages speak of Go's types, and go
// on with an excerpt of the file.
func unreadable(err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	found, ok := errors.AsType[yaml.Error](err)
	if !ok || found.GetToken() == nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return mistakeAt(nil, strings.TrimSuffix(line, "."), "")
	}
	saw, fix := strings.TrimSuffix(strings.ReplaceAll(found.GetMessage(), "\n", " "), "."), ""
	value := Redact(found.GetToken().Value)
	switch e := found.(type) {
	case *yaml.UnknownFieldError:
		saw, fix = "there is no key "+value+" here", "correct its spelling or its indentation, or take it out"
	case *yaml.SyntaxError:
		// A repeated key is a matter of syntax to the library, with the place of the first in brackets.
		if strings.Contains(saw, "already defined at") {
			saw, fix = "the key "+value+" is given a second time", "keep one"
		}
	case *yaml.TypeError:
		saw = goKind(e.SrcType) + " stands where " + goKind(e.DstType) + " is expected"
	}
	return mistakeAt(found.GetToken(), saw, fix)
}

// goKind says in the words of YAML what a value is, of those that the file may hold.
func goKind(t reflect.Type) string {
	switch {
	case t == nil:
		return "nothing"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Map || t.Kind() == reflect.Struct:
		return "a group of keys"
	}
	return "a number"
}
