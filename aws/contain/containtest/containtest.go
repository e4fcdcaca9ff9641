// Package containtest holds the one suite that every contain.Measure passes.
//
// Run takes a measure on random walks: slots that say anything, a clock that moves, a bot that
// tries, crashes and tries again, and an attacker who writes between any two steps. At each try it
// holds what Want returns against the promises of package contain. A policy evaluator that Run is
// given judges the documents, so that the suite does not believe the package's own reader.
package containtest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
)

// Options are what the suite has to know of a measure.
type Options struct {
	// Target is what the measure contains.
	Target contain.Target
	// Texts returns what a slot may say at a moment besides what the suite puts there: nothing, and in
	// inline policies documents that are foreign to every measure. Nil adds nothing.
	Texts func(now time.Time, slot contain.Slot) []Text
	// Evaluate reports whether a policy explicitly denies a call with these condition keys. If it does
	// not, the call has to be allowed where another policy allows everything; otherwise it is an
	// error.
	Evaluate func(policy string, keys []contain.ContextKey) (denied bool, err error)
}

// Text is what a slot may say.
type Text struct {
	Text    string
	Foreign bool      // the measure has to leave it as it is
	Until   time.Time // from then on it is not foreign any more; zero: it always is
}

// Run runs the suite.
func Run(t *testing.T, m contain.Measure, o Options) {
	t.Helper()
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			held := 0
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(t, m, o)
				w.walk(func(try try) { held += l.holds(try) })
				if l.after != nil {
					held += l.after(w)
				}
			})
			if _, probes := m.(contain.Prober); held == 0 && (probes || !l.probes) {
				t.Error("the walks had nothing to hold this against")
			}
		})
	}
}

// law is one promise. Its functions fail the test, or return how often there was something to hold
// it against.
type law struct {
	name   string
	probes bool // of a contain.Prober only
	holds  func(try) int
	after  func(*world) int // at the end of a walk; may be nil
}

func laws() []law {
	return []law{
		{name: "PlacesAreFixedAndNoneIsInTwoDocuments", holds: places},
		{name: "WantCoversItselfAndAllThatWasPromised", holds: covers},
		{name: "WhatIsForeignStaysByteForByte", holds: foreignStays},
		{name: "InlineDocumentsHoldDenyOnly", holds: denyOnly, after: undoDeniesOnly},
		{name: "WantTwiceIsOnce", holds: twice},
		{name: "WithoutWantIsTheDocumentBefore", holds: without},
		{name: "UndoPutsBackWhatWasThereAndTakesNothingForeign", holds: nothing, after: undo},
		{name: "GapIsReflexiveAndTransitiveAndWhatIsGoneOrForeignHasOne", holds: gap},
		{name: "TheDocumentFitsTheSlot", holds: fits},
		{name: "TheEvaluatorDeniesWhatProbesSayAndAllowsWhatTheyDoNot", probes: true, holds: probes},
		{name: "WhatWasNotReadIsNotTakenForEmpty", holds: unread},
		{name: "ARefusalNamesItsPlaceAndSaysWhatToDo", holds: refusals},
		{name: "WrittenInOrderEverythingIsThere", holds: nothing, after: inOrder},
	}
}
