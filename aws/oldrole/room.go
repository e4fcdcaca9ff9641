package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// inlineQuota is the room for all inline policies of a role together, in characters without white space (IAM User Guide,
// "IAM and AWS STS quotas").
const inlineQuota = 10_240

const (
	mostInline   = 100 // inline policies that are read: more hardly fit into the quota
	inlineAtOnce = 8   // reads side by side, so that IAM does not throttle the bot when it matters
)

// policySize counts a document as the quota does.
func policySize(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// listInline lists the names of a role's inline policies.
func listInline(ctx context.Context, a *aws.Conn, roleName string) (*iam.ListRolePoliciesOutput, error) {
	return aws.IAM(ctx, a, aws.Credential{}, "iam:ListRolePolicies", (*iam.Client).ListRolePolicies, &iam.ListRolePoliciesInput{
		RoleName: awssdk.String(roleName), MaxItems: awssdk.Int32(mostInline),
	})
}

// otherInline reads the documents of a role's inline policies but our own.
func otherInline(ctx context.Context, a *aws.Conn, roleName string, names []string) ([]string, error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == PolicyName })
	documents, failed := make([]string, len(names)), make([]error, len(names))
	turn := make(chan struct{}, inlineAtOnce)
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			var out *iam.GetRolePolicyOutput
			out, failed[i] = aws.IAM(ctx, a, aws.Credential{}, "iam:GetRolePolicy", (*iam.Client).GetRolePolicy, &iam.GetRolePolicyInput{
				RoleName: awssdk.String(roleName), PolicyName: awssdk.String(name),
			})
			if failed[i] == nil {
				documents[i] = aws.DecodeDocument(awssdk.ToString(out.PolicyDocument))
			}
		})
	}
	all.Wait()
	return documents, errors.Join(failed...)
}

// takes is how much of the quota a role's inline policies need together.
func takes(ours string, others []string) int {
	size := policySize(ours)
	for _, document := range others {
		size += policySize(document)
	}
	return size
}

// noRoom refuses a role on which the deny would not fit beside its other inline policies.
func noRoom(r Role, others []string, existing onRole) error {
	size := takes(existing.policy.withCutoff(time.Unix(0, 0)), others)
	if size <= inlineQuota {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedNoRoom, Sentence: fmt.Sprintf(
		"The inline policies of %s leave no room for the deny: together they would have %d characters, and 10,240 is the limit, which cannot be raised. Move one of them into a managed policy, or attach the managed policy AWSDenyAll to lock the role.",
		r.AccountName+"/"+r.Name, size)}
}
