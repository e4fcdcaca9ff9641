package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFlagThatCannotBeUsedEndsWithStatus2(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--margin", "soon"}, "--margin"},
		{[]string{"--margin=-1s"}, "--margin is negative"},
		{[]string{"--listen", "nowhere"}, "--listen: cannot listen on nowhere"},
		{[]string{"now"}, "unexpected argument now"},
	} {
		env := &cmdtest.Env{}
		status := cli.Program(program).Run(t.Context(), test.args, env.Environment())
		cmdtest.WantSentence(t, status, env.Stderr.String(), []string{test.want}, nil)
		if env.Stdout.Len() > 0 {
			t.Errorf("%q printed %s", test.args, &env.Stdout)
		}
	}
}
