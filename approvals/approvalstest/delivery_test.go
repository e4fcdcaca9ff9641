package approvalstest

import (
	"reflect"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// upToDate is a delivery that has told so many events.
func upToDate(seq int64) approvals.Delivery {
	return approvals.Delivery{Card: "1700000000.000100", CardSeq: seq, Cursor: seq, Intent: seq}
}

func equal(a, b approvals.Delivery) bool { return reflect.DeepEqual(a, b) }

var delivering = []sentence{
	{name: "of a request that nobody opened nothing is told", test: func(b *bench) {
		_, ok, err := b.Store.BeginDelivery(b.ctx, "R1", worker, held)
		b.is(err, approvals.ErrUnknownRequest)
		d, deliveredErr := b.Store.Delivered(b.ctx, "R1")
		if ok || deliveredErr != nil || !equal(d, approvals.Delivery{}) {
			b.Errorf("%v; delivered %+v, %v", ok, d, deliveredErr)
		}
	}},
	{name: "a delivery begins with nothing told", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		if d, ok := b.begin("R1", worker, held); !ok || !equal(d, approvals.Delivery{}) {
			b.Errorf("%v, %+v", ok, d)
		}
	}},
	{name: "one worker tells, and others wait", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.opened("R2", "role 2", never)
		b.begin("R1", worker, held)
		for range 2 {
			if _, ok, err := b.Another.BeginDelivery(b.ctx, "R1", rival, held); ok || err != nil {
				b.Errorf("another worker: %v, %v", ok, err)
			}
		}
		if _, ok := b.begin("R1", worker, held); !ok {
			b.Error("the worker that holds the lease does not get it")
		}
		if _, ok := b.begin("R2", rival, held); !ok {
			b.Error("another request is not told of")
		}
	}},
	{name: "how far it got is known to all", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		d := approvals.Delivery{Card: "1700000000.000100", CardSeq: -1, Cursor: 3, Part: 2, Intent: 4}
		b.mark("R1", worker, held, d)
		b.mark("R1", worker, held, d)
		got, err := b.Another.Delivered(b.ctx, "R1")
		if err != nil {
			b.Fatal(err)
		}
		b.same("delivered", got, d)
		b.end("R1", worker, true)
		next, ok, err := b.Another.BeginDelivery(b.ctx, "R1", rival, held)
		if err != nil || !ok {
			b.Fatalf("the next: %v, %v", ok, err)
		}
		b.same("the next begins with", next, d)
	}},
	{name: "the messages that are edited are known to all", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		d := upToDate(1)
		for _, posted := range []map[string]approvals.Posted{
			{"call": {TS: "1700000000.000200", Sum: "a1"}},
			{"call": {TS: "1700000000.000200", Sum: "b2"}, `an "odd" name`: {TS: "1700000000.000300"}},
			nil,
			{"call": {TS: "1700000000.000400", Sum: "c3", Loose: true}},
		} {
			d.Posted = posted
			b.mark("R1", worker, held, d)
			b.mark("R1", worker, held, d)
			got, err := b.Another.Delivered(b.ctx, "R1")
			if err != nil {
				b.Fatal(err)
			}
			b.same("delivered", got, d)
			again, _ := b.begin("R1", worker, held)
			b.same("begun again", again, d)
		}
		b.end("R1", worker, false)
		next, ok, err := b.Another.BeginDelivery(b.ctx, "R1", rival, held)
		if err != nil || !ok {
			b.Fatalf("the next: %v, %v", ok, err)
		}
		b.same("the next begins with", next, d)
	}},
	{name: "the parts of an event that were told are known after a crash", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 1")})
		b.begin("R1", worker, b.span)
		half := approvals.Delivery{Card: "1700000000.000100", CardSeq: 2, Cursor: 1, Part: 2, Intent: 2}
		b.mark("R1", worker, b.span, half)
		b.Advance(b.span)
		if d, ok := b.begin("R1", rival, held); !ok || !equal(d, half) {
			b.Fatalf("the rival: %v, %+v", ok, d)
		}
		if !b.end("R1", rival, false) {
			b.Error("an event of which only a part was told counts as told")
		}
		b.mark("R1", rival, held, upToDate(2))
		d, err := b.Store.Delivered(b.ctx, "R1")
		if err != nil || !equal(d, upToDate(2)) || b.end("R1", rival, false) {
			b.Errorf("delivered %+v, %v", d, err)
		}
	}},
	{name: "a lease that ran out is another's", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, b.span)
		b.mark("R1", worker, b.span, upToDate(1))
		b.Advance(b.span)
		if d, ok := b.begin("R1", rival, held); !ok || !equal(d, upToDate(1)) {
			b.Fatalf("the rival: %v, %+v", ok, d)
		}
		b.is(b.Store.MarkDelivery(b.ctx, "R1", worker, held, upToDate(9)), approvals.ErrLeaseLost)
		for _, force := range []bool{false, true} {
			_, err := b.Store.EndDelivery(b.ctx, "R1", worker, upToDate(9), approvals.Then{Force: force})
			b.is(err, approvals.ErrLeaseLost)
		}
		if _, ok := b.begin("R1", worker, held); ok {
			b.Error("the worker that lost the lease has it again")
		}
		d, err := b.Store.Delivered(b.ctx, "R1")
		if err != nil || !equal(d, upToDate(1)) {
			b.Errorf("delivered %+v, %v", d, err)
		}
	}},
	{name: "a lease that ran out and that nobody wanted is still the worker's", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, b.span)
		b.Advance(2 * b.span)
		b.mark("R1", worker, held, upToDate(1))
		if _, ok := b.begin("R1", rival, held); ok {
			b.Error("the rival has it")
		}
	}},
	{name: "a sign of life extends the lease", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, b.span)
		b.mark("R1", worker, held, approvals.Delivery{})
		b.Advance(2 * b.span)
		if _, ok := b.begin("R1", rival, held); ok {
			b.Error("the rival has it")
		}
	}},
	{name: "a beginning told again extends the lease", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, b.span)
		b.begin("R1", worker, held)
		b.Advance(2 * b.span)
		if _, ok := b.begin("R1", rival, held); ok {
			b.Error("the rival has it")
		}
	}},
	{name: "whoever has no lease marks nothing and ends nothing", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.is(b.Store.MarkDelivery(b.ctx, "R1", worker, held, upToDate(1)), approvals.ErrLeaseLost)
		_, err := b.Store.EndDelivery(b.ctx, "R1", worker, upToDate(9), approvals.Then{})
		b.is(err, approvals.ErrLeaseLost)
		b.begin("R1", worker, held)
		b.mark("R1", worker, held, upToDate(1))
		b.end("R1", worker, false)
		b.is(b.Store.MarkDelivery(b.ctx, "R1", worker, held, upToDate(2)), approvals.ErrLeaseLost)
		d, err := b.Store.Delivered(b.ctx, "R1")
		if err != nil || !equal(d, upToDate(1)) {
			b.Errorf("delivered %+v, %v", d, err)
		}
	}},
	{name: "when everything is told the lease is given back", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		b.mark("R1", worker, held, upToDate(1))
		if b.end("R1", worker, false) {
			b.Error("there is more")
		}
		if d, ok := b.begin("R1", rival, held); !ok || !equal(d, upToDate(1)) {
			b.Errorf("the rival: %v, %+v", ok, d)
		}
	}},
	{name: "when there is more to tell the lease is kept", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		for _, behind := range []approvals.Delivery{
			{}, {Card: "c", CardSeq: 1, Cursor: 0}, {Card: "c", CardSeq: 0, Cursor: 1}, {CardSeq: -1, Cursor: 1},
		} {
			b.mark("R1", worker, held, behind)
			if !b.end("R1", worker, false) {
				b.Errorf("after %+v there is nothing more", behind)
			}
			if _, ok := b.begin("R1", rival, held); ok {
				b.Fatal("the rival has the lease")
			}
		}
		b.mark("R1", worker, held, upToDate(1))
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 1")})
		if !b.end("R1", worker, false) {
			b.Error("what came in meanwhile is not told")
		}
		b.mark("R1", worker, held, upToDate(2))
		if b.end("R1", worker, false) {
			b.Error("there is still more")
		}
	}},
	{name: "by force the lease is given back all the same", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		if !b.end("R1", worker, true) {
			b.Error("it is not said that there is more")
		}
		if _, ok := b.begin("R1", rival, held); !ok {
			b.Error("the rival does not get it")
		}
		b.mark("R1", rival, held, upToDate(1))
		if b.end("R1", rival, true) {
			b.Error("there is more")
		}
	}},
	{name: "while a delivery is under way no other is queued, and its end looks for what came", test: func(b *bench) {
		const lease = 9 * time.Second // ends soon enough for a commit to rely on it
		b.opened("R1", "role 1", never)
		b.drain()
		b.begin("R1", worker, lease)
		b.commit(approvals.Transition{
			RequestID: "R1", Expect: 1, Events: remark("envelope 1"), Work: []approvals.Item{execute},
		})
		b.same("queued", b.drain(), []approvals.Item{execute})
		b.mark("R1", worker, lease, upToDate(1))
		if !b.end("R1", worker, false) {
			b.Error("what came in meanwhile is not told")
		}
		b.mark("R1", worker, lease, upToDate(2))
		b.end("R1", worker, false)
		b.commit(approvals.Transition{RequestID: "R1", Expect: 2, Events: remark("envelope 2")})
		b.same("queued after its end", b.drain(), []approvals.Item{deliver("R1")})
	}},
	{name: "a delivery whose worker died is queued when its lease ends", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		b.begin("R1", worker, b.span)
		b.mark("R1", worker, 2*b.span, approvals.Delivery{})
		for range 2 { // the second is of the lease that a look found longer
			b.Advance(b.span + b.span/2)
			b.promote()
			b.same("queued", b.drain(), []approvals.Item{deliver("R1")})
			b.begin("R1", rival, b.span)
		}
	}},
	{name: "what a delivery leaves is queued once, at its time", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		soon := min(b.span, 9*time.Second)
		for again, queued := range map[time.Duration][]approvals.Item{soon: {deliver("R1")}, 0: nil} {
			b.begin("R1", worker, held)
			if more, err := b.Store.EndDelivery(b.ctx, "R1", worker, upToDate(0),
				approvals.Then{Force: true, Again: again}); err != nil || !more {
				b.Errorf("%v, %v", more, err)
			}
			b.same("told", func() approvals.Delivery { d, _ := b.Store.Delivered(b.ctx, "R1"); return d }(), upToDate(0))
			if queued != nil {
				b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 1")})
			}
			b.Advance(b.span)
			b.promote()
			b.same("queued", b.drain(), queued)
		}
	}},
	{name: "a delivery leaves the log alone", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		_, before := b.load("R1")
		b.begin("R1", worker, time.Second)
		b.mark("R1", worker, time.Second, upToDate(1))
		b.end("R1", worker, false)
		_, after := b.load("R1")
		b.same("the log", after, before)
	}},
}
