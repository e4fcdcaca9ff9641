package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// dialect are phrases that readers had to translate. Single everyday words are for readers to
// judge.
var dialect = []string{
	"the deny ", "the deny.", "the deny,", "the deny:", "a deny ", "deny off", "aws took it", "aws took the",
	"aws did not take", "aws does not take", "read back", "on paper", "open a door", "open doors",
	"opens doors", "calls that open", "went on to", "gets answers", "got answers", "seen only here",
	"stands out", "stand out", "stood out", "last word", "a look ", "a look,", "a look.", "another look",
	"further look", "later look", "last look", "looks at", "promised cutoff", "set aside", "in trouble",
	"turned away", "told directly", "directly told", "unique id changed", "thief", "somebody else's hand",
	"other than the requester, is asked", "the request above", "whoever", "as soon as iam enforces",
	"three separate facts", "holds a copy", "does not touch that", "still in: no call", "nobody here",
	"was taken off", "came out of a suspicious", "counted: you asked", "who you are, and without that",
	"there is no such role in", "or nobody knows",
}

// What people read is written in literals: messages, forms, doctor's lines and the log's.
func TestNothingThatPeopleReadIsInADialect(t *testing.T) {
	n := 0
	for _, dir := range []string{"approvals", "aws", "bot", "cmd", "handlers"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				said, at := sentenceOf(node)
				if said == "" {
					return true
				}
				n++
				for _, phrase := range dialect {
					if strings.Contains(strings.ToLower(said), phrase) {
						t.Errorf("%s says %q: %s", files.Position(at), phrase, said)
					}
				}
				_, whole := node.(*ast.BinaryExpr)
				return !whole
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 2000 {
		t.Errorf("only %d texts were found", n)
	}
}

// sentenceOf is a literal of more than a word, or several that are put together; what is put
// between them is an ellipsis.
func sentenceOf(node ast.Node) (said string, at token.Pos) {
	switch e := node.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING && strings.Contains(text, " ") {
			return text, e.Pos()
		}
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", 0
		}
		for _, side := range []ast.Expr{e.X, e.Y} {
			if lit, ok := side.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				said += text
			} else if text, _ := sentenceOf(side); text != "" {
				said += text
			} else {
				said += "…"
			}
		}
		if strings.Contains(said, " ") {
			return said, e.Pos()
		}
	}
	return "", 0
}
