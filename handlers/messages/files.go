package messages

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// ActionReport is the button that asks for the files of a request; its value is the request's id.
const ActionReport = "revokebot_report"

// FilesWords stand with the files of a thread. They are made of the log up to an event.
func FilesWords(r approvals.Request, c Context, upto int64) string {
	text := fmt.Sprintf("*Files*, from the record of this request up to event %d.", upto)
	if c.Drill {
		return Marked(text)
	}
	return text
}

// filesRefused says that the thread goes without files, and what to do.
func filesRefused(f record.FilesRefused) string {
	if f.Code == "" {
		return "The file " + Code(f.Name, 100) + " could not be made. The record is complete; " + inItsLog
	}
	return "Slack rejects files of the bot here" + filesCause(f) + ", so this thread goes without " + Code(f.Name, 100) +
		" and others. The record is complete. " + filesRemedy(f)
}

// inItsLog ends a sentence about a file that could not be made.
const inItsLog = "the operator of revokebot finds the cause in its log."

// filesRemedy is the sentence that says what would help.
func filesRemedy(f record.FilesRefused) string {
	switch f.Code {
	case "":
		return "T" + inItsLog[1:]
	case "missing_scope", "not_allowed_token_type", "no_permission":
		return "The operator of revokebot can add the scope `files:write` to the app (`revokebot manifest` prints what it " +
			"needs) and install it again."
	case record.CodeNoAnswer:
		return "The operator of revokebot can check that it reaches Slack's host for uploads (`files.slack.com`)."
	case "storage_limit_reached", "file_upload_size_restricted":
		return "An administrator of this workspace can make room."
	default:
		return "An administrator of this workspace can allow it."
	}
}

// filesCause is why, in brackets, with the space before it; empty where Slack had no say in it.
func filesCause(f record.FilesRefused) string {
	if f.Code == "" {
		return ""
	}
	return " (" + Code(f.Code, 60) + ")"
}

// ReportUsage says how to ask for a report, when there was nothing to go on.
func ReportUsage() *Message {
	return sentence("Name a role, or the id of a request, which stands at the foot of its card: `" + Command +
		" report prod/DeployRole`.")
}

// ReportNowhere rejects a report of what is not on record.
func ReportNowhere(what string) *Message {
	return sentence("There is no request on record for " + Code(what, 120) + ", so there is nothing to report: " +
		"none was made, or it was so long ago that its record is gone. " +
		"The id of a request stands at the foot of its card.")
}

// ReportComing says where the report appears. link is that of the card, empty when it is not known.
func ReportComing(r approvals.Request, link string) *Message {
	return sentence("The report of request " + Code(r.ID, 40) + " appears in " + threadWords(r, link) +
		", with the other files.")
}

// ReportDoubtful is the same in a thread that went without a file before, for that reason.
func ReportDoubtful(r approvals.Request, link string, why record.FilesRefused) *Message {
	if why.Code == "" {
		return sentence("The report of request " + Code(r.ID, 40) + " appears in " + threadWords(r, link) +
			", with the other files. A file there could not be made before, and it may be so again; " + inItsLog)
	}
	return sentence("The report of request " + Code(r.ID, 40) + " is tried once more in " + threadWords(r, link) +
		". Slack refused a file there before" + filesCause(why) +
		" and may do so again. " + filesRemedy(why))
}

// ReportEnough rejects a report of such a thread after so many others in a while.
func ReportEnough(r approvals.Request, why record.FilesRefused, most int, per, wait time.Duration) *Message {
	trouble := "although Slack does not take files there" + filesCause(why)
	if why.Code == "" {
		trouble = "although a file there could not be made"
	}
	return sentence(
		fmt.Sprintf("The report of request %s was asked for again %d times in %s %s. "+
			"%s Then ask again, in %s at the earliest: nothing of the report is lost, it is made from the record.",
			Code(r.ID, 40), most, Span(per), trouble, filesRemedy(why), Span(max(wait, time.Second))))
}

// ReportThere points at the last report when nothing happened since.
func ReportThere(r approvals.Request, link string) *Message {
	return sentence("Nothing has happened since the last report of request " + Code(r.ID, 40) + ". It is in " +
		threadWords(r, link) + ".")
}

func threadWords(r approvals.Request, link string) string {
	if link == "" {
		return "its thread in " + Channel(r.Place.Channel)
	}
	return "the thread of <" + link + "|its card> in " + Channel(r.Place.Channel)
}

// NotForReport rejects a report for a person who may not ask for one.
func NotForReport(standing approvals.Standing) *Message {
	switch standing {
	case approvals.StandingUnknown:
		return sentence("No report was made: revokebot couldn't verify your permissions (Slack didn't answer). " +
			"Try again in a moment.")
	case approvals.FullMember:
		return sentence("No report was made: you are not on the list of people who may ask for things here. " +
			"Ask a member of the incident team.")
	default:
		return sentence("No report was made: reports are for full members of this workspace, and this account is a " +
			standing.String() + ". Ask a member of the incident team.")
	}
}
