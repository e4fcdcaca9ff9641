package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// incidentReport is what a report is made of. Nothing in it comes from anywhere but the log, the
// names of people excepted.
type incidentReport struct {
	messages.Pen
	c      messages.Context
	words  messages.Words
	r      approvals.Request
	events []approvals.Event
	in     record.Incident
	proof  record.Proof
	undo   bool // it is of a request to take a measure away
}

// Report is the incident report of a request as Markdown. r is the fold of events. Of c only Role,
// Words, Further, Undo and Names are read. The same log and names give the same bytes.
func Report(r approvals.Request, events []approvals.Event, c messages.Context) string {
	i := incidentReport{
		Pen: pen, c: c, words: c.Words, r: r, events: events, in: c.Incident(events), proof: record.Proven(events),
		undo: r.Purpose.Mode() == approvals.ModeUndo,
	}
	i.Noun, i.Restricts = c.Role.Noun(), c.Role.Known != nil
	i.Who, i.At = named(c.Names), func(t time.Time) string { return messages.Clock(t, r.Opened) }
	return i.markdown()
}

// facts is the report for programs. Its names stay as they are while Format is 1.
type facts struct {
	Drill    string `json:"DRILL,omitempty"` // of a drill: that nothing was written
	Format   int    `json:"format"`
	Request  string `json:"request"`
	ReadUpTo int64  `json:"read_up_to_event"`

	Purpose   approvals.Purpose `json:"purpose"`
	About     string            `json:"about_request,omitempty"`
	State     approvals.State   `json:"state"`
	Account   string            `json:"account"`
	AccountID string            `json:"account_id"`
	Role      string            `json:"role"`
	RoleARN   string            `json:"role_arn"`
	RoleID    string            `json:"role_unique_id"`
	Reason    string            `json:"reason,omitempty"`

	Requester string            `json:"requester"`        // people are ids
	People    map[string]string `json:"people,omitempty"` // their names
	Approvers []string          `json:"approvers"`
	Asked     time.Time         `json:"asked"`
	Ended     time.Time         `json:"ended,omitzero"`
	Steps     []stage           `json:"steps"`
	Cutoff    time.Time         `json:"cutoff,omitzero"`             // of the policy that was written last
	Revives   time.Time         `json:"old_sessions_until,omitzero"` // undone: until when old sessions can work again

	// yes, no, undone, role_gone or not_known; drill, where there is none to be stored
	Stored   string `json:"deny_stored"`
	OnPaper  string `json:"deny_on_paper"` // yes, no or not_known; drill
	Enforced string `json:"deny_enforced"` // the same

	Rehearsed *record.Rehearsed `json:"rehearsed,omitempty"` // of a drill

	Verdict    *record.Conclusion       `json:"verdict,omitempty"`
	Since      time.Time                `json:"cloudtrail_since,omitzero"`
	Until      time.Time                `json:"cloudtrail_until,omitzero"`
	Regions    []trail.RegionCoverage   `json:"regions"`
	Sessions   []record.Session         `json:"sessions"`
	LeftOut    int                      `json:"sessions_not_kept"`
	Suspects   []record.Suspect         `json:"suspects"`
	NotRead    int                      `json:"suspects_not_looked_into"`
	Activities []record.SessionActivity `json:"activities"`
	Chain      []record.Link            `json:"roles_assumed"`
	MoreLinks  int                      `json:"roles_assumed_not_kept"`

	Events []factEvent `json:"events"`
}

// factEvent is one event of the log.
type factEvent struct {
	Seq    int64               `json:"seq"`
	Type   approvals.EventType `json:"type"`
	At     time.Time           `json:"at"`
	By     string              `json:"by,omitempty"`
	Detail json.RawMessage     `json:"detail,omitempty"`
}

// spans are durations in the JSON of the log, in nanoseconds. No text in JSON has a quote that is
// not escaped.
var spans = regexp.MustCompile(`("(?:after|expire_after|max_session|first_step|second_step)": )(\d+)`)

// ReportFacts are the facts of a report, as JSON. Durations are texts such as "1m30s".
func ReportFacts(r approvals.Request, events []approvals.Event, c messages.Context) ([]byte, error) {
	in, p, role := record.Gather(events), record.Proven(events), c.Role
	pen := pen
	pen.Restricts = role.Known != nil
	proven := pen.Facts(p)
	f := facts{
		Format: 1, Request: r.ID, ReadUpTo: r.Seq,
		Purpose: r.Purpose, About: r.About, State: r.State, Account: role.AccountName, AccountID: role.AccountID,
		Role:    role.Name,
		RoleARN: role.ARN,
		RoleID:  role.ID, Reason: r.Reason, Requester: r.Requester, Approvers: r.Voters(), Asked: r.Asked.UTC(),
		People: c.Names, Steps: stages(r, events, in), Ended: r.Ended, Cutoff: p.Cutoff,
		Stored: proven[0].Word, OnPaper: proven[1].Word, Enforced: proven[2].Word,
		Verdict: in.Verdict, Since: in.Since, Until: in.Until, Regions: listed(in.Regions), Sessions: listed(in.Sessions),
		LeftOut: in.LeftOut, NotRead: in.NotRead,
		Suspects: []record.Suspect{}, Activities: []record.SessionActivity{}, Chain: listed(in.Chain),
		MoreLinks: in.MoreLinks,
	}
	if record.IsDrill(events) {
		f.Drill, f.Stored, f.OnPaper, f.Enforced = "Nothing was written.", "drill", "drill", "drill"
		if r.State == approvals.StateRehearsed {
			f.Rehearsed = record.Known[record.Rehearsed](r.Closing)
		}
	}
	if !f.Ended.IsZero() {
		f.Ended = f.Ended.UTC()
	}
	if r.Undone != nil {
		if u := record.Known[record.Undone](*r.Undone); u != nil && u.Revives {
			f.Revives = u.RevivesUntil
		}
	}
	for _, s := range in.Sessions {
		if a, ok := in.Activities[s.EventID]; ok {
			f.Activities = append(f.Activities, a)
		}
		if why, ok := in.Suspects[s.EventID]; ok {
			f.Suspects = append(f.Suspects, why)
		}
	}
	for _, e := range events {
		one := factEvent{Seq: e.Seq, Type: e.Type, At: e.At.UTC(), By: e.By, Detail: e.Detail}
		if len(e.Detail) > 0 && !json.Valid(e.Detail) {
			one.Detail = nil // it says nothing that can be read
		}
		f.Events = append(f.Events, one)
	}
	out, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("facts of the report: %w", err)
	}
	return append(spans.ReplaceAllFunc(out, func(found []byte) []byte {
		part := spans.FindSubmatch(found)
		ns, _ := strconv.ParseInt(string(part[2]), 10, 64)
		return fmt.Appendf(nil, "%s%q", part[1], time.Duration(ns))
	}), '\n'), nil
}

// listed is a list that is there, if empty.
func listed[T any](all []T) []T { return append([]T{}, all...) }
