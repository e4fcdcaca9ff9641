// Package investigate finds out what became of a role's sessions: evidence, and the verdict on it.
//
// Start with look.go: Evidence is one check of CloudTrail, of which there is one right after the
// write and one at each of the follow-ups. It lists who assumed the role, then follows what those
// sessions did and which roles they assumed (follow.go, ordinary.go, followrows.go), says
// whether old sessions are kept out, and ends the last check with a verdict (judge.go). While it
// takes long it tells how far it is (progress.go). Activity answers for one session that was
// chosen from the menu (chosen.go).
//
// Each part is an event in the request's log, trimmed to what an event may hold (trimtofit.go), so
// that a check that was interrupted goes on where its events end. Nothing here writes to AWS, and
// it knows nothing of Slack.
package investigate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// KindEvidence is an item that asks for a check of CloudTrail.
const KindEvidence = "evidence"

// Config is what New needs.
type Config struct {
	step.Requests
	Roles     *role.Client
	Trail     *trail.Client
	Lookback  time.Duration   // how far back sessions are listed
	FollowUps []time.Duration // after the revocation, when CloudTrail is asked again
}

// Investigator looks into what became of a role's sessions. Make one with New; its methods may be
// called at the same time.
type Investigator struct{ Config }

// New returns an investigator.
func New(cfg Config) *Investigator { return &Investigator{cfg} }

const (
	// listed is how many sessions of a request the log keeps.
	listed = 400
	// maxLooks is how often a check that told nothing is tried again before that is what the thread
	// says: five tries.
	maxLooks = 4
)

// investigation is one check of CloudTrail about the role of an applied request: who assumed it,
// what those sessions did, and, if it is the last one, what that comes to. Each of the three is an
// event of its own, so that the table does not wait for the rest, and a check that was interrupted
// goes on where its events end.
type investigation struct {
	*Investigator
	Look    // Wide also where it is not the first
	item    approvals.Item
	request approvals.Request
	events  []approvals.Event
	role    record.Role
	order   role.Order // of the revocation, as the guard has it
	cutoff  time.Time
	since   time.Time
	until   time.Time    // AWS's clock at the last answer; before the first one the store's
	now     time.Time    // the store's clock when the check began
	last    bool         // no further check is planned, and this one ends with a verdict
	force   record.Force // what is in force on the role
	// the account's log group, as the sessions were looked up; nil if it has none
	logGroup *trail.LogGroup
	drill    bool // of a drill: one check, its first half only, and no word
}

// Look is the body of an evidence item.
type Look struct {
	// 0 is the check right after the revocation, the others are those of trail.follow_ups
	Number int `json:"number"`
	Again  int `json:"again,omitempty"` // how many checks in a row came before it that CloudTrail could not answer yet
	// once more after "contained": what was delivered late can only show the contrary
	Confirm bool `json:"confirm,omitempty"`
	Wide    bool `json:"wide,omitempty"` // the second half of the first check: its table is in the thread before it begins
}

// EvidenceItem asks for a check. Its source follows from its body, so that no check is recorded
// twice.
func EvidenceItem(request string, l Look) approvals.Item {
	source := fmt.Sprintf("evidence %d", l.Number)
	if l.Wide {
		source += " wide"
	}
	return approvals.Item{Kind: KindEvidence, Request: request, Source: source, Body: step.Body(l)}
}

// readLook reads which look an item asks for, and gives the item the source that belongs to it.
func readLook(item *approvals.Item) (Look, error) {
	l, err := step.BodyOf[Look](*item)
	if err == nil && (l.Number < 0 || l.Again < 0 || l.Wide && l.Number > 0) {
		err = fmt.Errorf("%w: there is no look %s", step.ErrNotAnItem, item.Body)
	}
	item.Source = EvidenceItem(item.Request, l).Source
	return l, err
}

