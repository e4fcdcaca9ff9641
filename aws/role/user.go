package role

import (
	"context"
	"errors"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// KeyUser finds the user that has an access key of an account. Where the account has no such key,
// IAM answers as if the bot might not ask: the error is an *aws.InputError that says both.
func (c *Client) KeyUser(ctx context.Context, accountName, key string) (aws.Target, error) {
	users, err := c.conn(contain.Principal{Kind: contain.User, AccountName: accountName})
	if err != nil {
		return aws.Target{}, err
	}
	if _, err := users.Reader(ctx); err != nil {
		return aws.Target{}, err // a session that is refused says nothing of the key
	}
	out, err := aws.IAM(ctx, users, aws.Credential{}, "iam:GetAccessKeyLastUsed", (*iam.Client).GetAccessKeyLastUsed,
		&iam.GetAccessKeyLastUsedInput{AccessKeyId: awssdk.String(key)})
	switch {
	case errors.Is(err, aws.ErrAccessDenied), errors.Is(err, aws.ErrNoSuchRole), err == nil && out.UserName == nil:
		return aws.Target{}, &aws.InputError{Reason: aws.InputKey, Sentence: fmt.Sprintf(
			"No user in %s has access key %s: it was deleted, or it is root's. "+
				"If it is there, allow iam:GetAccessKeyLastUsed in the policy of %s.",
			users.Name, aws.Quote(key), users.AssumeRole)}
	case err != nil:
		return aws.Target{}, err
	}
	a, err := c.cloud.Conn(accountName)
	return aws.Target{Kind: contain.User, Account: a.Account, RoleName: *out.UserName}, err
}

func getUser(ctx context.Context, a *aws.Conn, name string) (*iam.GetUserOutput, error) {
	in := &iam.GetUserInput{UserName: awssdk.String(name)}
	return aws.IAM(ctx, a, aws.Credential{}, "iam:GetUser", (*iam.Client).GetUser, in)
}

// readUser turns the answer into a Role without a trust policy, as readRole does.
func readUser(a *aws.Conn, out *iam.GetUserOutput) (Role, error) {
	if out.User == nil {
		return Role{}, &aws.CallError{
			Kind: aws.ErrUnavailable, Operation: "iam:GetUser", Account: a.Name, Message: "the answer held no user",
		}
	}
	in := out.User
	user := Role{
		Principal: contain.Principal{
			Kind: contain.User, AccountName: a.Name, AccountID: a.ID, Partition: a.Partition,
			Name: awssdk.ToString(in.UserName), Path: awssdk.ToString(in.Path), ARN: awssdk.ToString(in.Arn),
			ID: awssdk.ToString(in.UserId),
		},
		Created: awssdk.ToTime(in.CreateDate), ServerTime: aws.ServerTime(out.ResultMetadata), Tags: tagged(in.Tags),
	}
	if ref, err := aws.ParseARN(user.ARN); err != nil || ref.Account != a.ID || ref.Kind != "user" || user.ID == "" {
		return Role{}, otherAccount(a, user.ARN)
	}
	return user, nil
}

// userPolicy reads an inline policy of the user. That it is not there is no error: GetUser tells
// about the user.
func (p *Prepared) userPolicy(
	ctx context.Context, with aws.Credential, name string,
) (text string, at time.Time, err error) {
	in := &iam.GetUserPolicyInput{UserName: awssdk.String(p.of.Principal.Name), PolicyName: awssdk.String(name)}
	out, err := aws.IAM(ctx, p.account, with, "iam:GetUserPolicy", (*iam.Client).GetUserPolicy, in)
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		return "", aws.RefusalTime(err), nil
	case err != nil:
		return "", time.Time{}, err
	}
	return aws.DecodeDocument(awssdk.ToString(out.PolicyDocument)), aws.ServerTime(out.ResultMetadata), nil
}

