package messages_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// nasty are texts that would do something if they were not treated as data.
var nasty = []string{
	"<!channel>", "<!here>", "<!everyone>", "<@U0BOB>", "<#C0INCIDENT>", "<!subteam^S0SECURITY>",
	"<https://evil.example|click>",
	"https://evil.example/x", "*bold*", "_it_", "~gone~", "`code`", "```block```", "> quote", "&amp;<", "a\nb\r\nc\t\v",
	"\u202Eevil\u202C",
	"\u200B\u200D\uFEFF", ":tada:", "<!date^1^{date}|x>", "`<!channel>`", "`` `<!here>` ``", "\x00\x01\x7f",
	strings.Repeat("<!channel>`", 400), "\u202e*_~`",
	strings.Repeat("ä", 5000), "\xff\xfe broken", "",
}

func foreign(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.SampledFrom(nasty), rapid.String(), rapid.StringN(0, 9000, -1),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom(nasty).Draw(t, "a") + rapid.String().Draw(t, "b") + rapid.SampledFrom(nasty).Draw(t, "c")
		})).Draw(t, label)
}

var (
	fences  = regexp.MustCompile("```[^`]*```")
	spans   = regexp.MustCompile("`[^`\n]*`")
	allowed = regexp.MustCompile(`^<(@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!date\^[0-9]+\^\{time\} ` +
		`\{date_short_pretty\}\|[0-9: -]+ UTC|https://acme\.slack\.com/archives/C0INCIDENT/p1\|its card)>$`)
	angled = regexp.MustCompile(`<[^>]*>?`)
)

// outsideHarmless checks a text in mrkdwn: what is not in a code span has only the markup that the
// bot writes itself.
func outsideHarmless(t interface{ Errorf(string, ...any) }, name, text string) {
	if strings.Count(text, "`")%2 != 0 {
		t.Errorf("%s: a code span is not closed: %q", name, text)
	}
	rest := text
	for _, code := range []*regexp.Regexp{fences, spans} {
		for _, span := range code.FindAllString(rest, -1) {
			if strings.ContainsAny(span, "<>") {
				t.Errorf("%s: markup in a code span: %q", name, span)
			}
		}
		rest = code.ReplaceAllString(rest, "")
	}
	for _, tag := range angled.FindAllString(rest, -1) {
		if !allowed.MatchString(tag) {
			t.Errorf("%s: markup from outside: %q in %q", name, tag, text)
		}
		rest = strings.ReplaceAll(rest, tag, "")
	}
	if strings.Contains(rest, "evil") || strings.Contains(rest, "://") {
		t.Errorf("%s: foreign text outside a code span: %q", name, text)
	}
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) {
			t.Errorf("%s: an invisible character %U", name, r)
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: not UTF-8", name)
	}
}

// examine walks all text objects of a message.
func examine(t interface{ Errorf(string, ...any) }, name string, m *messages.Message) {
	check(t, name, m)
	outsideHarmless(t, name+" text", m.Text)
	raw, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, child := range n {
				walk(child)
			}
		case map[string]any:
			if n["type"] == "mrkdwn" {
				outsideHarmless(t, name+" block", n["text"].(string))
				if n["verbatim"] != true {
					t.Errorf("%s: a text that Slack searches for links: %v", name, n["text"])
				}
			}
			for _, child := range n {
				walk(child)
			}
		}
	}
	walk(tree)
}

