package bench

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Log keeps every line that the bot logs, and fails the test on one of level ERROR unless the test
// allows them.
type Log struct {
	t           testing.TB
	allowErrors bool
	mu          sync.Mutex
	text        bytes.Buffer
	attrs       []slog.Attr
	parent      *Log
}

var _ slog.Handler = (*Log)(nil)

// Enabled implements slog.Handler.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *Log) Handle(ctx context.Context, r slog.Record) error {
	root := l
	for root.parent != nil {
		root = root.parent
	}
	root.mu.Lock()
	defer root.mu.Unlock()
	start := root.text.Len()
	err := slog.NewTextHandler(&root.text, &slog.HandlerOptions{Level: slog.LevelDebug}).WithAttrs(l.attrs).Handle(ctx, r)
	if r.Level >= slog.LevelError && !root.allowErrors {
		root.t.Errorf("unexpected ERROR in the log: %s", root.text.Bytes()[start:])
	}
	return err
}

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Log{t: l.t, attrs: append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...), parent: l}
}

// WithGroup implements slog.Handler; the bot uses no groups.
func (l *Log) WithGroup(string) slog.Handler { return l }

// String is everything that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Has reports whether a text was logged.
func (l *Log) Has(text string) bool { return strings.Contains(l.String(), text) }
