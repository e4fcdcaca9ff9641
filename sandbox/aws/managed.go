package aws

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// denyAllDocument is the default version of AWSDenyAll (AWS Managed Policy Reference Guide).
const denyAllDocument = `{
  "Version" : "2012-10-17",
  "Statement" : [
    {
      "Sid" : "DenyAll",
      "Effect" : "Deny",
      "Action" : [
        "*"
      ],
      "Resource" : "*"
    }
  ]
}`

// DenyAllARN is the ARN of the AWS managed policy AWSDenyAll in the account's partition. Every
// account can attach it.
func (a *Account) DenyAllARN() string { return "arn:" + a.partition + ":iam::aws:policy/AWSDenyAll" }

var policyARNForm = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::(aws|[0-9]{12}):policy/[\x21-\x7E]+$`)

// policyARN is the rule of the parameter PolicyArn.
func policyARN(field, value string) error {
	if err := matching(20, 2048, markerForm)(field, value); err != nil {
		return err
	}
	if !policyARNForm.MatchString(value) {
		return errf("InvalidInput", "ARN %s is not valid.", value)
	}
	return nil
}

// attachRolePolicy attaches a managed policy: reads see it at once, authorisation after the
// propagation delay. A policy that is attached already stays so, and that is no error. The caller
// holds the lock, as for the functions below.
func (a *Account) attachRolePolicy(name, arn string) error {
	r, err := a.changeable(name)
	if err != nil {
		return err
	}
	p, ok := a.managed[arn]
	switch {
	case !ok:
		return errf("NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	case strings.HasPrefix(policyPath(arn), "/aws-service-role/"):
		return errOf("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
	case r.attached[arn] == nil && len(r.attached) >= attachedQuota:
		return tooManyAttached()
	}
	r.attached[arn] = p.policy
	r.written(a.server.lag, false)
	return nil
}

func (a *Account) detachRolePolicy(name, arn string) error {
	r, err := a.changeable(name)
	if err != nil {
		return err
	}
	if r.attached[arn] == nil {
		return errf("NoSuchEntity", "Policy %s was not found.", arn)
	}
	delete(r.attached, arn)
	r.written(a.server.lag, false)
	return nil
}

func tooManyAttached() error {
	return errf("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", attachedQuota)
}

// policyPath is the path in a managed policy's ARN, such as "/job-function/".
func policyPath(arn string) string {
	parsed, _ := parseARN(arn)
	return strings.TrimPrefix(strings.TrimSuffix(parsed.resource, parsed.lastSegment()), "policy")
}

// newIdentity makes what a fixture gives to a role, a user or a group.
func (a *Account) newIdentity(policies, managed map[string]string, quota int, whose string) (identity, error) {
	h := identity{server: a.server, inline: map[string]document{}}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		if err := h.put(name, policies[name], quota, whose); err != nil {
			return identity{}, err
		}
	}
	var err error
	h.attached, err = a.addManaged(managed)
	return h, err
}

// addManaged makes the managed policies of a fixture, ARN to document, and returns what they mean.
// An empty document names a policy that the account has. One ARN has one document for all roles of
// the account.
func (a *Account) addManaged(documents map[string]string) (map[string]*Policy, error) {
	if len(documents) > attachedQuota {
		return nil, tooManyAttached()
	}
	added := map[string]document{}
	attached := map[string]*Policy{}
	for _, arn := range slices.Sorted(maps.Keys(documents)) {
		text := documents[arn]
		if err := policyARN("policyArn", arn); err != nil {
			return nil, err
		}
		d, known := a.managed[arn]
		switch {
		case known && text != "" && text != d.text:
			return nil, errf("EntityAlreadyExists", "The policy %s exists with another document.", arn)
		case !known:
			p, err := ParsePolicy(text)
			if err != nil {
				return nil, errOf("MalformedPolicyDocument", err.Error())
			}
			d = document{text, p}
			added[arn] = d
		}
		attached[arn] = d.policy
	}
	maps.Copy(a.managed, added)
	return attached, nil
}

// AddManagedPolicy makes a managed policy of the account's own, attached to nothing, as somebody
// with every permission would. One that is there already with that document is no error.
func (a *Account) AddManagedPolicy(name, document string) (arn string, err error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	arn = a.arn("iam", "policy/"+name)
	_, err = a.addManaged(map[string]string{arn: document})
	return arn, err
}

// AttachRolePolicy attaches a managed policy that the account has, as somebody with every
// permission would; no call and no event is recorded.
func (a *Account) AttachRolePolicy(role, arn string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.attachRolePolicy(role, arn)
}

// DetachRolePolicy detaches a managed policy likewise.
func (a *Account) DetachRolePolicy(role, arn string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.detachRolePolicy(role, arn)
}
