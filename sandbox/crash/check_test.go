package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/sandbox/actors"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

const keys = "{revokebot}:"

// requestIDs lists the requests that Redis has and earlier rounds had not.
func (l *lane) requestIDs(ctx context.Context) ([]string, error) {
	var ids []string
	scan := l.db.Scan(ctx, 0, keys+"log:*", 1000).Iterator()
	for scan.Next(ctx) {
		if id := strings.TrimPrefix(scan.Val(), keys+"log:"); !l.known[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), scan.Err()
}

// atRest says what still moves.
func (l *lane) atRest(ctx context.Context) error {
	// Both at one moment: what has come due moves from the timers to the work.
	both := l.db.TxPipeline()
	work, timers := both.XRange(ctx, keys+"work", "-", "+"), both.ZRangeWithScores(ctx, keys+"due", 0, -1)
	if _, err := both.Exec(ctx); err != nil {
		return err
	}
	// The further checks of earlier rounds come minutes later, and wait for CloudTrail's pace.
	earlier := func(item approvals.Item) bool {
		return item.Kind == investigate.KindEvidence && l.known[item.Request]
	}
	for _, entry := range work.Val() {
		var item approvals.Item
		if text, ok := entry.Values["item"].(string); !ok || json.Unmarshal([]byte(text), &item) != nil || !earlier(item) {
			return fmt.Errorf("an item of work: %v", entry.Values)
		}
	}
	if n := l.db.XLen(ctx, keys+"unchained").Val(); n != 0 {
		return fmt.Errorf("%d events for the audit log", n)
	}
	soon := time.Now().Add(time.Minute)
	for _, timer := range timers.Val() {
		var item approvals.Item
		if err := json.Unmarshal([]byte(timer.Member.(string)), &item); err != nil {
			return err
		}
		// The timers of a request that ended earlier come and do nothing; what is minutes or hours away
		// is not waited for.
		needless := earlier(item) || item.Kind == handlers.KindExecute && l.ended(ctx, item.Request) ||
			item.Kind == guard.KindTamperedBy || item.Kind == guard.KindExpired || item.Kind == deliver.KindRemind ||
			item.Kind == investigate.KindEvidence && time.UnixMilli(int64(timer.Score)).After(soon)
		if !needless && (item.Kind != approvals.KindExpire || l.kind.expireAfter < time.Minute) {
			return fmt.Errorf("a timer for %s of %s", item.Kind, item.Request)
		}
	}
	ids, err := l.requestIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, _, err := l.store.Load(ctx, id)
		if err != nil {
			return err
		}
		d, err := l.store.Delivered(ctx, id)
		if err != nil {
			return err
		}
		if d.Cursor != r.Seq || d.CardSeq != r.Seq {
			return fmt.Errorf("request %s is %s at event %d, Slack was told %+v", id, r.State, r.Seq, d)
		}
	}
	return nil
}

// ended reports whether a request is known to have ended.
func (l *lane) ended(ctx context.Context, id string) bool {
	r, _, err := l.store.Load(ctx, id)
	return err == nil && r.State.Ended()
}

// checks counts the invariants that were looked at.
type checks struct {
	count  map[string]int
	broken []string
	states map[approvals.State]int // of the requests
}

// that counts one look at an invariant, and keeps what is wrong.
func (c *checks) that(invariant string, holds bool, format string, args ...any) {
	if c.count == nil {
		c.count = make(map[string]int)
	}
	c.count[invariant]++
	if !holds {
		c.broken = append(c.broken, invariant+": "+fmt.Sprintf(format, args...))
	}
}

