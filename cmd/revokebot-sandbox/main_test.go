package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
)

func TestMain(m *testing.M) { cmdtest.Main(m) }

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

func TestTheSandboxStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	p := cmdtest.Start(t, "revokebot-sandbox", nil, "--listen", "127.0.0.1:0")
	text := p.Stdout.WaitForText(t, "Ctrl-C stops it.")
	if !strings.Contains(text, "SANDBOX") {
		t.Errorf("it does not say that it is a sandbox:\n%s", text)
	}
	page := regexp.MustCompile(`Open\s+(http://\S+)`).FindStringSubmatch(text)
	if page == nil {
		t.Fatalf("no address of the page in:\n%s", text)
	}
	client := &http.Client{Timeout: cmdtest.Soon}
	defer client.CloseIdleConnections()
	answer, err := client.Get(page[1] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s", answer.Status)
	}
	p.WantCleanEnd()
}
