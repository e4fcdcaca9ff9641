package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Credential is what signs a call. The zero value is none.
type Credential struct {
	provider  awssdk.CredentialsProvider
	CallerARN string    // the session's ARN; "" for ambient credentials
	until     time.Time // when it ends, by this machine's running clock; zero means that somebody else renews it
	Unnamed   bool      // it was to name the people, and the account does not allow that
}

// Retrieve implements the SDK's CredentialsProvider.
func (c Credential) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	if c.provider == nil {
		return awssdk.Credentials{}, ErrNoCredentials
	}
	return c.provider.Retrieve(ctx)
}

// Lasts reports whether the credential is good for another minute at least.
func (c Credential) Lasts() bool { return c.lasts(refreshAt) }

func (c Credential) lasts(d time.Duration) bool {
	return c.provider != nil && (c.until.IsZero() || time.Until(c.until) > d)
}

const (
	sessionLife = 15 * time.Minute // the shortest that STS gives
	refreshAt   = time.Minute      // left, when a call renews the reading session first
	warmAt      = sessionLife / 2  // left, when Warm renews it
)

// session is a credential that is kept and renewed before it ends. Whoever needs it first opens it;
// the others wait.
type session struct {
	open func(context.Context) (Credential, error)
	turn chan struct{} // held by the one who opens

	mu   sync.Mutex
	held Credential
}

func newSession(open func(context.Context) (Credential, error)) *session {
	return &session{open: open, turn: make(chan struct{}, 1)}
}

// get returns a credential that is good for at least the given time.
func (s *session) get(ctx context.Context, atLeast time.Duration) (Credential, error) {
	if held := s.peek(); held.lasts(atLeast) {
		return held, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Credential{}, NewCallError("sts:AssumeRole", "", context.Cause(ctx))
	}
	if held := s.peek(); held.lasts(atLeast) {
		return held, nil
	}
	opened, err := s.open(ctx)
	if err != nil {
		return Credential{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = opened
	return opened, nil
}

func (s *session) peek() Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// drop forgets a credential that AWS did not accept any more.
func (s *session) drop(refused Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.provider == refused.provider {
		s.held = Credential{}
	}
}

// ambient is the credential of the SDK's own chain, which renews it.
func (c *Cloud) ambient() Credential { return Credential{provider: c.sdk.Credentials} }

// assume opens a session of the account's role for the shortest time there is.
func (a *Conn) assume(ctx context.Context, in *sts.AssumeRoleInput) (Credential, error) {
	in.RoleArn = awssdk.String(a.AssumeRole)
	in.DurationSeconds = awssdk.Int32(int32(sessionLife / time.Second))
	if a.ExternalID != "" {
		in.ExternalId = awssdk.String(a.ExternalID)
	}
	began := time.Now()
	const operation = "sts:AssumeRole"
	out, err := remote(ctx, a.cloud, a.Name, operation, func(ctx context.Context) (*sts.AssumeRoleOutput, error) {
		return a.sts.AssumeRole(ctx, in)
	})
	if call, ok := errors.AsType[*CallError](err); ok {
		call.Named = in.SourceIdentity != nil
	}
	if err != nil {
		return Credential{}, err
	}
	got := out.Credentials
	if got == nil || awssdk.ToString(got.AccessKeyId) == "" {
		return Credential{}, &CallError{
			Kind: ErrUnavailable, Operation: operation, Account: a.Name, Message: "the answer held no credentials",
		}
	}
	// The life of the session is measured between two readings of AWS's clock; this machine's may be
	// days off.
	life := sessionLife
	if s, ok := StampOf(out.ResultMetadata); ok && got.Expiration != nil {
		began, life = s.sent, got.Expiration.Sub(s.Server)
	}
	opened := Credential{
		provider: &staticCredentials{credentials.NewStaticCredentialsProvider(
			awssdk.ToString(got.AccessKeyId), awssdk.ToString(got.SecretAccessKey), awssdk.ToString(got.SessionToken))},
		until: began.Add(life),
	}
	if out.AssumedRoleUser != nil {
		opened.CallerARN = awssdk.ToString(out.AssumedRoleUser.Arn)
	}
	return opened, nil
}

// staticCredentials is a provider with an identity of its own, so that two sessions can be told
// apart.
type staticCredentials struct {
	credentials.StaticCredentialsProvider
}
