package messages_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/slack"
)

var update = flag.Bool("update", false, "write the golden files")

// at is the moment at which the example request was made.
var at = time.Date(2026, 11, 22, 3, 4, 5, 0, time.UTC)

func must(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func exampleRole() record.Role {
	return record.Role{Role: role.Role{
		Principal: contain.Principal{
			AccountName: "prod", AccountID: "111122223333", Partition: "aws", Name: "DeployRole",
			ARN: "arn:aws:iam::111122223333:role/ops/DeployRole", ID: "AROAEXAMPLEDEPLOY0001",
		},
		Created:        at.AddDate(-2, 0, 0),
		LastUsed:       at.Add(-3 * time.Minute),
		LastUsedRegion: "eu-west-1",
		MaxSession:     12 * time.Hour,
		Warnings: []string{
			"EC2 instances can use prod/DeployRole: their metadata service can hand out the revoked credentials for hours.",
			"A deny on a role does not touch long-term access keys.",
		},
		Trust: []role.Principal{
			{Words: "the service ec2.amazonaws.com"}, {Words: "user alice in 777788889999", Conditional: true},
		},
	}}
}

// revokeWords are those of a revocation.
func revokeWords() messages.Words { return measures.All().Words(approvals.Revoke.Do()) }

func exampleContext() messages.Context {
	lock := measures.All().Words(approvals.Lock.Do())
	return messages.Context{
		Words: revokeWords(), Further: &lock, Role: exampleRole(), Margin: 30 * time.Second,
		Approvers: []string{"S0SECURITY", "U0BOB"}, Guard: 30 * time.Minute,
		Next: func(c record.Conclusion, in record.Incident) *messages.Offer {
			return measures.All().Next(approvals.Revoke, approvals.Measures(), exampleRole(), c, in)
		},
	}
}

// exampleUsers are more callers than a card shows.
func exampleUsers() record.Users {
	u := nobody()
	for i, name := range []string{
		"user eve", "GitHub acme/shop main", "Lambda function release-notes", "ci-deploy", "role x",
	} {
		opened := at.Add(-time.Duration(i+1) * 10 * time.Minute)
		c := record.User{Caller: name, Sessions: i%3 + 1, Opened: opened, Unusual: i == 0}
		if i < 3 {
			c.LastCall = at.Add(-time.Duration(i+1) * time.Minute)
		}
		u.Callers = append(u.Callers, c)
	}
	u.More = 2
	return u
}

// nobody is a survey that found no caller.
func nobody() record.Users {
	return record.Users{Since: at.Add(-12 * time.Hour), Until: at.Add(2 * time.Second), Regions: []trail.RegionCoverage{
		{Region: "eu-west-1", Covered: true}, {Region: "us-east-1", Reason: "reading CloudTrail is not allowed there"},
	}}
}

// story builds a log by appending events a few seconds apart.
type story struct {
	t      testing.TB
	events []approvals.Event
}

func begin(t testing.TB, reason string, required int) *story {
	return begins(t, reason, required, exampleRole())
}

func begins(t testing.TB, reason string, required int, role record.Role) *story {
	s := &story{t: t}
	return s.add(approvals.EventRequested, "U0ROSA", approvals.Opening{
		Purpose: approvals.Revoke.Do(),
		Subject: approvals.Subject{Key: "111122223333/AROAEXAMPLEDEPLOY0001", Group: "prod", Facts: must(t, role)},
		Place:   approvals.Place{Team: "T0TEAM", App: "A0APP", Channel: "C0INCIDENT"},
		Reason:  reason, Required: required, ExpireAfter: 15 * time.Minute,
	})
}

func (s *story) add(typ approvals.EventType, by string, detail any) *story {
	s.t.Helper()
	e := approvals.Event{
		Seq: int64(len(s.events)) + 1, Type: typ, At: at.Add(time.Duration(len(s.events)) * 10 * time.Second), By: by,
	}
	if detail != nil {
		e.Detail = must(s.t, detail)
	}
	s.events = append(s.events, e)
	return s
}

func (s *story) fold(n int) approvals.Request {
	s.t.Helper()
	r, err := approvals.Fold("4DLARAV3ISOEUUODW4FIG5AF5F", s.events[:n])
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *story) card() *messages.Message {
	return messages.Card(s.fold(len(s.events)), s.events, exampleContext())
}

// last is the message of the thread that the last event posts or else changes; nil if there is
// none.
func (s *story) last() *messages.Message { return s.lastIn(exampleContext()) }

func (s *story) lastIn(c messages.Context) *messages.Message {
	s.t.Helper()
	n := len(s.events)
	now, before := messages.Thread(s.fold(n), s.events, c), map[string]messages.Post{}
	if n > 1 {
		for _, p := range messages.Thread(s.fold(n-1), s.events[:n-1], c) {
			before[p.Name] = p
		}
	}
	for _, p := range now {
		if _, there := before[p.Name]; !there {
			return p.Message
		}
	}
	for _, p := range now {
		if !p.Once && string(must(s.t, p.Blocks)) != string(must(s.t, before[p.Name].Blocks)) {
			return p.Message
		}
	}
	return nil
}

// living is the message of the thread with that name; nil if there is none.
func (s *story) living(name string) *messages.Message { return s.livingIn(name, exampleContext()) }

func (s *story) livingIn(name string, c messages.Context) *messages.Message {
	s.t.Helper()
	for _, p := range messages.Thread(s.fold(len(s.events)), s.events, c) {
		if p.Name == name {
			return p.Message
		}
	}
	return nil
}

// said adds all that card and thread say as the story goes on.
func (s *story) said(out map[string]*messages.Message, name string, c messages.Context) {
	for n := 1; n <= len(s.events); n++ {
		r := s.fold(n)
		out[fmt.Sprint(name, "card ", n)] = messages.Card(r, s.events[:n], c)
		for _, p := range messages.Thread(r, s.events[:n], c) {
			for i, form := range p.Forms() {
				out[fmt.Sprint(name, p.Name, " at ", n, " form ", i)] = form
			}
		}
	}
}

// forged is what ends a request whose log is not what was written.
func forged(event int64, why approvals.Forgery, unsure bool) approvals.Forged {
	return approvals.Forged{
		Event: event, Why: why, Unsure: unsure,
		Sentence: messages.ForgedSentence(&approvals.ForgedError{Event: event, Why: why}),
	}
}

// proof is the message that tells what is verified of what was applied.
func (s *story) proof() *messages.Message { return s.living("outcome") }

func simulated() record.Simulated {
	return record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
		At: at.Add(25 * time.Second), Before: role.DeniedByOurs, After: role.NotDenied,
		Proven: true,
	}}
}

