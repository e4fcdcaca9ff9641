package report

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/timeline"
)

// File is a file that goes with an event: after its message, in the thread.
type File struct {
	// Name is unique within the thread, ASCII, and the same every time: after a crash the file is
	// looked for by it. Make it with FileName.
	Name    string
	Title   string // what people see; no foreign text
	AltText string // of a picture: the same in words, at most timeline.MaxAltText characters
	// Bytes makes the content, which is the same every time: it comes from the log alone, never from
	// the clock or the configuration. It is not called when the file is there already.
	Bytes func() ([]byte, error)
}

// FileName names a file of an event: "sessions-<request>-<seq>.csv", of a drill "DRILL-sessions-…".
func FileName(what string, r approvals.Request, e approvals.Event, extension string) string {
	if r.Purpose.Mode() == approvals.ModeDrill {
		what = "DRILL-" + what
	}
	return fmt.Sprintf("%s-%s-%d.%s", what, r.ID, e.Seq, extension)
}

// Brings reports whether files go with the last of events: a verdict that is not the same again, or
// a request for the report or the plan.
func Brings(events []approvals.Event) bool {
	t := events[len(events)-1].Type
	return t == approvals.EventReport || t == approvals.EventPlan || t == approvals.EventVerdict &&
		!messages.Repeats(events)
}

// Upto is the last event that the files of an event are made of; 0: no files.
func Upto(e approvals.Event) int64 {
	switch v := record.Known[record.Reported](e); {
	case e.Type == approvals.EventVerdict, e.Type == approvals.EventPlan:
		return e.Seq
	case e.Type == approvals.EventReport && v != nil && v.Upto < e.Seq:
		return max(v.Upto, 0)
	default:
		return 0
	}
}

// Files are the files that go with an event: the picture and the list of sessions, where there are
// any, and the report. events is the log up to the event and e its last: what happened later is not
// there, so the files are the same whenever they are made. Of c is
// read what Report reads.
func Files(r approvals.Request, events []approvals.Event, e approvals.Event, c messages.Context) (files []File) {
	upto := Upto(e)
	if upto == 0 {
		return nil
	}
	read := events[:upto]
	in := c.Incident(read)
	add := func(what, extension, title, alt string, bytes func() ([]byte, error)) {
		if in.Drill {
			title = messages.Marked(title)
		}
		files = append(files, File{FileName(what, r, e, extension), title, alt, bytes})
	}
	if e.Type == approvals.EventPlan {
		if p := record.Known[record.Plan](e); p != nil {
			add("recreate", "md", "Plan to recreate the role", "", func() ([]byte, error) {
				return []byte(Plan(*p)), nil
			})
		}
		return files
	}
	if len(in.Sessions) > 0 {
		p := picture(in, c.Role)
		add("timeline", "png", "Sessions over time", timeline.AltText(p), func() ([]byte, error) { return timeline.PNG(p) })
		add("sessions", "csv", "All sessions, for a spreadsheet", "", func() ([]byte, error) { return CSV(in, c.Role) })
		add("sessions", "jsonl", "All sessions, for programs", "", func() ([]byte, error) { return JSONLines(in, c.Role) })
	}
	made := func(write func(then approvals.Request) ([]byte, error)) func() ([]byte, error) {
		return func() ([]byte, error) {
			then, err := approvals.Fold(r.ID, read)
			if err != nil {
				return nil, err
			}
			return write(then)
		}
	}
	add("report", "md", "Report", "", made(func(then approvals.Request) ([]byte, error) {
		return []byte(Report(then, read, c)), nil
	}))
	add("report", "json", "Report, its facts", "", made(func(then approvals.Request) ([]byte, error) {
		return ReportFacts(then, read, c)
	}))
	return files
}
