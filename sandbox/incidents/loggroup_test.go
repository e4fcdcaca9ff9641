package incidents_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
)

// -log-group plays all of them. Every third one is enough to see that the log group is understood,
// at a third of the time.
func TestTimelinesEndInTheirTrueVerdictByTheLogGroup(t *testing.T) {
	if *directory != "" || *byLogGroup {
		t.Skip("TestEveryTimelineEndsInItsTrueVerdict does what the flags say")
	}
	var right, played atomic.Int32
	playAll(t, true, 3, &right, &played)
}

// stolenCall is a successful call of the baseline's stolen session.
func stolenCall(at offset, region, more string) event {
	return event{At: at, Region: region, Record: json.RawMessage(`{"eventSource":"s3.amazonaws.com",` +
		`"eventName":"GetObject","sourceIPAddress":"203.0.113.66","userIdentity":{"type":"AssumedRole",` +
		`"principalId":"{{role.id}}:deploy-42","accountId":"{{account}}","accessKeyId":"ASIASTOLEN0000000042",` +
		`"arn":"arn:aws:sts::{{account}}:assumed-role/{{role.name}}/deploy-42",` +
		`"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"{{role.id}}","arn":"{{role.arn}}"},` +
		`"attributes":{"creationDate":"{{-22m}}"}}}` + more + `}`)}
}

// changedTo is an event with some texts of its record replaced.
func changedTo(e event, pairs ...string) event {
	e.Record = json.RawMessage(strings.NewReplacer(pairs...).Replace(string(e.Record)))
	return e
}

// onlyLogGroup makes a record one that the event history does not show.
const onlyLogGroup = `,"managementEvent":false,"eventCategory":"Data"`

// opening is one by the user eve.
func opening(at offset, more string) event {
	return event{At: at, Region: "eu-west-1", Record: json.RawMessage(`{"eventSource":"sts.amazonaws.com",` +
		`"eventName":"AssumeRole","sourceIPAddress":"198.51.100.77","userIdentity":{"type":"IAMUser","userName":"eve",` +
		`"principalId":"AIDAEVE","arn":"arn:aws:iam::{{account}}:user/eve","accessKeyId":"AKIAEVE00000000000001"},` +
		`"requestParameters":{"roleArn":"{{role.arn}}","roleSessionName":"eve","durationSeconds":900},` +
		`"responseElements":{"credentials":{"accessKeyId":"ASIAEVE` + time.Duration(at).String() + `"},` +
		`"assumedRoleUser":{"assumedRoleId":"{{role.id}}:eve","arn":"arn:aws:sts::{{account}}:assumed-role/` +
		`{{role.name}}/eve"}},"resources":[{"accountId":"{{account}}","type":"AWS::IAM::Role","ARN":"{{role.arn}}"}]` +
		more + `}`)}
}

func TestAVerdictNamesItsSourceAndRestsOnNoLessThanTheEventHistoryShows(t *testing.T) {
	t.Parallel()
	const history, group = "CloudTrail's event history alone, not from the log group", `from the log group "aws-cloudtrail`
	late := func(t *awsstandin.Trail) { t.Delay = 3 * time.Hour }
	call := stolenCall(offset(10*time.Minute), "eu-west-1", "")
	for name, c := range map[string]struct {
		trail   func(*awsstandin.Trail)
		more    []event
		acts    []act
		verdict string
		says    string
	}{
		"a log group that lacks nothing":    {nil, nil, nil, "contained", group},
		"a log group that is late":          {late, nil, nil, "contained", history},
		"a late log group hides a call":     {late, []event{call}, nil, "not contained", history},
		"a call that the log group has too": {nil, []event{call}, nil, "not contained", group},
		"a data event": {func(t *awsstandin.Trail) { t.DataEvents = true }, []event{
			stolenCall(offset(10*time.Minute), "eu-west-1", onlyLogGroup),
		}, nil, "not contained", "data events included"},
		"a data event that no trail records": {nil, []event{
			stolenCall(offset(10*time.Minute), "eu-west-1", onlyLogGroup),
		}, nil, "contained", group},
		"a region of the log group is late": {func(t *awsstandin.Trail) {
			t.Delays = map[string]time.Duration{"eu-west-1": 3 * time.Hour}
		}, []event{call}, nil, "not contained", "it has not reported as far in eu-west-1"},
		"a call of more than the log group takes": {nil, []event{
			stolenCall(offset(10*time.Minute), "eu-west-1", `,"userAgent":"`+strings.Repeat("x", 256<<10)+`"`),
		}, nil, "not contained", "and from CloudTrail's event history"},
		"somebody writes openings into the log group": {func(t *awsstandin.Trail) { t.DataEvents = true }, []event{
			opening(offset(-3*time.Hour), onlyLogGroup), opening(offset(-time.Hour), onlyLogGroup),
			opening(offset(10*time.Minute), ""),
		}, nil, "unknown", "eve, first seen after the cutoff"},
		"the attacker has the trail leave writes out": {nil, []event{call, {
			At: offset(9 * time.Minute), Region: "us-east-1",
			Record: json.RawMessage(`{"eventSource":"cloudtrail.amazonaws.com","eventName":"PutEventSelectors",` +
				`"readOnly":false,"userIdentity":{"type":"IAMUser","userName":"eve","arn":"arn:aws:iam::{{account}}:user/eve"}}`),
		}}, nil, "not contained", "user eve changed it or its trail"},
		"the log group cannot be queried any more": {nil, nil, []act{{
			At: offset(time.Minute), Do: "refuse", Action: "StartQuery", Code: "LimitExceededException",
		}}, "contained", "AWS had too many requests or queries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
				line.logGroup, line.trail = true, c.trail
				line.Events, line.Acts = append(line.Events, c.more...), append(line.Acts, c.acts...)
				got := play(t, line)
				if got.verdict != c.verdict || !strings.Contains(got.message, c.says) {
					t.Errorf("%q, not %q with %q\n%s", got.verdict, c.verdict, c.says, got.message)
				}
			})
		})
	}
}

