package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
)

// recorded is a Redis in which the audit log has so many lines, and the variables of whoever can
// read it.
func recorded(t *testing.T, lines int) map[string]string {
	t.Helper()
	db := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: db.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	key := keyOf(t, seedText)
	sealed := bot.Sealed(store, key)
	if lines > 0 {
		if _, err := sealed.Open(t.Context(), "R1", "U0ROSA", "command 1", approvals.Opening{
			Purpose: approvals.Revoke.Do(), Subject: approvals.Subject{Key: "role 1"}, Required: 1, ExpireAfter: time.Hour,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < lines; i++ {
		if err := sealed.Commit(t.Context(),
			approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: []approvals.Event{
				{Type: approvals.EventRefused, By: "U0BOB", Source: fmt.Sprint("envelope ", i)},
			}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := audit.New(audit.Config{Store: store, Key: key}).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"REDIS_URL": "redis://" + db.Addr(), "REVOKEBOT_SIGNING_KEY": seedText}
}

// says runs a command and returns its exit status, what it printed and what it printed on standard
// error.
func says(t *testing.T, variables map[string]string, stdin string, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := (&cmdtest.Env{Variables: variables}).Environment()
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(stdin), &stdout, &stderr
	status = cli.Program(program).Run(context.WithoutCancel(t.Context()), args, env)
	return status, stdout.String(), stderr.String()
}

func TestAnExportedAuditLogIsWholeAndReachesItsHead(t *testing.T) {
	variables := recorded(t, 104)
	status, lines, head := says(t, variables, "", "audit", "export")
	if status != 0 || strings.Count(lines, "\n") != 104 || !strings.HasPrefix(head, "head 104:") {
		t.Fatalf("status %d, %d lines, %q", status, strings.Count(lines, "\n"), head)
	}
	head = strings.TrimSpace(strings.TrimPrefix(head, "head "))
	file := cmdtest.WriteFile(t, "audit.jsonl", lines)
	status, out, errs := says(t, variables, "", "audit", "verify", file, "--head", head)
	if status != 0 || errs != "" || !strings.HasPrefix(out, "104 lines, 1 to 104, whole; the last one's hash is "+
		strings.TrimPrefix(head, "104:")+".") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}

	status, public, _ := says(t, variables, "", "audit", "key")
	if status != 0 {
		t.Fatalf("status %d", status)
	}
	none := map[string]string{}
	if status, out, errs := says(t, none, lines, "audit", "verify", "-", "--public-key",
		strings.TrimSpace(public)); status != 0 || !strings.Contains(out, "whole") || strings.Contains(out, "not checked") {
		t.Errorf("with the public key alone, status %d: %s%s", status, out, errs)
	}
	if status, out, _ := says(t, none, lines, "audit", "verify"); status != 0 ||
		!strings.Contains(out, "The signatures were not checked") {
		t.Errorf("without a key, status %d: %s", status, out)
	}
	cut := lines[:strings.LastIndex(strings.TrimSuffix(lines, "\n"), "\n")+1]
	if status, out, errs := says(t, variables, cut, "audit", "verify", "--head", head); status != 1 ||
		!strings.Contains(out, "line 104 is missing at its end") || !strings.Contains(errs, "not whole") {
		t.Errorf("cut off, status %d: %s%s", status, out, errs)
	}
	changed := strings.Replace(lines, "envelope 70", "envelope 7O", 1)
	if status, out, _ := says(t, variables, changed, "audit", "verify"); status != 1 ||
		!strings.Contains(out, "line 71: it was changed: its signature is not of this text.") {
		t.Errorf("changed, status %d: %s", status, out)
	}
}

func TestWhatIsNoAuditLogIsNotWhole(t *testing.T) {
	variables := map[string]string{"REVOKEBOT_SIGNING_KEY": seedText}
	if status, out, errs := says(t, variables, "", "audit", "verify"); status != 1 ||
		!strings.Contains(out, "There is no line in it.") || !strings.Contains(errs, "not whole") {
		t.Errorf("nothing: status %d: %s%s", status, out, errs)
	}
	if status, out, errs := says(t, variables, "", "audit", "verify", t.TempDir()); status == 0 || out != "" ||
		!strings.Contains(errs, "is a directory") || strings.Count(errs, "\n") != 1 {
		t.Errorf("a folder: status %d: %s%s", status, out, errs)
	}
	long := strings.Repeat("x", 5<<20)
	if status, out, errs := says(t, variables, long, "audit", "verify"); status == 0 || out != "" ||
		!strings.Contains(errs, "too long for an audit log") {
		t.Errorf("one endless line: status %d: %s%s", status, out, errs)
	}
}

func TestAnAuditLogWithoutALineSaysSo(t *testing.T) {
	variables := recorded(t, 0)
	if status, out, errs := says(t, variables, "", "audit", "export"); status != 0 || out != "" ||
		!strings.Contains(errs, "has no line yet") {
		t.Errorf("status %d: %q %q", status, out, errs)
	}
}

func TestWrongWordsForTheAuditCommandsAreToldInOneSentence(t *testing.T) {
	good := map[string]string{"REVOKEBOT_SIGNING_KEY": seedText}
	for _, c := range []struct {
		variables map[string]string
		args      []string
		want      string
	}{
		{map[string]string{}, []string{"export"}, "REDIS_URL is missing"},
		{map[string]string{}, []string{"key"}, "REVOKEBOT_SIGNING_KEY is missing"},
		{
			map[string]string{"REVOKEBOT_SIGNING_KEY": "short"}, []string{"key"}, "REVOKEBOT_SIGNING_KEY is not an Ed25519 seed",
		},
		{good, []string{"verify", t.TempDir() + "/nothing"}, "cannot be read (no such file or directory)"},
		{good, []string{"verify", "--head", "7"}, `--head is "7"`},
		{good, []string{"verify", "--head", "0:" + audit.Start().Hash}, "--head is"},
		{good, []string{"verify", "--public-key", base64.StdEncoding.EncodeToString([]byte("short"))}, "--public-key is"},
	} {
		status, out, errs := says(t, c.variables, "", append([]string{"audit"}, c.args...)...)
		if status != 2 || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: status %d, %q, %q", c.args, status, out, errs)
		}
	}
}

func TestAnAuditFileThatCannotBeWrittenEndsTheStart(t *testing.T) {
	variables := cmdtest.GoodVariables(t)
	variables["REVOKEBOT_CONFIG"] = cmdtest.WriteFile(t, "revokebot.yaml",
		cmdtest.SmallConfig+"audit: {file: "+t.TempDir()+"/no/audit.jsonl}\n")
	if status, _, errs := says(t, variables, "", "run"); status != 2 || !strings.Contains(errs, "audit.file is") ||
		!strings.Contains(errs, "cannot be written") {
		t.Errorf("status %d: %s", status, errs)
	}
	if c, err := settings.ParseConfig("c", []byte(cmdtest.SmallConfig+"audit: {file: '-'}\n")); err != nil ||
		c.AuditFile != "-" {
		t.Errorf("%+v, %v", c.AuditFile, err)
	}
}

func TestTheAuditFileIsForItsOwnerOnly(t *testing.T) {
	path := cmdtest.WriteFile(t, "x", "") + ".jsonl"
	if _, err := auditWorker(nil, settings.Settings{}, path, settings.Environment{}, wire.Watching{}, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
