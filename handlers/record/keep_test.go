package record_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
)

func must(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A thief who goes on calling pushes the key that was made out of what a later look reads.
func TestWhatALookFoundIsNotLostWhenALaterOneReadsLess(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	made := record.Call{Call: trail.Call{
		EventID: "made", Time: at, Service: "iam", Name: "CreateAccessKey", Target: "user backdoor AKIA1",
		SourceAddress: "203.0.113.66",
	}}
	read := record.Call{Call: trail.Call{
		EventID: "read", Time: at.Add(time.Minute), Service: "secretsmanager", Name: "GetSecretValue",
		Target: "secret a", Times: 6,
	}}
	again := record.Call{Call: trail.Call{
		EventID: "again", Time: at.Add(time.Hour), Service: "secretsmanager", Name: "GetSecretValue",
		Target: "secret a", Times: 2,
	}}
	link := record.Link{
		Depth: 1, From: "DeployRole", RoleARN: "arn:aws:iam::111122223333:role/Other", AccountID: "111122223333",
	}
	look := func(number int, partly bool, chain []record.Link, doors ...record.Call) approvals.Event {
		v := record.Activity{Look: number, Sessions: []record.SessionActivity{{
			EventID: "s", Calls: 10, Partly: partly, Persistence: doors,
			Elsewhere: []trail.Source{
				{Address: "203.0.113.66", Calls: 10 - number, First: at.Add(time.Duration(number) * time.Hour)},
			},
		}}, Chain: chain}
		if partly {
			v.Partly = "There were more calls or keys than are looked at, so there may be more."
		}
		return approvals.Event{Type: approvals.EventActivity, Detail: must(t, v)}
	}
	first := look(0, false, []record.Link{link}, made, read)

	in := record.Gather([]approvals.Event{first, look(1, true, nil, again), look(2, true, nil)})
	got := in.Activities["s"]
	if len(got.Persistence) != 2 || got.Persistence[0].EventID != "made" || got.Persistence[1].EventID != "again" ||
		got.Persistence[1].Times != 6 {
		t.Errorf("doors: %+v", got.Persistence)
	}
	if len(in.Chain) != 1 || in.Chain[0].RoleARN != link.RoleARN {
		t.Errorf("roles: %+v", in.Chain)
	}
	if from := got.Elsewhere; len(from) != 1 || !from[0].First.Equal(at) || from[0].Calls != 10 {
		t.Errorf("addresses: %+v", from)
	}

	in = record.Gather([]approvals.Event{first, look(1, false, nil, again)})
	if got := in.Activities["s"].Persistence; len(got) != 1 || len(in.Chain) != 0 {
		t.Errorf("a look that read everything did not replace the one before: %+v, %+v", got, in.Chain)
	}
}

func TestOfMoreOpenDoorsThanAreKeptThoseThatWorkedAreKept(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	worked := record.SessionActivity{EventID: "s", Persistence: []record.Call{{Call: trail.Call{
		EventID: "made", Time: at, Name: "CreateAccessKey",
	}}}}
	noise := record.SessionActivity{EventID: "s", Partly: true}
	for i := range record.MaxPersistence {
		noise.Persistence = append(noise.Persistence, record.Call{Call: trail.Call{
			EventID: fmt.Sprint(i), Time: at.Add(-time.Duration(i+1) * time.Minute), Name: "CreateUser",
			Target: fmt.Sprint(i), ErrorCode: "AccessDenied",
		}})
	}
	var events []approvals.Event
	for _, a := range []record.SessionActivity{worked, noise} {
		events = append(events, approvals.Event{
			Type: approvals.EventActivity, Detail: must(t, record.Activity{Sessions: []record.SessionActivity{a}}),
		})
	}
	got := record.Gather(events).Activities["s"]
	if len(got.Persistence) != record.MaxPersistence || got.MorePersistence != 1 ||
		!slices.ContainsFunc(got.Persistence, func(c record.Call) bool { return c.EventID == "made" }) {
		t.Errorf("%d doors and %d more: %+v", len(got.Persistence), got.MorePersistence, got.Persistence)
	}
}
