package doctor

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// both writes a report in both forms, for golden files.
func both(t *testing.T, name string, r *report) {
	t.Helper()
	var text, object bytes.Buffer
	if err := r.writeText(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.writeJSON(&object); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(testdata, "doctor", name+".txt"), text.String())
	golden(t, filepath.Join(testdata, "doctor", name+".json"), object.String())
}

func TestWhatDoctorSaysWhenAllIsWell(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) { both(t, "well", w.examine()) })
}

func TestWhatDoctorSaysWhenEverythingIsBroken(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		w.yaml = `slack:
  channels: [C0INCIDENT, C0NOWHERE]
  requesters: [U0GINA]
  connections: 1
approvals:
  approvers: [U0GINA, S0NOBODY]
  required: 2
  expire_after: 10s
accounts:
  prod:
    id: "111122223333"
    assume_role: arn:aws:iam::111122223333:role/revokebot-spoke
  staging:
    id: "444455556666"
    assume_role: arn:aws:iam::444455556666:role/revokebot-spoke
    external_id: sandbox-external-id
protected_roles: ["arn:aws:iam::*:role/Deploy*"]
revocation: {margin: 0s}
`
		maps.Copy(w.variables, map[string]string{"SLACK_APP_TOKEN": "xapp-1-A0SANDBOX-2-other", "REVOKEBOT_LISTEN": "9090"})
		delete(w.variables, "REVOKEBOT_SIGNING_KEY")
		channel(func(c *slackstandin.Channel) { c.Archived = true })(w)
		scopesWithout("files:write")(w)
		w.pong = "WRONGPASS invalid username-password pair or user is disabled."
		w.aws.SetClockOffset(20 * time.Second)
		if err := w.world.Staging.PutRolePolicy("revokebot-spoke", "revoke-sessions",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+
				`"Action":["iam:List*","iam:SimulatePrincipalPolicy","iam:PutRolePolicy","iam:CreateAccessKey"],
					"Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		both(t, "broken", w.examine())

		// A mistake in the file hides nothing but the file.
		w.yaml = "slack:\n  channels: [incident]\n  chanels: []\n"
		w.variables = map[string]string{"REVOKEBOT_CONFIG": "revokebot.yaml", "REVOKEBOT_LOG": "xml", "REDIS_URL": "x"}
		both(t, "unusable", w.examine())
	})
}

func TestWhoDoesNotAnswerIsAFailureAndHoldsUpNobody(t *testing.T) {
	for _, test := range []struct {
		name  string
		hang  func(w *ward)
		lines []string // checks that fail; all others are ok
	}{
		{"a region", func(w *ward) {
			w.aws.Inject(awsstandin.Fault{Service: "cloudtrail", Region: "eu-west-1", Hang: true, Times: -1})
		}, []string{"prod: CloudTrail in eu-west-1"}},
		{"the simulator", func(w *ward) {
			w.aws.Inject(awsstandin.Fault{Action: "SimulatePrincipalPolicy", Hang: true, Times: -1})
		}, []string{"prod: permissions", "prod: users, permissions"}},
		{
			"AWS", func(w *ward) {
				w.aws.Inject(awsstandin.Fault{Hang: true, Times: -1})
			}, []string{"identity", "prod: session"},
		},
		{
			"Slack", func(w *ward) {
				w.slack.Inject(slackstandin.Fault{Delay: time.Hour})
			}, []string{"app-level token", "bot token"},
		},
		{"a channel and the people", func(w *ward) {
			w.slack.Inject(slackstandin.Fault{Method: "conversations.info", Delay: time.Hour})
			w.slack.Inject(slackstandin.Fault{Method: "users.info", Delay: time.Hour})
		}, []string{"channel C0INCIDENT", "person U0ROSA", "prod: approvers", "requesters"}},
		{"Redis", func(w *ward) { w.silent = true }, []string{"answer"}},
		{"everybody", func(w *ward) {
			w.aws.Inject(awsstandin.Fault{Hang: true, Times: -1})
			w.slack.Inject(slackstandin.Fault{Delay: time.Hour})
			w.silent = true
		}, []string{"app-level token", "bot token", "answer", "identity", "prod: session"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWard(t, func(t *testing.T, w *ward) {
				test.hang(w)
				found := wrong(w.examine())
				var failed []string
				for _, l := range found {
					if l.State == finding.Failure {
						failed = append(failed, l.Check)
					}
				}
				if !slices.Equal(failed, test.lines) || len(found) != len(failed) {
					t.Errorf("failures %q in:\n%s", failed, words(found))
				}
			})
		})
	}
}

func TestASectionThatObeysNoDeadlineIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		defer close(stuck)
		well := func() answer { return answer{found: []finding.Finding{finding.Good("it", "It answers.")}} }
		began := time.Now()
		got := sideBySide(doctorWithin, []section{
			{"A", well},
			{"B", func() answer { <-stuck; return answer{} }},
			{"C", func() answer { time.Sleep(doctorWithin - time.Second); return well() }},
			{"D", func() answer { <-stuck; return answer{} }},
		})
		if took := time.Since(began); took != doctorWithin {
			t.Errorf("it took %v", took)
		}
		for i, want := range []finding.State{finding.OK, finding.Failure, finding.OK, finding.Failure} {
			if len(got[i].found) != 1 || got[i].found[0].State != want {
				t.Errorf("section %d: %+v", i, got[i])
			}
		}
	})
}

func TestDoctorChangesNothing(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		if _, err := w.db.Lpush("list", "x"); err != nil {
			t.Fatal(err)
		}
		keys := w.db.Dump()
		policies := w.aws.Calls("PutRolePolicy")
		w.examine()
		scopesWithout("files:write")(w)
		w.revokePolicy("iam:PutRolePolicy", "iam:PutUserPolicy")
		w.examine()

		reads := map[string]bool{}
		for _, c := range w.aws.Calls("") {
			reads[c.Action] = true
		}
		if got, want := slices.Sorted(maps.Keys(reads)), []string{
			"AssumeRole", "GetAccessKeyInfo", "GetCallerIdentity", "ListRoles", "LookupEvents", "SimulatePrincipalPolicy",
		}; !slices.Equal(got, want) {
			t.Errorf("AWS was asked %q", got)
		}
		for _, c := range w.aws.Calls("AssumeRole") {
			switch policy := c.Params["Policy"]; {
			case policy == "", strings.Contains(policy, "Put"), strings.Contains(policy, "Delete"):
				t.Errorf("a session with the policy %s", policy)
			}
		}
		if len(w.aws.Calls("PutRolePolicy")) != len(policies) {
			t.Error("a policy was written")
		}
		clear(reads)
		for _, c := range w.slack.Calls("") {
			reads[c.Method] = true
		}
		if got, want := slices.Sorted(maps.Keys(reads)), []string{
			"apps.connections.open", "auth.test", "bots.info", "conversations.info", "usergroups.users.list", "users.info",
		}; !slices.Equal(got, want) {
			t.Errorf("Slack was asked %q", got)
		}
		clear(reads)
		for _, command := range w.asked {
			reads[command] = true
		}
		for command := range reads {
			if !slices.Contains([]string{
				"HELLO 3", "PING", "TIME", "CONFIG GET", "INFO",
				"INFO CLUSTER", "CLIENT SETINFO", "CLIENT MAINT_NOTIFICATIONS",
			}, strings.ToUpper(command)) && !slices.Contains([]string{
				"EXISTS", "EVALSHA", "EVAL", "XRANGE", "XLEN", "ZRANGE", "ZCARD", "ZREVRANGE",
			}, strings.Fields(command)[0]) {
				t.Errorf("Redis was asked %q", command)
			}
		}
		if w.db.Dump() != keys || len(reads) < 6 {
			t.Errorf("Redis holds %s after %v", w.db.Dump(), reads)
		}
	})
}

func TestForeignTextStaysOnItsLineAndMovesNoCursor(t *testing.T) {
	var b bytes.Buffer
	r := &report{}
	r.add("Part", finding.Good("a", "#in\x1b[2Jci\ndent\u202e \u200bé"))
	if err := r.writeText(&b); err != nil {
		t.Fatal(err)
	}
	if want := "Part\n  ok       a: #in[2Jci dent é\n"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("got %q", b.String())
	}
}

func TestEveryKeyOfTheConfigurationFileIsShownWithItsLine(t *testing.T) {
	path := filepath.Join("..", "settings", "testdata", "config", "full.yaml") // it has every key but one
	c := readConfiguration(path)
	shown := map[string]finding.Finding{}
	for _, l := range c.lines() {
		shown[l.Check] = l
	}
	if !c.usable() {
		t.Fatalf("it is not usable: %v", c.Wrong)
	}
	if l := shown["approvals.keep_for"]; l.Saw != "2160h" || l.Source != fromDefault {
		t.Errorf("the key that is left out is shown as %+v", l)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values := 0
	for key, n := range c.Lines {
		name := key[strings.LastIndex(key, ".")+1:]
		if at := strings.Split(string(text), "\n")[n-1]; !strings.Contains(at, name+":") {
			t.Errorf("%s is said to be in line %d, which is %q", key, n, at)
		}
		isGroup := func(other string) bool { return strings.HasPrefix(other, key+".") }
		if slices.ContainsFunc(slices.Collect(maps.Keys(c.Lines)), isGroup) {
			continue
		}
		values++
		if want := fmt.Sprintf("%s, line %d", path, n); shown[key].Source != want {
			t.Errorf("%s comes from %q, want %q", key, shown[key].Source, want)
		}
	}
	if values < 20 {
		t.Errorf("only %d keys were looked for", values)
	}
}

func TestRedisIsShownWithoutItsPassword(t *testing.T) {
	for address, want := range map[string]string{
		"redis://bot:" + cmdtest.Password + "@a.example:7000/3": "a.example:7000, database 3, with a password",
		"rediss://a.example/0": "a.example:6379, database 0, with TLS",
		"redis://:" + cmdtest.Password + "@a.example:7000,b.example:7001": "a cluster, found by a.example:7000, " +
			"b.example:7001",
		"redis://:" + cmdtest.Password + "@a.example:26379?master_name=themaster": "the primary that the sentinels name, " +
			"database 0",
	} {
		client, err := settings.Redis{Address: address}.Client()
		if err != nil {
			t.Fatal(err)
		}
		if got := redisAddress(client); got != want {
			t.Errorf("%s: %q", want, got)
		}
		_ = client.Close()
	}
}

func TestDoctorShowsNoPasswordOfAnAddressAndMakesNoFile(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		w.yaml = strings.Replace(w.yaml, "protected_roles", "audit: {file: audit.jsonl}\nprotected_roles", 1)
		for name, value := range map[string]string{
			"HTTPS_PROXY": "user:" + cmdtest.Password + "@proxy:3128", "AWS_ENDPOINT_URL": "https://user:" + cmdtest.Password +
				"@aws.example",
			"SLACK_API_URL":               "http://user:" + cmdtest.Password + "@localhost/api",
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:" + cmdtest.Password + "@collector:4318/?key=" + cmdtest.Password,
			"OTEL_EXPORTER_OTLP_HEADERS":  "authorization=" + cmdtest.Password,
		} {
			w.variables[name] = value
		}
		r := w.examine()
		wellFormed(t, "addresses", r)
		traces := ""
		for _, p := range r.parts {
			for _, l := range p.lines {
				if strings.Contains(l.Saw+l.Fix+l.Source, cmdtest.Password) {
					t.Errorf("%s tells the password", l.Check)
				}
				if l.Check == "traces" {
					traces = l.Saw
				}
			}
		}
		if !strings.Contains(traces, "http://collector:4318/") {
			t.Errorf("of traces it says %q", traces)
		}
		if _, err := os.Stat("audit.jsonl"); err == nil {
			t.Error("doctor made the audit file")
		}
	})
}
