package messages_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

func exampleSessions() []messages.Session {
	return []messages.Session{
		{
			EventID: "e4", EventName: "AssumeRole", Time: at.Add(90 * time.Second), Expires: at.Add(time.Hour), Caller: "user ci-deploy", CallerID: "AIDACI",
			SessionName: "deploy-43", SourceAddress: "192.0.2.44", Region: "us-east-1", Key: "ASIAEXAMPLE00000004", After: true, Known: true,
		},
		{
			EventID: "e3", EventName: "AssumeRole", Time: at.Add(time.Minute), Caller: "role Deploy (session alice@example.com)", CallerID: "AROADEPLOY",
			SessionName: "chained", SourceAddress: "203.0.113.10", Region: "eu-west-1", Key: "ASIAEXAMPLE00000003", After: true,
		},
		{
			EventID: "e2", EventName: "AssumeRole", Time: at.Add(-time.Minute), Caller: "user ci-deploy", CallerID: "AIDACI", SessionName: "deploy-42",
			SourceAddress: "198.51.100.7", Region: "eu-west-1", Key: "ASIAEXAMPLE00000002", UserAgent: "python-requests/2.32",
		},
		{
			EventID: "e1", EventName: "AssumeRoleWithWebIdentity", Time: at.Add(-time.Hour), Caller: "GitHub acme/shop main", CallerID: "repo:acme/shop",
			SessionName: "GitHubActions", SourceAddress: "192.0.2.44", Region: "us-east-1", Key: "ASIAEXAMPLE00000001",
		},
		{
			EventID: "e0", EventName: "AssumeRole", Time: at.Add(-2 * time.Hour), Caller: "user mallory in 777788889999", CallerID: "AIDAMALLORY",
			SessionName: "x", SourceAddress: "198.51.100.7", Region: "us-east-1", ErrorCode: "AccessDenied", Uncertain: true,
		},
	}
}

func exampleEvidence() messages.Evidence {
	return messages.Evidence{
		Since: at.Add(-12 * time.Hour), Until: at.Add(30 * time.Second), Cutoff: cutoff,
		Suspects: []messages.Suspect{{EventID: "e2", Address: true}},
		Regions:  []messages.Region{{Name: "eu-west-1", Covered: true}, {Name: "us-east-1", Covered: true, Truncated: true}, {Name: "ap-south-1", Reason: "access denied"}},
	}
}

func exampleActivity() messages.Activity {
	return messages.Activity{
		Until: at.Add(time.Minute),
		Sessions: []messages.SessionActivity{{
			EventID: "e2", Key: "ASIAEXAMPLE00000002", Calls: 14, Denied: 3, First: at.Add(-50 * time.Second), Last: at.Add(50 * time.Second),
			Services: []messages.ServiceCalls{{Service: "iam", Calls: 9, Denied: 3}, {Service: "s3", Calls: 5}},
			Doors: []messages.Call{
				{EventID: "c1", Time: at.Add(-40 * time.Second), Service: "iam", Name: "CreateAccessKey", About: "user backdoor", Opens: "a key that outlives the session"},
				{EventID: "c2", Time: at.Add(-30 * time.Second), Service: "iam", Name: "PutRolePolicy", About: "role Admin", Opens: "more permissions", ErrorCode: "AccessDenied"},
			},
		}},
		Chain: []messages.Link{
			{Depth: 1, From: "DeployRole", FromSession: "deploy-42", RoleARN: "arn:aws:iam::111122223333:role/DataRole", RoleName: "DataRole", AccountID: "111122223333", Account: "prod", Sessions: 2, First: at},
			{Depth: 2, From: "DataRole", FromSession: "x", RoleARN: "arn:aws:iam::111122223333:role/ops/DeployRole", RoleName: "DeployRole", AccountID: "111122223333", Account: "prod", Sessions: 1, First: at, Loop: true},
			{Depth: 1, From: "DeployRole", FromSession: "deploy-42", RoleARN: "arn:aws:iam::999999999999:role/Other", RoleName: "Other", AccountID: "999999999999", Sessions: 1},
		},
	}
}

// looked is a story until its first look is told.
func (s *story) looked() *story {
	s.add(approvals.EventReadBack, "", readBack()).add(approvals.EventLooking, "", messages.Looking{})
	return s.add(approvals.EventEvidence, "", exampleEvidence()).add(approvals.EventSessions, "", messages.Sessions{Rows: exampleSessions()})
}

func (s *story) living(name string) *messages.Message {
	return messages.LivingMessage(name, s.fold(len(s.events)), s.events, exampleContext())
}

