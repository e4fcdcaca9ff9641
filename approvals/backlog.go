package approvals

import "time"

// Backlog is what waits in a store, for those who watch over it. All ages are by the store's clock.
// Replicas that share a store share it.
type Backlog struct {
	Waiting int64         // items that are not done, those in hand among them
	Oldest  time.Duration // since the oldest of them was queued; 0: there is none
	Timers  int64         // items that are due later
	Overdue time.Duration // since the first timer that is not queued yet came due; 0: there is none
	Aside   int64         // items that were parked; about the newest ten thousand stay

	// Of the newest two hundred requests or so.
	Open      int64         // wait for approvals
	Approved  int64         // are approved, and the revocation has not begun
	Executing int64         // the cutoff is promised, and there is no outcome
	Longest   time.Duration // since the earliest approval among the latter two, drills left out; 0: there is none
}
