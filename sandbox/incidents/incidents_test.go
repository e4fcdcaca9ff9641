package incidents_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

var directory = flag.String("timelines", "", "play the timelines of this `directory`, not the project's own")

var byLogGroup = flag.Bool("log-group", false, "give the account a log group of CloudTrail in every timeline")

var right, played atomic.Int32

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		code = 1
	}
	if n := played.Load(); n > 0 {
		fmt.Printf("timelines: %d of %d\n", right.Load(), n)
	}
	os.Exit(code)
}

func TestEveryTimelineEndsInItsTrueVerdict(t *testing.T) {
	playAll(t, *byLogGroup, 1, &right, &played)
}

// playAll plays every n-th timeline.
func playAll(t *testing.T, byLogGroup bool, n int, right, played *atomic.Int32) {
	t.Helper()
	dir := *directory
	if dir == "" {
		dir = "testdata"
	} else if _, err := os.Stat(dir); err != nil && !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir) // go test runs in the package's directory
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no timelines in %s (%v)", dir, err)
	}
	for i, file := range files {
		if i%n != 0 {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		played.Add(1)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, file)
				line.logGroup = byLogGroup
				got := play(t, line)
				problems := line.Expect.problems(got)
				report := fmt.Sprintf("%s\n%s\nexpected verdict: %s\nverdict given: %s\nverdict message:\n%s", line.Story,
					strings.Join(problems, "\n"), strings.Join(line.Expect.Verdict, " or "), got.verdict, got.message)
				switch {
				case t.Failed():
				case len(problems) == 0:
					right.Add(1)
				default:
					t.Error(report)
				}
			})
		})
	}
}

// The message of a denial by another inline policy of the role is the same.
func TestADenialByAStandingInlinePolicyProvesNothing(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"iam:ListRoles": "unknown", "iam:ListUsers": "contained"} {
		synctest.Test(t, func(t *testing.T) {
			line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
			line.standing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"` + action + `","Resource":"*"}]}`
			if got := play(t, line); got.verdict != want {
				t.Errorf("%s is denied by a standing policy: %s\n%s", action, got.verdict, got.message)
			}
		})
	}
}
