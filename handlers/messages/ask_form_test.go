package messages_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheFormForARevocationIsWithinSlacksLimitsAndAsksForWhatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name     string
		accounts int
		typed    bool
		fields   string
	}{
		{"one account", 1, false, "role reason"},
		{"two accounts", 2, false, "account role reason"},
		{"as many as a menu holds", 100, false, "account role reason"},
		{"more than a menu holds", 101, false, "role reason"},
		{"no list", 2, true, "account role reason"},
	} {
		asking := messages.Asking{
			Typed: c.typed, ReasonRequired: c.typed, Margin: 30 * time.Second, Chosen: strings.Repeat("a", 61) + "000",
		}
		for i := range c.accounts {
			asking.Accounts = append(asking.Accounts, messages.AccountChoice{
				Name: fmt.Sprintf("%s%03d", strings.Repeat("a", 61), i), ID: "111122223333",
			})
		}
		form := messages.AskForm(asking, messages.FormOrigin{Channel: "C0INCIDENT", User: "U0ROSA"})
		raw := must(t, form)
		for _, p := range slack.CheckView(raw) {
			t.Errorf("%s: %s", c.name, p)
		}
		var view struct {
			Blocks []struct {
				Type     string `json:"type"`
				ID       string `json:"block_id"`
				Optional bool   `json:"optional"`
				Element  struct {
					Type    string `json:"type"`
					Initial *struct {
						Value string `json:"value"`
					} `json:"initial_option"`
				} `json:"element"`
			} `json:"blocks"`
		}
		if err := json.Unmarshal(raw, &view); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, b := range view.Blocks {
			if b.Type != "input" {
				continue
			}
			fields = append(fields, b.ID)
			if b.ID == messages.FieldRole && (b.Element.Type == "plain_text_input") != c.typed {
				t.Errorf("%s: the role is a %s", c.name, b.Element.Type)
			}
			if b.ID == messages.FieldAccount && (b.Element.Initial == nil || b.Element.Initial.Value != asking.Chosen) {
				t.Errorf("%s: the default account is not chosen", c.name)
			}
			// A role that is typed may not say of which account it is; one from the list does.
			if b.Optional != (b.ID != messages.FieldRole && !c.typed) {
				t.Errorf("%s: %s is optional: %v", c.name, b.ID, b.Optional)
			}
		}
		if got := strings.Join(fields, " "); got != c.fields {
			t.Errorf("%s: %s, want %s", c.name, got, c.fields)
		}
	}
}

// Rule 19, for what is offered while somebody types, and rule 18: plain text, without what hides or
// turns text.
func TestWhatIsOfferedIsWithinSlacksLimitsForAnyRoles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var choices []messages.RoleChoice
		for i := range rapid.IntRange(0, 300).Draw(r, "roles") {
			choices = append(choices, messages.RoleChoice{
				Account: "prod", Name: fmt.Sprintf("%d-%.60s", i, foreign(r, "name")), Path: foreign(r, "path"),
				Typed: i%3 == 0, Unlisted: i%5 == 0,
			})
		}
		raw := must(t, messages.RoleOptions(choices, rapid.Bool().Draw(r, "several accounts")))
		for _, p := range slack.CheckOptions(raw) {
			r.Errorf("%s", p)
		}
	})
}

func TestATextAtAFieldIsPlainAndShort(t *testing.T) {
	for _, bad := range nasty {
		raw := must(t, messages.FieldErrors(map[string]string{messages.FieldRole: bad}))
		var answer struct{ Errors map[string]string }
		check(t, "a field", messages.Plain(messages.FieldOtherAccount(bad, bad)))
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
		if text := answer.Errors[messages.FieldRole]; text == "" || len([]rune(text)) > 300 ||
			strings.ContainsAny(text, "\n\u202e\x00") {
			t.Errorf("%q became %q", bad, text)
		}
	}
}