// worst draws a request whose every text from outside is as bad as it gets, and returns all that is
// said of it.
func worst(t *rapid.T, real *testing.T) map[string]*messages.Message {
	shown := record.Role{Role: role.Role{
		Principal: contain.Principal{
			AccountName: foreign(t, "account"), AccountID: foreign(t, "account id"), Name: foreign(t, "role"),
			ARN: foreign(t, "arn"), ID: foreign(t, "id"),
		},
		Locked:         "It reads " + aws.QuoteLong(foreign(t, "document")) + ".",
		LastUsed:       at,
		LastUsedRegion: foreign(t, "region"),
		MaxSession:     time.Duration(rapid.Int64().Draw(t, "max session")),
	}}
	for range rapid.IntRange(0, 30).Draw(t, "principals") {
		shown.Trust = append(shown.Trust, role.Principal{
			Words: foreign(t, "principal"), Conditional: rapid.Bool().Draw(t, "conditional"),
		})
	}
	for range rapid.IntRange(0, 20).Draw(t, "warnings") {
		shown.Warnings = append(shown.Warnings, foreign(t, "warning"))
	}
	c := messages.Context{
		Words: revokeWords(), Role: shown, Margin: 30 * time.Second,
		Approvers: []string{"S0SECURITY", foreign(t, "approver")},
	}
	s := begins(real, foreign(t, "reason"), rapid.IntRange(1, 5).Draw(t, "required"), shown)
	s.events[0].By = cmp.Or(foreign(t, "requester"), "?") // a log without people is refused when it is read
	who := cmp.Or(foreign(t, "who"), "?")
	users := record.Users{
		Failed:  rapid.SampledFrom([]string{"", "AWS does not allow it."}).Draw(t, "survey"),
		Regions: []trail.RegionCoverage{{Region: foreign(t, "region"), Reason: "it did not answer in time"}},
	}
	for range rapid.IntRange(0, record.MaxUsers).Draw(t, "callers") {
		users.Callers = append(users.Callers, record.User{Caller: foreign(t, "caller"), Sessions: 1})
	}
	users.Preview = &record.Preview{
		Calls: 9, Denied: 3, Unknown: 1, By: slices.Repeat([]record.Denied{{Caller: foreign(t, "denied"), Calls: 1}}, 5),
		Failed: rapid.SampledFrom([]string{"", "AWS does not allow it."}).Draw(t, "no preview"),
	}
	if c.Role.Known = nil; rapid.Bool().Draw(t, "restricts") {
		known, err := measures.Known("2001:db8::/32 vpc-0a1b2c3d")
		if c.Role.Known = &known; err != nil {
			t.Fatal(err)
		}
	}
	s.add(approvals.EventUsers, "", users)
	s.add(approvals.EventApproved, who, nil).add(approvals.EventStarted, "", started())
	applied := record.Applied{Cutoff: cutoff, At: at, CallerARN: foreign(t, "caller arn")}
	s.add(approvals.EventApplied, "", applied)
	s.add(approvals.EventReadBack, "", record.ReadBack{Mismatch: foreign(t, "mismatch")})
	s.add(approvals.EventRefused, who, approvals.Refusal{
		Action: approvals.Action(foreign(t, "action")), Code: approvals.RefusedWrongPlace, Channel: foreign(t, "channel"),
	})
	seen := record.Enforcement{
		State: record.EnforcementState(foreign(t, "state")), Why: "No region could be read.", Denied: 1, At: at,
	}
	s.add(approvals.EventSimulated, "", record.Simulated{Cutoff: cutoff, Simulation: role.Simulation{
		Unavailable: rapid.SampledFrom([]string{"", "AWS does not allow it."}).Draw(t, "unavailable"),
		Before:      role.Verdict(foreign(t, "verdict")),
	}})
	s.add(approvals.EventSeenDenied, "", seen)
	lost := record.Tampered{
		State: role.Gone, At: at, Rewrite: 1, SCP: jsonOf(real, foreign(t, "scp")), Why: "It was tried.",
	}
	s.add(approvals.EventTampered, "", lost)
	lost.State, lost.Promise = role.CheckState(foreign(t, "state")), cutoff
	lost.Changes = []contain.Change{{After: "{}"}}
	s.add(approvals.EventTampered, "", lost)
	back := record.ReadBack{
		Mismatch: foreign(t, "mismatch"), Error: rapid.SampledFrom([]string{"", "AWS did not answer."}).Draw(t, "back"),
	}
	s.add(approvals.EventRewritten, "", record.Rewritten{Applied: record.Applied{Cutoff: cutoff}, Rewrite: 1, Back: back})
	changes := record.Finding{}
	for range rapid.IntRange(0, 50).Draw(t, "changes") {
		changes.Changes = append(changes.Changes, record.Change{Change: trail.Change{
			Who: foreign(t, "who"), AccessKeyID: foreign(t, "key"), SourceAddress: foreign(t, "address"),
			UserAgent: foreign(t, "agent"), SourceIdentity: foreign(t, "identity"),
		}})
	}
	s.add(approvals.EventFinding, "", changes)
	s.add(approvals.EventHeld, "", record.Held{At: at, After: time.Hour, Cutoff: cutoff})
	incident(t, s)
	out := map[string]*messages.Message{
		"refused role": messages.RefusedRole(foreign(t, "sentence"), []string{foreign(t, "step"), foreign(t, "step")},
			jsonOf(real, foreign(t, "document"))),
		"plain":   messages.Plain(foreign(t, "plain")),
		"refused": messages.Refused(s.fold(1), approvals.Refusal{Code: approvals.RefusedNotApprover}, c),
		"wrong":   messages.WrongChannel([]string{foreign(t, "channel")}),
		"posting": messages.CardImpossible(foreign(t, "slack error")),
		"usage":   messages.Usage("", messages.ExampleReason, nil),
		"status": messages.Status(messages.Desk{List: slices.Repeat([]messages.Listed{
			{
				Request: s.fold(1), Context: c,
			}, {Request: s.fold(len(s.events)), Context: c, Link: "https://acme.slack.com/archives/C0INCIDENT/p1"},
		}, 5)}),
	}
	maps.Copy(out, worstOfUndo(t, real, shown))
	s.said(out, "", c)
	return out
}

// jsonOf is a document with a text in it.
func jsonOf(t *testing.T, text string) string {
	return string(must(t, map[string]string{"Resource": text}))
}

