// Command bareaws makes the remote calls of one revocation and nothing else: no Redis, no decision,
// no record. It is the floor beside which sandbox/measure puts the bot's way from the click to the
// write.
//
// For each line on its standard input, the name of a role, it looks the approver up, reads the role
// and its policy and opens a session, all side by side, and then writes the policy with that
// session: two remote steps. It answers each line with one of its own. Its clients are warm: it
// makes the calls that read once before it says that it is ready.
//
// It reads SLACK_BOT_TOKEN, SLACK_API_URL, SPOKE_ROLE, EXTERNAL_ID, APPROVER, GROUP, and the
// variables of the AWS SDK.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"
)

const policyName = "AWSRevokeOlderSessions"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bareaws:", err)
		os.Exit(1)
	}
}

// bare has a client for each kind of call.
type bare struct {
	sdk    awssdk.Config
	slack  *slack.Client
	sts    *sts.Client
	reader *iam.Client
}

func run(ctx context.Context) error {
	sdk, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	b := &bare{
		sdk: sdk, slack: slack.New(os.Getenv("SLACK_BOT_TOKEN"), slack.OptionAPIURL(os.Getenv("SLACK_API_URL"))),
		sts: sts.NewFromConfig(sdk),
	}
	read, err := b.open(ctx)
	if err != nil {
		return err
	}
	b.reader = iam.NewFromConfig(sdk, func(o *iam.Options) { o.Credentials = read })
	lines := bufio.NewScanner(os.Stdin)
	for first := true; lines.Scan(); first = false {
		if first { // the line that warms the clients
			_, err = b.know(ctx, lines.Text())
		} else {
			err = b.revoke(ctx, lines.Text())
		}
		if err != nil {
			return err
		}
		fmt.Println("done")
	}
	return lines.Err()
}

// open opens a session of the account's role that names its people, as the bot does.
func (b *bare) open(ctx context.Context) (awssdk.CredentialsProvider, error) {
	who := os.Getenv("APPROVER")
	tag := func(key string) types.Tag { return types.Tag{Key: &key, Value: &who} }
	out, err := b.sts.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: awssdk.String(os.Getenv("SPOKE_ROLE")), ExternalId: awssdk.String(os.Getenv("EXTERNAL_ID")),
		DurationSeconds: awssdk.Int32(900),
		RoleSessionName: awssdk.String("bare"), SourceIdentity: &who, Tags: []types.Tag{
			tag("request"), tag("requester"), tag("approvers"),
		},
	})
	if err != nil {
		return nil, err
	}
	c := out.Credentials
	return credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken), nil
}

// know is the first step: what has to be known before the write.
func (b *bare) know(ctx context.Context, role string) (awssdk.CredentialsProvider, error) {
	var write awssdk.CredentialsProvider
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		_, err := b.slack.GetUserInfoContext(ctx, os.Getenv("APPROVER"))
		return err
	})
	all.Go(func() error {
		_, err := b.slack.GetUserGroupMembersContext(ctx, os.Getenv("GROUP"))
		return err
	})
	all.Go(func() error {
		_, err := b.reader.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
		return err
	})
	all.Go(func() error {
		// It answers that there is none, which is as good.
		_, _ = b.reader.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: awssdk.String(policyName)})
		return nil
	})
	all.Go(func() (err error) {
		write, err = b.open(ctx)
		return err
	})
	return write, all.Wait()
}

func (b *bare) revoke(ctx context.Context, role string) error {
	write, err := b.know(ctx, role)
	if err != nil {
		return err
	}
	cutoff := time.Now().UTC().Add(30 * time.Second).Format(time.RFC3339)
	_, err = iam.NewFromConfig(b.sdk, func(o *iam.Options) {
		o.Credentials = write
	}).PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &role, PolicyName: awssdk.String(policyName),
		PolicyDocument: awssdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],` +
			`"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` + cutoff + `"}}}]}`),
	})
	return err
}
