package contain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

const (
	deployer   = "arn:aws:iam::111122223333:role/ci/Deployer"
	alice      = "arn:aws:iam::111122223333:user/alice"
	trustOfOne = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\"Effect\":\"Allow\",\"Principal\":" +
		"{\"AWS\":\"" + alice + "\"},\"Action\":\"sts:AssumeRole\"}\n}"
	trustOfMany = `{"Version":"2012-10-17","Id":"x","Statement":[{"Effect":"Allow","Principal":{"AWS":["` +
		deployer + `","` +
		alice + `"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole",` +
		`"Condition":{"NoSuchOperator":{"a:b":["c"]}}} ]}`
	trustOfTheDead = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEDELETED01"},` +
		`"Action":"sts:AssumeRole"}]}`
	denyOfFreeze = `{"Sid":"RevokebotFreeze","Effect":"Deny","Principal":"*","Action":["sts:AssumeRole",` +
		`"sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]}`
	denyAlone = `{"Version":"2012-10-17","Statement":[` + denyOfFreeze + `]}`
)

var trustSlot = contain.Slot{Kind: contain.RoleTrust}

// trustSaying is a state with a trust policy whose principals are all there.
func trustSaying(text string) contain.State {
	s := contain.State{Target: role, Trusted: map[string]string{}}
	s.There = []contain.Document{{Slot: trustSlot, Text: text}}
	for _, arn := range contain.Trusts(role.Principal.AccountID, text) {
		s.Trusted[arn] = "AROA" + arn
	}
	return s
}

func frozenOf(t *testing.T, s contain.State, promised ...contain.Document) string {
	t.Helper()
	docs, err := contain.Freeze().Want(s, promised)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	return docs[0].Text
}

func TestFreezeKeepsThePromisesOfEveryMeasure(t *testing.T) {
	keepsPromises(t, contain.Freeze(), options{
		Target: role, Evaluate: evaluate,
		Texts: func(time.Time, contain.Slot) []slotText {
			return []slotText{{Text: trustOfOne}, {Text: trustOfMany}, {Text: trustOfTheDead}, {Text: denyAlone}}
		},
	})
}

func TestFreezeRepeatsEveryStatementByteForByteAndAddsOneDeny(t *testing.T) {
	for _, text := range []string{trustOfOne, trustOfMany} {
		got := frozenOf(t, trustSaying(text))
		var before, after struct{ Statement json.RawMessage }
		if json.Unmarshal([]byte(text), &before) != nil || json.Unmarshal([]byte(got), &after) != nil {
			t.Fatalf("not JSON: %s", got)
		}
		own := strings.TrimSuffix(strings.TrimPrefix(string(before.Statement), "["), "]")
		if want := "[" + own + "," + denyOfFreeze + "]"; string(after.Statement) != want {
			t.Errorf("%s, want %s", after.Statement, want)
		}
		if strings.Replace(got, string(after.Statement), string(before.Statement), 1) != text {
			t.Errorf("what stands beside the statements changed: %s", got)
		}
	}
}

