package aws

import (
	"context"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// credential is what signs a call.
type credential struct {
	provider  awssdk.CredentialsProvider
	callerARN string    // the session's ARN; "" for ambient credentials
	until     time.Time // when it ends, by this machine's running clock; zero means that somebody else renews it
}

// lasts reports whether the credential is good for a while longer.
func (c credential) lasts(d time.Duration) bool {
	return c.provider != nil && (c.until.IsZero() || time.Until(c.until) > d)
}

const (
	sessionLife = 15 * time.Minute // the shortest that STS gives
	refreshAt   = time.Minute      // left, when a call renews the reading session first
	warmAt      = sessionLife / 2  // left, when Warm renews it
)

// session is a credential that is kept and renewed before it ends. Whoever needs it first opens it; the others wait.
type session struct {
	open func(context.Context) (credential, error)
	turn chan struct{} // held by the one who opens

	mu   sync.Mutex
	held credential
}

func newSession(open func(context.Context) (credential, error)) *session {
	return &session{open: open, turn: make(chan struct{}, 1)}
}

// get returns a credential that is good for at least the given time.
func (s *session) get(ctx context.Context, atLeast time.Duration) (credential, error) {
	if held := s.peek(); held.lasts(atLeast) {
		return held, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return credential{}, callError("sts:AssumeRole", "", context.Cause(ctx))
	}
	if held := s.peek(); held.lasts(atLeast) {
		return held, nil
	}
	opened, err := s.open(ctx)
	if err != nil {
		return credential{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = opened
	return opened, nil
}

func (s *session) peek() credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// drop forgets a credential that AWS did not accept any more.
func (s *session) drop(refused credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.provider == refused.provider {
		s.held = credential{}
	}
}

// ambient is the credential of the SDK's own chain, which renews it.
func (c *Cloud) ambient() credential { return credential{provider: c.sdk.Credentials} }

// openReader opens the session that reads an account. It can write nothing.
func (c *Cloud) openReader(ctx context.Context, a *account) (credential, error) {
	if a.AssumeRole == "" {
		return c.ambient(), nil
	}
	return c.assume(ctx, a, &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String("revokebot-read"),
		Policy:          awssdk.String(readerPolicy),
	})
}

// openRevoker opens the session of one revocation. It can touch one role, and its name, source identity and tags put
// the request and the people into the account's CloudTrail.
func (c *Cloud) openRevoker(ctx context.Context, a *account, r Revocation) (credential, error) {
	if a.AssumeRole == "" {
		return c.ambient(), nil
	}
	return c.assume(ctx, a, &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String(fitName(r.RequestID)),
		SourceIdentity:  awssdk.String(fitName(r.Requester)),
		Policy:          awssdk.String(oneRolePolicy(r.RoleARN)),
		Tags: []types.Tag{
			{Key: awssdk.String("request"), Value: awssdk.String(fitTag(r.RequestID))},
			{Key: awssdk.String("requester"), Value: awssdk.String(fitTag(r.Requester))},
			{Key: awssdk.String("approvers"), Value: awssdk.String(fitTag(joinPeople(r.Approvers)))},
		},
	})
}

// assume opens a session of the account's role for the shortest time there is.
func (c *Cloud) assume(ctx context.Context, a *account, in *sts.AssumeRoleInput) (credential, error) {
	in.RoleArn = awssdk.String(a.AssumeRole)
	in.DurationSeconds = awssdk.Int32(int32(sessionLife / time.Second))
	if a.ExternalID != "" {
		in.ExternalId = awssdk.String(a.ExternalID)
	}
	began := time.Now()
	const operation = "sts:AssumeRole"
	out, err := remote(ctx, c, a.Name, operation, func(ctx context.Context) (*sts.AssumeRoleOutput, error) {
		return a.sts.AssumeRole(ctx, in)
	})
	if err != nil {
		return credential{}, err
	}
	got := out.Credentials
	if got == nil || awssdk.ToString(got.AccessKeyId) == "" {
		return credential{}, &CallError{Kind: ErrUnavailable, Operation: operation, Account: a.Name, Message: "the answer held no credentials"}
	}
	// The life of the session is measured between two readings of AWS's clock; this machine's may be days off.
	life := sessionLife
	if s, ok := stampOf(out.ResultMetadata); ok && got.Expiration != nil {
		began, life = s.sent, got.Expiration.Sub(s.server)
	}
	opened := credential{
		provider: &staticCredentials{credentials.NewStaticCredentialsProvider(
			awssdk.ToString(got.AccessKeyId), awssdk.ToString(got.SecretAccessKey), awssdk.ToString(got.SessionToken))},
		until: began.Add(life),
	}
	if out.AssumedRoleUser != nil {
		opened.callerARN = awssdk.ToString(out.AssumedRoleUser.Arn)
	}
	return opened, nil
}

// staticCredentials is a provider with an identity of its own, so that two sessions can be told apart.
type staticCredentials struct {
	credentials.StaticCredentialsProvider
}

// reading makes one call with the account's reading session. A session that AWS refuses is forgotten, so that the next
// call opens a new one.
func reading[Out any](ctx context.Context, c *Cloud, a *account, operation string, do func(context.Context, credential) (Out, error)) (Out, error) {
	var none Out
	cred, err := a.reader.get(ctx, refreshAt)
	if err != nil {
		return none, err
	}
	out, err := remote(ctx, c, a.Name, operation, func(ctx context.Context) (Out, error) { return do(ctx, cred) })
	if isCredentials(err) {
		a.reader.drop(cred)
	}
	return out, err
}
