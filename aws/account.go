package aws

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/time/rate"

	"github.com/revokebot/revokebot/aws/contain"
)

// Account is one AWS account whose roles may be revoked.
type Account struct {
	Name       string // what people type before the slash; unique
	ID         string // twelve digits
	Partition  string // "" means aws
	AssumeRole string // ARN of the role to assume in the account; "" means the ambient credentials
	UsersRole  string // ARN of the role to assume for users and their access keys; "" means they are refused
	TrustRole  string // ARN of the role to assume for trust policies of roles; "" means they are refused
	ExternalID string // sent with AssumeRole, UsersRole and TrustRole unless empty
	// where CloudTrail is asked, and in the partition's home region; empty: in all that are enabled
	Regions []string
	// ARN of the log group that a trail sends this account's events to, in any configured account; ""
	// means none
	TrailLogGroup string
	// from where the roles of a restriction may be used if the request does not say it
	Known contain.Known

	// AllowUnnamedSessions lets a revocation go on where the account does not allow sessions that name
	// the people by source identity and tags. CloudTrail then shows the request, by the session's
	// name, and no people.
	AllowUnnamedSessions bool
}

// Config says which accounts there are and how AWS is reached.
type Config struct {
	Accounts       []Account // at least one
	DefaultAccount string    // for a bare role name; "" means the only account, or that people must say
	// patterns on role ARNs that are never touched; * and ? match any characters, case is ignored
	ProtectedRoles []string
	ProtectedUsers []string      // the same of users
	Margin         time.Duration // how far past AWS's now the cutoff lies; 0 to 120 s

	// SDK is what config.LoadDefaultConfig gives, with its credentials, endpoints, HTTP client and
	// retryer. The region may be empty: each partition's home region is used.
	SDK awssdk.Config

	Logger *slog.Logger // nil discards
	Watch  WatchFunc    // nil: calls are not watched
}

const (
	// RegionTimeout bounds the calls of one check of CloudTrail in one region, without the waits
	// between them.
	RegionTimeout = 20 * time.Second

	callTimeout = 10 * time.Second // for one remote call, its retries included
	maxMargin   = 2 * time.Minute
)

// Cloud is the accounts of one Config. Make it with New. Its methods may be called at the same
// time; it has no goroutine of its own and needs no closing.
type Cloud struct {
	cfg      Config // defaults filled in
	accounts []*Conn
	byName   map[string]*Conn
	fallback *Conn    // for a bare role name; nil when people must say
	hub      *session // its callerARN says who the ambient credentials are
}

var (
	accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
)

// ConfigError is what is wrong with one field of a Config.
type ConfigError struct {
	Account  string // its name; "" for a field of the whole
	Field    string // as the configuration file calls it, such as assume_role; "" for what is not in the file
	Sentence string // without a full stop
}

// Error returns the sentence.
func (e *ConfigError) Error() string { return e.Sentence }

// ConfigErrors is all that is wrong with a Config.
type ConfigErrors []*ConfigError

// Error returns the sentences, a line each.
func (all ConfigErrors) Error() string {
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = e.Sentence
	}
	return strings.Join(lines, "\n")
}

func (all *ConfigErrors) add(account, field, format string, args ...any) {
	*all = append(*all, &ConfigError{account, field, fmt.Sprintf(format, args...)})
}

// IsAccountID reports whether a text is the id of an account: twelve digits.
func IsAccountID(s string) bool { return accountID.MatchString(s) }

