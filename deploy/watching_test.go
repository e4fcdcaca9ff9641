package deploy_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot/metrics"
	"github.com/revokebot/revokebot/handlers/record"
)

// known are the metrics and their labels. Prometheus adds the rest.
func known() map[string]metrics.Family {
	all := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		all[f.Name] = f
	}
	return all
}

var (
	selector = regexp.MustCompile(`(revokebot_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`^\s*([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*$`)
	grouping = regexp.MustCompile(`\b(?:by|ignoring|on|without)\s*\(([^)]*)\)`)
)

// added are the labels that Prometheus adds to what it reads.
var added = []string{"instance", "job"}

// wantKnown checks a query: every metric of ours and every label exist, and every value of a label
// is a word of the program.
func wantKnown(t *testing.T, where, query string, words string) {
	t.Helper()
	families := known()
	labels := slices.Clone(added)
	found := selector.FindAllStringSubmatch(query, -1)
	for _, m := range found {
		family, ok := families[m[1]]
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if name, cut := strings.CutSuffix(m[1], part); cut && families[name].Type == "histogram" {
				family, ok = families[name], true
				if part == "_bucket" {
					labels = append(labels, "le")
				}
			}
		}
		switch {
		case !ok:
			t.Errorf("%s: there is no metric %s", where, m[1])
			continue
		case family.Type == "histogram" && family.Name == m[1]:
			t.Errorf("%s: %s is a histogram: it has only a bucket, a sum and a count", where, m[1])
		case family.Type == "counter" && !regexp.MustCompile(`(?:rate|increase)\(`+regexp.QuoteMeta(m[1])).MatchString(query):
			t.Errorf("%s: %s is a counter, and its value alone says nothing", where, m[1])
		}
		labels = append(labels, family.Labels...)
		if m[2] == "" {
			continue
		}
		for one := range strings.SplitSeq(m[2], ",") {
			match := matcher.FindStringSubmatch(one)
			if match == nil {
				t.Errorf("%s: cannot read the matcher %s", where, one)
				continue
			}
			if !slices.Contains(family.Labels, match[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], match[1])
			}
			for value := range strings.SplitSeq(match[3], "|") {
				if !regexp.MustCompile(`"` + value + `"`).MatchString(words) {
					t.Errorf("%s: nothing in the program says %q", where, value)
				}
			}
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(labels, label) {
				t.Errorf("%s: %s is grouped by %s, which nothing in it has", where, query, label)
			}
		}
	}
	if len(found) == 0 && !strings.Contains(query, "process_") && !strings.Contains(query, "go_") {
		t.Errorf("%s: %s asks for no metric", where, query)
	}
}

// programText is the program's own code, for the words in it.
func programText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, purpose := range approvals.Purposes() {
		fmt.Fprintf(&all, "%q\n", purpose)
	}
	fmt.Fprintf(&all, "%q\n", strings.ReplaceAll(string(record.WordNotContained), " ", "_"))
	for _, dir := range []string{"bot", "aws", "approvals", "handlers"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			all.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// alerts is the file of rules, with all that Prometheus reads of one.
type alerts struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

func TestEveryAlertAsksForWhatThereIsAndLeadsToTheRunbook(t *testing.T) {
	data, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var a alerts
	if err := yaml.UnmarshalWithOptions(data, &a, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	words := programText(t)
	runbook, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range a.Groups {
		for _, r := range g.Rules {
			if seen[r.Alert] || !strings.HasPrefix(r.Alert, "Revokebot") {
				t.Errorf("%q: each alert has a name of its own, which begins with Revokebot", r.Alert)
			}
			seen[r.Alert] = true
			wantKnown(t, r.Alert, r.Expr, words)
			if r.For != "" {
				if _, err := time.ParseDuration(r.For); err != nil {
					t.Errorf("%s: for %s: %v", r.Alert, r.For, err)
				}
			}
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s says not what it is", r.Alert)
			}
			anchor, ok := strings.CutPrefix(r.Annotations["runbook_url"],
				"https://github.com/revokebot/revokebot/blob/main/docs/runbook.md#")
			if !ok || anchor == "" {
				t.Errorf("%s: runbook_url %q", r.Alert, r.Annotations["runbook_url"])
			}
			if !hasHeading(string(runbook), anchor) {
				t.Errorf("%s: the runbook has no heading #%s", r.Alert, anchor)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d alerts were read", len(seen))
	}
}

// hasHeading reports whether a page has a heading whose anchor, as GitHub makes them, is that one.
func hasHeading(page, anchor string) bool {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		made := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(strings.TrimSpace(made), " ", "-") == anchor {
			return true
		}
	}
	return strings.Contains(page, `<a id="`+anchor+`">`)
}

func TestEveryPanelOfTheDashboardAsksForWhatThereIs(t *testing.T) {
	data, err := os.ReadFile("grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	type position struct{ X, Y, W, H int }
	var d struct {
		Title, UID string
		Panels     []struct {
			ID          int
			Type, Title string
			GridPos     position
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	words := programText(t)
	ids, asked := map[int]bool{}, ""
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if g := p.GridPos; g.X+g.W > 24 || g.W < 1 || g.H < 1 {
			t.Errorf("%s lies outside of the page: %+v", p.Title, g)
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantKnown(t, p.Title, target.Expr, words)
			asked += target.Expr + "\n"
		}
	}
	// What is worth counting is worth showing.
	for name := range known() {
		if !regexp.MustCompile(`\b` + name + `(?:_bucket)?\b`).MatchString(asked) {
			t.Errorf("no panel shows %s", name)
		}
	}
}
