package settings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is where Redis is, and how it is spoken to.
type Redis struct {
	Address string // REDIS_URL
	// Once is for a client that sends no command again by itself, so that its errors say what became
	// of the one try.
	Once bool
	// Cluster is for an address that is known to lead to one: the configuration endpoint of a managed
	// cluster, or one of its nodes.
	Cluster bool
}

// Client reads the address as go-redis does. Several, separated by commas or as addr=…, mean a
// cluster; master_name means Sentinel. It does not use the network.
//
// All clients obey the deadlines of their calls: Slack waits three seconds for an acknowledgement,
// so a Redis that keeps a connection open and says nothing must not hold one up for longer.
func (r Redis) Client() (redis.UniversalClient, error) {
	address := r.Address
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return nil, redisURLError(address, errors.New("it has no ://"))
	}
	spread := scheme + "://" + spreadAddresses(rest)
	u, err := url.Parse(spread)
	if err != nil {
		return nil, redisURLError(address, err)
	}
	obey := func(deadlines *bool, retries *int) {
		*deadlines = true
		if r.Once {
			*retries = -1
		}
	}
	switch q := u.Query(); {
	case q.Get("master_name") != "":
		options, err := redis.ParseFailoverURL(spread)
		if err != nil {
			return nil, redisURLError(address, err)
		}
		obey(&options.ContextTimeoutEnabled, &options.MaxRetries)
		return redis.NewFailoverClient(options), nil
	case r.Cluster || q.Has("addr"):
		options, err := redis.ParseClusterURL(spread)
		if err != nil {
			return nil, redisURLError(address, err)
		}
		obey(&options.ContextTimeoutEnabled, &options.MaxRetries)
		return redis.NewClusterClient(options), nil
	default:
		options, err := redis.ParseURL(spread)
		if err != nil {
			return nil, redisURLError(address, err)
		}
		obey(&options.ContextTimeoutEnabled, &options.MaxRetries)
		return redis.NewClient(options), nil
	}
}

// IsCluster reports whether a client of one server talks to a node of a cluster, which may have
// none of the bot's keys. What does not say is asked for a key: another node's is MOVED.
func IsCluster(ctx context.Context, client redis.UniversalClient) bool {
	one, ok := client.(*redis.Client)
	if !ok {
		return false
	}
	if text, err := one.Info(ctx, "cluster").Result(); err == nil && strings.Contains(text, "cluster_enabled:") {
		return strings.Contains(text, "cluster_enabled:1")
	}
	_, moved := redis.IsMovedError(one.Exists(ctx, "{revokebot}:work").Err())
	return moved
}

// spreadAddresses turns a:1,b:2/0?x=y into a:1/0?x=y&addr=b:2.
func spreadAddresses(rest string) string {
	end := strings.IndexAny(rest, "/?")
	hosts, tail := rest, ""
	if end >= 0 {
		hosts, tail = rest[:end], rest[end:]
	}
	at := strings.LastIndex(hosts, "@")
	user, list := hosts[:at+1], strings.Split(hosts[at+1:], ",")
	if len(list) == 1 {
		return rest
	}
	separator := "?"
	if strings.Contains(tail, "?") {
		separator = "&"
	}
	for _, host := range list[1:] {
		tail += separator + "addr=" + url.QueryEscape(host)
		separator = "&"
	}
	return user + list[0] + tail
}

// redisURLError never repeats the address: it may hold a password. Nor is the reason given when
// there may be one, since reasons quote the part that could not be read, and a password with a / or
// a # in it ends up in any part.
func redisURLError(address string, err error) error {
	const advice = "give an address such as redis://localhost:6379/0, rediss://… or unix://…"
	if strings.ContainsAny(address, "@") || strings.Contains(strings.ToLower(address), "password") {
		return is("REDIS_URL", "cannot be read",
			advice+", with every character of the password that is no letter or digit percent-encoded")
	}
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err
	}
	return is("REDIS_URL", "cannot be read ("+strings.TrimPrefix(OneLine(err), "redis: ")+")", advice)
}

// PingRedis makes sure that Redis is there. What Redis refuses is an *Error.
func PingRedis(ctx context.Context, client redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := client.Ping(ctx).Err()
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("ask Redis: %w", err)
	}
	refusal, ok := errors.AsType[redis.Error](err)
	if !ok {
		return pingError("Redis does not answer ("+OneLine(err)+").",
			"Start it, or correct the address; nothing works without it.")
	}
	advice := "Start the bot again when Redis is ready for it."
	if text := refusal.Error(); strings.Contains(text, "AUTH") || strings.HasPrefix(text, "WRONGPASS") ||
		strings.HasPrefix(text, "NOPERM") {
		advice = "Correct the user name or the password in it."
	}
	return pingError("Redis refuses the bot ("+OneLine(refusal)+").", advice)
}

func pingError(saw, fix string) *Error {
	saw = "REDIS_URL: " + saw
	return &Error{Setting: "REDIS_URL", Saw: saw, Fix: fix, text: saw + " " + fix}
}

// RedisLog puts what go-redis has to say into the bot's own log.
type RedisLog struct{ Log *slog.Logger }

// Printf implements the logger of go-redis.
func (l RedisLog) Printf(ctx context.Context, format string, args ...any) {
	l.Log.DebugContext(ctx, "go-redis", "says", fmt.Sprintf(format, args...))
}
