package doctor

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

// RedisWarnings are what the start of the bot warns about: settings that decide whether Redis can
// lose what it was given.
func RedisWarnings(ctx context.Context, client redis.UniversalClient) []string {
	var warnings []string
	for _, fact := range readRedisFacts(ctx, client).all() {
		if f, hidden := fact(); f.State != finding.OK && !hidden {
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

// readRedisFacts writes nothing.
func readRedisFacts(ctx context.Context, client redis.UniversalClient) redisFacts {
	f := redisFacts{info: map[string]string{}, config: map[string]string{}}
	pipe := redisNode(ctx, client).Pipeline()
	info := pipe.Info(ctx)
	var configs []*redis.MapStringStringCmd
	for _, name := range []string{"appendonly", "save", "maxmemory-policy", "min-replicas-to-write"} {
		configs = append(configs, pipe.ConfigGet(ctx, name))
	}
	_, _ = pipe.Exec(ctx) // each has an error of its own, and no value then
	for line := range strings.Lines(info.Val()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			f.info[name] = value
		}
	}
	for _, config := range configs {
		maps.Copy(f.config, config.Val())
	}
	return f
}

// examineRedis is all that doctor asks Redis, and its clock beside this machine's.
func examineRedis(ctx context.Context, p patient) answer {
	const check = "answer"
	if p.redis == nil {
		return answer{found: []finding.Finding{finding.Fail(check, "Correct REDIS_URL.", "Redis was not checked.")}}
	}
	client := p.redis
	if settings.IsCluster(ctx, client) {
		cluster, err := settings.Redis{Address: p.settings.RedisURL, Cluster: true}.Client()
		if err == nil {
			defer cluster.Close()
			client = cluster
		}
	}
	began := time.Now()
	if err := settings.PingRedis(ctx, client); err != nil {
		saw, fix := "Redis did not answer in time.",
			"Check that it runs and can be reached from here."
		if refused, ok := errors.AsType[*settings.Error](err); ok {
			saw, fix = refused.Saw, refused.Fix
		}
		return answer{found: []finding.Finding{finding.Fail(check, fix, "%s Its settings were not checked.", saw)}}
	}
	a := answer{found: []finding.Finding{
		finding.Good(check, "Redis answers in %s.", time.Since(began).Round(time.Millisecond)), redisScript(ctx, client),
	}}
	for _, fact := range readRedisFacts(ctx, client).all() {
		f, _ := fact()
		a.found = append(a.found, f)
	}
	sent := time.Now()
	if now, err := redisNode(ctx, client).Time(ctx).Result(); err == nil {
		a.clock = aws.ClockBetween(now, now, sent, time.Now())
	}
	return a
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
