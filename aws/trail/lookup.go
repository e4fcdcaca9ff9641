package trail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/internal/times"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// LookupQuery asks for the sessions of one role.
type LookupQuery struct {
	AccountName string
	RoleARN     string    // with the path
	Since       time.Time // where the window begins; it ends now. Zero means CloudTrail's own limit of 90 days
	Cutoff      time.Time // for Session.After; zero when there is none
	Limit       int       // most sessions to return and to read in each region; 0 means 1,000
	Pages       int       // most pages of what names the role to read in each region; 0: as Limit needs

	// Wide asks for more than the events that name the role: how far each region has reported, where
	// the role was used last, denied attempts, and credentials that the role's sessions made without
	// assuming a role. That takes 8 to 21 more requests in each region, 4 to 11 seconds.
	Wide bool

	Alone bool // the event history is asked, and not the account's log group

	Past []Past // what earlier Wide looks from the same moment on found out

	// Progress is called with how many regions are done: at the beginning and after each, never at the
	// same time. It may be nil.
	Progress func(done, all int)
}

// defaultLimit is how many sessions, or calls of a key, are read of a region.
const defaultLimit = 1000

// Report is what CloudTrail answered, region by region. No session in it does not mean that there
// was none: CloudTrail is minutes late, and a region may not be covered.
type Report struct {
	Sessions []Session // newest first
	Regions  []RegionCoverage
	// AWS's clock at the last answer, where the window ends, whole seconds; zero when none answered
	AskedAt  time.Time
	Guessed  bool      // the account's regions could not be listed: those that every account has were asked
	LastUsed LastUsed  // of a Wide look
	Past     []Past    // of a Wide look: what it found out of callers in the 90 days before the window
	LogGroup *LogGroup // of a Wide look that is not Alone; nil where the account has none

	since time.Time // as it was asked for
}

// LastUsed is where and when the role was used last, as IAM knows it. The zero value is not known.
type LastUsed struct {
	Region string
	At     time.Time
}

// RegionCoverage says how much one region contributed. Its JSON is what is kept of it.
type RegionCoverage struct {
	Region    string `json:"name"`
	Covered   bool   `json:"covered"`             // everything in the window was read, or everything up to the limit
	Events    int    `json:"-"`                   // events read, those that issue no session included
	Reason    string `json:"reason,omitempty"`    // why it is not covered, plain text without AWS's words
	Truncated bool   `json:"truncated,omitempty"` // there is more in the window than is reported

	askedAt time.Time     // AWS's clock at the last answer
	ahead   time.Duration // of that clock, by this machine's

	// Reported says of a Wide look how far the region has reported: the time of the newest call of the
	// bot's own that it shows. Zero: it shows none.
	Reported time.Time `json:"reported,omitzero"`

	// AttemptsCut says of a Wide look that there is more in the window than was read of the
	// look-ups for denied attempts, which find all principals' attempts at every role.
	AttemptsCut bool `json:"attempts_cut,omitempty"`

	// ByName says of an Activity with more calls than were read that the ones that matter most were
	// looked up by name, and NamesCut of which names not all could be read.
	ByName   bool     `json:"-"`
	NamesCut []string `json:"-"`
}

