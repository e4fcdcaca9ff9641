package role

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Service control policies are texts for people: the bot never writes one. They have no effect on
// service-linked roles and in the organization's management account (AWS Organizations User
// Guide, "Service control policies").

// issueTimeKey is the condition key of a session's age, and issueTimeFormat writes its values in
// UTC with a Z, as the IAM console does.
const (
	issueTimeKey    = "aws:TokenIssueTime"
	issueTimeFormat = "2006-01-02T15:04:05.000Z"
)

// becoming are the calls by which a caller makes, changes or passes a role or user, and so can act
// as it; deploy/cloudformation/guardrail.yaml has the same.
var becoming = []string{
	"iam:Acquire*", "iam:Attach*", "iam:Change*", "iam:Create*", "iam:Deactivate*", "iam:Delete*", "iam:Detach*",
	"iam:Enable*", "iam:PassRole", "iam:Put*", "iam:Reset*", "iam:Resync*", "iam:Tag*", "iam:Untag*", "iam:Update*",
	"iam:Upload*",
}

// GuardRailSCP is the text of a service control policy that keeps all principals but the bot from
// writing or removing inline policies of the role, from detaching the managed policy of a slot, or
// from changing the trust policy, and from becoming the bot. Of a user it is about inline policies
// and the status of access keys. botRoleARNs are patterns on ARNs, as Cloud.OwnRoles gives them;
// with none, no principal may.
func GuardRailSCP(roleARN string, botRoleARNs []string, slots ...contain.Slot) string {
	s := policyStatement{
		Sid: "OnlyRevokebotChangesInlinePolicies", Effect: "Deny",
		Action: []string{"iam:PutRolePolicy", "iam:DeleteRolePolicy"}, Resource: aws.Literal(roleARN),
		Condition: condition{},
	}
	if ref, err := aws.ParseARN(roleARN); err == nil && ref.Kind == string(contain.User) {
		s.Sid = "OnlyRevokebotChangesKeysAndInlinePolicies"
		s.Action = []string{"iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:UpdateUser"}
	}
	if len(slots) > 0 && slots[0].Kind == contain.RoleTrust {
		s.Sid, s.Action = "OnlyRevokebotChangesTrustPolicies", []string{contain.RoleTrust.Facts().Put}
	}
	for _, key := range Context(slots...) {
		s.Sid, s.Action = "OnlyRevokebotDetaches", []string{contain.RoleAttached.Facts().Remove}
		s.Condition["ArnEquals"] = map[string][]string{key.Name: key.Values}
	}
	if len(botRoleARNs) == 0 {
		return scp(s)
	}
	others := map[string][]string{"aws:PrincipalArn": botRoleARNs}
	s.Condition["ArnNotLike"] = others
	return scp(s, policyStatement{
		Sid: "NobodyElseBecomesRevokebot", Effect: "Deny", Action: becoming, Resource: botRoleARNs,
		Condition: condition{"ArnNotLike": others},
	})
}

// OldSessionsSCP is the text of a service control policy that denies everything to sessions of
// the role that were issued before the cutoff; to all of them if there is none. A user is denied
// everything in any case, because an access key has no issue time. Unlike a policy on the role or
// user, no principal in the account can remove it.
func OldSessionsSCP(roleARN string, cutoff time.Time) string {
	if ref, err := aws.ParseARN(roleARN); err == nil && ref.Kind == string(contain.User) {
		s := denyOldSessions("DenyTheUserEverything", []string{aws.Literal(roleARN)}, cutoff)
		delete(s.Condition, "DateLessThan")
		return scp(s, policyStatement{ // under another name the statement above would not hold
			Sid: "NobodyRenamesTheUser", Effect: "Deny", Action: []string{"iam:UpdateUser"}, Resource: aws.Literal(roleARN),
		})
	}
	s := denyOldSessions("DenyOlderSessionsOfTheRole", []string{aws.Literal(roleARN)}, cutoff)
	if cutoff.IsZero() {
		s.Sid = "DenyAllSessionsOfTheRole"
		delete(s.Condition, "DateLessThan")
	}
	return scp(s)
}

// cutoffAt is the cutoff of a policy that people attach now. The Date header has whole seconds.
func (c *Client) cutoffAt(r Role) time.Time { return r.ServerTime.Add(time.Second + c.cloud.Margin()) }

// orDeny offers, with the refusal of a role on which nothing is written, the policy that denies its
// old sessions all the same.
func (c *Client) orDeny(r Role, err error) error {
	refused, ok := errors.AsType[*aws.RefusedError](err)
	if refusal, foreign := errors.AsType[*contain.Refusal](err); foreign && !ok {
		refused = aws.Refuse("%s", refusal.Sentence)
		err, ok = errors.Join(refused, err), true
	}
	if ok && !r.ServerTime.IsZero() && r.Kind != contain.User {
		cutoff := c.cutoffAt(r)
		refused.Steps = []string{fmt.Sprintf("Or attach the service control policy below to account %s (%s): it denies "+
			"everything to sessions of the role that were issued before %s. It has no effect in the management account.",
			r.AccountName, r.AccountID, cutoff.UTC().Format(issueTimeFormat))}
		refused.Document = OldSessionsSCP(r.ARN, cutoff)
	}
	return err
}

// permissionSetSCP denies the older sessions of an Identity Center permission set in one account.
// The role's name ends in 16 characters that are not part of the permission set's, and its path
// may name a region (IAM Identity Center User Guide, "Referencing permission sets in resource
// policies").
func permissionSetSCP(role Role, permissionSet string, cutoff time.Time) string {
	const suffix = "_????????????????"
	path := reservedPath + "sso.amazonaws.com/"
	name := aws.IdentityCenterPrefix + aws.Literal(permissionSet) + suffix
	return scp(denyOldSessions("DenyOlderSessionsOfThePermissionSet", []string{
		aws.RoleARN(role.Partition, role.AccountID, path, name), aws.RoleARN(role.Partition, role.AccountID, path+"*/", name),
	}, cutoff))
}

func denyOldSessions(sid string, roles []string, cutoff time.Time) policyStatement {
	return policyStatement{
		Sid: sid, Effect: "Deny", Action: []string{"*"}, Resource: "*",
		Condition: condition{
			"ArnLike":      {"aws:PrincipalArn": roles},
			"DateLessThan": {issueTimeKey: {cutoff.UTC().Format(issueTimeFormat)}},
		},
	}
}

// policyStatement is a statement of a policy that this package writes.
type policyStatement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Action    []string
	Resource  any       // a text, or several
	Condition condition `json:",omitempty"`
}

// condition is values by operator and key.
type condition map[string]map[string][]string

// scp prints a policy the way people read it.
func scp(s ...policyStatement) string { return printed("  ", s) }

func printed(indent string, s []policyStatement) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(struct {
		Version   string
		Statement []policyStatement
	}{"2012-10-17", s})
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

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
	refused := aws.Refuse("%s belongs to IAM Identity Center: only AWS may change it. "+
		"Deny the person's identitystore:userId in a service control policy for 12 hours, and disable the user.", r.title())
	set := permissionSetOf(r.Name)
	if set == "" || r.ServerTime.IsZero() {
		return refused
	}
	cutoff := c.cutoffAt(r)
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
		"Keep the service control policy for at least 12 hours: sessions of roles can go on that long after everything " +
			"else has ended.",
	}
	refused.Document = permissionSetSCP(r, set, cutoff)
	return refused
}
