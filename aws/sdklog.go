package aws

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/smithy-go/logging"
)

// sdkLog puts what the SDK has to say into the log, in lines of its form: by itself the SDK writes
// to standard error.
type sdkLog struct{ log *slog.Logger }

// Logf implements logging.Logger.
func (l sdkLog) Logf(kind logging.Classification, format string, v ...any) {
	level := slog.LevelDebug
	if kind == logging.Warn {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "the AWS SDK", "says", fmt.Sprintf(format, v...))
}
