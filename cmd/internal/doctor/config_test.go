package doctor

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

// minimalConfig is the least that a configuration file can be, one key a line, for what is added to
// it.
const minimalConfig = `slack:
  channels: [C0INCIDENT]
approvals:
  approvers: [S0SECURITY]
accounts:
  prod:
    id: "111122223333"
`

func FuzzAConfigurationFileIsReadOrRefusedInOneLine(f *testing.F) {
	full, err := os.ReadFile("../settings/testdata/config/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", minimalConfig, string(full), minimalConfig + "---\n", "a: &a [*a]\n", "slack: *x\n", "<<: {slack: 1}\n",
		"? [a]: b\n", "\x00", "\xff\xfe",
		minimalConfig + "revocation: {margin: &m 5s, guard: [*m]}\n", "slack: !!binary x\n",
		"accounts:\n  0x10:\n    id: 1\n", "- - -\n", "|\n a\n",
		"accounts: &a\n  012: *a\n", "slack:\n  channels: [\"a\\nb\"]\n", "{a: b}: c\n", "approvals:\n  required: 0x2\n",
		"%YAML 9\n", "slack: {}\n...\n- a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := settings.ParseConfig("revokebot.yaml", data)
		// Doctor tells the same, and all of it.
		told := newConfiguration(settings.ParseFile("revokebot.yaml", data))
		usable := told.usable()
		failures := 0
		seen := map[string]bool{}
		for _, l := range told.lines() {
			if l.State == finding.Failure {
				failures++
			}
			if seen[l.Check] || l.State != finding.OK && (l.Saw == "" || l.Fix == "") {
				t.Errorf("doctor tells %+v", l)
			}
			seen[l.Check] = true
		}
		if usable != (err == nil) || usable != (failures == 0) {
			t.Errorf("usable to doctor: %t, with %d failures; to the bot: %v", usable, failures, err)
		}
		if err != nil {
			usage, ok := errors.AsType[*settings.Error](err)
			if !ok || strings.ContainsAny(usage.Error(), "\n\r") || !strings.HasSuffix(usage.Error(), ".") {
				t.Errorf("this is not one line that ends with a full stop: %q", err)
			}
			return
		}
		// What is taken can be acted upon.
		if len(c.Channels) == 0 || len(c.Accounts) == 0 || len(c.Policies) != len(c.Accounts) || c.Margin < 0 ||
			c.Margin > 2*time.Minute || c.ExpireAfter < time.Second {
			t.Errorf("taken: %+v", c)
		}
		for account, p := range c.Policies {
			if len(p.Approvers) == 0 || p.Required < 1 || p.Required > approvals.MaxRequired {
				t.Errorf("account %s can be approved by %+v", account, p)
			}
		}
	})
}
