package bot

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/revokebot/revokebot/approvals"
)

// told are the events of a request that get a line of the log when they are committed. What is
// not here has one where it happens, or many a minute.
var told = map[approvals.EventType]string{
	approvals.EventEvidence: "CloudTrail was checked", approvals.EventVerdict: "a verdict was reached",
	approvals.EventReport: "files are made for the thread", approvals.EventHeld: "the guard has ended",
	approvals.EventSimulated: "the policy simulator was asked",
}

// loggedStore logs what is committed.
type loggedStore struct {
	Store
	log *slog.Logger
}

// Commit implements approvals.Store.
func (s loggedStore) Commit(ctx context.Context, t approvals.Transition) error {
	err := s.Store.Commit(ctx, t)
	if err != nil {
		return err
	}
	for _, e := range t.Events {
		if msg := told[e.Type]; msg != "" {
			var d struct{ Word string }      // of a verdict
			_ = json.Unmarshal(e.Detail, &d) // what cannot be read has none
			s.log.InfoContext(ctx, msg, "request", t.RequestID, "source", e.Source, "verdict", d.Word)
		}
	}
	return nil
}
