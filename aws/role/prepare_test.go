package role

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestAPreparationWritesNothingAndLeavesOneStepToTheRevocation(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Times: -1, Delay: 100 * time.Millisecond})
		started := time.Now()
		ready, err := b.roles.Prepare(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took.Round(time.Millisecond) > 200*time.Millisecond { // who the bot is was not known
			t.Errorf("it took %v", took)
		}
		if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
			t.Fatalf("%d writes", n)
		}
		before := len(b.Server.Calls(""))
		result, err := b.roles.Apply(t.Context(), ready, r)
		if err != nil || !result.Documents[0].ReadBack {
			t.Fatalf("%+v, %v", result, err)
		}
		calls := b.Server.Calls("")[before:]
		after := []string{calls[1].Action, calls[len(calls)-1].Action} // side by side
		slices.Sort(after)
		if len(calls) != 3 || calls[0].Action != "PutRolePolicy" ||
			!slices.Equal(after, []string{"GetRole", "GetRolePolicy"}) {
			t.Errorf("calls %+v", calls)
		}
	})
}

func TestAPreparationIsGoodForItsOwnRevocationAndForAFewSeconds(t *testing.T) {
	for name, change := range map[string]func(*Order){
		"another approver": func(r *Order) { r.Approvers = []string{"U0MALLORY", "U0CAROL"} },
		"one approver":     func(r *Order) { r.Approvers = r.Approvers[:1] },
		"another request":  func(r *Order) { r.Request = "req-2" },
		"another person":   func(r *Order) { r.Requester = "U0ERIN" },
		"another mode":     func(r *Order) { r.Mode = Undo },
		"other documents":  func(r *Order) { r.Measure = contain.Lock() },
		"later":            func(*Order) { time.Sleep(preparedFor + time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.mayAll()
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				ready, err := b.roles.Prepare(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				change(&r)
				before := len(b.Server.Calls("AssumeRole"))
				if _, err := b.roles.Apply(t.Context(), ready, r); err != nil {
					t.Fatal(err)
				}
				opened := b.Server.Calls("AssumeRole")[before:]
				if len(opened) != 1 || opened[0].Params["SourceIdentity"] != r.Requester ||
					opened[0].Params["RoleSessionName"] != r.Request {
					t.Errorf("sessions %+v", opened)
				}
			})
		})
	}
}

func TestAPreparationRefusesWhatARevocationRefuses(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		r.Principal.ID = "AROAANOTHERROLEXXXXXX"
		if _, err := b.roles.Prepare(t.Context(), r); !errors.Is(err, aws.ErrRoleChanged) {
			t.Errorf("another role: %v", err)
		}
		r.Measure = unknownKind{}
		if _, err := b.roles.Prepare(t.Context(), r); err == nil || !strings.Contains(err.Error(), "role_unknown") {
			t.Errorf("a kind of slot that is not known: %v", err)
		}
		r.Measure = nil
		if _, err := b.roles.Prepare(t.Context(), r); err == nil {
			t.Error("no measure")
		}
		r.Measure = contain.Revoke()
		r.Principal.AccountName = "nowhere"
		if _, err := b.roles.Prepare(t.Context(), r); err == nil {
			t.Error("an account that is not configured")
		}
	})
}

// Rule 9. The cutoff counts the time that passes after the preparation.
func TestTheCutoffOfAPreparedRevocationCountsTheTimeSince(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		ready, err := b.roles.Prepare(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(preparedFor - time.Millisecond)
		session := b.Session("Deploy")
		result, err := b.roles.Apply(t.Context(), ready, r)
		if err != nil {
			t.Fatal(err)
		}
		if now := b.Server.Now().Add(b.Config.Margin); cutoffOf(result.Documents[0].There).Before(now) {
			t.Errorf("wrote %+v, now and the margin are %v", result.Documents[0].There, now)
		}
		if b.works(session) == nil {
			t.Error("a session of a moment before the write still works")
		}
	})
}

// unknownKind is a measure of a slot that this version cannot write.
type unknownKind struct{ contain.Measure }

func (unknownKind) Places(contain.Target) [][]contain.Slot {
	return [][]contain.Slot{{{Kind: "role_unknown"}}}
}

func (unknownKind) Reads(contain.Target) []contain.Slot { return nil }
