package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// runThief calls with the stolen session for as long as ctx lives. The thief has no way back in:
// nothing here assumes a role with the thief's own hands.
func (c *Cast) runThief(ctx context.Context) {
	stolen, err := c.found(ctx)
	for err != nil {
		if !wait(ctx, 5*c.cfg.Interval) {
			return
		}
		stolen, err = c.steal(ctx)
	}
	client := c.thiefClient(ctx, stolen)
	tick := time.NewTicker(c.cfg.Interval)
	defer tick.Stop()
	for n := 1; ; n++ {
		c.listRoles(ctx, Thief, client)
		if c.cfg.Loot != nil && n%prowlEvery == 0 {
			c.prowl(ctx, stolen, prowls()[n/prowlEvery%len(prowls())])
		}
		if c.cfg.Loot != nil && n%prowlEvery == rivalAt {
			c.useRival(ctx)
		}
		// A thief who is denied turns to what still works.
		if c.cfg.Loot != nil && n%prowlEvery == prowlEvery/2 && c.Status(Thief).State == IsDenied {
			c.prowl(ctx, stolen, prowls()[0])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case done := <-c.leaks:
			again, err := c.steal(ctx)
			if err == nil {
				stolen, client = again, c.thiefClient(ctx, again)
			}
			done <- err
		}
	}
}

// found is what the thief begins with.
func (c *Cast) found(ctx context.Context) (session, error) {
	if loot := c.cfg.Loot; loot != nil {
		return session{creds: loot.Stolen, arn: loot.ARN, issued: loot.Issued}, nil
	}
	return c.steal(ctx)
}

// prowlEvery is how many looks at the roles lie between two other calls.
const prowlEvery = 12

// prowl makes one call besides, with the stolen session or that of the second role.
func (c *Cast) prowl(ctx context.Context, stolen session, p prowl) {
	creds := stolen.creds
	if p.chained {
		creds = c.cfg.Loot.Chained
	}
	err := c.caller(thiefPlace, creds).do(ctx, p.errand)
	if ctx.Err() != nil {
		return
	}
	outcome, output := Answered, "answered"
	if err != nil {
		outcome, output = outcomeOf(err), InWords(err)
	}
	switch {
	case !p.chained:
	case outcome == Answered:
		outcome = Elsewhere
	case outcome == Denied || outcome == Expired:
		outcome = ElsewhereOut
	}
	c.say(Thief, p.command, output, outcome)
}

// rivalAt is when, between two other calls, the thief uses the second gist's key.
const rivalAt = 4

// useRival makes one call with the second gist's key. It says nothing about the stolen session.
func (c *Cast) useRival(ctx context.Context) {
	if c.cfg.Rival.AccessKeyID == "" || c.Fighting() {
		return
	}
	_, err := c.caller(thiefPlace, c.cfg.Rival).iam().GetRolePolicy(ctx,
		&iam.GetRolePolicyInput{RoleName: aws.String(DeployRole), PolicyName: aws.String("work")})
	if ctx.Err() != nil {
		return
	}
	output := "answered"
	if err != nil {
		output = InWords(err)
	}
	c.say(Thief, "aws iam get-role-policy --role-name "+DeployRole+" --policy-name work --profile "+RivalUser, output,
		Note)
}

// steal makes the session that leaks: a deployment ran, and its log kept the credentials.
func (c *Cast) steal(ctx context.Context) (session, error) {
	s, err := c.assume(ctx, c.nextDeployment())
	if err != nil && ctx.Err() == nil {
		c.say(Thief, "# nothing to steal yet", InWords(err), Failed)
	}
	return s, err
}

// thiefClient shows how the credentials come into the terminal and whom AWS takes the thief for.
func (c *Cast) thiefClient(ctx context.Context, s session) *iam.Client {
	c.setSession(Thief, s)
	c.say(Thief, "# session credentials found in a public gist", "", Note)
	c.say(Thief, fmt.Sprintf("export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…",
		s.creds.AccessKeyID), "", Note)
	cfg := c.sdk(thiefPlace, s.creds)
	identity := sts.NewFromConfig(cfg)
	out, err := signed(func() (*sts.GetCallerIdentityOutput, error) {
		return identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.say(Thief, "aws sts get-caller-identity", InWords(err), outcomeOf(err))
	default:
		c.say(Thief, "aws sts get-caller-identity", aws.ToString(out.Arn), Answered)
	}
	return iam.NewFromConfig(cfg)
}
