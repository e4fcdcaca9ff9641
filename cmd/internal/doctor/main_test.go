package doctor

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

func TestMain(m *testing.M) {
	redis.SetLogger(settings.RedisLog{Log: slog.New(slog.DiscardHandler)}) // its connections are cut on purpose
	goleak.VerifyTestMain(m)
}