// Rule 18.
func TestTextFromOutsideIsDataItNeverPingsLinksOrFormats(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		for name, m := range worst(r, t) {
			examine(r, name, m)
		}
	})
}

// Rule 19.
func TestEveryMessageIsWithinSlacksLimitsForAnyInputAndSaysTheSameInItsFallback(t *testing.T) {
	for name, m := range all(t) {
		examine(t, name, m)
	}
	for _, bad := range nasty {
		examine(t, "plain", messages.Plain(bad))
	}
	card := begin(t, "the reason", 1).card()
	for _, fact := range []string{"prod/DeployRole", "111122223333", "<@U0ROSA>", "the reason", "0 of 1"} {
		if !strings.Contains(card.Text, fact) {
			t.Errorf("the card's fallback does not say %q: %s", fact, card.Text)
		}
	}
}

// What package aws quotes is neither bold nor struck out, also where it was cut.
func TestNoQuoteFormatsAMessage(t *testing.T) {
	for _, foreign := range []string{
		"*Contained*", `{"Action":["*"],"NotAction":"*"}`, "_a_ ~b~", `*"*\`, strings.Repeat("*x* ", 400), "*`*`",
	} {
		for name, quote := range map[string]string{
			"short": aws.Quote(foreign), "long": aws.QuoteLong(foreign), "cut": strconv.QuoteToASCII(foreign),
		} {
			s := applied(t).add(approvals.EventFinding, "", record.Finding{Sentence: "It *is* " + quote + " there."})
			text := s.last().Text
			rest := regexp.MustCompile("`[^`]*`").ReplaceAllString(text[strings.Index(text, "It *is*")+len("It *is*"):], "")
			if name == "cut" && strings.Contains(foreign, "`") {
				continue // package aws escapes them
			}
			if strings.ContainsAny(rest, "*_~") {
				t.Errorf("%s: %q leaves %q", name, text, rest)
			}
		}
	}
}

func TestADateStandsBesideEveryTimeThatIsNotOfTheDayOnWhichThePeopleWereAsked(t *testing.T) {
	out, bare := map[string]*messages.Message{}, regexp.MustCompile(`(....-..-.. )?\d\d:\d\d:\d\d UTC`)
	stories := reportStories(t)
	for name, end := range map[string]struct {
		typ    approvals.EventType
		detail any
	}{
		"gone":     {approvals.EventTampered, gone()},
		"lost":     {approvals.EventTampered, lost()},
		"weakened": {approvals.EventTampered, weakened(lost())},
		"deleted":  {approvals.EventTampered, record.Tampered{State: role.RoleGone, At: at}},
		"replaced": {approvals.EventTampered, record.Tampered{State: role.RoleReplaced, At: at}},
		"again":    {approvals.EventRewritten, again()},
		"held":     {approvals.EventHeld, record.Held{At: at, After: time.Hour, Cutoff: cutoff}},
		"missed":   {approvals.EventHeld, record.Held{At: at, After: time.Hour, Cutoff: cutoff, Losses: 2}},
		"undone":   {approvals.EventUndone, record.Undone{At: at, Seen: record.SeenEqual}},
		"found":    {approvals.EventUndone, record.Undone{At: at, Seen: record.SeenEqual, Found: true}},
		"restored": {approvals.EventUndone, record.Undone{
			At: at, Seen: record.SeenEqual,
			Slots: record.Stands{{Document: contain.Document{Text: "{}"}, Fate: record.FateRestored}},
		}},
		"stays": {approvals.EventUndone, record.Undone{At: at, Seen: record.SeenEqual, Stays: true}},
		"tampered_by": {approvals.EventFinding, record.Finding{Changes: []record.Change{
			{Change: trail.Change{Name: "PutRolePolicy", At: at, Who: "role X"}, Cutoff: cutoff},
		}}},
	} {
		stories[name] = applied(t).add(end.typ, "", end.detail)
		if name == "tampered_by" || name == "again" {
			stories[name] = applied(t).add(approvals.EventTampered, "", gone()).add(end.typ, "", end.detail)
		}
	}
	for name, s := range stories {
		s.events[0].At = s.events[0].At.Add(-24 * time.Hour)
		s.said(out, name+" ", exampleContext())
	}
	told := 0
	for name, m := range out {
		texts := []string{m.Text}
		for _, b := range m.Blocks {
			if raw := string(must(t, b)); !strings.Contains(raw, `"type":"table"`) {
				texts = append(texts, raw)
			}
		}
		for _, text := range texts {
			for _, clock := range bare.FindAllString(regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, ""), -1) {
				if told++; len(clock) < len("2006-01-02 15:04:05 UTC") {
					t.Errorf("%s: %q has no date in %q", name, clock, text)
				}
			}
		}
	}
	if told < 100 {
		t.Errorf("only %d times were looked at", told)
	}
}
