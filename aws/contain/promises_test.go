package contain_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
)

// options are what the suite has to know of a measure.
type options struct {
	// Target is what the measure contains.
	Target contain.Target
	// Texts returns what a slot may say at a moment besides what the suite puts there: nothing, and in
	// inline policies documents that are foreign to every measure. Nil adds nothing.
	Texts func(now time.Time, slot contain.Slot) []slotText
	// Evaluate reports whether a policy explicitly denies a call with these condition keys. If it does
	// not, the call has to be allowed where another policy allows everything; otherwise it is an
	// error.
	Evaluate func(policy string, keys []contain.ContextKey) (denied bool, err error)
}

// slotText is what a slot may say.
type slotText struct {
	Text    string
	Foreign bool      // the measure has to leave it as it is
	Until   time.Time // from then on it is not foreign any more; zero: it always is
}

// keepsPromises is the one suite that every measure passes. It takes a measure on random walks:
// slots that say anything, a clock that moves, a bot that tries, crashes and tries again, and an
// attacker who writes between any two steps. At each try it holds what Want returns against the
// promises of the package. A policy evaluator judges the documents, so that the suite does not
// believe the package's own reader.
func keepsPromises(t *testing.T, m contain.Measure, o options) {
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

// world is one principal, its slots, and one request.
type world struct {
	*rapid.T
	measure contain.Measure
	options options

	now      time.Time
	margin   time.Duration
	slots    []contain.Slot
	says     map[contain.Slot]slotText
	promised []contain.Document
	changes  []contain.Change
}

// try is one call of Want.
type try struct {
	*world
	state  contain.State
	places [][]contain.Slot
	docs   []contain.Document
	err    error
}

func newWorld(t *rapid.T, m contain.Measure, o options) *world {
	w := &world{
		T: t, measure: m, options: o, says: map[contain.Slot]slotText{},
		now:    time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).Add(duration(t, "now", 24*time.Hour)),
		margin: duration(t, "margin", 2*time.Minute),
	}
	for _, places := range m.Places(o.Target) {
		w.slots = append(w.slots, places...)
	}
	w.slots = append(w.slots, m.Reads(o.Target)...)
	for _, slot := range w.slots {
		w.change(slot)
	}
	return w
}

func duration(t *rapid.T, label string, most time.Duration) time.Duration {
	unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute}).Draw(t, label+" in")
	return unit * time.Duration(rapid.Int64Range(0, int64(most/unit)).Draw(t, label))
}

// walk lets things happen, and holds each try against a law.
func (w *world) walk(holds func(try)) {
	for n := rapid.IntRange(0, 6).Draw(w.T, "steps"); n > 0; n-- {
		switch rapid.SampledFrom([]string{"attacker", "clock", "bot"}).Draw(w.T, "step") {
		case "attacker":
			w.attack()
		case "clock":
			w.now = w.now.Add(duration(w.T, "later", 90*time.Minute))
		case "bot":
			w.bot(holds)
		}
	}
	w.bot(holds)
}

// bot tries to bring each document in order, and may die before or after any promise.
func (w *world) bot(holds func(try)) {
	for i := range w.measure.Places(w.options.Target) {
		t := w.want()
		holds(t)
		if len(t.docs) == 0 || t.docs[i].Slot.Kind == "" {
			continue
		}
		d := t.docs[i]
		w.changes = append(w.changes, contain.Change{Slot: d.Slot, Before: w.says[d.Slot].Text, After: d.Text})
		w.promised = append(w.promised, d)
		if rapid.Bool().Draw(w.T, "attacker is in between") {
			w.attack()
		}
		if rapid.Bool().Draw(w.T, "written") {
			w.says[d.Slot] = slotText{Text: d.Text}
		}
		w.now = w.now.Add(duration(w.T, "the write takes", 2*time.Second))
	}
}

func (w *world) attack() { w.change(rapid.SampledFrom(w.slots).Draw(w.T, "attacked")) }

func (w *world) change(slot contain.Slot) {
	w.says[slot] = rapid.SampledFrom(w.texts(slot)).Draw(w.T, slot.Label())
}

// texts are what the slot may say now.
func (w *world) texts(slot contain.Slot) []slotText {
	texts := []slotText{{}}
	if slot.Kind.Inline() {
		texts = append(texts, foreignSlots()...)
	}
	if w.options.Texts != nil {
		texts = append(texts, w.options.Texts(w.now, slot)...)
	}
	return texts
}

// isForeign reports whether the measure has to leave alone what the slot says.
func (w *world) isForeign(slot contain.Slot) bool { return w.says[slot].isForeign(w.now) }

func (t slotText) isForeign(now time.Time) bool {
	return t.Foreign && (t.Until.IsZero() || now.Before(t.Until))
}

// state is a read of everything.
func (w *world) state() contain.State {
	s := contain.State{Target: w.options.Target, Now: w.now, Margin: w.margin}
	for _, slot := range w.slots {
		s.There = append(s.There, contain.Document{Slot: slot, Text: w.says[slot].Text})
	}
	return s
}

// want asks the measure, and looks whether it leaves its arguments as they are.
func (w *world) want() try {
	t := try{world: w, state: w.state(), places: w.measure.Places(w.options.Target)}
	there, promised := slices.Clone(t.state.There), slices.Clone(w.promised)
	t.docs, t.err = w.measure.Want(t.state, w.promised)
	if !slices.Equal(there, t.state.There) || !slices.Equal(promised, w.promised) {
		w.Fatal("Want changed its arguments")
	}
	if len(t.docs) != 0 && len(t.docs) != len(t.places) {
		w.Fatalf("%d documents for %d places", len(t.docs), len(t.places))
	}
	if len(t.docs) == 0 {
		w.Fatalf("no documents: %v", t.err)
	}
	for i, d := range t.docs {
		switch refused := contain.RefusalOf(t.err, t.places[i]) != nil; {
		case refused != (d == contain.Document{}):
			w.Fatalf("document %d is %+v with %v", i, d, t.err)
		case !refused && !slices.Contains(t.places[i], d.Slot):
			w.Fatalf("document %d stands in %+v", i, d.Slot)
		}
	}
	return t
}

// wanted are the documents that are not refused.
func (t try) wanted() []contain.Document {
	return slices.DeleteFunc(slices.Clone(t.docs), func(d contain.Document) bool { return d == contain.Document{} })
}

// with is the state after the documents were written.
func with(s contain.State, docs []contain.Document) contain.State {
	s.There = slices.Clone(s.There)
	for i, there := range s.There {
		for _, d := range docs {
			if d.Slot == there.Slot {
				s.There[i] = d
			}
		}
	}
	return s
}
