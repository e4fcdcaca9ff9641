package role

import (
	"context"
	"encoding/json"
	"fmt"
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

// Role is what IAM says about a role. All text but AccountName, AccountID and Partition is foreign.
type Role struct {
	AccountName, AccountID, Partition string
	Name, Path, ARN                   string
	ID                                string // the unique id, AROA…: another role of the same name has another one
	Description                       string
	Created                           time.Time
	LastUsed                          time.Time // zero when IAM knows of no use (it looks back 400 days)
	LastUsedRegion                    string
	MaxSession                        time.Duration // does not bound sessions that AWS services open
	Trust                             []Principal   // who may assume it
	TrustDigest                       string        // of the trust policy, the same for the same JSON, in hex
	ServerTime                        time.Time     // AWS's clock at the answer, whole seconds; zero when it gave none
	Tags                              map[string]string
	Warnings                          []Warning // what to know before approving; only Describe looks for them
}

// Describe looks the role up for a measure. A role that must not be touched, that is not in the
// account or at the path that was given, on which the documents do not fit or have no place, or
// on which the bot's own role may not write them, is a *RefusedError or a *contain.Refusal; a
// role that does not exist is ErrNoSuchRole. What people should know before they approve is in
// Warnings; what of that could not be found out in a few seconds is a warning itself.
//
// Two remote steps deep, side by side with opening the sessions they need.
func (c *Client) Describe(ctx context.Context, t aws.Target, m contain.Measure, params json.RawMessage) (Role, error) {
	o := Order{Measure: m, Params: params, Target: Ref{Account: t.Account.Name, Name: t.RoleName, ARN: t.GivenARN}}
	_, slots := slotsOf(m, o.target(c.principal(o.Target)))
	s, err := c.survey(ctx, subject{account: t.Account.Name, name: t.RoleName, path: t.Path, slots: slots, advisory: true})
	if err != nil {
		return Role{}, err
	}
	return s.advise(ctx, o, c)
}

// getRole asks IAM with the reading session.
func getRole(ctx context.Context, a *aws.Conn, name string) (*iam.GetRoleOutput, error) {
	in := &iam.GetRoleInput{RoleName: awssdk.String(name)}
	return aws.IAM(ctx, a, aws.Credential{}, "iam:GetRole", (*iam.Client).GetRole, in)
}

// readRole turns the answer into a Role. A role of another account or partition is refused: the
// credentials are not those of the account that was asked for.
func readRole(a *aws.Conn, out *iam.GetRoleOutput) (Role, error) {
	if out.Role == nil {
		return Role{}, &aws.CallError{
			Kind: aws.ErrUnavailable, Operation: "iam:GetRole", Account: a.Name, Message: "the answer held no role",
		}
	}
	in := out.Role
	role := Role{
		AccountName:    a.Name,
		AccountID:      a.ID,
		Partition:      a.Partition,
		Name:           awssdk.ToString(in.RoleName),
		Path:           awssdk.ToString(in.Path),
		ARN:            awssdk.ToString(in.Arn),
		ID:             awssdk.ToString(in.RoleId),
		Description:    awssdk.ToString(in.Description),
		Created:        awssdk.ToTime(in.CreateDate),
		LastUsed:       lastUsed(in.RoleLastUsed),
		LastUsedRegion: lastRegion(in.RoleLastUsed),
		MaxSession:     time.Duration(awssdk.ToInt32(in.MaxSessionDuration)) * time.Second,
		ServerTime:     aws.ServerTime(out.ResultMetadata),
	}
	for _, tag := range in.Tags {
		if role.Tags == nil {
			role.Tags = map[string]string{}
		}
		role.Tags[awssdk.ToString(tag.Key)] = awssdk.ToString(tag.Value)
	}
	if role.ARN != aws.RoleARN(a.Partition, a.ID, role.Path, role.Name) || role.ID == "" {
		return Role{}, &aws.RefusedError{Reason: aws.RefusedOtherAccount, Sentence: fmt.Sprintf(
			"The credentials for account %s (%s, partition %s) found %s, which is not there. "+
				"Check assume_role of that account and the ambient credentials.",
			a.Name, a.ID, a.Partition, aws.Quote(role.ARN))}
	}
	role.Trust, role.TrustDigest = readTrust(a.Account, aws.DecodeDocument(awssdk.ToString(in.AssumeRolePolicyDocument)))
	return role, nil
}

func lastUsed(used *types.RoleLastUsed) time.Time {
	if used == nil {
		return time.Time{}
	}
	return awssdk.ToTime(used.LastUsedDate)
}

func lastRegion(used *types.RoleLastUsed) string {
	if used == nil {
		return ""
	}
	return awssdk.ToString(used.Region)
}
