package aws

import (
	"slices"
	"strconv"
	"time"
)

var userLifetime = optional(number(900, 129_600))

// userSessionOperations are the calls by which a user gets temporary credentials, and the one that
// tells whose an access key is.
func userSessionOperations() map[string]*operation {
	return map[string]*operation{
		"GetAccessKeyInfo": {
			params: map[string]rule{"AccessKeyId": required(accessKeys)}, readOnly: true, target: onEverything,
			do: accessKeyInfo,
		},
		// No permission is needed, and none can be taken away (STS API Reference, "GetSessionToken").
		"GetSessionToken": {params: map[string]rule{
			"DurationSeconds": userLifetime, "SerialNumber": {check: refused("SerialNumber")},
			"TokenCode": {check: refused("TokenCode")},
		}, readOnly: true, do: getSessionToken},
		"GetFederationToken": {params: map[string]rule{
			"Name": required(matching(2, 32, sourceForm)), "DurationSeconds": userLifetime, "Policy": optional(text(2048)),
			"PolicyArns.member.N.arn": {check: refused("PolicyArns")}, "Tags.member.N.Key": {check: refused("Tags")},
		}, readOnly: true, target: func(x *exchange) target {
			resource := x.caller.account().arn("sts", "federated-user/"+x.params["Name"])
			return target{resource: resource, words: resource}
		}, do: getFederationToken},
	}
}

// mayAsSession refuses what sessions of users cannot call, and sessions where a long-term key is
// needed (IAM User Guide, "Compare AWS STS credentials").
func (x *exchange) mayAsSession() error {
	c := x.caller
	allowed := []string{"GetCallerIdentity", "AssumeRole"}
	switch {
	case x.sig.service != "sts" || c.session == nil:
		return nil
	case c.role() != nil && x.action != "GetSessionToken" && x.action != "GetFederationToken":
		return nil
	case c.user != nil && slices.Contains(allowed, x.action) && !(c.federated() && x.action == "AssumeRole"):
		return nil
	}
	return errf("AccessDenied", "Cannot call %s with session credentials", x.action)
}

// accessKeyInfo knows the keys that were deleted as well: the account is part of the id. That of an
// unknown key has no documented error.
func accessKeyInfo(x *exchange) (any, error) {
	c := x.server.keys[x.params["AccessKeyId"]]
	if c == nil {
		return nil, errf("ValidationError", "The access key %s does not exist.", x.params["AccessKeyId"])
	}
	return struct{ Account string }{c.account().id}, nil
}

// userSession issues credentials to the caller, which is a user.
func (x *exchange) userSession(name string) (*credential, credentialsXML) {
	lifetime := 12 * time.Hour
	if s := x.params["DurationSeconds"]; s != "" {
		n, _ := strconv.Atoi(s) // checked by its rule
		lifetime = time.Duration(n) * time.Second
		x.tells.request = map[string]any{"durationSeconds": n}
	}
	c := x.server.newSession(nil, x.caller.user, name, lifetime)
	x.tells.response = issued(c)
	return c, credentialsXML{c.id, c.secret, c.token, isoTime(c.session.expires)}
}

func getSessionToken(x *exchange) (any, error) {
	_, xml := x.userSession("")
	return struct{ Credentials credentialsXML }{xml}, nil
}

func getFederationToken(x *exchange) (any, error) {
	var policy *Policy
	if text := x.params["Policy"]; text != "" {
		var err error
		if policy, err = ParsePolicy(text); err != nil {
			return nil, errOf("MalformedPolicyDocument", err.Error())
		}
	}
	c, xml := x.userSession(x.params["Name"])
	c.session.policy = policy
	if x.tells.request == nil {
		x.tells.request = map[string]any{}
	}
	x.tells.request["name"] = x.params["Name"]
	if policy != nil {
		x.tells.request["policy"] = x.params["Policy"]
	}
	type userXML struct {
		FederatedUserID string `xml:"FederatedUserId"`
		Arn             string
	}
	return struct {
		Credentials   credentialsXML
		FederatedUser userXML
	}{xml, userXML{c.userID(), c.callerARN()}}, nil
}
