package web

import (
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

func TestTheNextStepFollowsFromWhatHappened(t *testing.T) {
	rosa, bob, nils := Person{UserID: "U0ROSA", Role: Responder}, Person{UserID: "U0BOB", Role: Approver},
		Person{UserID: "U0NILS", Role: MayNotDecide}
	pia := Person{UserID: "U0PIA", Role: OtherApprover}
	gina, ines := Person{UserID: "U0GINA", Role: Guest}, Person{UserID: "U0INES", Role: Approver}
	issued := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	after := issued.Add(time.Minute)
	begin := func(change func(*story)) story {
		s := story{
			Viewer: rosa, Connected: true, Command: "/revoke-sessions prod/DeployRole x", Known: true,
			People: []Person{rosa, bob, ines, nils, gina}, Names: func(id string) string { return id },
			Thief: actors.Status{State: actors.GetsAnswers, Issued: issued}, Job: actors.Status{State: actors.GetsAnswers},
		}
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, c := range map[string]struct {
		story     story
		number    int
		do, value string
		says      string
	}{
		"nothing happened yet": {begin(nil), 1, "insert", "/revoke-sessions prod/DeployRole x", "stolen"},
		"the bot is away":      {begin(func(s *story) { s.Connected = false }), 0, "", "", "dispatch_failed"},
		"a guest":              {begin(func(s *story) { s.Viewer = gina }), 1, "become", "U0ROSA", "Guests"},
		"a card, the requester": {
			begin(func(s *story) { s.Card, s.Open, s.Requester = "1.1", true, "U0ROSA" }), 2, "become", "U0BOB", "You asked",
		},
		"a card, an approver": {
			begin(func(s *story) { s.Card, s.Open, s.Requester, s.Viewer = "1.1", true, "U0ROSA", bob }), 2, "show", "1.1",
			"press Approve",
		},
		"a card, an approver who asked": {
			begin(func(s *story) { s.Card, s.Open, s.Requester, s.Viewer = "1.1", true, "U0BOB", bob }), 2, "become", "U0INES",
			"You asked",
		},
		"a card, somebody else": {
			begin(func(s *story) { s.Card, s.Open, s.Requester, s.Viewer = "1.1", true, "U0ROSA", nils }), 2, "become", "U0BOB",
			"not one who may approve",
		},
		"a card, who may approve elsewhere": {
			begin(func(s *story) { s.Card, s.Open, s.Requester, s.Viewer = "1.1", true, "U0ROSA", pia }), 2, "become", "U0BOB",
			"U0PIA may approve for staging",
		},
		"a card, and nobody may": {
			begin(func(s *story) { s.Card, s.Open, s.People = "1.1", true, []Person{rosa} }), 2, "", "", "waits",
		},
		"denied by a person": {
			begin(func(s *story) { s.Card = "1.1" }), 1, "insert", "/revoke-sessions prod/DeployRole x", "not on the role",
		},
		"the thief removes the deny": {
			begin(func(s *story) { s.Card, s.Fighting, s.CanGuard, s.Thief.Removals = "1.1", true, true, 1 }), 3, "control",
			"guard_rail=on", "twice a second",
		},
		"the thief would, and nothing was there to remove": {
			begin(func(s *story) { s.Card, s.Fighting, s.CanGuard = "1.1", true, true }), 1, "insert",
			"/revoke-sessions prod/DeployRole x", "not on the role",
		},
		"the thief did, and the guard rail is there": {
			begin(func(s *story) {
				s.Card, s.Fighting, s.CanGuard, s.Guarded, s.Thief.Removals = "1.1", true, true, true, 1
			}), 1, "insert", "/revoke-sessions prod/DeployRole x", "guard rail is attached",
		},
		"on its way": {
			begin(func(s *story) { s.Card, s.Cutoff, s.Enforced = "1.1", after, 4*time.Second }), 3, "", "", "4 seconds",
		},
		"on its way, at once": {
			begin(func(s *story) { s.Card, s.Cutoff = "1.1", after }), 3, "", "", "in a moment",
		},
		"both denied": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.State = "1.1", after, actors.IsDenied, actors.IsDenied
		}), 3, "", "", "Both are denied"},
		"the job has not called since": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued = "1.1", after, actors.IsDenied, issued
		}), 3, "", "", "its next call will be"},
		"the job is back, and the thief is elsewhere": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued = "1.1", after, actors.IsDenied, after
			s.Thief.StillIn = "NightlyBackup"
		}), 4, "insert", "/revoke-sessions prod/NightlyBackup the thief assumed it with the stolen session", "still in as"},
		"a card for the other role": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued = "1.1", after, actors.IsDenied, after
			s.Thief.StillIn = "NightlyBackup"
			s.Open, s.Requester, s.Viewer = true, "U0ROSA", bob
		}), 4, "show", "1.1", "press Approve"},
		"the other role is revoked": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued = "1.1", after, actors.IsDenied, after
			s.Thief.StillIn = "NightlyBackup"
			s.Followed = true
		}), 4, "", "", "on NightlyBackup, too"},
		"the thief is out": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued, s.CanSkip = "1.1", after, actors.IsDenied, after, true
		}), 5, "control", "skip=960", "out of both roles"},
		"the last check": {begin(func(s *story) {
			s.Card, s.Cutoff, s.Thief.State, s.Job.Issued = "1.1", after, actors.IsDenied, after
			s.CanSkip, s.Skipped = true, true
		}), 5, "thread", "1.1", "last check"},
		"a session from after the cutoff": {
			begin(func(s *story) { s.Card, s.Cutoff = "1.1", issued.Add(-time.Hour) }), 1, "insert",
			"/revoke-sessions prod/DeployRole x", "from after the cutoff",
		},
		"a session of the cutoff itself": {
			begin(func(s *story) { s.Card, s.Cutoff = "1.1", issued }), 1, "insert", "/revoke-sessions prod/DeployRole x",
			"from after the cutoff",
		},
		"locked, on its way": {begin(func(s *story) { s.Card, s.Locked = "1.1", true }), 3, "", "", "AWSDenyAll is attached"},
		"locked": {begin(func(s *story) {
			s.Card, s.Locked, s.Cutoff, s.Thief.State, s.Job.State = "1.1", true, after, actors.IsDenied, actors.IsDenied
		}), 5, "thread", "1.1", "every session"},
		"the page cannot see the role": {
			begin(func(s *story) { s.Card, s.Known = "1.1", false }), 5, "thread", "1.1", "thread says",
		},
	} {
		got := c.story.next()
		if got.Number != c.number || got.Do != c.do || got.Value != c.value || !strings.Contains(got.Text, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
		if (got.Do == "") != (got.Label == "") {
			t.Errorf("%s: a button needs a label, and the reverse: %+v", name, got)
		}
	}
}

