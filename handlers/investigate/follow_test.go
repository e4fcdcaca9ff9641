package investigate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// long is a text that takes six bytes of JSON for each of its characters.
var long = strings.Repeat("\x01", 2000)

func longCall(i int) trail.Call {
	return trail.Call{
		EventID: fmt.Sprint(i), Time: time.Unix(int64(i), 0), Service: long, Name: long, Region: long, ErrorCode: long,
		Target: long, SourceAddress: long,
	}
}

func longSession(i int) trail.Session {
	return trail.Session{
		EventID: fmt.Sprint(i), Caller: long, CallerARN: long, CallerID: long, CallerAccessKey: long, SessionName: long,
		SourceIdentity: long,
		SourceAddress:  long, UserAgent: long, Region: long, AccessKeyID: long,
	}
}

func TestNoEventOfALookIsLargerThanItMayBe(t *testing.T) {
	t.Parallel()
	var rows []record.Session
	for i := range 5000 {
		rows = append(rows, sessionRow(longSession(i)))
	}
	lists, left := record.Pack(rows, listed)
	if left != 5000-listed {
		t.Fatalf("%d are left out", left)
	}
	kept := 0
	for _, list := range lists {
		if size := len(must(t, record.Sessions{Rows: list})); size > record.MaxDetail+100 {
			t.Errorf("%d sessions take %d bytes", len(list), size)
		}
		kept += len(list)
	}
	if kept != listed {
		t.Errorf("%d sessions are kept", kept)
	}

	told := record.Activity{Partly: strings.Repeat("x", 1000)}
	var did trail.Activity
	for i := range 100 {
		did.Persistence = append(did.Persistence, longCall(i))
		did.Services = append(did.Services, trail.ServiceUse{Service: long[:40], Calls: 1})
	}
	did.PersistenceCalls = 100
	var away []trail.Source
	for range 5 {
		away = append(away, trail.Source{Address: long, UserAgent: long})
	}
	var chain []trail.ChainLink
	for i := range 50 {
		told.Sessions = append(told.Sessions, activityOf(longSession(i), did, away))
		chain = append(chain, trail.ChainLink{
			Depth: 1, Parent: longSession(i), Child: trail.Session{}, RoleARN: fmt.Sprint(i, long),
		})
	}
	told.Chain, told.MoreLinks = links(record.Role{}, chain)
	detail := fitActivity(&told)
	if len(detail) > record.MaxDetail {
		t.Errorf("it takes %d bytes", len(detail))
	}

	var j trail.Judgement
	for i := range 100 {
		j.Reasons, j.Calls, j.Sessions = append(j.Reasons, long), append(j.Calls, longCall(i)),
			append(j.Sessions, longSession(i))
		j.Persistence = append(j.Persistence, longCall(i))
		j.Roles = append(j.Roles, trail.ChainLink{RoleARN: fmt.Sprint(long, i), Child: longSession(i), Depth: 1})
	}
	c := conclusion(record.Role{}, j, nil)
	if detail = fitConclusion(&c); len(detail) > record.MaxDetail || len(c.Calls) == 0 ||
		len(c.Persistence) == 0 || len(c.Roles) == 0 {
		t.Errorf("a verdict takes %d bytes", len(detail))
	}

	var found record.Evidence
	for i := range record.MaxSuspects {
		found.Suspects = append(found.Suspects, record.Suspect{EventID: rows[i].EventID})
	}
	if detail = record.Encode(found); len(detail) > record.MaxDetail {
		t.Errorf("what was found takes %d bytes", len(detail))
	}
}

func must(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOnlyOldSessionsSpeakForOrAgainstTheDeny(t *testing.T) {
	t.Parallel()
	cutoff := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	q := &investigation{
		Investigator: New(Config{Requests: step.Requests{Measures: measures.All()}}),
		cutoff:       cutoff, until: cutoff.Add(20 * time.Minute),
	}
	in := []trail.RegionCoverage{{Region: "us-east-1", Covered: true}}
	late := trail.Call{EventID: "c", Time: cutoff.Add(propagation + time.Second)}
	early := trail.Call{EventID: "c", Time: cutoff.Add(propagation - time.Second)}
	answered := func(c trail.Call) trail.Activity {
		return trail.Activity{SucceededAfter: 1, LastSucceeded: c.Time, SucceededAfterCutoff: []trail.Call{c}, Regions: in}
	}
	denied := trail.Activity{
		DeniedAfter: 2, FirstDenied: cutoff.Add(time.Second), FirstExplicitDeny: cutoff.Add(time.Second), Regions: in,
	}
	for _, c := range []struct {
		name string
		did  map[string]trail.Activity
		old  string // the keys of old sessions
		want record.EnforcementState
	}{
		{"nothing was looked at", nil, "", record.SeenUnknown},
		{"an old session was silent", map[string]trail.Activity{"a": {Regions: in}}, "a", record.SeenUnknown},
		{"an old session was denied", map[string]trail.Activity{"a": denied}, "a", record.SeenDenied},
		{"a new session was denied", map[string]trail.Activity{"a": denied}, "", record.SeenUnknown},
		{
			"refused without a word of a deny", map[string]trail.Activity{
				"a": {DeniedAfter: 2, FirstDenied: cutoff, Regions: in},
			}, "a", record.SeenUnknown,
		},
		{"answered while the policy spread", map[string]trail.Activity{"a": answered(early)}, "a", record.SeenUnknown},
		{
			"answered while the policy spread, then denied",
			map[string]trail.Activity{"a": answered(early), "b": denied},
			"ab", record.SeenDenied,
		},
		{"answered too late", map[string]trail.Activity{"a": answered(late)}, "a", record.SeenNotDenied},
		{
			"one answered too late, another denied",
			map[string]trail.Activity{"a": answered(late), "b": denied},
			"ab", record.SeenNotDenied,
		},
		{"a new session was answered", map[string]trail.Activity{"a": answered(late), "b": denied}, "b", record.SeenDenied},
	} {
		s := followed{activities: c.did, old: map[string]bool{}}
		for _, key := range c.old {
			s.old[string(key)] = true
		}
		if got := q.enforcement(s); got.State != c.want {
			t.Errorf("%s: %s, not %s (%s)", c.name, got.State, c.want, got.Why)
		}
	}
}
