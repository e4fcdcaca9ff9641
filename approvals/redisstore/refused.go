package redisstore

import (
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// surelyNotDone reports whether an error of a command that was tried once proves that it did
// nothing: there was no connection to send it by, or the server answered that it refuses.
func surelyNotDone(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrClosed) {
		return true
	}
	_, answered := errors.AsType[redis.Error](err)
	return answered && !errors.Is(err, redis.Nil)
}
