package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Credential is what signs a call. The zero value is none.
type Credential struct {
	provider  awssdk.CredentialsProvider
	CallerARN string    // the session's ARN; "" for ambient credentials
	until     time.Time // when it ends, by this machine's running clock; zero means that its owner renews it
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

// session is a credential that is kept and renewed before it ends. Its first user opens it;
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
func (c *Cloud) ambient() Credential { return Credential{provider: c.cfg.SDK.Credentials} }

// assume opens a session of the account's role for the shortest time there is. It names the people
// of a grant by its source identity and tags; nil names no people.
func (a *Conn) assume(ctx context.Context, name, policy string, people *Grant) (Credential, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: awssdk.String(a.AssumeRole), RoleSessionName: awssdk.String(fitName(name)), Policy: awssdk.String(policy),
		DurationSeconds: awssdk.Int32(int32(sessionLife / time.Second)),
	}
	if a.ExternalID != "" {
		in.ExternalId = awssdk.String(a.ExternalID)
	}
	if people != nil {
		in.SourceIdentity = awssdk.String(fitName(people.Requester))
		for _, tag := range [][2]string{
			{"request", people.Request},
			{"requester", people.Requester},
			{"approvers", strings.Join(people.Approvers, " ")}, // a comma is not allowed
		} {
			in.Tags = append(in.Tags, types.Tag{Key: awssdk.String(tag[0]), Value: awssdk.String(fitTag(tag[1]))})
		}
	}
	began := time.Now()
	const operation = "sts:AssumeRole"
	out, at, err := byAmbient(ctx, a.cloud, a.Name, operation, func(ctx context.Context) (*sts.AssumeRoleOutput, error) {
		return a.sts.AssumeRole(ctx, in)
	})
	if call, ok := errors.AsType[*CallError](err); ok {
		call.Named = people != nil
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
	if at != (Stamp{}) && got.Expiration != nil {
		began, life = at.sent, got.Expiration.Sub(at.Server)
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

// ReaderPolicy is the session policy of the reading session: what everything but the writes is read
// with.
const ReaderPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole",` +
	`"iam:GetRolePolicy","iam:ListAttachedRolePolicies","iam:ListInstanceProfilesForRole","iam:ListRolePolicies",` +
	`"iam:ListRoles","iam:SimulatePrincipalPolicy","cloudtrail:LookupEvents","account:ListRegions",` +
	`"ec2:DescribeRegions"],"Resource":"*"}]}`

// readerPolicy is that of the account. One that log groups of the configuration are in may also
// query those, and look at the trails that feed them. The permission to query is on what is in a
// log group; GetQueryResults and StopQuery know no resources (Service Authorization Reference,
// "Actions, resources, and condition keys for Amazon CloudWatch Logs").
func (a *Conn) readerPolicy() string {
	var groups []string
	for _, other := range a.cloud.accounts {
		group := `"` + other.TrailLogGroup + `:*"`
		if arnOf(other.TrailLogGroup).Account == a.ID && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return ReaderPolicy
	}
	return strings.TrimSuffix(ReaderPolicy, "]}") + `,{"Effect":"Allow","Action":"logs:StartQuery","Resource":[` +
		strings.Join(groups, ",") + `]},{"Effect":"Allow","Action":["logs:GetQueryResults","logs:StopQuery",` +
		`"cloudtrail:DescribeTrails","cloudtrail:GetTrailStatus","cloudtrail:GetEventSelectors"],"Resource":"*"}]}`
}

// usersReaderPolicy is the same for users and their access keys.
const usersReaderPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser",` +
	`"iam:GetUserPolicy","iam:ListUserPolicies","iam:ListAttachedUserPolicies","iam:ListGroupsForUser",` +
	`"iam:ListAccessKeys","iam:GetAccessKeyLastUsed","iam:GetLoginProfile","iam:SimulatePrincipalPolicy"],` +
	`"Resource":"*"}]}`

// trustReaderPolicy is the same for trust policies: who the principals are that they name.
const trustReaderPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole",` +
	`"iam:GetUser","iam:GetRolePolicy","iam:ListRolePolicies","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}`

// readerName is that of the reading sessions.
const readerName = "revokebot-read"

// openReader opens the session that reads an account. It can write nothing.
func (a *Conn) openReader(policy string) func(context.Context) (Credential, error) {
	return func(ctx context.Context) (Credential, error) {
		if a.AssumeRole == "" {
			return a.cloud.ambient(), nil
		}
		return a.assume(ctx, readerName, policy, nil)
	}
}

// Grant is what a session of its own is opened for: one request, and the people behind it.
type Grant struct {
	Request   string // becomes the session's name and a tag
	Requester string // becomes the source identity and a tag
	Approvers []string
	Policy    string // the session policy, JSON: what the session may do
}

// Open opens the session of one request. Its name, source identity and tags put the request and the
// people into the account's CloudTrail. Where the account does not allow the latter two and the
// configuration accepts that, the session goes without them. In an account without a role to assume
// it is the ambient credentials.
func (a *Conn) Open(ctx context.Context, g Grant) (Credential, error) {
	opened, err := a.OpenNamed(ctx, g)
	if err == nil || !a.AllowUnnamedSessions || !errors.Is(err, ErrAccessDenied) {
		return opened, err
	}
	a.cloud.cfg.Logger.WarnContext(ctx, "a session that names the people was denied, going on without",
		"account", a.Name, "request", g.Request, "error", err)
	opened, err = a.assume(ctx, g.Request, g.Policy, nil)
	opened.Unnamed = err == nil
	return opened, err
}

// OpenNamed is Open without going on where the people cannot be named.
func (a *Conn) OpenNamed(ctx context.Context, g Grant) (Credential, error) {
	if a.AssumeRole == "" {
		return a.cloud.ambient(), nil
	}
	return a.assume(ctx, g.Request, g.Policy, &g)
}

// Probe tries to open a session of a role and drops it. The reading session signs, which may not do
// that: an error that is no ErrAccessDenied says nothing.
func (a *Conn) Probe(ctx context.Context, roleARN string) (Stamp, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: &roleARN, RoleSessionName: awssdk.String("revokebot-probe"), Policy: awssdk.String(denyAll),
		DurationSeconds: awssdk.Int32(int32(sessionLife / time.Second)),
	}
	_, at, err := callWith(ctx, a, Credential{}, "sts:AssumeRole",
		func(ctx context.Context, with Credential) (*sts.AssumeRoleOutput, error) {
			return a.sts.AssumeRole(ctx, in, func(o *sts.Options) { o.Credentials = with })
		})
	return at, err
}

// Probes reports whether the caller of a refused sts:AssumeRole, by its ARN in the event, is Probe.
func (a *Conn) Probes(callerARN string) bool {
	return a.trust != nil && strings.HasSuffix(callerARN, "/"+readerName) && a.trust.IsOwn("", callerARN)
}

// denyAll is the session policy of a session that is not wanted.
const denyAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

// fitName makes a text fit for a session's name or a source identity: 2 to 64 of letters, digits
// and _+=,.@- (STS API reference, "AssumeRole").
func fitName(s string) string {
	fit := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_+=,.@-", r)) {
			return r
		}
		return '-'
	}, s)
	if len(fit) > 64 {
		fit = fit[:64]
	}
	for len(fit) < 2 {
		fit += "-"
	}
	return fit
}

