package trail

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// openedBy is an event that opens a session, by an identity.
func openedBy(identity, asked, more string) Session {
	s, ok := decodeEvent(event(`{"eventName":"AssumeRole","eventSource":"sts.amazonaws.com","userIdentity":`+identity+
		`,"requestParameters":{"roleArn":"`+deployARN+`"`+asked+`}`+more+`}`), "us-east-1")
	if !ok {
		panic("no session: " + identity)
	}
	return s
}

func service(name string) string { return `{"type":"AWSService","invokedBy":"` + name + `"}` }

func oidc(provider, subject string) string {
	return fmt.Sprintf(`{"type":"WebIdentityUser","userName":%q,"identityProvider":%q,"principalId":"%s:aud:%s"}`, subject,
		provider, provider, subject)
}

func named(session string) string { return `,"roleSessionName":"` + session + `"` }

func podTags(cluster, account, pod string) string {
	return `,"tags":[{"key":"eks-cluster-arn","value":"` + cluster + `"},{"key":"kubernetes-namespace","value":"shop"},` +
		`{"key":"kubernetes-service-account","value":"` + account + `"},{"key":"kubernetes-pod-name","value":"` + pod + `"}]`
}

func TestACallerIsWhatIdentifiesIt(t *testing.T) {
	const (
		lambda, ec2, ecs = "lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com"
		pods, anywhere   = "pods.eks.amazonaws.com", "rolesanywhere.amazonaws.com"
		buildkite        = "agent.buildkite.com"
		bitbucket        = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
		first            = "pay-7d9f8b6c5d-x2k4q"
		repo, step       = "{11111111-1111-1111-1111-111111111111}", "{22222222-2222-2222-2222-222222222222}"
		cognito          = "cognito-identity.amazonaws.com"
	)
	by := func(name, session string) Session { return openedBy(service(name), named(session), "") }
	web := func(provider, subject string) Session { return openedBy(oidc(provider, subject), "", "") }
	account := func(cluster string) Session { return web("oidc.eks/id/"+cluster, "system:serviceaccount:shop:pay") }
	build := func(commit, step string) Session {
		return web(buildkite, "organization:acme:pipeline:deploy:ref:refs/heads/main:commit:"+strings.Repeat(commit, 40)+
			":step:"+step)
	}
	pod := func(cluster, account, name string) Session {
		return openedBy(service(pods), named("eks-"+name)+podTags(cluster, account, name), "")
	}
	instance := func(id string) Session {
		return openedBy(`{"type":"AssumedRole","principalId":"AROAHOST:`+id+
			`","arn":"arn:aws:sts::111122223333:assumed-role/Host/`+id+`"}`, "", "")
	}
	for name, c := range map[string]struct {
		a, b Session
		same bool
	}{
		"two instances":          {by(ec2, "i-0a"), by(ec2, "i-0b"), false},
		"one instance again":     {by(ec2, "i-0a"), by(ec2, "i-0a"), true},
		"two tasks":              {by(ecs, "aa11"), by(ecs, "bb22"), false},
		"two functions":          {by(lambda, "f"), by(lambda, "g"), false},
		"instances by their own": {instance("i-0123456789abcdef0"), instance("i-0fedcba9876543210"), false},
		"a role's own sessions":  {instance("run-1"), instance("run-2"), true},
		"Lambda's own sessions": {
			openedBy(service(lambda), named("awslambda_3_20261130101112345"), ""),
			openedBy(service(lambda), named("awslambda_41_20261130111112345"), ""), true,
		},
		"builds of CodeBuild": {
			openedBy(service("codebuild.amazonaws.com"), named("AWSCodeBuild-11111111-1111-1111-1111-111111111111"), ""),
			openedBy(service("codebuild.amazonaws.com"), named("AWSCodeBuild-22222222-1111-1111-1111-111111111111"), ""), true,
		},
		"two certificates": {by(anywhere, "01ab"), by(anywhere, "02cd"), false},
		"service accounts of one cluster": {
			account("A"), account("A"), true,
		},
		"service accounts of two clusters": {
			account("A"), account("B"), false,
		},
		"repositories of one name": {
			web("token.actions.githubusercontent.com", "repo:acme@1/shop@2:ref:refs/heads/main"),
			web("token.actions.githubusercontent.com", "repo:acme@8/shop@9:ref:refs/heads/main"), false,
		},
		"one repository": {
			web("token.actions.githubusercontent.com", "repo:acme@1/shop@2:ref:refs/heads/main"),
			web("token.actions.githubusercontent.com", "repo:acme@1/shop@2:ref:refs/heads/main"), true,
		},
		"builds of a pipeline":       {build("a", "deploy"), build("b", "deploy"), true},
		"steps of a build, by id":    {build("a", repo[1:37]), build("a", step[1:37]), true},
		"steps of a build, by name":  {build("a", "test"), build("a", "deploy"), false},
		"steps of Bitbucket":         {web(bitbucket, repo+":"+step), web(bitbucket, repo+":"+repo), true},
		"repositories of Bitbucket":  {web(bitbucket, repo+":"+step), web(bitbucket, step+":"+step), false},
		"a build number":             {web("x", "p:shop:build_number:41"), web("x", "p:shop:build_number:42"), true},
		"identities of Cognito":      {web(cognito, "us-east-1:"+repo), web(cognito, "us-east-1:"+step), false},
		"pods of a deployment":       {pod("c", "pay", first), pod("c", "pay", "pay-5c4f7d9b8f-zzq7w"), true},
		"runs of a job":              {pod("c", "pay", "sync-29381044-x2k4q"), pod("c", "pay", "sync-29381059-q7w2r"), true},
		"another pod of the account": {pod("c", "pay", first), pod("c", "pay", "shell"), false},
		"a pod of another cluster":   {pod("c", "pay", first), pod("d", "pay", first), false},
		"a pod of another account":   {pod("c", "pay", first), pod("c", "web", first), false},
	} {
		if (c.a.CallerID == c.b.CallerID) != c.same {
			t.Errorf("%s: %q and %q", name, c.a.CallerID, c.b.CallerID)
		}
	}
}

