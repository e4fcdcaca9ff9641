package approvals_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// The people and places of the tests.
const (
	alice = "U0ALICE" // asks
	bob   = "U0BOB"   // approves
	carol = "U0CAROL" // approves
	dave  = "U0DAVE"  // is in the group of approvers
	erin  = "U0ERIN"  // is nobody
	sec   = "S0SECURITY"
	ops   = "S0OPS"
	card  = "1700000000.000100"
)

var (
	home   = approvals.Place{Team: "T0HOME", App: "A0BOT", Channel: "C0INCIDENT"}
	opened = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	policy = approvals.Policy{Approvers: []string{bob, carol, sec}, Required: 1}
)

const expireAfter = 15 * time.Minute

// member is somebody of the home workspace about whom nothing speaks against them, and who is in no
// group.
func member(id string) approvals.Facts {
	return approvals.Facts{
		Person: approvals.Person{ID: id, Found: true, Team: home.Team},
		Groups: map[string]approvals.Membership{sec: approvals.NotMember, ops: approvals.NotMember},
	}
}

// click is an attempt with nothing wrong about it but who makes it.
func click(action approvals.Action, by string) approvals.Attempt {
	return approvals.Attempt{
		Action: action, By: by, Place: home, Card: card, Source: string(action) + " of " + by, Facts: member(by),
	}
}

// log writes down events one after the other, a second apart.
type log []approvals.Event

// asked is the log of a request by Alice that needs so many approvals.
func asked(t testing.TB, required int) log {
	t.Helper()
	return askedFor(t, approvals.Revoke.Do(), required)
}

func askedFor(t testing.TB, purpose approvals.Purpose, required int) log {
	t.Helper()
	detail, err := json.Marshal(approvals.Opening{
		Purpose: purpose,
		Subject: approvals.Subject{Key: "111122223333/AROA1", Group: "prod", Facts: json.RawMessage(`{"name":"DeployRole"}`)},
		Place:   home, Reason: "key in a gist", Required: required, ExpireAfter: expireAfter,
	})
	if err != nil {
		t.Fatal(err)
	}
	return log{{Seq: 1, Type: approvals.EventRequested, At: opened, By: alice, Source: "command", Detail: detail}}
}

func (l log) then(types ...approvals.EventType) log {
	for _, e := range types {
		l = l.by("", e)
	}
	return l
}

func (l log) by(who string, e approvals.EventType) log {
	n := int64(len(l))
	return append(l[:n:n], approvals.Event{Seq: n + 1, Type: e, At: opened.Add(time.Duration(n) * time.Second), By: who})
}

func (l log) from(source string, e approvals.EventType) log {
	l = l.by("", e)
	l[len(l)-1].Source = source
	return l
}

func (l log) fold(t *testing.T) approvals.Request {
	t.Helper()
	r, err := approvals.Fold("R1", l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
