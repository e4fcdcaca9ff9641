package aws_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func attribute(key types.LookupAttributeKey, value string) []types.LookupAttribute {
	return []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
}

// look asks for one page and fails the test if it is refused.
func (b *bench) look(region string, in *cloudtrail.LookupEventsInput) *cloudtrail.LookupEventsOutput {
	b.t.Helper()
	out, err := b.trail(b.admin, region).LookupEvents(b.t.Context(), in)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// seed records n events of one name, a second apart, the last one now.
func (b *bench) seed(n int) {
	for i := range n {
		if err := b.account.RecordEvent("us-east-1", map[string]any{
			"eventName": "Seeded", "eventSource": "test.amazonaws.com",
			"eventTime": b.server.Now().Add(time.Duration(i-n+1) * time.Second).Format(time.RFC3339),
			"eventID":   fmt.Sprintf("%08d-0000-4000-8000-000000000000", i),
		}); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestEventsArePagedNewestFirstByFifty(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		b.seed(120)
		var ids []string
		p := cloudtrail.NewLookupEventsPaginator(b.trail(b.admin, "us-east-1"), &cloudtrail.LookupEventsInput{
			LookupAttributes: attribute(types.LookupAttributeKeyEventName, "Seeded"),
		})
		var sizes []int
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(out.Events))
			for _, e := range out.Events {
				ids = append(ids, *e.EventId)
			}
			b.seed(1) // what comes meanwhile must not move the pages
		}
		if !slices.Equal(sizes, []int{50, 50, 20}) {
			t.Errorf("pages %v", sizes)
		}
		slices.Reverse(ids)
		if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 120 {
			t.Errorf("%d events, not each once and newest first", len(ids))
		}
	})
}

func TestAPagingTokenIsGoodForTheSameRequestOnly(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		b.seed(10)
		seeded := attribute(types.LookupAttributeKeyEventName, "Seeded")
		start := awssdk.Time(b.server.Now().Add(-time.Hour))
		first := b.look("us-east-1", &cloudtrail.LookupEventsInput{
			LookupAttributes: seeded, StartTime: start, MaxResults: awssdk.Int32(4),
		})
		good := cloudtrail.LookupEventsInput{
			LookupAttributes: seeded, StartTime: start, MaxResults: awssdk.Int32(4), NextToken: first.NextToken,
		}
		if out := b.look("us-east-1", &good); len(out.Events) != 4 || *out.Events[0].EventId == *first.Events[0].EventId {
			t.Errorf("%d events", len(out.Events))
		}
		otherValue, otherTime, otherSize, otherToken := good, good, good, good
		otherValue.LookupAttributes = attribute(types.LookupAttributeKeyEventName, "AssumeRole")
		otherTime.StartTime = awssdk.Time(start.Add(time.Second))
		otherSize.MaxResults = awssdk.Int32(5)
		otherToken.NextToken = awssdk.String("x" + *first.NextToken)
		for name, in := range map[string]cloudtrail.LookupEventsInput{
			"another value": otherValue, "another time": otherTime, "another size": otherSize, "a changed token": otherToken,
		} {
			_, err := b.trail(b.admin, "us-east-1").LookupEvents(t.Context(), &in)
			b.wantCode(name, err, "InvalidNextTokenException")
		}
		_, err := b.trail(b.admin, "us-east-2").LookupEvents(t.Context(), &good)
		b.wantCode("another region", err, "InvalidNextTokenException")
	})
}

func TestTwoLookUpsASecondForEachAccountAndRegion(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		once := func(o *cloudtrail.Options) { o.RetryMaxAttempts = 1 }
		ask := func(region string) error {
			_, err := b.trail(b.admin, region, once).LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
			return err
		}
		b.wantCode("first", ask("us-east-1"), "")
		b.wantCode("second", ask("us-east-1"), "")
		b.wantCode("third", ask("us-east-1"), "ThrottlingException")
		b.wantCode("another region", ask("eu-west-1"), "")
		time.Sleep(500 * time.Millisecond)
		b.wantCode("half a second later", ask("us-east-1"), "")
		for i := range 20 { // the pace that the service allows
			time.Sleep(500 * time.Millisecond)
			b.wantCode(fmt.Sprint("paced ", i), ask("us-east-1"), "")
		}
		// Five at once, with the SDK's own retryer: it waits and gets through. Its waits are random, so
		// three attempts can be too few.
		start := time.Now()
		patient := b.trail(b.admin, "us-east-1", func(o *cloudtrail.Options) { o.RetryMaxAttempts = 20 })
		for range 5 {
			if _, err := patient.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{}); err != nil {
				t.Fatal(err)
			}
		}
		throttled := 0
		for _, c := range b.server.Calls("LookupEvents") {
			if c.Code == "ThrottlingException" {
				throttled++
			}
		}
		if throttled < 2 || time.Since(start) < 2*time.Second {
			t.Errorf("%d throttled, %v", throttled, time.Since(start))
		}
	})
}

