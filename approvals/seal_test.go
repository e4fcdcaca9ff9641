package approvals_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

func keyOf(t testing.TB, b byte) approvals.Key {
	t.Helper()
	key, err := approvals.NewKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASealIsGoodForOneEventInOnePlaceOnly(t *testing.T) {
	key := keyOf(t, 1)
	good := approvals.Event{
		Seq: 2, Type: approvals.EventApproved, By: "U0BOB", Source: "envelope 1", Detail: json.RawMessage(`{}`),
		At: time.UnixMilli(1_790_000_000_000),
	}
	good.Seal = key.SealEvent("R1", "the seal before", good)
	if why := approvals.CheckEvent(key.Public(), "R1", good); why != "" {
		t.Fatalf("a good seal: %s", why)
	}
	for name, change := range map[string]func(request *string, e *approvals.Event){
		"another request":  func(request *string, _ *approvals.Event) { *request = "R2" },
		"another number":   func(_ *string, e *approvals.Event) { e.Seq = 3 },
		"another type":     func(_ *string, e *approvals.Event) { e.Type = approvals.EventVoted },
		"another person":   func(_ *string, e *approvals.Event) { e.By = "U0EVE" },
		"another source":   func(_ *string, e *approvals.Event) { e.Source = "envelope 2" },
		"another detail":   func(_ *string, e *approvals.Event) { e.Detail = json.RawMessage(`{ }`) },
		"the border moved": func(_ *string, e *approvals.Event) { e.By, e.Source = "U0BOBe", "nvelope 1" },
		"another time":     func(_ *string, e *approvals.Event) { e.At = e.At.Add(time.Millisecond) },
		"another link": func(_ *string, e *approvals.Event) {
			parts := strings.Split(e.Seal, ":")
			other := strings.Split(key.SealEvent("R1", "another seal", *e), ":")
			e.Seal = parts[0] + ":" + other[1] + ":" + parts[2]
		},
		"half of the seal": func(_ *string, e *approvals.Event) { e.Seal = e.Seal[:len(e.Seal)/2] },
		"a word":           func(_ *string, e *approvals.Event) { e.Seal = "seal" },
		"no seal":          func(_ *string, e *approvals.Event) { e.Seal = "" },
		"a seal by another key": func(_ *string, e *approvals.Event) {
			e.Seal = keyOf(t, 2).SealEvent("R1", "the seal before", *e)
		},
		"theirs in our name": func(_ *string, e *approvals.Event) {
			e.Seal = e.Seal[:12] + keyOf(t, 2).SealEvent("R1", "the seal before", *e)[12:]
		},
		"the seal of an empty": func(_ *string, e *approvals.Event) { e.Seal = key.SealEvent("", "the seal before", *e) },
	} {
		e, request := good, "R1"
		change(&request, &e)
		if why := approvals.CheckEvent(key.Public(), request, e); why == "" {
			t.Errorf("%s: it passes", name)
		}
	}
}

func TestAKeyPrintsNothingOfItself(t *testing.T) {
	key := keyOf(t, 1)
	if got := key.String() + key.GoString(); len(got) != 2*len("key 12345678") {
		t.Errorf("it prints %q", got)
	}
	if !(approvals.Key{}).IsZero() || key.IsZero() || (approvals.Key{}).Public() != nil {
		t.Error("no key is not told from one")
	}
	if _, err := approvals.NewKey(make([]byte, 31)); !errors.Is(err, approvals.ErrNotASeed) {
		t.Errorf("a short seed: %v", err)
	}
}

// shelf is a store that holds what it is given.
type shelf struct {
	approvals.Store
	events []approvals.Event
	items  []approvals.Item
}

func (s *shelf) Now(context.Context) (time.Time, error) { return time.Unix(1, 0), nil }

func (s *shelf) Load(_ context.Context, id string) (approvals.Request, []approvals.Event, error) {
	if len(s.events) == 0 {
		return approvals.Request{}, nil, approvals.ErrUnknownRequest
	}
	r, err := approvals.Fold(id, s.events)
	if err != nil {
		err = errors.Join(approvals.ErrBrokenLog, err)
	}
	return r, s.events, err
}

func (s *shelf) Commit(_ context.Context, t approvals.Transition) error {
	s.events = append(s.events, t.Events...)
	return nil
}

func (s *shelf) Condemn(context.Context, approvals.Condemnation) error { return nil }

func (s *shelf) Accept(_ context.Context, item approvals.Item, _ ...string) (bool, error) {
	s.items = append(s.items, item)
	return true, nil
}

func (s *shelf) Take(context.Context, string, int, time.Duration) ([]approvals.Item, error) {
	return slices.Clone(s.items), nil
}

func (s *shelf) Open(_ context.Context, _, by, source string, o approvals.Opening, _ ...approvals.Due) (string, error) {
	detail, err := o.Encode()
	s.events = []approvals.Event{
		{Seq: 1, Type: approvals.EventRequested, By: by, Source: source, Detail: detail, Seal: o.Seal, At: o.At},
	}
	return "", err
}

// signed is a log of three events, one of which moves nothing.
func signed(t *testing.T, key approvals.Key) (*shelf, *approvals.Sealed) {
	t.Helper()
	below := &shelf{}
	s := approvals.NewSealed(below, key, "click")
	if _, err := s.Open(t.Context(), "R1", "U0ALICE", "command 1", approvals.Opening{
		Purpose: approvals.Revoke.Do(), Subject: approvals.Subject{Key: "role 1"}, Required: 2,
		ExpireAfter: time.Hour + time.Nanosecond,
	}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range []approvals.Transition{
		{
			RequestID: "R1", Expect: approvals.AppendOnly, Events: []approvals.Event{
				{Type: approvals.EventRefused, By: "U0EVE", Source: "envelope 0"},
			},
		},
		{
			RequestID: "R1", Expect: 2, Events: []approvals.Event{
				{Type: approvals.EventVoted, By: "U0BOB", Source: "envelope 1"},
			},
		},
	} {
		if err := s.Commit(t.Context(), tr); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Load(t.Context(), "R1"); err != nil {
		t.Fatalf("as it was written: %v", err)
	}
	return below, s
}

func TestALogIsTakenAsItWasWrittenOnly(t *testing.T) {
	key := keyOf(t, 1)
	for name, c := range map[string]struct {
		change func(log []approvals.Event) []approvals.Event
		event  int64
		why    approvals.Forgery
	}{
		"a changed requester": {
			func(l []approvals.Event) []approvals.Event { l[0].By = "U0EVE"; return l }, 1, approvals.ForgeryChanged,
		},
		"a vote without a seal": {
			func(l []approvals.Event) []approvals.Event { l[2].Seal = ""; return l }, 3, approvals.ForgeryUnsealed,
		},
		"a remark without one": {
			func(l []approvals.Event) []approvals.Event { l[1].Seal = ""; return l }, 2, approvals.ForgeryUnsealed,
		},
		"a vote that is gone in the middle": {
			func(l []approvals.Event) []approvals.Event { return slices.Delete(l, 1, 2) }, 2, approvals.ForgeryMissing,
		},
		"a vote moved up": {func(l []approvals.Event) []approvals.Event {
			l[1], l[2] = l[2], l[1]
			l[1].Seq, l[2].Seq = 2, 3
			return l
		}, 2, approvals.ForgeryChanged},
		"a vote that is gone at the end": {
			func(l []approvals.Event) []approvals.Event { return l[:2] }, 3, approvals.ForgerySetBack,
		},
		"a log that is gone": {
			func([]approvals.Event) []approvals.Event { return nil }, 1, approvals.ForgerySetBack,
		},
		"a vote said twice": {
			func(l []approvals.Event) []approvals.Event {
				e := l[2]
				e.Seq = 4
				return append(l, e)
			}, 4, approvals.ForgeryChanged,
		},
		"what cannot be read": {
			func(l []approvals.Event) []approvals.Event {
				l[1] = approvals.Event{Seq: 2}
				return l
			}, 2, approvals.ForgeryUnreadable,
		},
		"a move that none makes": {func(l []approvals.Event) []approvals.Event {
			return append(l, sealedBy(key, l[2].Seal, 4, approvals.EventApplied))
		}, 4, approvals.ForgeryImpossible},
	} {
		below, s := signed(t, key)
		below.events = c.change(below.events)
		_, events, err := s.Load(t.Context(), "R1")
		f, ok := errors.AsType[*approvals.ForgedError](err)
		if !ok || f.Event != c.event || f.Why != c.why || f.Foreign || events != nil ||
			errors.Is(err, approvals.ErrUnknownRequest) {
			t.Errorf("%s: %v, %+v", name, err, f)
			continue
		}
		condemned, err := f.Condemn(approvals.Place{Channel: "C1"}, "because")
		if err != nil || condemned.Next != approvals.StateFailed || condemned.Entries != len(below.events) ||
			condemned.Trusted != int(c.event)-1 || len(condemned.Events) != max(condemned.Entries, 3)+1 {
			t.Errorf("%s: it is condemned with %+v, %v", name, condemned, err)
		}
	}
}

func TestManyMadeUpLogsMakeNoReplicaForgetHowLongAnotherWas(t *testing.T) {
	below, s := signed(t, keyOf(t, 1))
	log := below.events
	below.events = slices.Clone(log[:1])
	below.events[0].Seal = ""
	for n := range 17_000 {
		id := fmt.Sprint("MADEUP", n)
		_, _, err := s.Load(t.Context(), id)
		f, ok := errors.AsType[*approvals.ForgedError](err)
		if !ok {
			t.Fatal(err)
		}
		c, err := f.Condemn(approvals.Place{}, "because")
		if err == nil {
			err = s.Condemn(t.Context(), c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	below.events = log[:len(log)-1]
	if _, _, err := s.Load(t.Context(), "R1"); err == nil {
		t.Error("a log that was cut back is believed")
	}
}

func sealedBy(key approvals.Key, before string, seq int64, typ approvals.EventType) approvals.Event {
	e := approvals.Event{Seq: seq, Type: typ}
	e.Seal = key.SealEvent("R1", before, e)
	return e
}

func TestALogOfAnotherKeyIsUnknownOnceItEnded(t *testing.T) {
	for name, unsign := range map[string]func(e *approvals.Event){
		"of no key":      func(e *approvals.Event) { e.Seal = "" },
		"of another key": func(e *approvals.Event) { e.Seal = keyOf(t, 2).SealEvent("R1", "the seal before", *e) },
	} {
		below, s := signed(t, keyOf(t, 1))
		for i := range below.events {
			unsign(&below.events[i])
		}
		_, _, err := s.Load(t.Context(), "R1")
		if f, ok := errors.AsType[*approvals.ForgedError](err); !ok || !f.Foreign || f.Ended ||
			errors.Is(err, approvals.ErrUnknownRequest) {
			t.Errorf("%s, under way: %v", name, err)
		}
		end := approvals.Event{Seq: 4, Type: approvals.EventDenied, By: "U0BOB"}
		unsign(&end)
		below.events = append(below.events, end)
		if _, _, err := s.Load(t.Context(), "R1"); !errors.Is(err, approvals.ErrUnknownRequest) {
			t.Errorf("%s, ended: %v", name, err)
		}
		below.events[0] = approvals.Event{
			Seq: 1, Type: approvals.EventRequested, By: "U0EVE", Detail: below.events[0].Detail,
			Seal: sealedBy(keyOf(t, 1), "", 1, approvals.EventVoted).Seal,
		}
		if _, _, err := s.Load(t.Context(), "R1"); errors.Is(err, approvals.ErrUnknownRequest) {
			t.Errorf("%s, with a seal of ours that is not for it: %v", name, err)
		}
	}
}

func TestAnItemOfAPersonIsTakenAsItWasAcceptedOnly(t *testing.T) {
	below := &shelf{}
	s := approvals.NewSealed(below, keyOf(t, 1), "click")
	if _, err := s.Accept(t.Context(), approvals.Item{
		Kind: "click", Source: "envelope 1", Body: json.RawMessage(`{"user": "<U0BOB>"}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), approvals.Item{Kind: "execute"}); !errors.Is(err, approvals.ErrNotRecorded) {
		t.Errorf("work that people do not send is accepted: %v", err)
	}
	kind := func(change func(*approvals.Item)) string {
		t.Helper()
		was := below.items[0]
		raw, err := json.Marshal(was) // as a store keeps it
		if err != nil {
			t.Fatal(err)
		}
		var kept approvals.Item
		if err := json.Unmarshal(raw, &kept); err != nil {
			t.Fatal(err)
		}
		change(&kept)
		below.items[0] = kept
		defer func() { below.items[0] = was }()
		items, err := s.Take(t.Context(), "w", 1, 0)
		if err != nil || len(items) != 1 {
			t.Fatal(items, err)
		}
		return items[0].Kind
	}
	if got := kind(func(i *approvals.Item) { i.Tries = 2 }); got != "click" {
		t.Errorf("as it was accepted: %s", got)
	}
	for name, change := range map[string]func(*approvals.Item){
		"another body":    func(i *approvals.Item) { i.Body = json.RawMessage(`{"user":"U0EVE"}`) },
		"another source":  func(i *approvals.Item) { i.Source = "envelope 2" },
		"another request": func(i *approvals.Item) { i.Request = "R1" },
		"another time":    func(i *approvals.Item) { i.At = i.At.Add(time.Second) },
		"another try":     func(i *approvals.Item) { i.Attempt = 3 },
		"another event":   func(i *approvals.Item) { i.Event = 7 },
		"no seal":         func(i *approvals.Item) { i.Seal = "" },
		"own work":        func(i *approvals.Item) { i.Kind, i.Seal = "execute", "" },
	} {
		if got := kind(change); got != approvals.KindForged {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := kind(func(i *approvals.Item) { *i = approvals.Item{Kind: approvals.KindDeliver, Request: "R1"} }); got !=
		approvals.KindDeliver {
		t.Errorf("a look at the log: %s", got)
	}
}

func BenchmarkSealAnEvent(b *testing.B) {
	key := keyOf(b, 1)
	e := approvals.Event{
		Seq: 2, Type: approvals.EventApproved, By: "U0BOB", Source: "envelope 1",
		Detail: json.RawMessage(`{"cutoff":"2026-11-22T03:04:57Z"}`),
	}
	b.ReportAllocs()
	for b.Loop() {
		key.SealEvent("R1", "", e)
	}
}

func BenchmarkCheckALogOfFifty(b *testing.B) {
	key := keyOf(b, 1)
	below := &shelf{}
	s := approvals.NewSealed(below, key)
	if _, err := s.Open(b.Context(), "R1", "U0ALICE", "command 1", approvals.Opening{
		Purpose: approvals.Revoke.Do(), Required: 2, ExpireAfter: time.Hour,
	}); err != nil {
		b.Fatal(err)
	}
	for i := range int64(49) {
		t := approvals.Transition{
			RequestID: "R1", Expect: i + 1, Events: []approvals.Event{{Type: approvals.EventRefused, By: "U0EVE"}},
		}
		if err := s.Commit(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
	for name, store := range map[string]func() *approvals.Sealed{
		"known": func() *approvals.Sealed {
			return s
		}, "new": func() *approvals.Sealed { return approvals.NewSealed(below, key) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := store().Load(b.Context(), "R1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
