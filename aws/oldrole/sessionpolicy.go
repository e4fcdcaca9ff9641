package role

import (
	"encoding/json"

	"github.com/revokebot/revokebot/aws"
)

// What the session of one request may do, on one role.
const (
	toRevoke = `["iam:GetRole","iam:GetRolePolicy","iam:PutRolePolicy"]`
	toUndo   = `["iam:GetRole","iam:GetRolePolicy","iam:PutRolePolicy","iam:DeleteRolePolicy"]`
)

// oneRolePolicy is the session policy of one request: a few actions on one role. IAM has no condition for the name
// or the content of an inline policy, so the role is what bounds it.
func oneRolePolicy(actions, roleARN string) string {
	resource, err := json.Marshal(aws.Literal(roleARN))
	if err != nil {
		return "" // unreachable: a string always encodes
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":` + string(resource) + `}]}`
}

// drillPolicy is the session policy of a drill: it reads, and asks the policy simulator about the role and about what the
// bot itself is. There is no action in it that writes.
func drillPolicy(roleARN, own string) string {
	resources, err := json.Marshal([]string{aws.Literal(roleARN), aws.Literal(own)})
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetRolePolicy","iam:SimulatePrincipalPolicy"],"Resource":` + string(resources) + `}]}`
}
