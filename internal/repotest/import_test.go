package repotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/revokebot/revokebot"

// pkg is what go list says of a package.
type pkg struct {
	Dir                       string
	GoFiles                   []string
	ImportPath                string
	Imports                   []string // written in its files, tests left out
	Deps                      []string // all that it comes with, tests left out
	TestImports, XTestImports []string // written in its tests
}

// name is the path below the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// ours lists the module's packages that it imports, by their names.
func (p pkg) ours() []string {
	var names []string
	for _, i := range p.Imports {
		if name, ok := strings.CutPrefix(i, module+"/"); ok {
			names = append(names, name)
		}
	}
	return names
}

// layer is the part of the house that a package belongs to.
func layer(name string) string {
	switch {
	case strings.HasPrefix(name, "aws/"):
		return "aws/" + strings.Split(name, "/")[1] // with what lies below
	case name == "approvals/redisstore", name == "cmd/revokebot-sandbox":
		return name
	default:
		first, _, _ := strings.Cut(name, "/")
		return first
	}
}

// mayImport says which layers a layer may import besides itself. One that is not here fails the
// test: whoever adds a layer says where it belongs.
func mayImport() map[string][]string {
	return map[string][]string{
		"cmd": {
			"bot", "handlers", "approvals", "approvals/redisstore", "aws", "aws/role", "aws/trail", "aws/examine", "deploy",
			"internal",
		},
		"cmd/revokebot-sandbox": {
			"cmd", "bot", "approvals", "approvals/redisstore", "aws", "aws/role", "aws/trail", "sandbox",
		},
		"bot":                  {"handlers", "approvals", "internal"},
		"handlers":             {"approvals", "aws", "aws/role", "aws/trail", "aws/contain", "internal"},
		"approvals":            {},
		"approvals/redisstore": {"approvals"},
		"aws/examine":          {"aws", "aws/role", "aws/trail", "aws/contain", "internal"},
		"aws/role":             {"aws", "aws/contain", "internal"},
		"aws/trail":            {"aws", "aws/contain", "internal"},
		"aws":                  {"aws/contain", "internal"},
		"aws/contain":          {},
		"deploy":               {},
		"internal":             {}, // words that several layers share, on the standard library
		"scripts":              {},
		// Stand-ins know nothing of the bot; the accounts in them are set up with the files that
		// operators use. The bench is for tests of the whole.
		"sandbox": {"deploy"},
	}
}

// wholeBot are the packages below sandbox that run the bot itself, or its package aws, for tests.
func wholeBot() []string { return []string{"sandbox/bench", "sandbox/awsbench"} }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list",
		"-json=ImportPath,Dir,GoFiles,Imports,Deps,TestImports,XTestImports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func TestImportsRunDownwardsOnly(t *testing.T) {
	rules := mayImport()
	for _, p := range packages(t) {
		from := layer(p.name())
		allowed, known := rules[from]
		if !known {
			t.Errorf("%s: where does %s stand? Say it in this test", p.name(), from)
			continue
		}
		if slices.Contains(wholeBot(), p.name()) {
			continue
		}
		for _, name := range p.ours() {
			if to := layer(name); to != from && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s", p.name(), name)
			}
		}
	}
}

// A newcomer has to be able to look around in a package.
func TestNoPackageOfTheBotHasMoreThan25Files(t *testing.T) {
	for _, p := range packages(t) {
		first, _, _ := strings.Cut(p.name(), "/")
		ours := slices.Contains([]string{"cmd", "bot", "handlers", "approvals", "aws"}, first)
		if ours && len(p.GoFiles) > 25 {
			t.Errorf("%s has %d files", p.name(), len(p.GoFiles))
		}
	}
}

// A package with a Poster can post: package bot makes one and hands it to deliver, which keeps it.
func TestOnlyDeliverAndTheMakerOfThePosterNameIt(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() == "bot" || p.name() == "handlers/deliver" {
			continue
		}
		for _, name := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(source, []byte("deliver.Poster")) {
				t.Errorf("%s/%s names deliver.Poster", p.name(), name)
			}
		}
	}
}

