package settings

import (
	"cmp"
	"errors"
	"fmt"
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
	case *yaml.UnexpectedNodeTypeError:
		saw = inPlaceOf(e.Actual.String(), e.Expected.String())
	case *yaml.TypeError:
		there := "Null"
		if e.SrcType != nil {
			there = e.SrcType.Kind().String()
		}
		saw = inPlaceOf(there, e.DstType.Kind().String())
	case *yaml.OverflowError:
		saw = "the number " + value + " is too large"
	}
	return mistakeAt(found.GetToken(), saw, fix)
}

func inPlaceOf(there, wanted string) string {
	return cmp.Or(parts[there], "a number") + " stands where " + cmp.Or(parts[wanted], "a number") + " is expected"
}

// parts are the words for parts of a file, by the names that the library and Go have for them.
var parts = map[string]string{
	"Mapping": "a group of keys", "MappingValue": "a group of keys", "map": "a group of keys", "struct": "a group of keys",
	"Sequence": "a list such as [a, b]", "slice": "a list such as [a, b]",
	"String": "a text", "Literal": "a text", "string": "a text", "Bool": "true or false", "bool": "true or false",
	"Null": "nothing", "Anchor": "an anchor", "Alias": "an alias", "Tag": "a tag",
}
