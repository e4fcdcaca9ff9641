package redisserver

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestAClusterTakesKeysOfEverySlot(t *testing.T) {
	c := StartCluster(t)
	options, err := redis.ParseClusterURL(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClusterClient(options)
	defer client.Close()
	for i := range 50 {
		if err := client.Set(t.Context(), fmt.Sprint("key ", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i, node := range c.Nodes {
		if n, err := connect(t, node.URL()).DBSize(t.Context()).Result(); err != nil || n == 0 || n == 50 {
			t.Errorf("node %d has %d keys, %v", i, n, err)
		}
	}
	if len(options.Addrs) != len(c.Addrs()) {
		t.Errorf("the address has %q, the cluster %q", options.Addrs, c.Addrs())
	}
}

func TestSentinelsPutTheReplicaInThePlaceOfThePrimary(t *testing.T) {
	s := StartSentinel(t)
	options, err := redis.ParseFailoverURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewFailoverClient(options)
	defer client.Close()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Wait(t.Context(), 1, agreesWithin).Result(); err != nil || n != 1 {
		t.Fatalf("%d replicas have it, %v", n, err)
	}
	s.KillPrimary()
	ctx, cancel := context.WithTimeout(t.Context(), agreesWithin)
	defer cancel()
	err = until(ctx, func() error { return client.Set(ctx, "another", "v", 0).Err() })
	if err != nil {
		t.Fatal(err)
	}
	if got, err := connect(t, s.Replica.URL()).Get(t.Context(), "another").Result(); err != nil || got != "v" {
		t.Errorf("the replica has %q, %v", got, err)
	}
	if got, err := client.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("what it had copied is %q, %v", got, err)
	}
}
