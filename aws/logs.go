package aws

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// LogGroup is the log group that a trail sends an account's events to.
type LogGroup struct {
	ARN, Region, Name string
	in, of            *Conn // the account that it is in, whose reading session asks, and the one that is asked about
}

// Keeper is the account that the log group is in.
func (g *LogGroup) Keeper() *Conn { return g.in }

// LogGroup is the account's trail_log_group, nil if it has none.
func (a *Conn) LogGroup() *LogGroup {
	arn := a.TrailLogGroup
	if arn == "" {
		return nil
	}
	return &LogGroup{arn, arnOf(arn).Region, logGroupName(arn), a.cloud.byID(arnOf(arn).Account), a}
}

// logGroupForm is the resource of a log group's ARN (Amazon CloudWatch Logs API Reference,
// "LogGroup").
var logGroupForm = regexp.MustCompile(`^log-group:([A-Za-z0-9._/#-]{1,512})$`)

// logGroupName is the name in the ARN of a log group, "" of anything else.
func logGroupName(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		if form := logGroupForm.FindStringSubmatch(parts[5]); form != nil {
			return form[1]
		}
	}
	return ""
}

const (
	// MostRows is the most rows that CloudWatch Logs Insights gives for one query (Amazon CloudWatch
	// Logs API Reference, "StartQuery"), and rowsAtOnce how many of them are in one answer here.
	MostRows   = 100_000
	rowsAtOnce = 2000

	queryTime = 30 * time.Second // for one query to end
	queryPoll = time.Second
	// mostAnswer bounds an answer: a record has up to 256 kB, and a caller chooses what is in it.
	mostAnswer = 64 << 20
)

// Row is one row of an answer, by the names of its fields.
type Row map[string]string

// Query asks CloudWatch Logs Insights about what was delivered from one moment to another, both
// included, waits for the end, and gives the rows as they come. What a query gives before its end
// is a part only, and left alone. Errors are *CallError; complete is false where there are more
// rows than are given.
func (g *LogGroup) Query(
	ctx context.Context, from, until time.Time, query string, take func([]Row, Stamp),
) (complete bool, err error) {
	client := g.in.logsIn(g.Region)
	waiting, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	started, _, err := callWith(waiting, g.in, Credential{}, "logs:StartQuery",
		func(ctx context.Context, with Credential) (*cloudwatchlogs.StartQueryOutput, error) {
			return client.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{
				LogGroupName: &g.Name, StartTime: awssdk.Int64(from.Unix()), EndTime: awssdk.Int64(until.Unix()),
				QueryString: &query, Limit: awssdk.Int32(MostRows),
			}, signedWith(with))
		})
	if err != nil {
		return false, err
	}
	in := &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId, MaxItems: awssdk.Int32(rowsAtOnce)}
	for got := 0; ; {
		out, at, err := callWith(waiting, g.in, Credential{}, "logs:GetQueryResults",
			func(ctx context.Context, with Credential) (*cloudwatchlogs.GetQueryResultsOutput, error) {
				return client.GetQueryResults(ctx, in, signedWith(with))
			})
		switch {
		case err != nil:
		case out.Status == types.QueryStatusComplete:
			waiting = ctx // what is left is to fetch
			take(rows(out.Results), at)
			got += len(out.Results)
			if in.NextToken = out.NextToken; awssdk.ToString(out.NextToken) == "" {
				// Of a dedup the events that match are more than the rows.
				all := out.Statistics == nil || float64(got) >= out.Statistics.RecordsMatched
				return got < MostRows && (all || strings.Contains(query, "| dedup ")), nil
			}
			continue
		case out.Status != types.QueryStatusScheduled && out.Status != types.QueryStatusRunning:
			err = g.failed(ErrUnavailable, "the query ended as "+string(out.Status))
		default:
			select {
			case <-time.After(queryPoll):
				continue
			case <-waiting.Done():
				err = NewCallError("logs:GetQueryResults", g.in.Name, context.Cause(waiting))
			}
		}
		if waiting.Err() != nil && ctx.Err() == nil { // whatever it cut short
			err = g.failed(ErrTimeout, "the query did not end in time")
		}
		g.stop(context.WithoutCancel(ctx), client, started.QueryId)
		return false, err
	}
}

func (g *LogGroup) failed(kind error, why string) error {
	return &CallError{Kind: kind, Operation: "logs:GetQueryResults", Account: g.in.Name, Message: why}
}

// stop ends a query whose asker has given up: it would go on for up to an hour and count
// among those that an account can have at once. One that has ended is refused, which says nothing.
func (g *LogGroup) stop(ctx context.Context, client *cloudwatchlogs.Client, id *string) {
	_, _, _ = callWith(ctx, g.in, Credential{}, "logs:StopQuery",
		func(ctx context.Context, with Credential) (*cloudwatchlogs.StopQueryOutput, error) {
			return client.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: id}, signedWith(with))
		})
}

func signedWith(with Credential) func(*cloudwatchlogs.Options) {
	return func(o *cloudwatchlogs.Options) { o.Credentials = with }
}

func rows(results [][]types.ResultField) []Row {
	all := make([]Row, len(results))
	for i, fields := range results {
		all[i] = make(Row, len(fields))
		for _, f := range fields {
			all[i][awssdk.ToString(f.Field)] = awssdk.ToString(f.Value)
		}
	}
	return all
}

// logsIn is the account's CloudWatch Logs in a region.
func (a *Conn) logsIn(region string) *cloudwatchlogs.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.logs[region] == nil {
		a.logs[region] = cloudwatchlogs.NewFromConfig(a.cloud.cfg.SDK, func(o *cloudwatchlogs.Options) {
			o.Region, o.APIOptions = region, append(o.APIOptions, boundAnswers)
		})
	}
	return a.logs[region]
}

// boundAnswers gives up on an answer of more than mostAnswer.
func boundAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("BoundAnswer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer.Body != nil {
			answer.Body = &bounded{answer.Body, mostAnswer}
		}
		return out, metadata, err
	}), middleware.After)
}

type bounded struct {
	io.ReadCloser
	left int
}

var errTooLong = errors.New("the answer is too long")

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