// belowHandlers says what the packages below handlers import of handlers and the layers below. One
// that is not here fails the test.
func belowHandlers() map[string][]string {
	return map[string][]string{
		"handlers/deliver": {"approvals", "handlers/messages", "handlers/record", "handlers/report", "handlers/step"},
		"handlers/guard": {
			"approvals", "aws", "aws/contain", "aws/role", "aws/trail", "handlers/messages", "handlers/record",
			"handlers/step", "internal/times",
		},
		"handlers/investigate": {
			"approvals", "aws", "aws/contain", "aws/role", "aws/trail", "handlers/record", "handlers/step", "internal/times",
		},
		"handlers/messages": {
			"approvals", "aws/contain", "aws/role", "aws/trail", "handlers/record", "internal/english", "internal/times",
		},
		"handlers/measures": {"approvals", "aws/contain", "handlers/messages", "handlers/record"},
		"handlers/record":   {"approvals", "aws/contain", "aws/role", "aws/trail", "internal/times"},
		"handlers/report": {
			"approvals", "aws/trail", "handlers/messages", "handlers/record", "handlers/timeline", "internal/english",
			"internal/times",
		},
		"handlers/step": {
			"approvals", "aws", "aws/contain", "aws/role", "handlers/measures", "handlers/messages",
			"handlers/record", "internal/times",
		},
		"handlers/timeline": {"internal/english", "internal/times"},
	}
}

func TestMessagesDrawWhatTheRecordSaysAndTheRecordDrawsNothing(t *testing.T) {
	rules := belowHandlers()
	for _, p := range packages(t) {
		if !strings.HasPrefix(p.name(), "handlers/") {
			continue
		}
		allowed, known := rules[p.name()]
		if !known {
			t.Errorf("%s: what may it import? Say it in this test", p.name())
		}
		for _, name := range p.ours() {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s imports %s", p.name(), name)
			}
		}
		if p.name() == "handlers/record" && slices.ContainsFunc(p.Deps, func(dep string) bool {
			return strings.HasPrefix(dep, "github.com/slack-go")
		}) {
			t.Errorf("%s comes with Slack's types", p.name())
		}
	}
}

func TestOnlyTheSandboxProgramAndTestsImportTheSandbox(t *testing.T) {
	for _, p := range packages(t) {
		if from := layer(p.name()); from == "cmd/revokebot-sandbox" || from == "sandbox" {
			continue
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, module+"/sandbox") {
				t.Errorf("%s comes with %s", p.name(), strings.TrimPrefix(dep, module+"/"))
			}
		}
	}
}

func TestTheProductionProgramHasNoStandInNoPageAndNoRedisInMemory(t *testing.T) {
	found := false
	for _, p := range packages(t) {
		if p.name() != "cmd/revokebot" {
			continue
		}
		found = true
		for _, foreign := range []string{
			module + "/sandbox", module + "/cmd/revokebot-sandbox", "github.com/alicebob", "html/template", "testing",
		} {
			for _, dep := range p.Deps {
				if dep == foreign || strings.HasPrefix(dep, foreign+"/") {
					t.Errorf("it comes with %s", dep)
				}
			}
		}
	}
	if !found {
		t.Error("there is no cmd/revokebot")
	}
}

func TestApprovalsAndMeasuresArePureCodeOnTheStandardLibrary(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if p.name() != "approvals" && p.name() != "aws/contain" {
			continue
		}
		found++
		for _, dep := range p.Deps {
			if first, _, _ := strings.Cut(dep, "/"); strings.Contains(first, ".") {
				t.Errorf("%s comes with %s", p.name(), dep)
			}
			// Pure: nothing in it can reach a network, a file or another process.
			if slices.Contains([]string{"net", "net/http", "os/exec"}, dep) {
				t.Errorf("%s comes with %s", p.name(), dep)
			}
		}
	}
	if found != 2 {
		t.Error("there is no package approvals, or no package aws/contain")
	}
}

func TestMeasuresHaveNoClock(t *testing.T) {
	files, err := filepath.Glob(root + "/aws/contain/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if code, err := os.ReadFile(name); err != nil || bytes.Contains(code, []byte("time.Now")) {
			t.Errorf("%s asks for the time, which is a parameter: %v", name, err)
		}
	}
}

func TestApprovalsAndAWSKnowNeitherSlackNorEachOther(t *testing.T) {
	foreign := map[string][]string{
		"approvals": {"github.com/slack-go", module + "/aws", module + "/handlers", module + "/bot"},
		"aws": {
			"github.com/slack-go", "github.com/redis", module + "/approvals", module + "/handlers", module + "/bot",
		},
	}
	for _, p := range packages(t) {
		for _, dep := range p.Deps {
			for _, prefix := range foreign[strings.Split(p.name(), "/")[0]] {
				if dep == prefix || strings.HasPrefix(dep, prefix+"/") {
					t.Errorf("%s comes with %s", p.name(), dep)
				}
			}
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "models", "helpers", "misc"}, path.Base(p.ImportPath)) {
			t.Errorf("%s: name it for what it knows", p.name())
		}
	}
}
