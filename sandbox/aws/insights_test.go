package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/revokebot/revokebot/sandbox/aws"
)

var allTrail = aws.Trail{Name: "all", Region: "us-east-1", LogGroup: "all"}

func (b *bench) logs(k aws.AccessKey) *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(awssdk.Config{
		Region: "us-east-1", BaseEndpoint: awssdk.String(endpoint), HTTPClient: b.http, Credentials: provider(k),
		Retryer: func() awssdk.Retryer { return awssdk.NopRetryer{} },
	})
}

// ids are the events that a query finds, and the status and number of rows of each answer.
func (b *bench) ids(query string) (ids []string, answers []string, err error) {
	client := b.logs(b.admin)
	started, err := client.StartQuery(b.t.Context(), &cloudwatchlogs.StartQueryInput{
		LogGroupName: awssdk.String("all"), QueryString: &query,
		StartTime: awssdk.Int64(b.server.Now().Add(-time.Hour).Unix()), EndTime: awssdk.Int64(b.server.Now().Unix()),
	})
	if err != nil {
		return nil, nil, err
	}
	in := &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId, MaxItems: awssdk.Int32(3)}
	for {
		out, err := client.GetQueryResults(b.t.Context(), in)
		if err != nil {
			return nil, nil, err
		}
		answers = append(answers, fmt.Sprintf("%s %d", out.Status, len(out.Results)))
		if out.Status == logstypes.QueryStatusRunning {
			continue
		}
		for _, row := range out.Results {
			for _, f := range row {
				if *f.Field == "eventID" {
					ids = append(ids, *f.Value)
				}
			}
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			return ids, answers, nil
		}
	}
}

func (b *bench) event(id string, more map[string]any) {
	b.t.Helper()
	record := map[string]any{"eventID": id, "eventName": "Seeded", "eventSource": "test.amazonaws.com"}
	for k, v := range more {
		record[k] = v
	}
	if err := b.account.RecordEvent("eu-west-1", record); err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(time.Second)
}

func TestALogGroupIsQueriedInThePartOfTheLanguageThatIsUnderstood(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.SetTrail(allTrail)
		for i, name := range []string{"A", "B", "A", "C"} {
			b.event(fmt.Sprint("e", i), map[string]any{
				"eventName": name, "requestParameters": map[string]any{"set": []any{map[string]any{"id": fmt.Sprint("i-", i)}}},
			})
		}
		for query, want := range map[string]string{
			`fields eventID | filter eventSource = "test.amazonaws.com"`:                               "e3 e2 e1 e0",
			`fields eventID, awsRegion | filter eventName = "A" | sort @timestamp asc`:                 "e0 e2",
			`fields eventID | filter eventName in ["A", "C"] and requestParameters.set.0.id = "i-2"`:   "e2",
			`fields eventID | filter eventName = "A" and eventName = "B" or (eventName = "C")`:         "e3",
			`fields eventID | filter eventName = "A" and (eventName = "B" or eventName = "C")`:         "",
			`fields eventID | filter @message like "i-1"`:                                              "e1",
			`fields eventID | filter noSuch.field like "" or eventName = "B"`:                          "e1",
			`fields eventID | filter eventSource like "test" | sort @timestamp desc | dedup eventName`: "e3 e2 e1",
			`fields eventID | filter eventSource like "test" | sort @timestamp desc | limit 1`:         "e3",
		} {
			ids, _, err := b.ids(query)
			if got := strings.Join(ids, " "); err != nil || got != want {
				t.Errorf("%s: %q, %v", query, got, err)
			}
		}
		for _, query := range []string{
			"", `filter eventName = "A"`, "fields eventID | filter eventName = A", "fields eventID | filter eventName like /A/",
			`fields eventID | filter eventName = "A`, "fields eventID | stats count(*)",
			"fields eventID | dedup eventName | sort @timestamp",
			`fields eventID | filter eventName != "A"`, `fields eventID | filter (eventName = "A"`, "fields eventID, | limit 1",
			"fields eventID | sort eventTime desc", "SELECT eventID", "fields eventID | limit 0",
		} {
			_, _, err := b.ids(query)
			b.wantCode(query, err, "MalformedQueryException")
		}
	})
}

