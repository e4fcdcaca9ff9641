package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
)

// settles is how long after the cutoff CloudTrail has to be asked for the word "contained" (package
// aws/trail, Assess).
const settles = 15 * time.Minute

// warn tells of values that are allowed and make little sense in production.
func (c *Config) warn() {
	for _, w := range []struct {
		unwise bool
		key    string
		value  any
		why    string
	}{
		{
			c.Connections == 1, "slack.connections", 1,
			"when it breaks there is none until the next is open; 2 is the default",
		},
		{
			c.Connections > manyConnections, "slack.connections", c.Connections, fmt.Sprintf("Slack allows the app %d in all, "+
				"those of every replica and one more while one is renewed; 2 is the default", maxConnections),
		},
		{
			c.ExpireAfter < time.Minute, "approvals.expire_after", c.ExpireAfter,
			"few people answer so fast; 15m is the default",
		},
		{
			c.AllowShared, "slack.allow_shared_channels", true,
			"people of other organisations read the cards and threads of the channels that are shared with them",
		},
		{
			c.KeepFor < 24*time.Hour, "approvals.keep_for", c.KeepFor,
			"the record of a request is gone when the incident is reviewed later; 2160h (90 days) is the default",
		},
		{
			c.Margin < 10*time.Second, "revocation.margin", c.Margin,
			"a session that is opened while IAM spreads the policy may survive; 30s is the default",
		},
		{
			c.Lookback < defaultLookback, "trail.lookback", c.Lookback,
			"sessions live for up to 12h: older ones are not listed, and no verdict is \"contained\"",
		},
		{
			c.ExpireAfter > 24*time.Hour, "approvals.expire_after", c.ExpireAfter,
			"an approval that comes so late is about another incident; 15m is the default",
		},
		{
			c.Lookback > trailKeeps, "trail.lookback", c.Lookback, "CloudTrail's event history goes back 90 days",
		},
		{
			len(c.Guard) == 0, "revocation.guard", "empty", "a removal of revokebot's policy from the role goes unnoticed",
		},
		{
			!slices.IsSorted(c.Guard), "revocation.guard", "not in order",
			"the time that is listed last counts as the last check, whenever it comes; sort the times",
		},
		{
			len(c.FollowUps) == 0, "trail.follow_ups", "empty",
			"CloudTrail is minutes late, so the only check will miss the newest sessions",
		},
	} {
		if w.unwise {
			c.Warnings = append(c.Warnings, is(w.key, fmt.Sprint("is ", w.value), w.why))
		}
	}
	c.protectsAll()
	if len(c.FollowUps) == 0 {
		return
	}
	if last, enough := slices.Max(c.FollowUps), settles+c.Margin; last < enough {
		c.Warnings = append(c.Warnings, says(
			"trail.follow_ups", fmt.Sprintf("trail.follow_ups end after %v", last),
			fmt.Sprintf("CloudTrail is minutes late, so the verdict can not be \"contained\" before %v", enough),
			"add a check after that"))
	}
}

// protectsAll tells of patterns that match every role or user of an account.
func (c *Config) protectsAll() {
	for key, patterns := range map[string][]string{
		"protected_roles": c.ProtectedRoles, "protected_users": c.ProtectedUsers,
	} {
		kind := strings.TrimSuffix(strings.TrimPrefix(key, "protected_"), "s")
		for _, pattern := range patterns {
			for _, a := range c.Accounts {
				// A name that only a pattern without a word of its own matches.
				one := "arn:" + cmp.Or(a.Partition, "aws") + ":iam::" + a.ID + ":" + kind + "/Qz7-xv.0_@"
				if aws.MatchFold(pattern, one) {
					c.Warnings = append(c.Warnings, is(key, "has "+Redact(pattern), "it covers all of account "+a.Name+
						", where nothing can be contained then", "name those that must never be touched"))
				}
			}
		}
	}
}

// AccountWarnings tells of accounts in which a revocation is bounded or named less than it could
// be, and of regions that this version does not know.
func AccountWarnings(accounts []aws.Account) []*Error {
	var warnings []*Error
	for _, a := range accounts {
		where := "accounts." + a.Name
		for _, region := range a.Regions {
			known, near := aws.KnownRegions(cmp.Or(a.Partition, "aws")), "correct it, or leave it if it is new"
			if i := slices.IndexFunc(known, func(k string) bool { return role.Edits(region, k, 2) <= 2 }); i >= 0 {
				near = "write " + known[i] + " if that is meant"
			}
			if len(known) > 0 && !slices.Contains(known, region) {
				warnings = append(warnings, is(where+".regions", "has "+Redact(region),
					"revokebot knows no such region in that partition", near))
			}
		}
		if a.AssumeRole == "" {
			warnings = append(warnings, is(where, "has no assume_role",
				"the policy is written with revokebot's own credentials there, which no session policy narrows to one role, "+
					"and CloudTrail does not name the people",
				"give it a spoke role (deploy/README.md)"))
		}
		if a.AllowUnnamedSessions {
			warnings = append(warnings, is(where, "has allow_unnamed_sessions",
				"where AWS refuses source identity and tags, CloudTrail does not name the people",
				"allow sts:SetSourceIdentity and sts:TagSession in the spoke's trust policy instead"))
		}
	}
	return warnings
}
