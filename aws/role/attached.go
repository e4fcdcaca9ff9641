package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// attached reads and writes which managed policies are attached to a role. One call lists them all.
type attached struct{}

func (attached) read(ctx context.Context, o on, slots []contain.Slot) []found {
	arns, at, err := o.attached(ctx)
	if errors.Is(err, aws.ErrNoSuchRole) { // GetRole tells about the role
		arns, at, err = nil, aws.RefusalTime(err), nil
	}
	all := make([]found, len(slots))
	for i, s := range slots {
		all[i] = found{Document: contain.Document{Slot: s}, at: at, err: err}
		if slices.Contains(arns, s.Name) {
			all[i].Text = s.Name
		}
	}
	return all
}

// attached lists the ARNs of the managed policies.
func (o on) attached(ctx context.Context) (arns []string, at time.Time, err error) {
	in, list := &iam.ListAttachedRolePoliciesInput{RoleName: awssdk.String(o.role)}, (*iam.Client).ListAttachedRolePolicies
	for {
		out, err := aws.IAM(ctx, o.account, o.with, "iam:ListAttachedRolePolicies", list, in)
		if err != nil {
			return nil, time.Time{}, err
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, awssdk.ToString(p.PolicyArn))
		}
		if !out.IsTruncated {
			return arns, aws.ServerTime(out.ResultMetadata), nil
		}
		in.Marker = out.Marker
	}
}

func (attached) put(ctx context.Context, o on, d contain.Document) (time.Time, error) {
	in := &iam.AttachRolePolicyInput{RoleName: awssdk.String(o.role), PolicyArn: awssdk.String(d.Text)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:AttachRolePolicy", (*iam.Client).AttachRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

func (attached) remove(ctx context.Context, o on, s contain.Slot) (time.Time, error) {
	in := &iam.DetachRolePolicyInput{RoleName: awssdk.String(o.role), PolicyArn: awssdk.String(s.Name)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:DetachRolePolicy", (*iam.Client).DetachRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// all lists all managed policies of a role.
func (attached) all(ctx context.Context, o on) ([]contain.Document, error) {
	arns, _, err := o.attached(ctx)
	docs := make([]contain.Document, len(arns))
	for i, arn := range arns {
		docs[i] = contain.Document{Slot: contain.Slot{Kind: contain.RoleAttached, Name: arn}, Text: arn}
	}
	return docs, err
}

// only is a condition: without it, the session could attach a policy that allows everything.
func (attached) only(slots []contain.Slot) string {
	arns := make([]string, len(slots))
	for i, s := range slots {
		arns[i] = s.Name
	}
	list, err := json.Marshal(arns)
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return `{"StringEquals":{"iam:PolicyARN":` + string(list) + `}}`
}

func (attached) noRoom(r Role, size int) string {
	return fmt.Sprintf("%s would have %d managed policies attached, and %d is the default limit. "+
		"Detach one that it does not need.",
		r.AccountName+"/"+r.Name, size, contain.RoleAttached.Facts().Quota)
}
