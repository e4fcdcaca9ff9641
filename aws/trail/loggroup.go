package trail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

// LogGroup is an account's log group of CloudTrail as one check uses it. It answers what was done
// in the sessions of a role, in all regions at once, data events included. The openings come from
// the event history in any case, and it adds to them.
//
// It is believed in a region only where it has reported as far as the event history has. It is not
// used at all if its trail leaves anything out, if a caller changed the trail or deleted what was
// there, or if openings are missing that the event history has. What it does not answer is asked of
// the event history. A nil one answers nothing.
type LogGroup struct {
	group *aws.LogGroup
	of    aws.Account // whose events are asked for
	role  string      // the ARN of the role, with the path
	clock aws.Stamp   // of an answer before the first query, which ends at AWS's now

	reported map[string]time.Time // by region: the time of the newest call of the bot's own that it shows
	openings []Session
	ids      map[string]bool // events and keys of the openings

	mu       sync.Mutex
	believed map[string]bool // regions
	seen     map[string]bool // regions of calls that it showed
	asked    bool            // it answered what was done in sessions
	second   bool            // the event history is asked everything once more
	why      string          // why it is not used, or not any more, a clause; "" if it is
}

// longestWindow is how far back the log group is believed to reach: its events may be kept for a
// day only (Amazon CloudWatch Logs API Reference, "PutRetentionPolicy").
const longestWindow = 24 * time.Hour

// disturbing are the calls after which a log group may lack what the event history has. A trail
// that was stopped says so itself.
var disturbing = []string{"PutEventSelectors", "UpdateTrail", "DeleteLogStream", "DeleteLogGroup"}

// disturbingPages is how many pages of each are read.
const disturbingPages = 4

// logGroup prepares a check at the account's log group; nil if it has none. own is who reads.
func (c *Client) logGroup(ctx context.Context, a *aws.Conn, own string, q LookupQuery) *LogGroup {
	l := &LogGroup{
		group: a.LogGroup(), of: a.Account, role: q.RoleARN,
		reported: map[string]time.Time{}, ids: map[string]bool{}, believed: map[string]bool{}, seen: map[string]bool{},
	}
	if l.group == nil {
		return nil
	}
	feed, err := l.group.Feed(ctx)
	switch {
	case err != nil:
		l.failed(ctx, c, err)
	case len(feed.Gaps) > 0:
		l.leave("%s", feed.Gaps[0].Saw)
	case q.Since.IsZero():
		l.leave("its events may not reach back that far")
	case feed.Since.After(q.Since):
		l.leave("its trail began to record at %s", times.Clock(feed.Since, time.Now()))
	default:
		c.disturbed(ctx, l, q.Since)
	}
	l.read(ctx, c, q.Since, `fields awsRegion, eventTime | filter eventName = "LookupEvents" and userIdentity.arn = "`+own+
		`" | sort @timestamp desc | dedup awsRegion`, []string{own}, func(rows []aws.Row, _ aws.Stamp) {
		for _, row := range rows {
			l.reported[row["awsRegion"]] = parsed(row["eventTime"], time.RFC3339)
		}
	})
	openings := `requestParameters.roleArn = "` + q.RoleARN + `" or resources.0.ARN = "` + q.RoleARN +
		`" or ((eventSource like "sts." or eventSource like "signin.") and (` + ofRole(q.RoleARN) + "))"
	l.read(ctx, c, q.Since, asking(openings), []string{q.RoleARN}, func(rows []aws.Row, _ aws.Stamp) {
		for _, in := range recordsIn(rows) {
			if s, ok := concerning(q.RoleARN, in, ""); ok && q.about(s) && l.mine(decodeRecord(in, "")) {
				l.ids[s.EventID], l.ids[s.AccessKeyID] = true, true
				if _, name := assumed(s.CallerARN); s.Kind != KindSwitch { // as LookupEvents knows a session
					s.CallerName = cmp.Or(s.CallerName, name)
				}
				l.openings = append(l.openings, s)
			}
		}
		if len(l.openings) > 2*defaultLimit {
			l.openings = once(l.openings)
			l.openings = l.openings[:min(len(l.openings), defaultLimit)]
		}
	})
	return l
}

