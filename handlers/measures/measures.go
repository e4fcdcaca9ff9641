// Package measures holds what people meet of each measure, a file for each: how it is asked for,
// what cards and threads say of it, and what to do when it is not enough. What a measure writes is
// in package contain; who may ask and approve is the same for all.
//
// A new measure is one more file like revoke.go, and a line in All.
package measures

import (
	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Kind is one measure.
type Kind struct {
	Name  approvals.Measure
	On    contain.Measure // what it writes
	Words messages.Words
}

// Table holds the measures that exist here. It is handed to whoever needs it.
type Table []Kind

// All are the measures of this program, the one that needs no word of its own in a command first.
func All() Table { return Table{revoke()} }

// On is what each measure writes.
func (t Table) On() record.Measures {
	on := make(record.Measures, len(t))
	for _, k := range t {
		on[k.Name] = k.On
	}
	return on
}

// Words are those of the measure that a purpose is about, whether it is to be applied, undone or
// rehearsed. A purpose that is not known here has the words of the first measure: nothing is done
// for it.
func (t Table) Words(p approvals.Purpose) messages.Words {
	for _, k := range t {
		if k.Name == p.Measure() {
			return k.Words
		}
	}
	return t[0].Words
}