// fitTag makes a text fit for the value of a session tag: at most 256 letters, digits, spaces and
// _.:/=+-@ (STS API reference, "Tag").
func fitTag(s string) string {
	fit := []rune(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.N, unicode.Z) || strings.ContainsRune("_.:/=+-@", r) {
			return r
		}
		return '-'
	}, s))
	return string(fit[:min(256, len(fit))])
}

// newHub prepares to ask who the ambient credentials are. It is asked once: the answer does not
// change while the bot runs. The accounts are known.
func (c *Cloud) newHub() *session {
	return newSession(func(ctx context.Context) (Credential, error) {
		self, err := c.WhoAmI(ctx)
		me := c.ambient()
		me.CallerARN = self.ARN
		return me, err
	})
}

// Hub returns the ARN of what the ambient credentials are. It is asked for once; "" comes with an
// error only.
func (c *Cloud) Hub(ctx context.Context) (string, error) {
	me, err := c.hub.get(ctx, 0)
	return me.CallerARN, err
}

// Warm learns who the bot is and opens the reading sessions of all accounts, side by side; sessions
// that have lived for more than half of their time are renewed. Called every five minutes, it keeps
// that work out of the way of Describe and Revoke. The errors are *CallError, one for each account
// that failed, and *RefusedError for one without assume_role that the ambient credentials are not
// of, joined; the other accounts work.
func (c *Cloud) Warm(ctx context.Context) error {
	readers := slices.Clone(c.accounts)
	for _, a := range c.accounts {
		for _, by := range []*Conn{a.users, a.trust} {
			if by != nil {
				readers = append(readers, by)
			}
		}
	}
	failed := make([]error, len(readers))
	var all sync.WaitGroup
	for i, a := range readers {
		all.Go(func() { _, failed[i] = a.reader.get(ctx, warmAt) })
	}
	hubARN, err := c.Hub(ctx)
	all.Wait()
	failed = append(failed, err)
	for _, a := range c.accounts {
		failed = append(failed, a.OtherAccount(hubARN))
	}
	return errors.Join(failed...)
}

