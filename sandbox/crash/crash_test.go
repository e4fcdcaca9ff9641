package crash

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/sandbox/program"
)

var (
	flagRounds = flag.Int("crash.rounds", 8, "how many rounds")
	flagLanes  = flag.Int("crash.lanes", 4, "how many rounds at one time; a multiple of four")
	flagSeed   = flag.Uint64("crash.seed", 1, "where rounds come from")
	flagRound  = flag.Int("crash.round", -1, "the only round to play")
	flagTimes  = flag.Int("crash.times", 1, "how often to play it")
	flagPoint  = flag.String("crash.point", "",
		`where the first shot of all rounds strikes, such as "after redis commit"; "list" lists the points`)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rules 6, 14, 15 and 16, with the real program.
func TestKilledAtAnyInstructionTheBotResumesNothingIsLostAndNothingIsDoneTwice(t *testing.T) {
	var only *point
	switch *flagPoint {
	case "":
	case "list":
		for _, p := range points() {
			fmt.Println(p)
		}
		return
	default:
		p, err := pointOf(*flagPoint)
		if err != nil {
			t.Fatalf("%v; -crash.point=list lists them", err)
		}
		only = &p
	}
	if *flagLanes < len(kinds()) || *flagLanes%len(kinds()) != 0 {
		t.Fatalf("-crash.lanes=%d is no multiple of %d", *flagLanes, len(kinds()))
	}
	binary := program.Build(t, "cmd/revokebot")
	sum := newTally()
	defer func() { t.Log(sum) }()
	if *flagRound >= 0 {
		rounds := slices.Values(slices.Repeat([]int{*flagRound}, *flagTimes))
		playRounds(t, mustLane(t, kindOf(*flagRound), binary), sum, only, rounds)
		return
	}
	rounds := func(first int) iter.Seq[int] {
		return func(yield func(int) bool) {
			for n := first; n < *flagRounds; n += *flagLanes {
				if !yield(n) {
					return
				}
			}
		}
	}
	var playing sync.WaitGroup
	for n := range *flagLanes {
		l := mustLane(t, kindOf(n), binary)
		playing.Go(func() { playRounds(t, l, sum, only, rounds(n)) })
	}
	playing.Wait()
}

func mustLane(t *testing.T, k kind, binary string) *lane {
	t.Helper()
	l, err := newLane(t, k, binary)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// playRounds plays rounds in a lane. After one that did not come to rest the lane is of no more
// use.
func playRounds(t *testing.T, l *lane, sum *tally, only *point, rounds iter.Seq[int]) {
	t.Helper()
	times := 0
	for n := range rounds {
		p := newPlan(*flagSeed, n, only)
		p.name(times)
		times++
		ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
		started := time.Now()
		fired, seen, err := l.play(ctx, p)
		var c checks
		if err == nil {
			c, err = l.check(ctx, p)
		}
		cancel()
		if done := sum.add(p, fired, seen, c, time.Since(started)); done%50 == 0 {
			fmt.Printf("%d rounds, %d broken\n", done, sum.failures())
		}
		for _, name := range nameless(seen) {
			t.Errorf("the step %s is not among the points", name)
		}
		if err != nil || len(c.broken) > 0 {
			t.Errorf("seed %d, %v%v\n%v\n%s\nThe rest is in %s", *flagSeed, p, fired, err, strings.Join(c.broken, "\n"),
				l.keep(t, p))
		}
		if err != nil {
			return
		}
	}
}

// keep writes what the bot logged and what Slack showed in a round to a file.
func (l *lane) keep(t *testing.T, p plan) string {
	var b strings.Builder
	b.WriteString(p.String())
	for _, a := range p.asks {
		fmt.Fprintf(&b, "\n%s, %s\n", a.room, a.story)
		for _, m := range l.slack.Messages(a.room) {
			if m.TS > a.since {
				request, event := markOf(m)
				fmt.Fprintf(&b, "%s thread %s, %s %s, only %s: %s\n", m.TS, m.ThreadTS, request, event, m.VisibleTo, m.Text)
			}
		}
	}
	b.WriteString("\n" + l.log.String())
	path := filepath.Join(t.ArtifactDir(), fmt.Sprintf("round-%d.txt", p.number))
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return err.Error()
	}
	return path
}
