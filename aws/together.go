package aws

import "sync"

// answer is what a call returned, to be looked at after its neighbours are done.
type answer[T any] struct {
	value T
	err   error
}

func try[T any](value T, err error) answer[T] { return answer[T]{value, err} }

// together runs the functions side by side and waits for all of them: which error is reported must not depend on which
// call was faster. Each call has its own deadline.
func together(all ...func()) {
	var group sync.WaitGroup
	for _, f := range all {
		group.Go(f)
	}
	group.Wait()
}
