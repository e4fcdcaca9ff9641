package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/doctor"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// The sandbox, and doctor pointed at it by the file that it writes, both in this process.
func TestDoctorExaminesTheSandboxByItsFile(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		env := settings.Environment{Lookup: func(string) (string, bool) { return "", false }, Stdout: in, Stderr: io.Discard}
		ended <- cli.Program(program).Run(
			ctx, []string{"--without-bot", "--listen", "127.0.0.1:0", "--env-file", "sand'box.env"}, env,
		)
		_ = in.Close()
	}()
	defer func() {
		stop()
		_, _ = io.Copy(io.Discard, out)
		if status := <-ended; status != 0 {
			t.Errorf("the sandbox ended with status %d", status)
		}
	}()
	var said strings.Builder
	for lines := bufio.NewScanner(out); !strings.Contains(said.String(), "Ctrl-C stops it."); {
		if !lines.Scan() {
			t.Fatalf("it ended (%v) after:\n%s", lines.Err(), &said)
		}
		said.WriteString(lines.Text() + "\n")
	}
	if text := said.String(); !strings.Contains(text, ". ./sand'box.env && revokebot doctor") {
		t.Errorf("it does not say how to use the file:\n%s", text)
	}
	file, err := os.ReadFile("sand'box.env")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^export ([A-Z_]+)='(.*)'$`).FindAllStringSubmatch(string(file), -1) {
		variables[m[1]] = strings.ReplaceAll(m[2], `'\''`, "'")
	}
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	for name, value := range variables {
		if strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value) // the SDK reads the process' own
		}
	}
	for _, name := range []string{"sand'box.env", "sand'box.env.yaml"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}

	env := &cmdtest.Env{Variables: variables}
	if well, err := doctor.Run(t.Context(), env.Environment(), false); !well || err != nil ||
		!strings.Contains(env.Stdout.String(), " 0 failures. Nothing that was checked would stop a revocation.\n") ||
		env.Stderr.Len() > 0 {
		t.Errorf("%t, %v, said %q and:\n%s", well, err, env.Stderr.String(), env.Stdout.String())
	}
	// The Redis in memory does not tell everything, and that is said.
	if !strings.Contains(env.Stdout.String(), "warning  version: Redis does not say its version") {
		t.Errorf("nothing about what Redis does not tell in:\n%s", env.Stdout.String())
	}

	env = &cmdtest.Env{Variables: maps.Clone(variables)}
	delete(env.Variables, "SLACK_BOT_TOKEN")
	well, err := doctor.Run(t.Context(), env.Environment(), true)
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		OK      bool
		Summary struct{ Failures int }
		Checks  []struct{ Section, Check, State, Fix string }
	}
	if err := json.Unmarshal(env.Stdout.Bytes(), &object); err != nil {
		t.Fatal(err)
	}
	if well || object.OK || object.Summary.Failures != 2 || len(object.Checks) < 40 || env.Stderr.Len() > 0 {
		t.Errorf("%t, said %q, %+v", well, env.Stderr.String(), object)
	}
}

func TestAFileThatCannotBeWrittenEndsTheSandbox(t *testing.T) {
	err := writeEnvFile(filepath.Join(t.TempDir(), "no", "folder"), nil, "")
	usage, ok := errors.AsType[*settings.Error](err)
	if !ok || !strings.HasPrefix(usage.Error(), "--env-file: ") ||
		!strings.HasSuffix(usage.Error(), " cannot be written (no such file or directory). Choose another path.") {
		t.Errorf("got %v", err)
	}
}
