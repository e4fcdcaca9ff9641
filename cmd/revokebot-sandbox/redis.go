package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// memoryRedis is the Redis in memory. It listens only when another program is to use it.
type memoryRedis struct {
	db  *miniredis.Miniredis
	url string // "" when it does not listen
}

// run keeps Redis' clock as far ahead as it was set, until ctx ends. The bot measures that clock,
// and waits by its machine's: after a leap both are done anew here. store is nil without a bot.
func (r memoryRedis) run(ctx context.Context, ahead <-chan time.Duration, store bot.Store) error {
	var by time.Duration
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case more := <-ahead:
			by += more
			r.db.SetTime(time.Now().Add(by))
			if store == nil {
				continue
			}
			_, err := store.Now(ctx)
			if err == nil {
				_, err = store.Promote(ctx, 1000)
			}
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("sandbox: %w", err)
			}
		case <-tick.C:
			if by > 0 {
				r.db.SetTime(time.Now().Add(by))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func startRedis(listen string) (memoryRedis, error) {
	r := memoryRedis{db: miniredis.NewMiniRedis()}
	r.db.ClockTTL(true)
	if listen == "" {
		return r, nil
	}
	if err := r.db.StartAddr(listen); err != nil {
		return r, settings.Errorf("--redis-listen: cannot listen on %s (%v). Choose another address with --redis-listen.",
			listen, err)
	}
	r.url = "redis://" + net.JoinHostPort(r.db.Host(), r.db.Port()) + "/0"
	return r, nil
}

// client is one without a socket.
func (r memoryRedis) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:6379", Dialer: func(context.Context, string, string) (net.Conn, error) { return r.db.Dial() },
	})
}
