package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
)

// configFile is the YAML file. Keys that are not here are errors.
type configFile struct {
	Slack struct {
		Channels    []string `yaml:"channels"`
		Requesters  []string `yaml:"requesters"`
		Connections *count   `yaml:"connections"`

		AllowSharedChannels bool `yaml:"allow_shared_channels"`
	} `yaml:"slack"`
	Approvals struct {
		Approvers     []string  `yaml:"approvers"`
		Required      *count    `yaml:"required"`
		ExpireAfter   *duration `yaml:"expire_after"`
		KeepFor       *duration `yaml:"keep_for"`
		RequireReason bool      `yaml:"require_reason"`
	} `yaml:"approvals"`
	Accounts       map[string]accountConfig `yaml:"accounts"`
	DefaultAccount string                   `yaml:"default_account"`
	ProtectedRoles []string                 `yaml:"protected_roles"`
	Revocation     struct {
		Margin *duration   `yaml:"margin"`
		Guard  *[]duration `yaml:"guard"`
	} `yaml:"revocation"`
	Trail struct {
		Lookback  *duration   `yaml:"lookback"`
		FollowUps *[]duration `yaml:"follow_ups"`
	} `yaml:"trail"`
	Audit struct {
		File string `yaml:"file"`
	} `yaml:"audit"`
}

type accountConfig struct {
	ID         string   `yaml:"id"`
	Partition  string   `yaml:"partition"`
	AssumeRole string   `yaml:"assume_role"`
	ExternalID string   `yaml:"external_id"`
	Regions    []string `yaml:"regions"`
	Approvers  []string `yaml:"approvers"`
	Required   *count   `yaml:"required"`

	AllowUnnamedSessions bool `yaml:"allow_unnamed_sessions"`
}

// config is the file with every default filled in.
type config struct {
	channels, requesters []string
	connections          int // to Slack, of each replica
	allowShared          bool
	policies             map[string]approvals.Policy // by account
	expireAfter          time.Duration
	keepFor              time.Duration
	requireReason        bool
	accounts             []aws.Account // by name
	defaultAccount       string
	protectedRoles       []string
	margin               time.Duration
	guard                []time.Duration
	lookback             time.Duration
	followUps            []time.Duration
	auditFile            string // path; "-" standard output, "" none
	warnings             []string
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
	// maxConnections is how many an app may have in all, and manyConnections what leaves two replicas no room for a
	// refresh (Slack documentation, "Using Socket Mode").
	maxConnections  = 10
	manyConnections = 5
	// trailKeeps is how long LookupEvents finds an event (AWS CloudTrail User Guide, "Working with CloudTrail event history").
	trailKeeps = 90 * 24 * time.Hour
)

var (
	defaultGuard     = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
	defaultFollowUps = []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
)

func readConfig(path string) (config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return config{}, usagef("REVOKEBOT_CONFIG names a file that cannot be read (%s, %s): give the path of the configuration file.", shown(path), fileTrouble(err))
	}
	return parseConfig(path, data)
}

// parseConfig reads the file's text. name is for messages.
func parseConfig(name string, data []byte) (config, error) {
	var f configFile
	if err := decodeYAML(data, &f); err != nil {
		return config{}, usagef("%s: %s", name, yamlSentence(err))
	}
	return f.complete(name)
}

var (
	channelID = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)
	deciderID = regexp.MustCompile(`^[UWS][A-Z0-9]{2,30}$`)
)

// complete checks the file and fills in the defaults. It reports all that is wrong, one sentence each.
func (f configFile) complete(name string) (config, error) {
	c, p := f.fill(name)
	return c, p.err()
}

