package settings

import (
	"strings"
	"testing"

	"github.com/revokebot/revokebot/aws"
)

func TestAnAccountThatIsBoundedOrNamedLessThanItCouldBeIsWarnedAbout(t *testing.T) {
	spoke := "arn:aws:iam::111122223333:role/revokebot-spoke"
	got := AccountWarnings([]aws.Account{
		{
			Name: "ambient",
		}, {Name: "good", AssumeRole: spoke}, {Name: "unnamed", AssumeRole: spoke, AllowUnnamedSessions: true},
	})
	if len(got) != 2 || !strings.HasPrefix(got[0].Error(), "accounts.ambient has no assume_role") ||
		!strings.HasPrefix(got[1].Error(), "accounts.unnamed has allow_unnamed_sessions") {
		t.Errorf("warned: %q", got)
	}
}
