package examine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/finding"
)

// logGroup looks whether the account's log group can be queried, and whether its trail leaves
// anything out: the checks after a revocation do without it then. Nothing without one.
func (e *examination) logGroup(ctx context.Context) []finding.Finding {
	g := e.account.LogGroup()
	if g == nil {
		return nil
	}
	check := e.check("log group " + aws.Quote(g.Name))
	feed, err := g.Feed(ctx)
	if err != nil {
		return []finding.Finding{e.unqueried(check, err)}
	}
	var found []finding.Finding
	for _, gap := range feed.Gaps {
		found = append(found, finding.Warn(check, gap.Fix, "It is not used, since %s.", gap.Saw))
	}
	if len(found) == 0 {
		found = append(found, finding.Good(check, "The trail %s sends it all management events of all regions.",
			aws.Quote(feed.Trail)))
	}
	return append(found, e.queried(ctx, check+": query", g))
}

// queried tries a query, about the last hour.
func (e *examination) queried(ctx context.Context, check string, g *aws.LogGroup) finding.Finding {
	var newest string
	now := time.Now()
	_, err := g.Query(ctx, now.Add(-time.Hour), now, "fields @timestamp | sort @timestamp desc | limit 1",
		func(rows []aws.Row, _ aws.Stamp) {
			for _, row := range rows {
				newest = row["@timestamp"]
			}
		})
	switch {
	case err != nil:
		return e.unqueried(check, err)
	case newest == "":
		return finding.Warn(check, "Check whether CloudTrail's role may write to it: CreateLogStream and PutLogEvents.",
			"It shows no event of the last hour, so it is not used.")
	default:
		newest, _, _ = strings.Cut(newest, ".")
		return finding.Good(check, "It was queried. Its newest event was delivered at %s UTC.", newest)
	}
}

// unqueried is a log group, or its trail, that could not be asked about.
func (e *examination) unqueried(check string, err error) finding.Finding {
	call, _ := errors.AsType[*aws.CallError](err)
	switch {
	case errors.Is(err, aws.ErrAccessDenied):
		return finding.Warn(check, "Allow its role what deploy/log-group-policy.json allows, with your log group in it.",
			"revokebot may not call %s, so the log group is not used.", call.Operation)
	case call != nil && call.Code == "ResourceNotFoundException":
		return finding.Warn(check, "Compare accounts."+e.account.Name+".trail_log_group with the log group of the trail.",
			"There is no such log group in that account and region, so none is used.")
	default:
		f := Failed(check, err)
		f.State = finding.Warning // CloudTrail's event history is asked in its place
		return f
	}
}
