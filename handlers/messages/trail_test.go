package messages_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
)

func exampleSessions() []record.Session {
	return []record.Session{
		{
			Session: trail.Session{
				EventID: "e4", EventName: "AssumeRole", Time: at.Add(90 * time.Second), Expires: at.Add(time.Hour),
				Caller: "user ci-deploy", CallerID: "AIDACI", SessionName: "deploy-43", SourceAddress: "192.0.2.44",
				Region: "us-east-1", AccessKeyID: "ASIAEXAMPLE00000004", After: true,
			},
		},
		{
			Session: trail.Session{
				EventID: "e3", EventName: "AssumeRole", Time: at.Add(time.Minute),
				Caller: "role Deploy (session alice@example.com)", CallerID: "AROADEPLOY", SessionName: "chained",
				SourceAddress: "203.0.113.10", Region: "eu-west-1", AccessKeyID: "ASIAEXAMPLE00000003", After: true,
			},
		},
		{
			Session: trail.Session{
				EventID: "e2", EventName: "AssumeRole", Time: at.Add(-time.Minute), Caller: "user ci-deploy",
				CallerID: "AIDACI", SessionName: "deploy-42", SourceAddress: "198.51.100.7", Region: "eu-west-1",
				AccessKeyID: "ASIAEXAMPLE00000002", UserAgent: "python-requests/2.32",
			},
		},
		{
			Session: trail.Session{
				EventID: "e1", EventName: "AssumeRoleWithWebIdentity", Time: at.Add(-time.Hour),
				Caller: "GitHub acme/shop main", CallerID: "repo:acme/shop", SessionName: "GitHubActions",
				SourceAddress: "192.0.2.44", Region: "us-east-1", AccessKeyID: "ASIAEXAMPLE00000001",
			},
		},
		{
			Session: trail.Session{
				EventID: "e0", EventName: "AssumeRole", Time: at.Add(-2 * time.Hour),
				Caller: "user mallory in 777788889999", CallerID: "AIDAMALLORY", SessionName: "x",
				SourceAddress: "198.51.100.7", Region: "us-east-1", ErrorCode: "AccessDenied", Uncertain: true,
			},
		},
	}
}

func exampleEvidence() record.Evidence {
	return record.Evidence{
		Since: at.Add(-12 * time.Hour), Until: at.Add(30 * time.Second), Cutoff: cutoff,
		Suspects: []record.Suspect{{EventID: "e2", Address: true}},
		Regions: []trail.RegionCoverage{
			{Region: "eu-west-1", Covered: true},
			{Region: "us-east-1", Covered: true, Truncated: true},
			{Region: "ap-south-1", Reason: "access denied"},
		},
	}
}

func exampleActivity() record.Activity {
	return record.Activity{
		Sessions: []record.SessionActivity{{
			EventID: "e2", Calls: 14, Denied: 3, First: at.Add(-50 * time.Second),
			Last:     at.Add(50 * time.Second),
			Services: []trail.ServiceUse{{Service: "iam", Calls: 9, Denied: 3}, {Service: "s3", Calls: 5}},
			Persistence: []record.Call{
				{Call: trail.Call{
					EventID: "c1", Time: at.Add(-40 * time.Second), Service: "iam", Name: "CreateAccessKey",
					Target: "user backdoor", Opens: "a key that outlives the session",
				}},
				{Call: trail.Call{
					EventID: "c2", Time: at.Add(-30 * time.Second), Service: "iam", Name: "PutRolePolicy",
					Target: "role Admin", Opens: "more permissions", ErrorCode: "AccessDenied",
				}},
			},
		}},
		Chain: []record.Link{
			{
				Depth: 1, From: "DeployRole", FromSession: "deploy-42", RoleARN: "arn:aws:iam::111122223333:role/DataRole",
				RoleName: "DataRole", AccountID: "111122223333", Account: "prod", Sessions: 2, First: at,
			},
			{
				Depth: 2, From: "DataRole", FromSession: "x", RoleARN: "arn:aws:iam::111122223333:role/ops/DeployRole",
				RoleName: "DeployRole", AccountID: "111122223333", Account: "prod", Sessions: 1, First: at, Loop: true,
			},
			{
				Depth: 1, From: "DeployRole", FromSession: "deploy-42", RoleARN: "arn:aws:iam::999999999999:role/Other",
				RoleName: "Other", AccountID: "999999999999", Sessions: 1,
			},
		},
	}
}

