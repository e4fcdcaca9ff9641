package role

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Portrait is what a role consists of and who names it in the account, as far as it could be read.
// Its texts are foreign.
type Portrait struct {
	Role
	Trusts      string             `json:"trust_policy"` // JSON
	Description string             `json:"description,omitempty"`
	Boundary    string             `json:"boundary,omitempty"` // ARN of the permissions boundary
	Tagged      map[string]string  `json:"tags,omitempty"`
	Inline      []contain.Document `json:"inline,omitempty"` // one whose text is "" could not be read
	Attached    []string           `json:"attached,omitempty"`
	Profiles    []string           `json:"profiles,omitempty"` // instance profiles, by name
	NamedBy     []string           `json:"named_by,omitempty"` // roles whose trust policy names it, by name
	Unknown     []string           `json:"unknown,omitempty"`  // what could not be read, and why: sentences
}

// Portrait reads all of a role that IAM shows. What the reading role may not read is in Unknown.
// The role must be the one that is meant: aws.ErrRoleChanged.
func (c *Client) Portrait(ctx context.Context, of contain.Principal) (Portrait, error) {
	p, err := c.look(ctx, Order{Target: contain.Target{Principal: of}}, false, nil)
	if err != nil {
		return Portrait{}, err
	}
	if p.role.ID != of.ID {
		return Portrait{}, aws.ErrRoleChanged
	}
	out := Portrait{Role: p.role, Trusts: p.trust, Tagged: p.role.Tags}
	name := &p.role.Name
	unknown := make([]string, 5)
	fails := func(at int, what string, err error) {
		if err != nil {
			unknown[at] = what + " could not be read. " + aws.Explain(err)
		}
	}
	aws.All(
		func() {
			whole, _, err := aws.IAM(ctx, p.account, aws.Credential{}, (*iam.Client).GetRole, &iam.GetRoleInput{RoleName: name})
			if fails(0, "The description and the permissions boundary", err); err == nil && whole.Role != nil {
				out.Description = awssdk.ToString(whole.Role.Description)
				if b := whole.Role.PermissionsBoundary; b != nil {
					out.Boundary = awssdk.ToString(b.PermissionsBoundaryArn)
				}
			}
		},
		func() {
			docs, err := inline{}.all(ctx, p)
			out.Inline = docs
			fails(1, "Not all inline policies", err)
		},
		func() {
			in := &iam.ListAttachedRolePoliciesInput{RoleName: name}
			list, _, err := aws.IAM(ctx, p.account, aws.Credential{}, (*iam.Client).ListAttachedRolePolicies, in)
			if fails(2, "The attached policies", err); err == nil {
				for _, policy := range list.AttachedPolicies {
					out.Attached = append(out.Attached, awssdk.ToString(policy.PolicyArn))
				}
			}
		},
		func() {
			in := &iam.ListInstanceProfilesForRoleInput{RoleName: name}
			list, _, err := aws.IAM(ctx, p.account, aws.Credential{}, (*iam.Client).ListInstanceProfilesForRole, in)
			if fails(3, "The instance profiles", err); err == nil {
				for _, profile := range list.InstanceProfiles {
					out.Profiles = append(out.Profiles, awssdk.ToString(profile.InstanceProfileName))
				}
			}
		},
		func() {
			fails(4, "The trust policies of the account's other roles", eachRole(ctx, p.account, func(r types.Role) bool {
				text := aws.DecodeDocument(awssdk.ToString(r.AssumeRolePolicyDocument))
				if other := awssdk.ToString(r.RoleName); other != *name && (strings.Contains(text, `"`+p.role.ARN+`"`) ||
					strings.Contains(text, p.role.ID)) {
					out.NamedBy = append(out.NamedBy, other)
				}
				return true
			}))
		},
	)
	out.Unknown = slices.DeleteFunc(unknown, func(text string) bool { return text == "" })
	slices.Sort(out.Attached)
	slices.Sort(out.NamedBy)
	return out, nil
}
