package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

// world is what a bot lives in: stand-ins for Slack and AWS in a process of their own, driven from
// outside as a browser drives them, and a real Redis.
type world struct {
	t        *testing.T
	standIns *process
	redis    *redisserver.Server
	page     string            // address
	printed  map[string]string // what the stand-ins print for other clients
	http     *http.Client
	config   string // the bot's configuration file
}

// longMargin is the margin in longConfig. It is short because somebody waits for its end.
const longMargin = 2 * time.Second

// longConfig is the configuration file of these tests: every key, for the roles of the stand-in.
const longConfig = `slack:
  channels: [` + actors.Incident + `]
  requesters: []
approvals:
  approvers: [` + actors.Group + `]
  required: 1
  expire_after: 15m
  require_reason: false
accounts:
  prod:
    id: "` + actors.ProdID + `"
    partition: aws
    assume_role: arn:aws:iam::` + actors.ProdID + `:role/revokebot-spoke
    external_id: ` + actors.ExternalID + `
    regions: [us-east-1, eu-west-1]
  staging:
    id: "` + actors.StagingID + `"
    assume_role: arn:aws:iam::` + actors.StagingID + `:role/revokebot-spoke
    external_id: ` + actors.ExternalID + `
default_account: prod
protected_roles:
  - arn:aws:iam::*:role/break-glass-admin
revocation:
  margin: 2s
  guard: [5s, 15s, 60s]
trail:
  lookback: 12h
  follow_ups: [5m, 15m]
`

// newWorld starts all but the bot. Redis keeps what it is given when it is killed and comes back.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, printed: map[string]string{}, http: &http.Client{Timeout: soon},
		config: cmdtest.WriteFile(t, "revokebot.yaml", longConfig),
		redis:  redisserver.Start(t, "--appendonly", "yes"),
	}
	t.Cleanup(w.http.CloseIdleConnections)
	w.standIns = startCommand(t, "revokebot-sandbox", nil, "--without-bot", "--listen", "127.0.0.1:0", "--propagation",
		"0s", "--trail-delay", "0s")
	text := w.standIns.Stdout.WaitForText(t, "Ctrl-C stops it.")
	for _, match := range regexp.MustCompile(`(?m)^([A-Z_]+)=(.*)$`).FindAllStringSubmatch(text, -1) {
		w.printed[match[1]] = match[2]
	}
	page := regexp.MustCompile(`Open\s+(http://\S+)`).FindStringSubmatch(text)
	if page == nil || len(w.printed) < 7 {
		t.Fatalf("the addresses and keys are missing in:\n%s", text)
	}
	w.page = page[1]
	return w
}

// startBot starts a bot and waits until it is ready. set is added to its variables.
func (w *world) startBot(set map[string]string) (bot *process, readyz string) {
	w.t.Helper()
	variables := maps.Clone(w.printed)
	maps.Copy(variables, map[string]string{
		"REDIS_URL": w.redis.URL(), "REVOKEBOT_CONFIG": w.config, "REVOKEBOT_LISTEN": "127.0.0.1:0",
		"REVOKEBOT_LOG_LEVEL": "debug",
	})
	maps.Copy(variables, set)
	bot = start(w.t, variables, "run")
	text := bot.Stderr.WaitForText(w.t, `"msg":"health is served"`)
	for _, l := range readLog(w.t, text[:strings.LastIndex(text, "\n")+1]) {
		if l.Msg == "health is served" {
			readyz = "http://" + l.Address + "/readyz"
		}
	}
	w.until("a ready bot", func() bool { return w.status(readyz) == http.StatusOK })
	return bot, readyz
}

// secrets are the credentials that the bot was given.
func (w *world) secrets() []string {
	return []string{w.printed["SLACK_APP_TOKEN"], w.printed["SLACK_BOT_TOKEN"], w.printed["AWS_SECRET_ACCESS_KEY"]}
}

// until asks again and again until there is what is waited for.
func (w *world) until(what string, found func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(soon)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !found() {
		select {
		case <-again.C:
		case <-deadline.C:
			w.t.Fatalf("no %s within %v; the channel holds:\n%s", what, soon, w.transcript())
		}
	}
}

// status is what a GET answers; 0 when nobody does.
func (w *world) status(address string) int {
	answer, err := w.http.Get(address)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode
}

// get is the text that an address answers with.
func (w *world) get(address string) string {
	w.t.Helper()
	answer, err := w.http.Get(address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%s answers %d: %v", address, answer.StatusCode, err)
	}
	return string(text)
}

// message is a message as state.json has it.
type message struct {
	TS, ThreadTS, UserID, Text, VisibleTo string
	Ephemeral                             bool
	Blocks                                json.RawMessage
}

