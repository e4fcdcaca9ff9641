package main

import (
	"context"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// memoryRedis is the Redis in memory. It listens only when somebody else is to use it.
type memoryRedis struct {
	db  *miniredis.Miniredis
	url string // "" when it does not listen
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
