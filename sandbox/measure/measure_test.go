package measure

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/sandbox/program"
)

var (
	flagSoak     = flag.Duration("measure.soak", 10*time.Minute, "how long the soak takes; 0: none")
	flagRate     = flag.Int("measure.rate", 20, "commands and clicks a second in the soak")
	flagRequests = flag.Int("measure.requests", 1000, "requests after which memory is looked at")
	flagOpen     = flag.Int("measure.open", 10_000, "requests that are open at one time")
	flagTimes    = flag.Int("measure.times", 40,
		"revocations of which each is timed; acknowledgements are fifty times as many")
	flagStrict = flag.Bool("measure.strict", false, "fail when an aim is missed")
	flagWrite  = flag.String("measure.write", "", "a document in which the table replaces the last one")
	flagBinary = flag.String("measure.binary", "", "measure this binary instead of building one")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// BenchmarkTable measures everything once, prints the table, and writes it where -measure.write
// says. An aim that is missed is told and fails nothing, unless -measure.strict asks for it.
func BenchmarkTable(b *testing.B) {
	p := programs{
		bot: *flagBinary, slack: program.Build(b, "sandbox/measure/bareslack"),
		aws: program.Build(b, "sandbox/measure/bareaws"),
	}
	if p.bot == "" {
		// As `make build` does.
		b.Setenv("CGO_ENABLED", "0")
		p.bot = program.Build(b, "cmd/revokebot", "-trimpath")
	}
	all := &table{}
	for _, s := range []struct {
		name    string
		measure func(testing.TB, programs, *table)
	}{
		{"start", start},
		{"acknowledgement", acknowledgements},
		{"click to deny", clickToDeny},
		{"cost", cost},
		{"memory", memory},
		{"soak", soak},
	} {
		began, rows := time.Now(), len(all.rows)
		// A benchmark of its own, so that what a section started ends with it.
		done := b.Run(s.name, func(b *testing.B) {
			if b.N == 1 {
				s.measure(b, p, all)
			}
		})
		fmt.Fprintf(os.Stderr, "measured %s in %v\n", s.name, time.Since(began).Round(time.Second))
		for _, r := range all.rows[rows:] {
			fmt.Fprintf(os.Stderr, "  %s: %s (floor %s)\n", r.what, r.measured, cmp.Or(r.floor, "none"))
		}
		if !done {
			b.FailNow()
		}
	}
	text := machine() + "\n\n" + all.String()
	fmt.Println("\n" + text)
	if *flagWrite != "" {
		document, err := os.ReadFile(*flagWrite)
		check(b, err)
		changed, err := putBlock(string(document), text)
		check(b, err)
		check(b, os.WriteFile(*flagWrite, []byte(changed), 0o644))
	}
	for _, aim := range all.missed() {
		fmt.Println("missed:", aim)
		if *flagStrict {
			b.Errorf("missed: %s", aim)
		}
	}
}

// programs are the binaries that run.
type programs struct{ bot, slack, aws string }

// machine says on what the figures were measured, and how.
func machine() string {
	lines := func(file, name string) string {
		raw, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		for line := range strings.Lines(string(raw)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	size := fmt.Sprintf("%d cores", runtime.NumCPU())
	if model := lines("/proc/cpuinfo", "model name"); model != "" {
		size += " (" + model + ")"
	}
	if total, err := statusValue("MemTotal:"+lines("/proc/meminfo", "MemTotal"), "MemTotal"); err == nil {
		size += ", " + fmt.Sprintf("%.1f GB", float64(total<<10)/1e9)
	}
	redis := "Redis"
	if out, err := exec.Command("redis-server", "--version").Output(); err == nil {
		if _, rest, ok := bytes.Cut(out, []byte("v=")); ok {
			redis += " " + string(bytes.Fields(rest)[0])
		}
	}
	return fmt.Sprintf("%s: %s, %s/%s, %s, %s.\nMade by `make bench SOAK=%v RATE=%d REQUESTS=%d OPEN=%d TIMES=%d`.",
		time.Now().UTC().Format("2 January 2006"),
		size, runtime.GOOS, runtime.GOARCH, runtime.Version(), redis, *flagSoak, *flagRate, *flagRequests, *flagOpen,
		*flagTimes)
}
