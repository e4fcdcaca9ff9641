package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	// lookupLimit is the most sessions that one look at CloudTrail returns, and listed how many of a request the log keeps.
	lookupLimit = 1000
	listed      = 400
	// maxLooks is how often a look that told nothing is tried again before that is what the thread says: five tries.
	maxLooks = 4
	// lookPatience is how long regions are waited for that do not answer while all the others are done.
	lookPatience = 10 * time.Second
	// wide marks the source of the second half of the first look: the first table is in the thread before it begins.
	wide = " wide"
)

// look is one look at CloudTrail about the role of an applied request: who assumed it, what those sessions did, and, if
// it is the last one, what that comes to. Each of the three is an event of its own, so that the table does not wait for
// the rest, and a look that was interrupted goes on where its events end.
type look struct {
	h       *Handlers
	item    approvals.Item
	request approvals.Request
	events  []approvals.Event
	role    messages.Role
	cutoff  time.Time
	since   time.Time
	until   time.Time
	number  int  // 0 is the look right after the revocation, the others are those of trail.follow_ups
	wide    bool // asks for more than the events that name the role
	last    bool // no further look is planned, and this one ends with a word
}

// evidence does one look.
func (h *Handlers) evidence(ctx context.Context, item approvals.Item) error {
	l, err := h.newLook(ctx, item)
	if l == nil || err != nil {
		return err
	}
	report, err := l.lookup(ctx)
	if err != nil || report == nil {
		return err
	}
	if err := l.found(ctx, *report); err != nil || !l.wide {
		return err
	}
	what, err := l.follow(ctx, *report)
	if err != nil {
		return err
	}
	return l.judge(ctx, *report, what)
}

