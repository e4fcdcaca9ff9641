package redisstore

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
)

func keysOf(key approvals.Key) []ed25519.PublicKey { return []ed25519.PublicKey{key.Public()} }

// chronicle is a store whose events are chained, with a worker that a test steps by hand.
type chronicle struct {
	*testing.T
	*Store
	db  *redis.Client
	key approvals.Key
	log bytes.Buffer
	n   int

	alarms int
}

func chronicled(t *testing.T) *chronicle {
	t.Helper()
	_, connect := inMemory(t)
	db := connect()
	key, err := approvals.NewKey(bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &chronicle{T: t, Store: ready(t, db, 0), db: db, key: key}
}

// happen records n remarks, the opening of a request with each tenth, and a note with each fifth.
func (c *chronicle) happen(n int) {
	c.Helper()
	sealed := approvals.NewSealed(c.Store, c.key)
	for range n {
		id := fmt.Sprint("R", c.n/10)
		var err error
		switch {
		case c.n%10 == 0:
			_, err = sealed.Open(c.Context(), id, "U0ALICE", "command "+id, about("role "+id))
		case c.n%5 == 0:
			err = sealed.Note(c.Context(), approvals.Event{
				Type: approvals.EventRefused, By: "U0BOB", Source: fmt.Sprint("envelope ", c.n),
			})
		default:
			err = sealed.Commit(c.Context(),
				approvals.Transition{RequestID: id, Expect: approvals.AppendOnly, Events: []approvals.Event{
					{Type: approvals.EventRefused, By: "U0BOB", Source: fmt.Sprint("envelope ", c.n)},
				}})
		}
		if err != nil {
			c.Fatal(err)
		}
		c.n++
	}
}

func (c *chronicle) worker(store audit.Store, file string) *audit.Worker {
	return audit.New(audit.Config{
		Store: store, Key: c.key, File: file, Alarm: func() {
			c.alarms++
		}, Logger: slog.New(slog.NewTextHandler(&c.log, nil)),
	})
}

func (c *chronicle) step(w *audit.Worker) {
	c.Helper()
	if err := w.Step(c.Context()); err != nil {
		c.Fatal(err)
	}
}

// lines is the chain as Redis has it.
func (c *chronicle) lines() string {
	c.Helper()
	lines, err := c.Lines(c.Context(), 0, 100_000)
	if err != nil {
		c.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

// whole fails the test unless a text is a chain of so many lines without a fault.
func (c *chronicle) whole(text string, lines int) {
	c.Helper()
	r, err := audit.Verify(strings.NewReader(text), keysOf(c.key), audit.Head{})
	if err != nil || !r.Whole() || r.Lines != lines || r.Forged != 0 {
		c.Errorf("%d lines, not %d: %q, %v", r.Lines, lines, r.Problems, err)
	}
}

func (c *chronicle) read(file string) string {
	c.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

func TestEveryEventIsChainedOnceWhoeverChains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		c.happen(110)
		var all sync.WaitGroup
		for range 4 {
			w := audit.New(audit.Config{Store: c.Store, Key: c.key})
			all.Go(func() {
				if err := w.Step(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		c.whole(c.lines(), 110)
		if n := c.db.XLen(t.Context(), unchainedKey).Val(); n != 0 {
			t.Errorf("%d events wait", n)
		}
		c.happen(5)
		c.step(c.worker(c.Store, ""))
		c.whole(c.lines(), 115)
	})
}

// forgetful is a store whose answer to Append is lost, before or after it was done.
type forgetful struct {
	*Store
	after bool
	lost  int
}

var errLost = errors.New("the answer is lost")

func (l *forgetful) Append(ctx context.Context, head, next audit.Head, entries []audit.Entry, lines []string) error {
	if l.lost++; l.lost > 1 {
		return l.Store.Append(ctx, head, next, entries, lines)
	}
	if l.after {
		if err := l.Store.Append(ctx, head, next, entries, lines); err != nil {
			return err
		}
	}
	return errLost
}

func TestAnAppendWhoseAnswerWasLostIsNotDoneTwice(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := chronicled(t)
			c.happen(20)
			w := c.worker(&forgetful{Store: c.Store, after: after}, "")
			if err := w.Step(t.Context()); !errors.Is(err, errLost) {
				t.Fatal(err)
			}
			c.step(w)
			c.whole(c.lines(), 20)
		})
	}
}

// raced is a store whose events another replica chains just when they, or the end of the chain,
// were read.
type raced struct {
	*Store
	meanwhile func()
}

func (r *raced) Waiting(ctx context.Context, n int) ([]audit.Entry, error) {
	entries, err := r.Store.Waiting(ctx, n)
	r.meanwhile()
	return entries, err
}

func (r *raced) Head(ctx context.Context) (audit.Head, error) {
	head, err := r.Store.Head(ctx)
	r.meanwhile()
	return head, err
}

func TestWhatAnotherReplicaChainsInBetweenIsChainedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		other := c.worker(c.Store, "")
		times := 0
		w := c.worker(&raced{Store: c.Store, meanwhile: func() {
			if times++; times < 6 {
				c.step(other)
				c.happen(3)
			}
		}}, "")
		c.happen(20)
		c.step(w)
		c.whole(c.lines(), c.n)
		// What waits no more is not appended, wherever the chain ends.
		head, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Append(t.Context(), head, audit.Head{N: head.N + 1}, []audit.Entry{{ID: "1-0"}},
			[]string{"{}"}); !errors.Is(err, audit.ErrMoved) {
			t.Errorf("an event that is chained already: %v", err)
		}
	})
}

