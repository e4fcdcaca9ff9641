package doctor

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

func TestRedisIsAskedForTheSettingsThatLoseRequests(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want []string // one part of each warning
	}{
		{"all is well", []string{"--appendonly", "yes", "--maxmemory-policy", "noeviction"}, nil},
		{
			"it evicts",
			[]string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"},
			[]string{"Set maxmemory-policy noeviction."},
		},
		{"nothing is kept", nil, []string{"keeps nothing on disk. Set appendonly yes."}},
		{"snapshots only", []string{"--save", "60 1000"}, []string{"keeps snapshots only"}},
		{
			"a replica",
			[]string{"--appendonly", "yes", "--maxmemory-policy", "noeviction", "--replicaof", "127.0.0.1 1"},
			[]string{"answers as a replica"},
		},
		{"a service that hides its settings", []string{"--rename-command", "CONFIG", ""}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := redisserver.Start(t, test.args...)
			client := redis.NewClient(&redis.Options{Addr: server.Addr})
			defer client.Close()
			got := RedisWarnings(t.Context(), client)
			if len(got) != len(test.want) {
				t.Fatalf("got %q", got)
			}
			for i, part := range test.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("%q is missing in %q", part, got[i])
				}
			}
		})
	}
}

// failures are what doctor says stops a revocation, of the Redis at an address.
func failures(t *testing.T, address string) (failed []finding.Finding) {
	t.Helper()
	client, err := settings.Redis{Address: address}.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := patient{settings: settings.Settings{RedisURL: address}, redis: client}
	for _, l := range examineRedis(t.Context(), p).found {
		if l.State == finding.Failure {
			failed = append(failed, l)
		}
	}
	return failed
}

func TestDoctorPassesNoRedisThatRunDiesOn(t *testing.T) {
	server := redisserver.Start(t, "--appendonly", "yes")
	admin := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer admin.Close()
	for name, rules := range map[string]string{
		"other keys":      "~other:* +@all",
		"reading alone":   "%R~{revokebot}:* +@all",
		"no scripts":      "~{revokebot}:* +@all -@scripting",
		"no streams":      "~{revokebot}:* +@all -@stream",
		"no time command": "~{revokebot}:* +@all -time",
	} {
		do := []any{"ACL", "SETUSER", "bot", "reset", "on", ">pw"}
		for _, rule := range strings.Fields(rules) {
			do = append(do, rule)
		}
		if err := admin.Do(context.Background(), do...).Err(); err != nil {
			t.Fatal(err)
		}
		found := failures(t, "redis://bot:pw@"+server.Addr)
		if len(found) != 1 || found[0].Check != "scripts" || !strings.Contains(found[0].Saw, "NOPERM") &&
			!strings.Contains(found[0].Saw, "can't run this command") {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if found := failures(t, "redis://"+server.Addr); len(found) != 0 {
		t.Errorf("a user that may do all: %+v", found)
	}
}

func TestOneAddressOfAClusterIsNotTakenForASingleServer(t *testing.T) {
	cluster := redisserver.StartCluster(t, "--appendonly", "yes")
	for _, address := range cluster.Addrs() {
		if found := failures(t, "redis://"+address+"/0"); len(found) != 0 {
			t.Errorf("%s: %+v", address, found)
		}
	}
	// Where INFO is not allowed, the node that holds the bot's keys looks like a single server, and is
	// as good as one; the others say MOVED.
	moved := 0
	for _, node := range cluster.Nodes {
		admin := redis.NewClient(&redis.Options{Addr: node.Addr})
		if err := admin.Do(context.Background(), "ACL", "SETUSER", "bot", "reset", "on", ">pw", "~*", "+@all", "-info").
			Err(); err != nil {
			t.Fatal(err)
		}
		_ = admin.Close()
		client := redis.NewClient(&redis.Options{Addr: node.Addr, Username: "bot", Password: "pw"})
		if settings.IsCluster(t.Context(), client) {
			moved++
		}
		_ = client.Close()
	}
	if moved != len(cluster.Nodes)-1 {
		t.Errorf("%d nodes are taken for a cluster's", moved)
	}
}
