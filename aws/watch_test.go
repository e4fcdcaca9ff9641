package aws

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// watcher keeps what a WatchFunc was told.
type watcher struct {
	mu    sync.Mutex
	ended map[string][]Ended
}

func (w *watcher) watch(_ context.Context, service, operation string) func(Ended) {
	return func(e Ended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ended == nil {
			w.ended = make(map[string][]Ended)
		}
		w.ended[service+":"+operation] = append(w.ended[service+":"+operation], e)
	}
}

func (w *watcher) of(call string) []Ended {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.ended[call])
}

func TestEveryCallIsWatchedWithWhatBecameOfItAndHowOftenItWasSent(t *testing.T) {
	var w watcher
	onBench(t, func(_ *standin.Config, c *Config) { c.Watch, c.CallTimeout = w.watch, 10*time.Second }, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		if err := b.cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 2})
		find := func(account string) error {
			ref, err := b.cloud.Parse(account + "/Deploy")
			if err == nil {
				_, err = b.cloud.Describe(t.Context(), ref)
			}
			return err
		}
		if err := find("prod"); err != nil {
			t.Fatal(err)
		}
		if err := find("home"); !errors.Is(err, ErrNoSuchRole) {
			t.Errorf("a role that is not there: %v", err)
		}
		b.server.Inject(standin.Fault{Action: "GetRole", Code: "AccessDenied"})
		if err := find("prod"); !errors.Is(err, ErrAccessDenied) {
			t.Errorf("a call that is denied: %v", err)
		}
		want := []Ended{{OutcomeOK, 3}, {OutcomeNotFound, 1}, {OutcomeDenied, 1}}
		if got := w.of("iam:GetRole"); !slices.Equal(got, want) {
			t.Errorf("GetRole was seen as %v, want %v", got, want)
		}
		for _, call := range []string{"sts:AssumeRole", "sts:GetCallerIdentity"} {
			if got := w.of(call); len(got) == 0 || got[0] != (Ended{OutcomeOK, 1}) {
				t.Errorf("%s was seen as %v", call, got)
			}
		}
		if _, err := b.cloud.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: "arn:aws:iam::" + prodID + ":role/Deploy", Since: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if got := w.of("cloudtrail:LookupEvents"); len(got) < 2 || got[0] != (Ended{OutcomeOK, 1}) {
			t.Errorf("LookupEvents was seen as %v", got)
		}
	})
}

func TestAnOutcomeIsOneWordOfAFew(t *testing.T) {
	api := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "text from outside"} }
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for want, got := range map[Outcome]Outcome{
		OutcomeOK:          outcomeOf(t.Context(), nil),
		OutcomeNotFound:    outcomeOf(t.Context(), api("NoSuchEntity")),
		OutcomeDenied:      outcomeOf(t.Context(), api("AccessDenied")),
		OutcomeCredentials: outcomeOf(t.Context(), api("ExpiredToken")),
		OutcomeThrottled:   outcomeOf(t.Context(), api("Throttling")),
		OutcomeTimeout:     outcomeOf(t.Context(), context.DeadlineExceeded),
		OutcomeRefused:     outcomeOf(t.Context(), api("LimitExceeded")),
		OutcomeUnavailable: outcomeOf(t.Context(), errors.New("connection reset")),
		OutcomeCanceled:    outcomeOf(gone, context.Canceled),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