func TestAFileHasTheWholeChainWhoeverChainedItAndGoesOnAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		c.happen(120)
		c.step(c.worker(c.Store, "")) // another replica
		c.step(c.worker(c.Store, file))
		c.whole(c.read(file), 120)

		// Killed in the middle of a line.
		text := c.read(file)
		if err := os.WriteFile(file, []byte(text[:len(text)-40]), 0o600); err != nil {
			t.Fatal(err)
		}
		c.happen(7)
		w := c.worker(c.Store, file)
		c.step(w)
		c.whole(c.read(file), 127)

		// Killed in the middle of the first line, and moved away while the bot runs.
		if err := os.WriteFile(file, []byte(text[:40]), 0o600); err != nil {
			t.Fatal(err)
		}
		c.step(w)
		c.whole(c.read(file), 127)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		c.step(w)
		c.whole(c.read(file), 127)
	})
}

func TestAFileIsNotGoneOnWithWhenTheChainIsAnotherOne(t *testing.T) {
	for name, change := range map[string]func(c *chronicle, file string){
		"Redis lost everything": func(c *chronicle, _ string) { c.db.FlushAll(c.Context()) },
		"Redis lost everything and has more lines by now": func(c *chronicle, _ string) {
			c.db.FlushAll(c.Context())
			c.n = 1000
			c.happen(20)
			c.step(c.worker(c.Store, ""))
		},
		"the last line is another": func(c *chronicle, file string) {
			c.happen(1)
			c.step(c.worker(c.Store, ""))
			text := strings.Replace(c.read(file), "U0BOB", "U0EVE", -1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				c.Fatal(err)
			}
		},
		"the file is something else": func(c *chronicle, file string) {
			if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
				c.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := chronicled(t)
				file := filepath.Join(t.TempDir(), "audit.jsonl")
				c.happen(12)
				c.step(c.worker(c.Store, file))
				change(c, file)
				before := c.read(file)
				err := c.worker(c.Store, file).Step(t.Context())
				if _, ok := errors.AsType[*audit.BrokenError](err); !ok {
					t.Errorf("the error is %v", err)
				}
				if c.read(file) != before {
					t.Error("the file was written to")
				}
			})
		})
	}
}

func TestLinesGoWhenTheirTimeIsOverAndTheRestIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		c.retention = time.Hour
		w := c.worker(c.Store, "")
		c.happen(50)
		c.step(w)
		time.Sleep(50 * time.Minute)
		c.happen(20)
		c.step(w)
		c.whole(c.lines(), 70)
		time.Sleep(20 * time.Minute)
		c.happen(20)
		c.step(w)
		c.happen(20)
		c.step(w)
		r, err := audit.Verify(strings.NewReader(c.lines()), keysOf(c.key), audit.Head{})
		if err != nil || !r.Whole() || r.First != 51 || r.Last != 110 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAWorkerChainsSoonAndWhatOthersLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		ctx, cancel := context.WithCancel(t.Context())
		var printed bytes.Buffer
		done := make(chan struct{})
		go func() {
			defer close(done)
			audit.New(audit.Config{Store: c.Store, Key: c.key, Print: &printed}).Run(ctx)
		}()
		c.happen(10)
		time.Sleep(time.Second)
		c.whole(c.lines(), 10)
		<-time.After(10 * time.Second)
		other := *c
		other.Store = ready(t, c.db, 0) // a process that dies after this
		other.happen(10)
		time.Sleep(6 * time.Second)
		c.whole(c.lines(), 20)
		c.n = 20
		c.happen(3)
		cancel()
		<-done
		c.whole(c.lines(), 23)
		if printed.String() != c.lines() {
			t.Errorf("printed was\n%s", printed.String())
		}
	})
}

