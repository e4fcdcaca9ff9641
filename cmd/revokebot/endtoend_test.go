package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
)

// reasonTyped is unlike anything else, so that it can be looked for in logs.
const reasonTyped = "the zanzibar key was pasted in a gist"

func TestRunDoesTheWholeFlowAsAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	collector, events := newReceiver(t), newEventReceiver(t)
	bot, readyz := w.startBot(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "REVOKEBOT_WEBHOOK_URL": events.URL + "/T0ken",
		"REVOKEBOT_WEBHOOK_SECRET": webhookSecret,
	})
	old := map[string]awssdk.Credentials{}
	for name, account := range bothAccounts {
		old[name] = w.deployment(account, "before")
		w.wantAccepted(name+", before", old[name])
	}
	began := time.Now()

	w.command(actors.Rosa, messages.Command+" prod/DeployRole "+reasonTyped)
	card := w.openCard()
	for _, part := range []string{"prod/DeployRole", actors.ProdID, reasonTyped, "<@" + actors.Rosa + ">"} {
		if !strings.Contains(card.Text, part) {
			t.Errorf("%q is missing on the card: %s", part, card.Text)
		}
	}

	for _, refused := range []struct{ user, action, told, recorded string }{
		{actors.Rosa, messages.ActionApprove, "You can't approve your own request", "<@U0ROSA> (Approve, own request)"},
		{
			actors.Nils, messages.ActionApprove, "You are not on the list of approvers", "<@U0NILS> (Approve, not an approver)",
		},
		{actors.Gina, messages.ActionApprove, "full members of this workspace", "<@U0GINA> (Approve, guest)"},
		{actors.Bob, messages.ActionCancel, "who asked, can cancel", "<@U0BOB> (Cancel, not the requester)"},
	} {
		w.click(refused.user, card, refused.action)
		w.whispered(refused.user, refused.told)
		w.inThread(card, refused.recorded)
	}
	if document, ok := w.policyOnRole(actors.ProdID); ok {
		t.Fatalf("refused clicks put a policy on the role: %s", document)
	}

	w.click(actors.Bob, card, messages.ActionApprove)
	w.inThread(card, "<@"+actors.Bob+"> approved")
	applied := w.inThread(card, "*Revoked:*")
	w.inThread(card, "On the role: yes")
	done := w.card("Revoked")
	if done.TS != card.TS || strings.Contains(string(done.Blocks), `"actions"`) {
		t.Errorf("the card still has buttons, or is another: %s", done.Blocks)
	}
	cutoff := wantCutoff(t, w, actors.ProdID, applied, began)
	evidence := w.inThread(card, "*CloudTrail*")
	if m := evidence; !strings.Contains(m.Text, "minutes late") || !strings.Contains(m.Text, "`us-east-1`") ||
		!strings.Contains(m.Text, "`eu-west-1`") {
		t.Errorf("the evidence does not say what it covers: %s", m.Text)
	}
	wantEvidence(t, evidence)

	w.lateClick(actors.Ines, card, messages.ActionApprove)
	w.whispered(actors.Ines, "Your click was not counted")

	// The other account, at once after it.
	w.wantDenied("prod, after", old["prod"])
	w.wantAccepted("staging, while only prod is revoked", old["staging"])
	began = time.Now()
	w.command(actors.Rosa, messages.Command+" staging/DeployRole a test build logged it")
	card = w.openCard()
	w.click(actors.Ines, card, messages.ActionApprove)
	cutoff = maxTime(cutoff, wantCutoff(t, w, actors.StagingID, w.inThread(card, "*Revoked:*"), began))
	w.until("both cutoffs in the past", func() bool { return time.Now().After(cutoff) })
	for name, account := range bothAccounts {
		w.wantDenied(name+", the session from before", old[name])
		w.wantAccepted(name+", a new session", w.deployment(account, "after"))
	}

	if got := w.status(readyz); got != http.StatusOK {
		t.Errorf("/readyz answers %d", got)
	}
	w.wantMetrics(
		readyz, `revokebot_click_to_deny_seconds_count 2`, `revokebot_requests_total{purpose="revoke",state="applied"} 2`,
		`revokebot_ready 1`, `revokebot_store_up 1`,
		`revokebot_aws_calls_total{operation="PutRolePolicy",outcome="ok",service="iam"} 2`, `revokebot_build_info{`,
		`go_goroutines `, `process_resident_memory_bytes `,
	)
	w.until("both revocations at the webhook", func() bool {
		return strings.Count(strings.Join(events.events(), ""), `"type":"applied"`) == 2
	})
	bot.WantCleanEnd()
	events.wantBeginOf(t, w.redis.URL())
	secrets := append(w.secrets(), "zanzibar", webhookSecret, "T0ken")
	wantCleanLog(t, bot.Stderr.String(), secrets)
	collector.wantSpans(t, []string{
		"envelope slash_commands", "envelope interactive", "item command", "item click", "item deliver",
		"slack chat.postMessage", "aws iam:PutRolePolicy",
	}, append(secrets, actors.DeployRole))
	w.standIns.WantCleanEnd()
}