// gone is a look that missed the deny; again what was written then, and lost a look after which
// nothing is written.
func gone() record.Tampered {
	return record.Tampered{
		State: role.Gone, Cutoff: cutoff, At: at.Add(time.Minute), Promise: at.Add(92 * time.Second), Rewrite: 1,
		Changes: []contain.Change{{After: "{}"}},
		SCP:     "{\n  \"Version\": \"2012-10-17\"\n}",
	}
}

func again() record.Rewritten {
	return record.Rewritten{
		Applied: record.Applied{Cutoff: at.Add(92 * time.Second), At: at.Add(61 * time.Second), Writes: 1}, Rewrite: 1,
		Back: record.ReadBack{Equal: true, At: at.Add(62 * time.Second)},
	}
}

func lost() record.Tampered {
	return record.Tampered{
		State: role.Gone, Cutoff: cutoff, At: at.Add(time.Minute),
		Why: "It was restored 5 times already, and the other side is faster.", SCP: gone().SCP,
	}
}

// weakened is a loss of which something is left on the role.
func weakened(t record.Tampered) record.Tampered {
	t.State, t.Found = role.Weakened, at.Add(-time.Hour)
	return t
}

func readBack() record.ReadBack {
	return record.ReadBack{Equal: true, At: at.Add(23 * time.Second)}
}

var cutoff = at.Add(52 * time.Second)

func started() record.Started {
	return record.Started{Cutoff: cutoff, ServerTime: at}
}