func TestAForgedEventInTheQueueIsChainedWithAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		c.happen(1)
		if err := c.db.XAdd(t.Context(), &redis.XAddArgs{
			Stream: unchainedKey, Values: []any{"request", "R0", "seq", "2", "type", "approved", "by", "U0BOB"},
		}).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.db.XAdd(t.Context(), &redis.XAddArgs{
			Stream: unchainedKey, Values: []any{"nothing", "at all"},
		}).Err(); err != nil {
			t.Fatal(err)
		}
		c.step(c.worker(c.Store, ""))
		r, err := audit.Verify(strings.NewReader(c.lines()), keysOf(c.key), audit.Head{})
		if err != nil || !r.Whole() || r.Forged != 2 || strings.Count(c.log.String(), "level=ERROR") != 2 || c.alarms != 2 {
			t.Errorf("%+v, %v\n%s", r, err, c.log.String())
		}
	})
}

func TestAChainThatWasSetBackOrTornIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		w := c.worker(c.Store, "")
		c.happen(20)
		c.step(w)
		if err := c.db.HSet(t.Context(), headKey, "n", "12").Err(); err != nil {
			t.Fatal(err)
		}
		c.happen(1)
		if err := w.Step(t.Context()); !errors.Is(err, audit.ErrTornChain) ||
			!strings.Contains(c.log.String(), "was set back") || c.alarms != 1 {
			t.Errorf("%v, %d alarms\n%s", err, c.alarms, c.log.String())
		}
		if n := c.db.XLen(t.Context(), unchainedKey).Val(); n != 1 {
			t.Errorf("%d events wait", n)
		}
	})
}

func TestAnEndOfTheChainThatSomeoneElseWroteIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		w := c.worker(c.Store, "")
		c.happen(20)
		c.step(w)
		if err := c.db.HSet(t.Context(), headKey, "hash", strings.Repeat("0", 64)).Err(); err != nil {
			t.Fatal(err)
		}
		c.happen(1)
		if err := w.Step(t.Context()); err != nil || !strings.Contains(c.log.String(), "was set back") || c.alarms != 1 {
			t.Errorf("%v, %d alarms\n%s", err, c.alarms, c.log.String())
		}
	})
}

func TestABrokenAuditLogIsToldOnceAndAlarmedUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		c.happen(3)
		c.step(c.worker(c.Store, file))
		if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var alarms atomic.Int64
		w := audit.New(audit.Config{
			Store: c.Store, Key: c.key, File: file, Alarm: func() {
				alarms.Add(1)
			}, Logger: slog.New(slog.NewTextHandler(&c.log, nil)),
		})
		go func() { defer close(done); w.Run(ctx) }()
		time.Sleep(25 * time.Minute)
		if n := alarms.Load(); n != 3 {
			t.Errorf("%d alarms in 25 minutes", n)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Minute)
		if n := alarms.Load(); n != 3 {
			t.Errorf("%d alarms after it was mended", n)
		}
		if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		cancel()
		<-done
		if n := alarms.Load(); n != 4 {
			t.Errorf("broken again: %d alarms", n)
		}
		if told, over := strings.Count(c.log.String(), "level=ERROR"),
			strings.Count(c.log.String(), "the audit log goes on"); told != 2 || over != 1 {
			t.Errorf("told %d times, and %d times that it is over\n%s", told, over, c.log.String())
		}
		c.whole(c.lines(), 3)
	})
}

func TestAProcessWithoutTheKeyAmongSignedLinesSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		without := audit.New(audit.Config{Store: c.Store, Logger: slog.New(slog.NewTextHandler(&c.log, nil))})
		c.happen(3)
		c.step(c.worker(c.Store, ""))
		for range 2 {
			c.happen(3)
			c.step(without)
		}
		if n := strings.Count(c.log.String(), "level=ERROR"); n != 1 ||
			!strings.Contains(c.log.String(), "this process has no signing key") {
			t.Errorf("it is said %d times:\n%s", n, c.log.String())
		}
	})
}

func TestAProcessWithoutAKeyWhereNobodyHasOneSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		for range 2 {
			c.happen(3)
			c.step(audit.New(audit.Config{Store: c.Store, Logger: slog.New(slog.NewTextHandler(&c.log, nil))}))
		}
		if c.log.Len() > 0 {
			t.Errorf("the log says:\n%s", c.log.String())
		}
	})
}
