package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// fromAddress marks requests with where they come from; the header is not part of the signature.
type fromAddress struct {
	address string
	next    http.RoundTripper
}

func (f fromAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.next.RoundTrip(r)
}

const (
	thiefAddress = "203.0.113.66"
	policyOfAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","sts:AssumeRole"],` +
		`"Resource":"*"}]}`
)

// from is the SDK's configuration for somebody who calls from an address.
func from(b *bench.Bench, address string, key awsstandin.AccessKey) awssdk.Config {
	cfg := b.SDK(key)
	client := cfg.HTTPClient.(*http.Client)
	cfg.HTTPClient = &http.Client{Transport: fromAddress{address, client.Transport}}
	return cfg
}

// assume opens a session of a role.
func assume(b *bench.Bench, cfg awssdk.Config, role, name string) awsstandin.AccessKey {
	b.T.Helper()
	out, err := sts.NewFromConfig(cfg).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: &role, RoleSessionName: &name,
	})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return awsstandin.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	}
}

// breakIn is a bench on which a thief opens a session of DeployRole with the CI's key, widens
// another role, and goes on to DataRole.
type breakIn struct {
	*bench.Bench
	key      awsstandin.AccessKey
	deeper   awsstandin.AccessKey // of the session of DataRole
	dataRole string
}

func burgled(t *testing.T, o bench.Options) breakIn {
	t.Helper()
	b := breakIn{Bench: bench.New(t, o)}
	if err := b.World.Prod.PutRolePolicy(actors.DeployRole, "much", policyOfAll); err != nil {
		t.Fatal(err)
	}
	data, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
		Name: "DataRole",
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + b.World.Role +
			`"},"Action":"sts:AssumeRole"}]}`,
		Policies: map[string]string{
			"read": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:List*","Resource":"*"}]}`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.dataRole = data.ARN
	time.Sleep(o.Propagation)
	b.Session("deploy-41")
	time.Sleep(time.Minute)
	b.key = assume(b.Bench, from(b.Bench, thiefAddress, b.World.CI), b.World.Role, "deploy-stolen")
	b.call()
	client := iam.NewFromConfig(from(b.Bench, thiefAddress, b.key))
	if _, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: awssdk.String("NightlyBackup"), PolicyName: awssdk.String("more"),
		PolicyDocument: awssdk.String(policyOfAll),
	}); err != nil {
		t.Fatal(err)
	}
	b.deeper = assume(b.Bench, from(b.Bench, thiefAddress, b.key), b.dataRole, "deeper")
	if _, err := iam.NewFromConfig(from(b.Bench, thiefAddress, b.deeper)).ListRoles(t.Context(),
		&iam.ListRolesInput{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return b
}

// call is the thief trying the stolen session.
func (b breakIn) call() bool {
	_, err := iam.NewFromConfig(from(b.Bench, thiefAddress, b.key)).ListRoles(b.T.Context(), &iam.ListRolesInput{})
	return err == nil
}

// revoked asks and approves.
func (b breakIn) revoked() bench.Card {
	card := b.Ask()
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

// message is the newest message of the thread that says something.
func message(b *bench.Bench, card bench.Card, text string) slack.Message {
	b.T.Helper()
	var found slack.Message
	b.Until("the thread says "+text, func() bool {
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.ThreadTS == card.TS && !m.Ephemeral && strings.Contains(m.Text, text) {
				found = m
			}
		}
		return found.TS != ""
	})
	return found
}

// checked waits until the first check of CloudTrail is posted, and returns the message with the
// menu of sessions.
func checked(b *bench.Bench, card bench.Card) slack.Message {
	b.T.Helper()
	b.Until("the first check is done", func() bool { return count(card, approvals.EventActivity) > 0 })
	card.CaughtUp()
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == card.TS && strings.Contains(string(m.Blocks), messages.ActionSession) {
			return m
		}
	}
	b.T.Fatalf("there is no menu of sessions:\n%s", b.Transcript())
	return slack.Message{}
}

// press presses a button of a message, or chooses an option of its menu.
func press(b *bench.Bench, user, ts, action, option string) {
	b.T.Helper()
	click := slack.Click{ChannelID: actors.Incident, MessageTS: ts, ActionID: action, SelectedOption: option}
	if _, err := b.Slack.Click(b.T.Context(), user, click); err != nil {
		b.T.Fatal(err)
	}
}