// newLook reads the request that an item is about; nil when there is nothing to look for, or nothing left to do.
func (h *Handlers) newLook(ctx context.Context, item approvals.Item) (*look, error) {
	r, events, err := h.Store.Load(ctx, item.Request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.State != approvals.StateApplied {
		return nil, nil
	}
	c, err := h.context(r)
	if err != nil {
		return nil, err
	}
	var done messages.Applied
	if err := json.Unmarshal(r.Closing.Detail, &done); err != nil {
		return nil, fmt.Errorf("outcome of request %s: %w", r.ID, err)
	}
	until, err := h.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	l := &look{h: h, item: item, request: r, events: events, role: c.Role, cutoff: done.Cutoff, since: r.Opened.Add(-h.Lookback), until: until}
	l.number, l.wide = lookOf(item.Source)
	l.last = l.wide && l.number == len(h.FollowUps)
	if r.Has(l.lastSource()) {
		return nil, nil
	}
	return l, nil
}

// lookOf reads which look an item asks for.
func lookOf(source string) (number int, isWide bool) {
	rest := strings.TrimPrefix(source, "evidence ")
	text := strings.TrimSuffix(rest, wide)
	if _, err := fmt.Sscanf(text, "%d", &number); err != nil {
		return 0, false
	}
	return number, number > 0 || text != rest
}

// lastSource is the source of the last event that the look commits.
func (l *look) lastSource() string {
	switch {
	case !l.wide:
		return l.item.Source
	case l.ends():
		return "verdict " + l.item.Source
	default:
		return "activity " + l.item.Source
	}
}

// ends reports whether the look ends with a word. Without follow-ups there is none: right after the write CloudTrail can
// not know yet whether the deny holds.
func (l *look) ends() bool { return l.last && l.number > 0 }

// lookup asks CloudTrail who assumed the role. It returns nil when nothing came of it and the thread is told so.
func (l *look) lookup(ctx context.Context) (*aws.Report, error) {
	stop := l.tellProgress(ctx)
	report, err := l.h.Cloud.Lookup(ctx, aws.LookupQuery{
		AccountName: l.role.Account, RoleARN: l.role.ARN, Since: l.since, Until: l.until, Cutoff: l.cutoff, Limit: lookupLimit,
		Wide: l.wide, Patience: lookPatience, Progress: stop.report,
	})
	stop.end()
	switch {
	case err == nil && !nothingCovered(report):
		return &report, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case l.item.Attempt < maxLooks:
		l.h.log.WarnContext(ctx, "CloudTrail could not be asked", "request", l.request.ID, "error", err)
		return nil, &Again{After: retryAfter(err, l.item.Attempt+3)}
	}
	why := "The log has the reason."
	switch {
	case err == nil:
		why = "No region could be read: " + reasons(report) + "."
	case aws.Explain(err) != "":
		why = aws.Explain(err)
	}
	l.h.log.WarnContext(ctx, "CloudTrail was not asked", "request", l.request.ID, "error", err)
	return nil, l.failed(ctx, why)
}

// failed records that the look told nothing. What it was to queue is queued all the same.
func (l *look) failed(ctx context.Context, why string) error {
	detail, err := json.Marshal(messages.Evidence{
		Since: l.since, Until: l.until, Cutoff: l.cutoff, FollowUp: l.number, Last: l.last, Failed: why,
	})
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	t := l.transition(approvals.Event{Type: approvals.EventEvidence, Source: l.item.Source, Detail: detail})
	if !l.wide {
		t.Work = []approvals.Item{l.secondHalf()}
	}
	if l.ends() {
		word, err := l.word(messages.Conclusion{Word: messages.WordUnknown, Why: []string{"The last look at CloudTrail failed. " + why}})
		if err != nil {
			return err
		}
		t.Events = append(t.Events, word)
	}
	return l.h.Store.Commit(ctx, t)
}

// secondHalf is the part of the first look that takes longer.
func (l *look) secondHalf() approvals.Item {
	return approvals.Item{Kind: KindEvidence, Request: l.request.ID, Source: l.item.Source + wide}
}

// found records what no earlier look had: sessions, and attempts that got none.
func (l *look) found(ctx context.Context, report aws.Report) error {
	earlier := messages.Gather(l.events)
	known := map[string]bool{}
	for _, s := range earlier.Sessions {
		known[s.Mark()] = true
	}
	var fresh []messages.Session
	for _, s := range report.Sessions {
		if row := sessionRow(s); !known[row.Mark()] {
			fresh = append(fresh, row)
		}
	}
	lists, left, err := messages.Pack(fresh, max(0, listed-len(earlier.Sessions)))
	if err != nil {
		return err
	}
	told := messages.Evidence{Since: l.since, Until: l.until, Cutoff: l.cutoff, LeftOut: left, FollowUp: l.number, Last: l.last}
	for _, region := range report.Regions {
		told.Regions = append(told.Regions, messages.Region{
			Name: region.Region, Covered: region.Covered, Reason: region.Reason, Truncated: region.Truncated, AttemptsCut: region.AttemptsCut,
		})
	}
	suspicious := map[string]bool{}
	for _, s := range l.suspects(report) {
		row := sessionRow(s.Session)
		suspicious[row.Mark()] = true
		told.Suspects = append(told.Suspects, messages.Suspect{EventID: row.EventID, Address: s.Address, Caller: s.Caller})
	}
	if l.number > 0 {
		told.News, told.MoreNews = news(report, fresh, suspicious)
	}
	detail, err := json.Marshal(told)
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	t := l.transition(approvals.Event{Type: approvals.EventEvidence, Source: l.item.Source, Detail: detail})
	for i, rows := range lists {
		detail, err := json.Marshal(messages.Sessions{Look: l.number, Rows: rows, More: i < len(lists)-1})
		if err != nil {
			return fmt.Errorf("record sessions: %w", err)
		}
		t.Events = append(t.Events, approvals.Event{
			Type: approvals.EventSessions, Source: fmt.Sprintf("sessions %d of %s", i, l.item.Source), Detail: detail,
		})
	}
	if !l.wide {
		t.Work = []approvals.Item{l.secondHalf()}
	}
	return l.h.Store.Commit(ctx, t)
}

// news picks from what a later look found what people have to know at once: sessions since the cutoff, and earlier ones
// that stand out.
func news(report aws.Report, fresh []messages.Session, suspicious map[string]bool) (told []messages.Session, more int) {
	before := map[string]bool{}
	for _, s := range report.Sessions {
		if s.Issued() && s.Relation == aws.RelationBefore {
			before[s.CallerID] = true
		}
	}
	for _, s := range fresh {
		if !s.Issued() || !s.After && !suspicious[s.Mark()] {
			continue
		}
		if len(told) == messages.MaxNews {
			more++
			continue
		}
		s.Known = s.After && before[s.CallerID]
		told = append(told, s)
	}
	return told, more
}

// suspects are the sessions that are looked into by themselves.
func (l *look) suspects(report aws.Report) []aws.Suspect {
	all := aws.Suspects(report.Sessions, l.cutoff)
	return all[:min(len(all), messages.MaxSuspects)]
}

func (l *look) transition(events ...approvals.Event) approvals.Transition {
	return approvals.Transition{RequestID: l.request.ID, Expect: approvals.AppendOnly, Events: events}
}

// sessionRow is what the log keeps of a session.
func sessionRow(s aws.Session) messages.Session {
	code := s.ErrorCode
	if code == "" && s.Denied {
		code = "AccessDenied"
	}
	return messages.Session{
		EventID: s.EventID, EventName: s.EventName, Time: s.Time.Truncate(time.Second), Expires: s.Expires, Caller: s.Caller, CallerARN: s.CallerARN,
		CallerID: s.CallerID, CallerKey: s.CallerAccessKey, SessionName: s.SessionName, SourceIdentity: s.SourceIdentity, MFA: string(s.MFA),
		SourceAddress: s.SourceAddress, UserAgent: s.UserAgent, Region: s.Region, Key: s.AccessKeyID, ErrorCode: code, Uncertain: s.Uncertain,
		Derived: s.Derived, After: s.Relation == aws.RelationAfter,
	}.Trim()
}

// reasons says why each region could not be read.
func reasons(report aws.Report) string {
	words := make([]string, 0, len(report.Regions))
	for _, region := range report.Regions {
		words = append(words, region.Region+" ("+region.Reason+")")
	}
	return strings.Join(words, ", ")
}

func nothingCovered(report aws.Report) bool {
	for _, region := range report.Regions {
		if region.Covered || region.Events > 0 {
			return false
		}
	}
	return true
}
