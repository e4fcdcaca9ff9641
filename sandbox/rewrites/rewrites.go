// Package rewrites is what an attacker does who can write to Redis, knows how the bot keeps things
// there, and lacks only the signing key. The tests of package handlers and of sandbox/crash let the
// attacker loose on a bot, and say what must not come of it.
package rewrites

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tag is what every key begins with.
const Tag = "{revokebot}:"

// Target is a request that is attacked.
type Target struct {
	DB      *redis.Client
	Request string
	People  []string // who asked, and who approves
	Dice    *rand.Rand
}

// Rewrite is one thing that the attacker does. That Redis refuses it is no failure.
type Rewrite struct {
	Name string
	Do   func(ctx context.Context, a Target)
}

// Strike does one to three rewrites at random, and names them.
func (a Target) Strike(ctx context.Context) (did []string) {
	all := All()
	for range 1 + a.Dice.IntN(3) {
		r := all[a.Dice.IntN(len(all))]
		did = append(did, r.Name)
		r.Do(ctx, a)
	}
	return did
}

func (a Target) logKey() string  { return Tag + "log:" + a.Request }
func (a Target) hashKey() string { return Tag + "request:" + a.Request }

// log is a log that may be none any more.
func (a Target) log(ctx context.Context) []redis.XMessage {
	return a.DB.XRange(ctx, a.logKey(), "-", "+").Val()
}

// setLog replaces the log, with the hash that goes with it.
func (a Target) setLog(ctx context.Context, state string, entries ...redis.XMessage) {
	a.DB.Del(ctx, a.logKey(), a.hashKey())
	for _, e := range entries {
		a.DB.XAdd(ctx, &redis.XAddArgs{Stream: a.logKey(), ID: e.ID, Values: e.Values})
		seq, _, _ := strings.Cut(e.ID, "-")
		a.DB.HSet(ctx, a.hashKey(), "seq", seq, "state", state)
	}
}

func (a Target) enqueue(ctx context.Context, body string) {
	a.DB.XAdd(ctx, &redis.XAddArgs{Stream: Tag + "work", Values: []any{"item", body}})
}

func (a Target) queue(ctx context.Context, kind, source string) {
	body, _ := json.Marshal(map[string]string{"kind": kind, "request": a.Request, "source": source})
	a.enqueue(ctx, string(body))
}

func (a Target) timers(ctx context.Context) []string {
	return a.DB.ZRange(ctx, Tag+"due", 0, -1).Val() // none if it is another kind of key by now
}

func (a Target) pick(all ...string) string { return all[a.Dice.IntN(len(all))] }

