package role

import (
	"context"
	"errors"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// inline reads and writes inline policies of a role.
type inline struct{}

func (inline) read(ctx context.Context, o on, slots []contain.Slot) []found {
	all := make([]found, len(slots))
	reads := make([]func(), len(slots))
	for i, s := range slots {
		reads[i] = func() { all[i] = o.inline(ctx, s) }
	}
	aws.All(reads...)
	return all
}

// inline reads one inline policy.
func (o on) inline(ctx context.Context, s contain.Slot) found {
	out, err := aws.IAM(ctx, o.account, o.with, "iam:GetRolePolicy", (*iam.Client).GetRolePolicy, &iam.GetRolePolicyInput{
		RoleName: awssdk.String(o.role), PolicyName: awssdk.String(s.Name),
	})
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		// IAM has one code for a role and for a policy that is not there. GetRole tells about the role.
		return found{Document: contain.Document{Slot: s}, at: aws.RefusalTime(err)}
	case err != nil:
		return found{Document: contain.Document{Slot: s}, err: err}
	}
	text := aws.DecodeDocument(awssdk.ToString(out.PolicyDocument))
	return found{Document: contain.Document{Slot: s, Text: text}, at: aws.ServerTime(out.ResultMetadata)}
}

func (inline) put(ctx context.Context, o on, d contain.Document) (time.Time, error) {
	out, err := aws.IAM(ctx, o.account, o.with, "iam:PutRolePolicy", (*iam.Client).PutRolePolicy, &iam.PutRolePolicyInput{
		RoleName: awssdk.String(o.role), PolicyName: awssdk.String(d.Slot.Name), PolicyDocument: awssdk.String(d.Text),
	})
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

func (inline) remove(ctx context.Context, o on, s contain.Slot) (time.Time, error) {
	in := &iam.DeleteRolePolicyInput{RoleName: awssdk.String(o.role), PolicyName: awssdk.String(s.Name)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:DeleteRolePolicy", (*iam.Client).DeleteRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// all reads all inline policies of a role.
func (inline) all(ctx context.Context, o on) ([]contain.Document, error) {
	list, err := listInline(ctx, o.account, o.role)
	switch {
	case err != nil:
		return nil, err
	case list.IsTruncated:
		return nil, errTooMany
	}
	return o.named(ctx, list.PolicyNames)
}

// only is nothing: IAM has no condition for the name or the content of an inline policy, so the
// role is what bounds it.
func (inline) only([]contain.Slot) string { return "" }

func (inline) noRoom(r Role, size int) string {
	return fmt.Sprintf("The inline policies of %s leave no room for the deny: together they would have %d characters, "+
		"and 10,240 is the limit, which cannot be raised. Move one of them into a managed policy, "+
		"or attach the managed policy AWSDenyAll to lock the role.",
		r.AccountName+"/"+r.Name, size)
}
