package aws

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	externalIDForm = regexp.MustCompile(`^[\w+=,.@:/\-]*$`)
	sourceForm     = regexp.MustCompile(`^[\w+=,.@\-]*$`)
	roleARNForm    = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[\x21-\x7E]+$`)
)

// stsOperations are the actions of the Security Token Service.
func stsOperations() map[string]*operation {
	all := userSessionOperations()
	maps.Copy(all, map[string]*operation{
		// No permission is needed, and none can be taken away: it works under an explicit deny
		// (STS API Reference, "GetCallerIdentity").
		"GetCallerIdentity": {params: map[string]rule{}, readOnly: true, do: callerIdentity},
		"AssumeRole": {params: map[string]rule{
			"RoleArn":                    required(matching(20, 2048, roleARNForm)),
			"RoleSessionName":            required(matching(2, 64, sourceForm)),
			"DurationSeconds":            optional(number(900, 43_200)),
			"ExternalId":                 optional(matching(2, 1224, externalIDForm)),
			"SourceIdentity":             optional(matching(2, 64, sourceForm)),
			"Policy":                     optional(text(2048)),
			"Tags.member.N.Key":          optional(tagKey),
			"Tags.member.N.Value":        optional(tagValue),
			"TransitiveTagKeys.member.N": optional(tagKey),
			"PolicyArns.member.N.arn":    {check: refused("PolicyArns")},
			"SerialNumber":               {check: refused("SerialNumber")},
			"TokenCode":                  {check: refused("TokenCode")},
		}, readOnly: true, do: assumeRole},
	})
	return all
}

// refused is the rule for parameters of the real action that the stand-in does not know.
func refused(name string) func(field, value string) error {
	return func(string, string) error {
		return errf("ValidationError", "This stand-in does not know the parameter %s.", name)
	}
}

func callerIdentity(x *exchange) (any, error) {
	return struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}{x.caller.callerARN(), x.caller.userID(), x.caller.account().id}, nil
}

// assumption is an AssumeRole request, read and checked as far as that needs no role.
type assumption struct {
	roleARN, sessionName string
	externalID, source   string
	duration             time.Duration
	tags                 map[string]string // of the request
	incoming             map[string]string // transitive tags of the caller's session
	transitive           []string
	policyText           string
	policy               *Policy
}

func (x *exchange) readAssumption() (assumption, error) {
	p := x.params
	a := assumption{
		roleARN: p["RoleArn"], sessionName: p["RoleSessionName"], externalID: p["ExternalId"], source: p["SourceIdentity"],
		duration: time.Hour, tags: p.tags(), incoming: map[string]string{}, transitive: p.list("TransitiveTagKeys"),
		policyText: p["Policy"],
	}
	if len(a.source) >= 4 && a.source[:4] == "aws:" {
		return a, invalidValue("sourceIdentity", a.source, "Member must not begin with aws:")
	}
	if err := checkSessionTags(p); err != nil {
		return a, err
	}
	if s := p["DurationSeconds"]; s != "" {
		n, _ := strconv.Atoi(s) // checked by its rule
		a.duration = time.Duration(n) * time.Second
	}
	if a.policyText != "" {
		var err error
		if a.policy, err = ParsePolicy(a.policyText); err != nil {
			return a, errOf("MalformedPolicyDocument", err.Error())
		}
	}
	if s := x.caller.session; s != nil {
		for _, key := range s.transitive {
			a.incoming[key] = s.tags[key]
			if _, again := a.tags[key]; again {
				return a, errf("InvalidParameterValue", "The tag %s is transitive and cannot be passed again.", key)
			}
		}
		if s.sourceIdentity != "" {
			if a.source != "" && a.source != s.sourceIdentity {
				return a, denied(x.caller, "sts:SetSourceIdentity", a.roleARN, "")
			}
			a.source = s.sourceIdentity
		}
	}
	return a, nil
}

// checkSessionTags: at most 50, none with a prefix that is AWS's, and no two keys that differ in
// case only (IAM User Guide, "Pass session tags in AWS STS").
func checkSessionTags(p params) error {
	seen := map[string]bool{}
	for i := 1; ; i++ {
		key, ok := p["Tags.member."+strconv.Itoa(i)+".Key"]
		if !ok {
			break
		}
		low := strings.ToLower(key)
		if strings.HasPrefix(low, "aws:") {
			return errf("InvalidParameterValue", "The tag key %s begins with aws:, which is reserved.", key)
		}
		if seen[low] {
			return errOf("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[low] = true
	}
	if len(seen) > 50 {
		return invalidValue("tags", "…", "Member must have length less than or equal to 50")
	}
	return nil
}

// needs lists the permissions that the request takes, on the caller's side and in the role's trust
// policy.
func (a assumption) needs() []string {
	actions := []string{"sts:AssumeRole"}
	if a.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	if len(a.tags)+len(a.incoming) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	return actions
}

func (a assumption) context(ctx Context) Context {
	ctx["sts:RoleSessionName"] = []string{a.sessionName}
	if a.externalID != "" {
		ctx["sts:ExternalId"] = []string{a.externalID}
	}
	if a.source != "" {
		ctx["sts:SourceIdentity"] = []string{a.source}
	}
	if len(a.transitive) > 0 {
		ctx["sts:TransitiveTagKeys"] = a.transitive
	}
	ctx.requestTags(a.tags)
	return ctx
}

func assumeRole(x *exchange) (any, error) {
	a, err := x.readAssumption()
	if err != nil {
		return nil, err
	}
	r, err := x.mayAssume(a)
	if err != nil {
		return nil, err
	}
	if err := a.checkDuration(x.caller, r); err != nil {
		return nil, err
	}
	size := a.packedSize()
	if size > 100 {
		return nil, errOf("PackedPolicyTooLarge", "The total packed size of the session policy and tags exceeds the limit.")
	}
	c := x.server.newSession(r, nil, a.sessionName, a.duration)
	c.session.sourceIdentity, c.session.policy = a.source, a.policy
	c.session.tags = map[string]string{}
	for _, tags := range []map[string]string{a.tags, a.incoming} {
		for k, v := range tags {
			c.session.tags[k] = v
		}
	}
	c.session.transitive = append(slices.Clone(a.transitive), sortedKeys(a.incoming)...)
	x.tellAssumed(a, c, size)
	return assumed(a, c, size), nil
}

// mayAssume decides whether the caller may have a session of the role. In the role's own account a
// trust policy that names the caller is enough, one that names the account is not; from another
// account the caller's policies must allow it in any case (IAM User Guide, "Cross-account policy
// evaluation logic"). A role that is not there is refused alike.
func (x *exchange) mayAssume(a assumption) (*role, error) {
	refusal := func(action, why string) error { return denied(x.caller, action, a.roleARN, why) }
	target, _ := parseARN(a.roleARN)
	account := x.server.accounts[target.account]
	var r *role
	if account != nil {
		r = account.role(target.lastSegment())
	}
	resource := Request{Action: "sts:AssumeRole", Resource: a.roleARN, Context: a.context(x.context())}
	if r == nil || r.arn() != a.roleARN {
		return nil, refusal("sts:AssumeRole", "")
	}
	for k, v := range r.tags {
		resource.Context["aws:ResourceTag/"+k], resource.Context["iam:ResourceTag/"+k] = []string{v}, []string{v}
	}
	v, ok := r.enforced(x.sig.region)
	if !ok || v.gone {
		return nil, refusal("sts:AssumeRole", "")
	}
	for _, action := range a.needs() {
		resource.Action = action
		own, why := x.caller.may(x.region(), resource)
		if own == ExplicitDeny {
			return nil, refusal(action, why)
		}
		trust := trusts(v.trust, resource, isCaller(x.caller))
		sameAccount := account == x.caller.account()
		limited := x.caller.limited() // the session policy must allow it in any case
		switch {
		case trust == explicitDeny:
			return nil, refusal(action, " with an explicit deny in a resource-based policy")
		case trust == noGrant, own != Allowed && (trust == accountGrant || !sameAccount || limited):
			return nil, refusal(action, "")
		}
	}
	return r, nil
}

// checkDuration: a role's maximum bounds every session, and a session made from a session lasts an
// hour at most. What runs on an AWS service with the service's session does not count as such a
// chain.
func (a assumption) checkDuration(c *credential, r *role) error {
	if a.duration > r.maxSession {
		return tooLong()
	}
	if c.role() != nil && c.session.service == "" && a.duration > time.Hour {
		return errOf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "+
			"by role chaining")
	}
	return nil
}

// packedSize is a guess at the share of the packed binary form of session policy and tags, in
// percent.
func (a assumption) packedSize() int {
	n := len(a.policyText)
	for k, v := range a.tags {
		n += len(k) + len(v)
	}
	for k, v := range a.incoming {
		n += len(k) + len(v)
	}
	return (n*100 + 4095) / 4096
}

func (x *exchange) tellAssumed(a assumption, c *credential, size int) {
	request := map[string]any{"roleArn": a.roleARN, "roleSessionName": a.sessionName}
	for name, value := range map[string]string{
		"externalId": a.externalID, "sourceIdentity": x.params["SourceIdentity"], "policy": a.policyText,
	} {
		if value != "" {
			request[name] = value
		}
	}
	if x.params["DurationSeconds"] != "" {
		request["durationSeconds"] = int(a.duration.Seconds())
	}
	if len(a.tags) > 0 {
		request["tags"] = tagList(a.tags)
	}
	if len(a.transitive) > 0 {
		request["transitiveTagKeys"] = a.transitive
	}
	if len(a.incoming) > 0 {
		request["incomingTransitiveTags"] = a.incoming
	}
	x.tells.request, x.tells.response = request, issued(c)
	if size > 0 {
		x.tells.response["packedPolicySize"] = size
	}
	x.tells.resources = []map[string]any{roleResource(c.session.role)}
	kind := "regional"
	if x.r.Host == "sts.amazonaws.com" {
		kind = "global"
	}
	x.tells.additional = map[string]any{
		"RequestDetails": map[string]any{"awsServingRegion": x.sig.region, "endpointType": kind},
	}
	if other := c.session.role.account; other != x.caller.account() {
		x.foreign = other
	}
}

type credentialsXML struct {
	AccessKeyID                               string `xml:"AccessKeyId"`
	SecretAccessKey, SessionToken, Expiration string
}

func assumed(a assumption, c *credential, size int) any {
	type userXML struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	return struct {
		Credentials      credentialsXML
		AssumedRoleUser  userXML
		PackedPolicySize int    `xml:",omitempty"`
		SourceIdentity   string `xml:",omitempty"`
	}{
		credentialsXML{c.id, c.secret, c.token, isoTime(c.session.expires)},
		userXML{c.session.userID(), c.session.arn()},
		size, a.source,
	}
}
