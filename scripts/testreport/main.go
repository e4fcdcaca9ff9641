// Command testreport reads the output of go test -json and prints what go test would have printed
// without it, followed by one line on what was run. Arguments say where the race detector was on.
// A test that skips itself counts as failed: everything that a test needs is there, or the run says
// so before it starts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout, time.Now, os.Args[1:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

// event is one line of go test -json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// summary counts what was run.
type summary struct {
	packages, without int // with tests, and without any
	tests, passed     int // subtests included
	failed, skipped   []string
	broken            []string // packages that failed as a whole
}

// report copies r to w and tells whether everything passed.
func report(r io.Reader, w io.Writer, now func() time.Time, where ...string) (ok bool, err error) {
	started := now()
	var s summary
	held := map[string][]string{} // the output of tests that have not ended, by package and test
	ran := map[string]bool{}
	lines := bufio.NewReader(r)
	for {
		line, readErr := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprint(w, line) // of the go command itself
			} else {
				s.take(e, held, ran, w)
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return false, readErr
		}
	}
	// What did not come to an end, because the process died, is where the trouble is.
	for _, key := range sortedKeys(held) {
		fmt.Fprint(w, strings.Join(held[key], ""))
	}
	s.print(w, now().Sub(started), where)
	return len(s.failed)+len(s.broken)+len(s.skipped) == 0 && s.tests > 0, nil
}

func (s *summary) take(e event, held map[string][]string, ran map[string]bool, w io.Writer) {
	key := e.Package + " " + e.Test
	switch {
	case e.Action == "build-output":
		fmt.Fprint(w, e.Output)
	case e.Action == "output" && e.Test == "":
		if e.Output != "PASS\n" && !strings.HasPrefix(e.Output, "testing: warning: no tests to run") {
			fmt.Fprint(w, e.Output)
		}
	case e.Action == "output":
		if strings.HasPrefix(e.Output, "=== ") {
			return // the steps of a test, which go test prints with -v only
		}
		held[key] = append(held[key], e.Output)
	case e.Test == "":
		s.endPackage(e, ran)
	case e.Action == "run":
		s.tests++
		ran[e.Package] = true
	case e.Action == "pass":
		s.passed++
		delete(held, key)
	case e.Action == "fail":
		s.failed = append(s.failed, key)
		fmt.Fprint(w, strings.Join(held[key], ""))
		delete(held, key)
	case e.Action == "skip":
		s.skipped = append(s.skipped, key)
		fmt.Fprint(w, strings.Join(held[key], ""))
		delete(held, key)
	}
}

func (s *summary) endPackage(e event, ran map[string]bool) {
	switch e.Action {
	case "pass", "skip":
		if ran[e.Package] {
			s.packages++
		} else {
			s.without++
		}
	case "fail":
		s.packages++
		s.broken = append(s.broken, e.Package)
	}
}

func (s *summary) print(w io.Writer, took time.Duration, where []string) {
	fmt.Fprintln(w)
	for _, list := range []struct {
		word  string
		names []string
	}{{"FAILED", s.failed}, {"SKIPPED, which counts as failed", s.skipped}, {"FAILED package", s.broken}} {
		for _, name := range list.names {
			fmt.Fprintf(w, "%s: %s\n", list.word, name)
		}
	}
	fmt.Fprintf(w, "%d tests in %d packages: %d passed, %d failed, %d skipped; %d packages have no tests. "+
		"Race detector %s, %s.\n",
		s.tests, s.packages, s.passed, len(s.failed), len(s.skipped), s.without,
		strings.Join(append([]string{"on"}, where...), " "), took.Round(time.Second))
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
