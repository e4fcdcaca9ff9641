package contain_test

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
)

func nothing(try) int { return 0 }

var nameForm = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

func places(t try) int {
	if again := t.measure.Places(t.options.Target); !reflect.DeepEqual(t.places, again) {
		t.Fatalf("the places are %v, then %v", t.places, again)
	}
	seen := map[contain.Slot]bool{}
	for _, slots := range t.places {
		for _, slot := range slots {
			if seen[slot] {
				t.Fatalf("%v is twice in the places", slot)
			}
			seen[slot] = true
			if facts := slot.Kind.Facts(); facts.Put == "" || facts.Principal != t.options.Target.Principal.Kind {
				t.Fatalf("%v cannot be written on a %s", slot, t.options.Target.Principal.Kind)
			}
			if slot.Kind.Inline() && !nameForm.MatchString(slot.Name) {
				t.Fatalf("%q is no name of a policy", slot.Name)
			}
		}
	}
	return len(seen)
}

func covers(t try) int {
	for i, d := range t.docs {
		if d.Slot.Kind == "" {
			continue
		}
		if gap := t.measure.Gap(t.now, d, d); gap != contain.Covers {
			t.Fatalf("%s does not cover itself: %s", d.Text, gap)
		}
		for _, p := range t.promised {
			if gap := t.measure.Gap(t.now, d, p); slices.Contains(t.places[i], p.Slot) && gap != contain.Covers {
				t.Fatalf("%s does not cover the promised %s: %s", d.Text, p.Text, gap)
			}
		}
		dated, ok := t.measure.(contain.Dated)
		if cutoff := time.Time(t.now.Add(t.margin)); ok && d.Slot.Kind.Inline() && dated.Cutoff(t.now, d).Before(cutoff) {
			t.Fatalf("%s lies before %v", d.Text, cutoff)
		}
	}
	return len(t.wanted())
}

func foreignStays(t try) int {
	n := 0
	for _, d := range t.wanted() {
		if t.isForeign(d.Slot) {
			t.Fatalf("%s is to be written over %s", d.Text, t.says[d.Slot].Text)
		}
	}
	for _, slot := range t.slots {
		if t.isForeign(slot) || !slot.Kind.Inline() {
			n++
		}
	}
	return n
}

func denyOnly(t try) int {
	for _, d := range t.wanted() {
		t.deniesOnly(d)
	}
	return len(t.wanted())
}

func undoDeniesOnly(w *world) int {
	docs, _ := contain.Restore(w.measure, contain.Fold(w.changes)).Want(w.state(), nil)
	for _, d := range docs {
		w.deniesOnly(d)
	}
	return len(docs)
}

func (w *world) deniesOnly(d contain.Document) {
	if d.Slot.Kind.Inline() && d.Text != "" && !holdsDenyOnly(d.Text) {
		w.Fatalf("%s does more than deny", d.Text)
	}
}

func twice(t try) int {
	promised := slices.Concat(t.promised, t.wanted())
	again, err := t.measure.Want(with(t.state, t.wanted()), promised)
	if !slices.Equal(again, t.docs) || (err == nil) != (t.err == nil) {
		t.Fatalf("%v with %v, then %v with %v", t.docs, t.err, again, err)
	}
	return len(t.wanted())
}

func without(t try) int {
	for _, d := range t.wanted() {
		before := contain.Document{Slot: d.Slot, Text: t.says[d.Slot].Text}
		written := contain.Fold([]contain.Change{{Slot: d.Slot, Before: before.Text, After: d.Text}})[0]
		// A document that is no policy of ours alone may be one that is never undone.
		got, err := t.measure.Without(d, written)
		if refused, ok := err.(*contain.Refusal); ok && d.Slot.Kind == contain.RoleTrust && !refused.NotOurs {
			continue // it cannot be put again
		}
		if err != nil || got != before && (d.Slot.Kind.Inline() || got != d) {
			t.Fatalf("%s without %s is %s, %v", d.Text, before.Text, got.Text, err)
		}
		if got, err := t.measure.Without(before, written); err != nil || got != before && d.Slot.Kind.Inline() {
			t.Fatalf("%s, which was there before, becomes %s, %v", before.Text, got.Text, err)
		}
		for _, text := range t.texts(d.Slot) {
			there := contain.Document{Slot: d.Slot, Text: text.Text}
			if got, err := t.measure.Without(there, written); text.Foreign && !errors.Is(err, contain.ErrNotOurs) {
				t.Fatalf("%s becomes %s, %v", there.Text, got.Text, err)
			}
		}
	}
	return len(t.wanted())
}

