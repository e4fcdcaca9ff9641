package trail

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// visitsOf makes sessions of a caller, one for each "minute address" pair.
func visitsOf(caller string, visits ...any) []Session {
	var all []Session
	for i := 0; i < len(visits); i += 2 {
		at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(visits[i].(int)) * time.Minute)
		all = append(all, Session{
			EventID: fmt.Sprintf("%s-%d", caller, i), Kind: KindAssumed, Time: at, Caller: caller, CallerID: caller,
			CallerType: "IAMUser", CallerAccessKey: "AKIA-" + caller, SessionName: caller,
			SourceAddress: visits[i+1].(string), AccessKeyID: fmt.Sprintf("ASIA-%s-%d", caller, i),
		})
	}
	return all
}

func all(parts ...[]Session) []Session {
	var whole []Session
	for _, p := range parts {
		whole = append(whole, p...)
	}
	return whole
}

func with(sessions []Session, change func(*Session)) []Session {
	for i := range sessions {
		change(&sessions[i])
	}
	return sessions
}

func TestSessionsFromACallerOrAddressSeenNowhereElseAreSuspicious(t *testing.T) {
	const lambda = "lambda.amazonaws.com"
	github := func(s *Session) { s.CallerType = "WebIdentityUser" }
	denied := func(s *Session) { s.ErrorCode, s.Denied = "AccessDenied", true }
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		sessions []Session
		cutoff   time.Time
		want     []string
	}{
		"nothing": {},
		"one session has nothing to be compared with": {
			sessions: visitsOf("alice", 0, office),
		},
		"two people who come and go": {
			sessions: all(visitsOf("alice", 0, office, 300, office), visitsOf("bob", 30, "192.0.2.1", 400, "192.0.2.1")),
		},
		"somebody who was there once": {
			sessions: all(visitsOf("alice", 0, office, 300, office), visitsOf("eve", 200, thief)),
			want:     []string{"+200 eve caller"},
		},
		"somebody who was there for a while, once, and denied": {
			sessions: all(visitsOf("alice", 0, office, 300, office), with(visitsOf("eve", 200, thief, 212, thief), denied)),
			want: []string{
				"+212 eve caller",
				"+200 eve caller",
			},
		},
		"whoever came first may be the stranger": {
			sessions: all(visitsOf("eve", 0, thief), visitsOf("bob", 100, "192.0.2.1", 300, "192.0.2.1")),
			want:     []string{"+0 eve caller"},
		},
		"of two who came once each, both are looked at": {
			sessions: all(visitsOf("alice", 0, office), visitsOf("eve", 40, thief)),
			want:     []string{"+40 eve caller", "+0 alice caller"},
		},
		"a stolen key": {
			sessions: visitsOf("alice", 0, office, 100, office, 200, office, 250, thief, 260, thief),
			want: []string{
				"+260 alice address",
				"+250 alice address",
			},
		},
		"a stolen key, and one session to compare with": {
			sessions: visitsOf("alice", 0, office, 250, thief),
			want:     []string{"+250 alice address"},
		},
		"a colleague's office is no strange place": {
			sessions: all(visitsOf("alice", 0, office, 250, "192.0.2.1"), visitsOf("bob", 10, "192.0.2.1", 400, "192.0.2.1")),
		},
		"two stolen identities do not vouch for each other": {
			sessions: all(visitsOf("alice", 0, office, 100, office, 250, thief),
				visitsOf("bob", 10, "192.0.2.1", 200, "192.0.2.1", 251, thief)),
			want: []string{
				"+251 bob address",
				"+250 alice address",
			},
		},
		"hosted runners come from everywhere": {
			sessions: with(visitsOf("GitHub", 0, "192.0.2.1", 100, "192.0.2.2", 200, "192.0.2.3", 300, "192.0.2.4"), github),
		},
		"and from the same ones again": {
			sessions: with(visitsOf("GitHub", 0, "192.0.2.1", 100, "192.0.2.1", 150, "192.0.2.2", 200, "192.0.2.2", 250,
				"192.0.2.3", 300, "192.0.2.3", 350, "192.0.2.4"), github),
		},
		"a runner of their own does not": {
			sessions: with(visitsOf("GitHub", 0, office, 100, office, 200, office, 250, thief), github),
			want:     []string{"+250 GitHub address"},
		},
		"so do people on the road": {
			sessions: visitsOf("alice", 0, "192.0.2.1", 100, "192.0.2.2", 200, "192.0.2.3", 300, "192.0.2.4"),
		},
		"services have no address": {
			sessions: all(visitsOf("Lambda", 0, lambda, 100, lambda),
				visitsOf("EC2", 10, "ec2.amazonaws.com", 200, "AWS Internal")),
		},
		"a new function is a new caller": {
			sessions: all(visitsOf("Lambda a", 0, lambda, 100, lambda), visitsOf("Lambda b", 50, lambda)),
			want:     []string{"+50 Lambda b caller"},
		},
		"somebody new after the cutoff": {
			sessions: all(visitsOf("alice", 0, office, 800, office), visitsOf("eve", 750, thief, 900, thief)),
			cutoff:   noon,
			want:     []string{"+900 eve caller", "+750 eve caller"},
		},
		"who comes back after the cutoff is no regular for that": {
			sessions: all(visitsOf("alice", 0, office, 100, office, 650, "192.0.2.9", 800, "192.0.2.77"),
				visitsOf("eve", 600, thief, 730, thief)),
			cutoff: noon,
			want: []string{
				"+650 alice address",
				"+600 eve caller",
			},
		},
		"attempts that may be about another role do not count": {
			sessions: all(visitsOf("alice", 0, office, 300, office),
				with(visitsOf("eve", 200, thief), func(s *Session) { s.Uncertain = true })),
		},
	} {
		var got []string
		for _, s := range Suspects(c.sessions, c.cutoff) {
			line := fmt.Sprintf("+%d %s", int(s.Session.Time.Sub(noon.Add(-12*time.Hour)).Minutes()), s.Session.Caller)
			if s.Caller {
				line += " caller"
			}
			if s.Address {
				line += " address"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheStrangestComeFirstAndPeopleBeforeServices(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	sessions := visitsOf("principal alice", 0, office, 300, office, 600, "192.0.2.9")
	for i := range 20 {
		build := visitsOf(fmt.Sprintf("web issuer build-%d", i), 640+i, "192.0.2.1")
		sessions = append(sessions, with(build, func(s *Session) { s.CallerType = "WebIdentityUser" })...)
	}
	sessions = append(sessions, with(visitsOf("service ecs-tasks task", 710, ""), func(s *Session) {
		s.CallerType = "AWSService"
	})...)
	sessions = append(sessions, visitsOf("principal eve", 100, thief)...)
	sessions = append(sessions, visitsOf("principal mallory", 730, "192.0.2.66")...)
	var got []string
	for _, s := range Suspects(sessions, noon) {
		got = append(got, s.Session.CallerID)
	}
	if len(got) != 24 {
		t.Fatalf("%d suspects: %q", len(got), got)
	}
	want := []string{"principal mallory", "principal alice", "principal eve", "service ecs-tasks task"}
	if diff := cmp.Diff(want, append(got[:3:3], got[23])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