// Evidence does one check.
func (inv *Investigator) Evidence(ctx context.Context, item approvals.Item) error {
	l, err := readLook(&item)
	if err != nil {
		return err
	}
	q, err := inv.inquire(ctx, item, l)
	if q == nil || err != nil {
		return err
	}
	if q.ends() {
		if err := step.NotYet(q.request, q.now, inv.FollowUps); err != nil {
			return err
		}
	}
	force, err := inv.InForce(ctx, q.request.Subject.Key, record.View{Request: q.request, Events: q.events})
	if err != nil {
		return err
	}
	q.force = force
	switch own, applied := force.Of(q.request.ID); {
	case applied && !own.InForce():
		return q.unknown(ctx, "Another request undid it. "+q.beside(ctx), false)
	case own.SupersededBy != "":
		return q.superseded(ctx, own.SupersededBy)
	}
	if q.role.Kind == contain.User {
		return q.ofKey(ctx)
	}
	report, err := q.lookup(ctx)
	if err != nil || report == nil {
		return err
	}
	if err := q.partner(ctx, *report); err != nil {
		return err
	}
	if err := q.found(ctx, *report); err != nil || !q.Wide {
		return err
	}
	what, err := q.follow(ctx, *report)
	if err != nil {
		return err
	}
	return q.conclude(ctx, *report, what)
}

// inquire reads the request that an item is about; nil when there is nothing to look for, or
// nothing left to do.
func (inv *Investigator) inquire(ctx context.Context, item approvals.Item, l Look) (*investigation, error) {
	v, err := inv.Read(ctx, item.Request)
	if err != nil {
		return nil, err
	}
	r, written, drill := v.Request, record.WrittenBy(v.Events), false
	first, cutoff := written.First, written.Since
	switch {
	case r.State == approvals.StateApplied && r.Purpose.Mode() == approvals.ModeDo:
	case r.State == approvals.StateRehearsed && r.Purpose.Mode() == approvals.ModeDrill:
		cutoff, drill = record.WouldBeSince(v.Events), true
		first = cutoff
	default:
		return nil, nil
	}
	if cutoff.IsZero() {
		return nil, nil
	}
	c, err := inv.Context(r)
	if err != nil {
		return nil, err
	}
	q := &investigation{
		Investigator: inv, item: item, request: r, events: v.Events, role: c.Role, order: inv.Order(r, c), cutoff: cutoff,
		since: first.Add(-inv.Lookback), until: v.Now, now: v.Now, Look: l, drill: drill,
	}
	if q.role.Key != "" {
		q.since = times.Earlier(q.since, first.Add(-ofUser))
	}
	q.Wide = l.Wide || l.Number > 0
	q.last = drill || q.Wide && q.Number >= len(inv.FollowUps)
	if r.Has(q.lastSource()) {
		return nil, nil
	}
	return q, nil
}

// lastSource is the source of the last event that the check commits.
func (q *investigation) lastSource() string {
	switch {
	case !q.Wide:
		return q.item.Source
	case q.ends():
		return "verdict " + q.item.Source
	default:
		return "activity " + q.item.Source
	}
}

// ends reports whether the check ends with a word. Without follow-ups there is none: right after
// the write CloudTrail can not know yet whether the policy holds.
func (q *investigation) ends() bool { return q.last && q.Number > 0 }

// lookup asks CloudTrail who assumed the role. It returns nil when nothing came of it and the
// thread says so.
func (q *investigation) lookup(ctx context.Context) (*trail.Report, error) {
	progress, end := q.tellProgress(ctx)
	report, err := q.Trail.Lookup(ctx, trail.LookupQuery{
		AccountName: q.role.AccountName, RoleARN: q.role.ARN, Since: q.since, Cutoff: q.cutoff,
		Wide: q.Wide, Alone: q.logGroup != nil, Past: record.Gather(q.events).Past, Progress: progress,
	})
	end()
	if err == nil && !nothingCovered(report) {
		q.until, q.logGroup = report.AskedAt, cmp.Or(q.logGroup, report.LogGroup)
		return &report, nil
	}
	if again := q.retry(ctx, "CloudTrail could not be asked", err); again != nil {
		return nil, again
	}
	why := step.Explained(err)
	if err == nil {
		why = "No region could be read: " + strings.Join(uncovered(report.Regions), ", ") + "."
	}
	return nil, q.failed(ctx, why)
}

// retry is the next try of a check that AWS did not answer; nil after the last one.
func (q *investigation) retry(ctx context.Context, what string, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.Log.WarnContext(ctx, what, "request", q.request.ID, "try", q.item.Attempt, "error", cause)
	if q.item.Attempt < maxLooks {
		return &step.Again{After: step.RetryAfter(q.item.Attempt + 3)}
	}
	return nil
}

