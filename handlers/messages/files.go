package messages

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// ActionReport is the button that asks for the files of a request; its value is the request's id.
const ActionReport = "revokebot_report"

// ActionPlan is the button that asks for the plan to recreate a role; its value is the request's
// id.
const ActionPlan = "revokebot_plan"

// PlanComing answers the request for a plan.
func PlanComing() *Message {
	return sentence("revokebot has read the role. The plan to recreate it appears in the thread.")
}

// PlanThere points at the plan.
func PlanThere() *Message {
	return sentence("The plan to recreate the role is in the thread already. You can ask for another one five minutes " +
		"after it.")
}

// FilesWords stand with the files of a thread. They are made of the log up to an event.
func FilesWords(r approvals.Request, c Context, e approvals.Event, upto int64) string {
	if e.Type == approvals.EventPlan {
		return Mention(e.By) + " *Plan to recreate " + roleWords(c.Role) +
			"*. *It cannot be undone.* revokebot carried out " +
			"nothing of it: read it, then run it by hand."
	}
	text := fmt.Sprintf("*Files*, from the record of this request up to event %d.", upto)
	if c.Drill {
		return Marked(text)
	}
	return text
}

// filesRefused says that a file did not come, and what to do.
func filesRefused(f record.FilesRefused) string {
	text := "Slack rejected the file " + Code(f.Name, 100) + " (" + Code(f.Code, 60) + "). The record is complete. "
	switch f.Code {
	case "":
		return "The file " + Code(f.Name, 100) + " could not be made. The record is complete. " +
			"The operator of revokebot finds the cause in its log."
	case "missing_scope", "not_allowed_token_type", "no_permission":
		return text + "The operator of revokebot can add the scope `files:write` to the app (`revokebot manifest` prints " +
			"what it needs) and install it again."
	case record.CodeNoAnswer:
		return text + "The operator of revokebot can check that it reaches Slack's host for uploads (`files.slack.com`)."
	case "storage_limit_reached", "file_upload_size_restricted":
		return text + "An administrator of this workspace can make room."
	default:
		return text + "An administrator of this workspace can allow it."
	}
}

// ReportNowhere rejects a report of what is not on record.
func ReportNowhere(what string) *Message {
	return sentence("There is no request on record for " + Code(what, 120) + ", so there is nothing to report: " +
		"none was made, or it was so long ago that its record is gone. " +
		"The id of a request stands at the foot of its card.")
}

// ReportComing says where the report appears. link is that of the card, empty when it is not known.
// why is set if a file did not come before, in that thread.
func ReportComing(r approvals.Request, link string, why *record.FilesRefused) *Message {
	text := "The report of request " + Code(r.ID, 40) + " appears in " + threadWords(r, link) + ", with the other files."
	if why != nil {
		text += " It may fail again. " + filesRefused(*why)
	}
	return sentence(text)
}

// ReportEnough rejects a report of such a thread after so many others in a while.
func ReportEnough(r approvals.Request, why record.FilesRefused, most int, per, wait time.Duration) *Message {
	return sentence(fmt.Sprintf("The report of request %s was asked for again %d times in %s. %s Then ask again, in %s "+
		"at the earliest.", Code(r.ID, 40), most, Span(per), filesRefused(why), Span(max(wait, time.Second))))
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
