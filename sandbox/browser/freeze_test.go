package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestAStolenKeyOfACallerIsFrozenOutFromTheAttackToTheVerdict(t *testing.T) {
	t.Parallel()
	// The clocks go ahead while the policy is on its way.
	p := open(t, desk(), "--propagation", "30s")
	p.commands("/revoke-sessions prod/reporting the key of ci-reports leaked")
	p.sees(theCard+" .bk-header", "Approval needed: revoke sessions of prod/reporting")
	p.press(".btn-next", "Become Bob")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees(theCard+" .bk-header", "Revoked: sessions of prod/reporting")
	p.press(".btn-next", "Skip ahead to the last check")
	p.sees("#thread .msg", "freeze: the caller's own key is stolen")
	p.lookAtBoth("freeze offered")

	p.becomes("Rosa")
	p.press("#thread .btn", "Ask to freeze")
	p.sees(theCard+" .bk-header", "Approval needed: freeze prod/reporting")
	p.gone(theCard, "already")
	p.lookAtBoth("freeze card")
	p.twoApprove()
	p.sees(theCard+" .bk-header", "Frozen: role prod/reporting")
	p.press("#thread .icon-button", "Close the thread")
	p.press(".btn-next", "Skip ahead to the last check")
	p.press(".btn-next", "Open the thread")
	p.sees("#thread .bk-header", "role prod/reporting")
	p.sees("#thread .msg", "Session tried: a new session is refused by the trust policy")
	p.lookAtBoth("freeze verdict")
}

// twoApprove gives the two approvals that a change of a trust policy needs.
func (p *page) twoApprove() {
	p.t.Helper()
	for _, name := range []string{"Bob", "Ines"} {
		p.becomes(name)
		p.press(theCard+" .bk-actions .btn", "Approve")
		p.press("#confirm .btn-danger", "")
	}
}

// lookAtBoth looks at the page as it is now on a desk and on a phone.
func (p *page) lookAtBoth(name string) {
	p.t.Helper()
	for _, w := range []window{handheld(), desk()} {
		p.do("resize", chromedp.EmulateViewport(w.width, w.height))
		p.look(fmt.Sprint(name, " ", w.width))
	}
}
