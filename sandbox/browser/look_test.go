package browser

import (
	"context"
	_ "embed"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/looks.js
var looks string

// look takes the page as it is now in light and in dark: all text can be read, nothing is cut off
// at the side, and nobody has to scroll sideways. It keeps a picture of each.
func (p *page) look(name string) {
	p.t.Helper()
	p.until("nothing is busy", `all(".busy, [aria-busy=true]").length === 0`)
	for _, scheme := range []string{"dark", "light"} {
		p.scheme(scheme)
		p.shot(name + " " + scheme)
		for _, text := range ask[[]string](p, "pale()") {
			p.t.Errorf("%s, %s: a contrast of less than 4.5: %s", name, scheme, text)
		}
		for _, text := range ask[[]string](p, "wide()") {
			p.t.Errorf("%s, %s: %s", name, scheme, text)
		}
	}
}

// scheme sets what the system prefers, and that nothing should move.
func (p *page) scheme(scheme string) {
	p.t.Helper()
	p.do("prefer "+scheme, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
		return chromedp.Void{}, err
	})
}
