package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Where the honest runner and the thief call from.
const (
	runner   = "198.51.100.20"
	outsider = "203.0.113.66"
	narrow   = "restrict prod/DeployRole 198.51.100.0/24 vpc-0a1b2c3d key pasted in a gist"
)

// addressed is a RoundTripper whose calls come from an address.
type addressed struct {
	address string
	next    http.RoundTripper
}

func (a addressed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", a.address)
	return a.next.RoundTrip(r)
}

// worksFrom makes a call with a session's credentials from an address and returns what AWS says.
func worksFrom(b *bench.Bench, session awsstandin.AccessKey, address string) error {
	cfg := b.SDK(session)
	cfg.HTTPClient = &http.Client{Transport: addressed{address, cfg.HTTPClient.(*http.Client).Transport}}
	_, err := iam.NewFromConfig(cfg).ListRoles(b.T.Context(), &iam.ListRolesInput{PathPrefix: awssdk.String("/")})
	return err
}

// restricted is what is in restrict's slot of DeployRole.
func restricted(b *bench.Bench) string {
	document, _ := b.World.Prod.RolePolicy(actors.DeployRole, contain.KnownPolicy)
	return document
}

func restrictRole(b *bench.Bench, text string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, text)
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

func TestARestrictionDeniesCallsFromElsewhereOnlyIsProvenAndIsTakenOffAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		session := b.Session("deploy-1840")
		card := b.AskFor(actors.Rosa,
			"Restrict prod/DeployRole 198.51.100.0/24, 2001:db8::7; vpc-0A1B2C3D key pasted in a gist")
		if r := card.Request(); r.Purpose != "restrict" || r.Reason != "key pasted in a gist" {
			t.Fatalf("%s, %q", r.Purpose, r.Reason)
		}
		card.CaughtUp()
		for _, words := range []string{
			"Approval needed: restrict prod/DeployRole", "198.51.100.0/24", "2001:db8::7/128", "vpc-0a1b2c3d",
		} {
			if !strings.Contains(string(card.Message().Blocks), words) {
				t.Errorf("the card lacks %q:\n%s", words, card.Message().Blocks)
			}
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		if restricted(b) == "" || policyOn(b, actors.DeployRole) != "" || locked(b, actors.DeployRole) {
			t.Fatal("the role is not restricted, or something else was written")
		}
		for _, s := range []awsstandin.AccessKey{session, b.Session("deploy-1841")} {
			if err := worksFrom(b, s, runner); err != nil {
				t.Errorf("a session does not work from a known address: %v", err)
			}
			if worksFrom(b, s, outsider) == nil || worksFrom(b, s, "2001:db8::8") == nil {
				t.Error("a session works from elsewhere")
			}
		}
		b.Until("the restriction is simulated", func() bool {
			p := record.Proven(card.Events())
			return p.Simulated != nil && p.Simulated.Proven
		})
		undo := undoBy(b, "undo prod/DeployRole over")
		if r := undo.Request(); r.Purpose != "undo:restrict" || r.About != card.ID {
			t.Errorf("%s of %s", r.Purpose, r.About)
		}
		b.Settle()
		if restricted(b) != "" || worksFrom(b, session, outsider) != nil {
			t.Error("the role is still restricted")
		}
		b.Until("its card says so", func() bool { return card.Says("Calls from every address *work again*") })
	})
}

func TestTheGuardRestoresARestrictionThatSomeoneRemovedOrWidened(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"removed": "", "widened": `"198.51.0.0/16","198.51.100.0/24"`} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: looks})
			card := restrictRole(b, narrow)
			ours, err := restricted(b), error(nil)
			if text == "" {
				err = b.World.Prod.DeleteRolePolicy(actors.DeployRole, contain.KnownPolicy)
			} else {
				err = b.World.Prod.PutRolePolicy(actors.DeployRole, contain.KnownPolicy,
					strings.Replace(ours, `"198.51.100.0/24"`, text, 1))
			}
			if err != nil {
				t.Fatal(err)
			}
			b.Until(name+": the restriction is back", func() bool {
				second, _ := b.World.Prod.RolePolicy(actors.DeployRole, contain.KnownPolicy+"-"+card.ID[:8])
				return (restricted(b) == ours || second == ours) && card.Says("Restored (")
			})
		})
	}
}