func TestTagsAndDelegatesAreAmongTheWords(t *testing.T) {
	s := openedBy(service("pods.eks.amazonaws.com"), podTags("prod", "pay", "pay-1"), "")
	if !strings.HasPrefix(s.Caller, "EKS pod pay-1 [eks-cluster-arn=prod, kubernetes-namespace=shop") ||
		!strings.Contains(s.Tags, "kubernetes-service-account=pay") {
		t.Errorf("%q, tags %q", s.Caller, s.Tags)
	}
	s = openedBy(oidc("cognito-identity.amazonaws.com", "us-east-1:x"), `,"principalTags":{"user":"mallory","n":7}`, "")
	if s.Caller != "us-east-1:x (cognito-identity.amazonaws.com) [n=7, user=mallory]" {
		t.Errorf("%q", s.Caller)
	}
	s = openedBy(`{"type":"IAMUser","userName":"eve","invokedByDelegate":{"accountId":"999999999999"}}`, "", "")
	if s.Caller != "user eve, by account 999999999999 through a temporary delegation" {
		t.Errorf("%q", s.Caller)
	}
	if s = openedBy(`{"type":"IAMUser","userName":"eve"}`, `,"tags":"none","principalTags":[1]`, ""); s.Tags != "" {
		t.Errorf("tags %q", s.Tags)
	}
}

