package aws

import (
	"cmp"
	"maps"
	"time"
)

// Told is a record on its way to CloudTrail. Late is by how much LookupEvents shows it later than
// others.
type Told struct {
	Record map[string]any
	Late   time.Duration
}

// Twist changes what CloudTrail keeps of a call. It sees only calls that the server carried out or
// refused, not what RecordEvent and the like put there.
type Twist func(*Told)

// Twist has CloudTrail tell of calls from now on as the twists leave them, in place of the twists
// of before. Without any it tells all.
func (s *Server) Twist(twists ...Twist) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twists = twists
}

// Of limits a twist to the calls of a session name.
func Of(session string, twist Twist) Twist {
	return func(t *Told) {
		if id, _ := within(t.Record, "userIdentity", "principalId").(string); len(id) > len(session) &&
			id[len(id)-len(session)-1:] == ":"+session {
			twist(t)
		}
	}
}

// identity is a copy of the record's userIdentity, which the record has from now on.
func (t *Told) identity() map[string]any {
	id, _ := t.Record["userIdentity"].(map[string]any)
	id = maps.Clone(id)
	t.Record["userIdentity"] = id
	return id
}

// OutOfOrder shows every n-th call later than the others.
func OutOfOrder(n int, late time.Duration) Twist {
	met := 0
	return func(t *Told) {
		if met++; met%n == 0 {
			t.Late = late
		}
	}
}

// WithoutKey leaves the access key out, as the record of a call may (AWS CloudTrail User Guide,
// "CloudTrail userIdentity element").
func WithoutKey(t *Told) { delete(t.identity(), "accessKeyId") }

// KeyPerCall gives each call a key of its own, as calls of a console session have it.
func KeyPerCall(t *Told) { t.identity()["accessKeyId"] = randomID("ASIA", 16) }

// ForwardAccess has a service make the calls with the caller's identity and a key of its own, as a
// forward access session does.
func ForwardAccess(service string) Twist {
	return func(t *Told) {
		id := t.identity()
		id["invokedBy"], id["accessKeyId"] = service, randomID("ASIA", 16)
		t.Record["sourceIPAddress"], t.Record["userAgent"] = service, service
	}
}

// ThroughEndpoint has the calls come from a private address through a VPC endpoint.
func ThroughEndpoint(endpoint, account, address string) Twist {
	return func(t *Told) {
		t.Record["sourceIPAddress"], t.Record["vpcEndpointId"] = address, endpoint
		t.Record["vpcEndpointAccountId"] = account
	}
}

// From has the calls come from an address, such as one of IPv6.
func From(address string) Twist { return func(t *Told) { t.Record["sourceIPAddress"] = address } }

// ErrorInResponse tells of an error in responseElements alone, as some services do.
func ErrorInResponse(t *Told) {
	if code, failed := t.Record["errorCode"]; failed {
		t.Record["responseElements"] = map[string]any{"errorCode": code, "errorMessage": t.Record["errorMessage"]}
		delete(t.Record, "errorCode")
		delete(t.Record, "errorMessage")
	}
}

// Derive makes new credentials out of those of a session, as the call of a name does: "sts"
// "GetScopedCredentials" gives a key for the same session, all others tokens, which work nowhere
// here. The record has the members that the services document.
func (a *Account) Derive(keyID, service, call, region, address string, lasts time.Duration) (AccessKey, error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	c := a.server.keys[keyID]
	if c == nil || c.session == nil || c.account() != a {
		return AccessKey{}, errOf("InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	h := happening{
		name: call, source: service + ".amazonaws.com", region: cmp.Or(region, a.HomeRegion()), requestID: randomUUID(),
		sourceIP: address, userAgent: "aws-cli/2.31.4", identity: c.identity(),
		request: map[string]any{"durationSeconds": int(lasts.Seconds())},
	}
	var key AccessKey
	switch call {
	case "GetScopedCredentials":
		scoped := *c
		scoped.id, scoped.secret, scoped.token = randomID("ASIA", 16), randomSecret(), randomToken()
		s := *c.session
		scoped.session, s.expires = &s, a.server.now().Add(lasts).Truncate(time.Second)
		a.server.keys[scoped.id] = &scoped
		key, h.response = scoped.accessKey(), map[string]any{"credentials": issued(&scoped)["credentials"]}
	case "CreateOAuth2Token": // aws login: the record has no key
		delete(h.identity, "accessKeyId")
		h.request = nil
	}
	a.tell(h)
	return key, nil
}
