package role

import (
	"context"
	"errors"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// onRole is the policy AWSRevokeOlderSessions as it is on a role. The zero value is no policy.
type onRole struct {
	document string // decoded; "" when there is none
	policy   policy // zero when there is none, or none that can be read
	at       time.Time
}

func (o onRole) cutoff() time.Time { return o.policy.cutoff() }

// mismatch says what keeps the policy from doing what was written, or "". A policy that somebody else added to or raised
// does what was written, too; one that lost a statement that was there before the bot wrote does not.
func (o onRole) mismatch(written string, cutoff time.Time) string {
	if sameJSON(o.document, written) {
		return ""
	}
	switch there := o.cutoff(); {
	case o.document == "":
		return "the policy is not there"
	case there.IsZero():
		return "the policy is there without a deny that works"
	case there.Before(cutoff):
		return "the policy on the role has the earlier cutoff " + there.UTC().Format(issueTimeFormat)
	}
	wanted, _ := parsePolicy(written)
	if len(o.policy.lacks(wanted)) > 0 {
		return "a statement that was in the policy before is missing"
	}
	return ""
}

// readPolicy reads the policy with a credential, the zero one being the reading session. That there is none is no error.
func readPolicy(ctx context.Context, a *aws.Conn, roleName string, with aws.Credential) (onRole, error) {
	out, err := aws.IAM(ctx, a, with, "iam:GetRolePolicy", (*iam.Client).GetRolePolicy, &iam.GetRolePolicyInput{
		RoleName: awssdk.String(roleName), PolicyName: awssdk.String(PolicyName),
	})
	if errors.Is(err, aws.ErrNoSuchRole) {
		// IAM has one code for a role and for a policy that is not there. GetRole tells about the role.
		return onRole{at: aws.RefusalTime(err)}, nil
	}
	if err != nil {
		return onRole{}, err
	}
	there := onRole{document: aws.DecodeDocument(awssdk.ToString(out.PolicyDocument)), at: aws.ServerTime(out.ResultMetadata)}
	there.policy, _ = parsePolicy(there.document) // what cannot be read is replaced
	return there, nil
}
