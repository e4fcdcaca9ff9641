package settings

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// group returns the entries of a group of keys; nil for anything else.
func group(n ast.Node) *ast.MappingNode {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		n = anchor.Value
	}
	g, _ := n.(*ast.MappingNode)
	return g
}

// entries lists the entries of a group of keys.
func entries(n ast.Node) []*ast.MappingValueNode {
	if g := group(n); g != nil {
		return g.Values
	}
	return nil
}

// keyLines finds the line of each key, as far as the file is YAML.
func keyLines(data []byte) (at map[string]int) {
	at = map[string]int{}
	defer func() { _ = recover() }() // see errNoYAML
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return at
	}
	var walk func(prefix string, n ast.Node)
	walk = func(prefix string, n ast.Node) {
		for _, e := range entries(n) {
			name := prefix + scalar(e.Key)
			at[name] = e.Key.GetToken().Position.Line
			walk(name+".", e.Value)
		}
	}
	for _, document := range parsed.Docs {
		walk("", document.Body)
	}
	return at
}

// takeOut removes the innermost entry that has a token as its key or in its value, and returns its
// key.
func takeOut(n ast.Node, prefix string, at *token.Token) (key string, found bool) {
	for i, e := range entries(n) {
		name := prefix + scalar(e.Key)
		if !samePlace(e.Key.GetToken(), at) {
			if key, found := takeOut(e.Value, name+".", at); found {
				return key, true
			}
			if !holds(e.Value, at) {
				continue
			}
		}
		g := group(n)
		g.Values = slices.Delete(g.Values, i, i+1)
		return name, true
	}
	return "", false
}

// holds reports whether a node, or one below it, is where a token is.
func holds(n ast.Node, at *token.Token) bool {
	s := search{at: at}
	ast.Walk(&s, n)
	return s.found
}

type search struct {
	at    *token.Token
	found bool
}

// Visit implements ast.Visitor.
func (s *search) Visit(n ast.Node) ast.Visitor {
	s.found = s.found || n != nil && samePlace(n.GetToken(), s.at)
	return s
}

func samePlace(a, b *token.Token) bool {
	return a != nil && b != nil && a.Position.Line == b.Position.Line && a.Position.Column == b.Position.Column
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
