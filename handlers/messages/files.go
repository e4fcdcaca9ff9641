package messages

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
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
// files are the same whenever they are made. Of c only Role belongs to the log.
func Files(r approvals.Request, events []approvals.Event, e approvals.Event, c Context) []File {
	switch e.Type {
	case approvals.EventReport:
		return reportFiles(r, events, e, c)
	case approvals.EventSessions, approvals.EventOffered, approvals.EventActivity, approvals.EventVerdict:
		return trailFiles(r, events, e, c)
	default:
		return nil
	}
}

// filesRefused says that the thread goes without files, and what to do.
func filesRefused(e approvals.Event) *Message {
	f, err := record.Detail[record.FilesRefused](e)
	if err != nil {
		return nil
	}
	if f.Code == "" {
		return sentence("The file " + code(f.Name, 100) + " could not be made, so this thread goes without it. " +
			"The record of the request is complete; " + inItsLog)
	}
	return sentence("Slack does not take files from the bot here" + filesCause(f) + ", so this thread goes without " +
		code(f.Name, 100) +
		" and perhaps others. What they tell is in the record of the request, and the messages above and below go on. " +
		filesRemedy(f))
}

// inItsLog ends a sentence about a file that could not be made.
const inItsLog = "whoever runs revokebot finds the cause in its log."

// filesRemedy is the sentence that says what would help.
func filesRemedy(f record.FilesRefused) string {
	switch f.Code {
	case "":
		return "W" + inItsLog[1:]
	case "missing_scope", "not_allowed_token_type", "no_permission":
		return "Whoever runs revokebot can add the scope `files:write` to the app (`revokebot manifest` prints what it " +
			"needs) and install it again."
	case record.CodeNoAnswer:
		return "Whoever runs revokebot can check that it reaches the host that Slack takes uploads at (`files.slack.com`)."
	case "storage_limit_reached", "file_upload_size_restricted":
		return "Whoever runs this workspace can make room."
	default:
		return "Whoever runs this workspace can allow it."
	}
}

// filesCause is why, in brackets, with the space before it; empty where Slack had no say in it.
func filesCause(f record.FilesRefused) string {
	if f.Code == "" {
		return ""
	}
	return " (" + code(f.Code, 60) + ")"
}
