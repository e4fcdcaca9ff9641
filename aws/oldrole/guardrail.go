package role

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/aws"
)

// Service control policies are texts for people: the bot never writes one. They have no effect on service-linked roles and
// in the organization's management account (AWS Organizations User Guide, "Service control policies").

// GuardRailSCP is the text of a service control policy that keeps everybody but the bot from writing or removing inline
// policies of the role. botRoleARNs are patterns on ARNs, as Cloud.OwnRoles gives them; with none, nobody may.
func GuardRailSCP(role Role, botRoleARNs []string) string {
	s := scpStatement{
		Sid: "OnlyRevokebotChangesInlinePolicies", Effect: "Deny",
		Action: []string{"iam:PutRolePolicy", "iam:DeleteRolePolicy"}, Resource: aws.Literal(role.ARN),
	}
	if len(botRoleARNs) > 0 {
		s.Condition = map[string]map[string][]string{"ArnNotLike": {"aws:PrincipalArn": botRoleARNs}}
	}
	return scp(s)
}

// OldSessionsSCP is the text of a service control policy that denies everything to sessions of the role that were issued
// before the cutoff. Unlike the policy on the role, nobody in the account can take it away.
func OldSessionsSCP(role Role, cutoff time.Time) string {
	return scp(denyOldSessions("DenyOlderSessionsOfTheRole", []string{aws.Literal(role.ARN)}, cutoff))
}

// permissionSetSCP denies the older sessions of an Identity Center permission set in one account. The role's name ends in
// 16 characters that are not part of the permission set's, and its path may name a region (IAM Identity Center User Guide,
// "Referencing permission sets in resource policies").
func permissionSetSCP(role Role, permissionSet string, cutoff time.Time) string {
	const suffix = "_????????????????"
	path := reservedPath + "sso.amazonaws.com/"
	name := aws.IdentityCenterPrefix + aws.Literal(permissionSet) + suffix
	return scp(denyOldSessions("DenyOlderSessionsOfThePermissionSet", []string{
		aws.RoleARN(role.Partition, role.AccountID, path, name), aws.RoleARN(role.Partition, role.AccountID, path+"*/", name),
	}, cutoff))
}

func denyOldSessions(sid string, roles []string, cutoff time.Time) scpStatement {
	return scpStatement{
		Sid: sid, Effect: "Deny", Action: []string{"*"}, Resource: "*",
		Condition: map[string]map[string][]string{
			"ArnLike":      {"aws:PrincipalArn": roles},
			"DateLessThan": {issueTimeKey: {cutoff.UTC().Format(issueTimeFormat)}},
		},
	}
}

type scpStatement struct {
	Sid, Effect string
	Action      []string
	Resource    string
	Condition   map[string]map[string][]string `json:",omitempty"`
}

// scp prints a policy of one statement the way people read it.
func scp(s scpStatement) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Version   string
		Statement []scpStatement
	}{"2012-10-17", []scpStatement{s}})
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
