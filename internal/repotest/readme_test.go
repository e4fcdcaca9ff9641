package repotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// settingsPage has all settings.
const settingsPage = "docs/configuration.md"

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unwrapped returns a text as one line, for sentences that may begin on one line and end on
// another.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// pages lists the project's pages in Markdown.
func pages(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			names = append(names, strings.TrimPrefix(path, root+"/"))
		}
	}
	if !slices.Contains(names, "README.md") {
		t.Fatal("README.md is not among the pages")
	}
	return names
}

func TestEveryLinkInThePagesLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

func TestEveryGoFileThatThePagesNameIsThere(t *testing.T) {
	named := regexp.MustCompile("`([a-z0-9_/]+/[a-z0-9_]+\\.go)\\b")
	count := 0
	for _, page := range pages(t) {
		if page == "CHANGELOG.md" {
			continue // tells of files of its time
		}
		for _, m := range named.FindAllStringSubmatch(text(t, page), -1) {
			count++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d files were found in the pages", count)
	}
}

func TestTheReadmeAndTheArchitectureStayShort(t *testing.T) {
	for page, limit := range map[string]int{"README.md": 1500, "docs/architecture.md": 2500} {
		if n := len(strings.Fields(text(t, page))); n >= limit {
			t.Errorf("%s has %d words, want fewer than %d: move what is more to a page of its own", page, n, limit)
		}
	}
}

func TestThePageOfPagesLeadsToEveryPage(t *testing.T) {
	list := text(t, "docs/README.md")
	for _, page := range pages(t) {
		name, isDoc := strings.CutPrefix(page, "docs/")
		if isDoc && name != "README.md" && !strings.Contains(name, "/") && !strings.Contains(list, "("+name+")") {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

func TestEveryFileAndMakeTargetThatThePagesNameIsThere(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(text(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, page := range pages(t) {
		words := text(t, page)
		for _, m := range regexp.MustCompile("(?m)(?:^|`) *make ([a-z]+)").FindAllStringSubmatch(words, -1) {
			if !targets[m[1]] {
				t.Errorf("%s: make %s is no target", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`file://(\S+)`).FindAllStringSubmatch(words, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: there is no file %s", page, m[1])
			}
		}
	}
}

// program builds the program once for a test.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "revokebot")
	if out, err := exec.CommandContext(t.Context(), "go", "build", raceFlag, "-o", path,
		module+"/cmd/revokebot").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestTheReadmeNamesEveryCommandAndNoOther(t *testing.T) {
	bin := program(t)
	out, err := exec.CommandContext(t.Context(), bin, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+)`).FindAllStringSubmatch(string(out), -1) {
		commands[m[1]] = true
	}
	if !commands["run"] || !commands["doctor"] {
		t.Fatalf("the help could not be read:\n%s", out)
	}
	for _, m := range regexp.MustCompile(`bin/revokebot ([a-z]+)`).FindAllStringSubmatch(text(t, "README.md"), -1) {
		if !commands[m[1]] {
			t.Errorf("README.md: there is no command %s", m[1])
		}
	}
}

func TestTheTableOfTheEnvironmentIsTheCode(t *testing.T) {
	// The AWS SDK reads its own.
	variable := regexp.MustCompile(`"((?:SLACK|REDIS|REVOKEBOT)_[A-Z_]*[A-Z])"`)
	read := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, "cmd/internal/settings/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, m := range variable.FindAllStringSubmatch(text(t, strings.TrimPrefix(path, root+"/")), -1) {
			read[m[1]] = true
		}
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^ *\\| `((?:SLACK|REDIS|REVOKEBOT)_[A-Z_]+)` \\|").FindAllStringSubmatch(
		text(t, settingsPage), -1) {
		told[m[1]] = true
	}
	if len(told) == 0 {
		t.Fatal(settingsPage + " has no table of the environment")
	}
	for name := range read {
		if !told[name] {
			t.Errorf("%s does not tell of %s", settingsPage, name)
		}
	}
	for name := range told {
		if !read[name] {
			t.Errorf("%s tells of %s, which nothing reads", settingsPage, name)
		}
	}
}

// example is the configuration file in a page, without the indentation that a list gives it.
func example(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindStringSubmatch(text(t, page))
	if m == nil {
		t.Fatalf("%s has no configuration file", page)
	}
	return regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], "")
}

func TestTheConfigurationFilesInThePagesAreAccepted(t *testing.T) {
	bin := program(t)
	for _, page := range []string{"README.md", settingsPage} {
		path := filepath.Join(t.TempDir(), "revokebot.yaml")
		if err := os.WriteFile(path, []byte(example(t, page)), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), bin, "run")
		// The file is read before Redis is asked; nothing listens there.
		cmd.Env = []string{
			"SLACK_APP_TOKEN=xapp-1-A0-1-x", "SLACK_BOT_TOKEN=xoxb-x", "REDIS_URL=redis://127.0.0.1:1/0",
			"REVOKEBOT_CONFIG=" + path,
			"REVOKEBOT_LOG_LEVEL=error",
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "revokebot: REDIS_URL: Redis does not answer") {
			t.Errorf("%s: %v, and it said:\n%s\nwant that the file is accepted, and Redis asked next", page, err, out)
		}
	}
}

func TestThePageOfTheSettingsHasEveryKey(t *testing.T) {
	shown := example(t, settingsPage)
	keys := regexp.MustCompile("`yaml:\"([a-z_]+)\"`").FindAllStringSubmatch(text(t, "cmd/internal/settings/file.go"), -1)
	if len(keys) < 25 {
		t.Fatalf("only %d keys were found in the code", len(keys))
	}
	for _, m := range keys {
		if !regexp.MustCompile(`(?m)^ *` + m[1] + `:`).MatchString(shown) {
			t.Errorf("%s does not show the key %s", settingsPage, m[1])
		}
	}
}

func TestTheReadmeLeadsFromNothingToTheFirstDrillInTenSteps(t *testing.T) {
	_, rest, _ := strings.Cut(text(t, "README.md"), "## Run it for real\n")
	steps, _, _ := strings.Cut(rest, "\n## ")
	for n, step := range regexp.MustCompile(`(?m)^[0-9]+\. `).Split(steps, -1)[1:] {
		step = unwrapped(step)
		if n < 9 && !strings.Contains(step, "You should see") || n == 9 &&
			!strings.Contains(step, "/revoke-sessions drill ") {
			t.Errorf("step %d does not say what one should see, or the last is no drill:\n%s", n+1, step)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^[0-9]+\. `).FindAllString(steps, -1)); n != 10 {
		t.Errorf("there are %d steps", n)
	}
}
