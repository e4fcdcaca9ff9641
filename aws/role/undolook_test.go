package role

import (
	"errors"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// look reads the role as somebody who asks for an undo has it read.
func (b *bench) look(name string) (UndoLook, error) {
	b.T.Helper()
	target, err := b.Cloud.Parse(name)
	if err != nil {
		b.T.Fatal(err)
	}
	return b.roles.LookToUndo(b.T.Context(), target)
}

func TestALookSaysWhatAnUndoWouldDoAndTouchesNothing(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		before := awsbench.DenyAt("1999-12-31T00:00:00.000Z")
		r, done := b.revoked(before)
		writes := len(b.Server.Calls("PutRolePolicy"))
		look, err := b.look("prod/Deploy")
		if err != nil || look.Role.ID != r.Target.ID || look.Document != done.Document || !look.Role.ExistingCutoff.Equal(done.Cutoff) {
			t.Fatalf("got %+v, %v", look, err)
		}
		plan, finished, err := look.Plan(done.Document, before)
		if err != nil || finished || plan.Restores != before || plan.Document != done.Document || !plan.Cutoff.Equal(done.Cutoff) ||
			!plan.RevivesUntil.Equal(done.Cutoff.Add(12*time.Hour)) || plan.ServerTime.IsZero() || !plan.Revives() {
			t.Errorf("planned %+v, %v, %v", plan, finished, err)
		}
		if _, finished, err := look.Plan("{}", done.Document); err != nil || !finished {
			t.Errorf("what is as it should be: %v, %v", finished, err)
		}
		if _, finished, err := look.Plan(before, ""); !errors.Is(err, aws.ErrNotOurs) || finished {
			t.Errorf("what is not the bot's: %v, %v", finished, err)
		}
		if n := len(b.Server.Calls("PutRolePolicy")) + len(b.Server.Calls("DeleteRolePolicy")) - writes; n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestALookToUndoRefusesWhatIsNotToBeTouched(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/o*s/"})
		b.Role(standin.RoleSpec{Name: "break-glass-1"})
		for name, reason := range map[string]string{
			"prod/break-glass-1":   aws.RefusedProtected,
			"prod/revokebot-spoke": aws.RefusedOwnRole,
			"arn:aws:iam::" + awsbench.ProdID + ":role/elsewhere/Deploy": aws.RefusedOtherPath,
		} {
			_, err := b.look(name)
			if refused, ok := errors.AsType[*aws.RefusedError](err); !ok || refused.Reason != reason {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := b.look("prod/Nobody"); !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("a role that is not there: %v", err)
		}
		if _, err := b.roles.LookToUndo(t.Context(), aws.Target{Account: aws.Account{Name: "nobody"}}); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

func TestSessionsReviveOnlyWhereOneThatIsDeniedCanBeAlive(t *testing.T) {
	cutoff := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	until := cutoff.Add(time.Hour)
	for name, c := range map[string]struct {
		plan UndoPlan
		want bool
	}{
		"a second before the moment":        {UndoPlan{Cutoff: cutoff, RevivesUntil: until, ServerTime: until.Add(-time.Second)}, true},
		"at the moment":                     {UndoPlan{Cutoff: cutoff, RevivesUntil: until, ServerTime: until}, false},
		"at a time that is not known":       {UndoPlan{Cutoff: cutoff, RevivesUntil: until}, true},
		"an earlier deny comes back":        {UndoPlan{Cutoff: cutoff, RevivesUntil: until, ServerTime: cutoff, RestoreCutoff: cutoff.Add(-time.Hour)}, true},
		"the deny that comes back is equal": {UndoPlan{Cutoff: cutoff, RevivesUntil: until, ServerTime: cutoff, RestoreCutoff: cutoff}, false},
		"there is no deny that works":       {UndoPlan{RevivesUntil: until, ServerTime: cutoff}, false},
	} {
		if got := c.plan.Revives(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
