package aws

import (
	"cmp"
	"time"
)

// ServiceSession issues a session as an AWS service gets it for what runs on it: service is a
// service principal such as "lambda.amazonaws.com" (twelve hours; the session's name is the
// function's) or "ec2.amazonaws.com" (six hours; the instance's id), which the role's trust policy
// must name. MaxSession does not limit it. The event is recorded in the region.
func (a *Account) ServiceSession(role, service, sessionName, region string) (AccessKey, error) {
	lifetime := time.Hour
	switch service {
	case "ec2.amazonaws.com", "pods.eks.amazonaws.com", "ecs-tasks.amazonaws.com":
		lifetime = 6 * time.Hour
	case "lambda.amazonaws.com":
		lifetime = 12 * time.Hour
	}
	return a.issue(role, sessionName, region, lifetime, "sts:AssumeRole", isNamed("Service", service),
		a.source(service, sessionName, region),
		func(c *credential) happening {
			c.session.service = service
			return happening{
				name: "AssumeRole", sourceIP: service, userAgent: service, sharedID: randomUUID(),
				identity: map[string]any{"type": "AWSService", "invokedBy": service},
				request:  map[string]any{"roleArn": c.session.role.arn(), "roleSessionName": sessionName},
				response: issued(c), resources: []map[string]any{roleResource(c.session.role)},
			}
		})
}

// source are the condition keys by which a service says for whom it assumes a role. ECS is
// documented to give them (Amazon ECS Developer Guide, "Amazon ECS task IAM role"); of the others
// here it is not known.
func (a *Account) source(service, sessionName, region string) Context {
	if service != "ecs-tasks.amazonaws.com" {
		return nil
	}
	return Context{
		"aws:SourceAccount": {a.id},
		"aws:SourceArn":     {"arn:" + a.partition + ":ecs:" + region + ":" + a.id + ":task/default/" + sessionName},
	}
}

// SAMLSpec describes somebody who signs in at an identity provider.
type SAMLSpec struct {
	Provider       string // the SAML provider's name in IAM
	User           string // the NameID; also the session's name
	SourceIdentity string
	Region         string        // empty: the home region
	Duration       time.Duration // 0: one hour; at most the role's maximum
	SourceIP       string        // empty: "AWS Internal"
	UserAgent      string
}

// SAMLSession issues a session as AssumeRoleWithSAML does; the role's trust policy must name the
// provider. Identity Center issues its sessions in this way too.
func (a *Account) SAMLSession(role string, spec SAMLSpec) (AccessKey, error) {
	provider := a.arn("iam", "saml-provider/"+spec.Provider)
	qualifier := "EXAMPLE" + lastOf(spec.Provider, 6) + "="
	ctx := Context{
		"SAML:aud": {"https://signin.aws.amazon.com/saml"}, "SAML:sub": {spec.User}, "SAML:iss": {"https://idp.example.com"},
	}
	return a.issue(role, spec.User, cmp.Or(spec.Region, a.HomeRegion()), cmp.Or(spec.Duration, time.Hour),
		"sts:AssumeRoleWithSAML",
		isNamed("Federated", provider), ctx,
		func(c *credential) happening {
			c.session.sourceIdentity = spec.SourceIdentity
			response := issued(c)
			response["subject"], response["subjectType"] = spec.User, "persistent"
			response["issuer"], response["audience"] = "https://idp.example.com", "https://signin.aws.amazon.com/saml"
			response["nameQualifier"] = qualifier
			request := map[string]any{
				"sAMLAssertionID": "_" + randomUUID(), "roleSessionName": spec.User, "roleArn": c.session.role.arn(),
				"principalArn": provider, "durationSeconds": int(c.session.expires.Sub(c.session.issued).Seconds()),
			}
			if spec.SourceIdentity != "" {
				request["sourceIdentity"] = spec.SourceIdentity
			}
			return happening{
				name: "AssumeRoleWithSAML", sourceIP: cmp.Or(spec.SourceIP, "AWS Internal"),
				userAgent: cmp.Or(spec.UserAgent, "aws-internal/3"),
				identity: map[string]any{
					"type": "SAMLUser", "principalId": qualifier + ":" + spec.User, "userName": spec.User,
					"identityProvider": qualifier,
				},
				request: request, response: response,
				resources: []map[string]any{
					roleResource(c.session.role),
					{"accountId": a.id, "type": "AWS::IAM::SAMLProvider", "ARN": provider},
				},
			}
		})
}

