package wire

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/internal/times"
)

// warmEvery keeps the reading sessions, which live for fifteen minutes, younger than half of that.
const warmEvery = 5 * time.Minute

// keepWarm opens the reading sessions and renews them until ctx ends, so that no command and no
// approval waits for them. An account that cannot be used is told of when it becomes so, and again
// to a person who asks for a role of it.
func keepWarm(ctx context.Context, roles *role.Client, known *Known, log *slog.Logger) {
	var unusable, unlisted map[string]bool
	for {
		failed := unjoin(roles.Cloud().Warm(ctx))
		accounts := roles.Cloud().Accounts()
		lists := make([]error, len(accounts))
		var all sync.WaitGroup
		for i, a := range accounts {
			all.Go(func() { lists[i] = roles.LoadRoles(ctx, a.Name) })
		}
		all.Wait()
		if ctx.Err() != nil {
			return
		}
		before := len(unusable)
		unusable = tell(ctx, log, "an AWS account cannot be used yet", failed, unusable)
		known.setAWS(slices.Sorted(maps.Keys(unusable)))
		if before > 0 && len(unusable) == 0 {
			log.InfoContext(ctx, "all AWS accounts can be used again")
		}
		unlisted = tell(ctx, log, "the roles of an account cannot be listed; they are typed in the form", lists, unlisted)
		if !times.Pause(ctx, warmEvery) {
			return
		}
	}
}

// tell logs the errors that were not there before, and returns what there is now.
func tell(ctx context.Context, log *slog.Logger, what string, failed []error, before map[string]bool) map[string]bool {
	now := map[string]bool{}
	for _, err := range failed {
		if err == nil {
			continue
		}
		advice := aws.Explain(err)
		if !before[advice] {
			log.WarnContext(ctx, what, "error", err, "advice", advice)
		}
		now[advice] = true
	}
	return now
}

// unjoin lists the errors of several accounts; none for nil.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, call := err.(*aws.CallError); !call {
			return joined.Unwrap()
		}
	}
	return []error{err}
}
