package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
)

// withKeys is longConfig with access keys of prod's users, and with more settings.
func withKeys(t *testing.T, more string) string {
	t.Helper()
	const prod = "    regions: [us-east-1, eu-west-1]\n"
	keys := prod + "    measures: [revoke, lock, key]\n    users_role: arn:aws:iam::" + actors.ProdID +
		":role/revokebot-users\n"
	return cmdtest.WriteFile(t, "revokebot.yaml", strings.Replace(longConfig, prod, keys, 1)+more)
}

// asker takes turns, so that no person asks for too much at once.
func asker(n int) string { return []string{actors.Rosa, actors.Bob, actors.Ines, actors.Nils}[n%4] }

// form fills and sends the form that the command alone opens.
func (w *world) form(user, account, target, reason string) {
	w.t.Helper()
	before := w.view(user)
	w.command(user, messages.Command)
	w.until("form of "+user, func() bool { return w.view(user) != before })
	w.until("offer of "+target, func() bool { return w.offered(user, account, target) != "" })
	body := w.filled(user, account, w.offered(user, account, target), reason)
	w.until("acknowledgement of the form", func() bool { return w.acknowledged("submit", body) })
}

// typed is what Slack sends while a person types into the field for the role.
func (w *world) typed(user, account, text string) map[string]any {
	return map[string]any{
		"user": user, "view": w.view(user), "block_id": messages.FieldRole, "action_id": messages.ActionRole, "value": text,
		"values": map[string]map[string]any{messages.FieldAccount: {"account": account}},
	}
}

func (w *world) filled(user, account, target, reason string) map[string]any {
	return map[string]any{
		"user": user, "view": w.view(user), "values": map[string]map[string]any{
			messages.FieldAccount: {"account": account}, messages.FieldRole: {messages.ActionRole: target},
			messages.FieldReason: {"text": reason},
		},
	}
}

// offered is the first target that the form offers for what is typed; "" for none.
func (w *world) offered(user, account, text string) string {
	w.t.Helper()
	var ack struct {
		Options []struct{ Value string }
	}
	_, raw := w.answered("suggest", w.typed(user, account, text))
	if json.Unmarshal([]byte(raw), &ack) != nil || len(ack.Options) == 0 {
		return ""
	}
	return ack.Options[0].Value
}

// view is the id of the newest form that a person has open.
func (w *world) view(user string) string {
	w.t.Helper()
	var state struct {
		Views map[string][]struct{ ID string }
	}
	if err := json.Unmarshal([]byte(w.get(w.page+"/state.json")), &state); err != nil {
		w.t.Fatal(err)
	}
	if views := state.Views[user]; len(views) > 0 {
		return views[len(views)-1].ID
	}
	return ""
}

