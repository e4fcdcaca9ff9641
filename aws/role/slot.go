package role

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// on is a role and the credential with which its slots are read and written; the zero one is the
// reading session.
type on struct {
	account *aws.Conn
	role    string
	with    aws.Credential
}

// found is what one read found in a slot.
type found struct {
	contain.Document
	at  time.Time // AWS's clock, whole seconds; zero when the answer had none
	err error
}

// access is how the slots of one kind are read and written.
type access interface {
	// read returns what is in the slots, in their order. That a slot is empty is no error.
	read(context.Context, on, []contain.Slot) []found
	// put writes a document, and returns AWS's clock.
	put(context.Context, on, contain.Document) (time.Time, error)
	// remove empties a slot, and returns AWS's clock. That it is empty is ErrNoSuchRole.
	remove(context.Context, on, contain.Slot) (time.Time, error)
	// all returns the role's documents of the kind.
	all(context.Context, on) ([]contain.Document, error)
	// only narrows the session's permission to write to these slots; "" if IAM has no condition for
	// that.
	only([]contain.Slot) string
	// noRoom says that what a role would hold is more than the quota.
	noRoom(r Role, size int) string
}

// kinds are those that this version can read and write.
var kinds = map[contain.Kind]access{
	contain.RoleInline:   inline{},
	contain.RoleAttached: attached{},
}

// known reports that a slot is of a kind that this version cannot read and write; nil means it can.
func known(slots []contain.Slot) error {
	for _, s := range slots {
		if kinds[s.Kind] == nil {
			return fmt.Errorf("role: this version cannot read or write %s (%s)", s.Label(), s.Kind)
		}
	}
	return nil
}

// read reads slots side by side, and returns them in their order.
func (o on) read(ctx context.Context, slots []contain.Slot) []found {
	all := make([]found, len(slots))
	var reads []func()
	for kind, access := range kinds {
		var of []contain.Slot
		var at []int
		for i, s := range slots {
			if s.Kind == kind {
				of, at = append(of, s), append(at, i)
			}
		}
		if len(of) > 0 {
			reads = append(reads, func() {
				for i, f := range access.read(ctx, o, of) {
					all[at[i]] = f
				}
			})
		}
	}
	aws.All(reads...)
	return all
}

// write makes a slot say what a document says.
func (o on) write(ctx context.Context, d contain.Document) (time.Time, error) {
	if d.Text == "" {
		return kinds[d.Slot.Kind].remove(ctx, o, d.Slot)
	}
	return kinds[d.Slot.Kind].put(ctx, o, d)
}

// slotsOf returns the places of a measure's documents, and all slots that it has to see.
func slotsOf(m contain.Measure, t contain.Target) (places [][]contain.Slot, all []contain.Slot) {
	places = m.Places(t)
	all = slices.Concat(append(places[:len(places):len(places)], m.Reads(t))...)
	return places, all
}
