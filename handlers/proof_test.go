package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// Rule 13. Each of the facts has a word of its own.
func TestSimulatedIsSaidOnlyWhenTheSimulatorSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault awsstandin.Fault
		wait  time.Duration
		want  string
		not   string
	}{
		{
			"it answers",
			awsstandin.Fault{Action: "None"},
			0, "Policy simulator: blocks old sessions, allows new ones",
			"not available",
		},
		{
			"it is not allowed",
			awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: -1, Code: "AccessDenied"},
			0,
			"Policy simulator: not available.", "blocks old sessions",
		},
		{
			"it is away for a while",
			awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: 6, Code: "ServiceUnavailable"},
			0,
			"Policy simulator: blocks old sessions, allows new ones", "not available",
		},
		{
			"it is away",
			awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: -1, Code: "ServiceUnavailable"},
			3 * time.Minute,
			"Policy simulator: not available. It was tried several times.", "blocks old sessions",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				b.AWS.Inject(c.fault)
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				time.Sleep(c.wait)
				b.Until("the proof is up to date", func() bool { return strings.Contains(proofs(b, card)[0].Text, c.want) })
				if card.Says(c.not) || count(card, approvals.EventSimulated) != 1 {
					t.Errorf("the proof says %s", proofs(b, card)[0].Text)
				}
			})
		})
	}
}

// What the simulator does not see right after the write, it may see a moment later; what is gone it
// never sees.
func TestASimulatorThatDoesNotSeeTheDenyIsAskedAgainBeforeThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{})
			card := b.Ask()
			b.AWS.Inject(awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: 2, Delay: 500 * time.Millisecond})
			card.Approve(actors.Bob)
			b.Until("the deny is there", func() bool { return card.State() == approvals.StateApplied })
			document := onRole(b)
			if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if count(card, approvals.EventSimulated) != 0 {
				t.Error("it is said at once")
			}
			want := "Policy simulator: does not block old sessions"
			if back {
				want = "Policy simulator: blocks old sessions"
				if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, document); err != nil {
					t.Fatal(err)
				}
			}
			b.Until("the proof is up to date", func() bool { return strings.Contains(proofs(b, card)[0].Text, want) })
		})
	}
}
