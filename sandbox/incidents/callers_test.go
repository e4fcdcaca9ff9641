package incidents_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// openedBy is the opening of a session of the role by a caller, without its key's calls.
func openedBy(at offset, call, caller, name string) event {
	return event{At: at, Region: "us-east-1", Record: json.RawMessage(`{"eventSource":"sts.amazonaws.com",` +
		`"eventName":"` + call + `","sourceIPAddress":"198.51.100.71","userIdentity":` + caller + `,` +
		`"requestParameters":{"roleArn":"{{role.arn}}","roleSessionName":"` + name + `","principalArn":"{{provider}}",` +
		`"durationSeconds":3600},"responseElements":{"credentials":{"accessKeyId":"ASIA` + time.Duration(at).String() +
		`","expiration":"{{human:` + (time.Duration(at) + time.Hour).String() + `}}"}},` +
		`"resources":[{"accountId":"{{account}}","type":"AWS::IAM::Role","ARN":"{{role.arn}}"}]}`)}
}

// roleSession is a caller that is a session of another role.
func roleSession(role, session, more string) string {
	return `{"type":"AssumedRole","principalId":"AROACALLER:` + session + `","accountId":"{{account}}",` +
		`"arn":"arn:aws:sts::{{account}}:assumed-role/` + role + `/` + session + `","sessionContext":{` + more +
		`"sessionIssuer":{"type":"Role","principalId":"AROACALLER","arn":"arn:aws:iam::{{account}}:role/` + role + `"}}}`
}

// A caller comes before the cutoff, and one comes after it: either it is the same, or it is first
// seen.
func TestACallerIsWhoItsMarkSaysWhateverTheWords(t *testing.T) {
	t.Parallel()
	const function, pods = `{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}`,
		`{"type":"AWSService","invokedBy":"pods.eks.amazonaws.com"}`
	const person = `{"type":"SAMLUser","principalId":"NAMEQUALIFIER","userName":"rosa"}`
	bitbucket := func(step string) string {
		subject := `{1d0a3d3f-0a0b-4c3e-9d50-7a1f0f7c3c11}:{` + step + `}`
		return `{"type":"WebIdentityUser","principalId":"api.bitbucket.org/2.0/workspaces/shop:sub:` + subject + `",` +
			`"userName":"` + subject + `",` +
			`"identityProvider":"arn:aws:iam::{{account}}:oidc-provider/api.bitbucket.org/2.0/shop"}`
	}
	const step = "2b1f0c6e-5f0b-4f6e-8c77-5d1b0f3a9e2"
	const provider = "arn:aws:iam::{{account}}:saml-provider/Okta"
	for name, c := range map[string]struct {
		call, before, session, after, later string
		provider                            string // of the later one
		same                                bool
	}{
		"another function": {"AssumeRole", function, "resize", function, "export", "", false},
		"a pod of the same workload, without tags": {
			"AssumeRole", pods, "eks-shop-api-7d9f8b6c5d-x2k4q-" + step + "1",
			pods, "eks-shop-api-7d9f8b6c5d-zz9qp-" + step + "2", "", true,
		},
		"a pod of another workload, without tags": {
			"AssumeRole", pods, "eks-shop-api-7d9f8b6c5d-x2k4q-" + step + "1",
			pods, "eks-shop-job-5d9f8b6c5d-zz9qp-" + step + "2", "", false,
		},
		"another instance's session of a role that assumes this one": {
			"AssumeRole", roleSession("App", "i-0aaaaaaaaaaaaaaaa", ""), "app",
			roleSession("App", "i-0bbbbbbbbbbbbbbbb", ""), "app", "", false,
		},
		"another run of a role that assumes this one": {
			"AssumeRole", roleSession("App", "run-1", ""), "app", roleSession("App", "run-2", ""), "app", "", true,
		},
		"another person of Identity Center": {
			"AssumeRole", roleSession("AWSReservedSSO_Ops_1a2b3c4d5e6f7a8b", "rosa@acme.example", ""), "rosa",
			roleSession("AWSReservedSSO_Ops_1a2b3c4d5e6f7a8b", "mallory@acme.example", ""), "rosa", "", false,
		},
		"another source identity": {
			"AssumeRole", roleSession("Ops", "cli", `"sourceIdentity":"rosa",`), "cli",
			roleSession("Ops", "cli", `"sourceIdentity":"mallory",`), "cli", "", false,
		},
		"another name of the same SAML provider": {
			"AssumeRoleWithSAML", person, "rosa", strings.Replace(person, "rosa", "mallory", 1), "rosa", provider, false,
		},
		"the same name of another SAML provider": {
			"AssumeRoleWithSAML", person, "rosa", person, "rosa", strings.Replace(provider, "Okta", "Mine", 1), false,
		},
		"the same name of the same SAML provider": {"AssumeRoleWithSAML", person, "rosa", person, "rosa", provider, true},
		"another step of a pipeline of Bitbucket": {
			"AssumeRoleWithWebIdentity", bitbucket(step + "1"), "deploy", bitbucket(step + "2"), "deploy", "", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
				line.Events = append(line.Events,
					changedTo(openedBy(-190*minute, c.call, c.before, c.session), "{{provider}}", provider),
					changedTo(openedBy(10*minute, c.call, c.after, c.later), "{{provider}}", c.provider))
				got := play(t, line)
				first := strings.Contains(got.message, "first seen after the cutoff, has a session")
				if want := map[bool]string{true: "contained", false: "unknown"}[c.same]; got.verdict != want || first == c.same {
					t.Errorf("%q, not %q\n%s", got.verdict, want, got.message)
				}
			})
		})
	}
}
