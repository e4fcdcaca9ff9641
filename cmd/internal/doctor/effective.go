package doctor

import (
	"fmt"
	"strconv"
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
	list := func(ids []string, none string) string {
		if len(ids) == 0 {
			return none
		}
		return strings.Join(ids, ", ")
	}
	all := []setting{
		{"slack.channels", list(c.Channels, "none"), ""},
		{"slack.requesters", list(c.Requesters, "any full member"), ""},
		{"slack.connections", strconv.Itoa(c.Connections), ""},
		{"slack.allow_shared_channels", strconv.FormatBool(c.AllowShared), ""},
		{"approvals.approvers", list(c.Common.Approvers, "none"), ""},
		{"approvals.required", strconv.Itoa(c.Common.Required), ""},
		{"approvals.expire_after", short(c.ExpireAfter), ""},
		{"approvals.keep_for", short(c.KeepFor), ""},
		{"approvals.require_reason", strconv.FormatBool(c.RequireReason), ""},
	}
	for _, a := range c.Accounts {
		key := func(name string) string { return "accounts." + a.Name + "." + name }
		external := "none"
		if a.ExternalID != "" {
			external = "set, not shown"
		}
		partition, assume := a.Partition, a.AssumeRole
		if partition == "" {
			partition = "aws"
		}
		if assume == "" {
			assume = "none: the ambient credentials"
		}
		all = append(
			all,
			setting{key("id"), a.ID, ""}, setting{key("partition"), partition, ""}, setting{key("assume_role"), assume, ""},
			setting{
				key("external_id"), external, "",
			}, setting{key("allow_unnamed_sessions"), strconv.FormatBool(a.AllowUnnamedSessions), ""},
			setting{key("regions"), list(a.Regions, "all that are enabled in the account"), ""},
			setting{key("measures"), strings.Trim(fmt.Sprint(c.Policies[a.Name].Measures), "[]"), ""},
			setting{key("approvers"), list(c.Policies[a.Name].Approvers, "none"), "approvals.approvers"},
			setting{key("required"), strconv.Itoa(c.Policies[a.Name].Required), "approvals.required"},
		)
	}
	fallback := c.DefaultAccount
	switch {
	case fallback == "" && len(c.Accounts) == 1:
		fallback = c.Accounts[0].Name
	case fallback == "":
		fallback = "none: people name the account"
	}
	return append(
		all,
		setting{"default_account", fallback, ""}, setting{"protected_roles", list(c.ProtectedRoles, "none"), ""},
		setting{"revocation.margin", short(c.Margin), ""}, setting{"revocation.guard", shortAll(c.Guard), ""},
		setting{"trail.lookback", short(c.Lookback), ""}, setting{"trail.follow_ups", shortAll(c.FollowUps), ""},
		setting{"audit.file", auditPlace(c.AuditFile), ""},
	)
}

// auditPlace says where the audit log goes.
func auditPlace(file string) string {
	switch file {
	case "":
		return "none: on request only"
	case "-":
		return "standard output"
	default:
		return file
	}
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
	if len(all) == 0 {
		return "never"
	}
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = short(d)
	}
	return strings.Join(words, ", ")
}
