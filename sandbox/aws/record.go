package aws

import (
	"strings"
	"time"
)

// happening is a call as CloudTrail will tell it.
type happening struct {
	name, source      string
	region            string
	requestID         string
	sharedID          string // set when more than one account is told, or a service called
	sourceIP          string
	userAgent         string
	host              string // empty for calls that did not come over the network
	identity          map[string]any
	request, response map[string]any // nil: null
	additional        map[string]any
	resources         []map[string]any
	readOnly          bool
	code, message     string
}

// tell records the happening in one account. Its error is impossible: what is recorded is made of
// strings and maps.
func (a *Account) tell(h happening) {
	r := map[string]any{
		"eventVersion": "1.11", "userIdentity": h.identity, "eventTime": a.server.now().Format(time.RFC3339),
		"eventSource": h.source, "eventName": h.name, "awsRegion": h.region, "sourceIPAddress": h.sourceIP,
		"userAgent": h.userAgent, "requestParameters": nil, "responseElements": nil, "requestID": h.requestID,
		"eventID": randomUUID(), "readOnly": h.readOnly, "eventType": "AwsApiCall", "managementEvent": true,
		"recipientAccountId": a.id, "eventCategory": "Management",
	}
	if h.request != nil {
		r["requestParameters"] = h.request
	}
	if h.response != nil {
		r["responseElements"] = h.response
	}
	if h.additional != nil {
		r["additionalEventData"] = h.additional
	}
	if h.resources != nil {
		r["resources"] = h.resources
	}
	if h.sharedID != "" {
		r["sharedEventID"] = h.sharedID
	}
	if h.code != "" {
		r["errorCode"], r["errorMessage"] = h.code, h.message
	}
	if h.host != "" {
		r["tlsDetails"] = map[string]any{
			"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": h.host,
		}
	}
	told := Told{Record: r}
	for _, twist := range a.server.twists {
		twist(&told)
	}
	e, err := eventOf(told.Record)
	if err != nil {
		a.server.log.Error("event lost", "event", h.name, "error", err)
		return
	}
	e.late = told.Late
	a.add(h.region, e)
}

// identity is the userIdentity of a caller in its own account's records.
func (c *credential) identity() map[string]any {
	id := map[string]any{
		"principalId": c.userID(), "arn": c.callerARN(), "accountId": c.account().id, "accessKeyId": c.id,
	}
	s := c.session
	if !c.federated() && c.user != nil {
		id["type"], id["userName"] = "IAMUser", c.user.name
	}
	if s == nil {
		return id
	}
	ctx := map[string]any{
		"attributes": map[string]any{"creationDate": s.issued.Format(time.RFC3339), "mfaAuthenticated": "false"},
	}
	issuer := func(kind, id, arn, name string) map[string]any {
		return map[string]any{"type": kind, "principalId": id, "arn": arn, "accountId": c.account().id, "userName": name}
	}
	switch {
	case s.role != nil:
		id["type"], ctx["sessionIssuer"] = "AssumedRole", issuer("Role", s.role.id, s.role.arn(), s.role.name)
	case c.federated():
		id["type"], ctx["sessionIssuer"] = "FederatedUser", issuer("IAMUser", c.user.id, c.user.arn(), c.user.name)
	}
	if s.sourceIdentity != "" {
		ctx["sourceIdentity"] = s.sourceIdentity
	}
	id["sessionContext"] = ctx
	return id
}

// foreignIdentity is the userIdentity of a caller in the records of another account.
func (c *credential) foreignIdentity() map[string]any {
	return map[string]any{"type": "AWSAccount", "principalId": c.userID(), "accountId": c.account().id}
}

// issued is the part of responseElements that all the ways of issuing a session share.
func issued(c *credential) map[string]any {
	s := c.session
	r := map[string]any{
		"credentials": map[string]any{
			"accessKeyId": c.id, "sessionToken": c.token, "expiration": expirationText(s.expires),
		},
	}
	switch {
	case s.role != nil:
		r["assumedRoleUser"] = map[string]any{"assumedRoleId": s.userID(), "arn": s.arn()}
	case c.federated():
		r["federatedUser"] = map[string]any{"federatedUserId": c.userID(), "arn": c.callerARN()}
	}
	if s.sourceIdentity != "" {
		r["sourceIdentity"] = s.sourceIdentity
	}
	return r
}

// roleResource is the entry of a record's resources for a role.
func roleResource(r *role) map[string]any {
	return map[string]any{"accountId": r.account.id, "type": "AWS::IAM::Role", "ARN": r.arn()}
}

// lowerFirst is the name of a request's parameter as CloudTrail writes it.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
