package incidents_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// nameless is the opening of a session, by the usual caller, of which no key and no name is told.
func nameless(at offset, expires string) event {
	return changedTo(openingBy(at, "CIDEPLOY00000000", "ASIANAMELESS00000001", "gone", expires),
		`"accessKeyId":"ASIANAMELESS00000001",`, "", `,"roleSessionName":"gone"`, "",
		`"assumedRoleId":"{{role.id}}:gone",`, "", `"arn":"arn:aws:sts::{{account}}:assumed-role/{{role.name}}/gone"`, "")
}

// ordinarily makes a call of the stolen session one of deploy-40, at home.
func ordinarily(e event) event {
	return changedTo(e, "deploy-42", "deploy-40", "ASIASTOLEN0000000042", "ASIADEPLOY0000000040",
		"{{-22m}}", "{{-1h42m}}", "203.0.113.66", "198.51.100.20")
}

func TestEachOfTheseThingsAloneDecidesAVerdict(t *testing.T) {
	t.Parallel()
	more := func(all ...event) func(*timeline) { return func(l *timeline) { l.Events = append(l.Events, all...) } }
	group := func(forged ...event) func(*timeline) {
		return func(l *timeline) {
			l.logGroup = true
			for _, e := range forged {
				at := 12 * minute
				e.Delivered = &at
				l.forged = append(l.forged, e)
			}
		}
	}
	call := stolenCall(10*minute, "eu-west-1", "")
	for name, c := range map[string]variation{
		"a region refuses where the role was not used": {"baseline", func(l *timeline) {
			l.Events, l.Acts = nil, []act{{
				At: 2 * minute, Do: "refuse", Action: "LookupEvents", Region: "eu-west-1",
				Code: "AccessDeniedException",
			}}
		}, "unknown", "Who assumed the role is not known in full in eu-west-1"},
		"a long-term key that was copied is not used again": {"long_term_key_copied", func(l *timeline) {
			l.Events = slices.DeleteFunc(l.Events, func(e event) bool { return bytes.Contains(e.Record, []byte("deploy-43")) })
		}, "unknown", "AKIACIDEPLOY00000000 of user ci-deploy can come back"},
		"a long-term key that was copied is used from home": {
			"long_term_key_copied", more(), "not contained", "own key AKIACIDEPLOY00000000 was used from",
		},
		"only a message says that a call failed": {
			"baseline", more(stolenCall(10*minute, "eu-west-1", `,"errorMessage":"Failed authentication"`)), "contained", "",
		},
		"who am I, in the spelling of another partition": {
			"baseline", more(changedTo(call, "s3.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn", "GetObject",
				"GetCallerIdentity")), "contained", "",
		},
		"a known user switches to the role in the console": {"stranger_switches_the_role", func(l *timeline) {
			for i, e := range l.Events {
				l.Events[i] = changedTo(e, "user/mallory", "user/ci-deploy", "203.0.113.88", "198.51.100.20")
			}
		}, "contained", ""},
		"the account's regions, which EC2 may not be asked for": {"all_regions_are_quiet", func(l *timeline) {
			l.Acts = append(l.Acts, act{At: -3 * minute, Do: "refuse", Action: "DescribeRegions", Code: "UnauthorizedOperation"})
		}, "contained", "UTC.\n"},
		"monitoring ended after a loss": {"deny_restored", func(l *timeline) {
			l.Settings.Guard = everyMinutes(1, 8)
		}, "unknown", "its monitoring has ended"},
		"a session that ended within the hour before the cutoff cannot be checked": {
			"baseline", more(nameless(-100*minute, "-40m")), "unknown", "1 old session that had to be checked was not checked",
		},
		"a session that ended an hour before the cutoff cannot be checked": {
			"baseline", more(nameless(-150*minute, "-90m")), "contained", "",
		},
		"what is counted": {
			"baseline", more(openingBy(-20*minute, "CIDEPLOY00000000", "ASIAQUIET00000000001", "quiet", "+40m")), "contained",
			"4 old sessions: 2 had expired, 1 seen blocked, 1 not active since",
		},
		"an ordinary session opened one elsewhere that ended long ago": {
			"baseline", more(ordinarily(other(-58*minute, foreign, "Theirs", "-43m"))), "contained", "",
		},
		"more sessions assumed roles than are followed": {"baseline", func(l *timeline) {
			for n := range offset(14) {
				name, key := fmt.Sprint("app-", n), fmt.Sprintf("ASIAAPP%02d", n)
				l.Events = append(l.Events, openingBy(-20*minute-n*minute, "CIDEPLOY00000000", key, name, "+40m"),
					changedTo(other(-6*minute, "{{account}}", fmt.Sprint("Other", n), "+9m"), "deploy-42", name,
						"ASIASTOLEN0000000042", key, "{{-22m}}", fmt.Sprintf("{{-%dm}}", 20+n), "203.0.113.66", "198.51.100.20"))
			}
		}, "unknown", "that came out of an old one was not followed"},
		"the log group lacks an opening": {"baseline", func(l *timeline) {
			l.logGroup = true
			for i, e := range l.Events {
				if e.At == -62*minute {
					l.Events[i] = changedTo(e, `"userAgent": "aws-cli/2.31.4"`, `"userAgent":"`+strings.Repeat("x", 256<<10)+`"`)
				}
			}
		}, "contained", "in us-east-1 is not in it"},
		"the log group has the calls of other accounts": {
			"baseline", group(changedTo(call, `"eventSource"`, `"recipientAccountId":"999988887777","eventSource"`)),
			"contained", "",
		},
		"the log group has what is no call": {
			"baseline", group(changedTo(call, `"eventSource"`, `"eventCategory":"NetworkActivity","eventSource"`)),
			"contained", "",
		},
		"the log group is masked": {"baseline", group(changedTo(call, "203.0.113.66", "***")), "contained", "masked"},
		"a person calls a caller theirs while the last check is under way": {"newcomer_called_ours", func(l *timeline) {
			l.Acts[0].At = 29*minute + 32*offset(1e9)
		}, "contained", ""},
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