// The invariants, as the report calls them.
const (
	invCommand   = "what was acknowledged has its request or its answer"
	invClick     = "an acknowledged decision is in the log"
	invCard      = "a request has one card"
	invEnd       = "what was approved ended with an outcome"
	invOnce      = "an approval is used once"
	invCutoff    = "the cutoff never goes back and is on the role"
	invUndecided = "nothing is written without an approval"
	invUndone    = "what was undone is off the role, once, and both threads know"
	invDrill     = "a drill writes nothing"
	invThread    = "the thread is the log: in order, each once"
	invShown     = "the card shows the state"
	invAudit     = "the audit log is whole and has every event once"
	invNothing   = "nothing is left lying around"
	invLog       = "no ERROR in the bot's log"
)

// check looks at everything that a round left behind.
func (l *lane) check(ctx context.Context, p plan) (c checks, err error) {
	ids, err := l.requestIDs(ctx)
	if err != nil {
		return c, err
	}
	writes := l.writes(&c, p)
	c.states = make(map[approvals.State]int)
	if err := l.readAudit(ctx, &c); err != nil {
		return c, err
	}
	logged := make(map[string]approvals.Request) // by source
	of := make(map[string][]approvals.Request)   // by room
	told := make(map[string]int)                 // how often the log of a request has that it was undone
	for _, id := range ids {
		r, events, err := l.store.Load(ctx, id)
		if err != nil {
			return c, err
		}
		l.known[id] = true
		l.checkAudit(&c, id, events)
		c.states[r.State]++
		of[r.Place.Channel] = append(of[r.Place.Channel], r)
		for _, e := range events {
			logged[e.Source] = r
			if e.Type == approvals.EventUndone {
				told[id]++
			}
		}
		if err := l.checkRequest(&c, p, r, events, writes); err != nil {
			return c, err
		}
	}
	for _, r := range logged {
		if r.Purpose.Mode() == approvals.ModeUndo && r.State == approvals.StateApplied {
			c.that(invUndone, told[r.About] == 1, "request %s is told %d times that %s undid it", r.About, told[r.About], r.ID)
		}
	}
	for _, a := range p.asks {
		l.checkAsk(&c, a, of[a.room], logged)
	}
	l.checkRest(ctx, &c, ids)
	return c, nil
}

// checkAsk looks at what people were told.
func (l *lane) checkAsk(c *checks, a *ask, requests []approvals.Request, logged map[string]approvals.Request) {
	cards := l.cards(a)
	c.that(invCard, len(cards) == len(requests), "room %s has %d cards for %d requests", a.room, len(cards), len(requests))
	for _, s := range a.commands {
		if !s.acked {
			continue
		}
		_, requested := logged["envelope "+s.id]
		c.that(invCommand, requested || l.whispered(a.room, s.user, a.since), "the command %s of %s in %s has neither", s.id,
			s.user, a.room)
	}
	recorded := make(map[string]bool) // by who and what: of an act that was sent again, the first that came is in the log
	for _, s := range a.clicks {
		if _, ok := logged["envelope "+s.id]; ok {
			recorded[s.user+" "+s.action] = true
		}
	}
	for _, s := range a.clicks {
		if !s.acked || s.id == "" || s.action == messages.ActionDeny { // which only opens a form, as a rule
			continue
		}
		_, decided := logged["envelope "+s.id]
		if s.action == actionForm { // the same form under another envelope is the same act
			decided = recorded[s.user+" "+s.action]
		}
		c.that(invClick, decided, "%s of %s in %s, envelope %s, is not", s.action, s.user, a.room, s.id)
	}
}

// whispered reports whether somebody was told something in a room that only they see, since a
// message.
func (l *lane) whispered(room, user, since string) bool {
	return slices.ContainsFunc(l.slack.Messages(room), func(m slackstandin.Message) bool {
		return m.TS > since && m.Ephemeral && m.VisibleTo == user
	})
}

const denyPolicy = "AWSRevokeOlderSessions"

// write is a policy that AWS took, or took off a role.
type write struct {
	request string // whose session wrote it
	role    string
	cutoff  time.Time
	removes bool
	locks   bool // it is AWSDenyAll
}