// Lookup lists the sessions of a role that were issued in the window, from every region of the
// account at once. A region that cannot be read is named in Report.Regions and the others are still
// reported, so the error is only about the question itself: a *RefusedError, or the *CallError of
// the reading session.
func (c *Client) Lookup(ctx context.Context, q LookupQuery) (Report, error) {
	a, own, err := c.toAsk(ctx, q.AccountName)
	if err != nil {
		return Report{}, err
	}
	q.Limit = cmp.Or(q.Limit, defaultLimit)
	report := Report{since: q.Since}
	used, logs := make(chan LastUsed, 1), make(chan *LogGroup, 1)
	go func() {
		defer close(used)
		if q.Wide {
			used <- lastUsed(ctx, a, q.RoleARN)
		}
	}()
	go func() {
		defer close(logs)
		if q.Wide && !q.Alone {
			logs <- c.logGroup(ctx, a, own, q)
		}
	}()
	regions, err := a.TrailRegions(ctx)
	report.Guessed = err != nil
	report.Regions = make([]RegionCoverage, len(regions))
	found := newNewestSessions(q.Limit)
	var telling sync.Mutex
	done := -1
	tell := func() {
		telling.Lock()
		defer telling.Unlock()
		if done++; q.Progress != nil {
			q.Progress(done, len(regions))
		}
	}
	tell()
	c.everywhere(regions, func(i int, s *regionBudget) {
		defer tell()
		covers := &report.Regions[i]
		*covers = RegionCoverage{Region: s.region, Covered: true}
		if q.Wide {
			covers.Reported = c.reported(ctx, a, own, q.Since, s)
		}
		c.lookupRegion(ctx, a, q, s, covers, found)
	})
	agree(report.Regions, a.HomeRegion())
	report.LastUsed, report.LogGroup = <-used, <-logs
	report.LogGroup.believe(report, found)
	found.trim()
	report.Sessions = found.sessions
	for i := range report.Regions {
		region := &report.Regions[i]
		report.AskedAt = times.Later(report.AskedAt, region.askedAt)
		region.Truncated = region.Truncated || found.dropped[region.Region]
		region.AttemptsCut = region.AttemptsCut || found.cut[region.Region]
	}
	for i := range report.Sessions {
		report.Sessions[i].After = after(report.Sessions[i].Time, q.Cutoff)
	}
	sameCallers(report.Sessions)
	if q.Wide {
		report.Past = c.seenBefore(ctx, a, q, regions, report.Sessions)
	}
	return report, nil
}

// skew is how far apart the clocks of AWS may be: it refuses a signature that is further off.
const skew = 5 * time.Minute

// agree takes what the regions say of the time from those whose clocks agree with that of the home
// region. Sessions end by it.
func agree(regions []RegionCoverage, home string) {
	at := slices.IndexFunc(regions, func(r RegionCoverage) bool { return r.Region == home && !r.askedAt.IsZero() })
	for i := range regions {
		r := &regions[i]
		if at >= 0 && !r.askedAt.IsZero() && (r.ahead-regions[at].ahead).Abs() > skew {
			r.Covered, r.Reason, r.askedAt = false, "its clock is not that of "+home, time.Time{}
		}
	}
}

// toAsk finds the account that is asked about and opens its reading session, so that one that
// cannot be opened is one error and not one for each region. own is who reads.
func (c *Client) toAsk(ctx context.Context, name string) (a *aws.Conn, own string, err error) {
	if a, err = c.cloud.Conn(name); err != nil {
		return nil, "", err
	}
	reader, err := a.Reader(ctx)
	if own = reader.CallerARN; own == "" && err == nil {
		own, err = c.cloud.Hub(ctx)
	}
	return a, own, err
}

// lastUsed asks IAM where a role was used last.
func lastUsed(ctx context.Context, a *aws.Conn, roleARN string) (used LastUsed) {
	out, _, err := aws.IAM(ctx, a, aws.Credential{}, (*iam.Client).GetRole,
		&iam.GetRoleInput{RoleName: awssdk.String(aws.NameOf(roleARN))})
	if err == nil && out.Role != nil && out.Role.RoleLastUsed != nil {
		last := out.Role.RoleLastUsed
		used.Region, used.At = awssdk.ToString(last.Region), awssdk.ToTime(last.LastUsedDate)
	}
	return used
}

// reported finds out how far a region has reported: LookupEvents is a management event itself (AWS
// CloudTrail User Guide, "CloudTrail concepts"). It is asked first, so that it promises nothing of
// what is read after it. Zero: it is not known.
func (c *Client) reported(
	ctx context.Context, a *aws.Conn, own string, since time.Time, s *regionBudget,
) (until time.Time) {
	name := own[strings.LastIndexByte(own, '/')+1:]
	query := trailQuery{key: types.LookupAttributeKeyUsername, value: name, since: since}
	c.read(ctx, a, s, query, &RegionCoverage{}, only(1, func(p page) {
		for _, event := range p.events {
			r := decodeRecord(event, s.region)
			if until.IsZero() && r.UserIdentity.ARN == own && r.EventName == "LookupEvents" {
				until = r.at
			}
		}
	}))
	return until
}

