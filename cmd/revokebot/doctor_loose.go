package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// mistake is a place of the file that cannot be read.
type mistake struct {
	key      string
	line     int
	sentence string
}

// keyLines tells the line of each key, as far as the file is YAML.
func keyLines(data []byte) (at map[string]int) {
	at = map[string]int{}
	defer func() { _ = recover() }() // see errNoYAML
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return at
	}
	var walk func(prefix string, n ast.Node)
	walk = func(prefix string, n ast.Node) {
		entries(n, func(key *ast.MapKeyNode, name string, value ast.Node) {
			at[prefix+name] = (*key).GetToken().Position.Line
			walk(prefix+name+".", value)
		})
	}
	for _, document := range file.Docs {
		walk("", document.Body)
	}
	return at
}

// entries calls each with the keys of a group.
func entries(n ast.Node, each func(key *ast.MapKeyNode, name string, value ast.Node)) {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		n = anchor.Value
	}
	group, ok := n.(ast.MapNode)
	if !ok {
		return
	}
	for i := group.MapRange(); i.Next(); {
		key := i.Key()
		each(&key, scalar(key), i.Value())
	}
}

// decodeLoosely reads all that can be read of a file that the strict reading refuses, and tells all that cannot: that
// reading stops at the first mistake.
func decodeLoosely(data []byte) (f configFile, mistakes []mistake) {
	defer func() {
		if recover() != nil {
			mistakes = []mistake{{sentence: errNoYAML.Error() + "."}}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) == 0 {
		return f, nil
	}
	decodeGroup(file.Docs[0].Body, reflect.ValueOf(&f).Elem(), "", &mistakes)
	return f, mistakes
}

// decodeGroup reads a group of keys into a struct or a map.
func decodeGroup(n ast.Node, into reflect.Value, prefix string, mistakes *[]mistake) {
	entries(n, func(key *ast.MapKeyNode, name string, value ast.Node) {
		at := (*key).GetToken().Position.Line
		target := fieldOf(into, name)
		if into.Kind() == reflect.Map {
			target = reflect.New(into.Type().Elem()).Elem()
		}
		if !target.IsValid() {
			*mistakes = append(*mistakes, mistake{prefix + name, at, fmt.Sprintf("there is no key %s here: correct its spelling or its indentation, or take it out.", shown(name))})
			return
		}
		_, isGroup := value.(ast.MapNode)
		if group := target.Kind() == reflect.Struct || target.Kind() == reflect.Map; group && isGroup {
			if target.Kind() == reflect.Map {
				target.Set(reflect.MakeMap(target.Type()))
			}
			decodeGroup(value, target, prefix+name+".", mistakes)
		} else if err := decodeValue(value, target); err != nil {
			*mistakes = append(*mistakes, mistake{prefix + name, at, withoutLine(err)})
		}
		if into.Kind() == reflect.Map {
			into.SetMapIndex(reflect.ValueOf(name), target)
		}
	})
}

// decodeValue reads a value into a field, which stays as it is when it cannot be read.
func decodeValue(n ast.Node, into reflect.Value) error {
	kind := into.Type()
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem() // the library does not use the methods of what two pointers lead to
	}
	value := reflect.New(kind)
	if err := yaml.NodeToValue(n, value.Interface(), yaml.Strict()); err != nil {
		return err
	}
	if into.Kind() == reflect.Pointer {
		into.Set(value)
	} else {
		into.Set(value.Elem())
	}
	return nil
}

// fieldOf finds the field of a struct by its key.
func fieldOf(into reflect.Value, key string) reflect.Value {
	if into.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for i := range into.NumField() {
		if tag, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("yaml"), ","); tag == key {
			return into.Field(i)
		}
	}
	return reflect.Value{}
}

// withoutLine is yamlSentence without the line, which stands elsewhere.
func withoutLine(err error) string {
	text := yamlSentence(err)
	if lineOf(err) > 0 {
		_, text, _ = strings.Cut(text, ": ")
	}
	return text
}

// lineOf is the line of the file that an error is about; 0 when it is about none.
func lineOf(err error) int {
	if own, ok := errors.AsType[*lineError](err); ok {
		return own.line
	}
	if found, ok := errors.AsType[yaml.Error](err); ok && found.GetToken() != nil {
		return found.GetToken().Position.Line
	}
	return 0
}
