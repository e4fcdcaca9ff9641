package repotest

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goMod is what go.mod says, as go mod edit -json gives it.
type goMod struct {
	Require []struct{ Path string }
	Tool    []struct{ Path string }
}

// moduleOf returns the required module that a package belongs to; "" for the standard library and
// for this module.
func (m goMod) moduleOf(pkg string) string {
	best := ""
	for _, r := range m.Require {
		if strings.HasPrefix(pkg+"/", r.Path+"/") && len(r.Path) > len(best) {
			best = r.Path
		}
	}
	return best
}

func readGoMod(t *testing.T) goMod {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryModuleInUseHasItsReasonAndNoReasonIsLeftOver(t *testing.T) {
	mod := readGoMod(t)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text(t, "docs/dependencies.md"),
		-1) {
		listed[m[1]] = true
	}
	used := map[string]bool{}
	for _, tool := range mod.Tool {
		used[mod.moduleOf(tool.Path)] = true
	}
	for _, p := range packages(t) {
		for _, pkg := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			used[mod.moduleOf(pkg)] = true
		}
	}
	delete(used, "")
	if len(used) < 5 {
		t.Fatalf("only %d modules are in use", len(used))
	}
	for path := range used {
		if !listed[path] {
			t.Errorf("docs/dependencies.md does not say what %s is for", path)
		}
	}
	for path := range listed {
		if mod.moduleOf(path) != path {
			t.Errorf("docs/dependencies.md lists %s, which go.mod does not require", path)
		}
	}
}
