package doctor

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

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