// The stolen session is silent, so that only its end could make the incident contained.
func TestARegionThatDoesNotAnswerOrLiesAboutTheTimeIsNamedByEitherSource(t *testing.T) {
	t.Parallel()
	for name, does := range map[string]act{
		"refuses":                      {Do: "refuse", Action: "LookupEvents", Code: "AccessDeniedException"},
		"hangs":                        {Do: "hang", Action: "cloudtrail"},
		"says that it is hours later":  {Do: "change-clock", Action: "cloudtrail", By: 180 * minute},
		"says that it is hours before": {Do: "change-clock", Action: "cloudtrail", By: -180 * minute},
	} {
		for source, logGroup := range map[string]bool{"the event history": false, "the log group": true} {
			for _, region := range []string{"eu-west-1", "us-east-1"} {
				t.Run(region+" "+name+" by "+source, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
						silent(&line)
						does.At, does.Region = 2*minute, region
						line.logGroup, line.Acts = logGroup, []act{does}
						got := play(t, line)
						if _, why, _ := strings.Cut(got.message, "\n•"); got.verdict != "unknown" || !strings.Contains(why, region) {
							t.Errorf("%q\n%s", got.verdict, got.message)
						}
					})
				})
			}
		}
	}
}

// openingBy is one of a session of the role by a user of the account.
func openingBy(at offset, user, key, name, expires string) event {
	return event{At: at, Region: "us-east-1", Record: json.RawMessage(`{"eventSource":"sts.amazonaws.com",` +
		`"eventName":"AssumeRole","sourceIPAddress":"198.51.100.20","userIdentity":{"type":"IAMUser",` +
		`"principalId":"AIDA` + user + `","arn":"arn:aws:iam::{{account}}:user/` + user + `","accountId":"{{account}}",` +
		`"accessKeyId":"AKIA` + user + `","userName":"` + user + `"},` +
		`"requestParameters":{"roleArn":"{{role.arn}}","roleSessionName":"` + name + `","durationSeconds":3600},` +
		`"responseElements":{"credentials":{"accessKeyId":"` + key + `","expiration":"{{human:` + expires + `}}"},` +
		`"assumedRoleUser":{"assumedRoleId":"{{role.id}}:` + name + `",` +
		`"arn":"arn:aws:sts::{{account}}:assumed-role/{{role.name}}/` + name + `"}},` +
		`"resources":[{"accountId":"{{account}}","type":"AWS::IAM::Role","ARN":"{{role.arn}}"}]}`)}
}

// Whoever may call logs:PutLogEvents can put records there that CloudTrail never made. They may
// make a verdict worse, never better.
func TestNothingThatSomebodyPutsIntoTheLogGroupMakesAnIncidentContained(t *testing.T) {
	t.Parallel()
	const stolen = "ASIASTOLEN0000000042"
	shown := func(e event, at offset) event {
		e.Delivered = &at
		return e
	}
	renewed := openingBy(2*minute, "CIDEPLOY00000000000", stolen, "deploy-42", "+1h2m")
	ended := openingBy(-21*minute, "CI", stolen, "deploy-42", "-1m")
	call := stolenCall(10*minute, "eu-west-1", "")
	denial := stolenCall(5*minute, "us-east-1", `,"errorCode":"AccessDenied","errorMessage":"User: `+
		`arn:aws:sts::{{account}}:assumed-role/{{role.name}}/deploy-42 is not authorized to perform: iam:ListRoles `+
		`with an explicit deny in an identity-based policy"`)
	for name, c := range map[string]struct {
		silent  bool // the stolen session makes no call that is denied
		more    []event
		forged  []event
		verdict string
	}{
		"nothing":                             {false, nil, nil, "contained"},
		"nothing, and the session is silent":  {true, nil, nil, "unknown"},
		"the denial of a silent session":      {true, nil, []event{shown(denial, 7*minute)}, "unknown"},
		"the stolen session's end":            {true, nil, []event{shown(ended, 7*minute)}, "unknown"},
		"the stolen key as that of a new one": {false, []event{call}, []event{shown(renewed, 7*minute)}, "not contained"},
		"a stranger's visit of before": {
			false,
			[]event{openingBy(10*minute, "eve", "ASIAEVE000000000NEW", "eve", "+1h10m")},
			[]event{shown(openingBy(-200*minute, "eve", "ASIAEVE000000000OLD", "eve", "-2h20m"), 7*minute)},
			"unknown",
		},
		"what hides a call from home that CloudTrail tells late": {
			false, []event{shown(call, 40*minute)}, []event{
				shown(renewed, 37*minute),
				shown(openingBy(20*minute, "nobody", "ASIANOBODY0000000000", "nobody", "+1h20m"), 37*minute),
			}, "not contained",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
				line.logGroup, line.forged = true, c.forged
				if c.silent {
					line.Events = line.Events[:len(line.Events)-1]
				}
				line.Events = append(line.Events, c.more...)
				if strings.Contains(name, "from home") { // else it is seen that the key was copied
					for i, e := range line.Events {
						line.Events[i].Record = bytes.ReplaceAll(e.Record, []byte("203.0.113.66"), []byte("198.51.100.20"))
					}
				}
				if got := play(t, line); got.verdict != c.verdict {
					t.Errorf("%q, not %q\n%s", got.verdict, c.verdict, got.message)
				}
			})
		})
	}
}
