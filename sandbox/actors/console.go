package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// consolePlace is where an administrator's browser seems to be.
var consolePlace = place{"198.51.100.140", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}

// ErrNoConsole is returned by ConsoleOverwrite and ConsoleRemove when nobody is there to use the
// console.
var ErrNoConsole = errors.New("no administrator is in the cast")

// ConsoleOverwrite lets an administrator write the role's deny over with one whose cutoff lies an
// hour back, as somebody does who pastes an old document into the IAM console: the sessions of that
// hour are alive again. It returns that cutoff, and fails with IAM's error.
func (c *Cast) ConsoleOverwrite(ctx context.Context) (cutoff time.Time, err error) {
	if c.cfg.Console.AccessKeyID == "" {
		return time.Time{}, ErrNoConsole
	}
	config := c.sdk(consolePlace, c.cfg.Console)
	identity := sts.NewFromConfig(config)
	who, err := signed(func() (*sts.GetCallerIdentityOutput, error) {
		return identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("overwrite the deny: %w", err)
	}
	now, ok := awsmiddleware.GetServerTime(who.ResultMetadata)
	if !ok {
		return time.Time{}, errors.New("overwrite the deny: AWS's answer has no date")
	}
	cutoff = now.UTC().Add(-time.Hour)
	client := iam.NewFromConfig(config)
	_, err = signed(func() (*iam.PutRolePolicyOutput, error) {
		return client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: aws.String(roleName(c.cfg.RoleARN)), PolicyName: aws.String(denyPolicy),
			PolicyDocument: aws.String(denyBefore(cutoff)),
		})
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("overwrite the deny: %w", err)
	}
	return cutoff, nil
}

// ConsoleRemove lets an administrator take the role's deny off in the IAM console. It fails with
// IAM's error.
func (c *Cast) ConsoleRemove(ctx context.Context) error {
	if c.cfg.Console.AccessKeyID == "" {
		return ErrNoConsole
	}
	client := iam.NewFromConfig(c.sdk(consolePlace, c.cfg.Console))
	_, err := signed(func() (*iam.DeleteRolePolicyOutput, error) {
		return client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{
			RoleName: aws.String(roleName(c.cfg.RoleARN)), PolicyName: aws.String(denyPolicy),
		})
	})
	if err != nil {
		return fmt.Errorf("take the deny off: %w", err)
	}
	return nil
}

// denyBefore is the document that the console writes.
func denyBefore(cutoff time.Time) string {
	return policyOf(map[string]any{
		"Effect": "Deny", "Action": []string{"*"}, "Resource": []string{"*"},
		"Condition": map[string]any{
			"DateLessThan": map[string]any{"aws:TokenIssueTime": cutoff.UTC().Format("2006-01-02T15:04:05.000Z")},
		},
	})
}
