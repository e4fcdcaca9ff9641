package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// copyWait is how long an accepted item waits for its copy. It leaves time for the answer to Slack.
const copyWait = 500 * time.Millisecond

// recountEvery is how often the server is asked for replicas.
const recountEvery = time.Minute

// runCopied runs a script and then waits, with WAIT on the same connection, until as many replicas
// as are configured have what it wrote. It returns the script's answer, and approvals.ErrOneCopy
// with it when they have not.
//
// WAIT counts the writes of its own connection (Redis documentation, "WAIT"), so both commands go
// through one pipeline; on a cluster to the node that owns the keys.
func (s *Store) runCopied(ctx context.Context, script *redis.Script, keys []string, args ...any) (int64, error) {
	want := s.copies.Load()
	if want == 0 {
		return script.Run(ctx, s.once, keys, args...).Int64()
	}
	node, err := owner(ctx, s.once, keys[0])
	if err != nil {
		return 0, err
	}
	var answer, wait *redis.Cmd
	_, _ = node.Pipelined(ctx, func(p redis.Pipeliner) error { // each command has its own error
		answer = script.Eval(ctx, p, keys, args...)
		wait = p.Do(ctx, "WAIT", want, copyWait.Milliseconds())
		return nil
	})
	n, err := answer.Int64()
	// If the script ran, the item is recorded, whatever became of WAIT.
	if copies, waitErr := wait.Int64(); err == nil && (waitErr != nil || copies < want) {
		err = approvals.ErrOneCopy
	}
	return n, err
}

// owner is the client that talks to the server with the key.
func owner(ctx context.Context, db redis.UniversalClient, key string) (redis.UniversalClient, error) {
	cluster, ok := db.(*redis.ClusterClient)
	if !ok {
		return db, nil
	}
	node, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("find the node: %w", err)
	}
	return node, nil
}

// settle waits, for a short while, until a replica has everything up to now. Replication keeps the
// order of writes, so a write after a commit stands for the commit. That it did not get there in
// time changes nothing: the transition is made.
func (s *Store) settle(ctx context.Context, request string) {
	want := s.copies.Load()
	if want == 0 {
		return
	}
	node, err := owner(ctx, s.once, workKey)
	if err != nil {
		return
	}
	_, _ = node.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, deliveryKey(request), "settled", "1")
		p.Do(ctx, "WAIT", want, copyWait.Milliseconds())
		return nil
	})
}

// recount does again, about once a minute, what Prepare does: the server may have had no replicas
// when the bot started, and someone else may have moved the group.
func (s *Store) recount(ctx context.Context) {
	now := time.Now().Unix()
	last := s.counted.Load()
	if now-last < int64(recountEvery/time.Second) || !s.counted.CompareAndSwap(last, now) {
		return
	}
	_ = s.Prepare(ctx) // it is tried again in a minute
}

// countCopies asks the server that has the keys whether it has replicas, and from then on waits for
// one of them.
func (s *Store) countCopies(ctx context.Context) error {
	node, err := owner(ctx, s.once, workKey)
	if err != nil {
		return err
	}
	info, err := node.Info(ctx, "replication").Result()
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered { // a Redis in memory does not tell
		return fmt.Errorf("ask for replicas: %w", err)
	}
	if strings.Contains(info, "connected_slaves:") && !strings.Contains(info, "connected_slaves:0") {
		s.copies.Store(1)
	}
	return nil
}
