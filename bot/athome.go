package bot

import (
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/step"
)

// homeWait is how long a command or a click waits before it is looked at again by a bot that Slack
// has not answered yet.
const homeWait = time.Second

// atHome keeps what people sent from being judged before the bot knows which workspace it belongs
// to: by the rules a command from elsewhere is ignored, and from nowhere everything is elsewhere.
// The items go back to the inbox, where a replica that knows may take them. Work that was approved
// does not wait, and neither does a click whose approval is in the log: it is judged already.
type atHome struct {
	handler
	identified func() bool
	resume     func(context.Context, approvals.Item) (bool, error) // handlers.Handlers.Resume
}

// Handle handles an item, or puts it off.
func (a *atHome) Handle(ctx context.Context, item approvals.Item) error {
	if slices.Contains(handlers.FromPeople(), item.Kind) && !a.identified() {
		if mine, err := a.resume(ctx, item); mine || err != nil {
			return err
		}
		return &step.Again{After: homeWait, Busy: true}
	}
	return a.handler.Handle(ctx, item)
}