// messages returns what is in the incident channel, ephemeral messages of all people included.
func (w *world) messages() []message {
	w.t.Helper()
	messages, err := w.fetch()
	if err != nil {
		w.t.Fatal(err)
	}
	return messages
}

func (w *world) fetch() ([]message, error) {
	answer, err := w.http.Get(w.page + "/state.json")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var state struct {
		Messages map[string][]message `json:"messages"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&state); err != nil {
		return nil, err
	}
	return state.Messages[actors.Incident], nil
}

// transcript is what the channel holds, for the message of a failure.
func (w *world) transcript() string {
	messages, err := w.fetch()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "%s in %q, to %q: %s\n", m.TS, m.ThreadTS, m.VisibleTo, m.Text)
	}
	return b.String()
}

// card waits for the newest card in the channel whose text holds a part.
func (w *world) card(part string) message {
	w.t.Helper()
	var card message
	w.until("card that says "+part, func() bool {
		for _, m := range w.messages() {
			if m.ThreadTS == "" && !m.Ephemeral && len(m.Blocks) > 0 {
				card = m
			}
		}
		return strings.Contains(card.Text, part)
	})
	return card
}

// openCard waits for the newest card with its buttons, and for the first word in its thread: from
// then on the store knows the card, and a click on it counts.
func (w *world) openCard() message {
	w.t.Helper()
	card := w.card("Approval needed")
	w.inThread(card, "<!subteam^"+actors.Group+">")
	return card
}

// inThread waits for a message in the card's thread whose text holds a part.
func (w *world) inThread(card message, part string) message {
	w.t.Helper()
	return w.find("word in the thread of "+part, func(m message) bool {
		return m.ThreadTS == card.TS && !m.Ephemeral && strings.Contains(m.Text, part)
	})
}

// countInThread tells how many messages of the card's thread hold a part.
func (w *world) countInThread(card message, part string) int {
	w.t.Helper()
	n := 0
	for _, m := range w.messages() {
		if m.ThreadTS == card.TS && strings.Contains(m.Text, part) {
			n++
		}
	}
	return n
}

// whispered waits for a message that only one person sees.
func (w *world) whispered(user, part string) {
	w.t.Helper()
	w.find("whisper to "+user+" of "+part, func(m message) bool {
		return m.Ephemeral && m.VisibleTo == user && strings.Contains(m.Text, part)
	})
}

func (w *world) find(what string, fits func(message) bool) (found message) {
	w.t.Helper()
	w.until(what, func() bool {
		for _, m := range w.messages() {
			if fits(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// command types a slash command, which has to be acknowledged.
func (w *world) command(user, text string) {
	w.t.Helper()
	w.act("command", map[string]string{"user": user, "channel": actors.Incident, "text": text})
}

// click presses a button of a card, which has to be acknowledged.
func (w *world) click(user string, card message, action string) {
	w.t.Helper()
	w.act("click", map[string]string{"user": user, "channel": actors.Incident, "ts": card.TS, "action_id": action})
}

// lateClick presses a button that has gone from the card since, as somebody does whose screen was
// not up to date. card is the card with the button.
func (w *world) lateClick(user string, card message, action string) {
	w.t.Helper()
	button := regexp.MustCompile(`"value":\s*"([A-Z0-9]+)"`).FindSubmatch(card.Blocks)
	if button == nil {
		w.t.Fatalf("no button on the card %s", card.Blocks)
	}
	w.act("click", map[string]string{
		"user": user, "channel": actors.Incident, "ts": card.TS, "action_id": action, "value": string(button[1]),
	})
}

// act has a person do something, again as long as Slack shows that the app did not answer in time:
// how fast it answers is tested on fake time.
func (w *world) act(what string, request map[string]string) {
	w.t.Helper()
	w.until("acknowledgement of "+what, func() bool { return w.acknowledged(what, request) })
}

func (w *world) acknowledged(what string, request any) bool {
	w.t.Helper()
	ok, _ := w.answered(what, request)
	return ok
}

// answered is what a person's act is acknowledged with; ok is false if the app did not answer in
// time.
func (w *world) answered(what string, request any) (ok bool, ack string) {
	w.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := w.http.Post(w.page+"/act/"+what, "application/json", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		OK    bool            `json:"ok"`
		Error string          `json:"error"`
		Ack   json.RawMessage `json:"ack"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	if !answer.OK && answer.Error != "dispatch_failed" {
		w.t.Fatalf("%s %v: Slack shows %q", what, request, answer.Error)
	}
	return answer.OK, string(answer.Ack)
}
