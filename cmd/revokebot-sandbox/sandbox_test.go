package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

// fight is the sandbox's AWS with its cast, and the bot's side of it, without the bot. Use it
// inside a synctest bubble.
type fight struct {
	t      *testing.T
	server *awsstandin.Server
	world  actors.World
	cast   *actors.Cast
	cloud  *aws.Cloud
}

func newFight(t *testing.T) fight {
	t.Helper()
	f := fight{t: t, server: awsstandin.New(awsstandin.Config{Propagation: 4 * time.Second, TrailDelay: 5 * time.Second})}
	var err error
	if f.world, err = actors.SeedAWS(f.server); err != nil {
		t.Fatal(err)
	}
	l := pipe.Listen()
	httpServer := &http.Server{Handler: f.server}
	go func() { _ = httpServer.Serve(l) }()
	client := l.Client()
	c, err := settings.ParseConfig("sandbox", []byte(configFile(f.world, 10*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	f.cloud, err = newCloud(c, f.world, awssdk.Config{
		BaseEndpoint: awssdk.String("http://aws.sandbox"), HTTPClient: client,
	}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.cast = actors.New(actors.Config{
		HTTPClient: l.Client(), Endpoint: "http://aws.sandbox", RoleARN: f.world.Role, Key: f.world.Key(),
		Rival: f.world.RivalKey(), Console: f.world.ConsoleKey(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.cast.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		_ = f.server.Close()
		_ = httpServer.Close()
		_ = l.Close()
	})
	time.Sleep(2 * time.Second)
	f.cast.FightBack(true)
	return f
}

// revoke does what an approved request does, and returns the order with what it has promised.
func (f fight) revoke() role.Order {
	f.t.Helper()
	target, err := f.cloud.Parse("prod/DeployRole")
	if err != nil {
		f.t.Fatal(err)
	}
	about, err := role.New(f.cloud).Describe(f.t.Context(), target, contain.Revoke(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	o := role.Order{
		Target:    contain.Target{Request: "RVK1", Principal: about.Principal},
		Requester: actors.Rosa, Approvers: []string{actors.Bob}, Measure: contain.Revoke(),
	}
	done, err := role.New(f.cloud).Apply(f.t.Context(), nil, o)
	if err != nil {
		f.t.Fatal(err)
	}
	o.Promised = []contain.Change{done.Documents[0].Change}
	return o
}

func (f fight) check(o role.Order) role.CheckState {
	f.t.Helper()
	found, err := role.New(f.cloud).Check(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return found.State
}

func TestTheThiefWhoDeletesTheDenyEveryHalfSecondIsNamedByCloudTrailAndStoppedByTheGuardRail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFight(t)
		done := f.revoke()
		time.Sleep(time.Second)
		if state := f.check(done); state != role.Gone {
			t.Fatalf("a second after the write the deny is %s", state)
		}
		time.Sleep(20 * time.Second)
		if st := f.cast.Status(actors.Thief); st.State != actors.GetsAnswers || st.Removals == 0 {
			t.Errorf("without the guard rail the thief %+v", st)
		}
		changes, err := trail.New(f.cloud).Tampering(t.Context(), trail.TamperQuery{
			AccountName: "prod", RoleName: actors.DeployRole,
			Slots: []contain.Slot{{Kind: contain.RoleInline, Name: contain.ConsolePolicy}},
		})
		if err != nil || len(changes) == 0 || slices.ContainsFunc(changes, func(c trail.Change) bool {
			return c.Name != "DeleteRolePolicy" || !strings.HasSuffix(c.PrincipalARN, ":user/ci/shop-migration") ||
				c.AccessKeyID != f.world.Rival.AccessKeyID
		}) {
			t.Errorf("CloudTrail tells of %+v, %v", changes, err)
		}

		if err := f.world.Prod.SetSCP(guardRail(f.world, f.cloud)); err != nil {
			t.Fatal(err)
		}
		before := f.cast.Status(actors.Thief).Removals
		again := f.revoke()
		time.Sleep(45 * time.Second)
		if state := f.check(again); state != role.Held {
			t.Errorf("with the guard rail the deny is %s after 45 seconds", state)
		}
		if st := f.cast.Status(actors.Thief); st.State != actors.IsDenied || st.Removals != before {
			t.Errorf("with the guard rail the thief %+v", st)
		}
		if st := f.cast.Status(actors.Job); st.State != actors.GetsAnswers || st.Assumed == 0 {
			t.Errorf("the job %+v", st)
		}

		// The guard rail keeps everybody out but the bot.
		undone, err := role.New(f.cloud).Apply(t.Context(), nil, role.Order{
			Target:    contain.Target{Request: "RVK2", Principal: again.Principal},
			Requester: actors.Rosa, Approvers: []string{actors.Ines},
			Measure: contain.Restore(contain.Revoke(), contain.Fold(again.Promised)), Mode: role.Undo,
		})
		if err != nil || !undone.Documents[0].ReadBack {
			t.Errorf("undo: %+v, %v", undone, err)
		}
	})
}

func TestTheSandboxsAccountsHaveRulesOfTheirOwn(t *testing.T) {
	server := awsstandin.New(awsstandin.Config{})
	defer server.Close()
	world, err := actors.SeedAWS(server)
	if err != nil {
		t.Fatal(err)
	}
	c, err := settings.ParseConfig("sandbox", []byte(configFile(world, 10*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Policies["prod"].Approvers; !slices.Equal(got, []string{actors.Group}) {
		t.Errorf("prod is approved by %v", got)
	}
	if got := c.Policies["staging"].Approvers; !slices.Equal(got, []string{actors.Group, actors.Nils}) {
		t.Errorf("staging is approved by %v", got)
	}
	if want := []time.Duration{
		5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute,
	}; !slices.Equal(c.Guard, want) {
		t.Errorf("the deny is looked at after %v", c.Guard)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("it warns: %q", c.Warnings)
	}
}
