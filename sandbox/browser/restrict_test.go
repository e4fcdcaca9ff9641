package browser

import "testing"

func TestAServiceRoleIsRestrictedFromTheAttackToTheVerdict(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.commands("/revoke-sessions prod/web-instance its metadata service was read from outside")
	p.sees(theCard+" .bk-header", "Approval needed: revoke sessions of prod/web-instance")
	p.press(".btn-next", "Become Bob")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees(theCard+" .bk-header", "Revoked: sessions of prod/web-instance")
	// The instance has new credentials, and the attacker reads them.
	p.sees("#next", "This attacker has no terminal")
	p.press(".btn-next", "Skip ahead to the last check")
	p.sees("#messages .bk-header", "Not contained")
	p.sees("#thread .msg", "restrict: services use this role, and the attacker is outside")
	p.look("restrict offered")

	p.press("#thread .btn", "Ask to restrict")
	p.sees("#modal[open] h2", "Restrict a role")
	p.seesTheAddresses()
	p.look("restrict form")
	p.press("#modal .btn", "Ask for approval")
	p.sees(theCard+" .bk-header", "Approval needed: restrict prod/web-instance")
	p.sees(theCard, "198.51.100.160")
	p.look("restrict card")
	p.becomes("Ines")
	p.press(theCard+" .bk-actions .btn", "Approve")
	p.press("#confirm .btn-danger", "")
	p.sees(theCard+" .bk-header", "Restricted: role prod/web-instance")
	p.press(".btn-next", "Skip ahead to the last check")
	p.sees(theCard+" .bk-header", "Contained")
	p.look("restrict verdict")
}

// seesTheAddresses of the role in the form, all ticked but the attacker's.
func (p *page) seesTheAddresses() {
	p.t.Helper()
	p.sees("#modal .bk-radio label", "198.51.100.160")
	p.sees("#modal .bk-radio label", "203.0.113.77")
	p.until("the attacker's address is not ticked",
		`!all("#modal .bk-radio input:checked").some((box) => box.value === "203.0.113.77")`)
}

func TestARestrictionWithoutAddressesOffersThemInAForm(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]window{"desk": desk(), "phone": handheld()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, size)
			p.commands("/revoke-sessions restrict prod/web-instance its metadata service was read")
			p.sees("#messages .msg", "was used from")
			p.look(name + " addresses offered")
			p.press("#messages .btn", "Choose addresses")
			p.sees("#modal[open] h2", "Restrict a role")
			p.seesTheAddresses()
			p.look(name + " addresses form")
		})
	}
}
