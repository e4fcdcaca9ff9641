package role

import (
	"errors"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
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
		result, err := b.roles.RevokePrepared(t.Context(), ready, r)
		if err != nil || !result.ReadBack {
			t.Fatalf("%+v, %v", result, err)
		}
		calls := b.Server.Calls("")[before:]
		if len(calls) != 2 || calls[0].Action != "PutRolePolicy" || calls[1].Action != "GetRolePolicy" {
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
		"later":            func(*Order) { time.Sleep(preparedFor + time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				ready, err := b.roles.Prepare(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				change(&r)
				before := len(b.Server.Calls("AssumeRole"))
				if _, err := b.roles.RevokePrepared(t.Context(), ready, r); err != nil {
					t.Fatal(err)
				}
				opened := b.Server.Calls("AssumeRole")[before:]
				if len(opened) != 1 || opened[0].Params["SourceIdentity"] != r.Requester || opened[0].Params["RoleSessionName"] != r.Request {
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
		r.Target.ID = "AROAANOTHERROLEXXXXXX"
		if _, err := b.roles.Prepare(t.Context(), r); !errors.Is(err, aws.ErrRoleChanged) {
			t.Errorf("another role: %v", err)
		}
		r.Target.Account = "nowhere"
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
		result, err := b.roles.RevokePrepared(t.Context(), ready, r)
		if err != nil {
			t.Fatal(err)
		}
		if now := b.Server.Now().Add(b.Config.Margin); result.Cutoff.Before(now) {
			t.Errorf("the cutoff is %v, now and the margin are %v", result.Cutoff, now)
		}
		if b.works(session) == nil {
			t.Error("a session of a moment before the write still works")
		}
	})
}
