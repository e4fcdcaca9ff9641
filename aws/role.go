package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

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
	ExistingCutoff                    time.Time // of the AWSRevokeOlderSessions that is on the role already, zero none
}

// Describe looks the role up. A role that must not be touched, that is not in the account or at the path that was
// given, on which the deny does not fit, or on which the bot's own role may not write it, is a *RefusedError; a role that
// does not exist is ErrNoSuchRole. What people should know before they approve is in Warnings; what of that could not be
// found out in a few seconds is a warning itself.
//
// Two remote steps deep, side by side with opening the sessions they need.
func (c *Cloud) Describe(ctx context.Context, t Target) (Role, error) {
	a := c.byName[t.Account.Name]
	if a == nil {
		return Role{}, unknownAccount(c, t.Account.Name)
	}
	var found answer[*iam.GetRoleOutput]
	var hub answer[credential]
	var there answer[onRole]
	var inline answer[*iam.ListRolePoliciesOutput]
	together(
		func() { hub = try(c.hub.get(ctx, 0)) },
		func() {
			if _, found.err = a.reader.get(ctx, refreshAt); found.err != nil {
				return
			}
			together(
				func() { found = try(c.getRole(ctx, a, t.RoleName)) },
				func() {
					there = aside(ctx, func(ctx context.Context) (onRole, error) { return c.readPolicy(ctx, a, t.RoleName) })
				},
				func() {
					inline = aside(ctx, func(ctx context.Context) (*iam.ListRolePoliciesOutput, error) {
						return c.listInline(ctx, a, t.RoleName)
					})
				},
			)
		},
	)
	for _, err := range []error{otherAccount(a, hub), found.err} {
		if err != nil {
			return Role{}, err
		}
	}
	role, err := c.readRole(a, found.value)
	if err != nil {
		return Role{}, err
	}
	if err := otherPath(t, role); err != nil {
		return Role{}, err
	}
	if hub.err != nil {
		// Without knowing who the bot is, its own role could be taken for any other.
		return Role{}, hub.err
	}
	if err := c.refuse(hub.value.callerARN, role); err != nil {
		return Role{}, err
	}
	return c.advise(ctx, a, role, hub.value.callerARN, decodeDocument(awssdk.ToString(found.value.Role.AssumeRolePolicyDocument)), there, inline)
}

// getRole asks IAM with the reading session.
func (c *Cloud) getRole(ctx context.Context, a *account, name string) (*iam.GetRoleOutput, error) {
	return reading(ctx, c, a, "iam:GetRole", func(ctx context.Context, cred credential) (*iam.GetRoleOutput, error) {
		return a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: awssdk.String(name)}, iamWith(cred))
	})
}

// readRole turns the answer into a Role. A role of another account or partition is refused: the credentials are not
// those of the account that was asked for.
func (c *Cloud) readRole(a *account, out *iam.GetRoleOutput) (Role, error) {
	if out.Role == nil {
		return Role{}, &CallError{Kind: ErrUnavailable, Operation: "iam:GetRole", Account: a.Name, Message: "the answer held no role"}
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
		ServerTime:     serverTime(out.ResultMetadata),
	}
	for _, tag := range in.Tags {
		if role.Tags == nil {
			role.Tags = map[string]string{}
		}
		role.Tags[awssdk.ToString(tag.Key)] = awssdk.ToString(tag.Value)
	}
	if role.ARN != roleARN(a.Partition, a.ID, role.Path, role.Name) || role.ID == "" {
		return Role{}, &RefusedError{Reason: RefusedOtherAccount, Sentence: fmt.Sprintf(
			"The credentials for account %s (%s, partition %s) found %s, which is not there. Check assume_role of that account and the ambient credentials.",
			a.Name, a.ID, a.Partition, quote(role.ARN))}
	}
	role.Trust, role.TrustDigest = readTrust(a.Account, decodeDocument(awssdk.ToString(in.AssumeRolePolicyDocument)))
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

// decodeDocument undoes the percent-encoding in which IAM returns policy documents. A plus sign stands for itself. A
// document that is not encoded is returned as it is.
func decodeDocument(s string) string {
	if strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{") {
		return s
	}
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}

// unknownAccount is the error of an account name that is not configured (any more).
func unknownAccount(c *Cloud, name string) error {
	return &InputError{InputUnknownAccount, fmt.Sprintf("There is no account %s. Configured are: %s.", quote(name), c.listed())}
}