// evidence is the event that the first half of the check ends with.
func (q *investigation) evidence(told record.Evidence) approvals.Transition {
	told.Since, told.Until, told.Cutoff, told.FollowUp, told.Last = q.since, q.until, q.cutoff, q.Number, q.last
	t := step.Appending(q.request.ID)
	if !q.Wide && !q.drill {
		t.Work = []approvals.Item{EvidenceItem(q.request.ID, Look{Wide: true})}
	}
	step.Add(&t, approvals.EventEvidence, q.item.Source, told)
	return t
}

// failed records that the check told nothing. What it was to queue is queued all the same.
func (q *investigation) failed(ctx context.Context, why string) error {
	t := q.evidence(record.Evidence{Failed: why})
	if err := q.Store.Commit(ctx, t); err != nil {
		return err
	}
	return q.unknown(ctx, "The last check of CloudTrail failed. "+why, true)
}

// found records what no earlier check had: sessions, and attempts that got none.
func (q *investigation) found(ctx context.Context, report trail.Report) error {
	earlier := record.Gather(q.events)
	known := map[string]bool{}
	for _, s := range earlier.Sessions {
		known[s.Mark()] = true
	}
	var fresh []record.Session
	for _, s := range report.Sessions {
		if row := sessionRow(s); !known[row.Mark()] {
			fresh = append(fresh, row)
		}
	}
	lists, left := record.Pack(fresh, max(0, listed-len(earlier.Sessions)))
	told := record.Evidence{LeftOut: left, Regions: report.Regions, Past: report.Past}
	strange := q.strange(report)
	for _, s := range strange[:min(len(strange), record.MaxSuspects)] {
		told.Suspects = append(told.Suspects, record.Suspect{
			EventID: sessionRow(s.Session).EventID, Address: s.Address, Caller: s.Caller, New: s.Session.New,
			Leaked: q.leaked(s.Session),
		})
	}
	t := q.evidence(told)
	for i, rows := range lists {
		source := fmt.Sprintf("sessions %d of %s", i, q.item.Source)
		step.Add(&t, approvals.EventSessions, source, record.Sessions{Look: q.Number, Rows: rows})
	}
	return q.Store.Commit(ctx, t)
}

// strange are the sessions that are unusual, the one that is known to be stolen first.
func (q *investigation) strange(report trail.Report) []trail.Suspect {
	var all []trail.Suspect
	if q.role.Key == "" {
		all = trail.Suspects(report.Sessions, q.cutoff)
	}
	for _, s := range report.Sessions {
		if !q.leaked(s) {
			continue
		}
		leaked := trail.Suspect{Session: s}
		if i := slices.IndexFunc(all, func(o trail.Suspect) bool { return o.Session.EventID == s.EventID }); i >= 0 {
			leaked = all[i]
			all = slices.Delete(all, i, i+1)
		}
		all = slices.Insert(all, 0, leaked)
	}
	return all
}

// leaked reports whether the request was asked for by the session's access key. Of a user's key all
// that came out of it counts.
func (q *investigation) leaked(s trail.Session) bool {
	return s.Issued() && (q.role.Key != "" || q.role.Leaked != "" && s.AccessKeyID == q.role.Leaked)
}

// sessionRow is what the log keeps of a session.
func sessionRow(s trail.Session) record.Session { return record.Session{Session: s}.Trim() }

// uncovered names the regions that could not be read, and why.
func uncovered(regions []trail.RegionCoverage) (names []string) {
	for _, r := range regions {
		if !r.Covered {
			names = append(names, r.Region+" ("+r.Reason+")")
		}
	}
	return names
}

func nothingCovered(report trail.Report) bool {
	return !slices.ContainsFunc(report.Regions, func(r trail.RegionCoverage) bool { return r.Covered || r.Events > 0 })
}

// PartnerSeen is the source of the event that tells of it.
const PartnerSeen = "partner seen"

// partner tells, once, that a third party uses the external id that a rotation lets in beside the
// old one.
func (q *investigation) partner(ctx context.Context, report trail.Report) error {
	rotate := q.role.Rotate
	if rotate == nil || rotate.Only || q.drill || !slices.ContainsFunc(report.Sessions, func(s trail.Session) bool {
		return s.Issued() && s.ExternalID == rotate.New
	}) {
		return nil
	}
	return q.Remark(ctx, q.request.ID, approvals.EventFinding, PartnerSeen, record.Finding{
		Urgent: true, Further: approvals.RotateExternalID,
		Sentence: "CloudTrail shows the third party with the new external id. The leaked one still works: take it away " +
			"once all of the third party has the new one.",
	})
}