// The whole story, from the thread alone: who, from where, what, still in or not.
func TestTheThreadTellsTheIncident(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{16 * time.Minute}})
		card := b.revoked()
		checked(b.Bench, card)
		posted := len(card.Thread())
		for range 4 {
			time.Sleep(4 * time.Minute)
			b.call()
		}
		time.Sleep(30 * time.Second)
		card.CaughtUp()
		at := -1
		for _, want := range []string{
			"Seen blocked in CloudTrail: yes, ",
			"*First seen in this window:* session `deploy-stolen` of `user ci-deploy` from `203.0.113.66`",
			"`session deploy-stolen: PutRolePolicy` of `user ci-deploy` from `203.0.113.66` with `aws-sdk-go-v2/",
			"<@U0ROSA> and <@U0BOB> *Act now:* this revocation does not stop these 2.",
			"`prod/DataRole` was assumed from session `deploy-stolen`, 1 session",
			"`aws iam delete-role-policy --role-name NightlyBackup --policy-name more`",
			"<@U0ROSA> and <@U0BOB> *Unknown* whether it is contained.", // DataRole was not revoked
		} {
			found := slices.IndexFunc(card.Thread(), func(text string) bool { return strings.Contains(text, want) })
			if found < at || found < 0 {
				t.Errorf("the thread does not say, or not in this order: %s", want)
			}
			at = max(at, found)
		}
		for _, want := range []string{
			"*Still open:* `prod/DataRole` and policy of role `NightlyBackup`. Act now in the thread has the buttons",
		} {
			if !strings.Contains(message(b.Bench, card, "*Unknown* whether it is contained").Text, want) {
				t.Errorf("the last word does not say %s", want)
			}
		}
		if text := card.Message().Text; !strings.Contains(text, "Unknown whether it is contained: the thread says why.") {
			t.Errorf("the card says %s", text)
		}
		if n := len(card.Thread()) - posted; n != 2 {
			t.Errorf("the last check brought %d messages, not only its verdict and the files", n)
		}
		kinds := map[string]int{}
		for _, m := range b.Slack.Messages(actors.Incident) {
			for _, f := range m.Files {
				kinds[filepath.Ext(f.Name)]++
			}
		}
		if kinds[".png"] != 1 || kinds[".csv"] != 1 || kinds[".jsonl"] != 1 || kinds[".md"] != 1 || kinds[".json"] != 1 {
			t.Errorf("the files are %v", kinds)
		}
		if t.Failed() {
			t.Log(b.Transcript())
		}
	})
}

// The session that was stolen is not the thief's: it was opened where it always is, by whom it
// always is. Only where its key is used tells.
func TestASessionThatIsUsedFromTheThiefsAddressIsTheFirstThingThatIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breakIn{Bench: bench.New(t, bench.Options{FollowUps: []time.Duration{2 * time.Minute, 16 * time.Minute}})}
		for range 3 {
			b.key = assume(b.Bench, from(b.Bench, "198.51.100.20", b.World.CI), b.World.Role, "deploy-42")
			time.Sleep(time.Minute)
		}
		b.call()
		assume(b.Bench, from(b.Bench, thiefAddress, b.key), "arn:aws:iam::111122223333:role/ops/NightlyBackup", "elsewhere")
		card := b.revoked()
		checked(b.Bench, card)
		for _, want := range []string{
			"*Stolen:* session `deploy-42` of `user ci-deploy` from `198.51.100.20` was also used from " +
				"`203.0.113.66` (2 calls, ",
			"`session deploy-42` of `user ci-deploy` from `198.51.100.20` with `aws-sdk-go-v2/",
			": `used from 203.0.113.66, no activity since the cutoff`",
			"Stolen session `deploy-42` of `user ci-deploy` from `198.51.100.20`: no activity since the cutoff.",
		} {
			if !card.Says(want) {
				t.Errorf("the first look does not say: %s", want)
			}
		}
		time.Sleep(time.Minute)
		if b.call() {
			t.Fatal("there is no deny")
		}
		b.Until("it is said that it is out", func() bool {
			return card.Says("*Blocked.* Stolen session `deploy-42`")
		})
		time.Sleep(16 * time.Minute)
		m := message(b.Bench, card, "whether it is contained")
		if !strings.Contains(m.Text, "*Unknown*") || !strings.Contains(m.Text, "that came out of an old one goes on") {
			t.Errorf("what the thief went on to is no part of the word: %s", m.Text)
		}
		if n := told(card, "found by a later check"); n != 0 {
			t.Errorf("what is known is told %d times more", n)
		}
		if t.Failed() {
			t.Log(b.Transcript())
		}
	})
}