func TestTheCutoffIsReadAsAWSReadsIt(t *testing.T) {
	want := time.Date(2026, 11, 22, 10, 1, 31, 0, time.UTC)
	for document, cutoff := range map[string]time.Time{
		`{"Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31.000Z"}}}]}`: want,
		`{"Statement":{"Effect":"Deny","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31Z"}}}}`: want,
		`{"Statement":[{"Effect":"Deny",` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}}},` +
			`{"Effect":"Deny","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31Z"}}}]}`: want,
		`{"Statement":[{"Effect":"Deny",` +
			`"Condition":{"DateLessThan":{"aws:TokeIssueTime":"2026-11-22T10:01:31Z"}}}]}`: {},
		`{"Statement":[{"Effect":"Deny",` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31.3702"}}}]}`: {},
		`{"Statement":[{"Effect":"Allow",` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31Z"}}}]}`: {},
		`{"Statement":3}`: {},
		`not JSON`:        {},
	} {
		if got := cutoffOf(document); !got.Equal(cutoff) {
			t.Errorf("%s: %v", document, got)
		}
	}
}

func TestInitialsAreOneOrTwoLetters(t *testing.T) {
	for name, want := range map[string]string{
		"Rosa": "R", "rosa luxemburg": "RL", "a b c": "AB", "": "?", "!!!": "?", "Ödön Über": "ÖÜ", "  x ": "X",
	} {
		if got := initials(name); got != want {
			t.Errorf("initials of %q are %q, want %q", name, got, want)
		}
	}
}
