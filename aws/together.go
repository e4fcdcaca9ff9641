package aws

import (
	"context"
	"sync"
	"time"
)

// answer is what a call returned, to be looked at after its neighbours are done.
type answer[T any] struct {
	value T
	err   error
}

func try[T any](value T, err error) answer[T] { return answer[T]{value, err} }

// asideTime is what a read may take that only advises: people are waiting, and under attack.
const asideTime = 3 * time.Second

// aside makes a read whose failure is no reason to refuse anything.
func aside[T any](ctx context.Context, read func(context.Context) (T, error)) answer[T] {
	ctx, cancel := context.WithTimeout(ctx, asideTime)
	defer cancel()
	return try(read(ctx))
}

// together runs the functions side by side and waits for all of them: which error is reported must not depend on which
// call was faster. Each call has its own deadline.
func together(all ...func()) {
	var group sync.WaitGroup
	for _, f := range all {
		group.Go(f)
	}
	group.Wait()
}