// all is every message that revokebot can send, by name.
func all(t *testing.T) map[string]*messages.Message {
	t.Helper()
	reason := "key pasted in a gist"
	r := func(s *story) approvals.Request { return s.fold(len(s.events)) }
	approved := func() *story { return begin(t, reason, 1).add(approvals.EventApproved, "U0BOB", nil) }
	executing := func() *story { return approved().add(approvals.EventStarted, "", started()) }
	applied := func() *story {
		return executing().add(approvals.EventApplied, "", record.Applied{
			Cutoff: cutoff, At: at.Add(22 * time.Second), Writes: 1, Seen: record.SeenEqual,
			CallerARN: "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/4DLARAV3ISOEUUODW4FIG5AF5F",
		})
	}
	guarded := func() *story {
		return applied().add(approvals.EventReadBack, "", readBack()).add(approvals.EventSimulated, "", simulated())
	}
	failure := record.Failure{
		Sentence: "AWS does not allow revokebot iam:PutRolePolicy in account prod. Give its role that permission.",
	}
	out := map[string]*messages.Message{
		"card_open":           begin(t, reason, 1).card(),
		"card_open_no_reason": begin(t, "", 1).card(),
		"card_one_of_two":     begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil).card(),
		"card_approved":       approved().card(),
		"card_executing":      executing().card(),
		"card_applied":        applied().card(),
		"card_failed":         executing().add(approvals.EventFailed, "", failure).card(),
		"card_failed_unsure": executing().
			add(approvals.EventFailed, "", record.Failure{Sentence: failure.Sentence, Unsure: true}).card(),
		"card_denied":    begin(t, reason, 1).add(approvals.EventDenied, "U0BOB", nil).card(),
		"card_cancelled": begin(t, reason, 1).add(approvals.EventCancelled, "U0ROSA", nil).card(),
		"card_expired":   begin(t, reason, 1).add(approvals.EventExpired, "", nil).card(),
		"card_void": approved().add(approvals.EventVoided, "", record.Failure{
			Sentence: "The role was recreated under the same name. Ask again for the new role.",
		}).card(),
		"card_forged":       executing().add(approvals.EventForged, "", forged(3, approvals.ForgeryUnsealed, true)).card(),
		"card_forged_ended": applied().add(approvals.EventForged, "", forged(9, approvals.ForgeryChanged, false)).card(),
		"card_forged_opening": (&story{t: t}).add(approvals.EventUntrusted, "", nil).
			add(approvals.EventForged, "", forged(1, approvals.ForgeryChanged, false)).card(),
		"thread_forged":       executing().add(approvals.EventForged, "", forged(3, approvals.ForgeryUnsealed, true)).last(),
		"thread_forged_ended": applied().add(approvals.EventForged, "", forged(9, approvals.ForgeryChanged, false)).last(),
		"thread_forged_opening": (&story{t: t}).add(approvals.EventUntrusted, "", nil).
			add(approvals.EventForged, "", forged(1, approvals.ForgeryChanged, false)).last(),
		"thread_forged_foreign": (&story{t: t}).add(approvals.EventUntrusted, "", nil).
			add(approvals.EventForged, "", approvals.Forged{
				Event: 1, Why: approvals.ForgeryOtherKey, Foreign: true,
				Sentence: messages.ForgedSentence(&approvals.ForgedError{Foreign: true}),
			}).last(),
		"thread_requested": begin(t, reason, 1).last(),
		"card_also_asked":  begin(t, reason, 1).add(approvals.EventAlsoAsked, "U0BOB", nil).card(),
		"thread_handed_over": begin(t, reason, 1).add(approvals.EventAlsoAsked, "U0BOB", nil).
			add(approvals.EventHandedOver, "U0ROSA", nil).last(),
		"thread_voted":    begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil).last(),
		"thread_approved": approved().last(),
		"thread_denied":   begin(t, reason, 1).add(approvals.EventDenied, "U0BOB", nil).last(),
		"thread_denied_reason": begin(t, reason, 1).
			add(approvals.EventDenied, "U0BOB", record.Denial{Reason: "this is a drill"}).last(),
		"card_denied_reason": begin(t, reason, 1).
			add(approvals.EventDenied, "U0BOB", record.Denial{Reason: "this is a drill"}).card(),
		"thread_finding": applied().add(approvals.EventFinding, "", record.Finding{
			Sentence: "The trust policy of the role was changed.", Trust: []role.Principal{{Words: "everybody"}},
		}).last(),
		"thread_refused_again": func() *messages.Message {
			s := begin(t, reason, 1)
			for range 4 {
				s.add(approvals.EventRefused, "U0NILS", approvals.Refusal{
					Action: approvals.ActionApprove, Code: approvals.RefusedNotApprover,
				})
			}
			return s.last()
		}(),
		"thread_cancelled": begin(t, reason, 1).add(approvals.EventCancelled, "U0ROSA", nil).last(),
		"thread_expired":   begin(t, reason, 1).add(approvals.EventExpired, "", nil).last(),
		"thread_applied":   applied().last(),
		"reply_gave_up":    messages.GaveUpOn(),
		"card_not_on_the_role": executing().
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, Seen: record.SeenOther}).card(),
		"card_not_read_back": executing().
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, Seen: record.SeenNothing}).card(),
		"thread_not_on_the_role": executing().
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, Seen: record.SeenOther}).last(),
		"thread_not_read_back": executing().
			add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, Seen: record.SeenNothing}).last(),
		"thread_already_there": executing().add(approvals.EventApplied, "", record.Applied{
			Cutoff: cutoff, AlreadyThere: true, Seen: record.SeenEqual,
		}).last(),
		"thread_applied_beside": executing().add(approvals.EventApplied, "", record.Applied{
			Policy: "RevokebotOlderSessions-4DLARAV3", Cutoff: cutoff, At: at, Writes: 1, Seen: record.SeenEqual,
		}).last(),
		"thread_written_after_all": executing().add(approvals.EventFailed, "", failure).
			add(approvals.EventFinding, "", record.Finding{
				Sentence: messages.WrittenAfterAll(revokeWords(), "", cutoff), Urgent: true,
			}).last(),
		"thread_written_once": executing().add(approvals.EventFailed, "", record.Failure{
			Sentence: messages.WrittenOnce("", "the policy is not there", failure.Sentence),
		}).last(),
		"proof_stored": applied().add(approvals.EventReadBack, "", readBack()).proof(),
		"proof_proven": applied().add(approvals.EventReadBack, "", readBack()).add(approvals.EventSimulated, "", simulated()).
			add(approvals.EventSeenDenied, "", record.Enforcement{
				State: record.SeenDenied, Denied: 14, Succeeded: 2, FirstDenied: at.Add(30 * time.Second),
				LastSucceeded: at.Add(28 * time.Second), At: at.Add(5 * time.Minute),
			}).proof(),
		"proof_not_simulated": applied().add(approvals.EventReadBack, "", readBack()).
			add(approvals.EventSimulated, "", record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
				Unavailable: "AWS does not allow revokebot iam:SimulatePrincipalPolicy in account prod.",
			}}).add(approvals.EventSeenDenied, "", record.Enforcement{
			State: record.SeenUnknown, Why: "No region of CloudTrail could be read.", At: at.Add(5 * time.Minute),
		}).proof(),
		"proof_disproved": applied().add(approvals.EventReadBack, "", record.ReadBack{
			At: at.Add(23 * time.Second), Mismatch: "the policy is not there",
		}).
			add(approvals.EventSimulated, "", record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
				At: at.Add(25 * time.Second), Before: role.NotDenied, After: role.NotDenied,
			}}).
			add(approvals.EventSeenDenied, "", record.Enforcement{
				State: record.SeenNotDenied, Succeeded: 1, LastSucceeded: at.Add(3 * time.Minute), At: at.Add(5 * time.Minute),
			}).proof(),
		"proof_other_deny": applied().add(approvals.EventReadBack, "", readBack()).
			add(approvals.EventSimulated, "", record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
				At: at.Add(25 * time.Second), Before: role.DeniedByOurs, After: role.DeniedByOther,
			}}).proof(),
		"proof_lost": guarded().add(approvals.EventTampered, "", gone()).proof(),
		"proof_rewritten": guarded().add(approvals.EventTampered, "", gone()).
			add(approvals.EventRewritten, "", again()).proof(),
		"proof_held": guarded().add(approvals.EventHeld,
			"", record.Held{At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff}).proof(),
		"proof_undone":                guarded().add(approvals.EventUndone, "", nil).proof(),
		"thread_gone":                 guarded().add(approvals.EventTampered, "", gone()).last(),
		"thread_weakened":             guarded().add(approvals.EventTampered, "", weakened(gone())).last(),
		"thread_weakened_not_written": guarded().add(approvals.EventTampered, "", weakened(lost())).last(),
		"card_weakened":               guarded().add(approvals.EventTampered, "", weakened(gone())).card(),
		"card_weakened_not_written":   guarded().add(approvals.EventTampered, "", weakened(lost())).card(),
		"thread_gone_more": guarded().add(approvals.EventTampered, "", func() record.Tampered {
			t := gone()
			t.Rewrite = 3
			return t
		}()).last(),
		"thread_not_written_again": guarded().add(approvals.EventTampered, "", lost()).last(),
		"thread_role_gone": guarded().
			add(approvals.EventTampered, "", record.Tampered{State: role.RoleGone, At: at.Add(time.Minute)}).last(),
		"thread_role_replaced": guarded().
			add(approvals.EventTampered, "", record.Tampered{State: role.RoleReplaced, At: at.Add(time.Minute)}).last(),
		"thread_rewritten": guarded().add(approvals.EventTampered, "", gone()).add(approvals.EventRewritten, "", again()).
			last(),
		"thread_rewritten_not_there": guarded().add(approvals.EventTampered, "", gone()).
			add(approvals.EventRewritten, "", func() record.Rewritten {
				w := again()
				w.Back = record.ReadBack{At: at.Add(62 * time.Second), Mismatch: "the policy is not there"}
				return w
			}()).last(),
		"thread_held": guarded().add(approvals.EventHeld, "", record.Held{
			At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff,
		}).last(),
		"thread_held_after": guarded().add(approvals.EventHeld, "", record.Held{
			At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff, Losses: 2,
		}).last(),
		"fight_changed_by": guarded().add(approvals.EventTampered, "", gone()).
			add(approvals.EventFinding, "", record.Finding{Changes: []record.Change{
				{Cutoff: at.Add(-time.Hour), Change: trail.Change{
					EventID: "e2", Name: "PutRolePolicy", At: at.Add(2 * time.Minute), Who: "role Admin (session tomas@acme.example)",
					SourceAddress: "198.51.100.140", SourceIdentity: "tomas",
				}},
				{Change: trail.Change{
					EventID: "e1", Name: "DeleteRolePolicy", At: at.Add(time.Minute), Who: "user shop-migration",
					AccessKeyID: "AKIAEXAMPLE", SourceAddress: "203.0.113.77", UserAgent: "aws-cli/2.31",
				}},
			}}).last(),
		"card_removed_by": guarded().add(approvals.EventTampered, "", gone()).
			add(approvals.EventFinding, "", record.Finding{Changes: []record.Change{{Change: trail.Change{
				EventID: "e1", Name: "DeleteRolePolicy", At: at.Add(time.Minute), Who: "user shop-migration",
			}}}}).card(),
		"card_gone":              guarded().add(approvals.EventTampered, "", gone()).card(),
		"card_not_written_again": guarded().add(approvals.EventTampered, "", lost()).card(),
		"card_role_gone": guarded().
			add(approvals.EventTampered, "", record.Tampered{State: role.RoleGone, At: at.Add(time.Minute)}).card(),
		"card_rewritten": guarded().add(approvals.EventTampered, "", gone()).
			add(approvals.EventRewritten, "", again()).card(),
		"card_held": guarded().add(approvals.EventHeld, "", record.Held{
			At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff,
		}).card(),
		"thread_applied_unnamed": executing().add(approvals.EventApplied,
			"", record.Applied{Cutoff: cutoff, At: at, Writes: 1, Seen: record.SeenEqual, Unnamed: true}).last(),
		"reply_refused_role": messages.RefusedRole("prod/AWSReservedSSO_Admin_0123456789abcdef belongs to IAM Identity "+
			"Center.",
			[]string{"Find the person's user id.", "Attach the policy below."}, "{\n  \"Version\": \"2012-10-17\"\n}"),
		"thread_read_back_differs": applied().add(approvals.EventReadBack, "", record.ReadBack{
			At: at.Add(23 * time.Second), Mismatch: "the cutoff on the role is 2026-11-22T03:00:00Z",
		}).last(),
		"thread_read_back_failed": applied().
			add(approvals.EventReadBack, "", record.ReadBack{Error: "AWS did not answer iam:GetRolePolicy in time."}).last(),
		"thread_failed": executing().add(approvals.EventFailed, "", failure).last(),
		"thread_voided": approved().add(approvals.EventVoided, "", record.Failure{
			Sentence: "The role was recreated under the same name.",
		}).last(),
		"thread_delayed": executing().add(approvals.EventDelayed, "", record.Failure{
			Sentence: "AWS is answering too many requests.",
		}).last(),
		"thread_parked": applied().add(approvals.EventParked, "", record.Failure{
			Work: "evidence", Sentence: "The operator of revokebot finds the cause in its log.",
		}).last(),

		"thread_requested_two": begin(t, reason, 2).last(),
		"thread_expired_one_of_two": begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil).
			add(approvals.EventExpired, "", nil).last(),
		"card_expired_one_of_two": begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil).
			add(approvals.EventExpired, "", nil).card(),
		"refused_ended_failed": messages.Refused(r(executing().add(approvals.EventFailed, "", failure)),
			approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedEnded}, exampleContext()),
		"refused_ended_void": messages.Refused(r(approved().add(approvals.EventVoided, "", failure)),
			approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedEnded}, exampleContext()),
		"thread_reminded": begin(t, reason, 1).
			add(approvals.EventReminded, "", record.Reminder{Ask: []string{"S0SECURITY", "U0BOB"}}).last(),
		"thread_reminded_one_of_two": begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil).
			add(approvals.EventReminded, "", record.Reminder{Ask: []string{"U0INES"}}).last(),
		"thread_reminded_last": begin(t, reason, 1).
			add(approvals.EventReminded, "", record.Reminder{Ask: []string{"S0SECURITY", "U0BOB"}, Last: true}).last(),
		"thread_reminded_last_of_two": begin(t, reason, 2).add(approvals.EventReminded, "", record.Reminder{Last: true}).
			last(),

		"thread_shut_out": applied().add(approvals.EventShutOut, "", record.ShutOut{Code: "is_archived"}).last(),
		"thread_nobody_called": begin(t, reason, 1).
			add(approvals.EventDirect, "", record.Direct{About: record.DirectCall, Nobody: true}).last(),
		"thread_not_told": applied().add(approvals.EventDirect, "", record.Direct{
			Person: "U0BOB", About: record.DirectOutcome, Problem: "user_disabled",
		}).last(),
		"thread_perhaps_not_told": applied().add(approvals.EventDirect, "", record.Direct{
			Person: "U0BOB", About: record.DirectOutcome, Problem: "no answer", Unsure: true,
		}).last(),
		"direct_call": messages.CallOut(r(begin(t, reason, 1)), exampleContext(),
			"https://acme.slack.com/archives/C0INCIDENT/p1"),
		"direct_outcome_applied": messages.Outcome(r(applied()), nil, exampleContext(), "is_archived"),
		"direct_outcome_failed": messages.Outcome(r(executing().add(approvals.EventFailed, "", failure)), nil,
			exampleContext(), "not_in_channel"),
		"direct_outcome_gone": messages.Outcome(r(applied()), nil, exampleContext(), record.CodeThreadGone),
		"direct_outcome_deleted": messages.Outcome(
			r(begin(t, reason, 1).add(approvals.EventFailed, "", record.Failure{Sentence: messages.CardDeletedReason})),
			nil, exampleContext(), record.CodeThreadGone),
		"thread_card_deleted": begin(t, reason, 1).
			add(approvals.EventFailed, "", record.Failure{Sentence: messages.CardDeletedReason}).last(),
		"thread_thread_gone": applied().add(approvals.EventShutOut, "", record.ShutOut{Code: record.CodeThreadGone}).last(),

		"loose_applied": messages.Loose(applied().last(), r(applied()), exampleContext()),
		"loose_proof": messages.Loose(applied().add(approvals.EventReadBack, "", readBack()).proof(), r(applied()),
			exampleContext()),

		"reply_other_principal": messages.OtherPrincipal("lock", "user"),
		"reply_which_key": messages.WhichKey(exampleUser(), "", []contain.Document{
			{Slot: contain.Slot{Kind: contain.KeyStatus, Name: "AKIAEXAMPLECIDEPLOY1"}, Text: "Active"},
			{Slot: contain.Slot{Kind: contain.KeyStatus, Name: "AKIAEXAMPLECIDEPLOY2"}, Text: "Inactive"},
		}, false, "pasted in a gist"),
		"reply_no_active_key":   messages.WhichKey(exampleUser(), "ASIAEXAMPLE is a session of it.", nil, true, ""),
		"reply_new_external_id": messages.NewExternalID(exampleContext().Role, "EXAMPLEEXTERNALID"),
		"reply_not_alone":       messages.NotAlone(measures.All().Words(approvals.Freeze.Do()), exampleContext().Role),
		"reply_not_listed":      messages.NotListed("lock", "prod"),
		"reply_no_addresses":    messages.NoAddresses("restrict prod/DeployRole pasted in a gist", "prod"),
		"reply_plan_coming":     messages.PlanComing(),
		"reply_plan_there":      messages.PlanThere(),
		"reply_used_from": messages.UsedFrom("restrict prod/DeployRole pasted in a gist", "DeployRole", messages.Known{
			Usual: []string{"198.51.100.23"}, Unusual: []string{"203.0.113.66"},
		}),
		"reply_not_addresses":  messages.NotAddresses(errors.New("10.0.0.0/8 is private")),
		"reply_secret":         messages.SecretRemoved(),
		"reply_usage":          messages.Usage("", messages.ExampleReason, []string{"prod", "staging"}),
		"reply_help":           messages.Help(measures.All().AllWords(), []string{"prod", "staging"}, nil, 30*time.Second),
		"reply_help_elsewhere": messages.Help(measures.All().AllWords(), []string{"prod"}, []string{"C0INCIDENT"}, 0),
		"reply_did_you_mean": messages.DidYouMean("deployrole", "prod", []messages.Meant{
			{Role: "prod/DeployRole", Command: "prod/DeployRole key pasted in a gist"},
		}, false),
		"reply_which_account": messages.DidYouMean("DeployRole", "", []messages.Meant{
			{Role: "prod/DeployRole", Command: "undo prod/DeployRole done"},
			{Role: "staging/DeployRole", Command: "undo staging/DeployRole done"},
		}, false),
		"reply_no_such_role": messages.DidYouMean("Nobody", "prod", nil, false),
		"reply_status": messages.Status(messages.Desk{Now: at.Add(time.Minute), List: []messages.Listed{
			{
				Request: r(begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil)), Context: exampleContext(),
				Link: "https://acme.slack.com/archives/C0INCIDENT/p1",
			},
			{Request: r(applied()), Context: exampleContext(), Link: "https://acme.slack.com/archives/C0INCIDENT/p1"},
			{Request: r(applied().add(approvals.EventUndone, "", nil)), Context: exampleContext()},
		}}),
		"reply_status_none":          messages.Status(messages.Desk{}),
		"reply_asked_from_home":      messages.AskedFromHome(),
		"reply_wrong_channel":        messages.WrongChannel([]string{"C0INCIDENT", "C0WAR"}),
		"reply_shared_channel":       messages.SharedChannel(),
		"reply_shared_unknown":       messages.SharedUnknown(""),
		"reply_shared_missing_scope": messages.SharedUnknown("missing_scope"),
		"reply_shared_not_in":        messages.SharedUnknown("channel_not_found"),
		"card_users":                 begin(t, reason, 1).add(approvals.EventUsers, "", exampleUsers()).card(),
		"card_users_none":            begin(t, reason, 1).add(approvals.EventUsers, "", nobody()).card(),
		"card_users_failed": begin(t, reason, 1).add(approvals.EventUsers, "", record.Users{
			Since: at.Add(-12 * time.Hour), Failed: `AWS does not allow revokebot "cloudtrail:LookupEvents" in account prod.`,
		}).card(),
		"card_shared": func() *messages.Message {
			c := exampleContext()
			c.Role.SharedChannel = true
			return messages.Card(r(begin(t, reason, 1)), nil, c)
		}(),
		"reply_details_lost":    messages.DetailsLost(),
		"reply_guest":           messages.NotEntitled(approvals.Guest),
		"reply_unknown_person":  messages.NotEntitled(approvals.StandingUnknown),
		"reply_not_requester":   messages.NotEntitled(approvals.FullMember),
		"reply_reason_too_long": messages.ReasonTooLong(10000),
		"reply_reason_missing":  messages.ReasonMissing(),
		"reply_plain":           messages.Plain(`There is no account "prodd". Say prod or staging.`),
		"reply_already_open": messages.AlreadyOpen(r(begin(t, reason, 1)), exampleContext(),
			"https://acme.slack.com/archives/C0INCIDENT/p1", false),
		"reply_also_asked": messages.AlreadyOpen(r(begin(t, reason, 1)), exampleContext(),
			"https://acme.slack.com/archives/C0INCIDENT/p1", true),
		"reply_card_late":            messages.CardLate(),
		"reply_not_in_channel":       messages.CardImpossible("not_in_channel"),
		"reply_archived":             messages.CardImpossible("is_archived"),
		"reply_unknown_request":      messages.UnknownRequest(),
		"reply_not_recorded":         messages.NotRecorded(),
		"reply_perhaps_not_recorded": messages.PerhapsNotRecorded(),
		"reply_one_copy":             messages.OneCopy(),
		"reply_busy":                 messages.Busy(),
		"reply_not_understood":       messages.NotUnderstood(),
		"reply_troubled":             messages.GaveUpOn(),
		"reply_too_many":             messages.TooMany(42 * time.Second),
		"reply_no_quorum": messages.NoQuorum(approvals.ModeDo, revokeWords(), exampleRole(), 2, []messages.Candidate{
			{ID: "U0BOB", Why: "could approve"}, {ID: "U0GINA", Why: "cannot, guest"}, {ID: "U0ROSA", Why: "you, the requester"},
		}),
	}
	maps.Copy(out, allOfUndo(t))
	maps.Copy(out, allOfDrill(t))
	maps.Copy(out, trailMessages(t))
	maps.Copy(out, reportMessages(t))
	for _, code := range []approvals.RefusalCode{
		approvals.RefusedUnknownAction, approvals.RefusedWrongPlace, approvals.RefusedNoCard, approvals.RefusedEnded,
		approvals.RefusedTaken,
		approvals.RefusedExpired, approvals.RefusedOwnRequest, approvals.RefusedNotRequester, approvals.RefusedLookupFailed,
		approvals.RefusedNotMember, approvals.RefusedNotApprover, approvals.RefusedAlreadyVoted, approvals.RefusedNoPolicy,
		approvals.RefusedFormLost,
	} {
		refusal := approvals.Refusal{Action: approvals.ActionApprove, Code: code, Standing: approvals.Guest}
		out["refused_"+string(code)] = messages.Refused(r(begin(t, reason, 2).add(approvals.EventVoted, "U0BOB", nil)),
			refusal, exampleContext())
		out["thread_refused_"+string(code)] = begin(t, reason, 1).add(approvals.EventRefused, "U0NILS", refusal).last()
	}
	return out
}