// looked is a story until its first look is told.
func (s *story) looked() *story {
	s.add(approvals.EventReadBack, "", readBack()).add(approvals.EventLooking, "", record.Looking{})
	return s.add(approvals.EventEvidence, "", exampleEvidence()).add(approvals.EventSessions,
		"", record.Sessions{Rows: exampleSessions()})
}

// trailMessages is every message about CloudTrail, by name.
func trailMessages(t *testing.T) map[string]*messages.Message {
	applied := func() *story { return applied(t) }
	before := func() *story {
		return applied().add(approvals.EventReadBack, "", readBack()).add(approvals.EventEvidence, "", exampleEvidence()).
			add(approvals.EventSessions, "", record.Sessions{Rows: exampleSessions()[2:4]})
	}
	failed := record.Evidence{Failed: "AWS does not allow revokebot cloudtrail:LookupEvents in account prod."}
	withMore := exampleSessions()
	for i := range withMore {
		withMore[i].MFA, withMore[i].SourceIdentity = "yes", "alice"
	}
	follow := exampleEvidence()
	follow.FollowUp, follow.Suspects = 1,
		[]record.Suspect{{EventID: "e2", Address: true, Caller: true}}
	nothing := exampleEvidence()
	nothing.Suspects, nothing.Last, nothing.FollowUp = nil, true, 3
	call := record.Call{
		Call: trail.Call{
			Time: at.Add(5 * time.Minute), Service: "s3", Name: "ListBuckets", Region: "us-east-1",
			SourceAddress: "198.51.100.7",
		}, Session: "ASIAEXAMPLE00000002",
	}
	// what a later check adds, and what has ended by then
	more := exampleActivity()
	more.Look, more.Chain[0].Revoked, more.Chain[2].Expires = 1, at.Add(time.Minute), at
	for _, c := range []trail.Call{
		{EventID: "c3", Service: "iam", Name: "CreateAccessKey", Target: "user report-export AKIAEXAMPLEREPORT001"},
		{EventID: "c4", Service: "iam", Name: "CreateUser", Target: "user svc-monitoring"},
		{EventID: "c5", Service: "iam", Name: "AttachUserPolicy", Target: "user a, policy arn:aws:iam::aws:policy/Admin"},
		{
			EventID: "c6", Service: "secretsmanager", Name: "GetSecretValue", Target: "secret shop/orders-db",
			Region: "eu-west-1",
		},
		{EventID: "c7", Service: "iam", Name: "PutRolePolicy", Target: "role NightlyBackup, policy more"},
		{EventID: "c8", Service: "ec2", Name: "RunInstances", Target: "instance i-1", Opens: "an instance"},
	} {
		c.Time = at.Add(-20 * time.Second)
		more.Sessions[0].Persistence = append(more.Sessions[0].Persistence, record.Call{Call: c})
	}
	// a caller that a person can call theirs
	build := exampleSessions()
	build[1].CallerID = "principal AROADEPLOY"
	newcomer := func() *story {
		return applied().add(approvals.EventReadBack, "", readBack()).add(approvals.EventEvidence, "", exampleEvidence()).
			add(approvals.EventSessions, "", record.Sessions{Rows: build}).add(approvals.EventActivity, "", exampleActivity())
	}
	ours := func() *story {
		return newcomer().add(approvals.EventVouched, "U0NILS", record.Vouched{
			CallerID: build[1].CallerID, Caller: build[1].Caller,
		})
	}
	thief := exampleActivity()
	thief.Sessions[0].Elsewhere = []trail.Source{
		{
			Address: "203.0.113.66", UserAgent: "aws-cli/2.31.4 md/x", Calls: 12, First: at.Add(-40 * time.Second),
			Last: at.Add(50 * time.Second),
		},
	}
	thief.Sessions[0].LastOK, thief.Sessions[0].Refused = at.Add(20*time.Second), cutoff.Add(2*time.Second)
	thief.Chain[0].Looked, thief.Chain[0].Calls, thief.Chain[0].Denied, thief.Chain[0].LastOK, thief.Chain[0].Expires =
		true, 8, 1, at.Add(50*time.Second), at.Add(time.Hour)
	thief.Chain[0].Services, thief.Chain[0].Persistence = []trail.ServiceUse{{Service: "rds", Calls: 8, Denied: 1}},
		thief.Sessions[0].Persistence[:1]
	inData := exampleSessions()[2]
	inData.Role = "DataRole"
	chosen := exampleActivity()
	chosen.Chosen, chosen.Asked, chosen.Session = "mark", "U0ROSA", &exampleSessions()[3]
	notKnown := record.Activity{
		Chosen: "mark", Asked: "U0ROSA", Failed: "AWS is answering too many requests.", Session: &exampleSessions()[3],
	}
	return map[string]*messages.Message{
		"evidence_looking":    applied().add(approvals.EventLooking, "", record.Looking{}).living("evidence"),
		"evidence_progress":   applied().add(approvals.EventLooking, "", record.Looking{Done: 1, All: 3}).living("evidence"),
		"evidence":            applied().looked().living("evidence"),
		"evidence_all_before": before().living("evidence"),
		"evidence_seen_denied": before().
			add(approvals.EventSeenDenied, "", record.Enforcement{State: record.SeenDenied, Denied: 3}).living("evidence"),
		"evidence_deny_missed": before().
			add(approvals.EventSeenDenied, "", record.Enforcement{State: record.SeenDenied, Denied: 2}).
			add(approvals.EventTampered, "", record.Tampered{State: role.Gone}).living("evidence"),
		"evidence_still_answers": before().add(approvals.EventSeenDenied,
			"", record.Enforcement{State: record.SeenNotDenied, Succeeded: 2}).living("evidence"),
		"evidence_none":         applied().add(approvals.EventEvidence, "", nothing).living("evidence"),
		"evidence_failed":       applied().add(approvals.EventEvidence, "", failed).living("evidence"),
		"evidence_failed_later": before().add(approvals.EventEvidence, "", failed).living("evidence"),
		"evidence_looks_again": before().add(approvals.EventLooking, "", record.Looking{Look: 1, Done: 1, All: 3}).
			living("evidence"),
		"evidence_contained": before().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained}).
			living("evidence"),
		"evidence_identity": applied().add(approvals.EventEvidence, "", exampleEvidence()).
			add(approvals.EventSessions, "", record.Sessions{Rows: withMore}).living("evidence"),
		"act":        applied().looked().add(approvals.EventActivity, "", exampleActivity()).living("act"),
		"act_key":    applied().looked().add(approvals.EventActivity, "", madeKey()).livingIn("act", withKeys()),
		"act_stolen": applied().looked().add(approvals.EventActivity, "", thief).living("act"),
		"act_access": applied().looked().add(approvals.EventActivity, "", exampleActivity()).add(approvals.EventSeenDenied,
			"", record.Enforcement{State: record.SeenNotDenied, Succeeded: 2, LastSucceeded: at.Add(4 * time.Minute)}).
			living("act"),
		"act_some_done": applied().looked().add(approvals.EventActivity, "", more).living("act"),
		"act_more": applied().looked().add(approvals.EventActivity, "", exampleActivity()).
			add(approvals.EventActivity, "", more).last(),
		"act_caller":      newcomer().living("act"),
		"act_caller_ours": ours().living("act"),
		"evidence_ours":   ours().living("evidence"),
		"verdict_harden": before().add(approvals.EventVerdict, "", record.Conclusion{
			Word: record.WordContained, Harden: exampleWeaknesses(),
		}).last(),
		"verdict_ours":  ours().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained}).last(),
		"reply_vouched": messages.Vouched(record.Vouched{Caller: "user build", By: "U0NILS", At: at}),
		"evidence_calls_failed": applied().looked().add(approvals.EventActivity,
			"", record.Activity{Failed: "AWS is answering too many requests."}).living("evidence"),
		"evidence_copied":   applied().looked().add(approvals.EventActivity, "", thief).living("evidence"),
		"outcome_menu":      applied().looked().living("outcome"),
		"chosen":            applied().looked().add(approvals.EventActivity, "", chosen).last(),
		"chosen_failed":     applied().looked().add(approvals.EventActivity, "", notKnown).last(),
		"reply_chosen":      messages.ChosenNow(),
		"reply_chosen_yet":  messages.ChosenAlready(),
		"reply_chosen_many": messages.ChosenEnough(100),
		"card_contained":    before().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained}).card(),
		"card_revoked_open": applied().looked().add(approvals.EventActivity, "", more).card(),
		"card_contained_open": applied().looked().add(approvals.EventActivity, "", more).
			add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained}).card(),
		"verdict_contained_open": applied().looked().add(approvals.EventActivity, "", more).add(approvals.EventVerdict,
			"", record.Conclusion{
				Word: record.WordContained, Where: "Regions: eu-west-1 and us-east-1, reported until 03:20:00 UTC.",
				Why: []string{"2 old sessions: 1 had expired, 1 seen blocked, 0 not active since."},
			}).last(),
		"card_not_contained": before().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordNotContained}).
			card(),
		"card_not_contained_open": applied().looked().add(approvals.EventActivity, "", more).add(approvals.EventVerdict,
			"", record.Conclusion{Word: record.WordNotContained}).card(),
		"card_quiet": before().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordUnknown, Silent: true}).
			card(),
		"card_contained_unknown": before().
			add(approvals.EventHeld, "", record.Held{At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff}).
			add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordUnknown}).card(),
		"verdict_contained": before().add(approvals.EventVerdict, "", record.Conclusion{
			Word: record.WordContained, Why: []string{
				"Both old sessions were seen denied after the cutoff.", "No session was opened since by an unusual caller.",
			},
		}).last(),
		"verdict_not_contained": before().add(approvals.EventVerdict, "", record.Conclusion{
			Word: record.WordNotContained, Why: []string{"A call of an old session was answered 4 min after the cutoff."},
			Calls: []record.Call{call}, Sessions: []record.Session{exampleSessions()[1], inData},
			Persistence: []record.Call{
				{Call: trail.Call{
					Time: at, Service: "iam", Name: "CreateAccessKey", Target: "user backdoor AKIAEXAMPLEBACKDOOR1",
					Opens: "a key that never expires",
				}},
				{Call: trail.Call{
					Time: at, Service: "iam", Name: "PutRolePolicy", Target: "role NightlyBackup, policy more",
					Opens: "more permissions for a role",
				}},
			},
			Roles: []record.Link{exampleActivity().Chain[0], exampleActivity().Chain[2]},
		}).last(),
		"verdict_quiet": before().add(approvals.EventVerdict, "", record.Conclusion{
			Word: record.WordUnknown, Silent: true, Why: []string{"No call of an old session was seen denied."},
		}).last(),
		"verdict_changed": before().add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained}).
			add(approvals.EventVerdict, "", record.Conclusion{
				Word: record.WordNotContained, Why: []string{"A call of an old session was answered 4 min after the cutoff."},
			}).last(),
		"verdict_open": applied().looked().add(approvals.EventActivity, "", more).add(approvals.EventVerdict,
			"", record.Conclusion{Word: record.WordNotContained, Why: []string{
				"A session of the role DataRole made calls that succeeded.",
			}}).last(),
		"verdict_unknown": before().add(approvals.EventVerdict, "", record.Conclusion{
			Word: record.WordUnknown, Why: []string{
				"No old session made a call after the cutoff.", "us-east-1 was not read to its end.",
			},
		}).last(),
	}
}

