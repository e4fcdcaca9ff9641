package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// clusterNodes is the smallest number of primaries that can agree.
	clusterNodes = 3
	// clusterSlots is the number of hash slots of every Redis Cluster (Redis documentation, "Redis
	// cluster specification").
	clusterSlots = 16384
	// agreesWithin bounds the wait for servers that have to find each other. It only tells servers
	// that hang from a busy machine.
	agreesWithin = 3 * time.Minute
)

// Cluster is a Redis Cluster of three primaries without replicas.
type Cluster struct {
	Nodes []*Server

	buses []string // the port of each node's bus
}

// StartCluster starts a cluster and waits until all of it takes commands. args are further options
// of every node. It stops when the test ends. The options it uses are those of Redis 7.0.
func StartCluster(tb testing.TB, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{}
	for range clusterNodes {
		node, bus, err := startNode(tb, args)
		if err != nil {
			tb.Fatalf("redisserver: %v", err)
		}
		c.Nodes, c.buses = append(c.Nodes, node), append(c.buses, bus)
	}
	ctx, cancel := context.WithTimeout(context.Background(), agreesWithin)
	defer cancel()
	if err := c.join(ctx); err != nil {
		tb.Fatalf("redisserver: make a cluster: %v", err)
	}
	return c
}

// startNode starts one node. Its bus has a port of its own: the usual one, ten thousand further up,
// may be one that the system gives to outgoing connections.
func startNode(tb testing.TB, args []string) (node *Server, bus string, err error) {
	for range portTries {
		address, err := freeAddress()
		if err != nil {
			return nil, "", err
		}
		if _, bus, err = net.SplitHostPort(address); err != nil {
			return nil, "", err
		}
		node, err = start(tb, append([]string{
			"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", bus, "--cluster-node-timeout",
			"60000",
		}, args...))
		if !errors.Is(err, errPortTaken) {
			return node, bus, err
		}
	}
	return nil, "", errPortTaken
}

// join gives each node its share of the slots and makes them know each other.
func (c *Cluster) join(ctx context.Context) error {
	clients := make([]*redis.Client, len(c.Nodes))
	for i, node := range c.Nodes {
		clients[i] = redis.NewClient(&redis.Options{Addr: node.Addr})
		defer clients[i].Close()
	}
	for i, client := range clients {
		first, last := i*clusterSlots/len(clients), (i+1)*clusterSlots/len(clients)-1
		if err := client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			return fmt.Errorf("give slots to %s: %w", c.Nodes[i].Addr, err)
		}
		// Without different epochs the nodes first have to settle whose view is newer.
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return fmt.Errorf("give an epoch to %s: %w", c.Nodes[i].Addr, err)
		}
	}
	for i, node := range c.Nodes {
		host, port, err := net.SplitHostPort(node.Addr)
		if err != nil {
			return err
		}
		if err := clients[0].Do(ctx, "CLUSTER", "MEET", host, port, c.buses[i]).Err(); err != nil {
			return fmt.Errorf("introduce %s: %w", node.Addr, err)
		}
	}
	for _, client := range clients {
		if err := until(ctx, func() error {
			info, err := client.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", len(clients)))) {
				err = fmt.Errorf("not yet: %s", info)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// URL is the cluster's address as REDIS_URL has it.
func (c *Cluster) URL() string {
	url := "redis://" + c.Nodes[0].Addr
	for i, node := range c.Nodes[1:] {
		url += string("?&"[min(i, 1)]) + "addr=" + node.Addr
	}
	return url
}

// Addrs are the addresses of the nodes.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr
	}
	return addrs
}

// until asks until there is no error, and returns the last one when the time is over.
func until(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(5 * askEvery)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
