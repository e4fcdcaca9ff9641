package handlers

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/record"
)

// Whatever code a bug brings it to: of a drill package aws is told of no revocation.
func TestOnlyARequestForARevocationIsOneForPackageAWS(t *testing.T) {
	t.Parallel()
	of := record.Role{Account: "prod", Name: "DeployRole", ARN: "arn:aws:iam::111122223333:role/DeployRole", ID: "AROA1"}
	for _, purpose := range []approvals.Purpose{approvals.PurposeUnknown, "nonsense", approvals.Revoke.Drill(), approvals.Revoke.Undo()} {
		if got := revocation(approvals.Request{ID: "R1", Purpose: purpose}, of, []string{"U0BOB"}); !reflect.DeepEqual(got, role.Order{}) {
			t.Errorf("for %q: %+v", purpose, got)
		}
	}
	if got := revocation(approvals.Request{ID: "R1", Purpose: approvals.Revoke.Do()}, of, []string{"U0BOB"}); got.Target.ID != "AROA1" {
		t.Errorf("for a revocation: %+v", got)
	}
}

// A replica of a version that knows no drills takes one for a revocation: it finds no role to write to.
func TestTheFactsOfADrillHoldNoRoleForCodeThatTakesItForARevocation(t *testing.T) {
	t.Parallel()
	h := &Handlers{Config: Config{Margin: 30 * time.Second}}
	role := record.Role{Account: "prod", Name: "DeployRole", ARN: "arn:aws:iam::111122223333:role/DeployRole", ID: "AROA1"}
	facts, err := json.Marshal(record.Facts{Drill: &role})
	if err != nil {
		t.Fatal(err)
	}
	r := approvals.Request{ID: "R1", Purpose: approvals.Revoke.Drill(), Subject: approvals.Subject{Facts: facts}}
	if c, err := h.context(r); err != nil || c.Role.ID != "AROA1" || !c.Drill {
		t.Errorf("of the drill: %+v, %v", c, err)
	}
	r.Purpose = approvals.Revoke.Do()
	if c, err := h.context(r); err != nil || c.Role.ID != "" || c.Role.Account != "" || c.Role.ARN != "" || c.Drill {
		t.Errorf("of a revocation: %+v, %v", c, err)
	}
	// And the other way round: the facts of a revocation are none of a drill.
	if r.Subject.Facts, err = json.Marshal(record.Facts{Role: role}); err != nil {
		t.Fatal(err)
	}
	r.Purpose = approvals.Revoke.Drill()
	if _, err := h.context(r); err == nil {
		t.Error("a drill without a role is none")
	}
}
