package role

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/trail"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// watcher keeps what a WatchFunc was told.
type watcher struct {
	mu    sync.Mutex
	ended map[string][]aws.Ended
}

func (w *watcher) watch(_ context.Context, service, operation string) func(aws.Ended) {
	return func(e aws.Ended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ended == nil {
			w.ended = make(map[string][]aws.Ended)
		}
		w.ended[service+":"+operation] = append(w.ended[service+":"+operation], e)
	}
}

func (w *watcher) of(call string) []aws.Ended {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.ended[call])
}

func TestEveryCallIsWatchedWithWhatBecameOfItAndHowOftenItWasSent(t *testing.T) {
	var w watcher
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.Watch = w.watch
	}, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		if err := b.Cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 2})
		find := func(account string) error {
			ref, err := b.Cloud.Parse(account + "/Deploy")
			if err == nil {
				_, err = b.roles.Describe(t.Context(), ref, contain.Revoke(), nil)
			}
			return err
		}
		if err := find("prod"); err != nil {
			t.Fatal(err)
		}
		if err := find("home"); !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("a role that is not there: %v", err)
		}
		b.Server.Inject(standin.Fault{Action: "GetRole", Code: "AccessDenied"})
		if err := find("prod"); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("a call that is denied: %v", err)
		}
		want := []aws.Ended{
			{Outcome: aws.OutcomeOK, Attempts: 3},
			{Outcome: aws.OutcomeNotFound, Attempts: 1},
			{Outcome: aws.OutcomeDenied, Attempts: 1},
		}
		if got := w.of("iam:GetRole"); !slices.Equal(got, want) {
			t.Errorf("GetRole was seen as %v, want %v", got, want)
		}
		for _, call := range []string{"sts:AssumeRole", "sts:GetCallerIdentity"} {
			if got := w.of(call); len(got) == 0 || got[0] != (aws.Ended{Outcome: aws.OutcomeOK, Attempts: 1}) {
				t.Errorf("%s was seen as %v", call, got)
			}
		}
		if _, err := trail.New(b.Cloud).Lookup(t.Context(), trail.LookupQuery{
			AccountName: "prod", RoleARN: "arn:aws:iam::" + awsbench.ProdID + ":role/Deploy", Since: time.Now().Add(-time.Hour),
		}); err != nil {
			t.Fatal(err)
		}
		if got := w.of("cloudtrail:LookupEvents"); len(got) < 2 ||
			got[0] != (aws.Ended{Outcome: aws.OutcomeOK, Attempts: 1}) {
			t.Errorf("LookupEvents was seen as %v", got)
		}
	})
}