// disturbed reports whether a caller changed what the log group shows.
func (c *Client) disturbed(ctx context.Context, l *LogGroup, since time.Time) {
	budget := c.budget(l.group.Region)
	for _, name := range disturbing {
		covers := RegionCoverage{Covered: true}
		query := trailQuery{key: types.LookupAttributeKeyEventName, value: name, since: since}
		more := c.read(ctx, l.group.Keeper(), budget, query, &covers, only(disturbingPages, func(p page) {
			l.clock = p.clock
			for _, in := range p.events {
				r := decodeRecord(in, l.group.Region)
				group := r.RequestParameters.LogGroupName
				if r.failure() == "" && (group == "" || group == l.group.Name) {
					l.leave("%s changed it or its trail at %s (%s)", callerOf(r, Session{}).words, times.Clock(r.at, time.Now()),
						name)
				}
			}
		}))
		if !covers.Covered || more {
			l.leave("whether anybody changed it is not known")
		}
	}
	if l.clock.Server.Sub(since) > longestWindow {
		l.leave("its events may not reach back that far")
	}
}

// believe decides in which regions the log group is believed, once the event history has answered,
// and adds its openings to those of the event history.
func (l *LogGroup) believe(report Report, found *newestSessions) {
	if l.left() != "" {
		return
	}
	for _, r := range report.Regions {
		own := l.reported[r.Region]
		l.believed[r.Region] = !own.IsZero() && !own.Before(r.Reported)
	}
	for _, s := range found.sessions {
		there := l.ids[s.EventID] || s.AccessKeyID != "" && l.ids[s.AccessKeyID]
		if !there && s.Issued() && assuming[s.Kind] && s.Kind != KindSwitch && s.RoleARN == l.role &&
			s.Time.After(report.since) && s.Time.Before(l.reported[s.Region].Add(-settled)) {
			l.leave("a session that was opened at %s in %s is not in it", times.Clock(s.Time, l.clock.Server), s.Region)
		}
	}
	found.add(l.openings)
}

// ask asks all the questions of a gather at once, and answers them where the log group is believed.
func (l *LogGroup) ask(ctx context.Context, c *Client, g *gather) {
	believed := slices.ContainsFunc(g.regions, func(region string) bool { return l != nil && l.believed[region] })
	if l.left() != "" || l.second || g.q.AccountName != l.of.Name || !believed {
		return
	}
	words, keys := []string{l.role}, []string{}
	for _, s := range g.q.Sessions {
		if s.RoleARN != "" && !slices.Contains(words, s.RoleARN) {
			words = append(words, s.RoleARN)
		}
	}
	clauses := make([]string, len(words))
	for i, role := range words {
		clauses[i] = ofRole(role)
	}
	for _, q := range g.questions {
		if q.key == types.LookupAttributeKeyAccessKeyId {
			keys = append(keys, q.value)
		}
	}
	if len(keys) > 0 {
		clauses = append(clauses, `userIdentity.accessKeyId in ["`+strings.Join(keys, `", "`)+`"]`)
	}
	var clock aws.Stamp
	events := 0
	take := func(rows []aws.Row, at aws.Stamp) {
		clock, events = at, events+len(rows)
		g.take(page{events: recordsIn(rows), of: l}, "")
	}
	if !l.read(ctx, c, g.q.Since, asking(strings.Join(clauses, " or ")), append(words, keys...), take) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = true
	for _, q := range g.questions {
		for i, region := range g.regions {
			if l.believed[region] {
				q.regions[i] = RegionCoverage{Region: region, Covered: true, Events: events, askedAt: clock.Server}
			}
		}
	}
}

// asking is a query for the records that a filter takes.
func asking(filter string) string {
	return "fields @message | filter " + filter + " | sort @timestamp desc"
}

// ofRole is a filter for the calls of a role's sessions. userIdentity is the first of a record's
// members, so that it is among the 200 fields that are found in a log event.
func ofRole(arn string) string {
	ref, _ := aws.ParseARN(arn)
	return `userIdentity.sessionContext.sessionIssuer.arn = "` + arn + `" or userIdentity.arn like ":` + ref.Account +
		`:assumed-role/` + aws.NameOf(arn) + `/"`
}

// plain is a text that can stand between quotes in a query; records have other texts, too.
var plain = regexp.MustCompile(`^[A-Za-z0-9_+=,.@/:-]+$`)

// longestQuery is the most characters of a query (Amazon CloudWatch Logs API Reference,
// "StartQuery").
const longestQuery = 10_000

