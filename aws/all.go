package aws

import (
	"context"
	"sync"
	"time"
)

// Answer is what a call returned, to be looked at after its neighbours are done.
type Answer[T any] struct {
	Value T
	Err   error
}

// Try makes an Answer of what a call returned.
func Try[T any](value T, err error) Answer[T] { return Answer[T]{value, err} }

// AdvisoryTime is what a read may take that only advises: people are waiting, and under attack.
const AdvisoryTime = 3 * time.Second

// Advisory makes a read whose failure is no reason to refuse anything.
func Advisory[T any](ctx context.Context, read func(context.Context) (T, error)) Answer[T] {
	ctx, cancel := context.WithTimeout(ctx, AdvisoryTime)
	defer cancel()
	return Try(read(ctx))
}

// All runs the functions side by side and waits for all of them: which error is reported must not
// depend on which call was faster. Each call has its own deadline.
func All(all ...func()) {
	var group sync.WaitGroup
	for _, f := range all {
		group.Go(f)
	}
	group.Wait()
}
