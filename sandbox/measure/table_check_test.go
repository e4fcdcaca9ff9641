package measure

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAPercentileIsOneOfTheValues(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, c := range []struct {
		values []time.Duration
		p      float64
		want   time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 50, 7},
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{3, 1, 2}, 50, 2},
		{[]time.Duration{4, 3, 2, 1}, 50, 2},
		{hundred, 0, 1},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile %v of %d values: %d, not %d", c.p, len(c.values), got, c.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("the values were sorted in place")
	}
}

func TestFiguresAreShortAndHaveAUnit(t *testing.T) {
	for got, want := range map[string]string{
		short(1500 * time.Millisecond):                                    "1.50 s",
		short(123456 * time.Microsecond):                                  "123 ms",
		short(1234 * time.Microsecond):                                    "1.2 ms",
		short(123 * time.Microsecond):                                     "0.12 ms",
		megabytes(24_960_000):                                             "25.0 MB",
		thousands(0) + " " + thousands(7):                                 "0 7",
		thousands(999) + " " + thousands(1000) + " " + thousands(1234567): "999 1,000 1,234,567",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestARatioToNothingIsNone(t *testing.T) {
	if got := ratio(time.Second, 0); got != 0 {
		t.Error(got)
	}
	if got := ratio(3*time.Second, 2*time.Second); got != 1.5 {
		t.Error(got)
	}
}

func TestTheTableSaysWhichAimsWereMissed(t *testing.T) {
	var all table
	all.add("a", "1 ms", "")
	all.aim("bb", "2 ms", "1 ms", "≤ 2×", true)
	all.aim("c", "30 MB", "", "< 25 MB", false)
	want := `
|     | revokebot | floor | aim     | met    |
| --- | --------- | ----- | ------- | ------ |
| a   | 1 ms      |       |         |        |
| bb  | 2 ms      | 1 ms  | ≤ 2×    | yes    |
| c   | 30 MB     |       | < 25 MB | **no** |
`
	if got := all.String(); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s", got)
	}
	if got := all.missed(); !slices.Equal(got, []string{"c: 30 MB, aim < 25 MB"}) {
		t.Errorf("%q", got)
	}
}

func TestTheTableReplacesTheOneInTheDocument(t *testing.T) {
	got, err := putBlock("before\n"+blockBegins+"\nold\n"+blockEnds+"\nafter\n", "\nnew\n\n")
	if want := "before\n" + blockBegins + "\nnew\n" + blockEnds + "\nafter\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	for _, document := range []string{"", blockBegins, blockEnds, blockEnds + blockBegins} {
		if _, err := putBlock(document, "new"); err == nil {
			t.Errorf("%q was taken", document)
		}
	}
}

func TestWhatTheSystemSaysOfAProcessIsRead(t *testing.T) {
	n, err := statusValue("Name:\tx\nVmRSS:\t   20480 kB\nThreads:\t9\n", "VmRSS")
	if err != nil || n != 20480 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := statusValue("Name:\tx\n", "VmRSS"); err == nil {
		t.Error("a value that is not there was read")
	}
	// A name may have spaces and brackets in it (proc_pid_stat(5)).
	ticks, err := statTicks("4711 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0")
	if err != nil || ticks != 175 {
		t.Errorf("%d, %v", ticks, err)
	}
	if _, err := statTicks("4711 (short) S 1"); err == nil {
		t.Error("a short line was read")
	}
	if got, ok := gaugeIn("# HELP go_goroutines x\ngo_goroutines 42\n", "go_goroutines"); !ok || got != 42 {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := gaugeIn("go_goroutines_other 42\n", "go_goroutines"); ok {
		t.Error("another gauge was taken for it")
	}
}

func TestCommandsOfRedisAreCountedWithoutThoseThatCount(t *testing.T) {
	info := "# Commandstats\r\ncmdstat_evalsha:calls=10,usec=5,usec_per_call=0.5\r\ncmdstat_info:calls=4,usec=1\r\n" +
		"cmdstat_config|get:calls=2,usec=1\r\ncmdstat_xinfo|stream:calls=9,usec=1\r\ncmdstat_xlen:calls=2,usec=1\r\n"
	if n, err := commandCalls(info); err != nil || n != 12 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := commandCalls("# Commandstats\r\ncmdstat_get:calls=x\r\n"); err == nil {
		t.Error("a line that cannot be read was taken")
	}
}
