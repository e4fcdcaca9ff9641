package aws

import (
	"maps"
	"strconv"
	"time"
)

// roleWrites are the calls that change roles.
func roleWrites() map[string]*operation {
	return map[string]*operation{
		"PutRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyName": required(policyName), "PolicyDocument": required(policyText),
		}, target: onRole, do: func(x *exchange) (any, error) {
			p := x.params
			return nil, x.caller.account().putRolePolicy(p["RoleName"], p["PolicyName"], p["PolicyDocument"])
		}},
		"DeleteRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyName": required(policyName),
		}, target: onRole, do: func(x *exchange) (any, error) {
			return nil, x.caller.account().deleteRolePolicy(x.params["RoleName"], x.params["PolicyName"])
		}},
		"AttachRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyArn": required(policyARN),
		}, target: onAttachment, do: func(x *exchange) (any, error) {
			return nil, x.caller.account().attachRolePolicy(x.params["RoleName"], x.params["PolicyArn"])
		}},
		"DetachRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyArn": required(policyARN),
		}, target: onAttachment, do: func(x *exchange) (any, error) {
			return nil, x.caller.account().detachRolePolicy(x.params["RoleName"], x.params["PolicyArn"])
		}},
		"UpdateAssumeRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyDocument": required(policyText),
		}, target: onRole, do: func(x *exchange) (any, error) {
			return nil, x.caller.account().setTrust(x.params["RoleName"], x.params["PolicyDocument"])
		}},
		"TagRole": {params: map[string]rule{
			"RoleName": required(checkName), "Tags.member.N.Key": optional(tagKey), "Tags.member.N.Value": optional(tagValue),
		}, target: onRole, do: withRole(tagRole)},
		"CreateRole": {params: map[string]rule{
			"RoleName": required(checkName), "Path": optional(pathValue), "Description": optional(text(1000)),
			"AssumeRolePolicyDocument": required(policyText), "MaxSessionDuration": optional(number(3600, 43_200)),
			"Tags.member.N.Key": optional(tagKey), "Tags.member.N.Value": optional(tagValue),
		}, target: onNewRole, do: createRole},
		"DeleteRole": {
			params: map[string]rule{"RoleName": required(checkName)}, target: onRole, do: withRole(deleteRole),
		},
	}
}

func onNewRole(x *exchange) target {
	resource := x.caller.account().arn("iam", "role"+orSlash(x.params["Path"])+x.params["RoleName"])
	return target{resource: resource, words: resource}
}

func tagRole(x *exchange, r *role) (any, error) {
	if _, err := r.account.changeable(r.name); err != nil {
		return nil, err
	}
	tags := maps.Clone(r.tags)
	maps.Copy(tags, x.params.tags())
	if len(tags) > 50 {
		return nil, errOf("LimitExceeded", "Cannot exceed quota for TagsPerRole: 50")
	}
	r.tags = tags
	return nil, nil
}

func createRole(x *exchange) (any, error) {
	a, p := x.caller.account(), x.params
	seconds, _ := strconv.Atoi(p["MaxSessionDuration"]) // checked by its rule; absent is 0, the default
	if path := p["Path"]; (&role{path: path}).protected() {
		return nil, errf("ValidationError", "The path %s is reserved for AWS.", path)
	}
	d, err := a.parseTrust(p["AssumeRolePolicyDocument"])
	if err != nil {
		return nil, err
	}
	if err := a.checkPrincipals(d.policy); err != nil {
		return nil, err
	}
	r, err := a.addRole(RoleSpec{
		Name: p["RoleName"], Path: p["Path"], Description: p["Description"], Trust: p["AssumeRolePolicyDocument"],
		MaxSession: time.Duration(seconds) * time.Second, Tags: p.tags(),
	}, x.server.lag)
	if err != nil {
		return nil, err
	}
	x.tells.response = map[string]any{"role": map[string]any{
		"path": r.path, "roleName": r.name, "roleId": r.id, "arn": r.arn(), "createDate": expirationText(r.created),
	}}
	return struct{ Role roleXML }{r.shown()}, nil
}

func deleteRole(_ *exchange, r *role) (any, error) {
	if _, err := r.account.changeable(r.name); err != nil {
		return nil, err
	}
	switch {
	case len(r.inline) > 0:
		return nil, errOf("DeleteConflict", "Cannot delete entity, must delete policies first.")
	case len(r.attached) > 0:
		return nil, errOf("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	case len(r.profiles) > 0:
		return nil, errOf("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	}
	r.account.removeRole(r)
	return nil, nil
}
