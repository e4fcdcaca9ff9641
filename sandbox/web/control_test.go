package web_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/web"
)

const (
	deny      = "AWSRevokeOlderSessions"
	guardRail = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["iam:PutRolePolicy",` +
		`"iam:DeleteRolePolicy"],"Resource":"*",` +
		`"Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/revokebot-spoke"}}}}`
)

// newStory is a bench with the thief, the job, the administrator and the guard rail. Use it inside
// a synctest bubble.
func newStory(t *testing.T) (b *bench, cast *actors.Cast) {
	t.Helper()
	b = newBench(t, func(b *bench, cfg *web.Config) {
		cast = actors.New(actors.Config{
			HTTPClient: b.serve(b.aws), Endpoint: "http://aws.sandbox", RoleARN: b.world.Role, Key: b.world.Key(),
			Rival: b.world.RivalKey(), Console: b.world.ConsoleKey(),
		})
		cfg.Actors, cfg.GuardRail = cast, guardRail
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- cast.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	time.Sleep(1500 * time.Millisecond)
	return b, cast
}

// revoke puts the deny on the role as the bot does: by its role.
func (b *bench) revoke(margin time.Duration) {
	b.t.Helper()
	cutoff := b.aws.Now().Add(margin).Format("2006-01-02T15:04:05.000Z")
	err := b.world.Prod.PutRolePolicy(actors.DeployRole, deny,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],`+
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"`+cutoff+`"}}}]}`)
	if err != nil {
		b.t.Fatal(err)
	}
}

// turns uses a control, which has to work, and returns what it says.
func (b *bench) turns(name, value string) string {
	b.t.Helper()
	status, a := b.act("control", `{"name":"`+name+`","value":"`+value+`"}`)
	if status != 200 || !a.OK || a.Error != "" {
		b.t.Fatalf("%s %s: %d %+v", name, value, status, a)
	}
	return a.Said
}

// thief is how the thief fares.
func (b *bench) thief() actors.Status { return b.state().Terminals[actors.Thief].Status }

func TestControlsChangeTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if status, a := b.act("control", `{"name":"propagation","value":"30"}`); status != 200 || !a.OK ||
			b.state().Settings.Propagation != 30 {
			t.Errorf("propagation: %d %+v", status, a)
		}
		for _, body := range []string{
			`{"name":"propagation","value":"-1"}`, `{"name":"propagation","value":"soon"}`,
			`{"name":"trail_delay","value":"99999"}`,
			`{"name":"trail_delay","value":"NaN"}`, `{"name":"explode"}`, `{"name":"leak"}`,
			`{"name":"propagation_region","value":"-2"}`, `{"name":"trail_delay_region","value":"-2"}`,
			`{"name":"trail_delay","value":"-1"}`, `{"name":"standing"}`, `{"name":"clock","value":"86401"}`,
			`{"name":"clock","value":"-86401"}`, `{"name":"clock"}`,
			`{"name":"trouble","value":"rain"}`, `{"name":"guard_rail","value":"on"}`, `{"name":"guard_rail"}`,
			`{"name":"fight","value":"on"}`,
			`{"name":"fight","value":"yes"}`, `{"name":"console"}`, `{"name":"skip","value":"960"}`,
		} {
			if status, a := b.act("control", body); status != 400 || a.Error == "" {
				t.Errorf("%s: %d %+v", body, status, a)
			}
		}
		if status, a := b.act("control", `{"name":"lift"}`); status != 200 || a.OK ||
			!strings.Contains(a.Error, "NoSuchEntity") {
			t.Errorf("lift what is not there: %d %+v", status, a)
		}
		if err := b.world.Prod.PutRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`); err != nil {
			t.Fatal(err)
		}
		if status, a := b.act("control", `{"name":"lift"}`); status != 200 || !a.OK {
			t.Errorf("lift: %d %+v", status, a)
		}
		if _, there := b.world.Prod.RolePolicy(actors.DeployRole, "AWSRevokeOlderSessions"); there {
			t.Error("the deny is still on the role")
		}
		stop := b.bot(t.Context(), func(string) string { return "{}" })
		defer stop()
		synctest.Wait()
		if n := len(b.state().Connections); n != 1 {
			t.Fatalf("%d connections", n)
		}
		b.act("control", `{"name":"drop"}`)
		synctest.Wait()
		if n := len(b.state().Connections); n != 0 {
			t.Errorf("%d connections after the drop", n)
		}
	})
}

func TestTheNextStepSaysThatTheRoleIsLockedAndBothTerminalsAreDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		if err := b.world.Prod.AttachRolePolicy(actors.DeployRole, b.world.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		b.call("chat.postMessage", `{"channel":"C0INCIDENT","text":"card",`+
			`"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Locked"}}]}`)
		stop := b.bot(t.Context(), func(string) string { return "{}" })
		defer stop()
		synctest.Wait()
		if next := b.state().Next[actors.Rosa]; next.Number != 3 {
			t.Errorf("before the calls: %+v", next)
		}
		time.Sleep(10 * time.Second)
		s := b.state()
		if thief, job := s.Terminals[actors.Thief].State, s.Terminals[actors.Job].State; thief != actors.IsDenied ||
			job != actors.IsDenied {
			t.Errorf("the thief %s, the job %s", thief, job)
		}
		if next := s.Next[actors.Rosa]; next.Number != 5 || next.Do != "thread" {
			t.Errorf("the next step: %+v", next)
		}
	})
}

func TestTheThiefFightsBackUntilTheGuardRailStopsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		b.turns("propagation", "4")
		if said := b.turns("fight", "on"); !strings.Contains(said, "twice a second") || !b.state().Settings.Fight {
			t.Errorf("on: %q, %+v", said, b.state().Settings)
		}
		b.revoke(30 * time.Second)
		time.Sleep(10 * time.Second)
		if st := b.thief(); st.State != actors.GetsAnswers || st.Removals != 1 {
			t.Errorf("without the guard rail: %+v", st)
		}
		b.call("chat.postMessage", `{"channel":"C0INCIDENT","text":"card","blocks":[{"type":"section",`+
			`"text":{"type":"mrkdwn","text":"Applied"}}]}`)
		stop := b.bot(t.Context(), func(string) string { return "{}" })
		defer stop()
		synctest.Wait()
		if next := b.state().Next[actors.Rosa]; next.Number != 3 || next.Do != "control" || next.Value != "guard_rail=on" {
			t.Errorf("the next step: %+v", next)
		}

		if said := b.turns("guard_rail", "on"); !strings.Contains(said, "nobody but revokebot") ||
			!b.state().Settings.GuardRail {
			t.Errorf("the guard rail: %q", said)
		}
		b.revoke(30 * time.Second)
		time.Sleep(10 * time.Second)
		if st := b.thief(); st.State != actors.IsDenied || st.Removals != 1 {
			t.Errorf("with the guard rail: %+v", st)
		}
		for _, name := range []string{"lift", "console"} {
			if status, a := b.act("control", `{"name":"`+name+`"}`); status != 200 || a.OK || !strings.HasPrefix(a.Error,
				"An error occurred (AccessDenied)") || !strings.Contains(a.Error, "service control policy") {
				t.Errorf("the guard rail holds an administrator, too: %s: %d %+v", name, status, a)
			}
		}
		if said := b.turns("fight", "on"); !strings.Contains(said, "guard rail stops it") {
			t.Errorf("fighting at the guard rail: %q", said)
		}
		b.turns("guard_rail", "off")
		time.Sleep(time.Second)
		if st := b.thief(); st.Removals != 2 {
			t.Errorf("without it again: %+v", st)
		}
		b.turns("fight", "off")
		b.revoke(30 * time.Second)
		time.Sleep(10 * time.Second)
		if st := b.thief(); st.State != actors.IsDenied || b.state().Settings.Fight {
			t.Errorf("after the fight: %+v", st)
		}
	})
}