// What people see, word by word. After a change: make golden, and read the difference.
func TestEveryMessageIsAsItsGoldenFileSays(t *testing.T) {
	for name, m := range all(t) {
		if m == nil {
			t.Errorf("%s: no message", name)
			continue
		}
		sameAs(t, name, struct {
			Text   string `json:"text"`
			Blocks any    `json:"blocks,omitempty"`
		}{m.Text, m.Blocks})
	}
}

// dialect are phrases that readers had to translate: those of internal/repotest that only stand
// there once a message is put together, too.
var dialect = []string{
	"the deny ", "the deny.", "aws took", "read back", "on paper", "stands out", "stand out", "the last word", "a look ",
	"later look", "last look", "looks at", "promised cutoff", "set aside", "went on to", "gets answers", "got answers",
	"seen only here", "turned away", "told directly", "directly told", "unique id changed", "open doors", "opens doors",
	"calls that open", "somebody else's hand", "whoever", "thief", "deny off",
}

// The cards, the thread, the direct messages and the private replies are in the words of the trade.
func TestNoMessageIsInADialect(t *testing.T) {
	for name, m := range all(t) {
		said := strings.ToLower(m.Text + string(must(t, m.Blocks)))
		for _, phrase := range dialect {
			if strings.Contains(said, phrase) {
				t.Errorf("%s says %q: %s", name, phrase, m.Text)
			}
		}
	}
}

