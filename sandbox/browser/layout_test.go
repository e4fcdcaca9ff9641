package browser

import (
	"strings"
	"testing"
)

func TestAPhoneShowsAllOfIt(t *testing.T) {
	t.Parallel()
	p := open(t, phone())
	p.look("start")

	// The terminals are folded where there is little room, with their states in sight.
	p.press(".dock-toggle", "Unfold")
	p.sees("[data-actor=thief] .line-output", " roles")
	p.look("terminals")
	p.press(".dock-toggle", "Fold")

	p.press(".rail-open", "Channels and people")
	p.sees(".rail .tab", "incident-4711")
	p.look("menu")
	p.press("#home-tab", "revokebot: Home")
	p.sees("#home", "No request is on record")
	p.gone(".rail .tab", "")
	p.gone("#composer", "")
	p.look("home")
	p.press(".rail-open", "Channels and people")
	p.press(".rail .tab", "incident-4711")
	p.gone("#home", "")
	p.press(".rail-open", "Channels and people")
	p.press(".rail-close", "Close the menu")
	p.gone(".rail .tab", "")

	p.press("[data-open=controls]", "")
	p.sees("#controls[open] .btn", "Leak a new session")
	p.look("controls")
	p.press("#controls .icon-button", "Close")
	p.press("[data-open=about]", "")
	p.sees("#about[open] dt", "AWS stand-in")
	p.look("about")
	p.press("#about .icon-button", "Close")

	p.sends()
	p.sees(theCard+" .bk-header", "Approval needed")
	p.seesTheTop()
	p.sees(theCard+" .replies", "1 reply")
	p.gone("#thread", "")
	p.look("card")

	p.press(".btn-next", "Become Bob")
	p.sees("#next", "You may decide")
	p.press(theCard+" .bk-actions .btn", "Deny")
	p.sees("#modal[open] h2", "Deny the request?")
	p.look("deny form")
	p.press("#modal .btn", "Back")
	p.gone("#modal", "")

	p.decides("Approve")
	p.look("confirm")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees(theCard+" .bk-header", "Revoked")
	p.look("applied")
	p.press(theCard+" .replies", "replies")
	p.sees("#thread .msg .bk-table th", "State now")
	p.look("thread")
	p.press(".thread-back", "Back to the channel")
	p.gone("#thread", "")
	p.press(".dock-toggle", "Unfold")
	p.sees("[data-actor=job] .again", "assumed the role again")
	p.look("terminals after it")
}

// belowTop is how far below the top of the card its lowest button ends, in pixels, wherever the
// page is scrolled to.
const belowTop = `(() => { const card = document.querySelector("` + theCard + `"); const buttons = [...card` +
	`.querySelectorAll(".bk-actions .btn")]; const row = card.querySelector(".bk-actions"); ` +
	`row.style.position = "static"; const end = Math.max(...buttons.map((b) => b.getBoundingClientRect().bottom)) - ` +
	`card.getBoundingClientRect().top; row.style.position = ""; return buttons.length < 4 ? 1e6 : end })()`

func TestTheButtonsOfACardAreOnTheFirstScreenOfAPhone(t *testing.T) {
	t.Parallel()
	p := open(t, handheld())
	p.commands("/revoke-sessions prod/DeployRole " + strings.Repeat("the key was pasted in a public gist; ", 15))
	p.sees(theCard+" .bk-text", "Who uses it now (")
	p.look("card")
	if below := ask[float64](p, belowTop); below > 844 {
		t.Errorf("the buttons end %v px below the top of the card", below)
	}
	// The longest warnings that a card shows.
	ask[bool](p, `(all("`+theCard+` .bk-text").find((e) => words(e).startsWith("Know before")).innerText = `+
		`"Know before you approve:\n" + ("• " + "longword ".repeat(8) + "\n").repeat(2) + "• 3 more in Details") !== ""`)
	if below := ask[float64](p, belowTop); below > 844 {
		t.Errorf("with long warnings the buttons end %v px below the top of the card", below)
	}
	p.press(theCard+" .bk-actions .btn", "Details")
	p.sees("#modal[open] .bk-text", "Who may assume it")
	p.look("details")
	p.press("#modal .dialog-buttons .btn", "Close")
	p.gone("#modal", "")
	p.press(".rail-open", "Channels and people")
	p.press("#home-tab", "revokebot: Home")
	p.sees("#home .bk-header", "Waiting for others")
	p.look("home")
}