func TestASecondRestrictionLetsInWhatBothDoAndEachIsUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		session := b.Session("deploy-1840")
		restrictRole(b, narrow)
		first := restricted(b)
		restrictRole(b, "restrict prod/DeployRole 198.51.100.16/28 192.0.2.0/24 vpc-0a1b2c3d narrower")
		b.Settle()
		if worksFrom(b, session, runner) != nil || worksFrom(b, session, "198.51.100.77") == nil ||
			worksFrom(b, session, "192.0.2.9") == nil {
			t.Errorf("not both hold: %s", restricted(b))
		}
		undoBy(b, "undo restrict prod/DeployRole")
		b.Settle()
		if restricted(b) != first {
			t.Errorf("the first is not there again: %s", restricted(b))
		}
		undoBy(b, "undo restrict prod/DeployRole")
		b.Settle()
		if restricted(b) != "" {
			t.Errorf("something is left: %s", restricted(b))
		}
	})
}

func TestADrillOfARestrictionWritesNothingAndProvesItOnPaper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, "drill "+narrow)
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		d, err := record.Detail[record.Rehearsed](card.Request().Closing)
		if err != nil || !d.Clean() || card.Request().Purpose != "drill:restrict" {
			t.Errorf("%+v, %v", d, err)
		}
		if b.Puts() != 0 {
			t.Error("a drill has written")
		}
	})
}

func TestEveryAddressThatARestrictionCannotHaveIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Protected: []string{"*:role/break-glass-*"}})
		var many strings.Builder
		for i := range 101 {
			many.WriteString("198.51.100." + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)) + " ")
		}
		hundred := strings.NewReplacer(".00", ".", ".0", ".").Replace(many.String())
		for _, c := range []struct{ text, told string }{
			{"restrict", "Name the role"},
			{"restrict prod/DeployRole", "name the addresses"},
			{"restrict prod/DeployRole pasted in a gist", "name the addresses"},
			{"restrict prod/DeployRole 0.0.0.0/0", "is every address"},
			{"restrict prod/DeployRole ::/0 why", "is every address"},
			{"restrict prod/DeployRole 10.0.0.0/8 why", "AWS sees public addresses only"},
			{"restrict prod/DeployRole 300.1.1.1 why", "is no address or network"},
			{"restrict prod/DeployRole 203.0.113.7 24 why", "is no address or network"},
			{"restrict prod/DeployRole vpc-nowhere why", "is no id of a VPC"},
			{"restrict prod/DeployRole " + strings.ReplaceAll(hundred, " ", "/32 "), "entries are more than the 100"},
			{"restrict prod/DeployRole 198.51.100.0/24 why", "Lambda"},
			{"restrict prod/break-glass-admin 198.51.100.0/24 vpc-0a1b2c3d", "protected"},
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, c.text)
			b.Until(c.text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			if told := b.Whispers(actors.Rosa)[before]; !strings.Contains(told, c.told) {
				t.Errorf("%s: %s", c.text, told)
			}
			time.Sleep(10 * time.Second)
		}
		b.Settle()
		if len(b.Cards()) != 0 || b.Puts() != 0 {
			t.Errorf("%d cards, %d writes", len(b.Cards()), b.Puts())
		}
	})
}

func TestTheConfiguredAddressesAreTakenWhereNoneAreTyped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known, err := measures.Known("198.51.100.0/24 vpc-0a1b2c3d")
		if err != nil {
			t.Fatal(err)
		}
		b := bench.New(t, bench.Options{Cloud: func(c *aws.Config) {
			for i := range c.Accounts {
				c.Accounts[i].Known = known
			}
		}})
		card := b.AskFor(actors.Rosa, "restrict prod/DeployRole pasted in a gist")
		facts, err := record.FactsOf(card.Request())
		if err != nil || facts.Known == nil || facts.Known.String() != known.String() ||
			card.Request().Reason != "pasted in a gist" {
			t.Errorf("%+v, %q, %v", facts.Known, card.Request().Reason, err)
		}
	})
}

