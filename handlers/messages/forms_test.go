package messages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// sameAs compares what people see with its golden file below testdata, or writes it.
func sameAs(t *testing.T, path string, seen any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(seen); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join("testdata", path+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v: run make golden and read what it wrote", err)
	} else if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (-golden +now):\n%s", path, diff)
	}
}

// forms are all forms, by name.
func forms(t *testing.T) map[string]slackgo.ModalViewRequest {
	out := map[string]slackgo.ModalViewRequest{}
	origin := messages.FormOrigin{Channel: "C0INCIDENT", User: "U0ROSA"}
	two := []messages.AccountChoice{{Name: "prod", ID: "111122223333"}, {Name: "staging", ID: "444455556666"}}
	for name, asking := range map[string]messages.Asking{
		"ask":                 {Accounts: two},
		"ask_default_account": {Accounts: two, Chosen: "prod"},
		"ask_one_account":     {Accounts: two[:1], Chosen: "prod", ReasonRequired: true},
		"ask_typed":           {Accounts: two, Typed: true},
	} {
		asking.Margin = 30 * time.Second
		out[name] = messages.AskForm(asking, origin)
	}
	onCard := messages.FormOrigin{
		Request: "4DLARAV3ISOEUUODW4FIG5AF5F", Channel: "C0INCIDENT", Message: "1795316645.000100",
	}
	out["deny"] = messages.DenyForm(begin(t, "key pasted in a gist", 1).fold(1), exampleContext(), onCard)
	s := beginUndo(t, exampleUndoing(), exampleRole(), "")
	out["deny_undo"] = messages.DenyForm(s.fold(1), s.context, onCard)
	withUsers := begin(t, "key pasted in a gist", 2).add(approvals.EventUsers, "", exampleUsers())
	out["details"] = messages.Details(withUsers.fold(2), withUsers.events, exampleContext())
	out["details_undo"] = messages.Details(s.fold(1), s.events, s.context)
	out["undo_words"] = messages.UndoForm(exampleContext(), onCard, true, at.Add(12*time.Hour), true)
	out["undo"] = messages.UndoForm(exampleContext(), onCard, false, time.Time{}, false)
	out["addresses"] = messages.AddressesForm(messages.FormOrigin{
		Channel: "C0INCIDENT", User: "U0ROSA", Command: "restrict prod/DeployRole",
	}, "pasted in a gist", true, messages.Known{})
	out["addresses_offered"] = messages.AddressesForm(messages.FormOrigin{
		Channel: "C0INCIDENT", User: "U0ROSA", Command: "restrict prod/DeployRole",
	}, "pasted in a gist", true, messages.Known{
		Usual: []string{"198.51.100.23", "2001:db8::7"}, Unusual: []string{"203.0.113.66"},
	})
	return out
}

func TestEveryFormIsAsItsGoldenFileSays(t *testing.T) {
	for name, form := range forms(t) {
		for _, p := range slack.CheckView(must(t, form)) {
			t.Errorf("%s: %s", name, p)
		}
		sameAs(t, "forms/"+name, form)
	}
}

// formAnswers are what a form, or a field of it, is answered with, by name.
func formAnswers() map[string]any {
	return map[string]any{
		"errors_role":           messages.FieldErrors(map[string]string{messages.FieldRole: messages.FieldRoleMissing}),
		"errors_reason_missing": messages.FieldErrors(map[string]string{messages.FieldReason: messages.ReasonMissing().Text}),
		"errors_reason_too_long": messages.FieldErrors(map[string]string{
			messages.FieldReason: messages.ReasonTooLong(612).Text,
		}),
		"errors_account": messages.FieldErrors(map[string]string{messages.FieldAccount: messages.FieldAccountGone}),
		"errors_other_account": messages.FieldErrors(map[string]string{
			messages.FieldRole: messages.FieldOtherAccount("staging", "prod"),
		}),
		"errors_not_recorded": messages.FieldErrors(map[string]string{messages.FieldReason: messages.NotRecorded().Text}),
		"errors_words":        messages.FieldErrors(map[string]string{messages.FieldWords: messages.FieldWordsWrong}),
		"options": messages.RoleOptions([]messages.RoleChoice{
			{Account: "prod", Name: "DeployRole", Path: "/ops/"},
			{Account: "prod", Name: "Deploy", Path: "/"},
			{Account: "prod", Name: "Depl", Typed: true},
			{Account: "staging", Name: "Depl", Typed: true, Unlisted: true},
		}, true),
	}
}