func TestHomeShowsOneAccountAndWhatWaits(t *testing.T) {
	t.Parallel()
	p := open(t, window{820, 1100})
	p.sends()
	p.sees(theCard+" .bk-header", "Approval needed")
	p.press(".btn-next", "Become Bob")
	p.press(".rail-open", "Channels and people")
	p.press("#home-tab", "revokebot: Home")
	p.sees("#home .bk-header", "Waiting for you")
	p.look("home")
	choose := func(account string) {
		ask[bool](p, `(() => { const menu = document.querySelector("#home select"); menu.value = `+quote(account)+
			`; return menu.dispatchEvent(new Event("change", { bubbles: true })) })()`)
	}
	choose("staging")
	p.sees("#home .bk-text", "No request is on record")
	p.until("the choice is shown", `document.querySelector("#home select").value === "staging"`)
	choose("*")
	p.sees("#home .bk-header", "Waiting for you")
}

func TestTheDrawersAndTheThemeAtADesk(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.press("[data-open=controls]", "Controls")
	p.sees("#controls[open] .btn", "Leak a new session")
	p.look("controls")
	p.press("#controls .btn", "Leak a new session to the thief")
	p.sees("#controls .setting-result", "Done.")

	// The switches say what they did, and stay where the sandbox is.
	p.press("#controls .setting", "The thief fights back")
	p.sees("#controls .setting-result", "deletes the deny twice a second")
	p.sees("[data-actor=thief] .terminal-about", "and a second key")
	p.press("#controls .setting", "Guard rail")
	p.sees("#controls .setting-result", "nobody but revokebot writes")
	p.press("#controls summary", "Its text")
	p.sees("#controls pre", "OnlyRevokebotChangesInlinePolicies")
	p.press("#controls .btn", "Take the deny off the role")
	p.sees("#controls .setting-result", "service control policy")
	p.look("switches")

	// A policy of the company's own denies the thief, too, and says in its messages that it does.
	p.press("#controls .setting", "Standing deny")
	p.sees("#controls .setting-result", "its denials prove nothing")
	p.sees("[data-actor=thief] .state", "is denied")
	p.look("standing deny")
	p.press("#controls .setting", "Standing deny")
	p.sees("#controls .setting-result", "works from everywhere again")

	// Slack's faults say what to expect.
	p.press("#controls .btn", "Send the next command or click twice")
	p.sees("#controls .setting-result", "send one, and see it done once")
	p.look("faults")
	p.press("#controls .icon-button", "Close")
	p.reload()
	p.press("[data-open=controls]", "Controls")
	p.until("both switches are on still", `all("#controls input:checked").length === 2`)
	p.press("#controls .icon-button", "Close")

	p.press("[data-open=about]", "About")
	p.sees("#about[open] dt", "Slack stand-in")
	p.look("about")
	p.press("#about .icon-button", "Close")

	// The visitor's choice is stronger than the system's, and is kept.
	const ground = `getComputedStyle(document.body).backgroundColor`
	light := ask[string](p, ground)
	p.press("#theme", "Switch between dark and light")
	p.until("the page is dark", ground+" !== "+quote(light))
	dark := ask[string](p, ground)
	p.reload()
	p.until("the page is dark from the start", ground+" === "+quote(dark))
	p.press("#theme", "Switch between dark and light")
	p.until("the page is light again", ground+" === "+quote(light))
}

// A test of the tests: what they rest on has to notice.
func TestABreachOfTheSecurityPolicyIsNoticed(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	ask[bool](p, `(document.body.insertAdjacentHTML("beforeend", "<p style='color: #777; background: #888; width: `+
		`9000px'>pale</p>"), true)`)
	p.until("the policy keeps the style away", `getComputedStyle(document.body.lastElementChild).width !== "9000px"`)
	if lines := p.console.take(); len(lines) != 1 {
		t.Errorf("the console has %q", lines)
	}
	ask[bool](p, `(Object.assign(document.body.lastElementChild.style, { color: "#777", background: "#888", width: `+
		`"9000px" }), true)`)
	if found := ask[[]string](p, "pale()"); len(found) != 1 {
		t.Errorf("the text that cannot be read: %q", found)
	}
	if found := ask[[]string](p, "wide()"); len(found) < 1 {
		t.Error("the line that is too wide was not seen")
	}
}