// trail is every message about CloudTrail, by name.
func trail(t *testing.T) map[string]*messages.Message {
	applied := func() *story {
		return begin(t, "key pasted in a gist", 1).add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventStarted, "", started()).
			add(approvals.EventApplied, "", messages.Applied{Cutoff: cutoff, At: at.Add(22 * time.Second), Writes: 1, Seen: messages.SeenEqual})
	}
	before := func() *story {
		return applied().add(approvals.EventReadBack, "", readBack()).add(approvals.EventEvidence, "", exampleEvidence()).
			add(approvals.EventSessions, "", messages.Sessions{Rows: exampleSessions()[2:4]})
	}
	failed := messages.Evidence{Failed: "AWS does not allow revokebot cloudtrail:LookupEvents in account prod."}
	withMore := exampleSessions()
	for i := range withMore {
		withMore[i].MFA, withMore[i].SourceIdentity = "yes", "alice"
	}
	follow := exampleEvidence()
	follow.FollowUp, follow.News, follow.Suspects = 1, append(exampleSessions()[:2:2], exampleSessions()[2]), []messages.Suspect{{EventID: "e2", Address: true, Caller: true}}
	nothing := exampleEvidence()
	nothing.Suspects, nothing.Last, nothing.FollowUp = nil, true, 3
	more := exampleActivity()
	more.Look, more.News, more.NewLinks = 1, []messages.Call{{
		Time: at.Add(5 * time.Minute), Service: "s3", Name: "ListBuckets", Region: "us-east-1", Address: "198.51.100.7", Session: "ASIAEXAMPLE00000002",
	}}, more.Chain[:1]
	chosen := exampleActivity()
	chosen.Chosen, chosen.Asked, chosen.Session = "mark", "U0ROSA", &exampleSessions()[3]
	notKnown := messages.Activity{Chosen: "mark", Asked: "U0ROSA", Failed: "AWS is answering too many requests.", Session: &exampleSessions()[3]}
	return map[string]*messages.Message{
		"evidence_looking":       applied().add(approvals.EventLooking, "", messages.Looking{}).living("evidence"),
		"evidence_progress":      applied().add(approvals.EventLooking, "", messages.Looking{Done: 1, All: 3}).living("evidence"),
		"evidence":               applied().looked().living("evidence"),
		"evidence_all_before":    before().living("evidence"),
		"evidence_seen_denied":   before().add(approvals.EventSeenDenied, "", messages.Enforcement{State: messages.SeenDenied, Denied: 3}).living("evidence"),
		"evidence_still_answers": before().add(approvals.EventSeenDenied, "", messages.Enforcement{State: messages.SeenNotDenied, Succeeded: 2}).living("evidence"),
		"evidence_none":          applied().add(approvals.EventEvidence, "", nothing).living("evidence"),
		"evidence_failed":        applied().add(approvals.EventEvidence, "", failed).living("evidence"),
		"evidence_failed_later":  before().add(approvals.EventEvidence, "", failed).living("evidence"),
		"evidence_looks_again":   before().add(approvals.EventLooking, "", messages.Looking{Look: 1, Done: 1, All: 3}).living("evidence"),
		"evidence_contained":     before().add(approvals.EventVerdict, "", messages.Conclusion{Word: messages.WordContained}).living("evidence"),
		"evidence_news":          applied().looked().add(approvals.EventEvidence, "", follow).last(),
		"sessions":               applied().looked().living("sessions"),
		"sessions_as_text":       applied().looked().living("sessions").Simpler,
		"sessions_more_columns": applied().add(approvals.EventEvidence, "", exampleEvidence()).
			add(approvals.EventSessions, "", messages.Sessions{Rows: withMore}).living("sessions"),
		"findings":          applied().looked().add(approvals.EventActivity, "", exampleActivity()).living("findings"),
		"findings_none":     applied().add(approvals.EventEvidence, "", nothing).add(approvals.EventActivity, "", messages.Activity{Until: at}).living("findings"),
		"findings_failed":   applied().looked().add(approvals.EventActivity, "", messages.Activity{Failed: "AWS is answering too many requests."}).living("findings"),
		"findings_news":     applied().looked().add(approvals.EventActivity, "", exampleActivity()).add(approvals.EventActivity, "", more).last(),
		"menu":              applied().looked().add(approvals.EventOffered, "", nil).living("menu"),
		"chosen":            applied().looked().add(approvals.EventActivity, "", chosen).last(),
		"chosen_failed":     applied().looked().add(approvals.EventActivity, "", notKnown).last(),
		"reply_chosen":      messages.ChosenNow(),
		"reply_chosen_yet":  messages.ChosenAlready(),
		"reply_members":     messages.MembersOnly(approvals.Guest),
		"reply_members_who": messages.MembersOnly(approvals.StandingUnknown),
		"verdict_contained": before().add(approvals.EventVerdict, "", messages.Conclusion{
			Word: messages.WordContained, Why: []string{"Both old sessions were seen denied after the cutoff.", "No session was opened since by a caller that stood out."},
		}).last(),
		"verdict_not_contained": before().add(approvals.EventVerdict, "", messages.Conclusion{
			Word: messages.WordNotContained, Why: []string{"A call of an old session was answered 4 min after the cutoff."}, Calls: more.News, Sessions: exampleSessions()[1:2],
		}).last(),
		"verdict_unknown": before().add(approvals.EventVerdict, "", messages.Conclusion{
			Word: messages.WordUnknown, Why: []string{"No old session made a call after the cutoff.", "us-east-1 was not read to its end."},
		}).last(),
	}
}