func TestTheCardOfARestrictionSaysWhatItWouldHaveDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		session := b.Session("deploy-1840")
		for range 17 {
			if err := worksFrom(b, session, runner); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := worksFrom(b, session, outsider); err != nil {
				t.Fatal(err)
			}
		}
		b.Settle()
		card := b.AskFor(actors.Rosa, narrow)
		b.Until("the preview is there", func() bool { return card.Request().Has("users") })
		card.CaughtUp()
		text := card.Message().Text
		for _, words := range []string{"would have denied 3 of 20 calls", "ci-deploy`, 3", "more than a tenth"} {
			if !strings.Contains(text, words) {
				t.Errorf("the card lacks %q:\n%s", words, text)
			}
		}
	})
}

func TestAVerdictOnARestrictionTakesCallsFromKnownAddressesForHonest(t *testing.T) {
	t.Parallel()
	for name, thief := range map[string]bool{"the thief is denied": true, "nobody called from elsewhere": false} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{FollowUps: []time.Duration{10 * time.Minute}, Guard: looks})
			session := b.Session("deploy-1840")
			time.Sleep(time.Minute)
			card := restrictRole(b, narrow)
			for range 9 {
				time.Sleep(time.Minute)
				if err := worksFrom(b, session, runner); err != nil {
					t.Fatal(err)
				}
				if thief && worksFrom(b, session, outsider) == nil {
					t.Fatal("the thief is not denied")
				}
			}
			b.Until("there is a verdict", func() bool { return card.Request().Judged.Type == approvals.EventVerdict })
			time.Sleep(10 * time.Minute) // every region has reported by then
			card.CaughtUp()
			words := verdicts(card)
			if slices.Contains(words, record.WordNotContained) || slices.Contains(words, record.WordContained) != thief {
				t.Errorf("%s: %v\n%s", name, words, b.Transcript())
			}
		})
	}
}

// A thief who gets in from a known address is not stopped; one whom the policy let through from
// elsewhere is no honest call.
func TestAVerdictOnARestrictionThatIsNotEnforcedIsNotContained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{10 * time.Minute}, Propagation: time.Hour})
		session := b.Session("deploy-1840")
		time.Sleep(time.Minute)
		card := restrictRole(b, narrow)
		for range 9 {
			time.Sleep(time.Minute)
			if err := worksFrom(b, session, outsider); err != nil {
				t.Fatal(err)
			}
		}
		b.Until("there is a verdict", func() bool { return card.Request().Judged.Type == approvals.EventVerdict })
		if words := verdicts(card); !slices.Contains(words, record.WordNotContained) {
			t.Errorf("%v\n%s", words, b.Transcript())
		}
	})
}

func TestTheFormForAddressesAsksForTheRestriction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		m, _ := answered(b, actors.Rosa, "restrict prod/DeployRole pasted in a gist")
		click := slack.Click{
			ChannelID: actors.Incident, MessageTS: m.TS, BlockID: "addresses", ActionID: messages.ActionAddresses,
			Value: "restrict prod/DeployRole pasted in a gist",
		}
		if _, err := b.Slack.Click(t.Context(), actors.Rosa, click); err != nil {
			t.Fatal(err)
		}
		b.Until("the form opens", func() bool { return len(b.Slack.Views(actors.Rosa)) == 1 })
		view := b.Slack.Views(actors.Rosa)[0]
		values := func(addresses string) map[string]map[string]any {
			return map[string]map[string]any{
				messages.FieldAddresses: {messages.FieldAddresses: addresses},
				messages.FieldReason:    {"text": "pasted in a gist"},
			}
		}
		for addresses, says := range map[string]string{
			"10.0.0.0/8": "public addresses only", "198.51.100.0/24 and more": "is no address, network or VPC",
			"0.0.0.0/0": "is every address",
		} {
			send(b, actors.Rosa, view.ID, values(addresses))
			got := b.Slack.Views(actors.Rosa)[0].Errors
			if !strings.Contains(got[messages.FieldAddresses], says) {
				t.Errorf("%s: %v", addresses, got)
			}
		}
		send(b, actors.Rosa, view.ID, values("198.51.100.0/24\nvpc-0a1b2c3d"))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		r := b.Cards()[0].Request()
		facts, err := record.FactsOf(r)
		if err != nil || r.Requester != actors.Rosa || r.Reason != "pasted in a gist" ||
			facts.Known.String() != "198.51.100.0/24 vpc-0a1b2c3d" {
			t.Errorf("%+v, %v, %v", r, facts.Known, err)
		}
	})
}

