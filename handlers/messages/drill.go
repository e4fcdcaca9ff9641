package messages

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// drillMark begins whatever is said of a drill, in blocks, fallbacks, buttons and files: nobody is to take it for a
// revocation, nor to sleep through a revocation because of it.
const drillMark = "DRILL: "

// Rehearsed is the Detail of an EventRehearsed: what a revocation would have done, and what was checked on the way. Its
// members are not named as those of what was written are.
type Rehearsed struct {
	WouldBe  time.Time `json:"would_be_cutoff"`
	Document string    `json:"would_be_document"`
	At       time.Time `json:"read_at"` // AWS's clock when the role was read

	CallerARN string `json:"caller_arn,omitempty"`
	Own       bool   `json:"own_session"`       // a session of this drill alone, which may only read
	Unnamed   bool   `json:"unnamed,omitempty"` // it could not name the people

	First  time.Duration `json:"first_step"`  // reading the role and opening the session
	Second time.Duration `json:"second_step"` // a read in place of the write

	Size        int    `json:"policy_characters,omitempty"` // of Quota; 0: not known
	SizeUnknown string `json:"size_unknown,omitempty"`      // why, in a few words written in package aws

	Before          Verdict   `json:"before,omitempty"` // of a session issued a second before the would-be cutoff
	After           Verdict   `json:"after,omitempty"`  // of one issued a second after it
	SimulatedAt     time.Time `json:"simulated_at,omitzero"`
	Unavailable     string    `json:"unavailable,omitempty"` // why it could not be simulated, a sentence
	MayWrite        bool      `json:"may_write"`
	MayWriteUnknown string    `json:"may_write_unknown,omitempty"` // why it is not known, a sentence
}

// quota is the room for all inline policies of a role together (IAM User Guide, "IAM and AWS STS quotas").
const quota = "10,240"

// onPaper reports whether the policy would do what it is for, by the simulator.
func (d Rehearsed) onPaper() bool {
	return d.Unavailable == "" && d.Before == DeniedByOurs && d.After == NotDenied
}

// clean reports whether all that a drill can check was found in order. That an account has no session of its own, or one
// that names nobody, is what its configuration accepts.
func (d Rehearsed) clean() bool { return d.onPaper() && d.MayWrite && d.Size > 0 }

// WouldBeCutoff is the cutoff that a drill came to, zero before. A drill has no other.
func WouldBeCutoff(events []approvals.Event) time.Time {
	for _, e := range events {
		if e.Type != approvals.EventRehearsed {
			continue
		}
		if d, err := detail[Rehearsed](e); err == nil {
			return d.WouldBe
		}
	}
	return time.Time{}
}

// isDrill reads from a log whether it is that of a drill.
func isDrill(events []approvals.Event) bool {
	if len(events) == 0 || events[0].Type != approvals.EventRequested {
		return false
	}
	o, err := detail[approvals.Opening](events[0])
	return err == nil && o.Purpose == approvals.PurposeDrill
}

// Drilled is a message that says of itself that it is of a drill: first of all, in the blocks as in the fallback. What says
// so already stays as it is.
func Drilled(m *Message) *Message {
	if m == nil {
		return nil
	}
	out := &Message{Text: fit(marked(m.Text), limitText), Blocks: slices.Clone(m.Blocks), Simpler: Drilled(m.Simpler)}
	if len(out.Blocks) == 0 {
		return out
	}
	switch b := out.Blocks[0].(type) {
	case *slack.HeaderBlock:
		out.Blocks[0] = header(marked(b.Text.Text))
	case *slack.SectionBlock:
		if b.Text != nil {
			same := *b
			same.Text = markedObject(*b.Text)
			out.Blocks[0] = &same
			break
		}
		out.Blocks = slices.Insert(out.Blocks, 0, section(drillMark+"nothing is written."))
	default:
		out.Blocks = slices.Insert(out.Blocks, 0, section(drillMark+"nothing is written."))
	}
	return out
}

// drilledIf marks a message of a drill, and leaves others alone.
func drilledIf(drill bool, m *Message) *Message {
	if drill {
		return Drilled(m)
	}
	return m
}

func marked(text string) string {
	if strings.HasPrefix(text, drillMark) {
		return text
	}
	return drillMark + text
}

// markedIf marks a text of a drill that was written here.
func markedIf(drill bool, text string) string {
	if drill {
		return marked(text)
	}
	return text
}

func markedObject(t slack.TextBlockObject) *slack.TextBlockObject {
	if t.Type == slack.MarkdownType {
		t.Text = fit(marked(t.Text), limitSection)
	} else {
		t.Text = cut(marked(t.Text), limitSection)
	}
	return &t
}

// thousands writes a number as the quota is written.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// millis writes how long a remote step took.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }
