package role

import (
	"errors"
	"slices"
	"testing"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// look reads the role as somebody who asks for an undo has it read.
func (b *bench) look(name string, m contain.Measure) (Look, error) {
	b.T.Helper()
	target, err := b.Cloud.Parse(name)
	if err != nil {
		b.T.Fatal(err)
	}
	return b.roles.Look(b.T.Context(), target, m)
}

func TestALookSaysWhatAnUndoWouldDoAndTouchesNothing(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		before := awsbench.DenyAt("1999-12-31T00:00:00.000Z")
		r, done := b.revoked(before)
		touched := writes(b)
		look, err := b.look("prod/Deploy", undo(r, done.book.all).Measure)
		if err != nil || look.Role.ID != r.Principal.ID || look.Done() || look.Refused != nil ||
			look.Now.Before(b.Server.Now()) {
			t.Fatalf("got %+v, %v", look, err)
		}
		if !slices.Equal(look.There, []contain.Document{done.There}) ||
			!slices.Equal(look.Wanted, []contain.Document{text(before)}) {
			t.Errorf("got %+v", look)
		}
		again, err := b.look("prod/Deploy",
			undo(r, []contain.Change{{Slot: text("").Slot, Before: done.There.Text, After: before}}).Measure)
		if err != nil || !again.Done() || !slices.Equal(again.There, []contain.Document{done.There}) {
			t.Errorf("what is as it should be: %+v, %v", again, err)
		}
		others, err := b.look("prod/Deploy", undo(r, []contain.Change{{Slot: text("").Slot, After: before}}).Measure)
		if err != nil || others.Done() || !errors.Is(others.Refused, contain.ErrNotOurs) || others.There[0] != done.There {
			t.Errorf("what is not the bot's: %+v, %v", others, err)
		}
		alone, err := b.look("prod/Deploy", nil)
		if err != nil || alone.Role.ID != r.Principal.ID || alone.There != nil {
			t.Errorf("the role alone: %+v, %v", alone, err)
		}
		if n := writes(b) - touched; n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestALookToUndoRefusesWhatIsNotToBeTouched(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/o*s/"})
		b.Role(standin.RoleSpec{Name: "break-glass-1"})
		for name, reason := range map[string]string{
			"prod/break-glass-1":   "is protected by the configuration",
			"prod/revokebot-spoke": "lock revokebot out",
			"arn:aws:iam::" + awsbench.ProdID + ":role/elsewhere/Deploy": "has the path",
		} {
			_, err := b.look(name, contain.Revoke())
			if !refusedFor(err, reason) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := b.look("prod/Nobody", nil); !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("a role that is not there: %v", err)
		}
		if _, err := b.roles.Look(t.Context(), aws.Target{Account: aws.Account{Name: "nobody"}},
			contain.Revoke()); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}