// spoken are sentences as package aws makes them, in which a name from outside may be quoted.
var spoken = []string{
	"", " ", "AWS said \"<!here>\" & \u202eno more.", strings.Repeat("It is not allowed in \"<#C0X>\". ", 200),
}

// dice draws an incident whose every text is as bad as it gets. It is not rapid's own, which takes
// a hundred times as long for as much text; rapid, or the fuzzer, gives the seed and the texts.
type dice struct {
	*rand.Rand
	texts []string
}

func (d dice) text() string {
	switch d.IntN(8) {
	case 0, 1:
		return nasty[d.IntN(len(nasty))]
	case 2:
		return d.texts[d.IntN(len(d.texts))] + nasty[d.IntN(len(nasty))]
	default:
		return d.texts[d.IntN(len(d.texts))]
	}
}

func (d dice) word() string      { return spoken[d.IntN(len(spoken))] }
func (d dice) maybe() bool       { return d.IntN(2) == 0 }
func (d dice) moment() time.Time { return at.Add(time.Duration(d.IntN(100_000)-50_000) * time.Second) }
func (d dice) id() string        { return fmt.Sprint(d.IntN(80)) }

// size is most, and more often a few.
func (d dice) size(most int) int {
	if d.IntN(5) == 0 {
		return most
	}
	return min(most, 4)
}

