package crash

import (
	"slices"
	"testing"
)

func TestAShotStrikesOnceAtItsTurn(t *testing.T) {
	var struck []int
	g := &gate{strike: func(replica int, _ shot) { struck = append(struck, replica) }}
	at := point{"redis", "commit", true}
	g.arm([]shot{{at: at, nth: 2}})
	var lost []bool
	for replica, p := range []point{at, {"redis", "commit", false}, {"aws", "GetRole", true}, at, at} {
		lost = append(lost, g.step(replica, p).lost)
	}
	if !slices.Equal(lost, []bool{false, false, false, true, false}) || !slices.Equal(struck, []int{3}) {
		t.Errorf("lost %v, struck %v", lost, struck)
	}
	if fired, seen := g.disarm(); len(fired) != 1 || seen[at] != 3 {
		t.Errorf("fired %v, seen %v", fired, seen)
	}
}

func TestACutLeavesTheProcessAlone(t *testing.T) {
	g := &gate{strike: func(int, shot) { t.Error("it was killed") }}
	at := point{"slack", "chat.postMessage", true}
	g.arm([]shot{{at: at, nth: 1, how: cutReply}})
	if !g.step(0, at).lost {
		t.Error("the answer came through")
	}
}

func TestAShotAtAnyStepCountsAllOfThem(t *testing.T) {
	g := &gate{strike: func(int, shot) {}}
	g.arm([]shot{{at: point{after: true}, nth: 3}})
	for i, p := range []point{
		{"redis", "take", true}, {"redis", "take", false}, {"aws", "GetRole", true}, {"slack", "ack", true},
	} {
		if got, want := g.step(0, p).lost, i == 3; got != want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func TestTheSameSeedMakesTheSamePlan(t *testing.T) {
	one, other := 0, 0
	for n := range 50 {
		a, b := newPlan(7, n, nil), newPlan(7, n, nil)
		if a.String() != b.String() {
			t.Errorf("round %d is two rounds:\n%v%v", n, a, b)
		}
		if c := newPlan(8, n, nil); a.String() == c.String() {
			one++
		}
		other++
	}
	if one == other {
		t.Error("every seed is the same")
	}
}

func TestEveryPointIsReadAsItIsWritten(t *testing.T) {
	for _, p := range points() {
		if got, err := pointOf(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	if _, err := pointOf("before breakfast"); err == nil {
		t.Error("there is no such point")
	}
}
