package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// fromAddress marks requests with where they come from; the header is not part of the signature.
type fromAddress struct {
	address string
	next    http.RoundTripper
}

func (f fromAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.next.RoundTrip(r)
}

const (
	thiefAddress = "203.0.113.66"
	policyOfAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","sts:AssumeRole"],"Resource":"*"}]}`
)

// from is the SDK's configuration for somebody who calls from an address.
func from(b *bench.Bench, address string, key awsstandin.AccessKey) awssdk.Config {
	cfg := b.SDK(key)
	client := cfg.HTTPClient.(*http.Client)
	cfg.HTTPClient = &http.Client{Transport: fromAddress{address, client.Transport}}
	return cfg
}

// assume opens a session of a role.
func assume(b *bench.Bench, cfg awssdk.Config, role, name string) awsstandin.AccessKey {
	b.T.Helper()
	out, err := sts.NewFromConfig(cfg).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &name})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return awsstandin.AccessKey{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// break-in: a thief opens a session of DeployRole with the CI's key, widens another role, and goes on to DataRole.
type breakIn struct {
	*bench.Bench
	key      awsstandin.AccessKey
	dataRole string
}

func burgled(t *testing.T, o bench.Options) breakIn {
	t.Helper()
	b := breakIn{Bench: bench.New(t, o)}
	if err := b.World.Prod.PutRolePolicy(actors.DeployRole, "much", policyOfAll); err != nil {
		t.Fatal(err)
	}
	data, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
		Name:     "DataRole",
		Trust:    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + b.World.Role + `"},"Action":"sts:AssumeRole"}]}`,
		Policies: map[string]string{"read": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:List*","Resource":"*"}]}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.dataRole = data.ARN
	b.Session("deploy-41")
	time.Sleep(time.Minute)
	b.key = assume(b.Bench, from(b.Bench, thiefAddress, b.World.CI), b.World.Role, "deploy-stolen")
	b.call()
	client := iam.NewFromConfig(from(b.Bench, thiefAddress, b.key))
	if _, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: awssdk.String("NightlyBackup"), PolicyName: awssdk.String("more"), PolicyDocument: awssdk.String(policyOfAll),
	}); err != nil {
		t.Fatal(err)
	}
	deeper := assume(b.Bench, from(b.Bench, thiefAddress, b.key), b.dataRole, "deeper")
	if _, err := iam.NewFromConfig(from(b.Bench, thiefAddress, deeper)).ListRoles(t.Context(), &iam.ListRolesInput{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return b
}

// call is the thief trying the stolen session.
func (b breakIn) call() bool {
	_, err := iam.NewFromConfig(from(b.Bench, thiefAddress, b.key)).ListRoles(b.T.Context(), &iam.ListRolesInput{})
	return err == nil
}

// revoked asks and approves.
func (b breakIn) revoked() bench.Card {
	card := b.Ask()
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

// message is the newest message of the thread that says something.
func message(b *bench.Bench, card bench.Card, text string) slack.Message {
	b.T.Helper()
	var found slack.Message
	b.Until("the thread says "+text, func() bool {
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.ThreadTS == card.TS && !m.Ephemeral && strings.Contains(m.Text, text) {
				found = m
			}
		}
		return found.TS != ""
	})
	return found
}

func press(b *bench.Bench, user, ts, action, value string) {
	b.T.Helper()
	if _, err := b.Slack.Click(b.T.Context(), user, slack.Click{ChannelID: actors.Incident, MessageTS: ts, ActionID: action, Value: value}); err != nil {
		b.T.Fatal(err)
	}
}

func TestTheThreadTellsTheIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}})
		card := b.revoked()
		message(b.Bench, card, "What did another session do?")
		for range 40 {
			time.Sleep(time.Minute)
			b.call()
		}
		t.Log(b.Transcript())
		_ = messages.ActionChain
	})
}