// fill is complete with what is wrong in parts.
func (f configFile) fill(name string) (config, problems) {
	c := config{
		channels: f.Slack.Channels, requesters: f.Slack.Requesters, connections: defaultConnections, allowShared: f.Slack.AllowSharedChannels, requireReason: f.Approvals.RequireReason,
		policies: make(map[string]approvals.Policy), defaultAccount: f.DefaultAccount, protectedRoles: f.ProtectedRoles,
		expireAfter: orDefault(f.Approvals.ExpireAfter, defaultExpireAfter), keepFor: orDefault(f.Approvals.KeepFor, defaultKeepFor), margin: orDefault(f.Revocation.Margin, defaultMargin),
		lookback: orDefault(f.Trail.Lookback, defaultLookback),
		guard:    orDefaults(f.Revocation.Guard, defaultGuard), followUps: orDefaults(f.Trail.FollowUps, defaultFollowUps),
		auditFile: f.Audit.File,
	}
	p := problems{file: name}
	p.ids("slack.channels", c.channels, channelID, "ids of channels (C…)", true)
	p.ids("slack.requesters", c.requesters, deciderID, "ids of people (U… or W…) or user groups (S…)", false)
	p.ids("approvals.approvers", f.Approvals.Approvers, deciderID, "ids of people (U… or W…) or user groups (S…)", true)
	if n := f.Slack.Connections; n != nil {
		c.connections = int(*n)
		if c.connections < 1 || c.connections > maxConnections {
			p.add("slack.connections is %d: it has to lie between 1 and %d", c.connections, maxConnections)
		}
	}
	p.seconds("approvals.expire_after", c.expireAfter)
	p.seconds("approvals.keep_for", c.keepFor)
	p.seconds("trail.lookback", c.lookback)
	switch {
	case c.margin > maxMargin:
		p.add("revocation.margin is %v: it has to lie between 0s and 120s", c.margin)
	case c.margin != 0:
		p.seconds("revocation.margin", c.margin)
	}
	if n := f.Approvals.Required; n != nil {
		p.required("approvals", int(*n))
	}
	for _, d := range c.guard {
		p.seconds("revocation.guard", d)
	}
	for _, d := range c.followUps {
		p.seconds("trail.follow_ups", d)
	}
	if len(f.Accounts) == 0 {
		p.add("accounts is empty: name at least one account with its id")
	}
	for _, account := range slices.Sorted(maps.Keys(f.Accounts)) {
		a := f.Accounts[account]
		policy := approvals.Policy{Approvers: f.Approvals.Approvers, Required: defaultRequired}
		where := "accounts." + account
		if n := f.Approvals.Required; n != nil {
			policy.Required = int(*n)
		}
		if n := a.Required; n != nil {
			policy.Required = int(*n)
			p.required(where, policy.Required)
		}
		if a.Approvers != nil {
			p.ids(where+".approvers", a.Approvers, deciderID, "ids of people (U… or W…) or user groups (S…)", true)
			policy.Approvers = a.Approvers
		}
		c.policies[account] = policy
		c.accounts = append(c.accounts, aws.Account{
			Name: account, ID: a.ID, Partition: a.Partition, AssumeRole: a.AssumeRole, ExternalID: a.ExternalID, Regions: a.Regions,
			AllowUnnamedSessions: a.AllowUnnamedSessions,
		})
		if a.AssumeRole != "" && a.ExternalID == "" {
			c.warnings = append(c.warnings, where+" has assume_role without external_id: set one, so that nobody else can have the role assumed for them.")
		}
		if people := onlyPeople(policy.Approvers); people > 0 && people <= policy.Required {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: %s required and %s listed: a request by one of them cannot be approved. List more people, or a user group.",
				where, numbered(policy.Required, "approver is", "approvers are"), numbered(people, "person is", "people are")))
		}
	}
	if c.defaultAccount != "" {
		if _, ok := f.Accounts[c.defaultAccount]; !ok {
			p.add("default_account is %s, which is not among the accounts: name one of them, or leave it out", shown(c.defaultAccount))
		}
	}
	c.warn()
	return c, p
}

// settles is how long after the cutoff CloudTrail has to be asked for the word "contained" (package aws, Judge).
const settles = 15 * time.Minute

// warn tells of values that are allowed and make little sense in production.
func (c *config) warn() {
	add := func(format string, args ...any) { c.warnings = append(c.warnings, fmt.Sprintf(format, args...)) }
	if c.connections == 1 {
		add("slack.connections is 1: when it breaks there is none until the next is open; 2 is the default.")
	}
	if c.connections > manyConnections {
		add("slack.connections is %d: Slack allows the app %d in all, those of every replica and one more while one is renewed; 2 is the default.", c.connections, maxConnections)
	}
	if c.expireAfter < time.Minute {
		add("approvals.expire_after is %v: few people answer so fast; 15m is the default.", c.expireAfter)
	}
	if c.allowShared {
		add("slack.allow_shared_channels is true: people of other organisations read the cards and threads of the channels that are shared with them.")
	}
	if c.keepFor < 24*time.Hour {
		add("approvals.keep_for is %v: the record of a request is gone when the incident is looked at later; 2160h (90 days) is the default.", c.keepFor)
	}
	if c.margin < 10*time.Second {
		add("revocation.margin is %v: a session that is opened while IAM spreads the deny may survive; 30s is the default.", c.margin)
	}
	if c.lookback < time.Hour {
		add("trail.lookback is %v: sessions live for up to 12h, and older ones will not be listed.", c.lookback)
	}
	if c.expireAfter > 24*time.Hour {
		add("approvals.expire_after is %v: an approval that comes so late is about another incident; 15m is the default.", c.expireAfter)
	}
	if c.lookback > trailKeeps {
		add("trail.lookback is %v: CloudTrail's event history goes back 90 days.", c.lookback)
	}
	if len(c.guard) == 0 {
		add("revocation.guard is empty: nobody notices when the deny is taken off the role again.")
	}
	if len(c.followUps) == 0 {
		add("trail.follow_ups is empty: CloudTrail is minutes late, so the only look will miss the newest sessions.")
	} else if last, enough := slices.Max(c.followUps), settles+c.margin; last < enough {
		add("trail.follow_ups end after %v: CloudTrail is minutes late, so the last word can not be \"contained\" before %v. Add a look after that.", last, enough)
	}
}

// problems gathers what is wrong with a file.
type problems struct {
	file  string
	lines []string
}

func (p *problems) add(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...)+".")
}

func (p *problems) ids(key string, ids []string, form *regexp.Regexp, what string, needed bool) {
	if needed && len(ids) == 0 {
		p.add("%s is empty: list %s", key, what)
	}
	for _, id := range ids {
		if !form.MatchString(id) {
			p.add("%s has %s: list %s, not names", key, shown(id), what)
		}
	}
}

func (p *problems) seconds(key string, d time.Duration) {
	if d < time.Second {
		p.add("%s is %v: a second is the least", key, d)
	}
}

func (p *problems) required(where string, n int) {
	if n < 1 || n > approvals.MaxRequired {
		p.add("%s.required is %d: it has to lie between 1 and %d", where, n, approvals.MaxRequired)
	}
}

func (p *problems) err() error {
	if len(p.lines) == 0 {
		return nil
	}
	return usagef("%s: %s", p.file, strings.Join(p.lines, " "))
}

// onlyPeople counts the people on a list; 0 when there are groups on it, whose members nobody knows here.
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

func numbered(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func orDefault(d *duration, standard time.Duration) time.Duration {
	if d == nil {
		return standard
	}
	return time.Duration(*d)
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
