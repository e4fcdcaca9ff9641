package trail

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASessionWhoseKeyIsUsedFromAnotherAddressIsACopyInOtherHands(t *testing.T) {
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	from := func(sources ...any) Activity { // "address minute" pairs
		var a Activity
		for i := 0; i < len(sources); i += 2 {
			at := midnight.Add(time.Duration(sources[i+1].(int)) * time.Minute)
			a.Calls += 2
			a.Sources = append(a.Sources, Source{Address: sources[i].(string), Calls: 2, First: at, Last: at})
		}
		return a
	}
	lambda := func(s *Session) { s.CallerType, s.SourceAddress = "AWSService", "lambda.amazonaws.com" }
	for name, c := range map[string]struct {
		sessions   []Session
		activities map[string]Activity
		want       []string
	}{
		"one caller, one address, and a thief": {
			sessions:   visitsOf("ci", 0, office, 10, office),
			activities: map[string]Activity{"ASIA-ci-0": from(office, 1, thief, 7), "ASIA-ci-2": from(office, 11)},
			want:       []string{"ASIA-ci-0 198.51.100.66"},
		},
		"used where it was opened": {
			sessions: visitsOf("ci", 0, office), activities: map[string]Activity{"ASIA-ci-0": from(office, 1)},
		},
		"what was not looked at is not known": {sessions: visitsOf("ci", 0, office)},
		"a service's holder may be anywhere": {
			sessions: with(visitsOf("f", 0, ""), lambda), activities: map[string]Activity{"ASIA-f-0": from("192.0.2.1", 1)},
		},
		"a service calls in its name": {
			sessions: visitsOf("ci", 0, office), activities: map[string]Activity{
				"ASIA-ci-0": from("cloudformation.amazonaws.com", 1),
			},
		},
		"used from a place where others had been before": {
			sessions:   append(visitsOf("ci", 30, office), visitsOf("bob", 0, "192.0.2.1", 300, "192.0.2.1")...),
			activities: map[string]Activity{"ASIA-ci-0": from("192.0.2.1", 40)},
		},
		"who comes there only later makes it no such place": {
			sessions: append(visitsOf("ci", 30, office, 60, office, 90, office, 200, thief),
				visitsOf("bob", 0, "192.0.2.1", 300, "192.0.2.1")...),
			activities: map[string]Activity{"ASIA-ci-0": from(thief, 40)},
			want:       []string{"ASIA-ci-0 198.51.100.66"},
		},
		"who is strange there makes it no such place either": {
			sessions:   append(visitsOf("ci", 30, office, 300, office), visitsOf("eve", 0, thief)...),
			activities: map[string]Activity{"ASIA-ci-0": from(thief, 40)},
			want:       []string{"ASIA-ci-0 198.51.100.66"},
		},
		"a broker opens sessions for others as a rule": {
			sessions: visitsOf("broker", 0, office, 1, office, 2, office, 3, office),
			activities: map[string]Activity{
				"ASIA-broker-0": from("192.0.2.1", 5), "ASIA-broker-2": from("192.0.2.2", 5), "ASIA-broker-4": from("192.0.2.3", 5),
				"ASIA-broker-6": from("192.0.2.4", 5),
			},
		},
	} {
		var got []string
		for _, s := range Copied(c.sessions, c.activities, Suspects(c.sessions, time.Time{})) {
			got = append(got, s.Session.AccessKeyID+" "+s.Elsewhere[0].Address)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestASuspectForTwoReasonsIsToldOnceWithBothAndCopiesComeFirst(t *testing.T) {
	sessions := append(visitsOf("alice", 0, office, 300, office), visitsOf("eve", 200, thief, 201, thief)...)
	suspects := Suspects(sessions, time.Time{})
	copied := []Suspect{{Session: sessions[2], Elsewhere: []Source{{Address: "192.0.2.66"}}}}
	got := WithCopied(suspects, copied)
	if len(got) != 2 || len(got[0].Elsewhere) != 1 || !got[0].Caller ||
		got[1].Session.EventID != sessions[3].EventID {
		t.Errorf("got %+v", got)
	}
}