// some makes up to most things.
func some[T any](d dice, most int, thing func() T) []T {
	var things []T
	for range d.IntN(most + 1) {
		things = append(things, thing())
	}
	return things
}

func (d dice) session() record.Session {
	s := record.Session{
		Session: trail.Session{
			EventID: d.id(), EventName: d.text(), Time: d.moment(), Expires: d.moment(), Caller: d.text(),
			CallerARN: d.text(), CallerID: d.text(), CallerAccessKey: d.text(), SessionName: d.text(),
			SourceAddress: d.text(), UserAgent: d.text(), Region: d.text(), AccessKeyID: d.text(),
			Uncertain: d.maybe(), After: d.maybe(), Derived: d.maybe(),
		},
	}
	if d.IntN(3) == 0 {
		s.ErrorCode, s.MFA, s.SourceIdentity = d.text(), trail.MFA(d.text()), d.text()
	}
	return s.Trim()
}

func (d dice) call() record.Call {
	return record.Call{
		Call: trail.Call{
			EventID: d.id(), Time: d.moment(), Service: d.text(), Name: d.text(), Region: d.text(),
			SourceAddress: d.text(), ErrorCode: d.text(), Target: d.text(),
			Opens: []string{"", "a key that outlives the session"}[d.IntN(2)], Times: d.IntN(3),
		}, Session: d.text(),
	}.Trim()
}