func TestEventsAreVisibleAfterTheDelayAndInTheirRegion(t *testing.T) {
	onBench(t, aws.Config{TrailDelay: 5 * time.Minute, LookupRate: -1}, func(t *testing.T, b *bench) {
		b.assume(b.admin, &sts.AssumeRoleInput{}) // in eu-west-1
		issues := func(region string) int {
			return len(b.look(region, &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(types.LookupAttributeKeyResourceName, deployARN),
			}).Events)
		}
		time.Sleep(5*time.Minute - time.Second)
		if n := issues("eu-west-1"); n != 0 {
			t.Errorf("%d events before the delay", n)
		}
		time.Sleep(time.Second)
		if n := issues("eu-west-1"); n != 1 {
			t.Errorf("%d events after the delay", n)
		}
		if n := issues("us-east-1"); n != 0 {
			t.Errorf("%d events in another region", n)
		}
		b.server.SetTrailDelay(time.Hour)
		if n := issues("eu-west-1"); n != 0 {
			t.Error("a longer delay does not hide the event")
		}
	})
}

func TestEventHistoryEndsAfterNinetyDays(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		b.seed(1)
		seeded := &cloudtrail.LookupEventsInput{
			LookupAttributes: attribute(types.LookupAttributeKeyEventName, "Seeded"),
			StartTime:        awssdk.Time(b.server.Now().Add(-time.Hour)),
		}
		time.Sleep(90*24*time.Hour - time.Minute)
		if n := len(b.look("us-east-1", seeded).Events); n != 1 {
			t.Errorf("%d events within ninety days", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(b.look("us-east-1", seeded).Events); n != 0 {
			t.Errorf("%d events after ninety days", n)
		}
	})
}

func TestTheTimeRangeIncludesBothEnds(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		time.Sleep(time.Minute)
		b.seed(10)
		now := b.server.Now()
		out := b.look("us-east-1", &cloudtrail.LookupEventsInput{
			LookupAttributes: attribute(types.LookupAttributeKeyEventName, "Seeded"),
			StartTime:        awssdk.Time(now.Add(-7 * time.Second)), EndTime: awssdk.Time(now.Add(-5 * time.Second)),
		})
		if len(out.Events) != 3 || !out.Events[0].EventTime.Equal(now.Add(-5*time.Second)) {
			t.Errorf("%d events", len(out.Events))
		}
	})
}

