package actors_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const deny = "AWSRevokeOlderSessions"

func TestTheThiefWhoFightsBackRemovesTheDenyBeforeItIsEnforced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{Propagation: 4 * time.Second})
		s.cast.FightBack(true)
		time.Sleep(3 * time.Second)
		if st := s.cast.Status(actors.Thief); st.Removals != 0 || st.State != actors.GetsAnswers || !s.cast.Fighting() {
			t.Fatalf("before: %+v", st)
		}
		for range 3 {
			s.revoke(t, 30*time.Second)
			time.Sleep(600 * time.Millisecond)
			if _, there := s.world.Prod.RolePolicy(actors.DeployRole, deny); there {
				t.Error("the deny is still there after half a second")
			}
		}
		time.Sleep(time.Minute)
		st := s.cast.Status(actors.Thief)
		if st.Removals != 3 || st.State != actors.GetsAnswers {
			t.Errorf("at the end: %+v", st)
		}

		s.cast.FightBack(false)
		s.revoke(t, 30*time.Second)
		time.Sleep(time.Minute)
		if st := s.cast.Status(actors.Thief); st.State != actors.IsDenied || st.Removals != 3 || s.cast.Fighting() {
			t.Errorf("after the fight: %+v", st)
		}
		for _, c := range s.server.Calls("DeleteRolePolicy") {
			if !strings.HasSuffix(c.PrincipalARN, ":user/ci/shop-migration") {
				t.Errorf("removed by %s", c.PrincipalARN)
			}
		}
	})
}

func TestAServiceControlPolicyStopsTheThief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{Propagation: 4 * time.Second})
		err := s.world.Prod.SetSCP(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["iam:PutRolePolicy",` +
			`"iam:DeleteRolePolicy"],` +
			`"Resource":"` + s.world.Role + `","Condition":{"ArnNotLike":{"aws:PrincipalArn":"` + s.world.Spokes["prod"] +
			`"}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		s.cast.FightBack(true)
		s.revoke(t, 10*time.Second)
		time.Sleep(time.Minute)
		st := s.cast.Status(actors.Thief)
		if st.State != actors.IsDenied || st.Removals != 0 {
			t.Errorf("at the end: %+v", st)
		}
		shown := 0
		for _, l := range s.cast.Lines(actors.Thief) {
			if l.Outcome == actors.Fought {
				shown++
				if !strings.HasSuffix(l.Output, "with an explicit deny in a service control policy") {
					t.Errorf("the terminal shows %q", l.Output)
				}
			}
		}
		if shown != 1 {
			t.Errorf("the same answer was shown %d times", shown)
		}
		if _, err := s.cast.ConsoleOverwrite(t.Context()); err == nil ||
			!strings.Contains(err.Error(), "service control policy") {
			t.Errorf("the administrator's overwrite: %v", err)
		}
		if err := s.cast.ConsoleRemove(t.Context()); err == nil || !strings.Contains(err.Error(), "service control policy") {
			t.Errorf("the administrator's removal: %v", err)
		}
	})
}

func TestTheConsoleRevivesTheSessionsOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{ClockOffset: -4 * time.Minute})
		time.Sleep(2 * time.Second)
		s.revoke(t, 0)
		time.Sleep(3 * time.Second)
		if st := s.cast.Status(actors.Thief); st.State != actors.IsDenied {
			t.Fatalf("before: %+v", st)
		}
		cutoff, err := s.cast.ConsoleOverwrite(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		there, _ := s.world.Prod.RolePolicy(actors.DeployRole, deny)
		if want := s.server.Now().Add(-time.Hour).Format("2006-01-02T15:04:05"); !strings.Contains(there, want) ||
			cutoff.Format("2006-01-02T15:04:05") != want {
			t.Errorf("%s and %v, want %s", there, cutoff, want)
		}
		time.Sleep(3 * time.Second)
		if st := s.cast.Status(actors.Thief); st.State != actors.GetsAnswers {
			t.Errorf("after: %+v", st)
		}
		if err := s.cast.ConsoleRemove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, still := s.world.Prod.RolePolicy(actors.DeployRole, deny); still {
			t.Error("the deny is still there")
		}
		if err := s.cast.ConsoleRemove(t.Context()); err == nil || !strings.Contains(err.Error(), "NoSuchEntity") {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestWithoutTheirKeysNobodyFightsOrOverwrites(t *testing.T) {
	cast := actors.New(actors.Config{})
	cast.FightBack(true)
	if cast.Fighting() {
		t.Error("the thief fights without a key")
	}
	if _, err := cast.ConsoleOverwrite(t.Context()); !errors.Is(err, actors.ErrNoConsole) {
		t.Errorf("got %v", err)
	}
	if err := cast.ConsoleRemove(t.Context()); !errors.Is(err, actors.ErrNoConsole) {
		t.Errorf("got %v", err)
	}
}