// portalKey is the access key of a session that Identity Center opened earlier in the day, as
// CloudTrail shows it.
func (w *world) portalKey() string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	spoke := w.client(w.assume("AWS", &sts.AssumeRoleInput{
		RoleArn:         awssdk.String("arn:aws:iam::" + actors.ProdID + ":role/revokebot-spoke"),
		RoleSessionName: awssdk.String("somebody-else"), ExternalId: awssdk.String(actors.ExternalID),
	}))
	spoke.Region = "eu-west-1"
	out, err := cloudtrail.NewFromConfig(spoke).LookupEvents(ctx, &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{
			AttributeKey: types.LookupAttributeKeyUsername, AttributeValue: awssdk.String("kim@acme.example"),
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range out.Events {
		for _, r := range e.Resources {
			if *r.ResourceType == "AWS::IAM::AccessKey" && strings.Contains(*e.CloudTrailEvent, "AWSReservedSSO_") {
				return *r.ResourceName
			}
		}
	}
	w.t.Fatalf("CloudTrail shows no session of Identity Center in %d events", len(out.Events))
	return ""
}

func TestEachKindOfTargetLeadsFromTheCommandAndFromTheFormToTheCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config = withKeys(t, "")
	role := w.deployment(actors.ProdID, "leaks")
	ci := awssdk.Credentials{
		AccessKeyID: w.printed["CI_ACCESS_KEY_ID"], SecretAccessKey: w.printed["CI_SECRET_ACCESS_KEY"],
	}
	session, err := sts.NewFromConfig(w.client(ci)).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	portal := w.portalKey()
	bot, _ := w.startBot(nil)

	const ofRole = "Approval needed: revoke sessions of prod/DeployRole"
	ofKey := "Approval needed: deactivate access key " + ci.AccessKeyID + " of prod/ci-deploy"
	targets := map[string]string{
		"DeployRole":      ofRole, // by the default account
		"prod/DeployRole": ofRole,
		"arn:aws:iam::" + actors.ProdID + ":role/DeployRole":               ofRole,
		"arn:aws:sts::" + actors.ProdID + ":assumed-role/DeployRole/leaks": ofRole,
		role.AccessKeyID:                 ofRole,
		ci.AccessKeyID:                   ofKey,
		*session.Credentials.AccessKeyId: ofKey,
		"prod/" + ci.AccessKeyID:         ofKey,
	}
	n := 0
	wantCard := func(how, user, title string) {
		t.Helper()
		card := w.openCard()
		if !strings.Contains(string(card.Blocks), title) {
			t.Errorf("%s: the card is not %q: %s", how, title, card.Text)
		}
		w.click(user, card, messages.ActionCancel)
		w.card("Cancelled")
		n++
	}
	for _, target := range slices.Sorted(maps.Keys(targets)) {
		user := asker(n)
		w.command(user, messages.Command+" "+target+" it was in a gist")
		wantCard(target, user, targets[target])
		user = asker(n)
		w.form(user, "prod", target, "it was in a gist")
		wantCard(target+" in the form", user, targets[target])
	}

	// A user's ARN lists the keys, and one of Identity Center is no role of the account's.
	user := "arn:aws:iam::" + actors.ProdID + ":user/ci/ci-deploy"
	w.command(actors.Rosa, messages.Command+" "+user+" it was in a gist")
	w.whispered(actors.Rosa, "which access key of")
	w.form(actors.Bob, "prod", user, "it was in a gist")
	w.whispered(actors.Bob, "which access key of")
	w.command(actors.Ines, messages.Command+" "+portal+" it was in a gist")
	w.whispered(actors.Ines, "belongs to IAM Identity Center")
	w.form(actors.Nils, "prod", portal, "it was in a gist")
	w.whispered(actors.Nils, "belongs to IAM Identity Center")

	before := len(w.messages())
	for i, wrong := range []struct{ text, told string }{
		{ci.AccessKeyID[:19], "has 19 characters and those have 20"},
		{"AKIAAAAAAAAAAAAAAAAA", "AWS knows no access key"},
		{ci.AccessKeyID + " " + role.AccessKeyID, "one access key id at a time"},
		{"staging/" + ci.AccessKeyID, "is of account prod, not of staging"},
		{w.printed["CI_SECRET_ACCESS_KEY"], "treat the secret as leaked"},
		{"prod/Deployrol", "No role `Deployrol` in prod. Did you mean"},
		{"elsewhere/DeployRole", "elsewhere"},
		{"arn:aws:iam::999999999999:role/DeployRole", "999999999999"},
	} {
		w.command(asker(i), messages.Command+" "+wrong.text)
		w.whispered(asker(i), wrong.told)
	}
	for _, m := range w.messages()[before:] {
		if !m.Ephemeral && m.ThreadTS == "" {
			t.Errorf("a wrong input makes a card: %s", m.Text)
		}
	}
	bot.WantCleanEnd()
}

