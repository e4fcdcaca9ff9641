package investigate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// propagation is how long after the cutoff a call of an old session may still be answered without
// speaking against the policy. IAM enforces a change within seconds as a rule; AWS promises no time
// and speaks of minutes (IAM User Guide, "Changes that I make are not always immediately visible").
// The cutoff lies past the write by the margin already.
const propagation = 2 * time.Minute

// enforcement is what the check saw of the policy: "seen denied" when calls of old sessions were
// refused after the cutoff in words that name an explicit deny, and none was answered later than
// propagation. A refusal in other words may have been one before the policy as well. Package aws
// leaves sts:GetCallerIdentity out: it is answered under any deny.
func (q *investigation) enforcement(s followed) record.Enforcement {
	e := record.Enforcement{State: record.SeenUnknown, At: q.until}
	covered, unclear := true, 0
	for key, a := range s.activities {
		if !s.old[key] {
			continue
		}
		covered = covered && a.Covered()
		e.Succeeded += a.SucceededAfter
		if a.SucceededAfter > 0 {
			e.LastSucceeded = times.Later(e.LastSucceeded, a.LastSucceeded)
		}
		if a.FirstExplicitDeny.IsZero() {
			unclear += a.DeniedAfter
			continue
		}
		e.Denied += a.DeniedAfter
		e.FirstDenied = times.Earlier(e.FirstDenied, a.FirstExplicitDeny)
	}
	if !covered {
		e.Why = "Not everything could be read, so there may be more calls."
	}
	switch {
	case e.LastSucceeded.After(q.cutoff.Add(propagation)):
		e.State, e.Why = record.SeenNotDenied, ""
	case e.Denied > 0:
		e.State = record.SeenDenied
	case e.Succeeded > 0:
		e.Why = fmt.Sprintf("Calls of old sessions were answered after the %s, none later than %d minutes after it: "+
			"IAM may still have been spreading the policy.", q.mark(), int(propagation.Minutes()))
	case unclear > 0:
		e.Why = "Calls of old sessions were refused after the " + q.mark() +
			", and no answer says that it was by an explicit deny."
	}
	return e
}

// mark is what parts old sessions from new ones, in the words of the measure.
func (q *investigation) mark() string { return q.Measures.Words(q.request.Purpose).Mark }

// deny is what the measure has put on the role, whom the sessions that it keeps out.
func (q *investigation) deny() string { return q.Measures.Words(q.request.Purpose).Deny }
func (q *investigation) whom() string { return q.Measures.Words(q.request.Purpose).Whom }

// conclude ends the last check with a verdict.
func (q *investigation) conclude(ctx context.Context, report trail.Report, s followed) error {
	if !q.ends() {
		return nil
	}
	if s.failed != "" {
		return q.unknown(ctx, "What the sessions did could not be looked up. "+s.failed, true)
	}
	_, dated := q.Measures.On()[q.request.Purpose.Measure()].(contain.Dated)
	// a person may have called a caller theirs meanwhile
	v, err := q.Read(ctx, q.request.ID)
	if err != nil {
		return err
	}
	q.events = v.Events
	ours := map[string]bool{}
	for id := range record.Gather(q.events).Vouched {
		ours[id] = true
	}
	in := trail.JudgeInput{
		All: !dated, Mark: q.mark(), Denies: q.denies(),
		RoleARN: q.role.ARN, Since: q.since, Cutoff: q.cutoff, Propagated: q.cutoff.Add(propagation),
		Sessions: slices.Concat(report.Sessions, s.unseen), Suspects: s.suspects, Activities: s.activities,
		Links: s.chain, Revoked: s.revoked, Ours: ours,
		Regions: report.Regions, AskedAt: report.AskedAt, LastUsed: report.LastUsed,
		Unproven: s.unproven,
	}
	if err := q.standing(ctx, &in); err != nil {
		return err
	}
	j := trail.Assess(in)
	// a check that can only show the contrary is not to be kept from it either
	good := j.State == trail.Contained || j.State == trail.NoActivity || q.Confirm && j.State != trail.NotContained
	if good && q.logGroup.SecondOpinion() {
		alone, err := q.lookup(ctx)
		if err != nil || alone == nil {
			return err
		}
		if s, err = q.follow(ctx, *alone); err != nil {
			return err
		}
		return q.conclude(ctx, *alone, s)
	}
	c := conclusion(q.role, j, s.activities)
	c.Where = strings.TrimSpace(where(report) + " " + q.logGroup.Says())
	c.Harden = q.harden(ctx, report.Sessions)
	if len(q.force.Each()) > 1 {
		c.Why = append(c.Why, q.beside(ctx))
	}
	return q.end(ctx, c, j.Wait && j.State != trail.NotContained)
}