func (d dice) link() record.Link {
	return record.Link{
		Depth: d.IntN(9) - 1, From: d.text(), FromSession: d.text(), RoleARN: d.text(), RoleName: d.text(),
		AccountID: d.text(),
		Account:   []string{"", "prod"}[d.IntN(2)], Sessions: d.Int(), First: d.moment(), Loop: d.maybe(),
		Looked: d.maybe(), Partly: d.maybe(), Calls: d.IntN(9), Denied: d.IntN(3), LastOK: d.moment(), Expires: d.moment(),
		Services: some(d, record.MaxLinkServices, func() trail.ServiceUse {
			return trail.ServiceUse{Service: d.text(), Calls: 3}
		}),
		Persistence: some(d, record.MaxLinkPersistence, d.call),
	}.Trim()
}

func (d dice) source() trail.Source {
	source := trail.Source{Address: d.text(), UserAgent: d.text(), Calls: d.IntN(9), First: d.moment(), Last: d.moment()}
	return record.TrimSources([]trail.Source{source})[0]
}

func (d dice) did() record.SessionActivity {
	return record.SessionActivity{
		EventID: d.id(), Calls: d.IntN(99), Denied: d.IntN(9), First: d.moment(), Last: d.moment(),
		Others: d.IntN(9), Partly: d.maybe(),
		Refused: []time.Time{{}, d.moment()}[d.IntN(2)], LastOK: []time.Time{{}, d.moment()}[d.IntN(2)],
		Elsewhere:   some(d, d.IntN(6), d.source),
		Persistence: some(d, d.size(record.MaxPersistence), d.call), MorePersistence: d.IntN(9),
		Services: some(d, d.size(record.MaxServices), func() trail.ServiceUse {
			return trail.ServiceUse{Service: d.text(), Calls: 3, Denied: d.IntN(3)}
		}),
		Named: d.maybe(), NamesCut: some(d, d.IntN(3), d.text),
	}
}

