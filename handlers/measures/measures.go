// Package measures holds what people meet of each measure, a file for each: how it is asked for,
// what cards and threads say of it, and what to do when it is not enough. What a measure writes is
// in package contain; who may ask and approve is the same for all.
//
// A new measure is one more file like revoke.go, and a line in All.
package measures

import (
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Kind is one measure.
type Kind struct {
	Name  approvals.Measure // and the word for it in a command
	On    contain.Measure   // what it writes
	First bool              // of the first response: a click prepares it, and the write is two remote steps away
	// Beside: running sessions go on, so that one of the first response has to be in force or
	// open.
	Beside bool
	Words  messages.Words
	Fits   func(Situation) Fit // after a verdict on another measure; nil: it is never offered

	// Takes reads the parameters off the beginning of what follows the target, and returns the rest,
	// which is the reason; nil if it takes none.
	Takes func(text string) (contain.Known, string, error)
}

// Table holds the measures that exist here.
type Table []Kind

// All are the measures of this program. Of those for one kind of principal, the first needs no word
// of its own in a command, and behind each is what to take when it does not hold.
func All() Table { return Table{revoke(), lock(), key(), restrict(), freeze(), rotate()} }

// Principal is what the measure contains.
func (k Kind) Principal() contain.PrincipalKind { return contain.On(k.On) }

// For are the measures for a kind of principal.
func (t Table) For(p contain.PrincipalKind) Table {
	return slices.DeleteFunc(slices.Clone(t), func(k Kind) bool { return k.Principal() != p })
}

// First are the measures of the first response for a kind of principal.
func (t Table) First(p contain.PrincipalKind) (names []approvals.Measure) {
	for _, k := range t.For(p) {
		if k.First {
			names = append(names, k.Name)
		}
	}
	return names
}

// On is what each measure writes.
func (t Table) On() record.Measures {
	on := make(record.Measures, len(t))
	for _, k := range t {
		on[k.Name] = k.On
	}
	return on
}

// Of is a measure by its name, in any capitals; false, and the first measure, if there is none.
func (t Table) Of(name string) (Kind, bool) {
	for _, k := range t {
		if strings.EqualFold(string(k.Name), name) {
			return k, true
		}
	}
	return t[0], false
}

// After is the measure to take when another one does not hold; false if there is none.
func (t Table) After(m approvals.Measure) (Kind, bool) {
	i := slices.IndexFunc(t, func(k Kind) bool { return k.Name == m }) + 1
	if i == 0 || i == len(t) || t[i].Principal() != t[i-1].Principal() {
		return Kind{}, false
	}
	return t[i], true
}

// AllWords are those of all measures.
func (t Table) AllWords() (all []messages.Words) {
	for _, k := range t {
		all = append(all, k.Words)
	}
	return all
}

// Words are those of the measure that a purpose is about, whether it is to be applied, undone or
// rehearsed. A purpose that is not known here has the words of the first measure: nothing is done
// for it.
func (t Table) Words(p approvals.Purpose) messages.Words {
	k, _ := t.Of(string(p.Measure()))
	return k.Words
}

// rehearses says what Approve does for a drill.
func rehearses(noun, principal string) string {
	return "It rehearses a " + noun + ". revokebot reads the " + principal + " and opens a read-only session that " +
		"names you and the requester in CloudTrail. It asks the policy simulator about the policy that a " + noun +
		" would write, and checks CloudTrail once. *Nothing is written, and no session loses access.*"
}
