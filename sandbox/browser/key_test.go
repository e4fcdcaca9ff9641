package browser

import (
	"strings"
	"testing"
)

// command finds the command that is offered for the key of the second gist.
func (p *page) command() string {
	p.t.Helper()
	const mark = "A second gist"
	p.sees("#messages .msg", mark)
	text := ask[string](p, `words(all("#messages .msg").find((m) => words(m).includes("`+mark+`")))`)
	at := strings.Index(text, "AKIA")
	if at < 0 {
		p.t.Fatalf("the second gist has no key: %s", text)
	}
	return "/revoke-sessions " + text[at:at+20]
}

func TestTheKeyOfASecondGistIsContainedFromTheLeakToTheVerdict(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]window{"desk": desk(), "phone": handheld()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, size)
			p.sees("#messages .msg", "ASIA")
			command := p.command()
			key := strings.Fields(command)[1]
			p.look(name + " key leak")
			p.commands(command + " key pasted in a second gist")
			p.sees(theCard+" .bk-header", "Approval needed: deactivate access key "+key)
			for _, part := range []string{"prod/shop-migration", "key pasted in a second gist", "Who uses it now"} {
				p.sees(theCard, part)
			}
			p.sees("#next", "your own Approve does not count")
			p.sees(theCard+" .bk-text", "Who uses it now (")
			if below := ask[float64](p, belowTop); size == handheld() && below > 844 {
				t.Errorf("the buttons end %v px below the top of the card", below)
			}
			p.look(name + " key card")

			p.press(".btn-next", "Become Bob")
			p.sees("#next", "You may decide")
			p.press(theCard+" .bk-actions .btn", "Approve")
			p.sees("#confirm[open] h2", "Deactivate")
			p.look(name + " key confirm")
			p.press("#confirm .btn-danger", "")
			p.sees(theCard+" .bk-header", "Deactivated: access key "+key)
			p.sees("#next", "The access key is inactive")
			p.look(name + " key inactive")
			p.press(".btn-next", "Skip ahead to the last check")
			p.sees(theCard+" .bk-header", "Contained")
			p.sees("#next", "inactive, for good. The session of the first gist still works")
			p.sees("#next .btn-next", "/revoke-sessions ASIA")
			p.look(name + " key verdict")
		})
	}
}
