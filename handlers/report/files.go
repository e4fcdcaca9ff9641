package report

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// MaxAltText is the longest alternative text of a file that Slack takes, in characters (Slack
// documentation, "files.getUploadURLExternal", alt_txt_too_large).
const MaxAltText = 1000

// File is a file that goes with an event: after its message, in the thread.
type File struct {
	// Name is unique within the thread, ASCII, and the same every time: after a crash the file is
	// looked for by it. Make it with FileName.
	Name    string
	Title   string // what people see; no foreign text
	AltText string // of a picture: the same in words, at most MaxAltText characters
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

// Files are the files that go with an event, in the order in which they are shown. events is the
// log up to the event and e its last, r their fold: what happened later is not there, so that the
// files are the same whenever they are made. Of c only Role and Words are read.
func Files(r approvals.Request, events []approvals.Event, e approvals.Event, c messages.Context) []File {
	var files []File
	switch e.Type {
	case approvals.EventReport:
		files = reportFiles(r, events, e, c)
	case approvals.EventSessions, approvals.EventOffered, approvals.EventActivity, approvals.EventVerdict:
		files = trailFiles(r, events, e, c)
	}
	if record.IsDrill(events) {
		for i := range files {
			files[i].Title = messages.Marked(files[i].Title)
		}
	}
	return files
}
