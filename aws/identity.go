package aws

import (
	"context"
	"errors"
	"strings"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// newHub prepares to ask who the ambient credentials are. It is asked once: the answer does not change while the bot
// runs. The accounts are known.
func (c *Cloud) newHub() *session {
	client := c.accounts[0].sts
	return newSession(func(ctx context.Context) (credential, error) {
		out, err := remote(ctx, c, "", "sts:GetCallerIdentity", func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
			return client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		})
		if err != nil {
			return credential{}, err
		}
		me := c.ambient()
		me.callerARN = awssdk.ToString(out.Arn)
		return me, nil
	})
}

// Warm learns who the bot is and opens the reading sessions of all accounts, side by side; sessions that have lived
// for more than half of their time are renewed. Called every five minutes, it keeps that work out of the way of
// Describe and Revoke. The errors are *CallError, one for each account that failed, joined; the other accounts work.
func (c *Cloud) Warm(ctx context.Context) error {
	failed := make([]error, len(c.accounts)+1)
	var all sync.WaitGroup
	for i, a := range c.accounts {
		all.Go(func() { _, failed[i] = a.reader.get(ctx, warmAt) })
	}
	_, failed[len(c.accounts)] = c.hub.get(ctx, 0)
	all.Wait()
	return errors.Join(failed...)
}

// ownRole reports whether the bot itself works with the role. The hub's role is known from the ARN of its
// session, which has no path; names of roles are unique without regard to case.
func (c *Cloud) ownRole(hubARN, accountID, roleName string) bool {
	for _, a := range c.accounts {
		if a.AssumeRole == "" || a.ID != accountID {
			continue
		}
		if ref, err := parseARN(a.AssumeRole); err == nil {
			if _, name := ref.pathAndName(); strings.EqualFold(name, roleName) {
				return true
			}
		}
	}
	ref, err := parseARN(hubARN)
	if err != nil || ref.kind != "assumed-role" || ref.account != accountID {
		return false
	}
	name, _, _ := strings.Cut(ref.rest, "/")
	return strings.EqualFold(name, roleName)
}