// spoken are sentences as package aws makes them, in which a name from outside may be quoted.
var spoken = []string{"", " ", "AWS said \"<!here>\" & \u202eno more.", strings.Repeat("It is not allowed in \"<#C0X>\". ", 200)}

// incident adds looks at CloudTrail whose every text is as bad as it gets.
func incident(t *rapid.T, s *story) {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return at.Add(time.Duration(rapid.IntRange(-50000, 50000).Draw(t, "s")) * time.Second)
	})
	word := rapid.Custom(func(t *rapid.T) string { return foreign(t, "text") })
	session := rapid.Custom(func(t *rapid.T) messages.Session {
		return messages.Session{
			EventID: fmt.Sprint(rapid.IntRange(0, 80).Draw(t, "id")), Time: moment.Draw(t, "time"), Caller: word.Draw(t, "caller"), CallerID: word.Draw(t, "id"),
			SessionName: word.Draw(t, "name"), SourceIdentity: word.Draw(t, "identity"), MFA: word.Draw(t, "mfa"), SourceAddress: word.Draw(t, "address"),
			UserAgent: word.Draw(t, "agent"), Region: word.Draw(t, "region"), Key: word.Draw(t, "key"),
			ErrorCode: rapid.SampledFrom(append(nasty, "", "", "")).Draw(t, "error"), Uncertain: rapid.Bool().Draw(t, "uncertain"),
			After: rapid.Bool().Draw(t, "after"), Known: rapid.Bool().Draw(t, "known"), Derived: rapid.Bool().Draw(t, "derived"),
		}.Trim()
	})
	call := rapid.Custom(func(t *rapid.T) messages.Call {
		return messages.Call{
			EventID: word.Draw(t, "id"), Time: moment.Draw(t, "time"), Service: word.Draw(t, "service"), Name: word.Draw(t, "name"), Region: word.Draw(t, "region"),
			Address: word.Draw(t, "address"), ErrorCode: word.Draw(t, "error"), About: word.Draw(t, "about"), Opens: rapid.SampledFrom([]string{"", "a key that outlives the session"}).Draw(t, "opens"), Session: word.Draw(t, "key"),
		}.Trim()
	})
	link := rapid.Custom(func(t *rapid.T) messages.Link {
		return messages.Link{
			Depth: rapid.IntRange(-1, 9).Draw(t, "depth"), From: word.Draw(t, "from"), FromSession: word.Draw(t, "session"), RoleARN: word.Draw(t, "arn"),
			RoleName: word.Draw(t, "role"), AccountID: word.Draw(t, "id"), Account: rapid.SampledFrom([]string{"", "prod"}).Draw(t, "account"),
			Sessions: rapid.Int().Draw(t, "sessions"), First: moment.Draw(t, "first"), Loop: rapid.Bool().Draw(t, "loop"),
		}.Trim()
	})
	did := rapid.Custom(func(t *rapid.T) messages.SessionActivity {
		a := messages.SessionActivity{
			EventID: fmt.Sprint(rapid.IntRange(0, 80).Draw(t, "id")), Calls: rapid.IntRange(0, 99).Draw(t, "calls"), Denied: rapid.IntRange(0, 9).Draw(t, "denied"),
			First: moment.Draw(t, "first"), Last: moment.Draw(t, "last"), Doors: rapid.SliceOfN(call, 0, messages.MaxDoors).Draw(t, "doors"),
			MoreDoors: rapid.IntRange(0, 9).Draw(t, "more"), Others: rapid.IntRange(0, 9).Draw(t, "others"), Partly: rapid.Bool().Draw(t, "partly"),
		}
		for range rapid.IntRange(0, messages.MaxServices).Draw(t, "services") {
			a.Services = append(a.Services, messages.ServiceCalls{Service: word.Draw(t, "service"), Calls: 3, Denied: rapid.IntRange(0, 3).Draw(t, "denied")})
		}
		return a.Trim()
	})
	region := rapid.Custom(func(t *rapid.T) messages.Region {
		return messages.Region{
			Name: word.Draw(t, "region"), Covered: rapid.Bool().Draw(t, "covered"), Truncated: rapid.Bool().Draw(t, "truncated"),
			Reason: rapid.SampledFrom([]string{"", "access denied", strings.Repeat("long ", 200)}).Draw(t, "why"),
		}
	})
	evidence := messages.Evidence{
		Since: at.Add(-time.Hour), Until: at, Cutoff: cutoff, LeftOut: rapid.IntRange(0, 3).Draw(t, "left out"), FollowUp: rapid.IntRange(0, 1).Draw(t, "look"),
		Last: rapid.Bool().Draw(t, "last"), News: rapid.SliceOfN(session, 0, messages.MaxNews).Draw(t, "news"), MoreNews: rapid.IntRange(0, 2).Draw(t, "more"),
		Regions: rapid.SliceOfN(region, 0, 40).Draw(t, "regions"),
	}
	for range rapid.IntRange(0, messages.MaxSuspects).Draw(t, "suspects") {
		evidence.Suspects = append(evidence.Suspects, messages.Suspect{
			EventID: fmt.Sprint(rapid.IntRange(0, 80).Draw(t, "id")), Address: rapid.Bool().Draw(t, "address"), Caller: rapid.Bool().Draw(t, "caller"),
		})
	}
	rows := rapid.SliceOfN(session, 0, 70).Draw(t, "rows")
	s.add(approvals.EventEvidence, "", evidence).add(approvals.EventSessions, "", messages.Sessions{Rows: rows}).add(approvals.EventOffered, "", nil)
	s.add(approvals.EventActivity, "", messages.Activity{
		Until: at, Sessions: rapid.SliceOfN(did, 0, 14).Draw(t, "activities"), Chain: rapid.SliceOfN(link, 0, messages.MaxLinks).Draw(t, "chain"),
		News: rapid.SliceOfN(call, 0, messages.MaxNews).Draw(t, "news"), NewLinks: rapid.SliceOfN(link, 0, messages.MaxNews).Draw(t, "new links"),
		NotRead: rapid.IntRange(0, 2).Draw(t, "not read"), MoreLinks: rapid.IntRange(0, 2).Draw(t, "more links"), Partly: rapid.SampledFrom(spoken).Draw(t, "partly"),
	})
	one := session.Draw(t, "chosen")
	s.add(approvals.EventActivity, "", messages.Activity{
		Chosen: one.Mark(), Asked: word.Draw(t, "who"), Session: &one, Sessions: []messages.SessionActivity{did.Draw(t, "did")},
		Chain: rapid.SliceOfN(link, 0, 3).Draw(t, "chain"), Failed: rapid.SampledFrom(spoken).Draw(t, "failed"),
	})
	s.add(approvals.EventEvidence, "", messages.Evidence{Failed: rapid.SampledFrom(spoken).Draw(t, "failed"), FollowUp: 2})
	s.add(approvals.EventSeenDenied, "", messages.Enforcement{
		State: rapid.SampledFrom([]messages.EnforcementState{messages.SeenDenied, messages.SeenNotDenied, messages.SeenUnknown}).Draw(t, "state"), Denied: 1,
		Why: rapid.SampledFrom(spoken).Draw(t, "why"),
	})
	s.add(approvals.EventVerdict, "", messages.Conclusion{
		Word: rapid.SampledFrom([]messages.Word{messages.WordContained, messages.WordNotContained, messages.WordUnknown, ""}).Draw(t, "word"),
		Why:  rapid.SliceOfN(word, 0, messages.MaxReasons).Draw(t, "why"), Calls: rapid.SliceOfN(call, 0, messages.MaxCalls).Draw(t, "calls"),
		Sessions: rapid.SliceOfN(session, 0, messages.MaxCalls).Draw(t, "sessions"),
	}.Trim())
}

// Rule 18, in the files: a spreadsheet computes nothing, and both lists have the same sessions.
func TestTheCompleteListIsDataInBothForms(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := begin(t, "", 1)
		incident(r, s)
		in := messages.Gather(s.events)
		table, err := in.CSV()
		if err != nil {
			r.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
		if err != nil {
			r.Fatalf("%v in\n%s", err, table)
		}
		lines, err := in.JSONLines()
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
				if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "@") || strings.ContainsAny(cell, "\r\n\t") {
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