// Self is who the ambient credentials are, and AWS's clock beside this machine's.
type Self struct {
	ARN    string
	Source string // where the SDK found the credentials, in its own words; "" not known

	Clock Clock
}

// Clock is what one answer tells about another clock.
type Clock struct {
	Known bool // false: the answer had no usable date

	// Ahead is how far the other clock is ahead of this machine's, give or take Within: a Date header
	// has whole seconds, and the answer took its time.
	Ahead, Within time.Duration
}

// WhoAmI asks AWS anew who the ambient credentials are. Its errors are *CallError.
func (c *Cloud) WhoAmI(ctx context.Context) (me Self, err error) {
	out, at, err := byAmbient(ctx, c, "", "sts:GetCallerIdentity",
		func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
			keys, err := c.cfg.SDK.Credentials.Retrieve(ctx)
			if me.Source = keys.Source; err != nil {
				return nil, err
			}
			return c.accounts[0].sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		})
	if err != nil {
		return me, err
	}
	if me.ARN = awssdk.ToString(out.Arn); me.ARN == "" {
		return me, &CallError{
			Kind: ErrUnavailable, Operation: "sts:GetCallerIdentity", Message: "the answer does not say who revokebot is",
		}
	}
	if at != (Stamp{}) {
		me.Clock = ClockBetween(at.Server, at.Server.Add(time.Second), at.sent, time.Now())
	}
	return me, nil
}

// ClockBetween compares a clock that showed a time between first and last with this machine's while
// an answer was under way.
func ClockBetween(first, last, sent, received time.Time) Clock {
	least, most := first.Sub(received), last.Sub(sent)
	return Clock{Known: true, Ahead: (least + most) / 2, Within: (most - least) / 2}
}

// ErrNoCredentials is the cause of a call that could not be signed.
var ErrNoCredentials = errors.New("no AWS credentials")

// typedCredentials makes the failure to get credentials recognisable by type; the SDK has no type
// for it.
type typedCredentials struct{ source awssdk.CredentialsProvider }

// Retrieve implements the SDK's CredentialsProvider.
func (t *typedCredentials) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	got, err := t.source.Retrieve(ctx)
	if err != nil {
		return got, fmt.Errorf("%w: %w", ErrNoCredentials, err)
	}
	return got, nil
}

// prepared returns the configuration with its credentials wrapped, and with a retryer of our own
// unless it has one. The SDK's adaptive mode, which AWS_RETRY_MODE can ask for, and the budget of
// its standard one lose retries for a while after an outage (aws-sdk-go-v2 issue 3550); here the
// deadline of each call bounds them.
func prepared(c awssdk.Config) awssdk.Config {
	c = c.Copy()
	if c.Credentials != nil {
		c.Credentials = &typedCredentials{c.Credentials}
	}
	own := c.Retryer
	if own == nil {
		own = func() awssdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })
		}
	}
	c.Retryer = func() awssdk.Retryer {
		return retry.AddWithErrorCodes(own(), "EntityTemporarilyUnmodifiable", "ConcurrentModification")
	}
	return c
}
