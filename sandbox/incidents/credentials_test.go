package incidents_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// other is the opening of a session of another role by the stolen session.
func other(at offset, account, role, expires string) event {
	arn := `arn:aws:iam::` + account + `:role/` + role
	return changedTo(stolenCall(at, "us-east-1", `,"requestParameters":{"roleArn":"`+arn+`","roleSessionName":"x"},`+
		`"responseElements":{"credentials":{"accessKeyId":"ASIA`+role+`","expiration":"{{human:`+expires+`}}"}},`+
		`"resources":[{"type":"AWS::IAM::Role","ARN":"`+arn+`"}]`), "s3.amazonaws.com", "sts.amazonaws.com",
		"GetObject", "AssumeRole")
}

// byOther makes a call of the stolen session one of a session of another role.
func byOther(e event, account, role, began string) event {
	return changedTo(e, "{{role.id}}:deploy-42", "AROA"+role+":x", "ASIASTOLEN0000000042", "ASIA"+role,
		"arn:aws:sts::{{account}}:assumed-role/{{role.name}}/deploy-42", "arn:aws:sts::"+account+":assumed-role/"+role+"/x",
		`"principalId":"{{role.id}}","arn":"{{role.arn}}"`, `"principalId":"AROA`+role+`","arn":"arn:aws:iam::`+account+
			`:role/`+role+`"`, `"accountId":"{{account}}"`, `"accountId":"`+account+`"`, "{{-22m}}", began)
}

// scoped is a key that GetScopedCredentials made of the stolen session.
func scoped() event {
	return changedTo(stolenCall(-7*minute, "us-east-1", `,"responseElements":{"credentials":{"accessKeyId":`+
		`"ASIASCOPED0000000001","expiration":"{{human:+38m}}"}}`), "s3.amazonaws.com", "sts.amazonaws.com",
		"GetObject", "GetScopedCredentials")
}

// denied makes a call one that the revocation policy denied.
func denied(e event) event {
	text := string(e.Record)
	e.Record = []byte(text[:len(text)-1] + `,"errorCode":"AccessDenied","errorMessage":"User: ` +
		`arn:aws:sts::{{account}}:assumed-role/{{role.name}}/deploy-42 is not authorized to perform: s3:GetObject ` +
		`with an explicit deny in an identity-based policy"}`)
	return e
}

const foreign = "999988887777"

