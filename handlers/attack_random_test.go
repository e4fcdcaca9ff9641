package handlers_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/rewrites"
)

var attacks = flag.Int("attacks", 4, "how many random rewrites of Redis are tried; the long form is 300")

// Whatever an attacker without the key writes into Redis: nothing is written to AWS without an
// approval, or again and again. No approved revocation and no guard is lost without an alarm. The
// card says what is so.
func TestRandomRewritesOfRedisWriteNothingLoseNothingAndAreNotSilent(t *testing.T) {
	t.Parallel()
	for n := range *attacks {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rewriteAtRandom(t, rand.New(rand.NewPCG(uint64(n), 20))) })
		})
	}
}

func rewriteAtRandom(t *testing.T, dice *rand.Rand) {
	b := bench.New(t, bench.Options{
		ErrorsAllowed: true, Replicas: 1 + dice.IntN(2),
		Guard: []time.Duration{time.Minute, 4 * time.Minute, 8 * time.Minute},
	})
	var did []string
	strike := func(card bench.Card) {
		a := rewrites.Target{DB: b.DB, Request: card.ID, People: []string{actors.Rosa, actors.Bob}, Dice: dice}
		did = append(did, a.Strike(t.Context())...)
	}
	card := b.Ask()
	card.CaughtUp()
	approved, when := dice.IntN(4) > 0, dice.IntN(3)
	if when == 0 {
		strike(card)
		time.Sleep(time.Duration(dice.IntN(3000)) * time.Millisecond)
	}
	applied := false
	if approved {
		card.PressLate(actors.Bob, "revokebot_approve")
		if when == 1 {
			time.Sleep(time.Duration(dice.IntN(30)) * time.Millisecond)
			strike(card)
		}
		time.Sleep(10 * time.Second)
		applied = b.Puts() > 0
		if when == 2 {
			strike(card)
		}
	}
	if applied && dice.IntN(2) == 0 {
		_ = b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy)
	}
	time.Sleep(25 * time.Minute)
	b.Settle()

	alarmed := b.Log.Has("level=ERROR") || b.Log.Has("done by a sweep")
	told := len(b.Whispers(actors.Bob)) > 0 || alarmed
	report := func(what string) {
		t.Errorf("%s; after %s (approved %v, when %d)\n%s\n%s", what, strings.Join(did, ", "), approved, when,
			b.Transcript(), b.Log)
	}
	switch writes := b.Puts(); {
	case !approved && writes > 0:
		report("written without an approval")
	case writes > 6:
		report(fmt.Sprintf("%d writes", writes))
	case approved && !applied && !told:
		report("an approved revocation is lost without a word")
	case applied && onRole(b) == "" && !alarmed:
		report("the policy is gone without an alarm")
	}
	for _, c := range b.Cards() {
		text := c.Message().Text
		if strings.Contains(text, "*Revoked:*") && b.Puts() == 0 {
			report("the card says " + text)
		}
	}
}