func TestCallsThatAreStillAnsweredAreNotContained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{4 * time.Minute}, Propagation: 5 * time.Minute})
		card := b.revoked()
		time.Sleep(3 * time.Minute)
		if !b.call() {
			t.Fatal("the deny is there already")
		}
		m := message(b.Bench, card, "*Not contained.*")
		for _, want := range []string{
			"<@U0ROSA> and <@U0BOB>", "`iam:ListRoles`", "from `203.0.113.66` with the key `",
			"*Next:* lock: sessions that should be denied still have access",
		} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%q is not in %s", want, m.Text)
			}
		}
		if !card.Says("Old sessions still have access, last successful call at") ||
			!card.Says("Seen blocked in CloudTrail: no, ") || told(card, "found by a later check") != 1 {
			t.Errorf("it is not said everywhere:\n%s", b.Transcript())
		}
	})
}

func TestWhoComesBackAfterTheCutoffIsShownApartWithWhetherTheyWereKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{2 * time.Minute, 4 * time.Minute}})
		card := b.revoked()
		time.Sleep(time.Minute)
		b.Session("deploy-43")
		if _, err := b.World.Prod.WebIdentitySession(actors.DeployRole, awsstandin.WebIdentitySpec{
			Provider: "token.actions.githubusercontent.com", Subject: "repo:acme/shop:ref:refs/heads/evil",
			SessionName: "evil", Region: "us-east-1",
			SourceIP: "203.0.113.99", UserAgent: "curl",
		}); err != nil {
			t.Fatal(err)
		}
		m := message(b.Bench, card, "found by a later check")
		for _, want := range []string{
			"<@U0ROSA> and <@U0BOB>",
			"New session `evil` of `GitHub acme/shop evil` from `203.0.113.99`, a caller first seen after the cutoff",
		} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%q is not in %s", want, m.Text)
			}
		}
		if strings.Contains(m.Text, "deploy-43") || !card.Says(": `new, known caller`") ||
			!card.Says("*New since the cutoff:* session `evil`") {
			t.Errorf("the sentence does not have it:\n%s", b.Transcript())
		}
		time.Sleep(2*time.Minute + 10*time.Second) // nothing new
		if n := told(card, "found by a later check"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
	})
}

func TestALookThatFailsEndsAsUnknownWithTheReasonNeverInSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{30 * time.Second}})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Code: "AccessDenied"})
		card.Approve(actors.Bob)
		for range 6 { // five tries
			time.Sleep(time.Minute)
		}
		m := message(b, card, "*Unknown* whether it is contained")
		if !strings.Contains(m.Text, "<@U0ROSA> and <@U0BOB>") ||
			!strings.Contains(m.Text, "eu-west-1 (reading CloudTrail is not allowed there)") {
			t.Errorf("the word is %s", m.Text)
		}
	})
}

// surveyEnds waits until the card says who uses the role: those questions are not of the check.
func surveyEnds(b *bench.Bench, card bench.Card) {
	b.T.Helper()
	b.Until("the survey has ended", func() bool { return strings.Contains(card.Message().Text, "*Who uses it now* (") })
}

func TestTheProgressOfALookIsOneMessageThatIsEdited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		surveyEnds(b, card)
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Region: "eu-west-1", Times: 1, Delay: 8 * time.Second})
		card.Approve(actors.Bob)
		m := message(b, card, "Checking CloudTrail …")
		b.Until("the progress is posted", func() bool { return card.Says("Checking CloudTrail: 1 of 2 regions done …") })
		b.Until("it is replaced", func() bool { return card.Says("8 sessions, ") })
		if now := message(b, card, "8 sessions, "); now.TS != m.TS || card.Says("Checking CloudTrail") {
			t.Errorf("it is not one message:\n%s", b.Transcript())
		}
	})
}

