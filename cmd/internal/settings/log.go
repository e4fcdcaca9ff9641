package settings

import (
	"io"
	"log/slog"
	"os"
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
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
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
