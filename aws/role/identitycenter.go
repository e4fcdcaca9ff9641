package role

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
)

var reservedSuffix = regexp.MustCompile(`_[0-9a-f]{16}$`)

// permissionSetOf returns the permission set that a role of Identity Center was made for, "" for
// a name that is not formed like theirs.
func permissionSetOf(roleName string) string {
	rest, ok := strings.CutPrefix(roleName, aws.IdentityCenterPrefix)
	if !ok || !reservedSuffix.MatchString(rest) {
		return ""
	}
	return rest[:len(rest)-len("_0123456789abcdef")]
}

// refuseIdentityCenter says what is to be done instead, with the policy for it (IAM Identity
// Center User Guide, "Revoke active IAM role sessions created by permission sets").
func (c *Client) refuseIdentityCenter(r Role) error {
	refused := &aws.RefusedError{Reason: aws.RefusedIdentityCenter, Sentence: fmt.Sprintf(
		"%s belongs to IAM Identity Center: only AWS may change it. "+
			"Deny the person's identitystore:userId in a service control policy, remove the assignment of the permission set, "+
			"then end the portal session and disable the user; keep the deny for 12 hours.",
		r.AccountName+"/"+r.Name)}
	set := permissionSetOf(r.Name)
	if set == "" || r.ServerTime.IsZero() {
		return refused
	}
	cutoff := r.ServerTime.Add(time.Second + c.cloud.Margin()) // the header has whole seconds
	refused.Steps = []string{
		"Find the person's user id in the identity store of IAM Identity Center.",
		fmt.Sprintf("Attach the service control policy below to account %s (%s): it denies everything to sessions of the "+
			"permission set %s there that were issued before %s. "+
			"To deny one person everywhere instead, use the condition StringEquals identitystore:userId with the person's id. "+
			"It has no effect in the management account.",
			r.AccountName, r.AccountID, aws.Quote(set), cutoff.UTC().Format(issueTimeFormat)),
		fmt.Sprintf("Remove the person's assignments of the permission set %s, and the memberships of groups that have it.",
			aws.Quote(set)),
		"Remove the person's assignments in the account access manager, if you use it.",
		"Disable the person in the identity provider.",
		"Delete the person's active sessions in the console of IAM Identity Center, and only then disable the user there.",
		"Keep the deny for at least 12 hours: that long can sessions of roles go on after everything else has ended.",
	}
	refused.Document = permissionSetSCP(r, set, cutoff)
	return refused
}