func TestASessionThatSomebodyChoosesIsLookedInto(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{})
		card := b.revoked()
		menu := checked(b.Bench, card)
		stolen := ""
		for _, s := range record.Gather(card.Events()).Sessions {
			if s.SessionName == "deploy-stolen" {
				stolen = messages.ValueOf(card.ID, s.Mark())
			}
		}
		press(b.Bench, actors.Gina, menu.TS, messages.ActionSession, stolen)
		b.Whispered(actors.Gina, "revokebot is for full members")
		press(b.Bench, actors.Nils, menu.TS, messages.ActionSession, stolen)
		b.Whispered(actors.Nils, "revokebot asks CloudTrail what that session did")
		m := message(b.Bench, card, "<@U0NILS> Session")
		if !strings.Contains(m.Text, "`deploy-stolen`") || !strings.Contains(m.Text, "`iam:PutRolePolicy`") ||
			!strings.Contains(m.Text, "prod/DataRole") {
			t.Errorf("the answer is %s", m.Text)
		}
		press(b.Bench, actors.Nils, menu.TS, messages.ActionSession, stolen)
		b.Whispered(actors.Nils, "less than a minute ago")
		if n := told(card, "<@U0NILS> Session"); n != 1 {
			t.Errorf("it was answered %d times", n)
		}
	})
}

func TestTheMenuAndTheButtonsOfTheThreadLeadNowhereElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{})
		card := b.revoked()
		menu := checked(b.Bench, card)
		for i, action := range []string{messages.ActionSession, messages.ActionChain} {
			for j, value := range []string{
				"", card.ID, card.ID + "/", card.ID + "/0123456789abcdef", "nothing/0123456789abcdef",
			} {
				if _, err := b.Store.Accept(t.Context(), approvals.Item{
					Kind: "click", Source: fmt.Sprintf("envelope %d %d", i, j),
					Body: fmt.Appendf(nil, `{"team":"T0SANDBOX","app":"A0SANDBOX","channel":%q,"message":%q,"user":%q,`+
						`"action_id":%q,"value":%q,"request_id":"NEW%d%d"}`,
						actors.Incident, menu.TS, actors.Nils, action, value, i, j),
				}, fmt.Sprint("made up ", i, j)); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.Until("all are refused", func() bool {
			n, err := b.DB.XLen(t.Context(), "{revokebot}:notes").Result()
			return err == nil && n == 10
		})
		if len(b.Cards()) != 1 || card.Says("Session `") {
			t.Errorf("something came of it:\n%s", b.Transcript())
		}
	})
}

// The button is a command of whoever presses it: a new request, approved on its own.
func TestARoleOfTheChainIsAskedForAnewAndApprovedOnItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{})
		card := b.revoked()
		m := message(b.Bench, card, "*Act now:*")
		press(b.Bench, actors.Bob, m.TS, messages.ActionChain, "")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		second := b.Cards()[1]
		if r := second.Request(); r.Requester != actors.Bob || r.State != approvals.StateOpen ||
			!strings.Contains(r.Reason, "sessions of prod/DeployRole assumed it") {
			t.Errorf("the request is %+v", r)
		}
		second.Approve(actors.Bob)
		b.Whispered(actors.Bob, "You can't approve your own request")
		press(b.Bench, actors.Rosa, m.TS, messages.ActionChain, "")
		b.Whispered(actors.Rosa, "No second request was made")
		second.Approve(actors.Ines)
		second.Becomes(approvals.StateApplied)
	})
}

