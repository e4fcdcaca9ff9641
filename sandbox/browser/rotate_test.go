package browser

import "testing"

func TestALeakedExternalIdIsRotatedFromTheAttackToTheVerdict(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.commands("/revoke-sessions prod/partner-ingest the external id leaked")
	p.sees(theCard+" .bk-header", "Approval needed: revoke sessions of prod/partner-ingest")
	p.press(".btn-next", "Become Bob")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees(theCard+" .bk-header", "Revoked: sessions of prod/partner-ingest")
	p.press(".btn-next", "Skip ahead to the last check")
	p.sees("#thread .msg", "rotate-external-id: a third party's session is unusual")
	p.lookAtBoth("rotation offered")

	p.becomes("Rosa")
	p.press("#thread .btn", "Ask to rotate the external id")
	p.sees(theCard+" .bk-header", "Approval needed: rotate the external id of prod/partner-ingest")
	p.sees("#messages .ephemeral", "Only you see this message")
	p.gone(theCard, "already")
	p.lookAtBoth("rotation card")
	p.twoApprove()
	p.sees(theCard+" .bk-header", "Rotated: external id of prod/partner-ingest")
	p.press("#thread .icon-button", "Close the thread")
	p.press(".btn-next", "Skip ahead to the last check")
	p.press(".btn-next", "Open the thread")
	p.sees("#thread .msg", "The leaked external id still works")
	p.lookAtBoth("rotation verdict")
}
