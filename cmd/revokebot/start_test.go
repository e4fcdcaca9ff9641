package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/sandbox/actors"
)

// What doctor would find is in the log of a start, and /readyz says what is known of channels and
// of AWS while commands are taken all the same.
func TestAStartTellsOfChannelsVariablesAndAccountsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config = cmdtest.WriteFile(t, "revokebot.yaml", strings.NewReplacer(
		"channels: ["+actors.Incident+"]", "channels: ["+actors.Incident+", C0NOWHERE]",
		"guard: [5s, 15s, 60s]", "guard: [60s, 5s]", "external_id: "+actors.ExternalID, "external_id: another",
	).Replace(longConfig))
	bot, readyz := w.startBot(map[string]string{"REVOKEBOT_LISTN": ":9090"})
	var health struct {
		Ready    bool     `json:"ready"`
		Channels []string `json:"channels_at_start"`
		AWS      []string `json:"aws_in_trouble"`
	}
	w.until("what is known", func() bool {
		answer, err := http.Get(readyz)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return json.NewDecoder(answer.Body).Decode(&health) == nil && len(health.Channels)+len(health.AWS) >= 3
	})
	if said := strings.Join(append(health.Channels, health.AWS...), "\n"); !health.Ready ||
		!strings.Contains(said, "channel C0NOWHERE: Slack knows no such channel") ||
		!strings.Contains(said, "prod") || !strings.Contains(said, "staging") {
		t.Errorf("/readyz says %+v", health)
	}
	bot.WantCleanEnd()
	text := bot.Stderr.String()
	for _, part := range []string{
		"REVOKEBOT_LISTN is no variable of revokebot", "revocation.guard is not in order", "channel C0NOWHERE: ",
		"an AWS account cannot be used yet",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the log of the start does not say %q", part)
		}
	}
	stopped := text[strings.Index(text, `"msg":"stopping`):]
	if n := strings.Count(stopped, "\n"); n != 2 || !strings.Contains(stopped, `"msg":"stopped"`) {
		t.Errorf("%d lines for the stop, not its beginning and its end:\n%s", n, stopped)
	}
	wantCleanLog(t, text, w.secrets())
}

func TestTheHelpOfRunNamesTheVariables(t *testing.T) {
	_, out, errs := says(t, nil, "", "run", "--help")
	for _, name := range []string{
		"SLACK_APP_TOKEN, SLACK_APP_TOKEN_FILE", "REVOKEBOT_LISTEN", "REVOKEBOT_WEBHOOK_SECRET_FILE",
	} {
		if !strings.Contains(out+errs, name) {
			t.Errorf("it does not name %s:\n%s", name, out+errs)
		}
	}
}