func TestFreezePutsTheDenyAloneWhereTheTextCannotBePutAgain(t *testing.T) {
	long := strings.Replace(trustOfOne, alice, alice+strings.Repeat("x", 1_900), 1)
	full := strings.Replace(trustOfOne, alice, alice+strings.Repeat("x", 8_000), 1)
	for name, text := range map[string]string{
		"a deleted principal": trustOfTheDead, "no room for the statement": long, "8,192 characters": full,
		"no JSON": `{"Statement":[`, "two lists": `{"Statement":[],"Statement":[]}`, "no statement": `{"Statement":[]}`,
		"nothing": "", "a list": "[]",
	} {
		if got := frozenOf(t, trustSaying(text)); got != denyAlone {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestFreezeLeavesATrustPolicyThatIsFrozenAsItIs(t *testing.T) {
	once := frozenOf(t, trustSaying(trustOfOne))
	if twice := frozenOf(t, trustSaying(once)); twice != once {
		t.Errorf("the statement is there twice: %s", twice)
	}
}

func TestAStatementAddedBesideTheFreezeIsChangedAndThePromisedTextIsPutAgain(t *testing.T) {
	promised := contain.Document{Slot: trustSlot, Text: frozenOf(t, trustSaying(trustOfOne))}
	more := strings.Replace(promised.Text, "[{", `[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"},{`, 1)
	there := contain.Document{Slot: trustSlot, Text: more}
	if gap := contain.Freeze().Gap(time.Time{}, there, promised); gap != contain.Changed {
		t.Errorf("an added Allow is %q", gap)
	}
	s := trustSaying(more)
	if got := frozenOf(t, s, promised); got != promised.Text {
		t.Errorf("%s is put, promised was %s", got, promised.Text)
	}
	delete(s.Trusted, alice)
	if got := frozenOf(t, s, promised); got != denyAlone {
		t.Errorf("with a principal that is gone: %s", got)
	}
}

func TestAPrincipalThatWasDeletedUnderAFreezeIsNoChange(t *testing.T) {
	promised := contain.Document{Slot: trustSlot, Text: frozenOf(t, trustSaying(trustOfOne))}
	there := contain.Document{Slot: trustSlot, Text: strings.Replace(promised.Text, alice, "AIDAEXAMPLEDELETED01", 1)}
	if gap := contain.Freeze().Gap(time.Time{}, there, promised); gap != contain.Covers {
		t.Errorf("it is %q", gap)
	}
	there.Text = strings.Replace(promised.Text, alice, deployer, 1)
	if gap := contain.Freeze().Gap(time.Time{}, there, promised); gap != contain.Changed {
		t.Errorf("another principal is %q", gap)
	}
}

// undoTrust is what an undo of a freeze of a text wants of a state.
func undoTrust(before string, trusted map[string]string, s contain.State) (string, error) {
	after, _ := contain.Freeze().Want(trustSaying(before), nil)
	undo := contain.Restore(contain.Freeze(), contain.Fold([]contain.Change{
		{Slot: trustSlot, Before: before, After: after[0].Text, Trusted: trusted},
	}))
	if s.There == nil {
		s.There = after
	}
	docs, err := undo.Want(s, nil)
	return docs[0].Text, err
}

func TestTheUndoOfAFreezePutsTheSavedTextBackByteForByte(t *testing.T) {
	for _, text := range []string{trustOfOne, trustOfMany} {
		s := trustSaying(text)
		s.There = nil
		if got, err := undoTrust(text, s.Trusted, s); got != text || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}
}

func TestTheUndoOfAFreezeIsRefusedNamingPrincipalsThatChangedOrAreGone(t *testing.T) {
	for name, change := range map[string]func(ids map[string]string){
		"made again": func(ids map[string]string) { ids[alice] = "AIDAANOTHER" },
		"gone":       func(ids map[string]string) { delete(ids, alice) },
	} {
		before := trustSaying(trustOfMany).Trusted
		now := trustSaying(trustOfMany)
		now.There = nil
		change(now.Trusted)
		got, err := undoTrust(trustOfMany, before, now)
		refused, ok := errors.AsType[*contain.Refusal](contain.RefusalOf(err, []contain.Slot{trustSlot}))
		if !ok || got != "" || !strings.Contains(refused.Sentence, alice) || strings.Contains(refused.Sentence, deployer) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := undoTrust(trustOfTheDead, nil, contain.State{Target: role}); got != "" || err == nil ||
		!strings.Contains(err.Error(), "AROAEXAMPLEDELETED01") {
		t.Errorf("a text that cannot be put again: %q, %v", got, err)
	}
}

func TestTheUndoOfAFreezeLeavesATrustPolicyThatSomeoneElseWrote(t *testing.T) {
	s := trustSaying(trustOfMany)
	if got, err := undoTrust(trustOfOne, nil, s); got != "" || !errors.Is(err, contain.ErrNotOurs) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := undoTrust(trustOfOne, nil, trustSaying(trustOfOne)); got != trustOfOne || err != nil {
		t.Errorf("what is as before: %q, %v", got, err)
	}
}
