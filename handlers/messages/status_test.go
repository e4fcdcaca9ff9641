package messages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheAppHomeIsAsItsGoldenFileSays(t *testing.T) {
	open := messages.Listed{
		Request: begin(t, "key pasted in a gist", 1).fold(1), Context: exampleContext(),
		Link: "https://acme.slack.com/archives/C0INCIDENT/p1",
	}
	for name, view := range map[string]slackgo.HomeTabViewRequest{
		"member": messages.Home([]messages.Listed{open}, []string{"C0INCIDENT", "C0WAR"},
			messages.HomeNotInChannel("C0WAR")),
		"empty": messages.Home(nil, []string{"C0INCIDENT"}, ""),
		"lost":  messages.Home(nil, []string{"C0INCIDENT"}, messages.HomeFormLost("C0INCIDENT")),
		"asked": messages.Home([]messages.Listed{open}, []string{"C0INCIDENT"}, messages.HomeAsked("C0INCIDENT")),
		"guest": messages.HomeRefused(approvals.Guest),
	} {
		for _, p := range slack.CheckView(must(t, view)) {
			t.Errorf("%s: %s", name, p)
		}
		sameAs(t, "home/"+name, view)
	}
}

// Rules 18 and 19, for the App Home.
func TestTheAppHomeIsWithinSlacksLimitsAndForeignTextStaysText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		role := record.Role{Role: role.Role{Principal: contain.Principal{
			AccountName: foreign(r, "account"), AccountID: foreign(r, "account id"), Name: foreign(r, "role"),
		}}}
		one := messages.Listed{
			Request: begins(t, foreign(r, "reason"), 1, role).fold(1),
			Context: messages.Context{Words: revokeWords(), Role: role},
			Link:    "https://acme.slack.com/archives/C0INCIDENT/p1",
		}
		var channels []string
		for i := range rapid.IntRange(1, 60).Draw(r, "channels") {
			channels = append(channels, fmt.Sprintf("C0%d", i))
		}
		view := messages.Home(slices.Repeat([]messages.Listed{one}, 10), channels,
			messages.HomeNotInChannel("C0"))
		for _, p := range slack.CheckView(must(t, view)) {
			r.Errorf("%s", p)
		}
		for _, b := range view.Blocks.BlockSet {
			if s, ok := b.(*slackgo.SectionBlock); ok {
				outsideHarmless(r, "home", s.Text.Text)
				if !s.Text.Verbatim || s.Accessory != nil && strings.TrimSpace(s.Accessory.ButtonElement.AccessibilityLabel) == "" {
					r.Errorf("a section of the home is searched for links, or its button has no label")
				}
			}
		}
	})
}

// Whoever reads the list and not the card would otherwise take a deny that is gone for one that
// holds.
func TestAListSaysOfADenyWhatItsCardSays(t *testing.T) {
	s := begin(t, "", 1).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventStarted, "", record.Started{Cutoff: cutoff}).
		add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff, At: at, Seen: record.SeenEqual})
	for _, c := range []struct{ when, want string }{
		{"applied", "*revoked*: revoke sessions of"},
		{"taken off and not written again", "*removed*: revoke sessions of"},
	} {
		if c.when != "applied" {
			s.add(approvals.EventTampered, "", lost())
		}
		listed := messages.Listed{Request: s.fold(len(s.events)), Context: exampleContext()}
		if text := messages.Status([]messages.Listed{listed}).Text; !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.when, text)
		}
	}
}