func TestEveryGoldenFileIsOfAMessage(t *testing.T) {
	known := all(t)
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, f := range files {
		if known[strings.TrimSuffix(filepath.Base(f), ".json")] == nil {
			t.Errorf("%s belongs to no message", f)
		}
	}
}

func check(t interface{ Errorf(string, ...any) }, name string, m *messages.Message) {
	blocks, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if m.Blocks == nil {
		blocks = nil
	}
	for _, p := range slack.CheckMessage(m.Text, blocks) {
		t.Errorf("%s: %s", name, p)
	}
	if n := len([]rune(m.Text)); n == 0 || n > 4000 {
		t.Errorf("%s: the fallback has %d characters", name, n)
	}
}

// Only blocks that every client knows stand in a message with buttons, and every button says what
// it does.
func TestACardUsesOnlyClassicBlocks(t *testing.T) {
	for name, m := range all(t) {
		raw, err := json.Marshal(m.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []struct {
			Type     string `json:"type"`
			Elements []struct {
				ActionID string `json:"action_id"`
				Label    string `json:"accessibility_label"`
				Value    string `json:"value"`
			} `json:"elements"`
		}
		if m.Blocks != nil {
			if err := json.Unmarshal(raw, &blocks); err != nil {
				t.Fatal(err)
			}
		}
		classic := map[string]bool{"header": true, "section": true, "context": true, "actions": true, "divider": true}
		for _, b := range blocks {
			if b.Type == "actions" {
				for _, e := range b.Elements {
					id, _ := messages.PartsOf(e.Value)
					if e.ActionID == messages.ActionMeant || e.ActionID == messages.ActionAddresses { // it holds a command
						id = "4DLARAV3ISOEUUODW4FIG5AF5F"
					}
					if e.Label == "" || id != "4DLARAV3ISOEUUODW4FIG5AF5F" {
						t.Errorf("%s: a button with label %q and value %q", name, e.Label, e.Value)
					}
				}
			}
			if strings.HasPrefix(name, "card") && !classic[b.Type] {
				t.Errorf("%s has a %s block", name, b.Type)
			}
		}
	}
}

func TestTheFormForADenialIsWithinSlacksLimits(t *testing.T) {
	for _, name := range []string{"DeployRole", strings.Repeat("x", 64)} {
		c := exampleContext()
		c.Role.Name = name
		form := messages.DenyForm(begin(t, "", 1).fold(1), c, messages.FormOrigin{
			Request: "4DLARAV3ISOEUUODW4FIG5AF5F", Channel: "C0INCIDENT", Message: "1.1",
		})
		for _, p := range slack.CheckView(must(t, form)) {
			t.Errorf("%s", p)
		}
	}
}

// exampleUser is a user that an access key is asked for of.
func exampleUser() record.Role {
	u := record.Role{}
	u.Kind, u.AccountName, u.AccountID, u.Name = contain.User, "prod", "111122223333", "ci-deploy"
	u.ARN, u.ID = "arn:aws:iam::111122223333:user/ci/ci-deploy", "AIDAEXAMPLEDEPLOY0001"
	return u
}
