package aws

import (
	"context"
	"errors"
	"fmt"
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
// Describe and Revoke. The errors are *CallError, one for each account that failed, and *RefusedError for one without
// assume_role that the ambient credentials are not of, joined; the other accounts work.
func (c *Cloud) Warm(ctx context.Context) error {
	failed := make([]error, len(c.accounts)+1)
	var all sync.WaitGroup
	for i, a := range c.accounts {
		all.Go(func() { _, failed[i] = a.reader.get(ctx, warmAt) })
	}
	hub := try(c.hub.get(ctx, 0))
	failed[len(c.accounts)] = hub.err
	all.Wait()
	for _, a := range c.accounts {
		failed = append(failed, otherAccount(a, hub))
	}
	return errors.Join(failed...)
}

// otherAccount refuses an account that is to be used with the ambient credentials when these are of another one: a role that
// is not found there, or may not be read, says nothing about the role that was meant. Who they are may not be known; then
// it returns nil.
func otherAccount(a *account, hub answer[credential]) error {
	if a.AssumeRole != "" || hub.err != nil {
		return nil
	}
	if ref, err := parseARN(hub.value.callerARN); err != nil || ref.account == a.ID && ref.partition == a.Partition {
		return nil
	}
	return &RefusedError{Reason: RefusedOtherAccount, Sentence: fmt.Sprintf(
		"The ambient credentials, which are to be used for account %s (%s, partition %s), are those of %s. Give that account an assume_role, or run revokebot with credentials of the account.",
		a.Name, a.ID, a.Partition, quote(hub.value.callerARN))}
}

// ownPrincipal returns the ARN whose policies bound the bot in an account: its role there, or who the ambient credentials
// are. A session's ARN does not tell the path of its role, so the path is taken to be /.
func ownPrincipal(a *account, hubARN string) string {
	if a.AssumeRole != "" {
		return a.AssumeRole
	}
	ref, err := parseARN(hubARN)
	if err != nil || ref.kind != "assumed-role" {
		return hubARN
	}
	name, _, _ := strings.Cut(ref.rest, "/")
	return roleARN(ref.partition, ref.account, "/", name)
}

// OwnRoles returns patterns on the ARNs of what the bot itself is in an account, for a policy's condition on
// aws:PrincipalArn. It makes no call: before Warm, an account without assume_role has none.
func (c *Cloud) OwnRoles(accountName string) []string {
	a := c.byName[accountName]
	if a == nil {
		return nil
	}
	if a.AssumeRole != "" {
		return []string{literal.Replace(a.AssumeRole)}
	}
	hubARN := c.hub.peek().callerARN
	ref, err := parseARN(hubARN)
	if err != nil {
		return nil
	}
	if ref.kind != "assumed-role" {
		return []string{literal.Replace(hubARN)}
	}
	name, _, _ := strings.Cut(ref.rest, "/")
	return []string{roleARN(ref.partition, ref.account, "/", name), roleARN(ref.partition, ref.account, "/*/", name)}
}

// isOwn reports whether an ARN in an event is the bot in this account.
func isOwn(a *account, hubARN, principalARN string) bool {
	ref, err := parseARN(principalARN)
	if err != nil {
		return false
	}
	if ref.kind != "assumed-role" {
		return a.AssumeRole == "" && principalARN == hubARN
	}
	own, err := parseARN(ownPrincipal(a, hubARN))
	if err != nil || own.kind != "role" || own.account != ref.account {
		return false
	}
	name, _, _ := strings.Cut(ref.rest, "/")
	_, ownName := own.pathAndName()
	return strings.EqualFold(name, ownName)
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