func (d dice) region() trail.RegionCoverage {
	return trail.RegionCoverage{
		Region: d.text(), Covered: d.maybe(), Truncated: d.maybe(), Reason: []string{
			"", "access denied", strings.Repeat("long ", 200),
		}[d.IntN(3)],
	}
}

func (d dice) evidence() record.Evidence {
	return record.Evidence{
		Since: at.Add(-time.Hour), Until: at, Cutoff: cutoff, LeftOut: d.IntN(3), FollowUp: d.IntN(2), Last: d.maybe(),
		Regions: some(d, d.size(40), d.region),
		Suspects: some(d, d.size(record.MaxSuspects), func() record.Suspect {
			return record.Suspect{EventID: d.id(), Address: d.maybe(), Caller: d.maybe()}
		}),
	}
}

// add adds up to most events of a look to a story.
func (d dice) add(s *story, most int) {
	for range d.IntN(most + 1) {
		switch d.IntN(10) {
		case 0:
			s.add(approvals.EventLooking, "", record.Looking{Look: d.IntN(3), Done: d.IntN(20), All: d.IntN(20)})
		case 1, 2:
			s.add(approvals.EventEvidence, "", d.evidence())
		case 3, 4:
			s.add(approvals.EventSessions, "", record.Sessions{Rows: some(d, d.size(70), d.session)})
		case 5:
			s.add(approvals.EventParked, "", record.Failure{Work: d.text(), Sentence: d.word()})
		case 6:
			s.add(approvals.EventActivity, "", record.Activity{
				Sessions: some(d, d.size(14), d.did), Chain: some(d, d.size(record.MaxLinks), d.link),
				NotRead: d.IntN(2), MoreLinks: d.IntN(2),
				Partly: d.word(), Failed: spoken[d.IntN(4)*d.IntN(2)],
			})
		case 7:
			one := d.session()
			s.add(approvals.EventActivity, "", record.Activity{
				Chosen: one.Mark(), Asked: d.text(), Session: &one, Sessions: []record.SessionActivity{d.did()},
				Chain: some(d, 3, d.link), Failed: d.word(),
			})
		case 8:
			states := []record.EnforcementState{record.SeenDenied, record.SeenNotDenied, record.SeenUnknown}
			s.add(approvals.EventSeenDenied, "", record.Enforcement{State: states[d.IntN(3)], Denied: 1, Why: d.word()})
			if d.IntN(4) == 0 {
				s.add(approvals.EventEvidence, "", record.Evidence{Failed: d.word(), FollowUp: 2})
			}
		case 9:
			words := []record.Word{record.WordContained, record.WordNotContained, record.WordUnknown, ""}
			s.add(approvals.EventVerdict, "", record.Conclusion{
				Word: words[d.IntN(4)], Why: some(d, record.MaxReasons, d.text), Calls: some(d, d.size(record.MaxCalls), d.call),
				Sessions:    some(d, d.size(record.MaxCalls), d.session),
				Persistence: some(d, d.size(record.MaxToDo), d.call), Roles: some(d, d.size(record.MaxToDo), d.link),
			}.Trim())
		}
	}
}

// incident adds looks at CloudTrail to a story.
func incident(t *rapid.T, s *story) {
	texts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return foreign(t, "text") }), 1, 6).Draw(t, "texts")
	dice{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), texts}.add(s, 4)
}

var incidents = flag.Int("incidents", 80, "how many incidents are drawn")

// Rules 13, 18 and 19, over everything that the thread says of an incident.
func TestNoIncidentMakesTheThreadSayMoreThanIsKnownOrBreaksAMessage(t *testing.T) {
	start := applied(t)
	for seed := range uint64(*incidents) {
		d := dice{rand.New(rand.NewPCG(seed, 18)), []string{"deploy-42", "203.0.113.66", "a b", "ASIAEXAMPLE00000001"}}
		s := &story{t: t, events: slices.Clone(start.events)}
		d.add(s, 10)
		told(t, fmt.Sprint("incident ", seed), s)
		if t.Failed() {
			return
		}
	}
}

