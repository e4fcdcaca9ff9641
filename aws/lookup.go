package aws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// LookupQuery asks for the sessions of one role.
type LookupQuery struct {
	AccountName  string
	RoleARN      string    // with the path
	Since, Until time.Time // the window; zero means CloudTrail's own limit of 90 days, and now
	Cutoff       time.Time // for Session.Relation; zero when there is none
	Limit        int       // most sessions to return and to read in each region; 0 means 200

	// Wide asks for more than the events that name the role: denied attempts, and credentials that the role's sessions
	// made without assuming a role. That takes up to 16 more requests in each region, eight seconds.
	Wide bool

	// Patience is how long regions are waited for that do not answer while all the others are done; 0 means as long as
	// their own time lasts. Those given up are named as not covered.
	Patience time.Duration

	// Progress is called after each answer and each region that is done, never at the same time. It may be nil.
	Progress func(Progress)
}

// Progress is how far a look-up has come.
type Progress struct {
	Done, Regions int      // regions that are done, of all
	Waiting       []string // regions that are not
	Events        int      // events read so far
	Sessions      int      // sessions among them; told twice counts twice until the end
}

const defaultLimit = 200

// Report is what CloudTrail answered, region by region. No session in it does not mean that there was none:
// CloudTrail is minutes late, and a region may not be covered.
type Report struct {
	Sessions     []Session // newest first
	Since, Until time.Time // as asked
	Regions      []RegionCoverage
	AskedAt      time.Time // AWS's clock at the last answer, whole seconds; zero when no region answered
}

// RegionCoverage says how much one region contributed.
type RegionCoverage struct {
	Region    string
	Covered   bool   // everything in the window was read, or everything up to the limit
	Events    int    // events read, those that issue no session included
	Reason    string // why it is not covered, plain text without AWS's words
	Err       error  // the cause, a *CallError, for the log
	Truncated bool   // there is more in the window than is reported

	// AttemptsCut says of a Wide look that there is more in the window than was read of the look-ups for denied attempts,
	// which find everybody's attempts at every role.
	AttemptsCut bool
}

// Lookup lists the sessions of a role that were issued in the window, from every region of the account at once. A region
// that cannot be read is named in Report.Regions and the others are still reported, so the error is only about the
// question itself: an *InputError, or the *CallError of the reading session.
func (c *Cloud) Lookup(ctx context.Context, q LookupQuery) (Report, error) {
	a := c.byName[q.AccountName]
	if a == nil {
		return Report{}, unknownAccount(c, q.AccountName)
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && q.Until.Before(q.Since) {
		return Report{}, &InputError{InputWindow, "The window ends before it begins. Give an earlier start."}
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	if _, err := a.reader.get(ctx, refreshAt); err != nil {
		return Report{}, err
	}
	regions := a.regionsOf()
	read := make([]regionAnswer, len(regions))
	var all sync.WaitGroup
	for i, region := range regions {
		all.Go(func() { read[i] = c.lookupRegion(ctx, a, region, q) })
	}
	all.Wait()

	report := Report{Since: q.Since, Until: q.Until}
	var sessions []Session
	for _, r := range read {
		report.Regions = append(report.Regions, r.coverage)
		sessions = append(sessions, r.sessions...)
		if r.askedAt.After(report.AskedAt) {
			report.AskedAt = r.askedAt
		}
	}
	report.Sessions = once(sessions)
	if len(report.Sessions) > q.Limit {
		for _, dropped := range report.Sessions[q.Limit:] {
			for i := range report.Regions {
				if report.Regions[i].Region == dropped.Region {
					report.Regions[i].Truncated = true
				}
			}
		}
		report.Sessions = report.Sessions[:q.Limit]
	}
	for i := range report.Sessions {
		report.Sessions[i].Relation = relation(report.Sessions[i].Time, q.Cutoff)
	}
	return report, nil
}

// regionAnswer is what one region contributed.
type regionAnswer struct {
	sessions []Session
	coverage RegionCoverage
	askedAt  time.Time
}

// lookupRegion reads one region up to the limit, within the region's own deadline. What was read before a failure is
// kept: it is the newest part.
func (c *Cloud) lookupRegion(ctx context.Context, a *account, region string, q LookupQuery) regionAnswer {
	ctx, cancel := context.WithTimeout(ctx, c.regionTimeout)
	defer cancel()
	answer := regionAnswer{coverage: RegionCoverage{Region: region, Covered: true}}
	for page, err := range c.pages(ctx, a, region, trailQuery{q.RoleARN, q.Since, q.Until}) {
		if err != nil {
			answer.coverage.Covered = false
			answer.coverage.Truncated = answer.coverage.Events > 0
			answer.coverage.Reason, answer.coverage.Err = uncovered(err), err
			c.log.WarnContext(ctx, "CloudTrail could not be read", "account", a.Name, "region", region, "error", err)
			break
		}
		answer.askedAt = page.clock.server
		answer.coverage.Events += len(page.events)
		for _, event := range page.events {
			if s, ok := decodeEvent(event, region); ok {
				answer.sessions = append(answer.sessions, s)
			}
		}
		if len(answer.sessions) >= q.Limit {
			answer.coverage.Truncated = page.more
			break
		}
	}
	return answer
}

// uncovered says why a region was not read.
func uncovered(err error) string {
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		return "it could not be read"
	}
	switch call.Kind {
	case ErrThrottled:
		return "CloudTrail had too many requests"
	case ErrAccessDenied:
		return "reading CloudTrail is not allowed there"
	case ErrCredentials:
		return "the credentials were not accepted there"
	case ErrTimeout:
		return "it did not answer in time"
	case ErrUnavailable:
		return "it could not be reached"
	default:
		return fmt.Sprintf("CloudTrail refused the request (%v)", call.Kind)
	}
}
