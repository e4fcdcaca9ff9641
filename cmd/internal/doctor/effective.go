package doctor

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// setting is a key with its effective value.
type setting struct {
	key, value string
	from       string // another key that it has its value from when it is left out; "" is the default
}

// effective lists every key there is, in the order of docs/configuration.md.
func effective(c settings.Config) []setting {
	var all []setting
	add := func(key string, value any, from string) {
		text := fmt.Sprint(value)
		if ids, ok := value.([]string); ok {
			text = cmp.Or(strings.Join(ids, ", "), "none")
		}
		all = append(all, setting{key, text, from})
	}
	requesters, fallback := strings.Join(c.Requesters, ", "), c.DefaultAccount
	if fallback == "" && len(c.Accounts) == 1 {
		fallback = c.Accounts[0].Name
	}
	add("slack.channels", c.Channels, "")
	add("slack.requesters", cmp.Or(requesters, "any full member"), "")
	add("slack.connections", c.Connections, "")
	add("slack.allow_shared_channels", c.AllowShared, "")
	add("approvals.approvers", c.Common.Approvers, "")
	add("approvals.required", c.Common.Required, "")
	add("approvals.expire_after", short(c.ExpireAfter), "")
	add("approvals.keep_for", short(c.KeepFor), "")
	add("approvals.require_reason", c.RequireReason, "")
	for _, a := range c.Accounts {
		key, policy, external := "accounts."+a.Name+".", c.Policies[a.Name], "none"
		if a.ExternalID != "" {
			external = "set, not shown"
		}
		add(key+"id", a.ID, "")
		add(key+"partition", cmp.Or(a.Partition, "aws"), "")
		add(key+"assume_role", cmp.Or(a.AssumeRole, "none: the ambient credentials"), "")
		add(key+"trust_role", cmp.Or(a.TrustRole, "none: trust policies are not changed"), "")
		add(key+"users_role", cmp.Or(a.UsersRole, "none: access keys of users are refused"), "")
		add(key+"external_id", external, "")
		add(key+"allow_unnamed_sessions", a.AllowUnnamedSessions, "")
		add(key+"regions", cmp.Or(strings.Join(a.Regions, ", "), "all that are enabled in the account"), "")
		add(key+"trail_log_group", cmp.Or(a.TrailLogGroup, "none: CloudTrail's event history alone is asked"), "")
		add(key+"measures", strings.Trim(fmt.Sprint(policy.Measures), "[]"), "")
		add(key+"known_addresses", cmp.Or(a.Known.String(), "none: people name them"), "")
		add(key+"approvers", policy.Approvers, "approvals.approvers")
		add(key+"required", policy.Required, "approvals.required")
	}
	add("default_account", cmp.Or(fallback, "none: people name the account"), "")
	add("protected_roles", c.ProtectedRoles, "")
	add("protected_users", c.ProtectedUsers, "")
	add("revocation.margin", short(c.Margin), "")
	add("revocation.guard", shortAll(c.Guard), "")
	add("trail.lookback", short(c.Lookback), "")
	add("trail.follow_ups", shortAll(c.FollowUps), "")
	audit := cmp.Or(c.AuditFile, "none: on request only")
	if audit == "-" {
		audit = "standard output"
	}
	add("audit.file", audit, "")
	return all
}

// short writes a duration as people do: 12h and not 12h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func shortAll(all []time.Duration) string {
	var words []string
	for _, d := range all {
		words = append(words, short(d))
	}
	return cmp.Or(strings.Join(words, ", "), "never")
}
