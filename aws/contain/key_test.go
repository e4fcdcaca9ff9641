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

// key is a measure of two documents: it makes an access key inactive, then revokes the sessions
// that it has made.
type key struct{ contain.DatedDocument }

func (key) Places(t contain.Target) [][]contain.Slot {
	var params struct{ Key string }
	if err := json.Unmarshal(t.Params, &params); err != nil {
		panic(err)
	}
	return [][]contain.Slot{
		{{Kind: contain.KeyStatus, Name: params.Key}},
		{{Kind: contain.UserInline, Name: "RevokebotOlderSessions"}},
	}
}

func (key) Reads(contain.Target) []contain.Slot { return nil }

func (k key) Want(s contain.State, promised []contain.Document) ([]contain.Document, error) {
	places := k.Places(s.Target)
	if _, err := s.Found(places[0][0]); err != nil {
		return nil, err
	}
	dated, err := contain.WantDated(s, places[1], promised)
	if _, refused := errors.AsType[*contain.Refusal](err); err != nil && !refused {
		return nil, err
	}
	return []contain.Document{{Slot: places[0][0], Text: "Inactive"}, dated}, err
}

func (k key) Gap(now time.Time, there, written contain.Document) contain.Gap {
	switch {
	case written.Slot.Kind != contain.KeyStatus:
		return k.DatedDocument.Gap(now, there, written)
	case there.Slot != written.Slot:
		return contain.Foreign
	case there.Text == "" || there.Text == written.Text:
		return contain.Covers
	default:
		return contain.Changed
	}
}

func (k key) Without(there contain.Document, w contain.Written) (contain.Document, error) {
	if there.Slot.Kind == contain.KeyStatus {
		return there, nil // a leaked key is never made active again
	}
	return k.DatedDocument.Without(there, w)
}

func TestTheSecondDocumentsCutoffIsTakenAfterTheFirstWrite(t *testing.T) {
	places := key{}.Places(user)
	s := state(user, "2026-11-22T10:00:00Z", doc(places[0][0], "Active"), doc(places[1][0], ""))
	first, err := key{}.Want(s, nil)
	if err != nil || first[0].Text != "Inactive" {
		t.Fatal(first, err)
	}
	s.There[0], s.Now = first[0], s.Now.Add(7*time.Second)
	second, err := key{}.Want(s, first[:1])
	if err != nil || second[0] != first[0] || second[1].Text != contain.Revocation(at("2026-11-22T10:00:37Z")) {
		t.Fatal(second, err)
	}
}

func TestARefusedDocumentStopsNoOther(t *testing.T) {
	places := key{}.Places(user)
	s := state(user, "2026-11-22T10:00:00Z", doc(places[0][0], "Active"), doc(places[1][0], allowAll))
	docs, err := key{}.Want(s, nil)
	if docs[0].Text != "Inactive" || docs[1] != (contain.Document{}) {
		t.Error(docs)
	}
	r := contain.RefusalOf(err, places[1])
	if r == nil || contain.RefusalOf(err, places[0]) != nil ||
		!strings.Contains(r.Sentence, "holds a document on prod/deployer") {
		t.Error(err)
	}
}

func TestTheUndoOfTwoDocumentsTellsThemApart(t *testing.T) {
	places := slices.Concat(key{}.Places(user)...)
	ours := contain.Revocation(at("2026-11-22T10:00:37Z"))
	written := contain.Fold([]contain.Change{
		{Slot: places[0], Before: "Active", After: "Inactive"}, {Slot: places[1], After: ours},
	})
	s := state(user, "2026-11-22T12:00:00Z", doc(places[0], "Inactive"), doc(places[1], ours))
	docs, err := contain.Restore(key{}, written).Want(s, nil)
	if err != nil || docs[0] != s.There[0] || docs[1] != doc(places[1], "") {
		t.Errorf("%v, %v", docs, err)
	}
	s.There[1].Text = allowAll
	docs, err = contain.Restore(key{}, written).Want(s, nil)
	stays, refused := contain.RefusalOf(err, places[:1]), contain.RefusalOf(err, places[1:])
	if docs[0] != s.There[0] || docs[1] != (contain.Document{}) || !errors.Is(refused, contain.ErrNotOurs) ||
		stays != nil {
		t.Errorf("%v, %v", docs, err)
	}
}
