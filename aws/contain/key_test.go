package contain_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

var user = contain.Target{
	Principal: contain.Principal{
		Kind: contain.User, AccountName: "prod", AccountID: "111122223333", Partition: "aws", Path: "/", Name: "deployer",
		ARN: "arn:aws:iam::111122223333:user/deployer", ID: "AIDAEXAMPLE",
	},
	Request: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	Params:  json.RawMessage(`{"key":"AKIAEXAMPLE"}`),
}

// keyState is a read of the key and of both places of the policy.
func keyState(now, status, shared, own string) contain.State {
	places := slices.Concat(contain.Key().Places(user)...)
	return state(user, now, doc(places[0], status), doc(places[1], shared), doc(places[2], own))
}

func TestTheSecondDocumentsCutoffIsTakenAfterTheFirstWrite(t *testing.T) {
	s := keyState("2026-11-22T10:00:00Z", "Active", "", "")
	first, err := contain.Key().Want(s, nil)
	if err != nil || first[0].Text != "Inactive" {
		t.Fatal(first, err)
	}
	s.There[0], s.Now = first[0], s.Now.Add(7*time.Second)
	second, err := contain.Key().Want(s, first[:1])
	if err != nil || second[0] != first[0] || second[1].Text != contain.Revocation(at("2026-11-22T10:00:37Z")) {
		t.Fatal(second, err)
	}
}

func TestARefusedDocumentStopsNoOther(t *testing.T) {
	places := contain.Key().Places(user)
	s := keyState("2026-11-22T10:00:00Z", "Active", allowAll, allowAll)
	docs, err := contain.Key().Want(s, nil)
	if docs[0].Text != "Inactive" || docs[1] != (contain.Document{}) {
		t.Error(docs)
	}
	r := contain.RefusalOf(err, places[1])
	if r == nil || contain.RefusalOf(err, places[0]) != nil ||
		!strings.Contains(r.Sentence, "hold documents on prod/deployer") {
		t.Error(err)
	}
}

func TestTheUndoOfTwoDocumentsTellsThemApart(t *testing.T) {
	places := slices.Concat(contain.Key().Places(user)...)
	ours := contain.Revocation(at("2026-11-22T10:00:37Z"))
	written := contain.Fold([]contain.Change{
		{Slot: places[0], Before: "Active", After: "Inactive"}, {Slot: places[1], After: ours},
	})
	s := keyState("2026-11-22T12:00:00Z", "Inactive", ours, "")
	docs, err := contain.Restore(contain.Key(), written).Want(s, nil)
	if err != nil || docs[0] != s.There[0] || docs[1] != doc(places[1], "") {
		t.Errorf("%v, %v", docs, err)
	}
	s.There[1].Text = allowAll
	docs, err = contain.Restore(contain.Key(), written).Want(s, nil)
	stays, refused := contain.RefusalOf(err, places[:1]), contain.RefusalOf(err, places[1:])
	if docs[0] != s.There[0] || docs[1] != (contain.Document{}) || !errors.Is(refused, contain.ErrNotOurs) ||
		stays != nil {
		t.Errorf("%v, %v", docs, err)
	}
}

func TestADeletedKeyIsContainedAndNothingMakesAKeyActive(t *testing.T) {
	m, status := contain.Key(), contain.Key().Places(user)[0][0]
	docs, err := m.Want(keyState("2026-11-22T10:00:00Z", "", "", ""), nil)
	if err != nil || docs[0] != doc(status, "") || docs[1].Text == "" {
		t.Error(docs, err)
	}
	now := at("2026-11-22T10:00:00Z")
	for there, want := range map[string]contain.Gap{
		"": contain.Covers, "Inactive": contain.Covers, "Active": contain.Changed, "Expired": contain.Changed,
	} {
		if got := m.Gap(now, doc(status, there), doc(status, "Inactive")); got != want {
			t.Errorf("%q: %q, want %q", there, got, want)
		}
		written := contain.Written{Slot: status, Before: "Active", After: []string{"Inactive"}}
		if got, err := m.Without(doc(status, there), written); err != nil || got.Text != there {
			t.Errorf("the undo makes %q %q, %v", there, got.Text, err)
		}
	}
}

func TestAForeignPolicyOfTheSharedNameStaysAndOursGoesBesideIt(t *testing.T) {
	docs, err := contain.Key().Want(keyState("2026-11-22T10:00:00Z", "Active", allowAll, ""), nil)
	if err != nil || docs[1].Slot.Name != "RevokebotOlderSessions-ABCDEFGH" {
		t.Error(docs, err)
	}
}

func TestParametersWithoutAKeyWantNothing(t *testing.T) {
	for _, params := range []string{``, `{}`, `{"key":7}`, `x`} {
		s := keyState("2026-11-22T10:00:00Z", "Active", "", "")
		s.Params = json.RawMessage(params)
		s.There = append(s.There, doc(contain.Slot{Kind: contain.KeyStatus}, "Active"))
		if docs, err := contain.Key().Want(s, nil); err == nil || len(docs) > 0 {
			t.Errorf("%s: %v", params, docs)
		}
	}
}

func TestAnInactiveKeyIsRefusedItsSessionsByTheirAgeAndTheOtherKeyNot(t *testing.T) {
	m := contain.Key().(contain.Expecter)
	places := slices.Concat(contain.Key().Places(user)...)
	cutoff := at("2026-11-22T10:00:37Z")
	status, policy := doc(places[0], "Inactive"), doc(places[1], contain.Revocation(cutoff))
	own, other := contain.Call{LongTerm: true, Key: "AKIAEXAMPLE"}, contain.Call{LongTerm: true, Key: "AKIAOTHER"}
	old, young := contain.Call{Key: "ASIA1", Issued: cutoff.Add(-time.Second)}, contain.Call{Key: "ASIA2", Issued: cutoff}
	for _, c := range []struct {
		call               contain.Call
		byStatus, byPolicy contain.Answer
	}{
		{own, contain.Yes, contain.No},
		{other, contain.No, contain.No},
		{contain.Call{LongTerm: true}, contain.Unknown, contain.No},
		{old, contain.No, contain.Yes},
		{young, contain.No, contain.No},
	} {
		if got := m.Denies(status, c.call); got != c.byStatus {
			t.Errorf("%+v by the status: %v, want %v", c.call, got, c.byStatus)
		}
		if got := m.Denies(policy, c.call); got != c.byPolicy {
			t.Errorf("%+v by the policy: %v, want %v", c.call, got, c.byPolicy)
		}
	}
	if got := m.Denies(doc(places[0], "Active"), own); got != contain.Unknown {
		t.Errorf("an active key: %v", got)
	}
	if ends := contain.Key().(contain.Expirer).Ends(policy, user.Principal); !ends.Equal(cutoff.Add(36 * time.Hour)) {
		t.Errorf("the policy ends %v", ends)
	}
}