func FuzzNoIncidentMakesTheThreadSayMoreThanIsKnownOrBreaksAMessage(f *testing.F) {
	f.Add(uint64(1), "deploy-42", "<!channel>")
	f.Add(uint64(2), "`code`", "\xff\u202e\n")
	f.Fuzz(func(t *testing.T, seed uint64, one, other string) {
		s := applied(t)
		dice{rand.New(rand.NewPCG(seed, 19)), []string{one, other}}.add(s, 10)
		told(t, "incident", s)
	})
}

func applied(t *testing.T) *story {
	return begin(t, "key pasted in a gist", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventStarted, "", started()).
		add(approvals.EventApplied, "", record.Applied{
			Cutoff: cutoff, At: at.Add(22 * time.Second), Writes: 1, Seen: record.SeenEqual,
		})
}

// told checks all that is said of the last events of a story.
func told(t *testing.T, name string, s *story) {
	t.Helper()
	said := map[string]*messages.Message{}
	r := s.fold(len(s.events))
	said["card"] = messages.Card(r, s.events, exampleContext())
	for _, p := range messages.Thread(r, s.events, exampleContext()) {
		said[p.Name] = p.Message
	}
	var all strings.Builder
	for what, m := range said {
		if m == nil {
			continue
		}
		for _, form := range m.Forms() {
			harmless(t, name+" "+what, form)
		}
		all.WriteString(m.Text + "\n")
	}
	noMore(t, name, s.events, all.String())
}

// What was concluded of a deny is not said on the card of one that was touched since.
func TestTheCardSaysNothingOfAWordThatALaterEventTookTheGroundFrom(t *testing.T) {
	judged := func() *story {
		return applied(t).add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordContained})
	}
	held := record.Held{At: at.Add(30 * time.Minute), After: 30 * time.Minute, Cutoff: cutoff}
	const word = "Contained"
	for name, c := range map[string]struct {
		s    *story
		says bool
	}{
		"judged":        {judged(), true},
		"held after it": {judged().add(approvals.EventHeld, "", held), true},
		"taken off":     {judged().add(approvals.EventTampered, "", record.Tampered{State: role.Gone}), false},
		"written again": {judged().add(approvals.EventRewritten, "", record.Rewritten{
			Applied: record.Applied{At: at, Cutoff: cutoff},
		}), false},
		"undone by another": {judged().add(approvals.EventUndone, "", record.Undone{}), false},
	} {
		m := c.s.card()
		block, err := json.Marshal(m.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m.Text, word) != c.says || strings.Contains(string(block), word) != c.says {
			t.Errorf("%s: the card says %s", name, m.Text)
		}
	}
}

// harmless is examine for texts that may hold any words: what matters here are limits and markup.
func harmless(t *testing.T, name string, m *messages.Message) {
	t.Helper()
	check(t, name, m)
	live(t, name+" text", m.Text)
	for _, b := range m.Blocks {
		if section, ok := b.(*slackgo.SectionBlock); ok && section.Text != nil && section.Text.Type == slackgo.MarkdownType {
			live(t, name+" block", section.Text.Text)
		}
	}
}

// live checks that a text in mrkdwn holds no markup but the bot's own, and no code span that is not
// closed.
func live(t *testing.T, name, text string) {
	t.Helper()
	rest := spans.ReplaceAllString(fences.ReplaceAllString(text, ""), "")
	if strings.Contains(rest, "`") {
		t.Errorf("%s: a code span is not closed: %q", name, text)
	}
	for _, tag := range angled.FindAllString(text, -1) {
		if !allowed.MatchString(tag) {
			t.Errorf("%s: markup from outside: %q in %q", name, tag, text)
		}
	}
}

