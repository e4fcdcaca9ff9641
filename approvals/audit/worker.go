package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Store keeps the chain and what waits for it.
type Store interface {
	// Written tells, some time later, that something was queued by this process.
	Written() <-chan struct{}
	// Waiting returns up to n of the events that are queued, the oldest first.
	Waiting(ctx context.Context, n int) ([]Entry, error)
	// Head is where the chain ends.
	Head(ctx context.Context) (Head, error)
	// Append appends the lines that were made of the entries, and takes those off the queue, in one
	// step: if the chain ends at head and the entries are queued, and else not at all, which is
	// ErrMoved.
	Append(ctx context.Context, head, next Head, entries []Entry, lines []string) error
	// Lines returns up to n lines after that of a number, or after those that were dropped because
	// they are old.
	Lines(ctx context.Context, after int64, n int) ([]string, error)
}

// Errors of a Store.
var (
	// ErrMoved: the chain does not end there any more.
	ErrMoved = errors.New("the audit chain ends elsewhere by now")
	// ErrTornChain: the head and the lines do not go together.
	ErrTornChain = errors.New("the head of the audit chain is not its last line")
)

// Config is what New needs.
type Config struct {
	Store  Store
	Key    approvals.Key // zero: lines are chained and not signed
	File   string        // that all of the chain is appended to; "": none
	Print  io.Writer     // gets the lines that this process chains; nil: none
	Hook   *Webhook      // that all of the chain is sent to; nil: none
	Logger *slog.Logger  // nil: discard

	// Alarm is called for each error that a person has to look at: an event without a signature, a
	// chain or a file that is not as it was. The latter two last, and it is called again every ten
	// minutes until they are over. nil: no alarm.
	Alarm func()
}

// Worker chains. Make it with New.
type Worker struct {
	cfg    Config
	log    *slog.Logger
	last   Head  // as this process has seen it last
	moved  bool  // it ends elsewhere
	file   *file // nil: none
	told   string
	raised time.Time // the last alarm of what lasts; zero: nothing does

	chained chan struct{} // tells the webhook of new lines

	// looked: without a key, whether the lines before are signed.
	looked bool
}

const (
	// gather is how long the first event waits for others that come with it.
	gather = 800 * time.Millisecond
	// lookEvery is for what a replica left that died, and for lines that others chained.
	lookEvery = 5 * time.Second
	// lastLook bounds what is done when the process stops.
	lastLook = 2 * time.Second
	// batchLines and batchBytes bound what one step appends.
	batchLines, batchBytes = 100, 1 << 20
	// raiseEvery is shorter than the quarter of an hour that an alert rule looks back.
	raiseEvery = 10 * time.Minute
)

// New returns a worker. It touches neither the store nor the file.
func New(cfg Config) *Worker {
	w := &Worker{cfg: cfg, log: cfg.Logger, chained: make(chan struct{}, 1)}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.cfg.Alarm == nil {
		w.cfg.Alarm = func() {}
	}
	if cfg.File != "" {
		w.file = &file{path: cfg.File}
	}
	return w
}

// Run chains until ctx ends, and then once more what waits. What the webhook has not sent by then
// is sent by another replica, or after the next start.
func (w *Worker) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var hook sync.WaitGroup
	defer hook.Wait()
	if w.cfg.Hook != nil {
		hook.Go(func() { w.cfg.Hook.run(ctx, w.chained) })
	}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
			defer cancel()
			w.tell(last, w.Step(last))
			return
		case <-w.cfg.Store.Written():
			pause(ctx, gather)
		case <-timer.C:
		}
		w.tell(ctx, w.Step(ctx))
		timer.Reset(lookEvery)
	}
}

