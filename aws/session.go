package aws

import (
	"context"
	"errors"
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
	unnamed   bool      // it was to name the people, and the account does not allow that
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

// errand is what a session that writes is opened for: one approved request.
type errand struct {
	requestID, requester string
	approvers            []string
	policy               string // the session policy
}

// openRevoker opens the session of one revocation.
func (c *Cloud) openRevoker(ctx context.Context, a *account, r Revocation) (credential, error) {
	return c.openErrand(ctx, a, errand{r.RequestID, r.Requester, r.Approvers, oneRolePolicy(toRevoke, r.RoleARN)})
}

// openErrand opens the session of one approved request. It can touch one role, and its name, source identity and tags put
// the request and the people into the account's CloudTrail. Where the account does not allow the latter two and the
// configuration accepts that, the session goes without them.
func (c *Cloud) openErrand(ctx context.Context, a *account, e errand) (credential, error) {
	if a.AssumeRole == "" {
		return c.ambient(), nil
	}
	in := &sts.AssumeRoleInput{
		RoleSessionName: awssdk.String(fitName(e.requestID)),
		SourceIdentity:  awssdk.String(fitName(e.requester)),
		Policy:          awssdk.String(e.policy),
		Tags: []types.Tag{
			{Key: awssdk.String("request"), Value: awssdk.String(fitTag(e.requestID))},
			{Key: awssdk.String("requester"), Value: awssdk.String(fitTag(e.requester))},
			{Key: awssdk.String("approvers"), Value: awssdk.String(fitTag(joinPeople(e.approvers)))},
		},
	}
	opened, err := c.assume(ctx, a, in)
	if err == nil || !a.AllowUnnamedSessions || !errors.Is(err, ErrAccessDenied) {
		return opened, err
	}
	c.log.WarnContext(ctx, "a session that names the people was denied, going on without", "account", a.Name, "request", e.requestID, "error", err)
	in.SourceIdentity, in.Tags = nil, nil
	opened, err = c.assume(ctx, a, in)
	opened.unnamed = err == nil
	return opened, err
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
	if call, ok := errors.AsType[*CallError](err); ok {
		call.Named = in.SourceIdentity != nil
	}
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
