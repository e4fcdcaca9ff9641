package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// commands types a command into the composer and sends it.
func (p *page) commands(text string) {
	p.t.Helper()
	p.press("#composer-text", "")
	p.types(text)
	p.key(kb.Escape) // the offer of commands
	p.key(kb.Enter)
}

func TestALockKeepsTheThiefAndTheJobOutUntilItIsUndone(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.commands("/revoke-sessions lock prod/DeployRole the key is in a gist")
	p.sees(theCard+" .bk-header", "Approval needed: lock prod/DeployRole")
	p.sees(theCard, "SSM")
	p.look("lock card")

	p.becomes("Bob")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.sees("#confirm[open] h2", "Lock")
	p.look("lock confirm")
	p.press("#confirm .btn-danger", "")
	p.sees(theCard+" .bk-header", "Locked: role prod/DeployRole")
	p.sees("#thread .msg", "Policy simulator: blocks old and new sessions")
	p.sees("[data-actor=thief] .state", "is denied")
	p.sees("[data-actor=job] .state", "is denied")
	p.look("locked")

	p.becomes("Rosa")
	p.commands("/revoke-sessions undo lock prod/DeployRole the key is gone")
	p.sees(theCard+" .bk-header", "Approval needed: undo the lock")
	p.look("undo card")
	p.becomes("Bob")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn-danger", "")
	p.sees(theCard+" .bk-header", "Undone")
	p.sees("[data-actor=job] .state", "gets answers")
	p.look("undone")
}
