package contain_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/aws/contain"
)

func TestEveryKindHasItsFactsAndTheUnknownOneHasNone(t *testing.T) {
	for _, k := range []contain.Kind{
		contain.RoleInline, contain.RoleAttached, contain.RoleTrust, contain.UserInline, contain.KeyStatus,
	} {
		f := k.Facts()
		if f.Principal == "" || !strings.HasPrefix(f.Read, "iam:") || !strings.HasPrefix(f.Put, "iam:") {
			t.Errorf("%s: %+v", k, f)
		}
		for _, action := range []string{f.Put, f.Remove} {
			if name := strings.TrimPrefix(action, "iam:"); name != "" && !slices.Contains(f.Events, name) {
				t.Errorf("%s: others change it by %s too, and it is not among %v", k, name, f.Events)
			}
		}
	}
	if f := contain.Kind("").Facts(); f.Put != "" || f.Principal != "" {
		t.Errorf("%+v", f)
	}
}

func TestSizesAreCountedAsTheQuotasAre(t *testing.T) {
	for k, want := range map[contain.Kind]int{
		contain.RoleInline: 7, contain.UserInline: 7, contain.RoleTrust: 11, contain.RoleAttached: 1,
	} {
		if got := k.Size("{\"ä\":\t1 }\n "); got != want || k.Size("") != 0 {
			t.Errorf("%s: %d, want %d", k, got, want)
		}
	}
}

func TestALabelIsTheNameThatPeopleKnow(t *testing.T) {
	lock := contain.Lock().Places(role)[0][0]
	if got := lock.Label(); got != "AWSDenyAll" || lock.Name != "arn:aws:iam::aws:policy/AWSDenyAll" {
		t.Errorf("%+v: %s", lock, got)
	}
	if got := (contain.Slot{Kind: contain.RoleTrust}).Label(); got != "The trust policy" {
		t.Error(got)
	}
}

func TestAPolicyThatWasAttachedBeforeIsNeverDetached(t *testing.T) {
	slot := contain.Lock().Places(role)[0][0]
	attached, none := doc(slot, slot.Name), doc(slot, "")
	for _, c := range []struct {
		changes     []contain.Change
		there, want contain.Document
	}{
		{[]contain.Change{{Slot: slot, After: slot.Name}}, attached, none},
		{[]contain.Change{{Slot: slot, After: slot.Name}, {Slot: slot, Before: slot.Name, After: slot.Name}}, attached, none},
		{[]contain.Change{{Slot: slot, Before: slot.Name, After: slot.Name}}, attached, attached},
		{[]contain.Change{{Slot: slot, Before: slot.Name, After: slot.Name}}, none, none},
	} {
		s := state(role, "2026-11-22T10:00:00Z", c.there)
		docs, err := contain.Restore(contain.Lock(), contain.Fold(c.changes)).Want(s, nil)
		if err != nil || docs[0] != c.want {
			t.Errorf("%+v: %+v, %v", c, docs, err)
		}
	}
	namesake := "arn:aws:iam::111122223333:policy/AWSDenyAll"
	other := doc(contain.Slot{Kind: contain.RoleAttached, Name: namesake}, namesake)
	if _, err := contain.Lock().Without(other, contain.Written{Slot: slot}); !errors.Is(err, contain.ErrNotOurs) {
		t.Error(err)
	}
	if gap := contain.Lock().Gap(at("2026-11-22T10:00:00Z"), other, attached); gap != contain.Foreign {
		t.Errorf("a policy of the same name passes for AWS's: %q", gap)
	}
}
