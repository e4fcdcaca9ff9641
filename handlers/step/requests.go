// Package step is what each step in the life of a request has in common, whichever room of handlers
// takes it.
//
// A step reads a request, decides, and commits events: Requests.Change does that, again and again
// while others are quicker (change.go), and Requests.Close ends a request (ending.go). It answers
// an item from the store, whose body is read with BodyOf, and returns Again when it has to come
// back later (item.go).
//
// A step that acts on AWS goes by what is in force on the principal and tells package role what to
// do with Order (order.go), records what the documents came to with Sum (outcome.go), and lets
// OutcomeOf say what an error comes to (ending.go). Nothing here knows Slack.
package step

import (
	"context"
	"log/slog"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/measures"
)

// Requests reads requests, has them decided on, and commits. All fields but Guard are required.
type Requests struct {
	Store    approvals.Store
	Policies map[string]approvals.Policy // by account name
	Measures measures.Table              // that exist here
	Margin   time.Duration               // as aws.Config has it; shown to people
	Guard    []time.Duration             // after a write, when it is checked; none: never
	Log      *slog.Logger
}

// Alarm records what a person has to look at now, once for each source.
func (s Requests) Alarm(ctx context.Context, request, source, why string) error {
	s.Log.ErrorContext(ctx, "someone else writes to Redis, or Redis lost data", "request", request, "why", why)
	return s.Note(ctx, approvals.EventForged, "", source, struct {
		Why     string `json:"why"`
		Request string `json:"request,omitempty"`
	}{why, request})
}
