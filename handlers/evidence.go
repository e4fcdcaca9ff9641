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
	// lookupLimit is the most sessions that one look at CloudTrail returns.
	lookupLimit = 200
	// maxLooks is how often a look that reached no region at all is tried again before that is what the thread says.
	maxLooks = 4
)

// evidence asks CloudTrail who assumed the role, and records the answer: the first look whatever it says, the later
// ones what is new, and the last one that there was nothing new.
func (h *Handlers) evidence(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.State != approvals.StateApplied || r.Has(item.Source) {
		return nil
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	var done messages.Applied
	if err := json.Unmarshal(r.Closing.Detail, &done); err != nil {
		return fmt.Errorf("outcome of request %s: %w", r.ID, err)
	}
	until, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	since := r.Opened.Add(-h.Lookback)
	look := messages.Evidence{Since: since, Until: until, Cutoff: done.Cutoff, FollowUp: followUp(item.Source)}
	look.Last = look.FollowUp == len(h.FollowUps)
	report, err := h.Cloud.Lookup(ctx, aws.LookupQuery{
		AccountName: c.Role.Account, RoleARN: c.Role.ARN, Since: since, Until: until, Cutoff: done.Cutoff, Limit: lookupLimit,
	})
	switch {
	case err != nil && item.Attempt < maxLooks:
		h.log.WarnContext(ctx, "CloudTrail could not be asked", "request", r.ID, "error", err)
		return &Again{After: retryAfter(err, item.Attempt+3)}
	case err != nil:
		look.Failed = aws.Explain(err)
		if look.Failed == "" {
			look.Failed = "The log has the reason."
		}
		h.log.WarnContext(ctx, "CloudTrail was not asked", "request", r.ID, "error", err)
	case nothingCovered(report) && item.Attempt < maxLooks:
		return &Again{After: retryAfter(nil, item.Attempt+3)}
	case nothingCovered(report):
		look.Failed = "No region could be read: " + reasons(report) + "."
	default:
		fill(&look, report, shown(events))
	}
	if look.FollowUp > 0 && len(look.Rows) == 0 && !look.Last {
		return nil // a later look that found nothing new says nothing
	}
	detail, err := json.Marshal(look)
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	return h.Store.Commit(ctx, approvals.Transition{
		RequestID: r.ID, Expect: approvals.AppendOnly,
		Events: []approvals.Event{{Type: approvals.EventEvidence, Source: item.Source, Detail: detail}},
	})
}

// followUp reads the number of the look from the item's source; 0 is the first.
func followUp(source string) int {
	var n int
	if _, err := fmt.Sscanf(strings.TrimPrefix(source, "evidence "), "%d", &n); err != nil {
		return 0
	}
	return n
}

// shown gathers the events that earlier looks reported.
func shown(events []approvals.Event) map[string]bool {
	ids := make(map[string]bool)
	for _, e := range events {
		if e.Type != approvals.EventEvidence {
			continue
		}
		var earlier messages.Evidence
		if json.Unmarshal(e.Detail, &earlier) != nil {
			continue
		}
		for _, s := range earlier.Rows {
			ids[s.EventID] = true
		}
		for _, id := range earlier.Others {
			ids[id] = true
		}
	}
	return ids
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

// fill copies what the report has and earlier looks had not.
func fill(look *messages.Evidence, report aws.Report, known map[string]bool) {
	for _, region := range report.Regions {
		look.Regions = append(look.Regions, messages.Region{
			Name: region.Region, Covered: region.Covered, Reason: region.Reason, Truncated: region.Truncated,
		})
	}
	for _, s := range report.Sessions {
		if known[s.EventID] {
			continue
		}
		switch {
		case s.ErrorCode != "":
			look.Refused++
		case s.Relation == "after":
			look.After++
		default:
			look.Before++
		}
		if len(look.Rows) == messages.MaxRows {
			look.Others = append(look.Others, s.EventID)
			continue
		}
		look.Rows = append(look.Rows, messages.Session{
			EventID: s.EventID, Time: s.Time.Truncate(time.Second), Caller: s.Caller, SessionName: s.SessionName,
			SourceAddress: s.SourceAddress, Region: s.Region, ErrorCode: s.ErrorCode, After: s.Relation == "after",
		})
	}
}
