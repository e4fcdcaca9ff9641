package measure

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/program"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

const (
	fewLanes = 60
	fewRoles = 200

	starts    = 15
	idleAfter = 10 * time.Second // memory counts as idle when nothing happened for so long

	// remoteDelay is what each call to Slack and to AWS takes besides its work: between a host in the
	// same region and one on the same continent.
	remoteDelay = 60 * time.Millisecond

	startAim  = 100 * time.Millisecond
	idleAim   = 25_000_000
	ackAim    = 2.0
	denyAim   = 1.3
	growthAim = 1.25
)

// start is the time from the process's start to the first connection that has its hello, and the
// memory after it, when nothing happens.
func start(tb testing.TB, p programs, all *table) {
	w := newWorld(tb, 1, 10)
	times := func(start func() *process) (took []time.Duration, memory, own int64) {
		for i := range starts {
			one := start()
			took = append(took, w.connected(one, 1).Sub(one.began))
			if i == starts-1 {
				time.Sleep(idleAfter)
				memory, own = one.memory(), one.own()
			}
			one.stop()
		}
		return took, memory, own
	}
	bare, bareMemory, bareOwn := times(func() *process { return run(tb, p.slack, w.env()) })
	took, memory, own := times(func() *process { return w.bot(p.bot) })
	median := percentile(took, 50)
	all.aim("start to first hello, median", short(median), short(percentile(bare, 50)), "< "+short(startAim),
		median < startAim)
	all.add("start to first hello, p99", short(percentile(took, 99)), short(percentile(bare, 99)))
	all.aim("memory, idle", megabytes(memory), megabytes(bareMemory), "< "+megabytes(idleAim), memory < idleAim)
	all.add("memory, idle, without the pages of the binary", megabytes(own), megabytes(bareOwn))
}

// acknowledgements has both programs acknowledge in turn, each in a workspace of its own.
func acknowledgements(tb testing.TB, p programs, all *table) {
	const turns = 20
	each := *flagTimes * 50 / turns
	own, floor := newWorld(tb, fewLanes, fewRoles), newWorld(tb, fewLanes, fewRoles)
	b := own.bot(p.bot)
	bare := run(tb, p.slack, floor.env())
	floor.connected(bare, 1)
	send := func(w *world) (took []time.Duration) {
		for i := range each {
			d, err := acknowledged(w.slack.Command(tb.Context(), requester(w.lane(i)), channel(w.lane(i)), messages.Command,
				"help"))
			check(tb, err)
			took = append(took, d)
			time.Sleep(10 * time.Millisecond)
		}
		return took
	}
	send(own) // both have met what they meet
	send(floor)
	var took, least []time.Duration
	for range turns {
		own.quiet(b)
		took = append(took, send(own)...)
		own.quiet(b)
		least = append(least, send(floor)...)
	}
	median, bareMedian := percentile(took, 50), percentile(least, 50)
	times := ratio(median, bareMedian)
	all.aim(fmt.Sprintf("acknowledgement of %s commands, median", thousands(len(took))),
		fmt.Sprintf("%s (%.1f×)", short(median), times), short(bareMedian),
		fmt.Sprintf("≤ %.0f×", ackAim), times <= ackAim)
	p99, bare99 := percentile(took, 99), percentile(least, 99)
	all.add("acknowledgement, p99", fmt.Sprintf("%s (%.1f×)", short(p99), ratio(p99, bare99)), short(bare99))
}

// clickToDeny times revocations, from the click's envelope to the moment at which AWS has the deny,
// and beside each the same remote calls by a program that does nothing else.
func clickToDeny(tb testing.TB, p programs, all *table) {
	n := *flagTimes
	w := newWorld(tb, fewLanes, 2*n+10)
	b := w.bot(p.bot)
	floor := newBareAWS(tb, w, p.aws)
	cards := w.open(b, 0, n)
	w.quiet(b)
	writes := w.aws.Subscribe(tb.Context())
	w.slack.Inject(slackstandin.Fault{Method: "*", Delay: remoteDelay})
	w.aws.Inject(awsstandin.Fault{Times: -1, Delay: remoteDelay})
	written := func(since time.Time) time.Duration {
		give := time.After(patience)
		for {
			select {
			case c := <-writes:
				if c.Action == "PutRolePolicy" && c.At.After(since) {
					if c.Code != "" {
						tb.Fatalf("the write was refused: %s", c.Code)
					}
					return c.Ended.Sub(since)
				}
			case <-give:
				tb.Fatal("no deny was written")
			}
		}
	}
	var took, least []time.Duration
	for i, c := range cards {
		w.quiet(b)
		began := time.Now()
		if _, err := w.press(approver(i), messages.ActionApprove, c); err != nil {
			tb.Fatal(err)
		}
		took = append(took, written(began))
		w.quiet(b)
		began = time.Now()
		floor.do(role(n + i))
		least = append(least, written(began))
	}
	median, bareMedian := percentile(took, 50), percentile(least, 50)
	times := ratio(median, bareMedian)
	all.aim(fmt.Sprintf("click to deny of %d, median, %s for each remote call", n, short(remoteDelay)),
		fmt.Sprintf("%s (%.2f×)", short(median), times),
		short(bareMedian), fmt.Sprintf("≤ %.1f×", denyAim), times <= denyAim)
	all.add("click to deny, p99", short(percentile(took, 99)), short(percentile(least, 99)))
}