// writes are those of this round's roles, in their order. The cutoff of a role may never go back,
// whoever wrote it, unless the policy was taken away.
func (l *lane) writes(c *checks, p plan) []write {
	ours := make(map[string]bool)
	for _, a := range p.asks {
		ours[a.role] = true
	}
	var all []write
	last := make(map[string]time.Time)
	for _, call := range l.aws.Calls("") {
		w := write{
			role: call.Params["RoleName"], request: call.PrincipalARN[strings.LastIndex(call.PrincipalARN, "/")+1:],
			removes: call.Action == "DeleteRolePolicy" || call.Action == "DetachRolePolicy",
			locks:   call.Action == "AttachRolePolicy" || call.Action == "DetachRolePolicy",
		}
		if call.Code != "" || !ours[w.role] || !w.removes && !w.locks && call.Action != "PutRolePolicy" {
			continue
		}
		if w.locks {
			all = append(all, w)
			continue
		}
		if !w.removes {
			var err error
			w.cutoff, err = cutoffOf(call.Params["PolicyDocument"])
			c.that(invCutoff, err == nil && !w.cutoff.Before(last[w.role]), "role %s: %v after %v (%v)", w.role, w.cutoff,
				last[w.role], err)
		}
		last[w.role] = w.cutoff
		all = append(all, w)
	}
	return all
}

var errNoCutoff = errors.New("a policy without one statement that denies by the issue time")

