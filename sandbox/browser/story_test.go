package browser

import (
	"strconv"
	"testing"
)

func TestTheThiefStaysOutAndTheJobWorksAgain(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	loaded := ask[float64](p, "performance.timeOrigin")
	p.sees("#next", "Step 1 of 5")
	p.look("start")

	p.sends()
	p.sees(theCard+" .bk-header", "Approval needed: revoke sessions of prod/DeployRole")
	for _, part := range []string{
		"prod", "111122223333", "@Rosa", "key pasted in a gist", "Who uses it now (CloudTrail until", "GitHub acme/shop main",
	} {
		p.sees(theCard, part)
	}
	p.seesTheTop()
	p.press(theCard+" .bk-actions .btn", "Details")
	for _, part := range []string{
		"arn:aws:iam::111122223333:role/DeployRole", "Who may assume it", "What Approve does", "Not touched", "Unique id",
	} {
		p.sees("#modal[open]", part)
	}
	p.look("details")
	p.press("#modal .dialog-buttons .btn", "Close")
	p.gone("#modal", "")
	if ask[float64](p, "performance.timeOrigin") != loaded {
		t.Error("the page was loaded again")
	}
	p.sees("#next", "You asked, so your own Approve does not count")
	p.look("card")

	// The requester's own Approve.
	p.decides("Approve")
	p.look("confirm")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees("#messages .ephemeral", "You can't approve your own request")
	p.sees("#messages .ephemeral .only-you", "Only visible to you")
	p.sees(theCard+" .bk-actions .btn", "Approve")
	p.look("own approve refused")

	// Somebody who may not.
	p.becomes("Nils")
	p.sees(theCard+" .bk-header", "Approval needed")
	p.gone("#messages .ephemeral", "")
	p.decides("Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees("#messages .ephemeral", "You are not on the list of approvers")
	p.look("stranger refused")

	// An approver, who thinks twice.
	p.press(".btn-next", "Become Bob")
	p.sees(".person:has(:checked)", "Bob")
	p.gone("#messages .ephemeral", "")
	p.sees("#next", "You may decide")
	p.decides("Approve")
	p.press("#confirm .btn", "Not now")
	p.gone("#confirm", "")
	p.sees(theCard+" .bk-actions .btn", "Approve")
	p.decides("Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.gone(theCard+" .bk-actions", "")
	p.sees(theCard+" .bk-header", "Revoked: sessions of prod/DeployRole")
	p.look("applied")

	// The thread opens by itself.
	p.sees("#thread .msg", "Revoked:")
	p.sees("#thread .msg", "On the role: yes")
	p.sees("#thread .msg .bk-table th", "State now")
	p.sees("#thread .msg .bk-table td", "no activity since the cutoff")
	p.sees("#thread .msg", "CloudTrail")

	p.sees("[data-actor=thief] .line-output", "AccessDenied")
	p.sees("[data-actor=thief] .state", "is denied")
	p.sees("[data-actor=job] .line-output", "AccessDenied")
	p.look("both denied")
	p.sees("[data-actor=job] .state", "gets answers")
	p.sees("[data-actor=job] .again", "assumed the role again")
	p.until("the job's last line is an answer", `all("[data-actor=job] .line").at(-1).matches(".answered")`)

	// The thief goes on calling, and stays out.
	calls := ask[int](p, deniedCalls)
	p.until("the thief is denied three times more", deniedCalls+" >= "+strconv.Itoa(calls+3))
	p.sees("[data-actor=thief] .state", "is denied")
	p.sees("[data-actor=job] .state", "gets answers")
	p.sees("#next", "The thief is still in as NightlyBackup")
	p.sees("[data-actor=thief] .state", "is denied as DeployRole, still in as NightlyBackup")
	p.look("thief still in")

	// The other role, and the end.
	p.press("#thread .btn", "Revoke it")
	p.sees(theCard+" .bk-header", "Approval needed: revoke sessions of prod/NightlyBackup")
	p.sees("#next", "Step 4 of 5")
	p.becomes("Ines")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees("#next", "The thief is out of both roles")
	p.gone("[data-actor=thief] .state", "still in")
	p.press(".btn-next", "Skip ahead to the last check")
	p.sees("#messages .bk-header", "prod/DeployRole")
	p.until("the card of the first revocation has the verdict",
		`all("#messages .bk-header").some((h) => words(h).includes("ontained"))`)
	p.look("the end")
}

// deniedCalls counts the denials in the thief's terminal. Its calls in the other role lie between.
const deniedCalls = `all("[data-actor=thief] .line.denied").reduce((n, line) => n + ` +
	`Number(words(line.querySelector(".line-times") ?? line).match(/^×(\d+)$/)?.[1] ?? 1), 0)`

func TestADenialSaysItsReasonOnTheCard(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.sends()
	p.sees(theCard+" .bk-header", "Approval needed")
	p.becomes("Ines")
	p.press(theCard+" .bk-actions .btn", "Deny")
	p.sees("#modal[open] h2", "Deny the request?")
	p.look("deny form")

	// The form can be left; the request stays open.
	p.press("#modal .btn", "Back")
	p.gone("#modal", "")
	p.sees(theCard+" .bk-actions .btn", "Deny")

	p.press(theCard+" .bk-actions .btn", "Deny")
	p.sees("#modal[open] h2", "Deny the request?")
	p.until("the field for the reason has the focus", `document.activeElement.matches("#modal textarea")`)
	p.types("the key in the gist is an old one")
	p.look("deny form filled")
	p.press("#modal .btn", "Deny")
	p.gone("#modal", "")
	p.sees(theCard+" .bk-header", "Request denied: revoke sessions of prod/DeployRole")
	p.sees(theCard, "the key in the gist is an old one")
	p.sees(theCard, "@Ines")
	p.gone(theCard+" .bk-actions", "")
	p.sees("[data-actor=thief] .state", "gets answers")
	p.look("denied")

	// The App Home lists it, leads to its card, and to the form for another one.
	p.press("#home-tab", "revokebot: Home")
	p.sees("#home .bk-text", "denied: revoke sessions of prod/DeployRole")
	p.look("home")
	p.press("#home .btn", "Open the card of the request for prod/DeployRole")
	p.gone("#home", "")
	p.sees(theCard+" .bk-header", "Request denied")
	p.press("#home-tab", "revokebot: Home")
	p.press("#home .btn", "Ask for a revocation")
	p.sees("#modal[open] h2", "Revoke sessions")
	p.press("#modal .btn", "Ask for approval")
	p.sees("#modal .bk-input-error", "Please complete this required field")
	p.look("form with an error")
	p.press("#modal [data-external]", "")
	p.types("nightly")
	p.press("#modal .options button", "NightlyBackup")
	p.press("#modal .btn", "Ask for approval")
	p.gone("#modal", "")
	p.sees("#home .bk-text", "What you asked for went to #incident-4711")
	p.sees("#home .bk-text", "prod/NightlyBackup")
	p.becomes("Bob") // whose home is drawn when he comes to it
	p.sees("#home .bk-text", "1 request is under way")
	p.sees("#home .bk-text", "prod/NightlyBackup")
}