// bareAWS is the program that makes the remote calls and nothing else.
type bareAWS struct {
	tb  testing.TB
	in  io.Writer
	out *bufio.Reader
}

func newBareAWS(tb testing.TB, w *world, binary string) *bareAWS {
	tb.Helper()
	cmd := exec.Command(binary)
	cmd.SysProcAttr = program.EndWithParent()
	cmd.Env = append(w.env(), "SPOKE_ROLE="+w.seeded.Spokes["prod"], "EXTERNAL_ID="+actors.ExternalID,
		"APPROVER="+approver(0), "GROUP="+actors.Group)
	in, err := cmd.StdinPipe()
	check(tb, err)
	out, err := cmd.StdoutPipe()
	check(tb, err)
	cmd.Stderr = tb.Output()
	check(tb, cmd.Start())
	tb.Cleanup(func() {
		_ = in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			tb.Errorf("bareaws: %v", err)
		}
	})
	f := &bareAWS{tb, in, bufio.NewReader(out)}
	f.do(role(0))
	return f
}

// do has it do one revocation and waits until it has.
func (f *bareAWS) do(role string) {
	f.tb.Helper()
	_, err := fmt.Fprintln(f.in, role)
	check(f.tb, err)
	_, err = f.out.ReadString('\n')
	check(f.tb, err)
}

// cost is what the bot and Redis do for one command and one click, until the thread says all that
// there is to say. What a bot that nobody talks to needs meanwhile is taken off.
func cost(tb testing.TB, p programs, all *table) {
	const commands, approvals = 40, 15 // Slack takes an edit in two seconds
	w := newWorld(tb, fewLanes, fewRoles)
	b := w.bot(p.bot)
	for i, c := range w.open(b, 0, 50) { // everything was met once
		_, err := w.decide(i, c)
		check(tb, err)
	}
	w.told(b)
	time.Sleep(idleAfter)
	type use struct {
		at        time.Time
		processor time.Duration
		commands  int
	}
	now := func() use { return use{time.Now(), b.processor(), w.commands()} }
	before := now()
	time.Sleep(2 * idleAfter)
	idle := now()
	seconds := idle.at.Sub(before.at).Seconds()
	idleProcessor, idleCommands := (idle.processor-before.processor).Seconds()/seconds,
		float64(idle.commands-before.commands)/seconds
	row := func(what string, n int, do func(i int)) {
		before := now()
		for i := range n {
			do(i)
			time.Sleep(50 * time.Millisecond)
		}
		w.told(b)
		after := now()
		seconds := after.at.Sub(before.at).Seconds()
		processor := max(0, (after.processor-before.processor).Seconds()-idleProcessor*seconds) / float64(n)
		commands := max(0, float64(after.commands-before.commands)-idleCommands*seconds) / float64(n)
		all.add(what, fmt.Sprintf("%s processor time, %.0f Redis commands", short(time.Duration(processor*1e9)), commands),
			"")
	}
	all.add("a second without anything to do",
		fmt.Sprintf("%s processor time, %.0f Redis commands", short(time.Duration(idleProcessor*1e9)), idleCommands), "")
	var cards []card
	row("a command", commands, func(i int) {
		_, err := w.ask(w.lane(i), 50+i)
		check(tb, err)
	})
	for range commands {
		cards = append(cards, w.card(b))
	}
	row("a click that cancels", commands-approvals, func(i int) {
		c := cards[approvals+i]
		_, err := w.press(requester(c.lane), messages.ActionCancel, c)
		check(tb, err)
	})
	row("a click that approves, with the revocation", approvals, func(i int) {
		_, err := w.press(approver(i), messages.ActionApprove, cards[i])
		check(tb, err)
	})
}

// memory is looked at before the first request, when many were made and decided, and when very many
// are open. The workspace is a large one, with a thousand channels, and the account has as many
// roles as there are requests.
func memory(tb testing.TB, p programs, all *table) {
	requests, open := *flagRequests, *flagOpen
	w := newWorld(tb, max(fewLanes, open/10), max(requests, open))
	b := w.bot(p.bot)
	time.Sleep(idleAfter)
	all.add(fmt.Sprintf("memory, before the first request, %s channels and %s roles", thousands(w.lanes),
		thousands(w.roles)), megabytes(b.memory()), "")
	for i, c := range w.open(b, 0, requests) {
		_, err := w.decide(i, c)
		check(tb, err)
	}
	w.quiet(b)
	time.Sleep(idleAfter)
	some := b.memory()
	all.add(fmt.Sprintf("memory, after %s requests", thousands(requests)), megabytes(some), "")
	w.open(b, 0, open)
	w.quiet(b)
	time.Sleep(idleAfter)
	many := b.memory()
	times := ratio(many, some)
	all.aim(fmt.Sprintf("memory, with %s open", thousands(open)), fmt.Sprintf("%s (%.2f×)", megabytes(many), times), "",
		fmt.Sprintf("≤ %.2f× the line above", growthAim), times <= growthAim)
}
