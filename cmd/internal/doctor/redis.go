package doctor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

// redisFinding is what was found out about Redis.
type redisFinding struct {
	finding.Finding
	hidden bool // it could not be read, as managed services hide it; worth a line of doctor's, not one at every start
}

// RedisWarnings are what the start of the bot warns about: settings that decide whether Redis can
// lose what it was given.
func RedisWarnings(ctx context.Context, client redis.UniversalClient) []string {
	var warnings []string
	for _, f := range redisSettings(ctx, client) {
		if f.State != finding.OK && !f.hidden {
			warnings = append(warnings, f.Saw+" "+f.Fix)
		}
	}
	return warnings
}

// redisNode is the server that has the bot's keys: all of them are in one slot of a cluster.
func redisNode(ctx context.Context, client redis.UniversalClient) redis.UniversalClient {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		if node, err := cluster.MasterForKey(ctx, "{revokebot}:work"); err == nil {
			return node
		}
	}
	return client
}

// redisFacts are what INFO and CONFIG GET say. What they do not say is missing.
type redisFacts struct {
	info, config map[string]string
}

// readRedisFacts asks side by side, and writes nothing.
func readRedisFacts(ctx context.Context, client redis.UniversalClient) redisFacts {
	f := redisFacts{info: map[string]string{}, config: map[string]string{}}
	node := redisNode(ctx, client)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, section := range []string{"server", "persistence", "memory", "replication"} {
		all.Go(func() {
			text, err := node.Info(ctx, section).Result()
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(text) {
				if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
					f.info[name] = value
				}
			}
		})
	}
	for _, name := range []string{"appendonly", "save", "maxmemory-policy", "min-replicas-to-write"} {
		all.Go(func() {
			values, err := node.ConfigGet(ctx, name).Result()
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if value, ok := values[name]; ok {
				f.config[name] = value
			}
		})
	}
	all.Wait()
	return f
}

// redisSettings judges Redis' version and settings (docs/redis.md).
func redisSettings(ctx context.Context, client redis.UniversalClient) []redisFinding {
	f := readRedisFacts(ctx, client)
	return []redisFinding{f.version(), f.persistence(), f.eviction(), f.memory(), f.replication()}
}

func redisSection(ctx context.Context, p patient, clocks *clocks) section {
	return section{"Redis", func() []line {
		if p.redis == nil {
			return unsourced([]finding.Finding{finding.Fail("answer", "Correct REDIS_URL.", "Redis was not looked at.")})
		}
		client := p.redis
		if settings.IsCluster(ctx, client) {
			if cluster, err := settings.RedisCluster(p.settings.RedisURL, false); err == nil {
				defer cluster.Close()
				client = cluster
			}
		}
		found, clock := examineRedis(ctx, client)
		clocks.setRedis(clock)
		return unsourced(found)
	}}
}

// examineRedis is all that doctor asks Redis, and its clock beside this machine's.
func examineRedis(ctx context.Context, client redis.UniversalClient) ([]finding.Finding, aws.Clock) {
	const check = "answer"
	began := time.Now()
	if err := settings.PingRedis(ctx, client); err != nil {
		saw, fix := "Redis did not answer within the time that there was.",
			"Look whether it is there and reachable from here."
		if refused, ok := errors.AsType[*settings.Error](err); ok {
			saw, fix = refused.Saw, refused.Fix
		}
		return []finding.Finding{finding.Fail(check, fix, "%s", saw+" Its settings were not looked at.")}, aws.Clock{}
	}
	found := []finding.Finding{finding.Good(check, "Redis answers in %s.", time.Since(began).Round(time.Millisecond))}
	var clock aws.Clock
	sent := time.Now()
	if now, err := redisNode(ctx, client).Time(ctx).Result(); err == nil {
		clock = aws.ClockBetween(now, now, sent, time.Now())
	}
	found = append(found, redisScript(ctx, client))
	for _, f := range redisSettings(ctx, client) {
		found = append(found, f.Finding)
	}
	return found, clock
}

// redisScript reads the bot's own keys in a script, as the bot does.
func redisScript(ctx context.Context, client redis.UniversalClient) finding.Finding {
	const check = "scripts"
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err == nil {
		_, err = store.Backlog(ctx)
	}
	if err != nil {
		return finding.Fail(check, "Give its user +@all on ~{revokebot}:*, and an address that leads to all of these keys.",
			"A script could not read the bot's keys, {revokebot}:… (%s).", settings.OneLine(err))
	}
	return finding.Good(check, "A script can read the bot's keys.")
}
