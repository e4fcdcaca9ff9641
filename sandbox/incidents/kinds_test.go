package incidents_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
)

const minute = offset(time.Minute)

// variation changes one thing about a timeline of testdata.
type variation struct {
	of      string // the timeline's name
	change  func(*timeline)
	verdict string
	says    string
}

// silent leaves out the denial, with which the baseline ends.
func silent(l *timeline) { l.Events = l.Events[:len(l.Events)-1] }

func TestWhatDecidesAVerdictByOneThing(t *testing.T) {
	t.Parallel()
	acts := func(all ...act) func(*timeline) { return func(l *timeline) { l.Acts = append(l.Acts, all...) } }
	for name, c := range map[string]variation{
		"the policy is taken away and put back between two checks": {
			"baseline", acts(act{At: 8 * minute, Do: "delete-policy"}, act{At: 9 * minute, Do: "put-policy"}), "unknown",
			"took the revocation policy away",
		},
		"somebody writes once more what the bot had restored": {
			"deny_restored", acts(act{At: 18 * minute, Do: "put-policy"}), "contained", "",
		},
		"the policy was taken away while a session lived, and missed when none did": {
			"baseline", func(l *timeline) {
				l.Settings.Guard, l.Settings.FollowUps = everyMinutes(1, 6, 45), everyMinutes(5, 16, 50)
				acts(act{At: 19 * minute, Do: "refuse", Action: "PutRolePolicy", Code: "AccessDenied"},
					act{At: 20 * minute, Do: "delete-policy"})(l)
			}, "not contained", "The revocation policy is gone",
		},
		"the issue time in the other form": {
			"baseline", func(l *timeline) {
				call := stolenCall(10*minute, "eu-west-1", "")
				text := strings.NewReplacer(`"accessKeyId":"ASIASTOLEN0000000042",`, "", "{{-22m}}", "20261130T084300Z")
				call.Record = json.RawMessage(text.Replace(string(call.Record)))
				l.Events = append(l.Events, call)
			}, "not contained", "",
		},
		"an answer says that it failed, and nothing else does": {
			"failed_login_in_the_answer", func(l *timeline) {
				for i, e := range l.Events {
					l.Events[i].Record = bytes.Replace(e.Record, []byte(`"errorMessage": "Failed authentication",`), nil, 1)
				}
			}, "contained", "",
		},
		"one session is denied, and another has only errors of a region": {
			"baseline", func(l *timeline) {
				call := stolenCall(10*minute, "eu-west-1", `,"errorCode":"InvalidClientTokenId"`)
				call.Record = bytes.ReplaceAll(call.Record, []byte("deploy-42"), []byte("deploy-41b"))
				call.Record = bytes.ReplaceAll(call.Record, []byte("ASIASTOLEN0000000042"), []byte("ASIADEPLOY000000041B"))
				l.Events = append(l.Events, call, openingBy(-22*minute, "CIDEPLOY00000000", "ASIADEPLOY000000041B", "deploy-41b",
					"+38m"))
			}, "contained", "",
		},
		"a caller that is called ours comes from where a copied key was used": {
			"newcomer_called_ours", func(l *timeline) {
				e, late := openingBy(20*minute, "MALLORY000000000", "ASIAMALLORY000000002", "mallory-2", "+80m"), 34*minute
				e.Record, e.Delivered = bytes.ReplaceAll(e.Record, []byte("198.51.100.20"), []byte("203.0.113.66")), &late
				l.Events = append(l.Events, e)
			}, "not contained", "203.0.113.66",
		},
		"more children than are listed hide one that goes on": {
			"session_of_another_role_is_silent", func(l *timeline) {
				e := stolenCall(0, "us-east-1", `,"requestParameters":{"durationSeconds":43200}`)
				e.Record = bytes.ReplaceAll(e.Record, []byte("s3.amazonaws.com"), []byte("signin.amazonaws.com"))
				e.Record = bytes.ReplaceAll(e.Record, []byte("GetObject"), []byte("GetSigninToken"))
				for n := range offset(120) {
					e.At = -5*minute + n*offset(time.Second)
					l.Events = append(l.Events, e)
				}
			}, "unknown", "",
		},
		"a session ends by AWS's clock, not by the store's": {
			"baseline", func(l *timeline) {
				silent(l)
				l.Settings.ClockOffset = -11 * minute
			}, "unknown", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", c.of+".json"))
				c.change(&line)
				if got := play(t, line); got.verdict != c.verdict || !strings.Contains(got.message, c.says) {
					t.Errorf("%q, not %q with %q\n%s", got.verdict, c.verdict, c.says, got.message)
				}
			})
		})
	}
}

// What the log group lacks is asked of the event history: here a session is silent but for one call
// that went through, which the log group does not show.
func TestALogGroupThatLacksACallHidesItNot(t *testing.T) {
	t.Parallel()
	for name, trail := range map[string]func(*awsstandin.Trail){
		"its trail leaves writes out": func(t *awsstandin.Trail) { t.ReadsOnly = true },
		"its trail has one region":    func(t *awsstandin.Trail) { t.SingleRegion = true },
		"its trail began later":       func(t *awsstandin.Trail) { t.Began = begins.Add(30 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
				silent(&line)
				line.logGroup, line.trail = true, trail
				line.Events = append(line.Events, stolenCall(10*minute, "eu-west-1", `,"readOnly":false`))
				if got := play(t, line); got.verdict != "not contained" {
					t.Errorf("%q\n%s", got.verdict, got.message)
				}
			})
		})
	}
}