func TestEveryAttributeFindsTheEventsItNames(t *testing.T) {
	raw, err := os.ReadFile("testdata/lookup_events.json")
	if err != nil {
		t.Fatal(err)
	}
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		shift := b.server.Now().Sub(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
		n, err := b.server.LoadLookupEvents("111122223333", raw, shift)
		if err != nil || n != 10 {
			t.Fatal(n, err)
		}
		for _, c := range []struct {
			key    types.LookupAttributeKey
			value  string
			region string
			want   int
		}{
			{types.LookupAttributeKeyEventId, "00000000-0000-4000-8000-000000000001", "eu-west-1", 1},
			{types.LookupAttributeKeyEventName, "AssumeRole", "eu-west-1", 4},
			{types.LookupAttributeKeyReadOnly, "false", "us-east-1", 1},
			{types.LookupAttributeKeyUsername, "alice@example.com", "us-east-1", 1},
			{types.LookupAttributeKeyResourceType, "AWS::IAM::SAMLProvider", "us-east-1", 1},
			{types.LookupAttributeKeyResourceName, "arn:aws:iam::111122223333:role/ops/Deploy", "eu-west-1", 1},
			{types.LookupAttributeKeyResourceName, "Deploy", "eu-west-1", 0},
			{types.LookupAttributeKeyResourceName, "AROAEXAMPLEDEPLOY0001:alice@example.com", "eu-west-1", 1},
			{types.LookupAttributeKeyEventSource, "iam.amazonaws.com", "us-east-1", 2},
			{types.LookupAttributeKeyAccessKeyId, "ASIAEXAMPLESESS00001", "eu-west-1", 1},
			{types.LookupAttributeKeyAccessKeyId, "asiaexamplesess00001", "eu-west-1", 0},
		} {
			out := b.look(c.region, &cloudtrail.LookupEventsInput{LookupAttributes: attribute(c.key, c.value)})
			if len(out.Events) != c.want {
				t.Errorf("%s %s: %d events, want %d", c.key, c.value, len(out.Events), c.want)
			}
		}
		out := b.look("eu-west-1", &cloudtrail.LookupEventsInput{
			LookupAttributes: attribute(types.LookupAttributeKeyUsername, "alice"),
		})
		e := out.Events[0]
		var record struct {
			EventTime        time.Time
			ResponseElements struct{ Credentials struct{ Expiration string } }
		}
		if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &record); err != nil {
			t.Fatal(err)
		}
		want := time.Date(2026, 11, 20, 9, 0, 5, 0, time.UTC).Add(shift)
		if !e.EventTime.Equal(want) || !record.EventTime.Equal(want) ||
			record.ResponseElements.Credentials.Expiration != want.Add(time.Hour).Format("Jan 2, 2006, 3:04:05 PM") {
			t.Errorf("%v %+v, want %v", e.EventTime, record, want)
		}
	})
}

func TestEventsThatCannotBeReadAreNotLoaded(t *testing.T) {
	s := aws.New(aws.Config{})
	for name, raw := range map[string]string{
		"no JSON": `{`, "no list": `{"Events":1}`,
		"no time":   `[{"EventName":"x","CloudTrailEvent":"{\"awsRegion\":\"us-east-1\"}"}]`,
		"no record": `[{"EventTime":1}]`, "no region": `[{"EventTime":1,"CloudTrailEvent":"{}"}]`,
	} {
		if n, err := s.LoadLookupEvents("111122223333", []byte(raw), 0); err == nil {
			t.Errorf("%s: %d loaded", name, n)
		}
	}
	n, err := s.LoadLookupEvents("111122223333",
		[]byte(`{"Events":[{"EventTime":1795327026,"EventName":"x","CloudTrailEvent":"{\"awsRegion\":\"us-east-1\"}"}]}`), 0)
	if n != 1 || err != nil {
		t.Errorf("the form of the command line: %d, %v", n, err)
	}
	if err := s.AddAccount("111122223333", "").RecordEvent("us-east-1", map[string]any{"eventName": "x"}); err == nil {
		t.Error("an event without a source was recorded")
	}
}

func TestALateEventAndAHeldRegionAreShownWhenTheirTimeComes(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1, TrailDelay: 2 * time.Minute}, func(t *testing.T, b *bench) {
		record := map[string]any{"eventName": "Late", "eventSource": "test.amazonaws.com"}
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			if err := b.account.RecordEvent(region, record); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.account.RecordLate("us-east-1", record, b.server.Now().Add(8*time.Minute)); err != nil {
			t.Fatal(err)
		}
		b.account.HoldTrail("eu-west-1", b.server.Now().Add(5*time.Minute))
		shown := func(region string) int {
			return len(b.look(region, &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(types.LookupAttributeKeyEventName, "Late"),
			}).Events)
		}
		for _, want := range []struct {
			wait     time.Duration
			here, eu int
		}{{time.Minute, 0, 0}, {2 * time.Minute, 1, 0}, {3 * time.Minute, 1, 1}, {3 * time.Minute, 2, 1}} {
			time.Sleep(want.wait)
			if here, eu := shown("us-east-1"), shown("eu-west-1"); here != want.here || eu != want.eu {
				t.Errorf("%v: %d and %d events are shown, not %d and %d", want.wait, here, eu, want.here, want.eu)
			}
		}
	})
}