// tell logs trouble when it begins and when it is over.
func (w *Worker) tell(ctx context.Context, err error) {
	_, broken := errors.AsType[*BrokenError](err)
	wrong := broken || errors.Is(err, ErrTornChain)
	switch {
	case err == nil:
		w.raised = time.Time{}
	case wrong && time.Since(w.raised) >= raiseEvery:
		w.raised = time.Now()
		w.cfg.Alarm()
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == w.told {
		return
	}
	w.told = text
	switch {
	case err == nil:
		w.log.InfoContext(ctx, "the audit log goes on")
	case wrong:
		w.log.ErrorContext(ctx, "the audit log is not as it was", "what", err.Error())
	case ctx.Err() == nil:
		w.log.WarnContext(ctx, "the audit log has to wait", "error", err)
	}
}

// Step chains what waits now, and brings the file up to date.
func (w *Worker) Step(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = w.chain(ctx); err != nil {
			return err
		}
	}
	if w.file == nil {
		return nil
	}
	return w.file.follow(ctx, w.cfg.Store)
}

// chain makes one step of the chain and says whether there may be more to do.
func (w *Worker) chain(ctx context.Context) (more bool, err error) {
	// The end first: what another replica chains after that moves it, so that nothing of it is
	// appended once more.
	head := w.last
	if w.moved || head.N == 0 {
		if head, err = w.cfg.Store.Head(ctx); err != nil {
			return false, err
		}
	}
	entries, err := w.cfg.Store.Waiting(ctx, batchLines)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	w.moved = false
	if head.N < w.last.N || head.N == w.last.N && head.N > 0 && head.Hash != w.last.Hash {
		w.log.ErrorContext(ctx, "the audit log was set back", "from", w.last.String(), "to", head.String())
		w.cfg.Alarm()
	}
	if err := w.mixed(ctx, head); err != nil {
		return false, err
	}
	at, size := head, 0
	var lines []string
	for _, e := range entries {
		text, then, err := next(at, e, w.cfg.Key)
		if err != nil {
			return false, err
		}
		if len(lines) > 0 && size+len(text) > batchBytes {
			break
		}
		lines, at, size = append(lines, text), then, size+len(text)
	}
	more = len(entries) == batchLines || len(lines) < len(entries)
	entries = entries[:len(lines)]
	switch err := w.cfg.Store.Append(ctx, head, at, entries, lines); {
	case errors.Is(err, ErrMoved):
		w.last, w.moved = head, true
		return true, nil // another replica was first; what is left is looked at again
	case err != nil:
		return false, err
	}
	w.last = at
	select {
	case w.chained <- struct{}{}:
	default: // it knows
	}
	w.alarm(ctx, entries)
	if w.cfg.Print != nil {
		if _, err := io.WriteString(w.cfg.Print, strings.Join(lines, "\n")+"\n"); err != nil {
			return false, fmt.Errorf("print audit lines: %w", err)
		}
	}
	return more, nil
}

// mixed tells, once, that this process has no key and others have one: what it records counts for
// nothing with them, and they end the requests that it has a hand in.
func (w *Worker) mixed(ctx context.Context, head Head) error {
	if !w.cfg.Key.IsZero() || w.looked || head.N == 0 {
		return nil
	}
	lines, err := w.cfg.Store.Lines(ctx, head.N-1, 1)
	if err != nil {
		return err
	}
	w.looked = true
	if len(lines) == 0 {
		return nil // it was dropped because it is old
	}
	if l, _, _, _ := readLine(lines[0]); l.Key != "" {
		w.log.ErrorContext(ctx, "the lines of the audit log are signed so far, and this process has no signing key: "+
			"replicas that have it will take what it records for forged", "key", l.Key)
	}
	return nil
}

// alarm tells of events that this deployment did not sign.
func (w *Worker) alarm(ctx context.Context, entries []Entry) {
	if w.cfg.Key.IsZero() {
		return
	}
	for _, e := range entries {
		if why := approvals.CheckEvent(w.cfg.Key.Public(), e.Request, e.Event); why != "" {
			w.log.ErrorContext(ctx, "an event in the audit log is not signed by this deployment", "request", e.Request,
				"event", e.Event.Seq, "why", why.Words())
			w.cfg.Alarm()
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