func undo(w *world) int {
	written := contain.Fold(w.changes)
	m, s := contain.Restore(w.measure, written), w.state()
	docs, err := m.Want(s, nil)
	for i, d := range docs {
		slot := written[i].Slot
		there, _ := s.Found(slot)
		before := contain.Document{Slot: slot, Text: written[i].Before}
		refusal := contain.RefusalOf(err, []contain.Slot{slot})
		switch {
		case w.isForeign(slot) && !errors.Is(refusal, contain.ErrNotOurs):
			w.Fatalf("%s is not ours and becomes %s, %v", there.Text, d.Text, err)
		case (refusal != nil) != (d == contain.Document{}):
			w.Fatalf("%+v with %v", d, err)
		case refusal == nil && d != there && d != before:
			w.Fatalf("%s is neither %s nor %s", d.Text, there.Text, before.Text)
		case refusal == nil && slot.Kind.Inline() && m.Gap(w.now, d, before) != contain.Covers:
			w.Fatalf("%s is not %s", d.Text, before.Text)
		}
	}
	if again, _ := m.Want(with(s, docs), docs); !slices.Equal(again, docs) {
		w.Fatalf("%v, then %v", docs, again)
	}
	return len(docs)
}

func gap(t try) int {
	for _, d := range t.wanted() {
		pool := []contain.Document{d}
		for _, p := range t.promised {
			pool = append(pool, contain.Document{Slot: d.Slot, Text: p.Text})
		}
		for _, text := range t.texts(d.Slot) {
			there := contain.Document{Slot: d.Slot, Text: text.Text}
			pool = append(pool, there)
			absent := text.Text == "" && d.Slot.Kind != contain.KeyStatus // a key that is gone does no harm
			if (absent || text.isForeign(t.now)) && t.measure.Gap(t.now, there, d) == contain.Covers {
				t.Fatalf("%q covers %s", there.Text, d.Text)
			}
		}
		any := rapid.SampledFrom(pool)
		a, b, c := any.Draw(t.T, "a"), any.Draw(t.T, "b"), any.Draw(t.T, "c")
		transitive(t.T, t.measure, t.now, a, b, c)
	}
	return len(t.wanted())
}

// transitive fails the test if a covers b and b covers c, but a does not cover c.
func transitive(t rapid.TB, m contain.Measure, now time.Time, a, b, c contain.Document) {
	t.Helper()
	if m.Gap(now, a, b) == contain.Covers && m.Gap(now, b, c) == contain.Covers && m.Gap(now, a, c) != contain.Covers {
		t.Fatalf("%s covers %s, that covers %s, and there is a gap: %s", a.Text, b.Text, c.Text, m.Gap(now, a, c))
	}
}

func fits(t try) int {
	for _, d := range t.wanted() {
		if quota := d.Slot.Kind.Facts().Quota; quota > 0 && d.Slot.Kind.Size(d.Text) > quota {
			t.Fatalf("%d do not fit into %d: %s", d.Slot.Kind.Size(d.Text), quota, d.Text)
		}
	}
	return len(t.wanted())
}

func probes(t try) int {
	prober, ok := t.measure.(contain.Prober)
	if !ok {
		return 0
	}
	denied := 0
	for _, d := range t.wanted() {
		for _, p := range prober.Probes(d) {
			got, err := t.options.Evaluate(prober.Policy(d), p.Keys)
			if err != nil || got != p.Denied {
				t.Fatalf("%s with %v: denied %v, %v", d.Text, p.Keys, got, err)
			}
			if got {
				denied++
			}
		}
	}
	return denied
}

func unread(t try) int {
	for i, d := range t.state.There {
		s := t.state
		s.There = slices.Delete(slices.Clone(s.There), i, i+1)
		if docs, err := t.measure.Want(s, t.promised); err == nil || len(docs) > 0 {
			t.Fatalf("without %v: %v, %v", d.Slot, docs, err)
		}
	}
	return len(t.state.There)
}

func refusals(t try) int {
	for i, slots := range t.places {
		r := contain.RefusalOf(t.err, slots)
		if r == nil {
			continue
		}
		if !strings.HasSuffix(r.Sentence, ".") || r.Error() != r.Sentence {
			t.Fatalf("document %d: %+v", i, r)
		}
		for _, slot := range slots {
			if !strings.Contains(r.Sentence, slot.Label()) {
				t.Fatalf("%q does not name %s", r.Sentence, slot.Label())
			}
		}
	}
	return 1
}

// inOrder writes each document once more, in order and undisturbed. Then each is there.
func inOrder(w *world) int {
	last := make([]contain.Document, len(w.measure.Places(w.options.Target)))
	for i := range last {
		t := w.want()
		if last[i] = t.docs[i]; last[i].Slot.Kind == "" {
			continue
		}
		w.says[last[i].Slot] = slotText{Text: last[i].Text}
		w.promised = append(w.promised, last[i])
		w.now = w.now.Add(time.Second)
	}
	n := 0
	for i, d := range last {
		there := contain.Document{Slot: d.Slot, Text: w.says[d.Slot].Text}
		if gap := w.measure.Gap(w.now, there, d); d.Slot.Kind != "" && gap != contain.Covers {
			w.Fatalf("document %d: %s: %s", i, there.Text, gap)
		}
		if d.Slot.Kind != "" {
			n++
		}
	}
	return n
}
