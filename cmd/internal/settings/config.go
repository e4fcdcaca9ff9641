package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/internal/english"
)

// Config is the configuration file with every default filled in.
type Config struct {
	Channels, Requesters []string
	Connections          int // to Slack, of each replica
	AllowShared          bool
	Common               approvals.Policy            // of the accounts that have none of their own
	Policies             map[string]approvals.Policy // by account
	ExpireAfter          time.Duration
	KeepFor              time.Duration
	RequireReason        bool
	Accounts             []aws.Account // by name
	DefaultAccount       string
	ProtectedRoles       []string
	ProtectedUsers       []string
	Margin               time.Duration
	Guard                []time.Duration
	Lookback             time.Duration
	FollowUps            []time.Duration
	AuditFile            string // path; "-" standard output, "" none
	Warnings             []*Error
}

// AWS is the part of the configuration that is for package aws.
func (c Config) AWS(sdk awssdk.Config) aws.Config {
	return aws.Config{
		Accounts: c.Accounts, DefaultAccount: c.DefaultAccount, ProtectedRoles: c.ProtectedRoles,
		ProtectedUsers: c.ProtectedUsers, Margin: c.Margin, SDK: sdk,
	}
}

// Defaults of the configuration file.
const (
	defaultConnections = 2
	defaultRequired    = 1
	defaultExpireAfter = 15 * time.Minute
	defaultKeepFor     = 90 * 24 * time.Hour
	defaultMargin      = 30 * time.Second
	defaultLookback    = 12 * time.Hour
)

const (
	maxMargin = 2 * time.Minute
	// maxConnections is how many an app may have in all, and manyConnections what leaves two replicas
	// no room for a refresh (Slack documentation, "Using Socket Mode").
	maxConnections  = 10
	manyConnections = 5
	// trailKeeps is how long LookupEvents finds an event (AWS CloudTrail User Guide, "Working with
	// CloudTrail event history").
	trailKeeps = 90 * 24 * time.Hour
)

var (
	defaultGuard = []time.Duration{
		5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	}
	defaultFollowUps = []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
)

var (
	channelID = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)
	deciderID = regexp.MustCompile(`^[UWS][A-Z0-9]{2,30}$`)
)

// fill checks the file and fills in the defaults. In place of a value that package aws would refuse
// as well there is one that doctor can go on with.
func (f file) fill() (Config, []*Error) {
	c := Config{
		Channels: f.Slack.Channels, Requesters: f.Slack.Requesters, AllowShared: f.Slack.AllowSharedChannels,
		Connections: orDefault((*int)(f.Slack.Connections), defaultConnections),
		Common: approvals.Policy{
			Approvers: f.Approvals.Approvers, Required: orDefault((*int)(f.Approvals.Required), defaultRequired),
		},
		RequireReason: f.Approvals.RequireReason,
		ExpireAfter:   orDefault((*time.Duration)(f.Approvals.ExpireAfter), defaultExpireAfter),
		KeepFor:       orDefault((*time.Duration)(f.Approvals.KeepFor), defaultKeepFor),
		Policies:      make(map[string]approvals.Policy), DefaultAccount: f.DefaultAccount, ProtectedRoles: f.ProtectedRoles,
		ProtectedUsers: f.ProtectedUsers,
		Margin:         orDefault((*time.Duration)(f.Revocation.Margin), defaultMargin),
		Guard:          orDefaults(f.Revocation.Guard, defaultGuard),
		Lookback:       orDefault((*time.Duration)(f.Trail.Lookback), defaultLookback),
		FollowUps:      orDefaults(f.Trail.FollowUps, defaultFollowUps),
		AuditFile:      f.Audit.File,
	}
	var p problems
	p.channels("slack.channels", c.Channels)
	p.deciders("slack.requesters", c.Requesters)
	p.approvers("approvals.approvers", c.Common.Approvers)
	p.between("slack.connections", c.Connections, maxConnections)
	p.seconds("approvals.expire_after", c.ExpireAfter)
	p.seconds("approvals.keep_for", c.KeepFor)
	p.seconds("trail.lookback", c.Lookback)
	switch {
	case c.Margin > maxMargin:
		p.add(is("revocation.margin", fmt.Sprintf("is %v", c.Margin), "it has to lie between 0s and 120s"))
		c.Margin = maxMargin
	case c.Margin != 0:
		p.seconds("revocation.margin", c.Margin)
	}
	p.between("approvals.required", c.Common.Required, approvals.MaxRequired)
	p.seconds("revocation.guard", c.Guard...)
	p.seconds("trail.follow_ups", c.FollowUps...)
	if len(f.Accounts) == 0 {
		p.add(is("accounts", "is empty", "name at least one account with its id"))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Accounts)) {
		c.account(name, f.Accounts[name], &p)
	}
	if _, ok := f.Accounts[c.DefaultAccount]; c.DefaultAccount != "" && !ok {
		p.add(is("default_account", "is "+Redact(c.DefaultAccount)+", which is not among the accounts",
			"name one of them, or leave it out"))
		c.DefaultAccount = ""
	}
	c.warn()
	return c, p
}