func TestSwitchRoleAndCreateSessionOpenSessions(t *testing.T) {
	s, ok := decodeEvent(event(`{"eventName":"SwitchRole","eventSource":"signin.amazonaws.com","sourceIPAddress":"`+thief+
		`","userIdentity":{"type":"AssumedRole","principalId":"AROADEPLOY:rosa","accountId":"111122223333",`+
		`"arn":"arn:aws:sts::111122223333:assumed-role/Deploy/rosa"},"responseElements":{"SwitchRole":"Success"},`+
		`"additionalEventData":{"SwitchFrom":"arn:aws:iam::111122223333:user/rosa"}}`), "us-east-1")
	if !ok || !s.Issued() || s.Derived || !sameRole(s.RoleARN, deployARN) || s.RoleID != "AROADEPLOY" ||
		s.SessionName != "rosa" || s.Caller != "user rosa" || s.CallerARN != "arn:aws:iam::111122223333:user/rosa" ||
		s.SourceAddress != thief || s.ID() == "" {
		t.Errorf("%v %+v", ok, s)
	}
	// Another event knows the same caller by its unique id.
	both := []Session{s, openedBy(`{"type":"IAMUser","principalId":"AIDAROSA","userName":"rosa",`+
		`"arn":"arn:aws:iam::111122223333:user/rosa"}`, "", "")}
	if sameCallers(both); both[0].CallerID != "principal AIDAROSA" || both[1].CallerID != both[0].CallerID {
		t.Errorf("%q and %q", both[0].CallerID, both[1].CallerID)
	}
	s, ok = decodeEvent(event(`{"eventName":"SwitchRole","eventSource":"signin.amazonaws.com","userIdentity":{"type":`+
		`"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/rosa"},`+
		`"responseElements":{"SwitchRole":"Failure"}}`),
		"us-east-1")
	if !ok || s.Issued() {
		t.Errorf("a switch that failed opened a session: %+v", s)
	}
	s, ok = decodeEvent(event(`{"eventName":"CreateSession","eventSource":"rolesanywhere.amazonaws.com",`+
		`"eventTime":"2026-11-20T09:00:02Z","userIdentity":{"type":"Unknown"},"requestParameters":{"roleArn":"`+deployARN+
		`","durationSeconds":3600},"responseElements":{"credentialSet":[{"assumedRoleUser":{"assumedRoleId":`+
		`"AROADEPLOY:01ab","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/01ab"},"credentials":{"accessKeyId":`+
		`"ASIACERT","expiration":"2026-11-20T10:00:00Z"},"sourceIdentity":"CN=gateway"}]}}`), "us-east-1")
	if !ok || s.AccessKeyID != "ASIACERT" || s.RoleID != "AROADEPLOY" || s.SessionName != "01ab" ||
		s.Caller != "certificate 01ab (gateway)" || s.SourceIdentity != "CN=gateway" ||
		!s.Time.Equal(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%v %+v", ok, s)
	}
	byService := openedBy(service("rolesanywhere.amazonaws.com"), named("01ab"), "")
	if byService.CallerID != s.CallerID || byService.ByService() {
		t.Errorf("%q and %q", byService.CallerID, s.CallerID)
	}
	_, ok = decodeEvent(event(`{"eventName":"GetSigninToken","eventSource":"signin.amazonaws.com",`+byDeploy+
		`,"responseElements":{"credentials":{"accessKeyId":"ASIAPARENT"},"GetSigninToken":"Success"}}`), "us-east-1")
	if ok {
		t.Error("the caller's own key is taken for new credentials")
	}
}

