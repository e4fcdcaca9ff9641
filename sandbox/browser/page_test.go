package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/eyes.js
var eyes string

// window is the size of a browser's window.
type window struct{ width, height int64 }

func desk() window  { return window{1360, 900} }
func phone() window { return window{360, 740} }

// handheld is a phone of today, as the card is laid out for.
func handheld() window { return window{390, 844} }

// page is the sandbox's page in a browser, as a person has it in front of them.
type page struct {
	t       *testing.T
	ctx     context.Context
	address string
	console *console
	shots   int
}

// open starts a sandbox and opens its page. Errors of the console fail the test at its end.
func open(t *testing.T, w window, args ...string) *page {
	t.Helper()
	address := startSandbox(t, args...)
	p := &page{t: t, address: address, console: &console{origin: address}}
	p.ctx = startChromium(t)
	if err := chromedp.Listen(p.ctx, p.console.listen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, line := range p.console.take() {
			t.Errorf("console: %s", line)
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
		}
	})
	p.do("resize", chromedp.EmulateViewport(w.width, w.height))
	p.scheme("light")
	p.do("open "+address, chromedp.Navigate(address+"/"))
	p.ready()
	return p
}

// reload loads the page again.
func (p *page) reload() {
	p.t.Helper()
	p.do("reload", chromedp.Reload())
	p.ready()
}

// ready waits until the sandbox runs and the page shows it.
func (p *page) ready() {
	p.t.Helper()
	p.until("the bot is online and both terminals get answers",
		`sees("#online", "online") && all(".state[data-state='gets answers']").length === 2`)
}

// do runs actions of the browser.
func (p *page) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// ask evaluates an expression on the page as it is now; eyes.js says with which functions.
func ask[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T]("(async () => {"+eyes+looks+"\nreturn "+expression+"})()",
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits until an expression is true on the page.
func (p *page) until(what, expression string) {
	p.t.Helper()
	if err := p.poll(expression); err != nil {
		p.t.Fatalf("waited for: %s\n%v\nThe page shows:\n%s", what, err, p.text())
	}
}

// errNotYet is returned when patience ends.
var errNotYet = errors.New("it did not come")

func (p *page) poll(expression string) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	script := fmt.Sprintf("new Promise((done) => {%s\nconst end = Date.now() + %d; const look = () => { if (%s) "+
		"done(true);"+
		" else if (Date.now() > end) done(false); else setTimeout(look, 40) }; look() })", eyes,
		(patience - 2*time.Second).Milliseconds(), expression)
	there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	if err == nil && !there {
		err = errNotYet
	}
	return err
}

// text is all that stands on the page, for the log of a test that fails.
func (p *page) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// sees waits until an element that a selector finds is seen and has the text, or a label with the
// text.
func (p *page) sees(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s with %q", selector, text), fmt.Sprintf("sees(%s, %s)", quote(selector), quote(text)))
}

// gone waits until there is no such element.
func (p *page) gone(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("no %s with %q", selector, text), fmt.Sprintf("!sees(%s, %s)", quote(selector), quote(text)))
}

// press moves the mouse to the one element that a selector finds and that has the text, and presses
// it. The element has to be in sight, not below another, and at rest. When the page is drawn anew
// under the finger, it presses again, as people do.
func (p *page) press(selector, text string) {
	p.t.Helper()
	aim := fmt.Sprintf("takeAim(%s, %s, %d)", quote(selector), quote(text), (patience - 2*time.Second).Milliseconds())
	for end := time.Now().Add(patience); time.Now().Before(end); {
		at := ask[struct {
			X, Y float64
			Why  string
		}](p, aim)
		if at.Why != "" {
			p.t.Fatalf("press %q: %s\nThe page shows:\n%s", text, at.Why, p.text())
		}
		p.do("press "+text, chromedp.MouseClickXY(at.X, at.Y))
		if ask[bool](p, "globalThis.hit") {
			return
		}
	}
	p.t.Fatalf("press %q: no press reached it\nThe page shows:\n%s", text, p.text())
}

// types presses the keys of a text, one after the other.
func (p *page) types(text string) {
	p.t.Helper()
	p.do("type "+text, chromedp.KeyEvent(text))
}

// key presses a key of package kb, with Shift and the like held down.
func (p *page) key(key string, held ...chromedp.Modifier) {
	p.t.Helper()
	p.do("press a key", chromedp.KeyEvent(key, chromedp.KeyModifiers(held...)))
}

// becomes makes the visitor another person, by the list at the left.
func (p *page) becomes(name string) {
	p.t.Helper()
	p.press(".person", name)
	p.sees(".person:has(:checked)", name)
	p.until("the page is that of "+name, fmt.Sprintf("document.title.startsWith(%s)", quote(name))+
		` && all("[aria-busy]").length === 0`)
}

// sends takes the command that the page offers and sends it.
func (p *page) sends() {
	p.t.Helper()
	p.press(".btn-next[data-do=insert]", "/revoke-sessions ASIA")
	p.until("the command is in the composer",
		`document.activeElement.id === "composer-text" && document.activeElement.value.startsWith("/revoke-sessions ASIA")`)
	p.key(kb.Enter)
}

// theCard is the card in the channel.
const theCard = "#messages .msg.app:not(.ephemeral):has(.bk-header)"

// seesTheTop waits until the card is read from its top. Only a word for this person alone, below
// the card, may have taken them further down.
func (p *page) seesTheTop() {
	p.t.Helper()
	p.until("the top of the card is in sight",
		`inside(document.querySelector("#messages .bk-header"), document.querySelector("#messages"))`+
			` || all("#messages .msg").at(-1).matches(".ephemeral")`)
}

// decides presses a button of the card and answers yes to what is asked.
func (p *page) decides(button string) {
	p.t.Helper()
	p.press(theCard+" .bk-actions .btn", button)
	p.sees("#confirm[open] h2", "Revoke these sessions?")
	for _, part := range []string{"DeployRole", "prod", "111122223333"} {
		p.sees("#confirm[open] .bk-text", part)
	}
}

// shot keeps a picture of the window among the test's artifacts, if artifacts are kept.
func (p *page) shot(name string) {
	p.t.Helper()
	if f := flag.Lookup("test.artifacts"); f == nil || f.Value.String() != "true" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	// What was done last is painted in the frame after the next.
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("new Promise((done) => requestAnimationFrame(() => "+
		"requestAnimationFrame(() => done(true))))",
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Errorf("picture %s: %v", name, err)
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Errorf("picture %s: %v", name, err)
		return
	}
	p.shots++
	path := filepath.Join(p.t.ArtifactDir(), fmt.Sprintf("%02d-%s.png", p.shots, strings.ReplaceAll(name, " ", "-")))
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Error(err)
	}
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // unreachable: a string can be encoded
	}
	return string(b)
}
