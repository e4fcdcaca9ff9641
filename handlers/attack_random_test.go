package handlers_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
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
			synctest.Test(t, func(t *testing.T) {
				rewriteAtRandom(t, attackedMeasures[n%len(attackedMeasures)], rand.New(rand.NewPCG(uint64(n), 20)))
			})
		})
	}
}

// attacked is a measure that is asked for under attack.
type attacked struct {
	ask    func(b *bench.Bench) bench.Card
	there  func(b *bench.Bench) bool
	remove func(b *bench.Bench) // as the attacker in the account does
	writes func(b *bench.Bench) int
	done   string // what its card says when it was written
}

var attackedMeasures = []attacked{
	{
		func(b *bench.Bench) bench.Card { return b.Ask() },
		func(b *bench.Bench) bool { return onRole(b) != "" },
		func(b *bench.Bench) { _ = b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy) },
		(*bench.Bench).Puts, "*Revoked:*",
	},
	{
		func(b *bench.Bench) bench.Card { return b.AskFor(actors.Rosa, narrow) },
		func(b *bench.Bench) bool { return restricted(b) != "" },
		func(b *bench.Bench) { _ = b.World.Prod.DeleteRolePolicy(actors.DeployRole, contain.KnownPolicy) },
		(*bench.Bench).Puts, "*Restricted:*",
	},
	{
		func(b *bench.Bench) bench.Card {
			return b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted in a gist")
		},
		func(b *bench.Bench) bool {
			return userPolicy(b, ciUser) != "" && keyStatus(b, ciUser, b.World.CI.AccessKeyID) == "Inactive"
		},
		func(b *bench.Bench) {
			_ = b.World.Prod.DeleteUserPolicy(ciUser, "RevokebotOlderSessions")
			_ = b.World.Prod.SetKeyStatus(ciUser, b.World.CI.AccessKeyID, "Active")
		},
		func(b *bench.Bench) int {
			return max(len(b.AWS.Calls("PutUserPolicy")), len(b.AWS.Calls("UpdateAccessKey")))
		}, "*Revoked:*",
	},
}

func rewriteAtRandom(t *testing.T, m attacked, dice *rand.Rand) {
	b := bench.New(t, bench.Options{
		ErrorsAllowed: true, Replicas: 1 + dice.IntN(2),
		Guard: []time.Duration{time.Minute, 4 * time.Minute, 8 * time.Minute},
	})
	var did []string
	strike := func(card bench.Card) {
		a := rewrites.Target{DB: b.DB, Request: card.ID, People: []string{actors.Rosa, actors.Bob}, Dice: dice}
		did = append(did, a.Strike(t.Context())...)
	}
	card := m.ask(b)
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
		applied = m.writes(b) > 0
		if when == 2 {
			strike(card)
		}
	}
	if applied && dice.IntN(2) == 0 {
		m.remove(b)
	}
	time.Sleep(25 * time.Minute)
	b.Settle()

	alarmed := b.Log.Has("level=ERROR") || b.Log.Has("done by a sweep")
	told := len(b.Whispers(actors.Bob)) > 0 || alarmed
	report := func(what string) {
		t.Errorf("%s; after %s (approved %v, when %d)\n%s\n%s", what, strings.Join(did, ", "), approved, when,
			b.Transcript(), b.Log)
	}
	switch writes := m.writes(b); {
	case !approved && writes > 0:
		report("written without an approval")
	case writes > 6:
		report(fmt.Sprintf("%d writes", writes))
	case approved && !applied && !told:
		report("an approved revocation is lost without a word")
	case applied && !m.there(b) && !alarmed:
		report("the policy is gone without an alarm")
	}
	for _, c := range b.Cards() {
		text := c.Message().Text
		if strings.Contains(text, m.done) && m.writes(b) == 0 {
			report("the card says " + text)
		}
	}
}
