package step

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// What package role is not told, it cannot write.
func TestAnOrderOfAnUnknownPurposeAndAnUndoOfNothingHaveNothingToWrite(t *testing.T) {
	t.Parallel()
	q := Requests{Measures: measures.All()}
	c := messages.Context{Undo: &record.Undoing{}}
	c.Role.Name, c.Role.ID = "DeployRole", "AROA1"
	for _, purpose := range []approvals.Purpose{
		approvals.PurposeUnknown, "nonsense", "undo:nonsense", approvals.Revoke.Undo(),
	} {
		o := q.Order(approvals.Request{ID: "R1", Purpose: purpose}, c)
		if o.Measure != nil && len(o.Measure.Places(contain.Target{})) > 0 {
			t.Errorf("for %q: %+v", purpose, o)
		}
	}
	o := q.Order(approvals.Request{ID: "R1", Purpose: approvals.Revoke.Do()}, c)
	if o.Principal.ID != "AROA1" || len(o.Measure.Places(o.Target)) != 1 || o.Mode != role.Do {
		t.Errorf("for a revocation: %+v", o)
	}
}

// A replica of a version that knows no drills takes one for a revocation: it finds no role to write
// to.
func TestTheFactsOfADrillHoldNoRoleForCodeThatTakesItForARevocation(t *testing.T) {
	t.Parallel()
	s := Requests{Measures: measures.All(), Margin: 30 * time.Second}
	role := record.Role{Role: role.Role{Principal: contain.Principal{
		AccountName: "prod", Name: "DeployRole", ARN: "arn:aws:iam::111122223333:role/DeployRole", ID: "AROA1",
	}}}
	facts, err := json.Marshal(record.Facts{Drill: &role})
	if err != nil {
		t.Fatal(err)
	}
	r := approvals.Request{ID: "R1", Purpose: approvals.Revoke.Drill(), Subject: approvals.Subject{Facts: facts}}
	if c, err := s.Context(r); err != nil || c.Role.ID != "AROA1" || !c.Drill {
		t.Errorf("of the drill: %+v, %v", c, err)
	}
	r.Purpose = approvals.Revoke.Do()
	if c, err := s.Context(r); err != nil || c.Role.ID != "" || c.Role.AccountName != "" || c.Role.ARN != "" || c.Drill {
		t.Errorf("of a revocation: %+v, %v", c, err)
	}
	// And the other way round: the facts of a revocation are none of a drill.
	if r.Subject.Facts, err = json.Marshal(record.Facts{Role: role}); err != nil {
		t.Fatal(err)
	}
	r.Purpose = approvals.Revoke.Drill()
	if _, err := s.Context(r); err == nil {
		t.Error("a drill without a role is none")
	}
}

func TestSessionsReviveOnlyWhereOneThatIsDeniedCanBeAlive(t *testing.T) {
	t.Parallel()
	cutoff := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	until := cutoff.Add(time.Hour)
	for name, c := range map[string]struct {
		now, cutoff, restored time.Time
		want                  bool
	}{
		"a second before the moment":        {until.Add(-time.Second), cutoff, time.Time{}, true},
		"at the moment":                     {until, cutoff, time.Time{}, false},
		"at a time that is not known":       {time.Time{}, cutoff, time.Time{}, true},
		"an earlier deny comes back":        {cutoff, cutoff, cutoff.Add(-time.Hour), true},
		"the deny that comes back is equal": {cutoff, cutoff, cutoff, false},
		"there is no deny that works":       {cutoff, time.Time{}, time.Time{}, false},
	} {
		if got := revives(record.Undoing{Cutoff: c.cutoff, RevivesUntil: until}, c.restored, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
