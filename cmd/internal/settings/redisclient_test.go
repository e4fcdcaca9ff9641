package settings_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

const password = cmdtest.Password

func TestOneAddressIsASingleRedis(t *testing.T) {
	for _, test := range []struct {
		address, network, addr, user, password string
		db                                     int
		tls                                    bool
	}{
		{address: "redis://localhost", network: "tcp", addr: "localhost:6379"},
		{address: "redis://:pw@redis.example:7000/3", network: "tcp", addr: "redis.example:7000", password: "pw", db: 3},
		{
			address: "redis://bot:p%2Fw%2C1@redis.example/1?dial_timeout=2s", network: "tcp", addr: "redis.example:6379",
			user: "bot", password: "p/w,1", db: 1,
		},
		{address: "redis://bot:p,w@redis.example", network: "tcp", addr: "redis.example:6379", user: "bot", password: "p,w"},
		{address: "redis://[::1]:7000/0", network: "tcp", addr: "[::1]:7000"},
		{address: "rediss://:pw@redis.example:7000/0", network: "tcp", addr: "redis.example:7000", password: "pw", tls: true},
		{address: "unix:///run/redis/redis.sock?db=2", network: "unix", addr: "/run/redis/redis.sock", db: 2},
		{address: "unix://bot:pw@/run/a,b.sock", network: "unix", addr: "/run/a,b.sock", user: "bot", password: "pw"},
	} {
		t.Run(test.address, func(t *testing.T) {
			client := openRedis[*redis.Client](t, test.address)
			o := client.Options()
			if o.Network != test.network || o.Addr != test.addr || o.Username != test.user || o.Password != test.password ||
				o.DB != test.db {
				t.Errorf("got %s %s, user %q, password %q, database %d", o.Network, o.Addr, o.Username, o.Password, o.DB)
			}
			if (o.TLSConfig != nil) != test.tls {
				t.Errorf("TLS: %v", o.TLSConfig)
			}
			if !o.ContextTimeoutEnabled {
				t.Error("deadlines of calls are not obeyed")
			}
		})
	}
}

func TestSeveralAddressesAreACluster(t *testing.T) {
	for _, test := range []struct {
		address string
		addrs   []string
		tls     bool
	}{
		{
			"redis://bot:pw@a.example:7000,b.example:7001,c.example:7002", []string{
				"a.example:7000", "b.example:7001", "c.example:7002",
			}, false,
		},
		{"redis://bot:pw@a.example:7000,b.example:7001?dial_timeout=2s", []string{"a.example:7000", "b.example:7001"}, false},
		{
			"redis://bot:pw@a.example:7000?addr=b.example:7001&addr=c.example:7002",
			[]string{"a.example:7000", "b.example:7001", "c.example:7002"},
			false,
		},
		{"rediss://bot:pw@a.example:7000,b.example:7001", []string{"a.example:7000", "b.example:7001"}, true},
		{"redis://bot:pw@[::1]:7000,[::2]:7001", []string{"[::1]:7000", "[::2]:7001"}, false},
	} {
		t.Run(test.address, func(t *testing.T) {
			o := openRedis[*redis.ClusterClient](t, test.address).Options()
			if got := slices.Sorted(slices.Values(o.Addrs)); !slices.Equal(got, test.addrs) {
				t.Errorf("addresses: %q", got)
			}
			if o.Username != "bot" || o.Password != "pw" || (o.TLSConfig != nil) != test.tls || !o.ContextTimeoutEnabled {
				t.Errorf("user %q, password %q, TLS %v, deadlines obeyed: %t", o.Username, o.Password, o.TLSConfig,
					o.ContextTimeoutEnabled)
			}
		})
	}
}

// A client for Sentinel does not tell its sentinels, only that its address is Sentinel's to say.
func TestAMasterNameMeansSentinel(t *testing.T) {
	for _, address := range []string{
		"redis://:pw@a.example:26379?master_name=mymaster",
		"redis://:pw@a.example:26379,b.example:26379/1?master_name=mymaster",
		"redis://:pw@a.example:26379/1?master_name=mymaster&addr=b.example:26379",
	} {
		t.Run(address, func(t *testing.T) {
			o := openRedis[*redis.Client](t, address).Options()
			if o.Addr != "FailoverClient" || !o.ContextTimeoutEnabled {
				t.Errorf("address %q, deadlines obeyed: %t", o.Addr, o.ContextTimeoutEnabled)
			}
		})
	}
}

// openRedis reads an address and returns the client, which has to be of kind C.
func openRedis[C redis.UniversalClient](t *testing.T, address string) C {
	t.Helper()
	client, err := settings.Redis{Address: address}.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	kind, ok := client.(C)
	if !ok {
		t.Fatalf("the client is a %T", client)
	}
	return kind
}

func TestAnAddressThatCannotBeReadIsRefusedWithoutRepeatingAPassword(t *testing.T) {
	for _, address := range []string{
		"", "localhost", "localhost:6379", "http://localhost", "redis://:" + password + "@localhost/x",
		"redis://:" + password + "/more@localhost:6379", "redis://bot:1/" + password + "@localhost",
		"redis://:" + password + "%zz@localhost",
		"redis://:" + password + "#x@localhost", "redis://localhost?password=" + password,
		"redis://:" + password + "@localhost?colour=blue",
		"redis://:" + password + "@localhost?db=x", "redis://:" + password + "@a:1,b:2?dial_timeout=x",
		"redis://:" + password + "@a:1,b:2?master_name=m&db=x",
		"redis://:" + password + "@local host", "redis://localhost/1/2", "redis://localhost:x", "unix://",
		"redis://a:1,,b:2:3",
		"REDIS_URL=redis://:" + password + "@localhost",
	} {
		t.Run(address, func(t *testing.T) {
			client, err := settings.Redis{Address: address}.Client()
			if err == nil {
				_ = client.Close()
				t.Fatalf("it was taken: %v", client)
			}
			usage, ok := errors.AsType[*settings.Error](err)
			if !ok {
				t.Fatalf("this is no matter of a setting: %v", err)
			}
			text := usage.Error()
			if !strings.HasPrefix(text, "REDIS_URL cannot be read") || !strings.Contains(text, "redis://localhost:6379/0") ||
				!strings.HasSuffix(text, ".") {
				t.Errorf("got %s", text)
			}
			if strings.Contains(text, password) || strings.Contains(text, "\n") {
				t.Errorf("a secret or a line too many in %s", text)
			}
		})
	}
}

func TestAReachableRedisPasses(t *testing.T) {
	server := redisserver.Start(t, "--requirepass", "p/w,1")
	for _, address := range []string{
		"redis://:p%2Fw%2C1@" + server.Addr + "/0", "unix://:p%2Fw%2C1@" + server.Socket,
	} {
		if err := settings.PingRedis(t.Context(), openRedis[*redis.Client](t, address)); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestARefusalByRedisSaysWhatToCorrect(t *testing.T) {
	server := redisserver.Start(t, "--requirepass", "right")
	for _, test := range []struct{ address, want string }{
		{"redis://" + server.Addr, "REDIS_URL: Redis refuses the bot (NOAUTH Authentication required"},
		{"redis://:" + password + "@" + server.Addr, "REDIS_URL: Redis refuses the bot (WRONGPASS"},
	} {
		err := settings.PingRedis(t.Context(), openRedis[*redis.Client](t, test.address))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) ||
			!strings.HasSuffix(err.Error(), "Correct the user name or the password in it.") {
			t.Errorf("%s: %v", test.address, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the password is in %v", err)
		}
	}
}
