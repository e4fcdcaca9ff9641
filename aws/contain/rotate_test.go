package contain_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

const (
	newID = "revokebot-0123456789abcdef"
	// A vendor's trust policy: two statements with its external id.
	vendors = "{ \"Version\": \"2012-10-17\", \"Statement\": [\n" +
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999900001111:root"},"Action":"sts:AssumeRole",` +
		`"Condition":{"StringEquals":{"sts:ExternalId": "leaked"},"Bool":{"aws:SecureTransport":"true"}}},` + "\n" +
		`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999900001111:root"]},"Action":"sts:TagSession",` +
		`"Condition":{"StringEquals":{"sts:externalid":["leaked"]}}}` + "\n]}"
)

func rotating(text string, only bool) contain.State {
	s := trustSaying(text)
	s.Params, _ = json.Marshal(contain.RotateParams{New: newID, Only: only})
	return s
}

func rotatedTo(t *testing.T, s contain.State, promised ...contain.Document) string {
	t.Helper()
	docs, err := contain.RotateExternalID().Want(s, promised)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	return docs[0].Text
}

func TestRotateExternalIDKeepsThePromisesOfEveryMeasure(t *testing.T) {
	for _, only := range []bool{false, true} {
		target := role
		target.Params = rotating("", only).Params
		keepsPromises(t, contain.RotateExternalID(), options{
			Target: target, Evaluate: evaluate,
			Texts: func(time.Time, contain.Slot) []slotText {
				return []slotText{{Text: vendors}, {Text: trustOfOne}, {Text: trustOfTheDead}, {Text: denyAlone}}
			},
		})
	}
}

func TestRotatingPutsOldAndNewAndThenTheNewAloneAndEveryOtherByteStays(t *testing.T) {
	both := rotatedTo(t, rotating(vendors, false))
	list := `["leaked","` + newID + `"]`
	want := strings.Replace(strings.Replace(vendors, `"leaked"`, list, 1), `["leaked"]`, list, 1)
	if both != want {
		t.Errorf("%s\nwant %s", both, want)
	}
	alone := rotatedTo(t, rotating(both, true), contain.Document{Slot: trustSlot, Text: both})
	if want := strings.ReplaceAll(both, list, `["`+newID+`"]`); alone != want {
		t.Errorf("%s\nwant %s", alone, want)
	}
}

func TestRotatingIsRefusedWhereItIsNotClearWhoseExternalIdLeaked(t *testing.T) {
	with := func(was, is string) string { return strings.ReplaceAll(vendors, was, is) }
	for words, text := range map[string]string{
		"has no condition on sts:ExternalId": trustOfMany,
		`by "StringLike"`:                    with("StringEquals", "StringLike"),
		`by "StringEqualsIfExists"`:          with("StringEquals", "StringEqualsIfExists"),
		"several partners in one statement":  with(`["arn:`, `["arn:aws:iam::999900002222:root","arn:`),
		"several external ids":               with(`["leaked"]`, `["leaked","other"]`),
		"is frozen: undo the freeze first":   frozenOf(t, trustSaying(vendors)),
		"cannot be read":                     `{"Statement":`,
		"names a principal that was deleted": with("arn:aws:iam::999900001111:root", "AIDAEXAMPLEDELETED01"),
		"is too long":                        with("leaked", strings.Repeat("x", 1_100)),
	} {
		docs, err := contain.RotateExternalID().Want(rotating(text, false), nil)
		refused := contain.RefusalOf(err, []contain.Slot{trustSlot})
		if refused == nil || docs[0] != (contain.Document{}) || !strings.Contains(refused.Sentence, words) {
			t.Errorf("%s: %v, %v", words, docs, err)
		}
	}
}

func TestARotatedTrustPolicyIsHeldByFewerIdsAndByAFreezeAndNotByMore(t *testing.T) {
	both := rotatedTo(t, rotating(vendors, false))
	alone := rotatedTo(t, rotating(both, true))
	written := contain.Document{Slot: trustSlot, Text: both}
	for text, want := range map[string]contain.Gap{
		both: contain.Covers, alone: contain.Covers, vendors: contain.Covers, denyAlone: contain.Covers, "": contain.Gone,
		frozenOf(t, trustSaying(both)):                           contain.Covers,
		strings.Replace(both, `"leaked"`, `"leaked","third"`, 1): contain.Changed,
		strings.Replace(both, "999900001111", "999900002222", 1): contain.Changed,
		strings.Replace(both, "[\n{", "[\n{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"},{",
			1): contain.Changed,
	} {
		if got := contain.RotateExternalID().Gap(time.Time{}, contain.Document{Slot: trustSlot, Text: text},
			written); got != want {
			t.Errorf("%q, want %q: %s", got, want, text)
		}
	}
	if got := contain.RotateExternalID().Gap(time.Time{}, written, contain.Document{Slot: trustSlot, Text: alone}); got !=
		contain.Changed {
		t.Errorf("the old id is back: %q", got)
	}
}
