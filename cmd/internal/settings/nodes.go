package settings

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// entries lists the entries of a group of keys; none for anything else.
func entries(n ast.Node) []*ast.MappingValueNode {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		n = anchor.Value
	}
	if g, ok := n.(*ast.MappingNode); ok {
		return g.Values
	}
	return nil
}

// keyLines notes the line of each key below a node.
func keyLines(at map[string]int, prefix string, n ast.Node) {
	for _, e := range entries(n) {
		name := prefix + scalar(e.Key)
		at[name] = e.Key.GetToken().Position.Line
		keyLines(at, name+".", e.Value)
	}
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
