package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// valueError is a value that is read by this package and cannot be.
type valueError struct {
	at       *token.Token
	saw, fix string // clauses; fix may be ""
}

func (e *valueError) Error() string { return e.saw }

func valueErrorAt(n ast.Node, saw, fix string) error { return &valueError{n.GetToken(), saw, fix} }

// tokenOf is the place in the file that an error is about; nil when it is about none.
func tokenOf(err error) *token.Token {
	if own, ok := errors.AsType[*valueError](err); ok {
		return own.at
	}
	if found, ok := errors.AsType[yaml.Error](err); ok {
		return found.GetToken()
	}
	return nil
}

// unreadable is an error of the value of a key, or of the whole file, that cannot be read.
func unreadable(key string, err error) *Error {
	saw, fix := inWords(err)
	e := &Error{Setting: key, Saw: saw + ".", Fix: "Compare it with docs/configuration.md.", text: saw + "."}
	if fix != "" {
		e = says(key, saw, fix)
	}
	if at := tokenOf(err); at != nil {
		e.Line = at.Position.Line
		e.below(fmt.Sprintf("line %d", e.Line))
	}
	return e
}

// inWords says on one line what is wrong. The library's own messages speak of Go's types, and go on
// with an excerpt of the file.
func inWords(err error) (saw, fix string) {
	if own, ok := errors.AsType[*valueError](err); ok {
		return own.saw, own.fix
	}
	found, ok := errors.AsType[yaml.Error](err)
	if !ok || found.GetToken() == nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return strings.TrimSuffix(line, "."), ""
	}
	message := strings.TrimSuffix(strings.ReplaceAll(found.GetMessage(), "\n", " "), ".")
	value := Redact(found.GetToken().Value)
	switch e := found.(type) {
	case *yaml.UnknownFieldError:
		return "there is no key " + value + " here", "correct its spelling or its indentation, or take it out"
	case *yaml.SyntaxError:
		// A repeated key is a matter of syntax to the library, with the place of the first in brackets.
		if strings.Contains(message, "already defined at") {
			return "the key " + value + " is given a second time", "keep one"
		}
	case *yaml.UnexpectedNodeTypeError:
		return node(e.Actual) + " stands where " + node(e.Expected) + " is expected", ""
	case *yaml.TypeError:
		return kind(e.SrcType) + " stands where " + kind(e.DstType) + " is expected", ""
	case *yaml.OverflowError:
		return "the number " + value + " is too large", ""
	}
	return message, ""
}

// node says what a part of the file is.
func node(t ast.NodeType) string {
	switch t {
	case ast.MappingType, ast.MappingValueType:
		return "a group of keys"
	case ast.SequenceType:
		return "a list such as [a, b]"
	case ast.StringType, ast.LiteralType:
		return "a text"
	case ast.IntegerType, ast.FloatType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "nothing"
	default:
		return "a " + t.YAMLName()
	}
}

// kind says what a value is.
func kind(t reflect.Type) string {
	if t == nil {
		return "nothing"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a group of keys"
	default:
		return "a number"
	}
}
