package actors_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/sandbox/actors"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// day is a world with a day behind it, asked by an administrator's client.
type day struct {
	t      *testing.T
	server *standin.Server
	world  actors.World
	loot   actors.Loot
	ended  time.Time // by AWS's clock
}

func liveThrough(t *testing.T, c standin.Config) day {
	t.Helper()
	c.LookupRate = -1
	d := day{t: t, server: standin.New(c)}
	t.Cleanup(func() { _ = d.server.Close() })
	var err error
	if d.world, err = actors.SeedAWS(d.server); err != nil {
		t.Fatal(err)
	}
	d.ended = d.server.Now()
	if d.loot, err = actors.SeedLife(t.Context(), d.server, d.world); err != nil {
		t.Fatal(err)
	}
	return d
}

// record is what these tests read of an event.
type record struct {
	EventTime         time.Time
	EventName         string
	EventSource       string
	AwsRegion         string
	SourceIPAddress   string
	ErrorCode         string
	ErrorMessage      string
	RequestParameters map[string]any
}

// look finds the events with an attribute in a region, newest first.
func (d day) look(region string, key types.LookupAttributeKey, value string) []record {
	d.t.Helper()
	auditor := d.world.Prod.AddUser(standin.UserSpec{Name: "auditor-" + rnd(), Policies: map[string]string{
		"read": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudtrail:LookupEvents","Resource":"*"}}`,
	}})
	client := cloudtrail.New(cloudtrail.Options{
		Region: region, BaseEndpoint: awssdk.String("http://aws"), HTTPClient: &http.Client{Transport: d.server.Direct()},
		Credentials: credentials.NewStaticCredentialsProvider(auditor.AccessKeyID, auditor.SecretAccessKey, ""),
	})
	pages := cloudtrail.NewLookupEventsPaginator(client, &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}},
	})
	var out []record
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		for _, e := range page.Events {
			var r record
			if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &r); err != nil {
				d.t.Fatal(err)
			}
			out = append(out, r)
		}
	}
	return out
}

var users int

func rnd() string { users++; return strings.Repeat("x", users) }

func TestADayHasSessionsOfManyCallersInTwoRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := liveThrough(t, standin.Config{})
		names, regions, total := map[string]int{}, map[string]int{}, 0
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			for _, r := range d.look(region, types.LookupAttributeKeyResourceName, d.world.Role) {
				if age := d.server.Now().Sub(r.EventTime); age < 0 || age > 25*time.Hour {
					t.Errorf("%s is %s old", r.EventName, age)
				}
				if r.AwsRegion != region {
					t.Errorf("an event of %s is kept in %s", r.AwsRegion, region)
				}
				names[r.EventName]++
				regions[region]++
				total++
			}
		}
		if total < 60 || total > 150 || regions["eu-west-1"] < 10 || names["AssumeRole"] < 20 ||
			names["AssumeRoleWithWebIdentity"] < 20 || names["AssumeRoleWithSAML"] < 5 {
			t.Errorf("%d sessions: %v in %v", total, names, regions)
		}
		for _, source := range []string{"s3", "ecs", "ecr", "cloudformation", "secretsmanager"} {
			if len(d.look("us-east-1", types.LookupAttributeKeyEventSource, source+".amazonaws.com"))+
				len(d.look("eu-west-1", types.LookupAttributeKeyEventSource, source+".amazonaws.com")) == 0 {
				t.Errorf("nobody called %s", source)
			}
		}
	})
}