func TestAnAdministratorOverwritesTheDenyAndTakesItOffUnderTheirOwnName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		b.revoke(0)
		time.Sleep(2 * time.Second)
		if st := b.thief(); st.State != actors.IsDenied {
			t.Fatalf("before: %+v", st)
		}
		if said, want := b.turns("console", ""),
			b.aws.Now().Add(-time.Hour).Format("15:04:05"); !strings.Contains(said, want+" UTC") {
			t.Errorf("%q does not name the cutoff %s", said, want)
		}
		time.Sleep(2 * time.Second)
		if st := b.thief(); st.State != actors.GetsAnswers {
			t.Errorf("after the overwrite: %+v", st)
		}
		if said := b.turns("lift", ""); !strings.Contains(said, "took the deny off") {
			t.Errorf("lift: %q", said)
		}
		for _, action := range []string{"PutRolePolicy", "DeleteRolePolicy"} {
			if calls := b.aws.Calls(action); len(calls) != 1 || !strings.HasSuffix(calls[0].PrincipalARN, "user/people/kim") {
				t.Errorf("%s: %+v", action, calls)
			}
		}
		if status, a := b.act("control", `{"name":"lift"}`); status != 200 || a.OK ||
			!strings.Contains(a.Error, "NoSuchEntity") {
			t.Errorf("a second time: %d %+v", status, a)
		}
	})
}

func TestTheThiefHasASessionOfTheClockThatAWSHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		for _, c := range [][2]string{{"3600", "60 minutes ahead"}, {"-420", "7 minutes behind"}, {"0", "agrees"}} {
			value, says := c[0], c[1]
			if said := b.turns("clock", value); !strings.Contains(said, says) ||
				!strings.Contains(said, "session of that time") {
				t.Errorf("%s: %q", value, said)
			}
			now := b.aws.Now()
			if st := b.thief(); st.Issued.After(now) || now.Sub(st.Issued) > 2*time.Second {
				t.Errorf("%s: at %v the thief holds a session of %v", value, now, st.Issued)
			}
			b.revoke(0)
			time.Sleep(3 * time.Second)
			if st := b.thief(); st.State != actors.IsDenied {
				t.Errorf("%s: %+v", value, st)
			}
			if err := b.world.Prod.DeleteRolePolicy(actors.DeployRole, deny); err != nil {
				t.Fatal(err)
			}
		}
		if said := b.turns("clock", "3600"); !strings.Contains(said, "ended with the leap") {
			t.Errorf("an hour ahead at once: %q", said)
		}
		b.revoke(0)
		time.Sleep(2 * time.Second)
		if said := b.turns("clock", "0"); !strings.Contains(said, "take it off") {
			t.Errorf("a deny that lies an hour ahead: %q", said)
		} else if strings.Contains(said, "leap") {
			t.Errorf("a leap back ends no session: %q", said)
		}
	})
}

func TestOneTroubleOfAWSTakesThePlaceOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		struck := func(code string) (n, all int) {
			before := len(b.aws.Calls(""))
			time.Sleep(20 * time.Second)
			calls := b.aws.Calls("")[before:]
			for _, c := range calls {
				if c.Code == code {
					n++
				}
			}
			return n, len(calls)
		}
		b.turns("trouble", "throttle")
		if n, all := struck("Throttling"); n < all/2-2 || n > all/2+2 || all < 20 {
			t.Errorf("%d of %d calls were throttled", n, all)
		}
		b.turns("trouble", "iam_away")
		if n, all := struck("ServiceUnavailable"); n != all {
			t.Errorf("%d of %d calls met an IAM that is away", n, all)
		}
		if st := b.thief(); st.State != actors.GetsErrors {
			t.Errorf("the thief: %+v", st)
		}
		if said := b.turns("trouble", "trail_denied"); !strings.Contains(said, "eu-west-1") ||
			b.state().Settings.Trouble != "trail_denied" {
			t.Errorf("%q", said)
		}
		if n, _ := struck("ServiceUnavailable"); n != 0 || b.thief().State != actors.GetsAnswers {
			t.Errorf("IAM is still away, or the thief is: %d, %+v", n, b.thief())
		}
		if said := b.turns("trouble", "trail_hangs"); !strings.Contains(said, "does not answer") {
			t.Errorf("%q", said)
		}
		b.turns("trouble", "")
		if got := b.state().Settings.Trouble; got != "" {
			t.Errorf("still %q", got)
		}
	})
}