// All is all that the attacker does.
func All() []Rewrite {
	return []Rewrite{
		{"cut the log", func(ctx context.Context, a Target) {
			if log := a.log(ctx); len(log) > 0 {
				a.setLog(ctx, "approved", log[:a.Dice.IntN(len(log))]...)
			}
		}},
		{"cut the log back to the approval", func(ctx context.Context, a Target) {
			if log := a.log(ctx); len(log) > 2 {
				a.setLog(ctx, "approved", log[:2]...)
				a.queue(ctx, "execute", "execute "+a.Request)
			}
		}},
		{"change a field of an event", func(ctx context.Context, a Target) {
			log := a.log(ctx)
			if len(log) == 0 {
				return
			}
			field := a.pick("type", "at", "by", "source", "detail", "seal")
			log[a.Dice.IntN(len(log))].Values[field] = a.pick("", "1", "approved", a.pick(a.People...), "{}", "x:y:z")
			a.setLog(ctx, "open", log...)
		}},
		{"append an event", func(ctx context.Context, a Target) {
			log := a.log(ctx)
			if len(log) == 0 {
				return
			}
			copied := log[a.Dice.IntN(len(log))]
			copied.ID = fmt.Sprintf("%d-0", len(log)+1+a.Dice.IntN(2))
			a.setLog(ctx, "approved", append(log, copied)...)
		}},
		{"make the log no log", func(ctx context.Context, a Target) { a.DB.Set(ctx, a.logKey(), "?", 0) }},
		{"delete the log", func(ctx context.Context, a Target) { a.DB.Del(ctx, a.logKey(), a.hashKey()) }},
		{"write the hash", func(ctx context.Context, a Target) {
			a.DB.HSet(ctx, a.hashKey(), "seq", a.Dice.IntN(100), "state", "applied", "deadline", 1, "ended", 1,
				"source:expire "+a.Request, "2 expired")
		}},
		{"delete the hash", func(ctx context.Context, a Target) { a.DB.Del(ctx, a.hashKey()) }},
		{"delete the timers", func(ctx context.Context, a Target) { a.DB.Del(ctx, Tag+"due") }},
		{"put the timers off", func(ctx context.Context, a Target) {
			for _, item := range a.timers(ctx) {
				a.DB.ZIncrBy(ctx, Tag+"due", 1e12, item)
			}
		}},
		{"bring the timers forward", func(ctx context.Context, a Target) {
			for _, item := range a.timers(ctx) {
				a.DB.ZIncrBy(ctx, Tag+"due", -1e12, item)
			}
		}},
		{"queue the timers again", func(ctx context.Context, a Target) {
			for _, item := range a.timers(ctx) {
				a.enqueue(ctx, item)
			}
		}},
		{"queue work by hand", func(ctx context.Context, a Target) {
			a.queue(ctx, a.pick("execute", "guard", "evidence", "undone", "policy_expired", "tampered_by", "remind", "x"),
				"by hand")
			a.enqueue(ctx, "{half")
		}},
		{"make other keys of another kind", func(ctx context.Context, a Target) {
			a.DB.Set(ctx, Tag+a.pick("due", "unchained", "recent", "notes", "parked", "policies", "delivery:"+a.Request,
				"limit:click by "+a.pick(a.People...)), "?", 0)
		}},
		{"write the lists", func(ctx context.Context, a Target) {
			for _, key := range append(a.DB.Keys(ctx, Tag+"history:*").Val(), Tag+"recent", Tag+"policies") {
				if a.Dice.IntN(2) == 0 {
					a.DB.Del(ctx, key)
				}
				a.DB.ZAdd(ctx, key, redis.Z{Score: 1e13, Member: "NOBODY"})
			}
		}},
		{"write the key of the role", func(ctx context.Context, a Target) {
			for _, key := range a.DB.Keys(ctx, Tag+"open:*").Val() {
				if a.Dice.IntN(2) == 0 {
					a.DB.Del(ctx, key)
				} else {
					a.DB.Set(ctx, key, "NOBODY", 0)
				}
			}
		}},
		{"write the delivery", func(ctx context.Context, a Target) {
			field := a.pick("card", "card_seq", "cursor", "part", "intent", "posted", "until")
			a.DB.HSet(ctx, Tag+"delivery:"+a.Request, field, a.pick("", "999", "x", "99999999999999"))
		}},
		{"delete the delivery", func(ctx context.Context, a Target) { a.DB.Del(ctx, Tag+"delivery:"+a.Request) }},
		{"fill the limits", func(ctx context.Context, a Target) {
			for n := range a.Dice.IntN(100) {
				for _, who := range a.People {
					for _, name := range []string{"click by ", "command by ", "cards of "} {
						a.DB.Append(ctx, Tag+"limit:"+name+who, fmt.Sprintln(n))
					}
				}
			}
		}},
		{"empty what waits for the audit log", func(ctx context.Context, a Target) { a.DB.Del(ctx, Tag+"unchained") }},
		{"say that an act is in the log already", func(ctx context.Context, a Target) {
			for _, e := range a.DB.XRange(ctx, Tag+"work", "-", "+").Val() {
				var item struct{ Source string }
				if text, ok := e.Values["item"].(string); ok && json.Unmarshal([]byte(text), &item) == nil {
					a.DB.HSet(ctx, a.hashKey(), "source:"+item.Source, "2 denied")
				}
			}
		}},
		{"give a stream an id far ahead", func(ctx context.Context, a Target) {
			key, id := Tag+a.pick("work", "unchained", "notes", "parked", "audit", "log:"+a.Request), "9999999999999-1"
			a.DB.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: id, Values: []any{"item", "{}"}})
			if a.Dice.IntN(2) == 0 {
				a.DB.XDel(ctx, key, id)
			}
		}},
		{"move the group", func(ctx context.Context, a Target) {
			a.DB.XGroupSetID(ctx, Tag+"work", "bot", a.pick("0", "$", "9999999999999-1"))
		}},
		{"set a timer that never comes", func(ctx context.Context, a Target) {
			a.DB.ZAdd(ctx, Tag+"due", redis.Z{Score: math.Inf(1 - 2*a.Dice.IntN(2)), Member: "?"})
		}},
		{"queue for the audit log at another time", func(ctx context.Context, a Target) {
			for _, e := range a.log(ctx) {
				e.Values["request"], e.Values["at"] = a.Request, time.Now().Add(-30*24*time.Hour).UnixMilli()
				a.DB.XAdd(ctx, &redis.XAddArgs{Stream: Tag + "unchained", Values: e.Values})
			}
		}},
	}
}