func TestCredentialsOutOfAnOldSessionDecideAVerdict(t *testing.T) {
	t.Parallel()
	more := func(all ...event) func(*timeline) { return func(l *timeline) { l.Events = append(l.Events, all...) } }
	call := stolenCall(10*minute, "eu-west-1", "")
	back := changedTo(openingBy(10*minute, "x", "ASIAROUND00000000001", "deploy-43", "+70m"), "{{x}}", "")
	back.Record = byOther(stolenCall(10*minute, "us-east-1", ""), foreign, "Theirs", "{{-6m}}").Record
	back = changedTo(back, "s3.amazonaws.com", "sts.amazonaws.com", "GetObject", "AssumeRole",
		`"sourceIPAddress"`, `"requestParameters":{"roleArn":"{{role.arn}}","roleSessionName":"back","durationSeconds":900},`+
			`"responseElements":{"credentials":{"accessKeyId":"ASIABACK000000000001"}},`+
			`"resources":[{"type":"AWS::IAM::Role","ARN":"{{role.arn}}"}],"sourceIPAddress"`)
	itself := changedTo(back, "AROATheirs:x", "{{role.id}}:app", "ASIATheirs", "ASIANOTRECORDED00001",
		"arn:aws:sts::"+foreign+":assumed-role/Theirs/x", "arn:aws:sts::{{account}}:assumed-role/{{role.name}}/app",
		`"principalId":"AROATheirs","arn":"arn:aws:iam::`+foreign+`:role/Theirs"`,
		`"principalId":"{{role.id}}","arn":"{{role.arn}}"`, `"accountId":"`+foreign+`"`, `"accountId":"{{account}}"`,
		"{{-6m}}", "{{-5h}}")
	console := changedTo(stolenCall(-5*minute, "us-east-1", `,"requestParameters":{"durationSeconds":43200}`),
		"s3.amazonaws.com", "signin.amazonaws.com", "GetObject", "GetSigninToken")
	crowd := func(l *timeline) { // newer ones, which are followed in place of an ordinary one
		for n := range offset(4) {
			l.Events = append(l.Events, openingBy(-10*minute-n*minute, "CIDEPLOY00000000", fmt.Sprint("ASIACROWD", n),
				fmt.Sprint("deploy-5", n), "+40m"))
		}
	}
	for name, c := range map[string]variation{
		"a scoped key that was seen denied": {
			"baseline", more(scoped(), denied(changedTo(call, "ASIASTOLEN0000000042", "ASIASCOPED0000000001"))),
			"contained", "",
		},
		"a scoped key that is silent": {"baseline", more(scoped()), "unknown", "GetScopedCredentials"},
		"a session of a third role, by way of another": {
			"baseline", more(other(-6*minute, "{{account}}", "Other", "+54m"),
				byOther(other(-5*minute, "{{account}}", "Third", "+54m"), "{{account}}", "Other", "{{-6m}}"),
				byOther(call, "{{account}}", "Third", "{{-5m}}")),
			"not contained", "the role Third that came out of an old one made",
		},
		"a session of a role elsewhere comes back": {
			"baseline", more(other(-6*minute, foreign, "Theirs", "+54m"), back),
			"not contained", "An old session opened a session",
		},
		"a session of a role elsewhere that had ended long before": {
			"baseline", func(l *timeline) {
				more(other(-20*minute, foreign, "Theirs", "-75m"))(l)
			}, "contained", "",
		},
		"an old session that no record opens assumes its own role": {
			"baseline", more(itself), "not contained", "An old session opened a session",
		},
		"root of a member account": {
			"baseline", more(changedTo(other(-6*minute, foreign, "Theirs", "+9m"), "AssumeRole", "AssumeRoot",
				`"roleArn":"arn:aws:iam::`+foreign+`:role/Theirs","roleSessionName":"x"`, `"targetPrincipal":"`+foreign+`"`,
				`"resources":[{"type":"AWS::IAM::Role","ARN":"arn:aws:iam::`+foreign+`:role/Theirs"}]`, `"readOnly":false`)),
			"unknown", "AssumeRoot",
		},
		"a call without key and issue time after a console sign-in": {
			"baseline", more(console, changedTo(call, `"accessKeyId":"ASIASTOLEN0000000042",`, "",
				`,"attributes":{"creationDate":"{{-22m}}"}`, "")), "not contained", "",
		},
		"an ordinary session without a name in its opening": {
			"baseline", func(l *timeline) {
				crowd(l)
				more(changedTo(openingBy(-30*minute, "CIDEPLOY00000000", "ASIANAMELESS00000001", "gone", "+30m"),
					`,"roleSessionName":"gone"`, "", `"assumedRoleId":"{{role.id}}:gone",`, "",
					`"arn":"arn:aws:sts::{{account}}:assumed-role/{{role.name}}/gone"`, ""),
					changedTo(call, "ASIASTOLEN0000000042", "ASIANAMELESS00000001", "deploy-42", "gone", "{{-22m}}", "{{-30m}}"))(l)
			}, "not contained", "",
		},
		"an ordinary session that newer ones push out opened one of another role": {
			"unsuspected_session_works_in_another_role", crowd, "not contained", "Other",
		},
		"the issue time in the other form, and a newer session of the name": {
			"baseline", more(openingBy(4*minute, "CIDEPLOY00000000", "ASIANEWER00000000042", "deploy-42", "+64m"),
				changedTo(call, `"accessKeyId":"ASIASTOLEN0000000042",`, "", "{{-22m}}", "20261130T084300Z",
					"203.0.113.66", "198.51.100.20")), "not contained", "",
		},
		"a session of the name and time whose role was deleted": {
			"baseline", func(l *timeline) {
				silent(l)
				more(denied(changedTo(call, "{{role.id}}", "AROADELETED", `"accessKeyId":"ASIASTOLEN0000000042",`, "")))(l)
			}, "unknown", "",
		},
		"an hour is the length where none was asked for": {
			"issued_before_the_cutoff_and_told_after", func(l *timeline) {
				for i, e := range l.Events {
					l.Events[i] = changedTo(e, `, "durationSeconds": 3600`, "", `"durationSeconds": 3600,`, "")
				}
			}, "not contained", "",
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

// Whether a revocation reaches what was made in place of a session is not documented.
func TestATokenInPlaceOfAnOldSessionLeavesTheVerdictUnknownWhateverItIsCalled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"CreateBearerToken", "CreateOAuth2TokenWithIAM", "CreateOAuth2TokenWithTokenExchange", "GetDelegatedAccessToken",
		"GetWebIdentityToken",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
				line.Events = append(line.Events, changedTo(stolenCall(-5*minute, "us-east-1", ""),
					"s3.amazonaws.com", "signin.amazonaws.com", "GetObject", name))
				got := play(t, line)
				if got.verdict != "unknown" || !strings.Contains(got.message, "made itself a token by "+name) {
					t.Errorf("%q\n%s", got.verdict, got.message)
				}
			})
		})
	}
}