// addressForm opens the form for addresses with a button, and returns it.
func addressForm(b *bench.Bench, user string, click slack.Click) slack.View {
	b.T.Helper()
	if _, err := b.Slack.Click(b.T.Context(), user, click); err != nil {
		b.T.Fatal(err)
	}
	b.Until("the form opens", func() bool { return len(b.Slack.Views(user)) == 1 })
	return b.Slack.Views(user)[0]
}

func TestARestrictionWithoutAddressesOffersThoseThatTheRoleWasUsedFrom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		if _, err := actors.SeedLife(t.Context(), b.AWS, b.World); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		b.Command(actors.Rosa, "restrict prod/DeployRole key pasted in a gist")
		b.Until("addresses are offered", func() bool {
			return slices.ContainsFunc(b.Whispers(actors.Rosa), func(m string) bool {
				return strings.Contains(m,
					"was used from")
			})
		})
		var offered slack.Message
		for _, m := range b.Slack.Messages(actors.Incident) {
			if strings.Contains(m.Text, "was used from") {
				offered = m
			}
		}
		_, value, _ := strings.Cut(string(offered.Blocks), `"value":"`)
		value, _, _ = strings.Cut(value, `"`)
		view := addressForm(b, actors.Rosa, slack.Click{
			ChannelID: actors.Incident, MessageTS: offered.TS, BlockID: "addresses", ActionID: messages.ActionAddresses,
			Value: strings.ReplaceAll(value, `\n`, "\n"),
		})
		const thiefs, runners = "203.0.113.66", "198.51.100.20"
		blocks := string(view.JSON)
		_, ticked, _ := strings.Cut(blocks, `"initial_options":[`)
		ticked, _, _ = strings.Cut(ticked, "]")
		if !strings.Contains(blocks, thiefs) || strings.Contains(ticked, thiefs) ||
			!strings.Contains(ticked, runners) {
			t.Errorf("%s", blocks)
		}
		send(b, actors.Rosa, view.ID, map[string]map[string]any{ // ticked as it is
			messages.FieldAddresses: {messages.FieldAddresses: "vpc-0a1b2c3d"},
		})
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		facts, err := record.FactsOf(b.Cards()[0].Request())
		if err != nil || !strings.Contains(facts.Known.String(), runners) ||
			strings.Contains(facts.Known.String(), thiefs) || b.Cards()[0].Request().Reason != "key pasted in a gist" {
			t.Errorf("%v, %v", facts.Known, err)
		}
	})
}

func TestARestrictionThatLetsInNothingOfTheOneInForceIsRefusedWhenAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{time.Hour}})
		b.Command(actors.Rosa, "restrict prod/web-instance 198.51.100.0/24 why")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		if m, _ := answered(b, actors.Ines, "restrict prod/web-instance 203.0.113.0/24 why"); !strings.Contains(m.Text,
			"No second request") {
			t.Errorf("beside one that is open: %s", m.Text)
		}
		card := b.Cards()[0]
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		for _, text := range []string{
			"restrict prod/web-instance 203.0.113.0/24 why", "drill restrict prod/web-instance 203.0.113.0/24 why",
		} {
			if m, _ := answered(b, actors.Ines, text); !strings.Contains(m.Text, "none is in both. Undo that one first") {
				t.Errorf("%s: %s", text, m.Text)
			}
		}
		if len(b.Cards()) != 1 {
			t.Errorf("%s", b.Transcript())
		}
		b.Command(actors.Ines, "restrict prod/web-instance 198.51.100.0/28 why")
		b.Until("a narrower one is asked for", func() bool { return len(b.Cards()) == 2 })
	})
}