func TestACallThatFailedSaysSoInOneOfFourPlaces(t *testing.T) {
	for text, failed := range map[string]bool{
		``:                              false,
		`,"errorCode":"AccessDenied"`:   true,
		`,"errorMessage":"No username"`: true,
		`,"responseElements":{"ConsoleLogin":"Failure"}`:                                           true,
		`,"responseElements":{"ConsoleLogin":"Success"}`:                                           false,
		`,"responseElements":{"name":"Failure"},"requestParameters":{"name":"Failure"}`:            false,
		`,"additionalEventData":{"success":"false"}`:                                               true,
		`,"additionalEventData":{"success":"true"}`:                                                false,
		`,"errorCode":"Client.DryRunOperation","errorMessage":"Request would have succeeded, but"`: false,
		`,"responseElements":"Failure"`:                                                            false,
		`,"responseElements":[7],"requestParameters":null`:                                         false,
	} {
		e := event(`{"eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com"` + text + `}`)
		if got := decodeCall(decodeRecord(e, "us-east-1")); got.succeeded() == failed {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestOwnVPCEndpointsSayNothingAndOthersAreForeign(t *testing.T) {
	for text, address := range map[string]bool{
		`"sourceIPAddress":"203.0.113.9"`: true,
		`"sourceIPAddress":"10.0.0.9","vpcEndpointId":"vpce-1","vpcEndpointAccountId":"111122223333"`: false,
		`"sourceIPAddress":"10.0.0.9","vpcEndpointId":"vpce-1"`:                                       false,
		`"sourceIPAddress":"10.0.0.9","vpcEndpointId":"vpce-1","vpcEndpointAccountId":"999999999999"`: true,
		`"sourceIPAddress":"cloudformation.amazonaws.com"`:                                            false,
		`"sourceIPAddress":"AWS Internal"`:                                                            false,
	} {
		e := event(`{"eventName":"ListUsers","recipientAccountId":"111122223333",` + text + `}`)
		if got := decodeCall(decodeRecord(e, "us-east-1")).SourceAddress; networkOf(got).IsValid() != address {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestARecordOf256KilobytesIsKeptShort(t *testing.T) {
	long := strings.Repeat("x", 256<<10)
	s := openedBy(`{"type":"IAMUser","userName":"`+long+`"}`, `,"principalTags":{"a":"`+long+`"}`,
		`,"userAgent":"`+long+`"`)
	if len(s.Caller)+len(s.CallerID)+len(s.UserAgent)+len(s.Tags) > 5<<10 {
		t.Errorf("%d, %d and %d bytes are kept", len(s.Caller), len(s.UserAgent), len(s.Tags))
	}
}

func TestARecordOfAnotherRoleOrOfLongBeforeTheWindowIsNoSession(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	q := LookupQuery{RoleARN: deployARN, Since: noon}
	for name, c := range map[string]struct {
		s    Session
		want bool
	}{
		"of the role":                {Session{RoleARN: deployARN, Time: noon}, true},
		"of the role, without path":  {Session{RoleARN: "arn:aws:iam::111122223333:role/deploy", Time: noon}, true},
		"of an event without a role": {Session{Time: noon}, true},
		"of another role":            {Session{RoleARN: "arn:aws:iam::111122223333:role/Data", Time: noon}, false},
		"of another account":         {Session{RoleARN: "arn:aws:iam::999999999999:role/ops/Deploy", Time: noon}, false},
		"of the year 2000":           {Session{RoleARN: deployARN, Time: noon.AddDate(-26, 0, 0)}, false},
		"whose call ended later":     {Session{RoleARN: deployARN, Time: noon.Add(-time.Minute)}, true},
	} {
		if got := q.about(c.s); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestACallerIsIdentifiedOnlyIfItIsNoOther(t *testing.T) {
	for id, want := range map[string]bool{
		"principal AIDAMALLORY": true, "root 111122223333": true, "saml arn:aws:iam::1:saml-provider/Okta tomas": true,
		"web token.actions.githubusercontent.com repo:acme/shop:ref:refs/heads/main": true,
		"service ec2.amazonaws.com i-0123456789abcdef0":                              true,
		"service pods.eks.amazonaws.com cluster ns account app":                      true,
		"principal unknown": false, "root unknown": false, "unknown deploy-42": false, "": false, "mallory": false,
		"service codebuild.amazonaws.com": false, "service lambda.amazonaws.com awslambda": false,
		"service pods.eks.amazonaws.com ": false, "web provider " + strings.Repeat("x", 900) + "…": false,
	} {
		if got := (Session{CallerID: id}).Identified(); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}