func TestTheThiefOpensADoorAndGoesOnAsAnotherRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := liveThrough(t, standin.Config{ClockOffset: time.Hour})
		if age := d.server.Now().Sub(d.loot.Issued); age != 52*time.Minute {
			t.Errorf("the stolen session is %s old", age)
		}
		did := map[string]string{}
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			for _, r := range d.look(region, types.LookupAttributeKeyAccessKeyId, d.loot.Stolen.AccessKeyID) {
				if r.SourceIPAddress == "203.0.113.66" {
					did[region+" "+r.EventName] = r.ErrorCode
				}
			}
		}
		for call, code := range map[string]string{
			"us-east-1 ListRoles": "", "us-east-1 CreateAccessKey": "", "us-east-1 CreateUser": "AccessDenied",
			"us-east-1 ListBuckets":       "",
			"eu-west-1 DescribeInstances": "", "eu-west-1 ListFunctions20150331": "", "eu-west-1 GetSecretValue": "",
			"eu-west-1 AssumeRole":          "",
			"eu-west-1 DescribeDBSnapshots": "AccessDenied",
		} {
			if got, ok := did[call]; !ok || got != code {
				t.Errorf("%s: %t %q", call, ok, got)
			}
		}
		chained := d.look("eu-west-1", types.LookupAttributeKeyAccessKeyId, d.loot.Chained.AccessKeyID)
		if len(chained) != 4 || chained[0].EventName != "CreateDBSnapshot" ||
			chained[0].RequestParameters["dBInstanceIdentifier"] != "orders" {
			t.Errorf("the second role's session did %+v", chained)
		}
		refused := 0
		for _, r := range d.look("us-east-1", types.LookupAttributeKeyEventName, "AssumeRole") {
			if r.ErrorCode == "AccessDenied" && strings.Contains(r.ErrorMessage, d.world.Role) {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d refused attempts to assume the role", refused)
		}
	})
}

func TestADayHasItsSessionsWheneverItEndsAndLeavesTheClockAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 15 * time.Hour // the others' days end at midnight
		d := liveThrough(t, standin.Config{ClockOffset: ahead})
		n := len(d.look("us-east-1", types.LookupAttributeKeyResourceName, d.world.Role))
		if n < 50 || n > 120 {
			t.Errorf("%d sessions in us-east-1", n)
		}
		if got := time.Until(d.server.Now()).Round(time.Second); got != ahead {
			t.Errorf("the clock is %v ahead", got)
		}
	})
}

func BenchmarkSeedLife(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		server := standin.New(standin.Config{})
		world, err := actors.SeedAWS(server)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := actors.SeedLife(b.Context(), server, world); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(server.Calls(""))), "calls")
		_ = server.Close()
	}
}

func TestTheThiefGoesOnWithTheLootAndIsDeniedOnlyWhereTheDenyIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := liveThrough(t, standin.Config{})
		cast := actors.New(actors.Config{
			HTTPClient: &http.Client{Transport: d.server.Direct()}, Endpoint: "http://aws.sandbox", RoleARN: d.world.Role,
			Key: d.world.Key(), Loot: &d.loot, Interval: 10 * time.Second,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- cast.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(5 * time.Second)
		if st := cast.Status(actors.Thief); st.StillIn != "NightlyBackup" {
			t.Errorf("before its first call in the second role: %+v", st)
		}
		time.Sleep(10 * time.Minute)
		if st := cast.Status(actors.Thief); st.State != actors.GetsAnswers || st.Denials != 0 ||
			!st.Issued.Equal(d.loot.Issued) {
			t.Fatalf("before: %+v", st)
		}
		for _, name := range []string{"ListBuckets", "GetSecretValue", "DescribeDBSnapshots", "DescribeInstances"} {
			if calls := d.server.Calls(name); calls[len(calls)-1].Status != http.StatusOK ||
				time.Since(calls[len(calls)-1].At) > 11*time.Minute {
				t.Errorf("%s: %+v", name, calls[len(calls)-1])
			}
		}
		stage{d.server, d.world, cast}.revoke(t, 10*time.Second)
		time.Sleep(7 * time.Minute)
		if st := cast.Status(actors.Thief); st.State != actors.IsDenied || st.StillIn != "NightlyBackup" {
			t.Errorf("after: %+v", st)
		}
		for _, l := range cast.Lines(actors.Thief) {
			if time.Since(l.At) > 5*time.Minute {
				continue
			}
			if chained := strings.Contains(l.Command, "--profile NightlyBackup"); chained != (l.Outcome == actors.Elsewhere) ||
				!chained && l.Outcome != actors.Denied {
				t.Errorf("%s was %s: %s", l.Command, l.Outcome, l.Output)
			}
		}
		time.Sleep(8 * time.Minute) // the second role's session ends by itself
		lines := cast.Lines(actors.Thief)
		if !slices.ContainsFunc(lines, func(l actors.Line) bool {
			return l.Outcome == actors.ElsewhereOut && strings.Contains(l.Output, "ExpiredToken")
		}) {
			t.Error("the second role's session did not end")
		}
		if st := cast.Status(actors.Thief); st.StillIn != "" {
			t.Errorf("at the end: %+v", st)
		}
	})
}
