package bot

import (
	"context"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
)

// Sealed is a store in which nothing counts that was not written under the deployment's key.
// Without a key it is the store as it is.
func Sealed(store Store, key approvals.Key) Store {
	if key.IsZero() {
		return store
	}
	return &sealedStore{Sealed: approvals.NewSealed(store, key, handlers.FromPeople()...), below: store}
}

type sealedStore struct {
	*approvals.Sealed
	below Store
}

// Prepare implements Store.
func (s *sealedStore) Prepare(ctx context.Context) error { return s.below.Prepare(ctx) }