// bothAccounts are the sandbox's accounts by their names.
var bothAccounts = map[string]string{"prod": actors.ProdID, "staging": actors.StagingID}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wantCutoff reads the policy with another client: it has to be what the IAM console writes, with
// the cutoff that the thread tells.
func wantCutoff(t *testing.T, w *world, account string, applied message, began time.Time) (cutoff time.Time) {
	t.Helper()
	document, ok := w.policyOnRole(account)
	if !ok {
		t.Fatal("there is no policy on the role")
	}
	var policy struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource []string
			Condition        map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	if len(policy.Statement) != 1 {
		t.Fatalf("got %s", document)
	}
	s := policy.Statement[0]
	text := s.Condition["DateLessThan"]["aws:TokenIssueTime"]
	want := map[string]map[string]string{"DateLessThan": {"aws:TokenIssueTime": text}}
	if policy.Version != "2012-10-17" || s.Effect != "Deny" || !slices.Equal(s.Action, []string{"*"}) ||
		!slices.Equal(s.Resource, []string{"*"}) ||
		!cmp.Equal(s.Condition, want) {
		t.Errorf("got %s", document)
	}
	cutoff, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		t.Fatal(err)
	}
	// The clock is that of the stand-in, which runs on this machine. AWS tells whole seconds: what is
	// left out of them and the rounding up come to two seconds at most.
	if cutoff.Before(began.Add(longMargin)) || cutoff.After(time.Now().Add(longMargin+2*time.Second)) {
		t.Errorf("the cutoff %v does not lie %v past a moment between %v and now", cutoff, longMargin, began)
	}
	if told := cutoff.Format("15:04:05 UTC"); !strings.Contains(applied.Text, told) {
		t.Errorf("the thread does not tell the cutoff %s: %s", told, applied.Text)
	}
	return cutoff
}

// wantEvidence looks for the table of the sessions, newest first, with those that the stand-in's
// day has.
func wantEvidence(t *testing.T, m message) {
	t.Helper()
	var blocks []struct {
		Type string
		Rows [][]struct{ Text string }
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, b := range blocks {
		for _, row := range b.Rows {
			var cells []string
			for _, cell := range row {
				cells = append(cells, cell.Text)
			}
			rows = append(rows, strings.Join(cells, " | "))
		}
	}
	if len(rows) < 9 || rows[0] != "Time (UTC) | What | Who | From | State now | User agent" {
		t.Fatalf("the table has the rows\n%s", strings.Join(rows, "\n"))
	}
	table := strings.Join(rows[1:], "\n")
	for _, row := range []string{
		`\| session github-18220 \| GitHub acme/shop main \| 192\.0\.2\.44 \| no activity since the cutoff \| \S+`,
		`\| session tomas@acme\.example \| tomas@acme\.example .*\| 198\.51\.100\.88 \| no activity since the cutoff \| \S+`,
		`\| session release-notes \| Lambda function release-notes \| \S+ \| no activity since the cutoff \| \S+`,
	} {
		if !regexp.MustCompile(row).MatchString(table) {
			t.Errorf("no row is like %s in\n%s", row, table)
		}
	}
}

func TestTheSandboxStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	p := startCommand(t, "revokebot-sandbox", nil, "--listen", "127.0.0.1:0")
	text := p.Stdout.WaitForText(t, "Ctrl-C stops it.")
	if !strings.Contains(text, "SANDBOX") {
		t.Errorf("it does not say that it is a sandbox:\n%s", text)
	}
	page := regexp.MustCompile(`Open\s+(http://\S+)`).FindStringSubmatch(text)
	if page == nil {
		t.Fatalf("no address of the page in:\n%s", text)
	}
	client := &http.Client{Timeout: soon}
	defer client.CloseIdleConnections()
	answer, err := client.Get(page[1] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s", answer.Status)
	}
	p.WantCleanEnd()
}
