package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
)

// propagation is how long after the cutoff a call of an old session may still be answered without speaking against the
// deny. IAM enforces a change within seconds as a rule; AWS promises no time and speaks of minutes (IAM User Guide,
// "Changes that I make are not always immediately visible"). The cutoff lies past the write by the margin already.
const propagation = 2 * time.Minute

// enforcement is what the look saw of the deny: "seen denied" when calls of old sessions were denied after the cutoff and
// none was answered later than propagation. Package aws leaves sts:GetCallerIdentity out.
func (l *look) enforcement(s followed) messages.Enforcement {
	e := messages.Enforcement{State: messages.SeenUnknown, At: l.until}
	covered := true
	for _, a := range s.activities {
		covered = covered && a.Covered()
		e.Denied += a.DeniedAfter
		e.Succeeded += a.SucceededAfter
		if !a.FirstDenied.IsZero() && (e.FirstDenied.IsZero() || a.FirstDenied.Before(e.FirstDenied)) {
			e.FirstDenied = a.FirstDenied
		}
		if a.SucceededAfter > 0 && a.LastSucceeded.After(e.LastSucceeded) {
			e.LastSucceeded = a.LastSucceeded
		}
	}
	late := e.LastSucceeded.After(l.cutoff.Add(propagation))
	switch {
	case late:
		e.State = messages.SeenNotDenied
	case e.Denied > 0:
		e.State = messages.SeenDenied
		if !covered {
			e.Why = "Not everything could be read, so there may be calls that were answered."
		}
	case e.Succeeded > 0:
		e.Why = fmt.Sprintf("Calls of old sessions were answered after the cutoff, none later than %v after it: IAM may still have been spreading the policy.", propagation)
	case len(s.activities) == 0:
		e.Why = "No old session was found whose calls could be looked for."
	case !covered:
		e.Why = "No call of an old session after the cutoff was found in what could be read."
	}
	return e
}

// answered are calls of old sessions that were answered later than propagation allows, the newest first.
func (l *look) answered(s followed) []messages.Call {
	var calls []messages.Call
	for _, key := range slices.Sorted(maps.Keys(s.activities)) {
		for _, c := range s.activities[key].SucceededAfterCutoff {
			if c.Time.After(l.cutoff.Add(propagation)) {
				calls = append(calls, callRow(c, key))
			}
		}
	}
	slices.SortStableFunc(calls, func(a, b messages.Call) int { return b.Time.Compare(a.Time) })
	return calls
}

// judge ends the last look with a word.
func (l *look) judge(ctx context.Context, report aws.Report, s followed) error {
	if !l.ends() {
		return nil
	}
	c := messages.Conclusion{Word: messages.WordUnknown, Why: []string{"What the sessions did could not be looked up. " + s.failed}}
	if s.failed == "" {
		c = conclusion(aws.Judge(aws.JudgeInput{
			Cutoff: l.cutoff, Propagated: l.cutoff.Add(propagation), Sessions: report.Sessions, Suspects: aws.Suspects(report.Sessions, l.cutoff),
			Activities: s.activities, Chain: s.chain, Regions: report.Regions, AskedAt: report.AskedAt, Limited: len(report.Sessions) >= lookupLimit,
		}))
	}
	event, err := l.word(c)
	if err != nil {
		return err
	}
	return l.h.Store.Commit(ctx, l.transition(event))
}

// conclusion is what the log keeps of a judgement.
func conclusion(j aws.Judgement) messages.Conclusion {
	c := messages.Conclusion{Word: messages.WordUnknown, OldKeys: j.Looked, DeniedAfter: j.Denied}
	switch j.State {
	case aws.Contained:
		c.Word = messages.WordContained
	case aws.NotContained:
		c.Word = messages.WordNotContained
	case aws.ContainmentUnknown:
	}
	for _, why := range j.Reasons[:min(len(j.Reasons), messages.MaxReasons)] {
		c.Why = append(c.Why, why)
	}
	for _, call := range j.Calls[:min(len(j.Calls), messages.MaxCalls)] {
		c.Calls = append(c.Calls, callRow(call, ""))
	}
	c.MoreCalls = len(j.Calls) - len(c.Calls)
	for _, s := range j.Sessions[:min(len(j.Sessions), messages.MaxCalls)] {
		c.Sessions = append(c.Sessions, sessionRow(s))
	}
	return c.Trim()
}

// word is the event that a look ends with.
func (l *look) word(c messages.Conclusion) (approvals.Event, error) {
	detail, err := json.Marshal(c)
	if err != nil {
		return approvals.Event{}, fmt.Errorf("record a verdict: %w", err)
	}
	return approvals.Event{Type: approvals.EventVerdict, Source: "verdict " + l.item.Source, Detail: detail}, nil
}

// lookSetAside ends a look that was set aside: if it was the last one, its word is unknown, and why.
func (h *Handlers) lookSetAside(ctx context.Context, item approvals.Item) error {
	l, err := h.newLook(ctx, item)
	if l == nil || err != nil {
		return err
	}
	event, err := l.word(messages.Conclusion{
		Word: messages.WordUnknown,
		Why:  []string{"revokebot failed at the last look several times for a reason of its own, which its log has under the request's id."},
	})
	if err != nil || !l.ends() {
		return err
	}
	return h.Store.Commit(ctx, l.transition(event))
}
