package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// lineError is what is wrong with one line of the configuration file.
type lineError struct {
	line     int
	sentence string // without the full stop
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.sentence) }

func errorAt(n ast.Node, format string, args ...any) error {
	return &lineError{line: n.GetToken().Position.Line, sentence: fmt.Sprintf(format, args...)}
}

// errNoYAML is a file that makes the library panic: it does on some odd tags and indentations.
var errNoYAML = errors.New("this is not YAML that can be read: compare it with docs/configuration.md")

// decodeYAML reads one document, strictly.
func decodeYAML(data []byte, into any) (err error) {
	defer func() {
		if recover() != nil {
			err = errNoYAML
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return err
	}
	for i, document := range file.Docs {
		if i > 0 && document.Body != nil {
			return errorAt(document.Body, "a second document begins here: keep everything in one, without a line of ---")
		}
	}
	if err := yaml.UnmarshalWithOptions(data, into, yaml.Strict()); err != nil {
		return err
	}
	for _, document := range file.Docs {
		if err := checkAccountNames(document.Body); err != nil {
			return err
		}
	}
	return nil
}

// checkAccountNames refuses names that YAML reads as numbers of another base: 012 would become the account 10.
func checkAccountNames(root ast.Node) error {
	top, ok := root.(ast.MapNode)
	if !ok {
		return nil
	}
	for entries := top.MapRange(); entries.Next(); {
		accounts, ok := entries.Value().(ast.MapNode)
		if !ok || entries.Key().GetToken().Value != "accounts" {
			continue
		}
		for names := accounts.MapRange(); names.Next(); {
			name, ok := names.Key().(*ast.IntegerNode)
			if ok && fmt.Sprint(name.Value) != name.GetToken().Value {
				return errorAt(name, "the account's name %s reads as a number: put it in quotes", name.GetToken().Value)
			}
		}
	}
	return nil
}

// duration is a length of time as Go writes it: 30s, 15m, 12h.
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(n ast.Node) error {
	text := scalar(n)
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		return errorAt(n, "%s is no duration: write a number and a unit such as 30s, 15m or 12h", shown(text))
	}
	*d = duration(value)
	return nil
}

// count is a whole number.
type count int

// UnmarshalYAML reads a count.
func (c *count) UnmarshalYAML(n ast.Node) error {
	value, err := strconv.Atoi(scalar(n))
	if err != nil {
		return errorAt(n, "%s is no whole number", shown(scalar(n)))
	}
	*c = count(value)
	return nil
}

// scalar is a value as it was written, without quotes.
func scalar(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.AnchorNode:
		return scalar(n.Value)
	case ast.ScalarNode:
		return n.GetToken().Value
	default:
		return strings.TrimSpace(n.String())
	}
}

// yamlSentence is one line about what is wrong and where. The library's own messages speak of Go's types, and go on with
// an excerpt of the file.
func yamlSentence(err error) string {
	if own, ok := errors.AsType[*lineError](err); ok {
		return own.Error() + "."
	}
	found, ok := errors.AsType[yaml.Error](err)
	if !ok || found.GetToken() == nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return strings.TrimSuffix(line, ".") + "."
	}
	at := found.GetToken()
	sentence := strings.TrimSuffix(strings.ReplaceAll(found.GetMessage(), "\n", " "), ".")
	switch e := found.(type) {
	case *yaml.UnknownFieldError:
		sentence = fmt.Sprintf("there is no key %s here: correct its spelling or its indentation, or take it out", shown(at.Value))
	case *yaml.SyntaxError:
		// A repeated key is a matter of syntax to the library, with the place of the first in brackets.
		if strings.Contains(sentence, "already defined at") {
			sentence = fmt.Sprintf("the key %s is given a second time: keep one", shown(at.Value))
		}
	case *yaml.UnexpectedNodeTypeError:
		sentence = fmt.Sprintf("%s stands where %s is expected", node(e.Actual), node(e.Expected))
	case *yaml.TypeError:
		sentence = fmt.Sprintf("%s stands where %s is expected", kind(e.SrcType), kind(e.DstType))
	case *yaml.OverflowError:
		sentence = fmt.Sprintf("the number %s is too large", shown(at.Value))
	}
	return fmt.Sprintf("line %d: %s.", at.Position.Line, sentence)
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
