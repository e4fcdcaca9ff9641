package handlers_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

var ladders = flag.Int("ladders", 6, "how many random sequences of measures are tried; the long form is 500")

// Whatever people and an administrator do and undo: a document that is not the bot's stays as it
// is, what a request has in force stays in force until that request is undone, and when all are
// undone the role is what the administrator made of it.
func TestRandomSequencesOfMeasuresLoseNothingForeignAndFreeNothingThatAnotherHolds(t *testing.T) {
	t.Parallel()
	for n := range *ladders {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &rungs{
					Bench: bench.New(t, bench.Options{}), dice: rand.New(rand.NewPCG(uint64(n), 20)),
					foreign: map[contain.Slot]string{},
				}
				l.base = l.stands()
				for range 14 {
					l.step()
					l.check()
				}
				l.undoAll()
			})
		})
	}
}

const ladderRole = "web-instance"

// rungs is what a random sequence has done to a role.
type rungs struct {
	*bench.Bench
	dice    *rand.Rand
	base    map[contain.Slot]string // at first
	foreign map[contain.Slot]string // what the administrator wrote since
	done    []*rung
	log     []string
}

// rung is a measure that was carried out.
type rung struct {
	card      bench.Card
	kind      measures.Kind
	docs      []contain.Document
	undone    bool
	disturbed bool // the administrator wrote over it
	foreign   bool // it was there already, by the administrator: it is never undone
}

// stands is all that is on the role, by slot.
func (l *rungs) stands() map[contain.Slot]string {
	r, _ := l.World.Prod.Role(ladderRole)
	all := map[contain.Slot]string{{Kind: contain.RoleTrust}: r.Trust}
	for name, text := range r.Policies {
		all[contain.Slot{Kind: contain.RoleInline, Name: name}] = text
	}
	for _, arn := range r.Attached {
		all[contain.Slot{Kind: contain.RoleAttached, Name: arn}] = arn
	}
	return all
}

func (l *rungs) step() {
	time.Sleep(time.Minute) // no flood
	kinds := measures.All().For(contain.Role)
	switch n := l.dice.IntN(10); {
	case n < 5:
		l.do(kinds[l.dice.IntN(len(kinds))])
	case n < 8 && len(l.done) > 0:
		l.undo(l.done[l.dice.IntN(len(l.done))])
	default:
		l.administer()
	}
}

// do asks for a measure, and carries it out if it is not refused.
func (l *rungs) do(k measures.Kind) {
	text := string(k.Name) + " prod/" + ladderRole
	if k.Takes != nil {
		text += " " + []string{"198.51.100.0/24", "198.51.100.0/25 203.0.113.0/24", "203.0.113.0/25"}[l.dice.IntN(3)]
	}
	if card, ok := l.carryOut(func() { l.Command(actors.Rosa, text+" a test") }); ok {
		written := record.WrittenBy(card.Events())
		r := &rung{card: card, kind: k, docs: written.Stands}
		r.foreign = !slices.ContainsFunc(r.docs, func(d contain.Document) bool { return l.foreign[d.Slot] != d.Text })
		l.done = append(l.done, r)
		text += ", done"
	}
	l.log = append(l.log, text)
}

// undo presses Undo in the thread of a measure.
func (l *rungs) undo(r *rung) {
	_, ok := l.carryOut(func() {
		if _, err := l.Slack.Click(l.T.Context(), actors.Rosa, slack.Click{
			ChannelID: actors.Incident, MessageTS: r.card.TS, BlockID: "undo", ActionID: messages.ActionUndo, Value: r.card.ID,
		}); err != nil {
			l.T.Fatal(err)
		}
		l.Settle()
		for _, view := range l.Slack.Views(actors.Rosa) {
			send(l.Bench, actors.Rosa, view.ID, map[string]map[string]any{
				messages.FieldWords: {"text": messages.ReviveWords},
			})
		}
	})
	r.undone = r.undone || ok
	l.log = append(l.log, fmt.Sprintf("undo %s %s: %t", r.kind.Name, r.card.ID[:4], ok))
}

