package messages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goldens are the functions whose messages and views have golden files, and worsts those that draw
// them from input as bad as it gets.
var (
	goldens = []string{
		"all", "allOfUndo", "allOfDrill", "trailMessages", "reportMessages", "forms", "formAnswers",
		"TestTheAppHomeIsAsItsGoldenFileSays",
	}
	worsts = []string{
		"worst", "worstOfUndo", "worstOfDrill", "worstOfOthers", "TestTheAppHomeIsWithinSlacksLimitsAndForeignTextStaysText",
		"TestEveryFormIsWithinSlacksLimitsAndForeignTextStaysText", "detailsOf",
		"TestTheFormForARevocationIsWithinSlacksLimitsAndAsksForWhatIsNeeded",
		"TestWhatIsOfferedIsWithinSlacksLimitsForAnyRoles", "TestATextAtAFieldIsPlainAndShort",
	}
	// enums take nothing from outside: what they say is golden, for each value.
	enums = []string{"HomeRefused"}
)

// constructors are the exported functions of this package that make what people see, and how many
// parameters each has.
func constructors(t *testing.T) map[string]int {
	found := map[string]int{}
	for _, f := range parsed(t, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil {
				continue
			}
			for _, result := range fn.Type.Results.List {
				switch typ := result.Type.(type) {
				case *ast.StarExpr:
					if id, ok := typ.X.(*ast.Ident); ok && id.Name == "Message" {
						found[fn.Name.Name] = fn.Type.Params.NumFields()
					}
				case *ast.SelectorExpr:
					if strings.HasSuffix(typ.Sel.Name, "ViewRequest") {
						found[fn.Name.Name] = fn.Type.Params.NumFields()
					}
				case *ast.Ident:
					if typ.Name == "any" {
						found[fn.Name.Name] = fn.Type.Params.NumFields()
					}
				}
			}
		}
	}
	return found
}

func parsed(t *testing.T, want func(string) bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	var files []*ast.File
	for _, name := range names {
		if !want(name) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// called are the functions of the package that some of the test functions call.
func called(t *testing.T, by []string) map[string]bool {
	out := map[string]bool{}
	there := map[string]bool{}
	for _, f := range parsed(t, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !slices.Contains(by, fn.Name.Name) {
				continue
			}
			there[fn.Name.Name] = true
			ast.Inspect(fn, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := s.X.(*ast.Ident); ok && id.Name == "messages" {
						out[s.Sel.Name] = true
					}
				}
				return true
			})
		}
	}
	for _, name := range by {
		if !there[name] {
			t.Errorf("there is no function %s", name)
		}
	}
	// By way of the helpers of a story.
	out["Card"], out["Thread"] = true, true
	return out
}

func TestWhateverIsMadeForPeopleHasAGoldenFileAndWasMadeOfTheWorstInput(t *testing.T) {
	all := constructors(t)
	if len(all) < 50 {
		t.Fatalf("only %d constructors were found", len(all))
	}
	golden, bad := called(t, goldens), called(t, worsts)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !golden[name] {
			t.Errorf("%s has no golden file", name)
		}
		if all[name] > 0 && !bad[name] && !slices.Contains(enums, name) {
			t.Errorf("%s was not made of the worst input", name)
		}
	}
}
