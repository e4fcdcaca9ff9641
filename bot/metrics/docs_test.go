package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/metrics.md")

const (
	page       = "../../docs/metrics.md"
	tableBegin = "<!-- the table is written by go test ./bot/metrics -update -->\n"
	tableEnd   = "<!-- the end of the table -->\n"
)

func TestThePageListsEveryMetricWithItsLabels(t *testing.T) {
	var table strings.Builder
	table.WriteString("| metric | type | labels | what |\n| --- | --- | --- | --- |\n")
	for _, f := range Families() {
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, labels, f.Help)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(data), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		t.Fatal("the page has no place for the table")
	}
	want := before + tableBegin + table.String() + tableEnd + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Error("the table of docs/metrics.md is not that of the registry: go test ./bot/metrics -update")
	}
}
