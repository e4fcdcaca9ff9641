package browser

import (
	"regexp"
	"testing"
)

func TestEachKindOfTargetThatIsTypedLeadsToItsCard(t *testing.T) {
	t.Parallel()
	p := open(t, desk())
	p.sees("#messages .msg", "ASIA")
	leak := ask[string](p, `words(all("#messages .msg").find((m) => words(m).includes("ASIA")))`)
	session := regexp.MustCompile(`ASIA[A-Z2-7]{16}`).FindString(leak)
	if session == "" {
		t.Fatalf("the gist has no key: %s", leak)
	}
	const account, ofRole = "111122223333", "Approval needed: revoke sessions of prod/DeployRole"
	for i, target := range []struct{ typed, title string }{
		{"prod/DeployRole", ofRole},
		{account + "/DeployRole", ofRole},
		{"arn:aws:iam::" + account + ":role/DeployRole", ofRole},
		{"arn:aws:sts::" + account + ":assumed-role/DeployRole/deploy-1840", ofRole},
		{session, ofRole},
		{p.command()[len("/revoke-sessions "):], "Approval needed: deactivate access key"},
	} {
		p.commands("/revoke-sessions " + target.typed + " it is in a gist")
		p.sees(theCard+" .bk-header", target.title)
		if i == 4 {
			p.sees(theCard, session)
		}
		p.press(theCard+" .bk-actions .btn", "Cancel")
		p.sees(theCard+" .bk-header", "Cancelled")
	}
	p.commands("/revoke-sessions arn:aws:iam::" + account + ":user/ci/shop-migration it is in a gist")
	p.sees("#messages .msg", "which access key of")
}
