package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
)

// denyPolicy is the inline policy that a revocation puts on a role.
const denyPolicy = "AWSRevokeOlderSessions"

// fightInterval is how often the thief looks for the deny and removes it: known tools do it twice a
// second.
const fightInterval = 500 * time.Millisecond

// FightBack lets the thief use the second key that was in the gist, or stop it: every half second
// the policy that denies the stolen session is removed from the role, for as long as IAM allows it.
// Without Config.Rival nothing happens.
func (c *Cast) FightBack(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fighting = on && c.cfg.Rival.AccessKeyID != ""
	select {
	case c.wake <- struct{}{}:
	default: // the loop is about to look anyway
	}
}

// Fighting reports whether the thief fights back.
func (c *Cast) Fighting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fighting
}

// runRival removes the deny again and again while FightBack is on.
func (c *Cast) runRival(ctx context.Context) {
	client := iam.NewFromConfig(c.sdk(thiefPlace, c.cfg.Rival))
	last := Unknown
	for {
		if !c.Fighting() {
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
				last = Unknown
				continue
			}
		}
		last = c.removeDeny(ctx, client, last)
		if !wait(ctx, fightInterval) {
			return
		}
	}
}

// removeDeny makes one attempt. Only what is new is shown: a removal, or another answer than
// before.
func (c *Cast) removeDeny(ctx context.Context, client *iam.Client, last Outcome) Outcome {
	role := roleName(c.cfg.RoleARN)
	_, err := signed(func() (*iam.DeleteRolePolicyOutput, error) {
		return client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{
			RoleName: aws.String(role), PolicyName: aws.String(denyPolicy),
		})
	})
	if ctx.Err() != nil {
		return last
	}
	command := fmt.Sprintf("aws iam delete-role-policy --role-name %s --policy-name %s --profile %s", role, denyPolicy,
		RivalUser)
	outcome, output := Removed, "removed"
	if err != nil {
		outcome, output = Fought, InWords(err)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "NoSuchEntity" {
			return Note // nothing to remove
		}
	}
	if outcome == Removed || outcome != last {
		c.say(Thief, command, output, outcome)
	}
	return outcome
}

func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
