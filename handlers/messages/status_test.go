package messages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	desk := messages.Desk{Channels: []string{"C0INCIDENT"}, Now: at}
	with := func(change func(*messages.Desk)) slackgo.HomeTabViewRequest {
		d := desk
		change(&d)
		return messages.Home(d)
	}
	for name, view := range map[string]slackgo.HomeTabViewRequest{
		"member": with(func(d *messages.Desk) {
			d.List, d.Channels = []messages.Listed{open}, []string{"C0INCIDENT", "C0WAR"}
			d.Notice = messages.HomeNotInChannel("C0WAR")
		}),
		"empty": messages.Home(desk),
		"lost":  with(func(d *messages.Desk) { d.Notice = messages.HomeFormLost("C0INCIDENT") }),
		"asked": with(func(d *messages.Desk) {
			d.List, d.Notice = []messages.Listed{open}, messages.HomeAsked("C0INCIDENT")
		}),
		"desk": with(func(d *messages.Desk) {
			d.List, d.Accounts, d.Account = deskList(t), []string{"prod", "staging"}, "prod"
		}),
		"guest": messages.HomeRefused(approvals.Guest),
	} {
		for _, p := range slack.CheckView(must(t, view)) {
			t.Errorf("%s: %s", name, p)
		}
		sameAs(t, "home/"+name, view)
	}
}

// deskList has a request for each section of the App Home.
func deskList(t *testing.T) []messages.Listed {
	const link = "https://acme.slack.com/archives/C0INCIDENT/p1"
	listed := func(s *story, yours bool) messages.Listed {
		return messages.Listed{
			Request: s.fold(len(s.events)), Events: s.events, Context: exampleContext(), Link: link, Yours: yours,
		}
	}
	return []messages.Listed{
		listed(begin(t, "key pasted in a gist", 1), true),
		listed(begin(t, "", 2).add(approvals.EventVoted, "U0BOB", nil), false),
		listed(applied(t).add(approvals.EventVerdict, "", record.Conclusion{Word: record.WordNotContained}), false),
		listed(applied(t), false), listed(begin(t, "", 1).add(approvals.EventExpired, "", nil), false),
	}
}

// Every request is in one section of the App Home, and in the right one.
func TestTheAppHomeSortsRequestsByWhatTheyNeed(t *testing.T) {
	titles := func(d messages.Desk) (all []string) {
		for _, b := range messages.Home(d).Blocks.BlockSet {
			switch b := b.(type) {
			case *slackgo.HeaderBlock:
				all = append(all, b.Text.Text)
			case *slackgo.SectionBlock:
				if b.Accessory != nil && b.Accessory.ButtonElement != nil && b.Accessory.ButtonElement.URL != "" {
					all = append(all, "row")
				}
			}
		}
		return all
	}
	list := deskList(t)
	want := []string{
		"Revocations", "Waiting for you", "row", "Waiting for others", "row", "Not contained", "row", "Guarded", "row",
		"Recent", "row",
	}
	if got := titles(messages.Desk{List: list, Now: at}); !slices.Equal(got, want) {
		t.Errorf("the desk has %q", got)
	}
	// The guard ends, and what was removed is not contained any more.
	removed := applied(t).add(approvals.EventTampered, "", lost())
	list = []messages.Listed{list[3], {
		Request: removed.fold(len(removed.events)), Events: removed.events, Context: exampleContext(), Link: "https://x",
	}}
	want = []string{"Revocations", "Not contained", "row", "Recent", "row"}
	if got := titles(messages.Desk{List: list, Now: at.Add(time.Hour)}); !slices.Equal(got, want) {
		t.Errorf("an hour later the desk has %q", got)
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
		view := messages.Home(messages.Desk{
			List: slices.Repeat([]messages.Listed{one}, 30), Channels: channels, Notice: messages.HomeNotInChannel("C0"),
			Accounts: []string{"prod", foreign(r, "another account")},
		})
		for _, p := range slack.CheckView(must(t, view)) {
			r.Errorf("%s", p)
		}
		for _, b := range view.Blocks.BlockSet {
			if s, ok := b.(*slackgo.SectionBlock); ok {
				outsideHarmless(r, "home", s.Text.Text)
				if !s.Text.Verbatim || s.Accessory != nil && s.Accessory.ButtonElement != nil &&
					strings.TrimSpace(s.Accessory.ButtonElement.AccessibilityLabel) == "" {
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
		desk := messages.Desk{Now: at.Add(time.Hour), List: []messages.Listed{listed}}
		if text := messages.Status(desk).Text; !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.when, text)
		}
	}
}

// The title of a card is the outcome, and a list says the same.
func TestTheTitleOfACardIsTheOutcome(t *testing.T) {
	messagesOf, trailOf := all(t), trailMessages(t)
	for name, want := range map[string]string{
		"card_contained": "Contained: sessions of ", "card_quiet": "Revoked, no activity since: sessions of ",
		"card_contained_open":     "Contained, still open: 1 caller, 2 keys, 1 user, 4 more · sessions of ",
		"card_revoked_open":       "Revoked, still open: 1 caller, 2 keys, 1 user, 4 more · sessions of ",
		"card_contained_unknown":  "Revoked, containment unknown: sessions of ",
		"card_not_contained_open": "Not contained: 1 caller, 2 keys, 1 user, 4 more · sessions of ",
		"card_removed_by":         "Removed by user shop-migration, being restored: revocation policy of ",
		"card_open":               "Approval needed: revoke sessions of ",
	} {
		m := messagesOf[name]
		if m == nil {
			m = trailOf[name]
		}
		if title := m.Blocks[0].(*slackgo.HeaderBlock).Text.Text; !strings.HasPrefix(title, want) ||
			!strings.HasSuffix(title, "prod/DeployRole") || !strings.HasPrefix(m.Text, want) {
			t.Errorf("%s: the title is %q, the fallback %q", name, title, m.Text)
		}
	}
}