// lookupRegion reads one region up to the limit, within the region's own time. What was read before
// a failure is kept: it is the newest part.
func (c *Client) lookupRegion(
	ctx context.Context, a *aws.Conn, q LookupQuery, s *regionBudget, covers *RegionCoverage, all *newestSessions,
) {
	read := func(query trailQuery, pagesAtMost int, take func(types.Event) (Session, bool)) (cut bool) {
		issued := 0
		return c.read(ctx, a, s, query, covers, func(p page) bool {
			var found []Session
			for _, event := range p.events {
				if session, ok := take(event); ok && (session.Issued() || !a.Probes(session.CallerARN)) {
					found = append(found, session)
					if session.Issued() {
						issued++
					}
				}
			}
			all.add(found)
			pagesAtMost--
			return issued >= q.Limit || pagesAtMost == 0
		})
	}
	// Other events may name the role, too; they do not make the check endless.
	most := cmp.Or(q.Pages, 2*((q.Limit+lookupPage-1)/lookupPage)+2)
	cut := read(naming(q.RoleARN, q.Since), most, func(e types.Event) (Session, bool) {
		session, ok := decodeEvent(e, s.region)
		return session, ok && q.about(session)
	})
	covers.Truncated = covers.Truncated || cut
	for _, w := range wide {
		if !q.Wide || !covers.Covered {
			return // asking on would not make the region covered
		}
		query := trailQuery{key: w.key, value: w.value, since: q.Since}
		cut := read(query, w.pages, func(e types.Event) (Session, bool) { return concerning(q.RoleARN, e, s.region) })
		covers.Truncated = covers.Truncated || cut && !w.attempts
		covers.AttemptsCut = covers.AttemptsCut || cut && w.attempts
	}
}

// wide are the look-ups that find what does not name the role, with the most pages to read of
// each. Those for denied attempts find every service's sessions, too, and are cut first. What
// sessions made of themselves that ends with them is found by their names.
var wide = []struct {
	key      types.LookupAttributeKey
	value    string
	pages    int
	attempts bool
}{
	{types.LookupAttributeKeyEventSource, "signin.amazonaws.com", 8, false},
	{types.LookupAttributeKeyEventSource, "rolesanywhere.amazonaws.com", 4, false},
	{types.LookupAttributeKeyEventName, string(KindRoot), 2, false},
	{types.LookupAttributeKeyEventName, string(KindDelegated), 2, false},
	{types.LookupAttributeKeyEventName, string(KindWebIdentity), 2, true},
	{types.LookupAttributeKeyEventName, string(KindSAML), 2, true},
	{types.LookupAttributeKeyEventName, string(KindAssumed), 6, true},
}

// concerning picks the events of a look-up by name that concern the role: those that name it,
// credentials that its own sessions made, and, marked, what failed without saying which role it was
// about.
func concerning(roleARN string, in types.Event, region string) (Session, bool) {
	s, ok := decodeEvent(in, region)
	if !ok {
		return s, false
	}
	role, tells := s.RoleARN, s.RoleARN != "" || s.ErrorCode == ""
	if s.Derived {
		role, tells = s.CallerRole, s.CallerType != ""
	}
	s.Uncertain = role == "" && !tells
	return s, s.Uncertain || sameRole(role, roleARN)
}

// about reports whether a session may be one of the role in the window: a record that only mentions
// the role, or has a date of long before it, changes nothing.
func (q LookupQuery) about(s Session) bool {
	return (s.RoleARN == "" || sameRole(s.RoleARN, q.RoleARN)) &&
		(q.Since.IsZero() || s.Time.After(q.Since.Add(-36*time.Hour)))
}

// fail notes why a region could not be read, or not to its end.
func (r *RegionCoverage) fail(err error) {
	r.Covered, r.Truncated = false, r.Events > 0
	r.Reason = uncovered(err)
}

const (
	unsent  = "the request did not leave revokebot"
	tooSlow = "it did not answer in time"
)

// uncovered says why a region was not read.
func uncovered(err error) string {
	call, ok := errors.AsType[*aws.CallError](err)
	if !ok {
		return "it could not be read"
	}
	if call.Unsent() != "" {
		return unsent
	}
	switch call.Kind {
	case aws.ErrThrottled:
		return "CloudTrail had too many requests"
	case aws.ErrAccessDenied:
		return "reading CloudTrail is not allowed there"
	case aws.ErrCredentials:
		return "the credentials were not accepted there"
	case aws.ErrTimeout:
		return tooSlow
	case aws.ErrUnavailable:
		return "it could not be reached"
	default:
		return fmt.Sprintf("CloudTrail refused the request (%v)", call.Kind)
	}
}
