package handlers_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
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
	b := intruder{bench.New(t, bench.Options{
		ErrorsAllowed: true, Replicas: 1 + dice.IntN(2),
		Guard: []time.Duration{time.Minute, 4 * time.Minute, 8 * time.Minute},
	})}
	var did []string
	strike := func(card bench.Card) {
		for range 1 + dice.IntN(3) {
			kind := dice.IntN(len(rewrites))
			did = append(did, rewrites[kind].name)
			rewrites[kind].do(b, card, dice)
		}
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
	case applied && onRole(b.Bench) == "" && !alarmed:
		report("the policy is gone without an alarm")
	}
	for _, c := range b.Cards() {
		text := c.Message().Text
		if strings.HasPrefix(text, "Applied") && b.Puts() == 0 {
			report("the card says " + text)
		}
	}
}

var rewrites = []struct {
	name string
	do   func(b intruder, card bench.Card, dice *rand.Rand)
}{
	{"cut the log", func(b intruder, card bench.Card, dice *rand.Rand) {
		log := b.logOf(card.ID)
		if len(log) > 0 {
			b.setLog(card.ID, approvals.StateApproved, log[:dice.IntN(len(log))]...)
		}
	}},
	{"cut the log back to the approval", func(b intruder, card bench.Card, _ *rand.Rand) {
		if log := b.logOf(card.ID); len(log) > 2 {
			b.setLog(card.ID, approvals.StateApproved, log[:2]...)
			b.execute(card.ID)
		}
	}},
	{"change a field of an event", func(b intruder, card bench.Card, dice *rand.Rand) {
		log := b.logOf(card.ID)
		if len(log) == 0 {
			return
		}
		field := []string{"type", "at", "by", "source", "detail", "seal"}[dice.IntN(6)]
		log[dice.IntN(len(log))].Values[field] = []string{"", "1", "approved", actors.Bob, "{}", "x:y:z"}[dice.IntN(6)]
		b.setLog(card.ID, approvals.StateOpen, log...)
	}},
	{"append an event", func(b intruder, card bench.Card, dice *rand.Rand) {
		log := b.logOf(card.ID)
		if len(log) == 0 {
			return
		}
		copied := log[dice.IntN(len(log))]
		copied.ID = fmt.Sprintf("%d-0", len(log)+1+dice.IntN(2))
		b.setLog(card.ID, approvals.StateApproved, append(log, copied)...)
	}},
	{"make the log no log", func(b intruder, card bench.Card, _ *rand.Rand) {
		b.DB.Set(b.T.Context(), tag+"log:"+card.ID, "?", 0)
	}},
	{"delete the log", func(b intruder, card bench.Card, _ *rand.Rand) {
		b.DB.Del(b.T.Context(), tag+"log:"+card.ID, tag+"request:"+card.ID)
	}},
	{"write the hash", func(b intruder, card bench.Card, dice *rand.Rand) {
		b.DB.HSet(b.T.Context(), tag+"request:"+card.ID, "seq", dice.IntN(100), "state", "applied", "deadline", 1,
			"ended", 1, "source:expire "+card.ID, "2 expired")
	}},
	{"delete the hash", func(b intruder, card bench.Card, _ *rand.Rand) {
		b.DB.Del(b.T.Context(), tag+"request:"+card.ID)
	}},
	{"delete the timers", func(b intruder, _ bench.Card, _ *rand.Rand) { b.DB.Del(b.T.Context(), tag+"due") }},
	{"put the timers off", func(b intruder, _ bench.Card, _ *rand.Rand) {
		for _, item := range b.timers() {
			b.DB.ZIncrBy(b.T.Context(), tag+"due", 1e12, item)
		}
	}},
	{"bring the timers forward", func(b intruder, _ bench.Card, _ *rand.Rand) {
		for _, item := range b.timers() {
			b.DB.ZIncrBy(b.T.Context(), tag+"due", -1e12, item)
		}
	}},
	{"queue the timers again", func(b intruder, _ bench.Card, _ *rand.Rand) {
		for _, item := range b.timers() {
			b.enqueue(item)
		}
	}},
	{"queue work by hand", func(b intruder, card bench.Card, dice *rand.Rand) {
		kind := []string{"execute", "guard", "evidence", "undone", "inert", "culprit", "remind", "x"}[dice.IntN(8)]
		b.queue(approvals.Item{Kind: kind, Request: card.ID, Source: "by hand"})
		b.enqueue("{half")
	}},
	{"make other keys of another kind", func(b intruder, card bench.Card, dice *rand.Rand) {
		all := []string{"due", "unchained", "recent", "notes", "aside", "delivery:" + card.ID, "limit:click by " + actors.Bob}
		b.DB.Set(b.T.Context(), tag+all[dice.IntN(len(all))], "?", 0)
	}},
	{"write the lists", func(b intruder, card bench.Card, dice *rand.Rand) {
		for _, key := range append(b.DB.Keys(b.T.Context(), tag+"history:*").Val(), tag+"recent") {
			if dice.IntN(2) == 0 {
				b.DB.Del(b.T.Context(), key)
			}
			b.DB.ZAdd(b.T.Context(), key, redis.Z{Score: 1e13, Member: "NOBODY"})
		}
	}},
	{"write the key of the role", func(b intruder, _ bench.Card, dice *rand.Rand) {
		for _, key := range b.DB.Keys(b.T.Context(), tag+"open:*").Val() {
			if dice.IntN(2) == 0 {
				b.DB.Del(b.T.Context(), key)
			} else {
				b.DB.Set(b.T.Context(), key, "NOBODY", 0)
			}
		}
	}},
	{"write the delivery", func(b intruder, card bench.Card, dice *rand.Rand) {
		field := []string{"card", "card_seq", "cursor", "part", "intent", "living", "until"}[dice.IntN(7)]
		b.DB.HSet(b.T.Context(), tag+"delivery:"+card.ID, field, []string{"", "999", "x", "99999999999999"}[dice.IntN(4)])
	}},
	{"delete the delivery", func(b intruder, card bench.Card, _ *rand.Rand) {
		b.DB.Del(b.T.Context(), tag+"delivery:"+card.ID)
	}},
	{"fill the limits", func(b intruder, _ bench.Card, dice *rand.Rand) {
		for n := range dice.IntN(100) {
			for _, name := range []string{"click by " + actors.Bob, "command by " + actors.Rosa} {
				b.DB.SAdd(b.T.Context(), tag+"limit:"+name, n)
			}
		}
	}},
	{"empty what waits for the audit log", func(b intruder, _ bench.Card, _ *rand.Rand) {
		b.DB.Del(b.T.Context(), tag+"unchained")
	}},
}

// logOf is a log that may be none any more.
func (i intruder) logOf(id string) []redis.XMessage {
	entries, _ := i.DB.XRange(i.T.Context(), tag+"log:"+id, "-", "+").Result()
	return entries
}