// read makes one query about what was delivered since a moment; words are the foreign texts in it.
// It reports false where the log group is not used, or does not answer in full.
func (l *LogGroup) read(
	ctx context.Context, c *Client, since time.Time, query string, words []string, take func([]aws.Row, aws.Stamp),
) bool {
	if l.left() != "" {
		return false
	}
	if len(query) > longestQuery || slices.ContainsFunc(words, func(w string) bool { return !plain.MatchString(w) }) {
		l.leave("the question is too long for it")
		return false
	}
	complete, err := l.group.Query(ctx, since, l.clock.Latest(), query, take)
	switch {
	case err != nil:
		l.failed(ctx, c, err)
	case !complete:
		l.leave("it has more events than it gives at once")
	}
	return l.left() == ""
}

// recordsIn are the events of an answer, as LookupEvents gives them but for what is around a
// record.
func recordsIn(rows []aws.Row) []types.Event {
	events := make([]types.Event, len(rows))
	for i, row := range rows {
		events[i].CloudTrailEvent = awssdk.String(row["@message"])
	}
	return events
}

// mine reports whether a record is one of the account's about a call: a trail of an organization
// sends those of all accounts, and there are records about activity of the network and the like.
func (l *LogGroup) mine(r record) bool {
	if strings.Contains(r.SourceIPAddress, "*") {
		l.leave("what it shows is masked")
	}
	return (r.RecipientAccountID == "" || r.RecipientAccountID == l.of.ID) &&
		(r.EventCategory == "" || r.EventCategory == "Management" || r.EventCategory == "Data")
}

// saw notes where a call of a session was.
func (l *LogGroup) saw(region string) {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen[region] = true
	}
}

// leave notes why the log group is not used, the first reason.
func (l *LogGroup) leave(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == "" {
		l.why = fmt.Sprintf(format, args...)
	}
}

// left is why it is not used.
func (l *LogGroup) left() string {
	if l == nil {
		return "there is none"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

func (l *LogGroup) failed(ctx context.Context, c *Client, err error) {
	c.cloud.Log().WarnContext(ctx, "the log group could not be asked", "account", l.of.Name, "error", err)
	call, _ := errors.AsType[*aws.CallError](err)
	switch {
	case call == nil:
		l.leave("it could not be asked")
	case call.Code == "ResourceNotFoundException":
		l.leave("there is no such log group")
	case call.Kind == aws.ErrThrottled:
		l.leave("AWS had too many requests or queries")
	case call.Kind == aws.ErrAccessDenied:
		l.leave("revokebot is not allowed %s", call.Operation)
	case call.Kind == aws.ErrTimeout:
		l.leave("it did not answer in time")
	case call.Kind == aws.ErrUnavailable:
		l.leave("it could not be read to the end")
	default:
		l.leave("AWS refused %s (%v)", call.Operation, call.Kind)
	}
}

// SecondOpinion has the event history asked in place of the log group from now on. It reports
// whether the log group has answered: a check that is Alone has to come to the same then, so that
// "contained" rests neither on what a caller chooses, such as a record of more than 256 kB, nor on
// what a caller wrote into the log group.
func (l *LogGroup) SecondOpinion() bool {
	if l == nil || !l.asked && len(l.openings) == 0 || l.second {
		return false
	}
	l.second = true
	return true
}

// Says tells of which source a check had what was done, and why; "" where there is no log group.
func (l *LogGroup) Says() string {
	if l == nil {
		return ""
	}
	why := l.left()
	l.mu.Lock()
	defer l.mu.Unlock()
	var late []string
	for _, region := range slices.Sorted(maps.Keys(l.believed)) {
		if !l.believed[region] {
			late = append(late, region)
		}
	}
	if why == "" && len(late) > 0 {
		why = "it has not reported as far in " + strings.Join(aws.Few(late), ", ")
	}
	name := "the log group " + aws.Quote(l.group.Name)
	switch {
	case !l.asked && why == "":
		return ""
	case !l.asked:
		return "What was done in sessions comes from CloudTrail's event history alone, not from " + name + ": " + why + "."
	case why != "":
		return "What was done in sessions comes in part from " + name + " and in part from CloudTrail's event history: " +
			why + "."
	default:
		words := "What was done in sessions comes from " + name + ", data events"
		for _, region := range slices.Sorted(maps.Keys(l.seen)) {
			if _, known := l.believed[region]; !known {
				words += ", calls in " + region
			}
		}
		if l.second {
			return words + " included, and from CloudTrail's event history."
		}
		return words + " included. Records of more than 256 kB are not in it."
	}
}