// harden says what the role's documents let an attacker do; nothing if they cannot be read.
func (q *investigation) harden(ctx context.Context, sessions []trail.Session) []role.Weakness {
	if q.role.Kind == contain.User {
		return nil
	}
	with := map[string]bool{} // users that had a second factor in every session
	for _, s := range sessions {
		if name := strings.TrimPrefix(s.Caller, "user "); name != s.Caller && s.Issued() {
			before, seen := with[name]
			with[name] = s.MFA == trail.MFAUsed && (before || !seen)
		}
	}
	maps.DeleteFunc(with, func(_ string, always bool) bool { return !always })
	found, err := q.Roles.Harden(ctx, q.role.Principal, slices.Sorted(maps.Keys(with)))
	if err != nil {
		q.Log.InfoContext(ctx, "the role's weaknesses are not known", "request", q.request.ID, "error", err)
	}
	return found
}

// denies says which calls the measure denies, where the verdict depends on more than their session;
// nil where it does not.
func (q *investigation) denies() func(contain.Call) contain.Answer {
	if q.role.Known == nil {
		return nil
	}
	return denying(q.order.Measure, record.WrittenBy(q.events).Stands)
}

// denying says what the documents of a measure deny: a call is denied if one of them denies it.
func denying(m contain.Measure, docs []contain.Document) func(contain.Call) contain.Answer {
	e, ok := m.(contain.Expecter)
	return func(c contain.Call) contain.Answer {
		if !ok || len(docs) == 0 {
			return contain.Unknown
		}
		answer := contain.No
		for _, d := range docs {
			switch e.Denies(d, c) {
			case contain.Yes:
				return contain.Yes
			case contain.Unknown:
				answer = contain.Unknown
			}
		}
		return answer
	}
}

// beside names what other requests have in force on the role, and what of that is not on it now.
func (q *investigation) beside(ctx context.Context) string {
	var held, lost []string
	for _, h := range q.force.Each() {
		name := string(h.Measure) + " (request " + h.Request.ID + ")"
		switch {
		case h.Request.ID == q.request.ID:
		case q.stands(ctx, h):
			held = append(held, name)
		default:
			lost = append(lost, name)
		}
	}
	text := "Nothing else of revokebot's keeps its sessions out."
	if len(held) > 0 {
		text = "Also in force on this " + q.role.Noun() + ": " + strings.Join(held, ", ") + "."
	}
	if len(lost) > 0 {
		text += " Not found on it now, or not readable: " + strings.Join(lost, ", ") + "."
	}
	return text
}

// where says which regions a verdict speaks of, and until when.
func where(report trail.Report) string {
	var names []string
	var until time.Time
	for i, r := range report.Regions {
		if names = append(names, r.Region); i == 0 || r.Reported.Before(until) {
			until = r.Reported
		}
	}
	text := "Regions: " + strings.Join(names, ", ")
	if !until.IsZero() {
		text += ", reported until " + times.Clock(until, report.AskedAt)
	}
	if report.Guessed {
		text += ". The account's own regions could not be listed, so those that every account has were asked: allow " +
			"account:ListRegions"
	}
	return text + "."
}

// conclusion is what the log keeps of a judgement.
func conclusion(role record.Role, j trail.Judgement, activities map[string]trail.Activity) record.Conclusion {
	c := record.Conclusion{Word: j.State}
	if c.Silent = j.State == trail.NoActivity; c.Silent {
		c.Word = record.WordUnknown
	}
	c.Why = append(c.Why, j.Reasons[:min(len(j.Reasons), record.MaxReasons)]...)
	for _, call := range j.Calls[:min(len(j.Calls), record.MaxCalls)] {
		c.Calls = append(c.Calls, callRow(call, signedBy(call, activities)))
	}
	for _, s := range j.Sessions[:min(len(j.Sessions), record.MaxCalls)] {
		row := sessionRow(s)
		if !strings.EqualFold(s.RoleARN, role.ARN) {
			row.Role = aws.NameOf(s.RoleARN)
		}
		c.Sessions = append(c.Sessions, row.Trim())
	}
	doors := slices.Clone(j.Persistence)
	// keys first
	slices.SortStableFunc(doors, func(a, b trail.Call) int {
		return cmp.Compare(min(len(b.Made), 1), min(len(a.Made), 1))
	})
	for _, call := range doors[:min(len(doors), record.MaxToDo)] {
		c.Persistence = append(c.Persistence, callRow(call, ""))
	}
	held, _ := links(role, j.Roles)
	for _, l := range held[:min(len(held), record.MaxToDo)] {
		c.Roles = append(c.Roles, record.Link{
			RoleARN: l.RoleARN, RoleName: l.RoleName, AccountID: l.AccountID, Account: l.Account, Loop: l.Loop,
		})
	}
	return c.Trim()
}

// signedBy finds the key that signed a call.
func signedBy(call trail.Call, activities map[string]trail.Activity) string {
	for key, a := range activities {
		if slices.ContainsFunc(a.SucceededAfterCutoff, func(c trail.Call) bool {
			return c.EventID == call.EventID && call.EventID != ""
		}) {
			return key
		}
	}
	return ""
}

