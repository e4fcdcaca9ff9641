package role

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// KeyUser finds the user that has an access key of an account. Where the account has no such key,
// IAM answers as if the bot might not ask: the error is a *aws.RefusedError that says both. So is
// that of an account without a role for users.
func (c *Client) KeyUser(ctx context.Context, accountName, key string) (aws.Target, error) {
	users, err := c.conn(Order{Target: contain.Target{Principal: contain.Principal{
		Kind: contain.User, AccountName: accountName,
	}}})
	if refused, ok := errors.AsType[*aws.RefusedError](err); ok {
		refused.Steps = aws.ByHand(key, "")
	}
	if err != nil {
		return aws.Target{}, err
	}
	if _, err := users.Reader(ctx); err != nil {
		return aws.Target{}, err // a session that is refused says nothing of the key
	}
	out, err := lastUsed(ctx, users, key)
	switch {
	case errors.Is(err, aws.ErrAccessDenied), errors.Is(err, aws.ErrNoSuchRole), err == nil && out.UserName == nil:
		refused := aws.Refuse("No user in %s has access key %s: it was deleted, or it is root's. "+
			"If it is there, allow iam:GetAccessKeyLastUsed in the policy of %s.", users.Name, aws.Quote(key), users.AssumeRole)
		refused.Steps = []string{
			"If it was deleted, give the user's ARN: sessions that it made live up to 36 hours.",
			"If it is root's, sign in as root, delete root's access keys and change its password: only a service control " +
				"policy reaches root, and none in the management account.",
		}
		return aws.Target{}, refused
	case err != nil:
		return aws.Target{}, err
	}
	a, err := c.cloud.Conn(accountName)
	return aws.Target{Kind: contain.User, Account: a.Account, RoleName: *out.UserName, UserKey: key}, err
}

// maxMoves bounds how often a user is followed that someone keeps renaming.
const maxMoves = 3

// renaming is the error of an order whose user someone keeps renaming. It passes.
func renaming(p contain.Principal) error {
	return &aws.CallError{
		Kind: aws.ErrBusy, Operation: asks(p.Kind), Account: p.AccountName, Message: "the user is being renamed",
	}
}

// lastUsed asks whose an access key is, and where and when IAM has seen it last.
func lastUsed(ctx context.Context, users *aws.Conn, key string) (*iam.GetAccessKeyLastUsedOutput, error) {
	out, _, err := aws.IAM(ctx, users, aws.Credential{}, (*iam.Client).GetAccessKeyLastUsed,
		&iam.GetAccessKeyLastUsedInput{AccessKeyId: &key})
	return out, err
}

// holder is the name of the user that has the order's access key now; "" if that is not known.
func (p *Prepared) holder(ctx context.Context) string {
	for _, s := range p.slots {
		if s.Kind == contain.KeyStatus {
			if out, err := lastUsed(ctx, p.account, s.Name); err == nil {
				return awssdk.ToString(out.UserName)
			}
		}
	}
	return ""
}

// moved is where the user of an order is now, if it was renamed or has another path: the unique id
// stays, and so do the keys and sessions. err is what a look at the old place came to.
func (p *Prepared) moved(ctx context.Context, err error) (to contain.Principal, moved bool) {
	want := p.of.Principal
	switch {
	case want.Kind != contain.User || want.ID == "" || err != nil && !errors.Is(err, aws.ErrNoSuchRole):
		return to, false
	case err == nil && p.role.ID == want.ID:
		return p.role.Principal, p.role.ARN != want.ARN
	}
	again := &Prepared{account: p.account, of: p.of}
	again.of.Principal.Name = p.holder(ctx)
	if again.of.Principal.Name == "" || again.readRole(ctx) != nil || again.role.ID != want.ID {
		return to, false
	}
	return again.role.Principal, true
}

// KeyLastUsed says which user has an access key, and where and when IAM has seen it used last.
func (c *Client) KeyLastUsed(
	ctx context.Context, accountName, key string,
) (user, region string, at time.Time, err error) {
	users, err := c.conn(Order{Target: contain.Target{Principal: contain.Principal{
		Kind: contain.User, AccountName: accountName,
	}}})
	if err != nil {
		return "", "", at, err
	}
	out, err := lastUsed(ctx, users, key)
	if err != nil {
		return "", "", at, err
	}
	if out.AccessKeyLastUsed != nil && out.AccessKeyLastUsed.LastUsedDate != nil {
		at = *out.AccessKeyLastUsed.LastUsedDate
		region = strings.TrimPrefix(awssdk.ToString(out.AccessKeyLastUsed.Region), "N/A")
	}
	return awssdk.ToString(out.UserName), region, at, nil
}

// UserKeys lists a user's access keys with their statuses. Its errors are those of Look.
func (c *Client) UserKeys(ctx context.Context, t aws.Target) (Role, []contain.Document, error) {
	p, err := c.survey(ctx, meant(t, nil, nil), false, nil)
	if err != nil {
		return Role{}, nil, err
	}
	keys, _, err := listKeys(ctx, p, aws.Credential{})
	return p.role, keys, err
}

// accessKeys are the statuses of a user's access keys: a user has two at most.
var accessKeys = listed{list: listKeys, put: deactivate}

func listKeys(
	ctx context.Context, p *Prepared, with aws.Credential,
) (docs []contain.Document, at aws.Stamp, err error) {
	in := &iam.ListAccessKeysInput{UserName: &p.of.Principal.Name}
	err = pages(p.account, contain.KeyStatus.Facts().Read, func() (more bool, err error) {
		out, stamp, err := aws.IAM(ctx, p.account, with, (*iam.Client).ListAccessKeys, in)
		if at = stamp; err != nil {
			return false, err
		}
		for _, k := range out.AccessKeyMetadata {
			slot := contain.Slot{Kind: contain.KeyStatus, Name: awssdk.ToString(k.AccessKeyId)}
			docs = append(docs, contain.Document{Slot: slot, Text: string(k.Status)})
		}
		in.Marker = out.Marker
		return out.IsTruncated, nil
	})
	return docs, at, err
}

// deactivate makes a key inactive, one that no list shows as well: lists can be late. It writes no
// other status, whatever the document says.
func deactivate(ctx context.Context, p *Prepared, with aws.Credential, d contain.Document) (time.Time, error) {
	if d.Text != "" && d.Text != contain.KeyInactive {
		return time.Time{}, fmt.Errorf("role: revokebot does not make an access key %s", d.Text)
	}
	return change(ctx, p, with, (*iam.Client).UpdateAccessKey, &iam.UpdateAccessKeyInput{
		UserName: &p.of.Principal.Name, AccessKeyId: &d.Slot.Name, Status: types.StatusTypeInactive,
	})
}