// noMore is rule 13: words that claim something are said only where the log has it.
func noMore(t *testing.T, name string, events []approvals.Event, text string) {
	t.Helper()
	in := record.Gather(events)
	after, contained, refused, elsewhere, named, made, onward := 0, false, false, false, false, false, false
	for _, s := range in.Sessions {
		if s.Issued() && s.After {
			after++
		}
	}
	for _, e := range events {
		var a record.Activity
		if e.Type == approvals.EventActivity && json.Unmarshal(e.Detail, &a) == nil {
			for _, l := range a.Chain {
				onward, made = onward || !l.Loop, made || len(l.Persistence) > 0
			}
			for _, did := range a.Sessions {
				made = made || len(did.Persistence) > 0
				named = named || did.Named && len(did.NamesCut) == 0
				refused, elsewhere = refused || !did.Refused.IsZero(), elsewhere || len(did.Elsewhere) > 0
			}
		}
		contained = contained || e.Type == approvals.EventVerdict && bytes.Contains(e.Detail, []byte(`"word":"contained"`))
	}
	for claim, is := range map[string]bool{
		"*Contained*":            contained,
		"Contained as far as":    contained,
		"denied since":           in.Enforced != nil && in.Enforced.State == record.SeenDenied,
		"no new session since":   after == 0 && in.Looks > 0,
		"*CloudTrail shows no":   in.Looks > 0,
		"*Seen denied* by an":    refused,
		"used from*":             elsewhere,
		"*Used from another":     elsewhere,
		"all of those were read": named,
		"*These sessions made":   made,
		"other role*, as far":    onward,
		"other roles*, as far":   onward,
	} {
		if strings.Contains(text, claim) && !is {
			t.Errorf("%s: it is said and not known: %q in\n%s", name, claim, text)
		}
	}
}

// Rule 18, in the files: a spreadsheet computes nothing, and both lists have the same sessions.
func TestTheCompleteListIsDataInBothForms(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := begin(t, "", 1)
		incident(r, s)
		in := record.Gather(s.events)
		table, err := report.CSV(in, exampleRole())
		if err != nil {
			r.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
		if err != nil {
			r.Fatalf("%v in\n%s", err, table)
		}
		lines, err := report.JSONLines(in, exampleRole())
		if err != nil {
			r.Fatal(err)
		}
		objects := strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")
		if len(in.Sessions) == 0 {
			objects = nil
		}
		if len(rows) != 1+len(in.Sessions) || len(objects) != len(in.Sessions) {
			r.Errorf("%d sessions, %d rows, %d objects", len(in.Sessions), len(rows), len(objects))
		}
		for _, row := range rows[1:] {
			for _, cell := range row {
				if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") ||
					strings.HasPrefix(cell, "@") || strings.ContainsAny(cell, "\r\n\t") {
					r.Errorf("a cell that does something: %q", cell)
				}
			}
		}
		for _, line := range objects {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				r.Errorf("%v: %s", err, line)
			}
		}
	})
}

// withKeys is an account whose access keys can be asked for.
func withKeys() messages.Context {
	c := exampleContext()
	c.Keys = true
	return c
}

// madeKey is an activity that made an access key whose id is known.
func madeKey() record.Activity {
	a := exampleActivity()
	for i := range a.Sessions {
		for j, c := range a.Sessions[i].Persistence {
			if c.Name == "CreateAccessKey" {
				a.Sessions[i].Persistence[j].Target += " AKIAEXAMPLECIDEPLOY1"
			}
		}
	}
	return a
}

func exampleWeaknesses() []role.Weakness {
	trust := "aws iam update-assume-role-policy --role-name DeployRole --policy-document '" + strings.Repeat("x", 200) +
		"main'"
	return []role.Weakness{
		{
			What:      "A session may last 12 hours",
			Command:   "aws iam update-role --role-name DeployRole --max-session-duration 3600",
			Terraform: "max_session_duration = 3600",
		},
		{
			What: `GitHub "acme/shop" gets in from every branch and pull request`, Command: trust,
			Terraform: `values = ["repo:acme/shop:ref:refs/heads/main"]`,
		},
		{What: "Account 444455556666 gets in without an external id", Command: trust, Terraform: "x"},
	}
}
