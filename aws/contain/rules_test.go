package contain_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
)

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// console is the first place of revoke.
var console = contain.Slot{Kind: contain.RoleInline, Name: contain.ConsolePolicy}

func doc(slot contain.Slot, text string) contain.Document {
	return contain.Document{Slot: slot, Text: text}
}

// state is a read with a margin of thirty seconds.
func state(target contain.Target, now string, there ...contain.Document) contain.State {
	return contain.State{Target: target, Now: at(now), Margin: 30 * time.Second, There: there}
}

// onRole is a read of the two places of revoke.
func onRole(now, inConsoles, inOwn string) contain.State {
	places := contain.Revoke().Places(role)[0]
	return state(role, now, doc(places[0], inConsoles), doc(places[1], inOwn))
}

func revoked(t *testing.T, s contain.State, promised ...contain.Document) contain.Document {
	t.Helper()
	docs, err := contain.Revoke().Want(s, promised)
	if err != nil {
		t.Fatal(err)
	}
	return docs[0]
}

func TestTheCutoffIsAWSsTimeRoundedUpToASecondPlusTheMarginInUTCWithAZ(t *testing.T) {
	for now, want := range map[string]string{
		"2026-11-22T10:00:00Z":                "2026-11-22T10:00:30.000Z",
		"2026-11-22T10:00:00.000000001Z":      "2026-11-22T10:00:31.000Z",
		"2026-11-22T10:00:00.999Z":            "2026-11-22T10:00:31.000Z",
		"2026-11-22T15:30:00.5+05:30":         "2026-11-22T10:00:31.000Z",
		"9999-12-31T23:59:59.5Z":              "9999-12-31T23:59:59.000Z",
		"9999-12-31T23:59:59-01:00":           "9999-12-31T23:59:59.000Z",
		"2026-12-31T23:59:59.000000000+00:00": "2027-01-01T00:00:29.000Z",
	} {
		want = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":` +
			`{"DateLessThan":{"aws:TokenIssueTime":"` + want + `"}}}]}`
		if got := revoked(t, onRole(now, "", "")); got != doc(console, want) || got.Slot.Name != "AWSRevokeOlderSessions" {
			t.Errorf("at %s: %+v", now, got)
		}
	}
	s := onRole("2026-11-22T10:00:00Z", "", "")
	s.Margin = 1500 * time.Millisecond
	if got := revoked(t, s); got.Text != contain.Revocation(at("2026-11-22T10:00:02Z")) {
		t.Error(got.Text)
	}
	s.Now = time.Time{}
	if docs, err := contain.Revoke().Want(s, nil); err == nil || docs != nil {
		t.Error("an unknown time is taken for one")
	}
}

func TestTheCutoffNeverMovesBack(t *testing.T) {
	const now = "2026-11-22T10:00:00Z"
	later := contain.Revocation(at("2026-11-22T10:30:00.138Z"))
	if got := revoked(t, onRole(now, later, "")); got.Text != contain.Revocation(at("2026-11-22T10:30:01Z")) {
		t.Errorf("what is there: %s", got.Text)
	}
	promised := doc(console, contain.Revocation(at("2026-11-22T10:20:00Z")))
	other := doc(contain.Slot{Kind: contain.RoleInline, Name: contain.OwnPolicy + "OFOTHERS"}, later)
	for _, s := range []contain.State{onRole(now, "", ""), onRole(now, allowAll, "")} {
		if got := revoked(t, s, promised); got.Text != promised.Text {
			t.Errorf("what was promised: %+v", got)
		}
		if got := revoked(t, s, other, promised); got.Text != contain.Revocation(at("2026-11-22T10:30:01Z")) {
			t.Errorf("what another request has in force: %+v", got)
		}
	}
	ahead := doc(console, contain.Revocation(at("2026-11-22T11:30:00Z")))
	if got := revoked(t, onRole(now, ahead.Text, ""), ahead); got != ahead {
		t.Errorf("what was promised by a clock that was ahead: %+v", got)
	}
	edge := revoked(t, onRole("2026-11-22T10:00:00.5Z", contain.Revocation(at("2026-11-22T11:00:00.5Z")), ""))
	if c := contain.Revoke().(contain.Dated).
		Cutoff(at("2026-11-22T10:00:00.5Z"), edge); !c.Equal(at("2026-11-22T11:00:01Z")) {
		t.Errorf("just an hour ahead, rounded up: %v", c)
	}
	promised.Text = allowAll
	if docs, err := contain.Revoke().Want(onRole(now, "", ""), []contain.Document{promised}); err == nil || docs != nil {
		t.Error("a promise that cannot be read is forgotten")
	}
}

