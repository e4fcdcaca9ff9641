package browser

import (
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"strings"
	"testing"
)

// axe is axe.min.js of the npm package axe-core 4.14.1, unchanged; axeSum is its SHA-512.
//
//go:embed testdata/axe/axe.min.js
var axe string

const axeSum = "5j5ln5gG165b1AiZBDsIcaUGLFRCsBs/Gj7fXq9Qv1w6cQSnJGMpO0rRt3xm" +
	"Gg1OQOhQ3sid6dbs5wqME6mvFw=="

// accessible has axe look at the page as it is, and fails for what it finds critical or serious.
func (p *page) accessible(what string) {
	p.t.Helper()
	ask[bool](p, "(() => {"+axe+"; return true})()")
	found := ask[[]string](p, `(await axe.run(document, {resultTypes: ["violations"]})).violations
		.filter((v) => v.impact === "critical" || v.impact === "serious")
		.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 300) + " " + n.failureSummary))`)
	for _, f := range found {
		p.t.Errorf("%s: %s", what, f)
	}
}

func TestAxeIsTheOneThatIsNamed(t *testing.T) {
	sum := sha512.Sum512([]byte(axe))
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != axeSum || !strings.HasPrefix(axe, "/*! axe v4.14.1\n") {
		t.Errorf("axe.min.js has the SHA-512 %s", got)
	}
}

func TestNothingOnThePageIsCriticalOrSeriousToAxe(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.accessible("the page at first, " + scheme)
	}
	p.press("[data-open=controls]", "")
	p.accessible("the controls")
	p.press("#controls [data-act=close-dialog]", "")
	p.press("[data-open=about]", "")
	p.accessible("about")
	p.press("#about [data-act=close-dialog]", "")
	p.sends()
	p.sees(theCard+" .bk-header", "Approval needed")
	p.press(theCard+" .bk-actions .btn", "Details")
	p.sees("#modal[open] h2", "Details")
	p.accessible("the details")
	p.press("#modal .dialog-buttons .btn", "Close")
	p.gone("#modal", "")
	p.becomes("Bob")
	p.press(theCard+" .bk-actions .btn", "Deny")
	p.sees("#modal[open] h2", "Deny the request?")
	p.accessible("the form for a denial")
	p.press("#modal .btn", "Back")
	p.decides("Approve")
	p.accessible("the question")
	p.press("#confirm .btn", "Yes, revoke")
	p.sees("#thread .msg", "Act now")
	p.sees("[data-actor=thief] .state", "still in as NightlyBackup")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.accessible("card and thread, " + scheme)
	}
	p.press("#home-tab", "revokebot: Home")
	p.sees("#home .bk-text", "prod/DeployRole")
	p.accessible("Home")
	p.press("#home .btn", "Ask for a revocation")
	p.sees("#modal[open] h2", "Revoke sessions")
	p.accessible("the form for a revocation")
}
