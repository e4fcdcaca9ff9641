package main

import (
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, lines ...string) (out string, ok bool) {
	t.Helper()
	clock := time.Unix(0, 0)
	now := func() time.Time {
		clock = clock.Add(7 * time.Second)
		return clock
	}
	var w strings.Builder
	ok, err := report(strings.NewReader(strings.Join(lines, "\n")), &w, now)
	if err != nil {
		t.Fatal(err)
	}
	return w.String(), ok
}

const (
	start = `{"Action":"run","Package":"p","Test":"TestA"}`
	pass  = `{"Action":"pass","Package":"p","Test":"TestA"}`
	said  = `{"Action":"output","Package":"p","Test":"TestA","Output":"what TestA said\n"}`
	okay  = `{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`
	done  = `{"Action":"pass","Package":"p"}`
	ended = `{"Action":"fail","Package":"p"}`
)

func TestARunThatPassesShowsGosOwnLinesAndTheSums(t *testing.T) {
	out, ok := run(t, start, said, pass, `{"Action":"output","Package":"p","Output":"PASS\n"}`, okay, done,
		`{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}`, `{"Action":"skip","Package":"q"}`)
	want := "ok  \tp\t0.1s\n?   \tq\t[no test files]\n\n" +
		"1 tests in 1 packages: 1 passed, 0 failed, 0 skipped; 1 packages have no tests. Race detector on, 7s.\n"
	if out != want || !ok {
		t.Errorf("ok %v, got\n%s\nwant\n%s", ok, out, want)
	}
}

func TestAFailureShowsWhatTheTestSaid(t *testing.T) {
	out, ok := run(t, start, `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`, said,
		`{"Action":"fail","Package":"p","Test":"TestA"}`, ended)
	if ok || !strings.HasPrefix(out, "what TestA said\n") || !strings.Contains(out, "FAILED: p TestA\n") {
		t.Errorf("ok %v, got\n%s", ok, out)
	}
}

func TestASkippedTestCountsAsFailed(t *testing.T) {
	out, ok := run(t, start, said, `{"Action":"skip","Package":"p","Test":"TestA"}`, okay, done)
	if ok || !strings.Contains(out, "SKIPPED, which counts as failed: p TestA\n") {
		t.Errorf("ok %v, got\n%s", ok, out)
	}
}

func TestAPackageThatDoesNotCompileFails(t *testing.T) {
	out, ok := run(t, `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: no\n"}`, start, pass, done,
		`{"Action":"fail","Package":"r"}`)
	if ok || !strings.Contains(out, "p.go:1: no\n") || !strings.Contains(out, "FAILED package: r\n") {
		t.Errorf("ok %v, got\n%s", ok, out)
	}
}

func TestWhatATestSaidBeforeItsProcessDiedIsShown(t *testing.T) {
	out, ok := run(t, start, said, ended)
	if ok || !strings.Contains(out, "what TestA said\n") {
		t.Errorf("ok %v, got\n%s", ok, out)
	}
}

func TestARunWithoutTestsIsNoSuccess(t *testing.T) {
	if out, ok := run(t, "go: no such package"); ok || !strings.HasPrefix(out, "go: no such package") {
		t.Errorf("ok %v, got\n%s", ok, out)
	}
}
