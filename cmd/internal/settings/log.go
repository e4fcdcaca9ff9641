package settings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/smithy-go/logging"
)

// ReadLogger makes the logger that the environment asks for.
func ReadLogger(env Environment) (*slog.Logger, error) {
	r := reader{Environment: env}
	return NewLogger(env.Stderr, r.logForm(), r.logLevel()), r.err()
}

// logForm is whether the log is JSON.
func (r *reader) logForm() bool {
	switch value := r.Get("REVOKEBOT_LOG"); value {
	case "json", "text":
		return value == "json"
	case "":
	default:
		r.bad(is("REVOKEBOT_LOG", "is "+Redact(value), "set it to json or text, or leave it out"))
	}
	return !IsTerminal(r.Stderr)
}

func (r *reader) logLevel() (level slog.Level) {
	if value := r.Get("REVOKEBOT_LOG_LEVEL"); value != "" {
		if err := level.UnmarshalText([]byte(value)); err != nil {
			r.bad(is("REVOKEBOT_LOG_LEVEL", "is "+Redact(value), "set it to debug, info, warn or error"))
		}
	}
	return level
}

// NewLogger writes lines of text, or of JSON.
func NewLogger(w io.Writer, json bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(quiet{slog.NewJSONHandler(w, options)})
	}
	return slog.New(quiet{slog.NewTextHandler(w, options)})
}

// quiet leaves out what an interrupted call says once the program stops: that it was interrupted.
type quiet struct{ slog.Handler }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	interrupted := false
	if ctx.Err() != nil && r.Level < slog.LevelError {
		r.Attrs(func(a slog.Attr) bool {
			err, ok := a.Value.Any().(error)
			interrupted = ok && errors.Is(err, context.Canceled)
			return !interrupted
		})
	}
	if interrupted {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(all []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(all)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// SDKLog takes the log of the AWS SDK.
type SDKLog struct{ Log *slog.Logger }

// Logf implements logging.Logger.
func (l SDKLog) Logf(c logging.Classification, format string, args ...any) {
	level := slog.LevelDebug
	if c == logging.Warn {
		level = slog.LevelWarn
	}
	l.Log.Log(context.Background(), level, "the AWS SDK", "says", OneLine(fmt.Errorf(format, args...)))
}

// IsTerminal reports whether w is a device that takes characters.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
