package approvalstest

import (
	"fmt"
	"time"
)

var listing = []sentence{
	{name: "requests are listed with the newest first, all and those of a subject", test: func(b *bench) {
		for _, r := range []struct{ id, subject string }{{"R1", "role 1"}, {"R2", "role 2"}, {"R3", "role 3"}} {
			b.opened(r.id, r.subject, never)
			b.Advance(2 * time.Millisecond)
		}
		b.same("all", b.listed(b.Store.Recent(b.ctx, 10)), []string{"R3", "R2", "R1"})
		b.same("the newest two", b.listed(b.Another.Recent(b.ctx, 2)), []string{"R3", "R2"})
		b.same("of a subject", b.listed(b.Store.History(b.ctx, "role 2", 10)), []string{"R2"})
		b.same("of a subject nobody asked about", len(b.listed(b.Store.History(b.ctx, "role 9", 10))), 0)
		b.same("none asked for", len(b.listed(b.Store.Recent(b.ctx, 0))), 0)
	}},
	{
		name: "a request that is pointed at another one, or opened again, is listed once or not at all",
		test: func(b *bench) {
			b.opened("R1", "role 1", never)
			b.opened("R1", "role 1", never)
			b.same("the one under way", b.underWay("role 1"), "R1")
			b.same("all", b.listed(b.Store.Recent(b.ctx, 10)), []string{"R1"})
			b.same("of the subject", b.listed(b.Store.History(b.ctx, "role 1", 10)), []string{"R1"})
		},
	},
	{name: "the lists do not grow for ever", exact: true, test: func(b *bench) {
		for n := range 1010 {
			b.opened(fmt.Sprintf("R%04d", n), fmt.Sprintf("role %d", n), never)
			b.Advance(time.Millisecond)
		}
		all := b.listed(b.Store.Recent(b.ctx, 5000))
		b.same("how many", len(all), 1000)
		b.same("the newest and the oldest", []string{all[0], all[999]}, []string{"R1009", "R0010"})
	}},
}

func (b *bench) listed(ids []string, err error) []string {
	b.Helper()
	if err != nil {
		b.Fatalf("list requests: %v", err)
	}
	return ids
}