// cutoffOf reads the cutoff of the policy as the IAM console writes it.
func cutoffOf(document string) (time.Time, error) {
	var p struct {
		Statement []struct {
			Effect    string
			Condition struct {
				DateLessThan map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return time.Time{}, err
	}
	if len(p.Statement) != 1 || p.Statement[0].Effect != "Deny" {
		return time.Time{}, errNoCutoff
	}
	return time.Parse("2006-01-02T15:04:05.000Z", p.Statement[0].Condition.DateLessThan["aws:TokenIssueTime"])
}

// checkRequest compares a request's log with Slack and with AWS.
func (l *lane) checkRequest(c *checks, p plan, r approvals.Request, events []approvals.Event, writes []write) error {
	var facts record.Facts
	if err := json.Unmarshal(r.Subject.Facts, &facts); err != nil {
		return err
	}
	drill := r.Purpose.Mode() == approvals.ModeDrill
	if drill {
		facts.Role = *facts.Drill
	}
	about, err := step.Requests{
		Measures: measures.All(), Margin: margin, Guard: []time.Duration{2 * time.Second}, // as in lane_test.go
		Policies: map[string]approvals.Policy{
			"prod": {Measures: approvals.Measures(), Approvers: []string{actors.Group}, Required: 1},
		},
	}.Context(r)
	if err != nil {
		return err
	}

	n := make(map[approvals.EventType]int)
	sources := make(map[string]int)
	for _, e := range events {
		n[e.Type]++
		if e.Source != "" {
			sources[e.Source]++
		}
	}
	for source, times := range sources {
		c.that(invOnce, times == 1, "request %s has %d events of %s", r.ID, times, source)
	}
	open := r.State == approvals.StateOpen && p.kind.expireAfter >= time.Minute
	c.that(invEnd, r.State.Ended() || open, "request %s is %s", r.ID, r.State)
	for _, t := range []approvals.EventType{
		approvals.EventApproved, approvals.EventApplied, approvals.EventRehearsed, approvals.EventFailed,
		approvals.EventVoided, approvals.EventDenied,
		approvals.EventCancelled, approvals.EventExpired, approvals.EventReadBack, approvals.EventHeld,
		approvals.EventShutOut,
		approvals.EventUndone, approvals.EventFilesRefused, // a later check can give a verdict again
	} {
		most := 1
		if t == approvals.EventReadBack && facts.Role.Key != "" {
			most = 2 // one for each document
		}
		c.that(invOnce, n[t] <= most, "request %s is %s %d times", r.ID, t, n[t])
	}
	if n[approvals.EventApproved] > 0 {
		c.that(invEnd, n[approvals.EventApplied]+n[approvals.EventRehearsed]+n[approvals.EventFailed]+
			n[approvals.EventVoided] == 1, "request %s is approved and has %v", r.ID, n)
	}
	if facts.Role.Key != "" {
		l.checkKey(c, p, r, facts.Role, events)
	} else if err := l.checkRole(c, p, r, facts.Role, events, writes); err != nil {
		return err
	}
	return l.checkThread(c, r, events, about)
}

// checkRole looks at what AWS has.
func (l *lane) checkRole(
	c *checks, p plan, r approvals.Request, role record.Role, events []approvals.Event, writes []write,
) error {
	var last write // to the role
	mine := 0
	for _, w := range writes {
		if w.role == role.Name {
			last = w
		}
		if w.request != r.ID {
			continue
		}
		mine++
		c.that(invUndecided, len(r.Votes) >= r.Required && w.role == role.Name &&
			w.removes == (r.Purpose.Mode() == approvals.ModeUndo),
			"role %s was written to (removed: %v), request %s is %s", w.role, w.removes, r.ID, r.State)
		if !w.removes && !w.locks {
			c.that(invCutoff, promised(events, w.cutoff), "request %s: the cutoff %v was never promised", r.ID, w.cutoff)
		}
	}
	if r.Purpose.Mode() == approvals.ModeDrill {
		_, there := l.world.Prod.RolePolicy(role.Name, denyPolicy)
		c.that(invDrill, mine == 0 && !there && (r.State != approvals.StateApplied && r.State != approvals.StateExecuting),
			"drill %s is %s, made %d writes, there is a policy on the role: %v", r.ID, r.State, mine, there)
	}
	if r.State != approvals.StateApplied {
		return nil
	}
	if r.Purpose.Measure() == approvals.Lock {
		now, _ := l.world.Prod.Role(role.Name)
		there := slices.Contains(now.Attached, l.world.Prod.DenyAllARN())
		c.that(invUndone, there != last.removes && (mine == 1 || mine > 0 && r.Purpose.Mode() != approvals.ModeUndo),
			"request %s: %d writes, the last write %+v, the role is locked: %v", r.ID, mine, last, there)
		return nil
	}
	document, there := l.world.Prod.RolePolicy(role.Name, denyPolicy)
	if r.Purpose.Mode() == approvals.ModeUndo {
		c.that(invUndone, mine == 1 && last.removes && !there, "request %s: %d removals, the last write %+v, the role has %q",
			r.ID, mine, last, document)
		return nil
	}
	var done record.Applied
	if err := json.Unmarshal(r.Closing.Detail, &done); err != nil {
		return err
	}
	c.that(invCutoff, mine > 0 && promised(events, done.Cutoff) && done.Cutoff.Sub(r.Opened) > margin,
		"request %s: %d writes, the thread says %v, opened %v", r.ID, mine, done.Cutoff, r.Opened)
	seen := slices.ContainsFunc(events, func(e approvals.Event) bool { return e.Type == approvals.EventTampered })
	robbed := slices.ContainsFunc(p.asks, func(a *ask) bool { return a.role == role.Name && a.story == stolen })
	switch {
	case last.removes:
		c.that(invUndone, !there, "role %s has %q although it was taken away last", role.Name, document)
		return nil
	case robbed && !there && !seen:
		return nil // it was taken off after the last look
	}
	cutoff, err := cutoffOf(document)
	c.that(invCutoff, err == nil && cutoff.Equal(last.cutoff) && !done.Cutoff.After(cutoff),
		"role %s has %v (%v), %v was written last, the thread says %v",
		role.Name, cutoff, err, last.cutoff, done.Cutoff)
	return nil
}

// promised reports whether the log had a cutoff before it was written.
func promised(events []approvals.Event, cutoff time.Time) bool {
	return slices.ContainsFunc(events, func(e approvals.Event) bool {
		var s record.Started
		var again record.Tampered
		return e.Type == approvals.EventStarted && json.Unmarshal(e.Detail, &s) == nil && s.Cutoff.Equal(cutoff) ||
			e.Type == approvals.EventTampered && json.Unmarshal(e.Detail, &again) == nil && again.Promise.Equal(cutoff)
	})
}

// checkThread compares what Slack shows with what the log says.
func (l *lane) checkThread(c *checks, r approvals.Request, events []approvals.Event, about messages.Context) error {
	var cards, thread []slackstandin.Message
	for _, m := range l.slack.Messages(r.Place.Channel) {
		request, event := markOf(m)
		switch {
		case m.Ephemeral:
		case request == r.ID && event == "0" && m.ThreadTS == "":
			cards = append(cards, m)
		case request == r.ID, len(m.Files) > 0 && len(cards) > 0 && m.ThreadTS == cards[0].TS: // a file has no mark
			thread = append(thread, m)
		}
	}
	c.that(invCard, len(cards) == 1, "request %s has %d", r.ID, len(cards))
	if len(cards) != 1 {
		return nil
	}
	card := cards[0]
	c.that(invShown, card.Text == about.Leaving(messages.Card(r, events, about)).Text,
		"request %s is %s, the card says %q", r.ID, r.State, card.Text)
	buttons := strings.Contains(string(card.Blocks), messages.ActionApprove)
	c.that(invShown, buttons == (r.State == approvals.StateOpen), "request %s is %s, buttons: %v", r.ID, r.State, buttons)

	var want, got []string
	posts := messages.Thread(r, events, about)
	for i, e := range events {
		for _, p := range posts {
			if p.Seq == e.Seq {
				want = append(want, strconv.FormatInt(e.Seq, 10)+" "+about.Leaving(p.Message).Text)
			}
		}
		if !report.Brings(events[:i+1]) {
			continue
		}
		then, err := approvals.Fold(r.ID, events[:i+1])
		if err != nil {
			return err
		}
		for _, f := range report.Files(then, events[:i+1], e, about) {
			want = append(want, "file "+f.Name)
		}
	}
	for _, m := range thread {
		for _, f := range m.Files {
			got = append(got, "file "+f.Name)
		}
		_, event := markOf(m)
		if event != "" {
			got = append(got, event+" "+m.Text)
		}
		c.that(invThread, m.ThreadTS == card.TS, "event %s of request %s is told outside of the thread", event, r.ID)
	}
	c.that(invThread, slices.Equal(got, want), "request %s:\n  Slack shows %q\n  the log has %q", r.ID, got, want)
	return nil
}

// checkRest looks for what a finished round must not leave.
func (l *lane) checkRest(ctx context.Context, c *checks, ids []string) {
	// A timer that nobody waits for may come due at this very moment: its item is in hand then, and
	// soon done.
	resting, cancel := context.WithTimeout(ctx, quietPatience)
	defer cancel()
	err := until(resting, "nothing is in hand", func() error {
		pending, err := l.db.XPending(ctx, keys+"work", "bot").Result()
		if err == nil && pending.Count > 0 {
			err = fmt.Errorf("pending items: %+v", pending)
		}
		return err
	})
	c.that(invNothing, err == nil, "%v", err)
	parked, err := l.db.XRange(ctx, keys+"parked", "-", "+").Result()
	c.that(invNothing, err == nil && len(parked) == 0, "parked: %v, %v", parked, err)
	for _, id := range ids {
		holder, err := l.db.HGet(ctx, keys+"delivery:"+id, "worker").Result()
		c.that(invNothing, holder == "", "%s holds the delivery of request %s (%v)", holder, id, err)
	}
	for _, line := range l.log.takeErrors() {
		c.that(invLog, false, "%s", line)
	}
	c.that(invLog, true, "")
}