func (p *Prepared) writeUserPolicy(
	ctx context.Context, with aws.Credential, d contain.Document,
) (at time.Time, err error) {
	user, name := awssdk.String(p.of.Principal.Name), awssdk.String(d.Slot.Name)
	if d.Text == "" {
		in := &iam.DeleteUserPolicyInput{UserName: user, PolicyName: name}
		out, err := aws.IAM(ctx, p.account, with, "iam:DeleteUserPolicy", (*iam.Client).DeleteUserPolicy, in)
		if err == nil {
			at = aws.ServerTime(out.ResultMetadata)
		}
		return at, err
	}
	in := &iam.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: awssdk.String(d.Text)}
	out, err := aws.IAM(ctx, p.account, with, "iam:PutUserPolicy", (*iam.Client).PutUserPolicy, in)
	if err == nil {
		at = aws.ServerTime(out.ResultMetadata)
	}
	return at, err
}

func (p *Prepared) userPolicies(ctx context.Context) (policyNames, error) {
	in := &iam.ListUserPoliciesInput{UserName: awssdk.String(p.of.Principal.Name), MaxItems: awssdk.Int32(mostInline)}
	out, err := aws.IAM(ctx, p.account, aws.Credential{}, "iam:ListUserPolicies", (*iam.Client).ListUserPolicies, in)
	if err != nil {
		return policyNames{}, err
	}
	return policyNames{out.PolicyNames, out.IsTruncated}, nil
}

// keyStatus reads and writes the status of a user's access keys. One call lists them all: a user
// has two at most.
type keyStatus struct{}

func (keyStatus) read(ctx context.Context, p *Prepared, with aws.Credential, slots []contain.Slot) []found {
	keys, at, err := p.keys(ctx, with)
	if errors.Is(err, aws.ErrNoSuchRole) { // GetUser tells about the user
		at, err = aws.RefusalTime(err), nil
	}
	all := make([]found, len(slots))
	for i, s := range slots {
		all[i] = found{Document: contain.Document{Slot: s}, at: at, err: err}
		for _, k := range keys {
			if awssdk.ToString(k.AccessKeyId) == s.Name {
				all[i].Text = string(k.Status)
			}
		}
	}
	return all
}

func (p *Prepared) keys(
	ctx context.Context, with aws.Credential,
) (keys []types.AccessKeyMetadata, at time.Time, err error) {
	in := &iam.ListAccessKeysInput{UserName: awssdk.String(p.of.Principal.Name)}
	out, err := aws.IAM(ctx, p.account, with, "iam:ListAccessKeys", (*iam.Client).ListAccessKeys, in)
	if err != nil {
		return nil, time.Time{}, err
	}
	return out.AccessKeyMetadata, aws.ServerTime(out.ResultMetadata), nil
}

// write makes a key inactive. It writes no other status, whatever the document says. A key that was
// deleted meanwhile is no error: the read back tells.
func (keyStatus) write(
	ctx context.Context, p *Prepared, with aws.Credential, d contain.Document,
) (time.Time, error) {
	switch d.Text {
	case "":
		return time.Time{}, nil
	case contain.KeyInactive:
	default:
		return time.Time{}, fmt.Errorf("role: revokebot does not make an access key %s", d.Text)
	}
	in := &iam.UpdateAccessKeyInput{
		UserName: awssdk.String(p.of.Principal.Name), AccessKeyId: awssdk.String(d.Slot.Name),
		Status: types.StatusTypeInactive,
	}
	out, err := aws.IAM(ctx, p.account, with, "iam:UpdateAccessKey", (*iam.Client).UpdateAccessKey, in)
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		return aws.RefusalTime(err), nil
	case err != nil:
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// all lists all keys of the user.
func (keyStatus) all(ctx context.Context, p *Prepared) ([]contain.Document, error) {
	keys, _, err := p.keys(ctx, aws.Credential{})
	docs := make([]contain.Document, len(keys))
	for i, k := range keys {
		docs[i] = contain.Document{
			Slot: contain.Slot{Kind: contain.KeyStatus, Name: awssdk.ToString(k.AccessKeyId)}, Text: string(k.Status),
		}
	}
	return docs, err
}

// only is nothing: IAM has no condition for the key or its status, so the user is what bounds it.
func (keyStatus) only([]contain.Slot) string { return "" }

func (keyStatus) noRoom(Role, int) string { return "" }