func TestAQueryGivesAPartWhileItRunsAndThenPages(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.SetTrail(allTrail)
		for i := range 8 {
			b.event(fmt.Sprint("e", i), nil)
		}
		query := `fields eventID | filter eventName = "Seeded"`
		ids, answers, err := b.ids(query)
		want := []string{"Running 3", "Complete 3", "Complete 3", "Complete 2"}
		if err != nil || !slices.Equal(answers, want) {
			t.Errorf("%v, %v", answers, err)
		}
		if len(ids) != 8 || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("%v", ids)
		}
		for _, status := range []string{"Failed", "Timeout", "Cancelled"} {
			b.server.EndQueriesAs(status)
			if _, answers, _ := b.ids(query); answers[1] != status+" 3" {
				t.Errorf("%v", answers)
			}
		}
		b.server.EndQueriesAs("")
		b.server.SetMostRows(5)
		if ids, _, _ := b.ids(query); len(ids) != 5 {
			t.Errorf("%d rows", len(ids))
		}
		client := b.logs(b.admin)
		_, err = client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: awssdk.String("nobodys")})
		b.wantCode("a query that is none", err, "ResourceNotFoundException")
		_, err = client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
			LogGroupName: awssdk.String("none"), QueryString: &query, StartTime: awssdk.Int64(1), EndTime: awssdk.Int64(2),
		})
		b.wantCode("a log group that is none", err, "ResourceNotFoundException")
		_, err = client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
			LogGroupName: awssdk.String("all"), QueryString: &query, StartTime: awssdk.Int64(2), EndTime: awssdk.Int64(1),
		})
		b.wantCode("an end before the start", err, "MalformedQueryException")
	})
}

func TestAQueryTakesAPermissionOnWhatIsInTheLogGroup(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.SetTrail(allTrail)
		for resource, code := range map[string]string{
			"log-group:all:*": "", "log-group:all": "AccessDeniedException", "log-group:other:*": "AccessDeniedException",
		} {
			key := b.account.AddUser(aws.UserSpec{Name: "u" + fmt.Sprint(len(resource)), Policies: map[string]string{
				"query": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:StartQuery","Resource":` +
					`"arn:aws:logs:us-east-1:` + b.account.ID() + `:` + resource + `"}}`,
			}})
			_, err := b.logs(key).StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
				LogGroupName: awssdk.String("all"), QueryString: awssdk.String("fields eventID"), StartTime: awssdk.Int64(1),
				EndTime: awssdk.Int64(2),
			})
			b.wantCode(resource, err, code)
		}
	})
}

func TestATrailSendsWhatItRecordsWhenItIsDelivered(t *testing.T) {
	change := func(f func(*aws.Trail)) aws.Trail {
		trail := allTrail
		f(&trail)
		return trail
	}
	for name, c := range map[string]struct {
		trail aws.Trail
		want  string
	}{
		"all":        {allTrail, "write read"},
		"data":       {change(func(t *aws.Trail) { t.DataEvents = true }), "data write read"},
		"one region": {change(func(t *aws.Trail) { t.SingleRegion = true }), ""},
		"reads":      {change(func(t *aws.Trail) { t.ReadsOnly = true }), "read"},
		"excluded":   {change(func(t *aws.Trail) { t.Exclude = []string{"test.amazonaws.com"} }), ""},
		"stopped":    {change(func(t *aws.Trail) { t.Stopped = true }), ""},
		"late":       {change(func(t *aws.Trail) { t.Delay = time.Minute }), ""},
		"late there": {change(func(t *aws.Trail) { t.Delays = map[string]time.Duration{"eu-west-1": time.Minute} }), ""},
		"lost": {change(func(t *aws.Trail) {
			t.Lose = func(record string) bool { return strings.Contains(record, `"write"`) }
		}), "read"},
	} {
		onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
			b.account.SetTrail(c.trail)
			b.event("read", nil)
			b.event("write", map[string]any{"readOnly": false})
			b.event("data", map[string]any{"managementEvent": false})
			b.event("big", map[string]any{"userAgent": strings.Repeat("x", 256<<10)})
			ids, _, err := b.ids(`fields eventID | filter eventSource = "test.amazonaws.com"`)
			if got := strings.Join(ids, " "); err != nil || got != c.want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			shown := b.look("eu-west-1", &cloudtrail.LookupEventsInput{
				LookupAttributes: attribute(types.LookupAttributeKeyEventSource, "test.amazonaws.com"),
			})
			if len(shown.Events) != 3 {
				t.Errorf("LookupEvents shows %d", len(shown.Events))
			}
		})
	}
}
