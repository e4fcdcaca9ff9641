package actors

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// maxPause is the longest that the job waits before it assumes the role once more, in intervals.
const maxPause = 4

// runJob works until ctx ends. When AWS denies a call the job assumes the role again, as SDKs with
// a credential provider do, and waits longer each time: a session that is issued before the cutoff
// is as dead as the one before it.
func (c *Cast) runJob(ctx context.Context) {
	var client *iam.Client
	pause := c.cfg.Interval
	for {
		if client == nil {
			if client = c.assumeForJob(ctx); client == nil {
				if !wait(ctx, 5*c.cfg.Interval) {
					return
				}
				continue
			}
		}
		switch c.listRoles(ctx, Job, client) {
		case Denied, Expired:
			if !wait(ctx, pause) {
				return
			}
			client = nil
			pause = min(2*pause, maxPause*c.cfg.Interval)
		case Answered, Failed, Unknown, Note, Assumed, Removed, Fought, Elsewhere, ElsewhereOut:
			pause = c.cfg.Interval
			if !wait(ctx, c.cfg.Interval) {
				return
			}
		}
	}
}

// assumeForJob returns a client with a new session, or nil when STS gave none.
func (c *Cast) assumeForJob(ctx context.Context) *iam.Client {
	name := c.nextDeployment()
	command := "aws sts assume-role --role-arn " + c.cfg.RoleARN + " --role-session-name " + name
	s, err := c.assume(ctx, name)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		// A denial of AssumeRole is not a denial of the session, so it does not change the word above the
		// terminal to "is denied" in the sense of the story.
		c.say(Job, command, InWords(err), Failed)
		return nil
	}
	c.setSession(Job, s)
	c.say(Job, command, "new credentials "+s.creds.AccessKeyID+" issued "+s.issued.UTC().Format("15:04:05")+" UTC",
		Assumed)
	return iam.NewFromConfig(c.sdk(runnerPlace, s.creds))
}

// nextDeployment numbers the sessions, as a build system numbers its runs.
func (c *Cast) nextDeployment() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deployments++
	return fmt.Sprintf("deploy-%d", 1840+c.deployments)
}