// carryOut approves what an act asks for; false if nothing came of it.
func (l *rungs) carryOut(act func()) (card bench.Card, ok bool) {
	before := len(l.Cards())
	act()
	l.Settle()
	if len(l.Cards()) == before {
		return card, false
	}
	card = l.Cards()[before]
	card.Approve(actors.Bob)
	if l.Settle(); card.State() == approvals.StateOpen { // two are needed
		card.Approve(actors.Ines)
	}
	l.Until("it ends", func() bool { return card.Request().State.Ended() })
	return card, card.State() == approvals.StateApplied
}

// administer does what an administrator can do by hand.
func (l *rungs) administer() {
	prod := l.World.Prod
	foreign := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"N%d","Effect":"Allow",`+
		`"Action":"s3:ListAllMyBuckets","Resource":"*"}]}`, l.dice.IntN(1e6))
	names := []string{"team-policy"}
	for _, r := range l.done {
		for _, d := range r.docs {
			if d.Slot.Kind == contain.RoleInline {
				names = append(names, d.Slot.Name)
			}
		}
	}
	slot := contain.Slot{Kind: contain.RoleInline, Name: names[l.dice.IntN(len(names))]}
	arn := prod.DenyAllARN()
	attached := contain.Slot{Kind: contain.RoleAttached, Name: arn}
	_, isAttached := l.stands()[attached]
	var err error
	switch n := l.dice.IntN(4); {
	case n == 0:
		_ = prod.DeleteRolePolicy(ladderRole, slot.Name)
		delete(l.foreign, slot)
	case n == 1 && isAttached:
		err, slot = prod.DetachRolePolicy(ladderRole, arn), attached
		delete(l.foreign, slot)
	case n == 1 && slices.ContainsFunc(l.done, func(r *rung) bool { return !r.undone && r.docs[0].Slot == attached }):
		return // one attachment looks like the other: the request has put it there, as the log says
	case n == 1:
		err, slot = prod.AttachRolePolicy(ladderRole, arn), attached
		l.foreign[slot] = arn
	default:
		err = prod.PutRolePolicy(ladderRole, slot.Name, foreign)
		l.foreign[slot] = foreign
	}
	if err != nil {
		l.T.Fatal(err)
	}
	for _, r := range l.done {
		r.disturbed = r.disturbed || slices.ContainsFunc(r.docs, func(d contain.Document) bool { return d.Slot == slot })
	}
	l.log = append(l.log, fmt.Sprintf("the administrator changes %s: %q", slot.Label(), l.foreign[slot]))
}

func (l *rungs) check() {
	l.T.Helper()
	there := l.stands()
	for slot, text := range l.foreign {
		if there[slot] != text {
			l.fail("the administrator's %s is now %q", slot.Label(), there[slot])
		}
	}
	for _, r := range l.done {
		for _, d := range r.docs {
			gap := r.kind.On.Gap(l.AWS.Now(), contain.Document{Slot: d.Slot, Text: there[d.Slot]}, d)
			if !r.undone && !r.disturbed && gap != contain.Covers {
				l.fail("%s %s does not hold any more: %s", r.kind.Name, r.card.ID[:4], gap)
			}
		}
	}
}

// undoAll undoes what is in force, in a random order, again and again while something comes of it.
func (l *rungs) undoAll() {
	for again := true; again; {
		again = false
		for _, i := range l.dice.Perm(len(l.done)) {
			if r := l.done[i]; !r.undone {
				time.Sleep(time.Minute)
				l.undo(r)
				l.check()
				again = again || r.undone
			}
		}
	}
	want := maps.Clone(l.base)
	maps.Copy(want, l.foreign)
	disturbed := slices.ContainsFunc(l.done, func(r *rung) bool { return !r.undone && r.disturbed })
	if there := l.stands(); !disturbed && !maps.Equal(there, want) {
		l.fail("when all is undone there is %v, and not %v", there, want)
	}
	for _, r := range l.done {
		if !r.undone && !r.disturbed && !r.foreign {
			l.fail("%s %s cannot be undone", r.kind.Name, r.card.ID[:4])
		}
	}
}

func (l *rungs) fail(format string, with ...any) {
	l.T.Helper()
	l.T.Fatalf(format+"\n%s\n%s", append(with, strings.Join(l.log, "\n"), l.Transcript())...)
}
