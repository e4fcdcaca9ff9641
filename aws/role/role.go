package role

import (
	"cmp"
	"context"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Client reads and changes the roles of a Cloud's accounts. Make it with New. Its methods may be
// called at the same time; it has no goroutine of its own and needs no closing.
type Client struct {
	cloud *aws.Cloud
	lists map[string]*roleList // by account name
}

// Cloud is where the accounts are.
func (c *Client) Cloud() *aws.Cloud { return c.cloud }

// New returns a client. The lists of roles are kept in it, so that a process needs one only.
func New(cloud *aws.Cloud) *Client {
	c := &Client{cloud: cloud, lists: map[string]*roleList{}}
	for _, a := range cloud.Accounts() {
		c.lists[a.Name] = &roleList{}
	}
	return c
}

// Role is what IAM says about a role, or about a user, by its Kind: a user has no trust policy and
// no maximum. All text but AccountName, AccountID and Partition is foreign.
// Another role of the same name has another ID. Its JSON is what is kept of it.
type Role struct {
	contain.Principal
	Created        time.Time         `json:"created,omitzero"`
	LastUsed       time.Time         `json:"last_used,omitzero"` // zero if IAM knows of no use in the last 400 days
	LastUsedRegion string            `json:"last_used_region,omitempty"`
	MaxSession     time.Duration     `json:"max_session"`  // now: older sessions may last longer
	Trust          []Principal       `json:"trust"`        // who may assume it
	TrustDigest    string            `json:"trust_digest"` // the same for the same JSON, in hex
	ServerTime     time.Time         `json:"-"`            // AWS's clock, whole seconds; zero: not known
	Tags           map[string]string `json:"-"`
	Locked         string            `json:"locked,omitempty"` // someone else's policy locks the role, a sentence
	Keys           []string          `json:"keys,omitempty"`   // the access keys that a user has; only Describe lists them

	// What to know before approving, foreign text in it quoted; only Describe looks for that.
	Warnings []string `json:"warnings,omitempty"`
}

// Named is a role of an account as IAM names it.
func Named(a aws.Account, in types.Role) contain.Principal {
	return contain.Principal{
		Kind: contain.Role, AccountName: a.Name, AccountID: a.ID, Partition: a.Partition,
		Name: awssdk.ToString(in.RoleName), Path: awssdk.ToString(in.Path), ARN: awssdk.ToString(in.Arn),
		ID: awssdk.ToString(in.RoleId),
	}
}

// readRole asks IAM who is behind the name of a role or user. A principal of another account or
// partition is refused: the credentials are not those of the account that was asked for.
func (p *Prepared) readRole(ctx context.Context) error {
	a, name := p.account, &p.of.Principal.Name
	if p.of.Principal.Kind == contain.User {
		out, at, err := aws.IAM(ctx, a, aws.Credential{}, (*iam.Client).GetUser, &iam.GetUserInput{UserName: name})
		if p.clock = at; err != nil {
			return err
		}
		in := cmp.Or(out.User, &types.User{})
		p.role = Role{
			Principal: contain.Principal{
				Kind: contain.User, AccountName: a.Name, AccountID: a.ID, Partition: a.Partition,
				Name: awssdk.ToString(in.UserName), Path: awssdk.ToString(in.Path), ARN: awssdk.ToString(in.Arn),
				ID: awssdk.ToString(in.UserId),
			},
			Created: awssdk.ToTime(in.CreateDate), Tags: tagged(in.Tags),
		}
	} else {
		out, at, err := aws.IAM(ctx, a, aws.Credential{}, (*iam.Client).GetRole, &iam.GetRoleInput{RoleName: name})
		if p.clock = at; err != nil {
			return err
		}
		in := cmp.Or(out.Role, &types.Role{})
		p.role = Role{
			Principal: Named(a.Account, *in), Created: awssdk.ToTime(in.CreateDate), Tags: tagged(in.Tags),
			MaxSession: time.Duration(awssdk.ToInt32(in.MaxSessionDuration)) * time.Second,
		}
		if used := in.RoleLastUsed; used != nil {
			p.role.LastUsed, p.role.LastUsedRegion = awssdk.ToTime(used.LastUsedDate), awssdk.ToString(used.Region)
		}
		p.trust = aws.DecodeDocument(awssdk.ToString(in.AssumeRolePolicyDocument))
		p.role.Trust, p.role.TrustDigest = readTrust(a.Account, p.trust)
	}
	p.role.ServerTime = p.clock.Server
	if r := p.role; r.ARN != aws.PrincipalARN(r.Principal) || r.ID == "" {
		return aws.Refuse("The credentials for account %s (%s, partition %s) found %s, which is not there. "+
			"Check assume_role of that account and the ambient credentials.",
			a.Name, a.ID, a.Partition, aws.Quote(r.ARN))
	}
	return nil
}

// tagged are tags by their keys; nil if there are none.
func tagged(tags []types.Tag) (by map[string]string) {
	for _, tag := range tags {
		if by == nil {
			by = map[string]string{}
		}
		by[awssdk.ToString(tag.Key)] = awssdk.ToString(tag.Value)
	}
	return by
}

// title names the role for people.
func (r Role) title() string { return r.AccountName + "/" + r.Name }

// Paths of roles that only AWS may change: IAM answers UnmodifiableEntity (IAM User Guide,
// "Create a service-linked role"; IAM Identity Center User Guide, "Referencing permission sets in
// resource policies").
const (
	serviceLinkedPath = "/aws-service-role/"
	reservedPath      = "/aws-reserved/"
)

// Refuse returns why the role must not be touched, or nil. It is asked before an approver is asked
// to approve, and again before the write.
func (c *Client) Refuse(hubARN string, r Role) error {
	name := r.title()
	pattern := c.cloud.Protected(r.Principal)
	switch {
	case strings.HasPrefix(r.Path, serviceLinkedPath):
		return aws.Refuse("%s is a service-linked role: only AWS may change it. Stop the service that uses it, or delete "+
			"the role through that service.", name)
	case strings.HasPrefix(r.Path, reservedPath):
		return c.refuseIdentityCenter(r)
	case r.Kind == contain.User && r.ARN == hubARN, r.Kind != contain.User && c.cloud.OwnRole(hubARN, r.AccountID, r.Name):
		return aws.Refuse("%s is a %s that revokebot itself works with: containing it would lock revokebot out. "+
			"Use the IAM console with other credentials.", name, r.Kind)
	case pattern != "":
		return c.orDeny(r, aws.Refuse("%s is protected by the configuration (%s). If it has to be revoked, an administrator "+
			"does it in the IAM console.", name, aws.Quote(pattern)))
	}
	return nil
}