// Rule 18. The programs are real, so their outputs are all that there is: what Redis ever wrote,
// the log, the traces, the audit log, the metrics, what the bot sent to Slack, and what the runtime
// writes when the process is made to crash.
func TestASecretThatIsPastedAnywhereIsFoundNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	audit := filepath.Join(t.TempDir(), "audit.jsonl")
	w.config = withKeys(t, "audit:\n  file: "+audit+"\n")
	collector := newReceiver(t)
	bot, readyz := w.startBot(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "GOTRACEBACK": "all",
	})
	const mark = "kept-beside-the-secret"
	key := w.printed["CI_SECRET_ACCESS_KEY"]
	secrets := map[string]string{
		"a secret access key": key,
		"a session token":     "IQoJb3JpZ2luX2VjE" + strings.Repeat("Ab3/xY+9kQ0z", 20),
		"a private key":       "-----BEGIN PRIVATE KEY----- " + strings.Repeat("Zm9vYmFy", 8) + " -----END PRIVATE KEY-----",
	}
	var acks strings.Builder
	sent := func(what string, body any) {
		w.until("acknowledgement of "+what, func() bool {
			ok, ack := w.answered(what, body)
			acks.WriteString(ack)
			return ok
		})
	}
	n := 0
	told := func(user string) {
		t.Helper()
		w.until("private word to "+user, func() bool {
			count := 0
			for _, m := range w.messages() {
				if m.Ephemeral && m.VisibleTo == user && strings.Contains(m.Text, "treat the secret as leaked") {
					count++
				}
			}
			return count > n/4
		})
		n++
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		secret := secrets[name]
		for _, text := range []string{
			"prod/NightlyBackup " + secret + " " + mark, secret, "status " + secret, "undo prod/DeployRole " + secret,
		} {
			user := asker(n)
			sent("command", map[string]string{
				"user": user, "channel": actors.Incident, "text": messages.Command + " " + text,
			})
			told(user)
		}
	}
	card := w.card("Approval needed")
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		user := asker(n)
		w.command(user, messages.Command)
		w.until("form of "+user, func() bool { return w.view(user) != "" })
		sent("suggest", w.typed(user, "staging", secrets[name]))
		w.until("offer of a role", func() bool { return w.offered(user, "staging", "DeployRole") != "" })
		sent("submit", w.filled(user, "staging", w.offered(user, "staging", "DeployRole"), secrets[name]+" "+mark))
		told(user)
	}
	w.click(actors.Ines, card, messages.ActionDeny)
	w.until("form of Ines", func() bool { return w.view(actors.Ines) != "" })
	sent("submit", map[string]any{
		"user": actors.Ines, "view": w.view(actors.Ines), "values": map[string]map[string]any{
			messages.FieldReason: {"text": key + " " + mark},
		},
	})
	w.until("denial", func() bool { return w.countInThread(card, mark) > 0 || strings.Contains(w.transcript(), "denied") })
	w.until("audit log", func() bool {
		text, _ := os.ReadFile(audit)
		return strings.Contains(string(text), mark)
	})

	outputs := map[string]string{"acknowledgements": acks.String()}
	outputs["Slack"] = w.get(w.page + "/state.json")
	outputs["metrics"] = w.get(strings.TrimSuffix(readyz, "readyz") + "metrics")
	w.until("traces", func() bool { return strings.Contains(collector.all(), "envelope slash_commands") })
	if err := bot.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	bot.Wait()
	outputs["log and crash dump"] = bot.Stderr.String() + bot.Stdout.String()
	text, err := os.ReadFile(audit)
	if err != nil {
		t.Fatal(err)
	}
	outputs["audit log"] = string(text)
	outputs["Redis"] = w.redis.Written()
	outputs["traces"] = collector.all()
	for name, there := range map[string]string{
		"Slack": mark, "audit log": mark, "Redis": mark, "traces": "envelope slash_commands",
		"log and crash dump": "goroutine ", "metrics": "revokebot_ready", "acknowledgements": "options",
	} {
		if !strings.Contains(outputs[name], there) {
			t.Errorf("%s: %q is not there, so the search finds nothing", name, there)
		}
	}
	for name, text := range outputs {
		for what, secret := range secrets {
			middle := secret[len(secret)/2-10 : len(secret)/2+10]
			for _, part := range []string{secret, middle} {
				if strings.Contains(text, part) {
					t.Errorf("%s is found in %s", what, name)
				}
			}
		}
	}
}