func TestARoleOfTheChainIsRevokedOnlyAsLongAsItsDenyIsThere(t *testing.T) {
	t.Parallel()
	for undone, want := range map[bool]string{
		false: "*Contained*", true: "the role DataRole that came out of an old one goes on",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := burgled(t, bench.Options{FollowUps: []time.Duration{6 * time.Minute, 16 * time.Minute}})
			card := b.revoked()
			second := b.AskFor(actors.Rosa, "prod/DataRole")
			second.Approve(actors.Bob)
			second.Becomes(approvals.StateApplied)
			time.Sleep(5 * time.Minute)
			if b.call() {
				t.Fatal("there is no deny")
			}
			if undone {
				detail := json.RawMessage(`{"request":"4DLARAV3ISOEUUODW4FIG5ZZZZ","requester":"U0ROSA","approvers":["U0BOB"]}`)
				if err := b.Store.Commit(t.Context(), approvals.Transition{
					RequestID: second.ID, Expect: approvals.AppendOnly, Events: []approvals.Event{
						{Type: approvals.EventUndone, Source: "undone", Detail: detail},
					},
				}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(12 * time.Minute)
			b.Until("the word is "+want, func() bool { return card.Says(want) })
		})
	}
}

// Nothing of all this may hold up a click or a revocation.
func TestLooksThatHangHoldUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Hang: true})
		for i := range 12 {
			name := fmt.Sprintf("Role%02d", i)
			if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
				Name: name, Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
					`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
			}); err != nil {
				t.Fatal(err)
			}
			card := b.AskFor(actors.Rosa, "prod/"+name)
			pressed := time.Now()
			card.Approve(actors.Bob)
			b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
			if took := time.Since(pressed); took > time.Second {
				t.Errorf("revocation %d took %v", i, took)
			}
			time.Sleep(4 * time.Second)
		}
	})
}

func TestALastLookThatIsParkedEndsAsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{100 * time.Second}, ErrorsAllowed: true})
		card := b.Ask()
		card.Approve(actors.Bob)
		checked(b, card)
		time.Sleep(31 * time.Second) // the timer of the execution has come and gone
		b.Stop(0)
		for range 3 { // it comes due in one of them
			handOut(b)
		}
		b.Start()
		m := message(b, card, "*Unknown* whether it is contained")
		if !strings.Contains(m.Text, "failed at the last check several times") {
			t.Errorf("the word is %s", m.Text)
		}
	})
}

// A workspace that refuses the block of the table has its rows as lines of text.
func TestATableThatSlackRefusesIsShownAsText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		surveyEnds(b, card)
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: 1, Delay: 3 * time.Second})
		card.Approve(actors.Bob)
		message(b, card, "Checking CloudTrail …")
		time.Sleep(2500 * time.Millisecond)                                                   // what else is edited is edited
		b.Slack.Inject(slack.Fault{Method: "chat.update", Delay: time.Millisecond, Times: 1}) // the outcome
		b.Slack.Inject(slack.Fault{Method: "chat.update", Error: "invalid_blocks", Times: 1}) // the evidence
		m := message(b, card, "*CloudTrail*")
		if strings.Contains(string(m.Blocks), `"table"`) ||
			!strings.Contains(string(m.Blocks), ": `no activity since the cutoff`") ||
			!strings.Contains(string(m.Blocks), "release-notes") {
			t.Errorf("it is shown as %s", m.Blocks)
		}
	})
}

// What was recorded is not recorded again, and what was not is made good.
func TestALookThatWasInterruptedGoesOnWhereItsEventsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{time.Minute}})
		card := b.revoked()
		message(b.Bench, card, "whether it is contained")
		events := len(card.Events())
		for source, look := range map[string]string{
			"evidence 0": `{"number":0}`, "evidence 0 wide": `{"number":0,"wide":true}`, "evidence 1": `{"number":1}`,
		} {
			again := approvals.Item{Kind: "evidence", Request: card.ID, Source: source, Body: []byte(look)}
			if err := b.Queue(again, "again "+source); err != nil {
				t.Fatal(err)
			}
		}
		b.Settle()
		if now := card.Events(); len(now) != events {
			t.Errorf("%d events more: %v", len(now)-events, now[events:])
		}
		sizes(t, card.Events())
	})
}

// sizes checks that no event is larger than Redis and its readers like.
func sizes(t *testing.T, events []approvals.Event) {
	t.Helper()
	for _, e := range events {
		if len(e.Detail) > 60_000 {
			t.Errorf("event %d (%s) has %d bytes", e.Seq, e.Type, len(e.Detail))
		}
	}
}