// account takes up one account.
func (c *Config) account(name string, a account, p *problems) {
	where, policy := "accounts."+name, c.Common
	if n := a.Required; n != nil {
		policy.Required = int(*n)
		p.between(where+".required", policy.Required, approvals.MaxRequired)
	}
	if a.Approvers != nil {
		p.approvers(where+".approvers", a.Approvers)
		policy.Approvers = a.Approvers
	}
	policy.Measures = approvals.Measures()[:1]
	if a.Measures != nil {
		p.needed(where+".measures", len(a.Measures), "list some of "+knownMeasures())
		policy.Measures = nil
	}
	for _, m := range a.Measures {
		policy.Measures = append(policy.Measures, approvals.Measure(m))
	}
	c.Policies[name] = policy
	if a.UsersRole == "" && slices.Contains(policy.Measures, approvals.AccessKey) {
		c.Warnings = append(c.Warnings, is(where+".measures", "lists key without users_role",
			"every request for an access key is refused", "set users_role (deploy/README.md)"))
	}
	for _, m := range []approvals.Measure{approvals.Freeze, approvals.RotateExternalID} {
		if a.TrustRole == "" && slices.Contains(policy.Measures, m) {
			c.Warnings = append(c.Warnings, is(where+".measures", "lists "+string(m)+" without trust_role",
				"every request for it is refused", "set trust_role (deploy/README.md)"))
		}
	}
	known, err := measures.Known(strings.Join(a.Known, " "))
	if err != nil {
		p.add(is(where+".known_addresses", "cannot be used", err.Error()))
	}
	c.Accounts = append(c.Accounts, aws.Account{
		Known: known,
		Name:  name, ID: a.ID, Partition: a.Partition, AssumeRole: a.AssumeRole, UsersRole: a.UsersRole,
		TrustRole:  a.TrustRole,
		ExternalID: a.ExternalID, Regions: a.Regions, TrailLogGroup: a.TrailLogGroup,
		AllowUnnamedSessions: a.AllowUnnamedSessions,
	})
	if a.AssumeRole != "" && a.ExternalID == "" {
		c.Warnings = append(c.Warnings, is(where, "has assume_role without external_id",
			"set one, so that no other party can have revokebot assume the role for them"))
	}
	if people := onlyPeople(policy.Approvers); people > 0 && people <= policy.Required {
		listed := english.Count(policy.Required, "approver is", "approvers are") + " required and " +
			english.Count(people, "person is", "people are") + " listed"
		c.Warnings = append(c.Warnings, says(where, listed, "a request by one of them cannot be approved",
			"list more people, or a user group").below(where))
	}
}

// onlyPeople counts the people on a list; 0 when there are groups on it, whose members are not
// known here.
func onlyPeople(ids []string) int {
	people := make(map[string]bool, len(ids))
	for _, id := range ids {
		if strings.HasPrefix(id, "S") {
			return 0
		}
		people[id] = true
	}
	return len(people)
}

func orDefault[T any](value *T, standard T) T {
	if value == nil {
		return standard
	}
	return *value
}

func orDefaults(d *[]duration, standard []time.Duration) []time.Duration {
	if d == nil {
		return standard
	}
	all := make([]time.Duration, len(*d))
	for i, one := range *d {
		all[i] = time.Duration(one)
	}
	return all
}
