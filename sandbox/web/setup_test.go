package web_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
	"github.com/revokebot/revokebot/sandbox/web"
)

func TestAStepOfTheInstallationIsLeftOutAndMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(b *bench, cfg *web.Config) {
			cfg.LeaveOut = func(m actors.Missing) error { return b.world.LeaveOut(b.slack, m) }
		})
		invited := func() bool {
			return slices.ContainsFunc(b.slack.Channels(), func(c slack.Channel) bool {
				return c.ID == actors.Incident && c.BotMember
			})
		}
		mayWrite := func() bool {
			document, _ := b.world.Prod.RolePolicy("revokebot-spoke", "revoke-sessions")
			return strings.Contains(document, "iam:PutRolePolicy")
		}
		for _, step := range []string{"scope", "trust", "names", "write"} {
			if said := b.turns("setup", step); !strings.Contains(said, "choose nothing here") ||
				b.state().Settings.Setup != step {
				t.Errorf("%s: it says %q", step, said)
			}
		}
		if mayWrite() || !invited() {
			t.Error("the step before has to be made up for, and the last one left out")
		}
		b.turns("setup", "invitation")
		if !mayWrite() || invited() {
			t.Error("the step before has to be made up for, and the last one left out")
		}
		if _, a := b.act("command", `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/invite @bob"}`); a.OK ||
			!strings.Contains(a.Error, "@revokebot") || invited() {
			t.Errorf("somebody else was invited: %+v", a)
		}
		if _, a := b.act("command", `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/invite @revokebot"}`); !a.OK ||
			!invited() || b.state().Settings.Setup != "" {
			t.Errorf("the bot was invited: %+v", a)
		}
		if status, a := b.act("control", `{"name":"setup","value":"everything"}`); status != 400 || a.Error == "" {
			t.Errorf("an unknown step: %d %+v", status, a)
		}
	})
}