// recentRequests is how many of the newest requests are searched for the roles of a chain.
const recentRequests = 100

// revoked finds the cutoffs of other requests for the roles that these sessions assumed, as far
// as what they wrote is on those roles now.
func (q *investigation) revoked(ctx context.Context, chain []trail.ChainLink) (map[string]time.Time, error) {
	cutoffs := map[string]time.Time{}
	if len(chain) == 0 {
		return cutoffs, nil
	}
	ids, err := q.Store.Recent(ctx, recentRequests)
	if err != nil {
		return nil, err
	}
	past, err := q.LoadAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	principals := map[string][]record.View{}
	for _, p := range past {
		principals[p.Request.Subject.Key] = append(principals[p.Request.Subject.Key], p)
	}
	for _, past := range principals {
		for _, held := range record.InForce(past, q.Measures.On()).Holdings {
			facts, err := record.FactsOf(held.Request)
			if err == nil && held.InForce() && held.Since.After(cutoffs[facts.ARN]) &&
				slices.ContainsFunc(chain, func(l trail.ChainLink) bool { return l.RoleARN == facts.ARN }) && q.stands(ctx, held) {
				cutoffs[facts.ARN] = held.Since
			}
		}
	}
	return cutoffs, nil
}

// Park ends a check that was parked: if it was the last one, the verdict is unknown, and why.
func (inv *Investigator) Park(ctx context.Context, item approvals.Item) error {
	l, err := readLook(&item)
	if err != nil {
		return nil // it was no look
	}
	q, err := inv.inquire(ctx, item, l)
	if q == nil || err != nil {
		return err
	}
	return q.unknown(ctx, "revokebot failed at the last check several times because of an internal error. Its log has it "+
		"under the request's id.", false)
}

// unknown ends a check that has not judged, if it is one that ends with a verdict. wait is as in
// end.
func (q *investigation) unknown(ctx context.Context, why string, wait bool) error {
	return q.end(ctx, record.Conclusion{Word: record.WordUnknown, Why: []string{why}}, wait)
}

const (
	// recheckAfter is when CloudTrail is asked again after a last check that it could not answer yet;
	// each further one comes twice as late.
	recheckAfter = 5 * time.Minute
	maxRechecks  = 4
	// confirmAfter is when CloudTrail is asked once more after "contained": it delivers single events
	// late, and out of order.
	confirmAfter = 15 * time.Minute
)

// end ends a check with a verdict, if it is one that ends with a verdict. wait says that a later
// check may know more: it is queued. A verdict that is the same as before is not told again.
func (q *investigation) end(ctx context.Context, c record.Conclusion, wait bool) error {
	if !q.ends() || q.Confirm && c.Word != record.WordNotContained {
		return nil
	}
	after, next := recheckAfter<<q.Again, Look{Number: q.Number + 1, Again: q.Again + 1}
	switch {
	case wait && q.Again < maxRechecks:
		c.Next = q.now.Add(after)
	case c.Word == record.WordContained:
		after, next = confirmAfter, Look{Number: q.Number + 1, Confirm: true}
	default:
		after = 0
	}
	verdict := approvals.Event{Type: approvals.EventVerdict, Source: "verdict " + q.item.Source, Detail: fitConclusion(&c)}
	vouched := step.CountOf(q.events, approvals.EventVouched)
	return q.Change(ctx, q.request.ID, func(v record.View) (t approvals.Transition, err error) {
		switch {
		case v.Request.Has(verdict.Source):
			return t, nil
		case step.CountOf(v.Events, approvals.EventVouched) > vouched: // meanwhile
			item, _ := Again(append(v.Events, verdict))
			item.Request = q.request.ID
			t.Work = []approvals.Item{item}
		case after > 0:
			t.Due = []approvals.Due{{After: after, Item: EvidenceItem(q.request.ID, next)}}
		}
		t.Events = []approvals.Event{verdict}
		return t, nil
	})
}

// superseded ends the verdicts of a request that a later one has taken the place of.
func (q *investigation) superseded(ctx context.Context, by string) error {
	return q.Remark(ctx, q.request.ID, approvals.EventVerdict, "verdict superseded", record.Conclusion{
		Word: record.WordSuperseded,
		Why:  []string{"The later request " + by + " took the place of this one, and its thread has the verdict."},
	})
}

// Again is the item of one more check of a request that has its verdict; false before that.
func Again(events []approvals.Event) (item approvals.Item, ok bool) {
	last := 0
	for _, e := range events {
		var n int
		if _, err := fmt.Sscanf(strings.TrimPrefix(e.Source, "verdict "), "evidence %d", &n); err == nil {
			last = max(last, n)
		}
		ok = ok || e.Type == approvals.EventVerdict
	}
	return EvidenceItem("", Look{Number: last + 1}), ok && last > 0
}
