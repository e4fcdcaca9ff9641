package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// newHub prepares to ask who the ambient credentials are. It is asked once: the answer does not
// change while the bot runs. The accounts are known.
func (c *Cloud) newHub() *session {
	return newSession(func(ctx context.Context) (Credential, error) {
		out, err := c.callerIdentity(ctx)
		if err != nil {
			return Credential{}, err
		}
		me := c.ambient()
		me.CallerARN = awssdk.ToString(out.Arn)
		return me, nil
	})
}

const identityOperation = "sts:GetCallerIdentity"

func (c *Cloud) callerIdentity(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
	return remote(ctx, c, "", identityOperation, func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
		return c.accounts[0].sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
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
	return Refuse(RefusedOtherAccount,
		"The ambient credentials, which are to be used for account %s (%s, partition %s), are those of %s. "+
			"Give that account an assume_role, or run revokebot with credentials of the account.",
		a.Name, a.ID, a.Partition, Quote(hubARN))
}

// OwnPrincipal returns the ARN whose policies bound the bot in an account: its role there, or who
// the ambient credentials are. A session's ARN does not tell the path of its role, so the path is
// taken to be /.
func (a *Conn) OwnPrincipal(hubARN string) string {
	if a.AssumeRole != "" {
		return a.AssumeRole
	}
	if ref := arnOf(hubARN); ref.Kind == "assumed-role" {
		return RoleARN(ref.Partition, ref.Account, "/", ref.RoleName())
	}
	return hubARN
}

// OwnRoles returns patterns on the ARNs of what the bot itself is in an account, for a policy's
// condition on aws:PrincipalArn. It makes no call: before Warm, an account without assume_role has
// none.
func (c *Cloud) OwnRoles(accountName string) []string {
	a := c.byName[accountName]
	if a == nil {
		return nil
	}
	hubARN := c.hub.peek().CallerARN
	ref := arnOf(hubARN)
	switch {
	case a.AssumeRole != "":
		return []string{Literal(a.AssumeRole)}
	case ref == ARN{}:
		return nil
	case ref.Kind != "assumed-role":
		return []string{Literal(hubARN)}
	}
	own := func(path string) string { return RoleARN(ref.Partition, ref.Account, path, ref.RoleName()) }
	return []string{own("/"), own("/*/")}
}

// IsOwn reports whether an ARN in an event is the bot in this account.
func (a *Conn) IsOwn(hubARN, principalARN string) bool {
	ref, own := arnOf(principalARN), arnOf(a.OwnPrincipal(hubARN))
	if ref.Kind != "assumed-role" {
		return ref != ARN{} && a.AssumeRole == "" && principalARN == hubARN
	}
	return own.Account == ref.Account && strings.EqualFold(ref.RoleName(), own.RoleName())
}

// OwnRole reports whether the bot itself works with the role. The hub's role is known from the ARN
// of its session, which has no path; names of roles are unique without regard to case.
func (c *Cloud) OwnRole(hubARN, accountID, roleName string) bool {
	own := []ARN{arnOf(hubARN)}
	for _, a := range c.accounts {
		own = append(own, arnOf(a.AssumeRole))
	}
	return slices.ContainsFunc(own, func(a ARN) bool {
		return a.Account == accountID && strings.EqualFold(a.RoleName(), roleName)
	})
}

// Self is who the ambient credentials are, and AWS's clock beside this machine's.
type Self struct {
	ARN    string
	Source string // where the SDK found the credentials, in its own words; "" not known

	Clock Clock
}

// Clock is what one answer tells about another clock.
type Clock struct {
	Known bool // false: the answer had no usable date

	// Ahead is how far the other clock is ahead of this machine's, give or take Within: a Date header
	// has whole seconds, and the answer took its time.
	Ahead, Within time.Duration
}

// WhoAmI asks AWS anew who the ambient credentials are. Its errors are *CallError.
func (c *Cloud) WhoAmI(ctx context.Context) (Self, error) {
	var me Self
	keys, err := c.cfg.SDK.Credentials.Retrieve(ctx)
	if err != nil {
		return me, NewCallError(identityOperation, "", err)
	}
	me.Source = keys.Source
	out, err := c.callerIdentity(ctx)
	if err != nil {
		return me, err
	}
	me.ARN = awssdk.ToString(out.Arn)
	if s, ok := StampOf(out.ResultMetadata); ok {
		me.Clock = ClockBetween(s.Server, s.Server.Add(time.Second), s.sent, time.Now())
	}
	return me, nil
}

// ClockBetween compares a clock that showed a time between first and last with this machine's while
// an answer was under way.
func ClockBetween(first, last, sent, received time.Time) Clock {
	least, most := first.Sub(received), last.Sub(sent)
	return Clock{Known: true, Ahead: (least + most) / 2, Within: (most - least) / 2}
}
