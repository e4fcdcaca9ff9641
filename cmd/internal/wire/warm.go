package wire

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
)

// warmEvery keeps the reading sessions, which live for fifteen minutes, younger than half of that.
const warmEvery = 5 * time.Minute

// KeepWarm opens the reading sessions and renews them until ctx ends, so that no command and no
// approval waits for them. An account that cannot be used is told of when it becomes so, and again
// to whoever asks for a role of it.
func KeepWarm(ctx context.Context, roles *role.Client, log *slog.Logger) {
	ticker := time.NewTicker(warmEvery)
	defer ticker.Stop()
	before := ""
	unlisted := map[string]string{} // accounts whose roles could not be listed, and why
	for {
		err := roles.Cloud().Warm(ctx)
		listRoles(ctx, roles, unlisted, log)
		if ctx.Err() != nil {
			return
		}
		now := ""
		for _, one := range unjoin(err) {
			now += aws.Explain(one)
		}
		if now != before {
			for _, one := range unjoin(err) {
				log.WarnContext(ctx, "an AWS account cannot be used yet", "error", one, "advice", aws.Explain(one))
			}
			if now == "" {
				log.InfoContext(ctx, "all AWS accounts can be used again")
			}
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// listRoles keeps the lists of roles that the form offers. An account that does not let its roles
// be listed is told of when it becomes so; its roles are typed.
func listRoles(ctx context.Context, roles *role.Client, unlisted map[string]string, log *slog.Logger) {
	var all sync.WaitGroup
	accounts := roles.Cloud().Accounts()
	failed := make([]error, len(accounts))
	for i, a := range accounts {
		all.Go(func() { failed[i] = roles.LoadRoles(ctx, a.Name) })
	}
	all.Wait()
	for i, a := range accounts {
		advice := ""
		if failed[i] != nil {
			advice = aws.Explain(failed[i])
		}
		if advice != "" && advice != unlisted[a.Name] && ctx.Err() == nil {
			log.WarnContext(ctx, "the roles of an account cannot be listed; they are typed in the form", "account", a.Name,
				"error", failed[i], "advice", advice)
		}
		unlisted[a.Name] = advice
	}
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