// WebIdentitySpec describes a workload with a token of an OpenID Connect provider.
type WebIdentitySpec struct {
	Provider    string // without scheme, such as "token.actions.githubusercontent.com"
	Subject     string // such as "repo:acme/shop:ref:refs/heads/main"
	Audience    string // empty: "sts.amazonaws.com"
	SessionName string
	Region      string        // empty: the home region
	Duration    time.Duration // 0: one hour
	SourceIP    string
	UserAgent   string
}

// WebIdentitySession issues a session as AssumeRoleWithWebIdentity does. The role's trust policy
// must name the provider; its conditions may use the provider's :aud and :sub keys.
func (a *Account) WebIdentitySession(role string, spec WebIdentitySpec) (AccessKey, error) {
	provider := a.arn("iam", "oidc-provider/"+spec.Provider)
	audience := cmp.Or(spec.Audience, "sts.amazonaws.com")
	ctx := Context{spec.Provider + ":aud": {audience}, spec.Provider + ":sub": {spec.Subject}}
	return a.issue(role, spec.SessionName, cmp.Or(spec.Region, a.HomeRegion()), cmp.Or(spec.Duration, time.Hour),
		"sts:AssumeRoleWithWebIdentity",
		isNamed("Federated", provider), ctx,
		func(c *credential) happening {
			response := issued(c)
			response["subjectFromWebIdentityToken"], response["provider"] = spec.Subject, provider
			response["audience"] = audience
			request := map[string]any{"roleArn": c.session.role.arn(), "roleSessionName": spec.SessionName}
			if spec.Duration != 0 {
				request["durationSeconds"] = int(spec.Duration.Seconds())
			}
			return happening{
				name: "AssumeRoleWithWebIdentity", sourceIP: cmp.Or(spec.SourceIP, "198.51.100.17"),
				userAgent: cmp.Or(spec.UserAgent, "aws-sdk"),
				identity: map[string]any{
					"type": "WebIdentityUser", "principalId": provider + ":" + audience + ":" + spec.Subject,
					"userName": spec.Subject, "identityProvider": provider,
				},
				request: request, response: response,
				additional: map[string]any{"identityProviderConnectionVerificationMethod": "IAMTrustStore"},
				resources:  []map[string]any{roleResource(c.session.role)},
			}
		})
}

// issue makes a session for somebody who does not sign requests, if the role's trust policy lets
// them in, and records the event that tell describes.
func (a *Account) issue(roleName, sessionName, region string, lifetime time.Duration, action string,
	match func(principal) grant, ctx Context, tell func(*credential) happening,
) (AccessKey, error) {
	if err := checkSessionName(sessionName); err != nil {
		return AccessKey{}, err
	}
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := a.role(roleName)
	if r == nil {
		return AccessKey{}, noSuchRole(roleName)
	}
	v, ok := r.enforced(region)
	if !ok || v.gone || trusts(v.trust, Request{Action: action, Resource: r.arn(), Context: ctx}, match) != directGrant {
		return AccessKey{}, errf("AccessDenied", "Not authorized to perform %s", action)
	}
	if action != "sts:AssumeRole" && lifetime > r.maxSession {
		return AccessKey{}, tooLong()
	}
	c := a.server.newSession(r, nil, sessionName, lifetime)
	h := tell(c)
	h.source, h.region, h.requestID, h.readOnly = "sts.amazonaws.com", region, randomUUID(), true
	if c.session.service == "" {
		h.host = "sts." + h.region + ".amazonaws.com"
	}
	a.tell(h)
	return c.accessKey(), nil
}

func tooLong() error {
	return errOf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
}

func checkSessionName(name string) error {
	return checkText("roleSessionName", name, 64, namePattern, nameForm)
}

func lastOf(s string, n int) string { return s[max(0, len(s)-n):] }