func TestARetryStaysInThePlaceThatWasPromisedLastWhileThatIsUsable(t *testing.T) {
	const now = "2026-11-22T10:00:00Z"
	places := contain.Revoke().Places(role)[0]
	first, second := doc(places[0], contain.Revocation(at(now))), doc(places[1], contain.Revocation(at(now)))
	for _, c := range []struct {
		inConsoles, inOwn string
		promised          []contain.Document
		want              contain.Slot
	}{
		{"", "", nil, places[0]},
		{"", "", []contain.Document{first}, places[0]},
		{"", "", []contain.Document{first, second}, places[1]},
		{first.Text, "", []contain.Document{second}, places[1]},
		{"", allowAll, []contain.Document{first, second}, places[0]},
		{allowAll, "", []contain.Document{second, first}, places[1]},
	} {
		if got := revoked(t, onRole(now, c.inConsoles, c.inOwn), c.promised...); got.Slot != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestInInlinePoliciesTheBotWritesDenyOnly(t *testing.T) {
	text := rapid.OneOf(rapid.SampledFrom(foreignTexts()), rapid.Just(""), rapid.Just(allowAll),
		rapid.SampledFrom(forms(at("2026-11-22T10:30:00Z"))), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		s := onRole("2026-11-22T10:00:00Z", text.Draw(t, "console"), text.Draw(t, "own"))
		docs, err := contain.Revoke().Want(s, nil)
		if err == nil && (!isRevocation(docs[0].Text) || strings.Contains(docs[0].Text, "Allow")) {
			t.Fatalf("%+v", docs)
		}
		// A log that was tampered with: what was written and what was there before are anything.
		w := contain.Written{Slot: s.There[0].Slot, Before: text.Draw(t, "before"), After: []string{text.Draw(t, "after")}}
		d, err := contain.Revoke().Without(s.There[0], w)
		if err == nil && d != s.There[0] && d.Text != "" && !isRevocation(d.Text) {
			t.Fatalf("undo writes %s", d.Text)
		}
	})
}

func TestATrustPolicyIsWrittenByFreezeAndRotateExternalIDAlone(t *testing.T) {
	for _, c := range []struct {
		measure contain.Measure
		target  contain.Target
	}{{contain.Revoke(), role}, {contain.Lock(), role}, {contain.Key(), user}} {
		for _, places := range c.measure.Places(c.target) {
			for _, slot := range places {
				if slot.Kind == contain.RoleTrust {
					t.Errorf("%T writes %s", c.measure, slot.Label())
				}
			}
		}
	}
}

func TestAnInlineDocumentThatIsNotExactlyARevocationIsNeverRewrittenGuardedOrRestored(t *testing.T) {
	const now = "2026-11-22T10:00:00Z"
	m, places := contain.Revoke(), contain.Revoke().Places(role)[0]
	foreign := append(foreignTexts(), allowAll,
		contain.Revocation(at("2026-11-22T11:00:01Z")), contain.Revocation(at("2099-01-01T00:00:00Z")))
	for _, text := range foreign {
		beside := revoked(t, onRole(now, text, ""))
		ours := contain.Revocation(at("2026-11-22T10:00:30Z"))
		if beside.Slot.Name != "RevokebotOlderSessions-ABCDEFGH" || beside.Text != ours {
			t.Errorf("%s: %+v", text, beside)
		}
		there, written := doc(places[0], text), doc(places[0], ours)
		if gap := m.Gap(at(now), there, written); gap != contain.Foreign {
			t.Errorf("%s: gap %q", text, gap)
		}
		if c := m.(contain.Dated).Cutoff(at(now), there); !c.IsZero() {
			t.Errorf("%s: cutoff %v", text, c)
		}
		_, err := m.Without(written, contain.Written{Slot: places[0], Before: text, After: []string{ours}})
		if r, ok := errors.AsType[*contain.Refusal](err); !ok || !strings.Contains(r.Sentence, "not exactly a revocation") {
			t.Errorf("%s is restored: %v", text, err)
		}
		docs, err := m.Want(onRole(now, text, allowAll), nil)
		if r := contain.RefusalOf(err, places); r == nil || !strings.Contains(r.Sentence, "never writes over") ||
			docs[0] != (contain.Document{}) {
			t.Errorf("%s: %v, %v", text, docs, err)
		}
	}
	for _, text := range forms(at("2026-11-22T11:00:00Z")) {
		got, want := revoked(t, onRole(now, text, "")), doc(places[0], contain.Revocation(at("2026-11-22T11:00:00Z")))
		if got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestUndoPutsBackOnlyTextThatThisRequestReadBeforeItsOwnWrite(t *testing.T) {
	first, second := contain.Revocation(at("2026-11-22T10:00:30Z")), contain.Revocation(at("2026-11-22T10:05:00Z"))
	guarded, before := contain.Revocation(at("2026-11-22T10:10:00Z")), contain.Revocation(at("2026-11-20T10:00:00Z"))
	reformed := forms(at("2026-11-22T10:00:30Z"))[7]
	for name, c := range map[string]struct {
		changes []contain.Change
		want    string
	}{
		"nothing was there":      {[]contain.Change{{After: first}}, ""},
		"an older one was there": {[]contain.Change{{Before: before, After: first}}, before},
		"a second try saw the first": {
			[]contain.Change{{Before: before, After: first}, {Before: first, After: second}}, before,
		},
		"a second try saw nothing":    {[]contain.Change{{Before: before, After: first}, {After: second}}, ""},
		"the first, in another form":  {[]contain.Change{{After: first}, {Before: reformed, After: second}}, ""},
		"the guard saw an attacker's": {[]contain.Change{{After: second}, {Before: first, After: guarded, Guard: true}}, ""},
		"only the guard was here":     {[]contain.Change{{Before: before, After: guarded, Guard: true}}, ""},
	} {
		for i := range c.changes {
			c.changes[i].Slot = console
		}
		w := contain.Fold(c.changes)
		for _, change := range c.changes {
			s := onRole("2026-11-22T12:00:00Z", change.After, "")
			docs, err := contain.Restore(contain.Revoke(), w).Want(s, nil)
			if err != nil || docs[0] != doc(console, c.want) {
				t.Errorf("%s: %+v, %v", name, docs, err)
			}
		}
	}
}

func TestAGapSaysWhichOneItIs(t *testing.T) {
	m, now := contain.Revoke(), at("2026-11-22T10:00:00Z")
	written := doc(console, contain.Revocation(at("2026-11-22T10:00:30Z")))
	for text, want := range map[string]contain.Gap{
		written.Text:                         contain.Covers,
		forms(at("2026-11-22T10:59:59Z"))[4]: contain.Covers,
		"":                                   contain.Gone,
		contain.Revocation(at("2026-11-22T10:00:29Z")): contain.Earlier,
		contain.Revocation(at("2026-11-22T11:00:01Z")): contain.Foreign,
		allowAll: contain.Foreign,
	} {
		if got := m.Gap(now, doc(console, text), written); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	far := doc(console, contain.Revocation(at("2026-11-22T11:30:00Z")))
	if gap := m.Gap(now, far, far); gap != contain.Covers {
		t.Errorf("a clock that is behind disowns what was written: %q", gap)
	}
	elsewhere := doc(contain.Slot{Kind: contain.UserInline, Name: console.Name}, written.Text)
	if m.Gap(now, elsewhere, written) != contain.Foreign ||
		m.Gap(now, written, doc(console, allowAll)) != contain.Foreign {
		t.Error("what cannot be compared covers")
	}
	s := onRole("2026-11-22T10:00:00Z", "", "")
	r := contain.Restore(m, []contain.Written{{Slot: console, Before: written.Text, After: []string{far.Text}}})
	for text, want := range map[string]contain.Gap{written.Text: "", "": contain.Gone, far.Text: contain.Changed} {
		if got := r.Gap(now, doc(console, text), written); got != want {
			t.Errorf("undo, %s: %q", text, got)
		}
	}
	if gap := r.Gap(now, s.There[1], s.There[0]); gap != contain.Foreign {
		t.Errorf("another slot: %q", gap)
	}
	if _, err := r.Without(s.There[0], contain.Written{Slot: console}); !errors.Is(err, contain.ErrNotOurs) {
		t.Error(err)
	}
}
