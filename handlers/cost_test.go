package handlers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// pipeline gives DeployRole a history: every eight minutes of three hours a session of an hour that
// makes one call.
func pipeline(t *testing.T, b *bench.Bench) {
	t.Helper()
	role, _ := b.World.Prod.Role(actors.DeployRole)
	for i := range 24 {
		opened := b.AWS.Now().Add(-time.Duration(8*i+4) * time.Minute).Truncate(time.Second)
		name, key := fmt.Sprintf("deploy-%d", 100-i), fmt.Sprintf("ASIADEPLOY%010d", i)
		stamp := func(at time.Time) string { return at.UTC().Format(time.RFC3339) }
		for _, record := range []map[string]any{{
			"eventTime": stamp(opened), "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
			"sourceIPAddress": "198.51.100.20",
			"userIdentity": map[string]any{
				"type": "IAMUser", "principalId": "AIDACIDEPLOY00000000", "userName": "ci-pipeline", "accountId": actors.ProdID,
				"arn": "arn:aws:iam::" + actors.ProdID + ":user/ci-pipeline", "accessKeyId": "AKIACIDEPLOY00000000",
			},
			"requestParameters": map[string]any{"roleArn": role.ARN, "roleSessionName": name, "durationSeconds": 3600},
			"responseElements": map[string]any{"credentials": map[string]any{
				"accessKeyId": key, "expiration": opened.Add(time.Hour).UTC().Format("Jan 2, 2006, 3:04:05 PM"),
			}},
			"resources": []any{map[string]any{"type": "AWS::IAM::Role", "ARN": role.ARN}},
		}, {
			"eventTime": stamp(opened.Add(30 * time.Second)), "eventSource": "ecs.amazonaws.com", "eventName": "UpdateService",
			"sourceIPAddress": "198.51.100.20",
			"userIdentity": map[string]any{
				"type": "AssumedRole", "principalId": role.UniqueID + ":" + name, "accountId": actors.ProdID, "accessKeyId": key,
				"arn": "arn:aws:sts::" + actors.ProdID + ":assumed-role/" + actors.DeployRole + "/" + name,
				"sessionContext": map[string]any{
					"sessionIssuer": map[string]any{
						"type": "Role", "principalId": role.UniqueID, "arn": role.ARN, "accountId": actors.ProdID,
						"userName": actors.DeployRole,
					},
					"attributes": map[string]any{"creationDate": stamp(opened)},
				},
			},
		}} {
			if err := b.World.Prod.RecordEvent("us-east-1", record); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What the 90 days before the window show of a caller is looked up once. Sessions that had ended
// when the regions reported are left out until the verdict.
func TestALaterCheckAsksNoMoreThanItMustAndTheVerdictAsksAboutAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{
			FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}, TrailDelay: 2 * time.Minute,
		})
		pipeline(t, b)
		card := applied(b)
		began, done := time.Now(), 0
		var named [4]map[string]bool // the names that each check asked about
		for check, most := range []int{200, 64, 52, 66} {
			time.Sleep([]time.Duration{4, 12, 25, 40}[check]*time.Minute - time.Since(began))
			calls, past := b.AWS.Calls("LookupEvents")[done:], 0
			done += len(calls)
			named[check] = map[string]bool{}
			for _, c := range calls {
				if c.Params["EndTime"] != "" {
					past++
				}
				if c.Params["AttributeKey"] == "Username" {
					named[check][c.Params["AttributeValue"]] = true
				}
			}
			if len(calls) > most || check > 0 && past > 0 {
				t.Errorf("check %d made %d requests in two regions, %d of them about the time before the window", check,
					len(calls), past)
			}
		}
		for name := range named[1] {
			if !named[3][name] {
				t.Errorf("the verdict did not ask about %s", name)
			}
		}
		if len(named[2]) >= len(named[1]) || len(verdicts(card)) != 1 {
			t.Errorf("the checks asked about %d and %d names, and the verdicts are %q", len(named[1]), len(named[2]),
				verdicts(card))
		}
	})
}

// One query answers for all sessions, until a verdict is to be "contained".
func TestWithALogGroupACheckAsksTheEventHistoryOnlyWhoOpenedSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{
			FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}, TrailDelay: 2 * time.Minute,
			Cloud: func(c *aws.Config) {
				c.Accounts[0].TrailLogGroup = "arn:aws:logs:us-east-1:" + actors.ProdID + ":log-group:aws-cloudtrail-logs"
			},
		})
		b.World.Prod.SetTrail(awsstandin.Trail{Name: "all", Region: "us-east-1", LogGroup: "aws-cloudtrail-logs"})
		if err := b.World.Prod.PutRolePolicy("revokebot-spoke", "trail-log-group", deploy.LogGroupPolicy); err != nil {
			t.Fatal(err)
		}
		pipeline(t, b)
		applied(b)
		began, done, queries := time.Now(), 0, 0
		for check, most := range []int{200, 24, 24} {
			time.Sleep([]time.Duration{4, 12, 25}[check]*time.Minute - time.Since(began))
			calls, asked := b.AWS.Calls("LookupEvents")[done:], b.AWS.Calls("StartQuery")[queries:]
			done, queries = done+len(calls), queries+len(asked)
			if len(calls) > most || len(asked) > 6 {
				t.Errorf("check %d made %d requests and %d queries", check, len(calls), len(asked))
			}
		}
	})
}
