package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheFilesShowThePictureAndTheReport(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.sends()
	p.becomes("Bob")
	p.decides("Approve")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees(theCard+" .bk-header", "Revoked: sessions of prod/DeployRole")
	p.press(".replies", "")
	p.sees("#thread .msg .bk-table th", "User agent")
	p.sees("#thread .msg", "also used from")
	p.look("table")
	p.press("#thread .btn", "Files")
	p.sees("#thread .file", "Report")
	p.until("the picture is drawn", `all("#thread .file-picture").some((i) => i.complete && i.naturalWidth > 0)`)
	p.look("files")
	report := ask[string](p, `document.querySelector('#thread a[aria-label="Open Report"]').href`)
	picture := ask[string](p, `document.querySelector("#thread .file-picture").src`)
	p.do("open the report", chromedp.Navigate(report))
	for _, title := range []string{"In five lines", "Actions", "Timeline"} {
		p.sees("h2", title)
	}
	p.look("report")
	p.do("a phone", chromedp.EmulateViewport(phone().width, phone().height))
	p.look("report on a phone")
	p.do("open the picture", chromedp.Navigate(picture))
	p.look("picture on a phone")
}