func TestEveryAnswerToAFormIsAsItsGoldenFileSays(t *testing.T) {
	for name, answer := range formAnswers() {
		if name == "options" {
			for _, p := range slack.CheckOptions(must(t, answer)) {
				t.Errorf("%s: %s", name, p)
			}
		}
		sameAs(t, "forms/"+name, answer)
	}
}

func TestEveryGoldenFileOfAFormIsOfOne(t *testing.T) {
	known, answers := forms(t), formAnswers()
	files, err := filepath.Glob("testdata/forms/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if _, ok := known[name]; !ok && answers[name] == nil {
			t.Errorf("%s belongs to no form", f)
		}
	}
}

// detailsOf are those of a request whose every text from outside is as bad as it gets.
func detailsOf(r *rapid.T, t *testing.T) slackgo.ModalViewRequest {
	shown, users := exampleRole(), exampleUsers()
	shown.Name, shown.AccountName = foreign(r, "role"), foreign(r, "account")
	shown.ARN, shown.ID = foreign(r, "arn"), foreign(r, "id")
	shown.LastUsedRegion, shown.Locked = foreign(r, "region"), "It reads "+aws.QuoteLong(foreign(r, "document"))+"."
	for range 30 {
		shown.Trust = append(shown.Trust, role.Principal{Words: foreign(r, "principal")})
		shown.Warnings = append(shown.Warnings, foreign(r, "warning"))
		users.Callers = append(users.Callers, record.User{Caller: foreign(r, "caller"), Sessions: 1})
	}
	s := begins(t, foreign(r, "reason"), 1, shown).add(approvals.EventUsers, "", users)
	c := exampleContext()
	c.Role = shown
	return messages.Details(s.fold(2), s.events, c)
}

// Rules 18 and 19, for forms.
func TestEveryFormIsWithinSlacksLimitsAndForeignTextStaysText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		role := record.Role{Role: role.Role{Principal: contain.Principal{
			AccountName: foreign(r, "account"), AccountID: foreign(r, "account id"), Name: foreign(r, "role"),
		}}}
		c := messages.Context{Words: revokeWords(), Role: role, Margin: time.Duration(rapid.Int64().Draw(r, "margin"))}
		origin := messages.FormOrigin{Request: "4DLARAV3ISOEUUODW4FIG5AF5F", Channel: "C0INCIDENT", Message: "1.1"}
		asked := begins(t, foreign(r, "reason"), 1, role)
		deny := messages.DenyForm(asked.fold(1), c, origin)
		undo := messages.UndoForm(c, origin, rapid.Bool().Draw(r, "words"), at, rapid.Bool().Draw(r, "reason required"))
		for name, form := range map[string]slackgo.ModalViewRequest{
			"deny": deny, "undo": undo, "details": detailsOf(r, t),
			"addresses": messages.AddressesForm(messages.FormOrigin{Command: foreign(r, "command")}, foreign(r, "reason"), true,
				messages.Known{Usual: many(r), Unusual: many(r)}),
		} {
			for _, p := range slack.CheckView(must(t, form)) {
				r.Errorf("%s: %s", name, p)
			}
			for _, b := range form.Blocks.BlockSet {
				s, ok := b.(*slackgo.SectionBlock)
				if !ok {
					continue
				}
				for _, text := range append(s.Fields, s.Text) {
					if text != nil && text.Type == slackgo.MarkdownType {
						outsideHarmless(r, name, text.Text)
					}
				}
			}
		}
	})
}

// many are more addresses than a form can offer, not all of them any.
func many(r *rapid.T) (all []string) {
	for i := range 30 {
		all = append(all, foreign(r, "address"), fmt.Sprintf("2001:db8::%d", i))
	}
	return all
}
