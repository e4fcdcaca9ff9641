package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestTheKeyboardAloneIsEnough(t *testing.T) {
	t.Parallel()
	p := open(t, desk())

	// The first stop of the page is a way past it, to the composer.
	p.key(kb.Tab)
	p.until("the first stop is the way to the composer", focused("a.skip")+` && inside(document.activeElement, `+
		`document.body)`)
	p.key(kb.Enter)
	p.until("the composer has the focus", focused("#composer-text"))

	// A slash offers commands; Escape takes the offer away, the arrows choose.
	p.types("/")
	p.sees("#hints .hint", "/revoke-sessions ASIA")
	p.key(kb.Escape)
	p.gone("#hints", "")
	p.key(kb.Backspace)
	p.types("/")
	p.sees("#hints .hint", "/revoke-sessions help")
	p.key(kb.ArrowDown)
	p.key(kb.ArrowDown)
	p.sees("#hints .hint.current", "/revoke-sessions AKIA")
	p.key(kb.ArrowUp)
	p.sees("#hints .hint.current", "/revoke-sessions ASIA")
	p.key(kb.Enter)
	p.until("the command is in the composer", focused("#composer-text")+` && document.activeElement.value.startsWith("/`+
		`revoke-sessions ASIA")`)
	p.key(kb.Enter)
	p.sees(theCard+" .bk-header", "Approval needed")

	// The people are one stop; the arrows go through them.
	p.walks(".person input", chromedp.ModifierShift)
	p.key(kb.ArrowDown)
	p.sees(".person:has(:checked)", "Bob")
	p.sees("#next", "You may decide")
	p.until("the focus stays with the people", focused(".person input[data-name=Bob]"))

	// To the button, and back out of the question.
	const approve = "#messages .bk-actions .btn-primary"
	p.walks(approve)
	p.key(kb.Enter)
	p.sees("#confirm[open] h2", "Revoke these sessions?")
	p.until("Enter alone would not revoke", focused("#confirm .btn[value=no]"))
	p.key(kb.Escape)
	p.gone("#confirm", "")
	p.until("the focus is where it was", focused(approve))
	p.sees(theCard+" .bk-actions .btn", "Approve")

	p.key(kb.Enter)
	p.sees("#confirm[open]", "Yes, revoke")
	p.key(kb.Tab)
	p.until("the next stop is the answer yes", focused("#confirm .btn[value=yes]"))
	p.key(kb.Enter)
	p.sees(theCard+" .bk-header", "Revoked")
	p.until("the focus stays with the card", focused("#messages .msg"))

	// The terminals and the thread can be reached and scrolled; Escape closes the thread.
	p.sees("#thread .msg", "On the role: yes")
	p.walks("#thread-messages")
	p.walks("#reply-text")
	p.key(kb.Escape)
	p.gone("#thread", "")
	p.until("the focus goes back to the channel", focused(".channel [data-act=thread]"))
	p.walks("[data-actor=thief] .terminal-lines")
	p.walks(".dock-toggle")
}

// focused is true when the element that a selector finds has the focus.
func focused(selector string) string {
	return fmt.Sprintf("document.activeElement.matches(%s)", quote(selector))
}

// walks presses Tab until the focus is on an element. At each stop on the way a person has to see
// where they are.
func (p *page) walks(selector string, held ...chromedp.Modifier) {
	p.t.Helper()
	const enough = 60
	for range enough {
		p.key(kb.Tab, held...)
		if lost := ask[string](p, `standing()`); lost != "" {
			p.t.Fatalf("on the way to %s: %s", selector, lost)
		}
		if ask[bool](p, focused(selector)) {
			return
		}
	}
	p.t.Fatalf("%s was not reached in %d steps", selector, enough)
}
