package record

import (
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
)

// What a direct message was about.
const (
	DirectCall    = "call"    // an approver who is not in the channel is asked to look at the card
	DirectOutcome = "outcome" // what became of a request whose channel does not take it
)

// Direct is the Detail of an EventDirect.
type Direct struct {
	Person  string `json:"person,omitempty"`
	About   string `json:"about"`
	Problem string `json:"problem,omitempty"` // Slack's word for why they were not told
	Unsure  bool   `json:"unsure,omitempty"`  // Slack did not say whether it took the message
	Nobody  bool   `json:"nobody,omitempty"`  // no approver can have heard of the request
}

// CodeThreadGone stands in a ShutOut where Slack takes the channel and there is no thread any more,
// because its root, the card, was deleted.
const CodeThreadGone = "thread_gone"

// ShutOut is the Detail of an EventShutOut.
type ShutOut struct {
	Code string `json:"code"` // Slack's word for why it refuses the channel, or CodeThreadGone
}

// WhyDirect is the code of the event for which people get a DM; "" without such an event.
func WhyDirect(events []approvals.Event) string {
	for _, e := range events {
		if d := Known[ShutOut](e); e.Type == approvals.EventShutOut && d != nil {
			return d.Code
		}
	}
	return ""
}

// FilesRefused is the Detail of an EventFilesRefused.
type FilesRefused struct {
	Name string `json:"name"`           // the first file that the thread goes without
	Code string `json:"code,omitempty"` // Slack's; empty when the file could not be made
}

// CodeNoAnswer is the Code of a file that Slack did not answer about for too long.
const CodeNoAnswer = "no_answer"

// Denial is the Detail of an EventDenied.
type Denial struct {
	Reason string `json:"reason,omitempty"`
}

// Reminder is the Detail of an EventReminded.
type Reminder struct {
	Ask  []string `json:"ask,omitempty"`  // people and groups who can still decide
	Last bool     `json:"last,omitempty"` // there is no other before the request expires
}

// Reported is the Detail of an EventReport: the report reads the log up to and including event
// Upto, so that it says the same whenever it is made.
type Reported struct {
	Upto int64 `json:"upto"`
}

// Plan is the Detail of an EventPlan: what was read of a role that a person wants to recreate.
type Plan struct {
	role.Portrait
	At   time.Time `json:"at"`   // AWS's clock
	Ours []string  `json:"ours"` // what measures write on a role: names and ARNs; one that ends with a dash begins others
}

// Leaves reports whether a policy is one that the new role does not need: it denies sessions of the
// old one.
func (p Plan) Leaves(policy string) bool {
	return slices.ContainsFunc(p.Ours, func(name string) bool {
		return policy == name || strings.HasSuffix(name, "-") && strings.HasPrefix(policy, name)
	})
}

// Fit leaves out documents, the largest first, until the event has room for the plan: the plan says
// how to save them.
func (p *Plan) Fit() {
	for len(Encode(p)) > MaxDetail {
		at, most := -1, 0
		for i, d := range p.Inline {
			if len(d.Text) > most {
				at, most = i, len(d.Text)
			}
		}
		if at < 0 {
			return
		}
		p.Inline[at].Text = ""
	}
}
