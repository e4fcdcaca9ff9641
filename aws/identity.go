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

// newHub prepares to ask who the ambient credentials are. It is asked once: the answer does not
// change while the bot runs. The accounts are known.
func (c *Cloud) newHub() *session {
	client := c.accounts[0].sts
	return newSession(func(ctx context.Context) (Credential, error) {
		out, err := remote(ctx, c, "", "sts:GetCallerIdentity",
			func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
				return client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			})
		if err != nil {
			return Credential{}, err
		}
		me := c.ambient()
		me.CallerARN = awssdk.ToString(out.Arn)
		return me, nil
	})
}

// Hub returns the ARN of what the ambient credentials are. It is asked for once; "" comes with an
// error only.
func (c *Cloud) Hub(ctx context.Context) (string, error) {
	me, err := c.hub.get(ctx, 0)
	return me.CallerARN, err
}

// Warm learns who the bot is and opens the reading sessions of all accounts, side by side; sessions
// that have lived for more than half of their time are renewed. Called every five minutes, it keeps
// that work out of the way of Describe and Revoke. The errors are *CallError, one for each account
// that failed, and *RefusedError for one without assume_role that the ambient credentials are not
// of, joined; the other accounts work.
func (c *Cloud) Warm(ctx context.Context) error {
	failed := make([]error, len(c.accounts)+1)
	var all sync.WaitGroup
	for i, a := range c.accounts {
		all.Go(func() { _, failed[i] = a.reader.get(ctx, warmAt) })
	}
	hubARN, err := c.Hub(ctx)
	failed[len(c.accounts)] = err
	all.Wait()
	for _, a := range c.accounts {
		failed = append(failed, a.OtherAccount(hubARN))
	}
	return errors.Join(failed...)
}

// OtherAccount refuses an account that is to be used with the ambient credentials when these are of
// another one: a role that is not found there, or may not be read, says nothing about the role that
// was meant. Where who they are is not known, it returns nil.
func (a *Conn) OtherAccount(hubARN string) error {
	if a.AssumeRole != "" {
		return nil
	}
	if ref, err := ParseARN(hubARN); err != nil || ref.Account == a.ID && ref.Partition == a.Partition {
		return nil
	}
	return &RefusedError{Reason: RefusedOtherAccount, Sentence: fmt.Sprintf(
		"The ambient credentials, which are to be used for account %s (%s, partition %s), are those of %s. "+
			"Give that account an assume_role, or run revokebot with credentials of the account.",
		a.Name, a.ID, a.Partition, Quote(hubARN))}
}

// OwnPrincipal returns the ARN whose policies bound the bot in an account: its role there, or who
// the ambient credentials are. A session's ARN does not tell the path of its role, so the path is
// taken to be /.
func (a *Conn) OwnPrincipal(hubARN string) string {
	if a.AssumeRole != "" {
		return a.AssumeRole
	}
	ref, err := ParseARN(hubARN)
	if err != nil || ref.Kind != "assumed-role" {
		return hubARN
	}
	name, _, _ := strings.Cut(ref.Rest, "/")
	return RoleARN(ref.Partition, ref.Account, "/", name)
}

// OwnRoles returns patterns on the ARNs of what the bot itself is in an account, for a policy's
// condition on aws:PrincipalArn. It makes no call: before Warm, an account without assume_role has
// none.
func (c *Cloud) OwnRoles(accountName string) []string {
	a := c.byName[accountName]
	if a == nil {
		return nil
	}
	if a.AssumeRole != "" {
		return []string{Literal(a.AssumeRole)}
	}
	hubARN := c.hub.peek().CallerARN
	ref, err := ParseARN(hubARN)
	if err != nil {
		return nil
	}
	if ref.Kind != "assumed-role" {
		return []string{Literal(hubARN)}
	}
	name, _, _ := strings.Cut(ref.Rest, "/")
	return []string{RoleARN(ref.Partition, ref.Account, "/", name), RoleARN(ref.Partition, ref.Account, "/*/", name)}
}

// IsOwn reports whether an ARN in an event is the bot in this account.
func (a *Conn) IsOwn(hubARN, principalARN string) bool {
	ref, err := ParseARN(principalARN)
	if err != nil {
		return false
	}
	if ref.Kind != "assumed-role" {
		return a.AssumeRole == "" && principalARN == hubARN
	}
	own, err := ParseARN(a.OwnPrincipal(hubARN))
	if err != nil || own.Kind != "role" || own.Account != ref.Account {
		return false
	}
	name, _, _ := strings.Cut(ref.Rest, "/")
	_, ownName := own.PathAndName()
	return strings.EqualFold(name, ownName)
}

// OwnRole reports whether the bot itself works with the role. The hub's role is known from the ARN
// of its session, which has no path; names of roles are unique without regard to case.
func (c *Cloud) OwnRole(hubARN, accountID, roleName string) bool {
	for _, a := range c.accounts {
		if a.AssumeRole == "" || a.ID != accountID {
			continue
		}
		if ref, err := ParseARN(a.AssumeRole); err == nil {
			if _, name := ref.PathAndName(); strings.EqualFold(name, roleName) {
				return true
			}
		}
	}
	ref, err := ParseARN(hubARN)
	if err != nil || ref.Kind != "assumed-role" || ref.Account != accountID {
		return false
	}
	name, _, _ := strings.Cut(ref.Rest, "/")
	return strings.EqualFold(name, roleName)
}
