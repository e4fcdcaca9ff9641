package actors_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/sandbox/actors"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// stage is a stand-in with its world and running actors. Use it inside a synctest bubble.
type stage struct {
	server *standin.Server
	world  actors.World
	cast   *actors.Cast
}

func play(t *testing.T, config standin.Config) stage {
	t.Helper()
	server := standin.New(config)
	world, err := actors.SeedAWS(server)
	if err != nil {
		t.Fatal(err)
	}
	l := pipe.Listen()
	httpServer := &http.Server{Handler: server}
	go func() { _ = httpServer.Serve(l) }()
	cast := actors.New(actors.Config{
		HTTPClient: l.Client(), Endpoint: "http://aws.sandbox", RoleARN: world.Role, Key: world.Key(),
		Rival: world.RivalKey(), Console: world.ConsoleKey(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cast.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = server.Close()
		_ = httpServer.Close()
		_ = l.Close()
	})
	return stage{server, world, cast}
}

// revoke puts the deny on the role, with a cutoff that lies in the future by margin.
func (s stage) revoke(t *testing.T, margin time.Duration) {
	t.Helper()
	cutoff := s.server.Now().Add(margin).Format("2006-01-02T15:04:05.000Z")
	err := s.world.Prod.PutRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],`+
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"`+cutoff+`"}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
}

func outcomes(lines []actors.Line) []actors.Outcome {
	var out []actors.Outcome
	for _, l := range lines {
		if len(out) == 0 || out[len(out)-1] != l.Outcome {
			out = append(out, l.Outcome)
		}
	}
	return out
}

func TestTheThiefStaysOutAndTheJobComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{Propagation: 4 * time.Second})
		time.Sleep(5500 * time.Millisecond)
		for _, a := range []actors.Actor{actors.Thief, actors.Job} {
			if st := s.cast.Status(a); st.State != actors.GetsAnswers || st.Answers < 5 || st.Denials != 0 {
				t.Fatalf("before: %+v", st)
			}
		}

		s.revoke(t, 10*time.Second)
		time.Sleep(2 * time.Second)
		if st := s.cast.Status(actors.Thief); st.State != actors.GetsAnswers {
			t.Errorf("denied before the policy is enforced: %+v", st)
		}
		time.Sleep(4 * time.Second)
		if st := s.cast.Status(actors.Thief); st.State != actors.IsDenied {
			t.Errorf("after propagation: %+v", st)
		}
		time.Sleep(time.Minute)
		thief, job := s.cast.Status(actors.Thief), s.cast.Status(actors.Job)
		if thief.State != actors.IsDenied || thief.Assumed != 0 {
			t.Errorf("thief at the end: %+v", thief)
		}
		if job.State != actors.GetsAnswers || job.Assumed == 0 || job.Denials == 0 {
			t.Errorf("job at the end: %+v", job)
		}
		if got, want := outcomes(s.cast.Lines(actors.Thief)), []actors.Outcome{
			actors.Note, actors.Answered, actors.Denied,
		}; !slices.Equal(got, want) {
			t.Errorf("the thief's terminal shows %v, want %v", got, want)
		}
		last := s.cast.Lines(actors.Thief)
		if out := last[len(last)-1].Output; !strings.HasPrefix(out, "An error occurred (AccessDenied) when calling the "+
			"ListRoles operation: ") || !strings.Contains(out, "explicit deny") {
			t.Errorf("the denial reads %q", out)
		}
	})
}

func TestTheThiefNeverAssumesTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{})
		time.Sleep(3 * time.Second)
		s.revoke(t, 0)
		time.Sleep(time.Minute)
		for _, c := range s.server.Calls("AssumeRole") {
			if !strings.HasSuffix(c.PrincipalARN, "user/ci/ci-deploy") {
				t.Errorf("AssumeRole by %s", c.PrincipalARN)
			}
		}
		calls := s.server.Calls("ListRoles")
		if len(calls) == 0 {
			t.Fatal("nobody called ListRoles")
		}
		for _, c := range calls {
			if !strings.HasPrefix(c.AccessKeyID, "ASIA") {
				t.Errorf("ListRoles with the key %s, which is no session's", c.AccessKeyID)
			}
		}
	})
}

func TestALeakGivesTheThiefANewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{})
		time.Sleep(2 * time.Second)
		s.revoke(t, 0)
		time.Sleep(3 * time.Second)
		before := s.cast.Status(actors.Thief)
		if before.State != actors.IsDenied {
			t.Fatalf("before the leak: %+v", before)
		}
		if err := s.cast.Leak(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		after := s.cast.Status(actors.Thief)
		if after.State != actors.GetsAnswers || after.Session == before.Session || !after.Issued.After(before.Issued) {
			t.Errorf("after the leak: %+v", after)
		}
	})
}

func TestALeakWithoutARunningThiefFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := actors.New(actors.Config{}).Leak(ctx); err == nil {
		t.Error("there was nobody to take it")
	}
}

func TestActorsGoOnWhenAWSFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{})
		time.Sleep(2 * time.Second)
		s.server.Inject(standin.Fault{
			Action: "ListRoles", Code: "ServiceFailure", Message: "later", Status: 500, Times: 1000,
		})
		time.Sleep(3 * time.Second)
		for _, a := range []actors.Actor{actors.Thief, actors.Job} {
			if st := s.cast.Status(a); st.State != actors.GetsErrors {
				t.Errorf("while AWS fails: %+v", st)
			}
		}
		s.server.ClearFaults()
		time.Sleep(3 * time.Second)
		for _, a := range []actors.Actor{actors.Thief, actors.Job} {
			if st := s.cast.Status(a); st.State != actors.GetsAnswers {
				t.Errorf("after it: %+v", st)
			}
		}
	})
}

func TestSubscribersSeeEveryLineUntilTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		lines := s.cast.Subscribe(ctx)
		time.Sleep(5 * time.Second)
		cancel()
		synctest.Wait()
		var seen []int64
		for l := range lines {
			seen = append(seen, l.Seq)
		}
		if len(seen) < 8 {
			t.Fatalf("only %d lines", len(seen))
		}
		for i := range seen {
			if seen[i] != seen[0]+int64(i) {
				t.Fatalf("lines %v have a gap", seen)
			}
		}
	})
}

func TestATerminalKeepsItsLastLinesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, standin.Config{})
		time.Sleep(330 * time.Second)
		lines := s.cast.Lines(actors.Thief)
		if len(lines) != 300 {
			t.Errorf("%d lines are kept", len(lines))
		}
		if age := time.Since(lines[len(lines)-1].At); age > 2*time.Second {
			t.Errorf("the last line is %v old", age)
		}
	})
}

func TestTheWorldHasRolesOfEveryKindAndADayBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 90 * time.Minute
		server := standin.New(standin.Config{ClockOffset: ahead})
		defer server.Close()
		world, err := actors.SeedAWS(server)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Until(server.Now()).Round(time.Second); got != ahead {
			t.Errorf("seeding moved AWS's clock to %v ahead", got)
		}
		for name, path := range map[string]string{
			actors.DeployRole: "/", "NightlyBackup": "/ops/", "orders-fn-role": "/service-role/", "web-instance": "/",
			"break-glass-admin":                                   "/",
			"AWSServiceRoleForElasticLoadBalancing":               "/aws-service-role/elasticloadbalancing.amazonaws.com/",
			"AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b": "/aws-reserved/sso.amazonaws.com/eu-west-1/",
		} {
			if r, ok := world.Prod.Role(name); !ok || r.Path != path {
				t.Errorf("role %s: %v, path %q", name, ok, r.Path)
			}
		}
		for _, account := range []*standin.Account{world.Prod, world.Staging} {
			for name, policies := range map[string]map[string]string{
				actors.DeployRole: nil, "revokebot-spoke": {
					"revoke-sessions": deploy.IAMPolicy, "named-sessions": deploy.NamedPolicy, "undo": deploy.UndoPolicy,
					"lock": deploy.LockPolicy, "unlock": deploy.UnlockPolicy,
				},
			} {
				if r, ok := account.Role(name); !ok || policies != nil && !maps.Equal(r.Policies, policies) {
					t.Errorf("role %s of %s: %t, %v", name, account.ID(), ok, r.Policies)
				}
			}
		}
		if world.Spokes["prod"] == "" || world.Spokes["staging"] == "" || world.Spokes["prod"] == world.Spokes["staging"] {
			t.Errorf("spokes %v", world.Spokes)
		}
	})
}

func TestTheWorkspaceHasPeopleOfEveryRole(t *testing.T) {
	server := slack.New(slack.Config{})
	defer server.Close()
	if err := actors.SeedSlack(server); err != nil {
		t.Fatal(err)
	}
	guests := 0
	for _, u := range server.Users() {
		if u.Guest {
			guests++
		}
	}
	if len(server.Users()) != 5 || guests != 1 {
		t.Errorf("%d people, %d guests", len(server.Users()), guests)
	}
	groups := server.Groups()
	if len(groups) != 1 || !slices.Equal(groups[0].Members, []string{actors.Bob, actors.Ines}) {
		t.Errorf("groups %+v", groups)
	}
	if m := server.Messages(actors.Incident); len(m) != 1 {
		t.Errorf("%d messages in the incident's channel", len(m))
	}
}
