package settings

import (
	"io"
	"log/slog"
	"os"
)

// ReadLogger makes the logger that the environment asks for.
func ReadLogger(env Environment) (*slog.Logger, error) {
	json, err := logForm(env)
	if err != nil {
		return nil, err
	}
	level, err := logLevel(env)
	if err != nil {
		return nil, err
	}
	return NewLogger(env.Stderr, json, level), nil
}

func logForm(env Environment) (json bool, err *Error) {
	switch value := env.Get("REVOKEBOT_LOG"); value {
	case "json":
		return true, nil
	case "text":
		return false, nil
	case "":
		return !IsTerminal(env.Stderr), nil
	default:
		return false, is("REVOKEBOT_LOG", "is "+Redact(value), "set it to json or text, or leave it out")
	}
}

func logLevel(env Environment) (level slog.Level, err *Error) {
	if value := env.Get("REVOKEBOT_LOG_LEVEL"); value != "" {
		if err := level.UnmarshalText([]byte(value)); err != nil {
			return 0, is("REVOKEBOT_LOG_LEVEL", "is "+Redact(value), "set it to debug, info, warn or error")
		}
	}
	return level, nil
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
