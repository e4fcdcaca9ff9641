package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisClient reads REDIS_URL as go-redis does. Several addresses, separated by commas or as addr=…, mean a cluster;
// master_name means Sentinel.
func redisClient(address string) (redis.UniversalClient, error) {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return nil, usagef("REDIS_URL is no address: give one such as redis://localhost:6379/0, rediss://… or unix://….")
	}
	address = scheme + "://" + spreadAddresses(rest)
	u, err := url.Parse(address)
	if err != nil {
		return nil, usagef("REDIS_URL is no address: give one such as redis://localhost:6379/0, rediss://… or unix://….")
	}
	switch q := u.Query(); {
	case q.Get("master_name") != "":
		options, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, redisURLError(err)
		}
		return redis.NewFailoverClient(options), nil
	case q.Has("addr"):
		options, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, redisURLError(err)
		}
		return redis.NewClusterClient(options), nil
	default:
		options, err := redis.ParseURL(address)
		if err != nil {
			return nil, redisURLError(err)
		}
		return redis.NewClient(options), nil
	}
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

// redisURLError never repeats the address: it may hold a password.
func redisURLError(err error) error {
	reason := err.Error()
	if parse, ok := errors.AsType[*url.Error](err); ok {
		reason = parse.Err.Error()
	}
	return usagef("REDIS_URL cannot be used (%s): give an address such as redis://localhost:6379/0, rediss://… or unix://….", reason)
}

// pingRedis makes sure that Redis is there at the start.
func pingRedis(ctx context.Context, client redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return usagef("REDIS_URL: Redis does not answer (%v). Start it, or correct the address or the password; nothing works without it.", err)
	}
	return nil
}

// redisWarnings asks for the settings that decide whether Redis can lose what it was given.
func redisWarnings(ctx context.Context, client redis.UniversalClient) []string {
	one, ok := client.(interface {
		ConfigGet(ctx context.Context, parameter string) *redis.MapStringStringCmd
	})
	if !ok {
		return nil
	}
	get := func(name string) string {
		values, err := one.ConfigGet(ctx, name).Result()
		if err != nil {
			return "?" // managed services hide it; doctor is the place to say so
		}
		return values[name]
	}
	var warnings []string
	if policy := get("maxmemory-policy"); policy != "noeviction" && policy != "?" {
		warnings = append(warnings, fmt.Sprintf("Redis may drop requests when its memory is full (maxmemory-policy %s): set maxmemory-policy noeviction.", policy))
	}
	if aof, save := get("appendonly"), get("save"); aof == "no" && save == "" {
		warnings = append(warnings, "Redis keeps nothing on disk: set appendonly yes, or requests are gone after its restart.")
	} else if aof == "no" {
		warnings = append(warnings, "Redis keeps snapshots only and can lose minutes of requests: set appendonly yes.")
	}
	return warnings
}