// New checks the configuration and returns its Cloud. It makes no network call; Warm does. All that
// is wrong is reported at once, as ConfigErrors.
func New(c Config) (*Cloud, error) {
	cloud := &Cloud{cfg: c, byName: map[string]*Conn{}}
	cfg := &cloud.cfg
	cfg.ProtectedRoles, cfg.SDK = slices.Clone(c.ProtectedRoles), prepared(c.SDK)
	cfg.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	cfg.SDK.Logger = sdkLog{cfg.Logger}
	cfg.SDK.APIOptions = append(slices.Clone(cfg.SDK.APIOptions), stampAnswers)
	if c.Watch != nil {
		cfg.SDK.APIOptions = append(cfg.SDK.APIOptions, watchCalls(c.Watch))
	}

	var wrong ConfigErrors
	if c.SDK.Credentials == nil {
		wrong.add("", "", "AWS credentials are missing: give the configuration that the SDK loads")
	}
	if c.Margin < 0 || c.Margin > maxMargin {
		wrong.add("", "revocation.margin", "the margin is %v: it has to lie between 0s and %v", c.Margin, maxMargin)
	}
	for kind, patterns := range map[string][]string{"role": c.ProtectedRoles, "user": c.ProtectedUsers} {
		for _, p := range patterns {
			if !strings.HasPrefix(p, "arn:") && !strings.HasPrefix(p, "*") && !strings.HasPrefix(p, "?") {
				wrong.add("", "protected_"+kind+"s", "protected %s %s can match no ARN: begin it with arn: or *", kind, Quote(p))
			}
		}
	}
	if len(c.Accounts) == 0 {
		wrong.add("", "accounts", "no account is configured")
	}
	names := map[string]string{} // by id
	for _, a := range c.Accounts {
		a.Partition, a.Regions = cmp.Or(a.Partition, "aws"), slices.Clone(a.Regions)
		a.TrailLogGroup = strings.TrimSuffix(a.TrailLogGroup, ":*") // as DescribeLogGroups and CloudTrail write it
		switch found, other := a.check(), names[a.ID]; {
		case len(found) > 0:
			wrong = append(wrong, found...)
		case cloud.byName[a.Name] != nil:
			wrong.add(a.Name, "name", "account %s is configured twice", a.Name)
		case other != "":
			wrong.add(a.Name, "id", "accounts %s and %s have the same id %s", other, a.Name, a.ID)
		default:
			kept := cloud.newConn(a)
			cloud.accounts, cloud.byName[a.Name], names[a.ID] = append(cloud.accounts, kept), kept, a.Name
		}
	}
	switch {
	case c.DefaultAccount != "":
		cloud.fallback = cloud.byName[c.DefaultAccount]
		if cloud.fallback == nil {
			wrong.add("", "default_account", "the default account %s is not among the accounts", Quote(c.DefaultAccount))
		}
	case len(cloud.accounts) == 1:
		cloud.fallback = cloud.accounts[0]
	}
	for _, a := range cloud.accounts {
		if group := a.TrailLogGroup; group != "" && cloud.byID(arnOf(group).Account) == nil {
			wrong.add(a.Name, "trail_log_group", "account %s: trail_log_group is in the account %s, which is not configured",
				Quote(a.Name), arnOf(group).Account)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	cloud.hub = cloud.newHub()
	for _, a := range cloud.accounts {
		a.reader = newSession(a.openReader(a.readerPolicy()))
	}
	return cloud, nil
}

// check reports what is wrong with an account whose partition is filled in.
func (a Account) check() (wrong ConfigErrors) {
	complain := func(field, format string, args ...any) {
		wrong.add(a.Name, field, "account %s: "+format, append([]any{Quote(a.Name)}, args...)...)
	}
	if !accountName.MatchString(a.Name) {
		complain("name", "the name has to be 1 to 64 letters, digits, dots, dashes and underscores")
	}
	if accountID.MatchString(a.Name) && a.Name != a.ID {
		complain("name", "the name is the id of another account")
	}
	if !accountID.MatchString(a.ID) {
		complain("id", "the id %s is not twelve digits", Quote(a.ID))
	}
	if homeRegion(a.Partition) == "" {
		complain("partition", "the partition %s is not known", Quote(a.Partition))
	}
	for _, role := range [][2]string{
		{"assume_role", a.AssumeRole}, {"users_role", a.UsersRole}, {"trust_role", a.TrustRole},
	} {
		field, arn := role[0], role[1]
		ref, err := ParseARN(arn)
		switch {
		case arn == "":
		case err != nil || ref.Service != "iam" || ref.Kind != "role":
			complain(field, "%s %s is not the ARN of a role", field, Quote(arn))
		case ref.Partition != a.Partition:
			complain(field, "%s %s is of another partition than %s", field, Quote(arn), a.Partition)
		case ref.Account != a.ID:
			complain(field, "%s %s is of another account than %s", field, Quote(arn), a.ID)
		}
	}
	if a.UsersRole != "" && a.UsersRole == a.AssumeRole {
		complain("users_role", "users_role is the same as assume_role: a role that may write on roles must not touch users")
	}
	if a.TrustRole != "" && (a.TrustRole == a.AssumeRole || a.TrustRole == a.UsersRole) {
		complain("trust_role", "trust_role is the same as another role of the account: a role that may write trust "+
			"policies must not write anything else")
	}
	if a.ExternalID != "" && a.AssumeRole+a.UsersRole+a.TrustRole == "" {
		complain("external_id", "an external_id without assume_role is never sent")
	}
	if group := a.TrailLogGroup; group != "" {
		switch ref, err := ParseARN(group); {
		case err != nil || ref.Service != "logs" || !accountID.MatchString(ref.Account) ||
			!regionName.MatchString(ref.Region) || logGroupName(group) == "":
			complain("trail_log_group", "trail_log_group %s is not the ARN of a log group", Quote(group))
		case ref.Partition != a.Partition || partitionOf(ref.Region) != a.Partition:
			complain("trail_log_group", "trail_log_group %s is of another partition than %s", Quote(group), a.Partition)
		}
	}
	for _, r := range a.Regions {
		if !regionName.MatchString(r) {
			complain("regions", "the region %s is not one", Quote(r))
		} else if partitionOf(r) != a.Partition {
			complain("regions", "the region %s is not of the partition %s", r, a.Partition)
		}
	}
	return wrong
}

// Accounts returns the configured accounts in their order, partitions filled in.
func (c *Cloud) Accounts() []Account {
	all := make([]Account, len(c.accounts))
	for i, a := range c.accounts {
		all[i] = a.Account
		all[i].Regions = slices.Clone(a.Regions)
	}
	return all
}

// Margin is how far past AWS's time the cutoff of a revocation lies.
func (c *Cloud) Margin() time.Duration { return c.cfg.Margin }

// ProtectedRoles are the patterns on ARNs of roles that are never touched.
func (c *Cloud) ProtectedRoles() []string { return slices.Clone(c.cfg.ProtectedRoles) }

// ProtectedUsers are the patterns on ARNs of users that are never touched.
func (c *Cloud) ProtectedUsers() []string { return slices.Clone(c.cfg.ProtectedUsers) }

// Protected returns the pattern of the configuration by which a role or user is never touched; ""
// if there is none. A pattern on a name protects it at any path.
func (c *Cloud) Protected(p contain.Principal) string {
	patterns := c.cfg.ProtectedRoles
	if p.Kind == contain.User {
		patterns = c.cfg.ProtectedUsers
	}
	bare := p
	bare.Path = "/"
	i := slices.IndexFunc(patterns, func(pattern string) bool {
		return MatchFold(pattern, p.ARN) || MatchFold(pattern, PrincipalARN(bare))
	})
	if i < 0 {
		return ""
	}
	return patterns[i]
}

// Log is where this package and those above it write.
func (c *Cloud) Log() *slog.Logger { return c.cfg.Logger }

// DefaultAccount is the name of the account that a bare role name means, "" when people must say.
func (c *Cloud) DefaultAccount() string {
	if c.fallback == nil {
		return ""
	}
	return c.fallback.Name
}

// Conn is the way into one account: what is configured of it, and what is kept for its calls.
type Conn struct {
	Account // the partition is filled in

	cloud   *Cloud
	iam     *iam.Client
	sts     *sts.Client
	account *account.Client
	reader  *session
	users   *Conn // the same account by its users_role, nil if it has none
	trust   *Conn // by its trust_role

	mu      sync.Mutex
	trails  map[string]*trail                 // by region
	logs    map[string]*cloudwatchlogs.Client // by region
	enabled enabledRegions
}

// newConn makes the clients of an account. They share the HTTP client of the SDK's configuration.
// The credentials are given with each call, so that the reading session and the sessions of
// revocations use the same warm client, and what it learned about the clock's skew.
func (c *Cloud) newConn(a Account) *Conn {
	kept := &Conn{Account: a, cloud: c, trails: map[string]*trail{}, logs: map[string]*cloudwatchlogs.Client{}}
	kept.iam = iam.NewFromConfig(c.cfg.SDK, func(o *iam.Options) { o.Region = homeRegion(a.Partition) })
	kept.sts = sts.NewFromConfig(c.cfg.SDK, func(o *sts.Options) { o.Region = stsRegion(o.Region, a.Partition) })
	kept.account = account.NewFromConfig(c.cfg.SDK, func(o *account.Options) { o.Region = homeRegion(a.Partition) })
	kept.users, kept.trust = c.by(a, a.UsersRole, usersReaderPolicy), c.by(a, a.TrustRole, trustReaderPolicy)
	return kept
}

// by is the way into an account by another role of it; nil without one.
func (c *Cloud) by(a Account, role, reads string) *Conn {
	if role == "" {
		return nil
	}
	a.AssumeRole, a.UsersRole, a.TrustRole = role, "", ""
	kept := c.newConn(a)
	kept.reader = newSession(kept.openReader(reads))
	return kept
}

// Trust is the way to trust policies of the account's roles: a role of its own, because one that
// may write inline policies as well has the account. The error is a *RefusedError.
func (a *Conn) Trust() (*Conn, error) {
	if a.trust == nil {
		return nil, Refuse("Account %s has no trust_role in the configuration, so revokebot cannot change trust policies "+
			"there.", a.Name)
	}
	return a.trust, nil
}

// Users is the way to the account's users and their access keys: a role of its own, because what
// may write on roles must not touch them. The error is a *RefusedError.
func (a *Conn) Users() (*Conn, error) {
	if a.users == nil {
		return nil, Refuse("Account %s has no users_role in the configuration, so revokebot cannot touch users "+
			"and access keys there.", a.Name)
	}
	return a.users, nil
}

// AccountName returns the configured name of an account, "" for one that is not configured.
func (c *Cloud) AccountName(id string) string {
	if a := c.byID(id); a != nil {
		return a.Name
	}
	return ""
}

// byID is nil for an account that is not configured.
func (c *Cloud) byID(id string) *Conn {
	for _, a := range c.accounts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// HomeRegion is where the account's partition keeps IAM and CloudTrail keeps IAM's events.
func (a *Conn) HomeRegion() string { return homeRegion(a.Partition) }

// Reader returns the reading session, opened if need be. A check in several regions asks for it
// first, so that a session that cannot be opened is one error and not one for each region.
func (a *Conn) Reader(ctx context.Context) (Credential, error) { return a.reader.get(ctx, refreshAt) }

// trail is CloudTrail in one region of one account.
type trail struct {
	client *cloudtrail.Client
	pace   *rate.Limiter
}

// trail returns the account's CloudTrail in a region. It is kept, because the pace holds across
// look-ups.
func (a *Conn) trail(region string) *trail {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.trails[region]
	if t == nil {
		t = &trail{
			client: cloudtrail.NewFromConfig(a.cloud.cfg.SDK, func(o *cloudtrail.Options) { o.Region = region }),
			pace:   rate.NewLimiter(lookupPace, 1),
		}
		a.trails[region] = t
	}
	return t
}