func TestAStandingDenyKeepsTheThiefOutAndTheJobIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		for _, c := range []struct {
			value string
			thief actors.State
		}{{"on", actors.IsDenied}, {"off", actors.GetsAnswers}} {
			b.turns("standing", c.value)
			time.Sleep(15 * time.Second)
			if st := b.thief(); st.State != c.thief {
				t.Errorf("standing %s: the thief %s", c.value, st.State)
			}
			if st := b.state().Terminals[actors.Job].Status; st.State != actors.GetsAnswers {
				t.Errorf("standing %s: the job %s", c.value, st.State)
			}
			if got := b.state().Settings.Standing; got != (c.value == "on") {
				t.Errorf("standing %s: the state has %v", c.value, got)
			}
		}
	})
}

func TestEveryValueOfASwitchIsOneThatTheServerTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newStory(t)
		resp, err := b.client.Get("http://page/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		html := string(raw)
		for _, part := range strings.Split(html, "<select data-control=\"")[1:] {
			name, rest, _ := strings.Cut(part, "\"")
			options, _, _ := strings.Cut(rest, "</select>")
			values := strings.Split(options, "<option value=\"")[1:]
			if len(values) < 2 {
				t.Errorf("%s has %d options", name, len(values))
			}
			for _, value := range values {
				value, _, _ = strings.Cut(value, "\"")
				if said := b.turns(name, value); said == "" {
					t.Errorf("%s %q says nothing", name, value)
				}
			}
		}
		for _, part := range strings.Split(html, "role=\"switch\" data-control=\"")[1:] {
			name, _, _ := strings.Cut(part, "\"")
			for _, value := range []string{"on", "off"} {
				if said := b.turns(name, value); said == "" {
					t.Errorf("%s %s says nothing", name, value)
				}
			}
		}
		if n := strings.Count(html, "role=\"switch\""); n != 3 {
			t.Errorf("%d switches", n)
		}
		if !strings.Contains(html, "revokebot-spoke") {
			t.Error("the guard rail's text is not on the page")
		}
	})
}

func TestThePageOfABareWorldHasNoSwitchesOfAStory(t *testing.T) {
	b := newBench(t, func(_ *bench, cfg *web.Config) { cfg.AWS, cfg.Account = nil, nil })
	resp, err := b.client.Get("http://page/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	for _, name := range []string{"fight", "guard_rail", "console", "leak", "clock", "trouble", "propagation"} {
		if strings.Contains(string(raw), `data-control="`+name+`"`) {
			t.Errorf("there is a control %s", name)
		}
		if status, a := b.act("control", `{"name":"`+name+`","value":"0"}`); status != 400 || a.Error == "" {
			t.Errorf("%s: %d %+v", name, status, a)
		}
	}
}

func TestTheStateHasTheSettingsUnderTheNamesOfTheControls(t *testing.T) {
	b := newBench(t)
	resp, err := b.client.Get("http://page/state.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct{ Settings map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"propagation", "propagation_region", "trail_delay", "trail_delay_region", "clock", "trouble", "guard_rail",
		"standing", "fight", "slack_trouble",
	} {
		if _, ok := got.Settings[name]; !ok {
			t.Errorf("no %s in %v", name, got.Settings)
		}
	}
	for _, name := range []string{"propagation_region", "trail_delay_region"} {
		if got.Settings[name] != -1.0 {
			t.Errorf("eu-west-1 begins with %s %v", name, got.Settings[name])
		}
	}
}
