package aws

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestTheReadingSessionCannotWrite(t *testing.T) {
	p, err := standin.ParsePolicy(ReaderPolicy)
	if err != nil {
		t.Fatal(err)
	}
	for _, writes := range []string{"iam:PutRolePolicy", "iam:DeleteRolePolicy", "sts:AssumeRole"} {
		if standin.Evaluate(standin.Request{Action: writes, Resource: "arn:aws:iam::111122223333:role/ops/Deploy"},
			p).Decision == standin.Allowed {
			t.Errorf("the reading session may %s", writes)
		}
	}
}

func TestTheReadingSessionQueriesTheConfiguredLogGroupsAlone(t *testing.T) {
	group := "arn:aws:logs:us-east-1:111122223333:log-group:"
	cloud := offline(t, Config{Accounts: []Account{
		{Name: "prod", ID: "111122223333", TrailLogGroup: group + "all"},
		{Name: "dev", ID: "444455556666", TrailLogGroup: group + "all"},
		{Name: "test", ID: "777788889999", TrailLogGroup: group + "other"},
	}})
	for name, want := range map[string]string{"prod": "all other", "dev": ""} {
		policy := cloud.byName[name].readerPolicy()
		if len(policy) > 2048 { // STS API Reference, "AssumeRole"
			t.Errorf("%d characters", len(policy))
		}
		p, err := standin.ParsePolicy(policy)
		if err != nil {
			t.Fatal(err)
		}
		may := func(action, resource string) bool {
			return standin.Evaluate(standin.Request{Action: action, Resource: resource}, p).Decision == standin.Allowed
		}
		var got []string
		for _, one := range []string{"all", "all2", "other", "secret"} {
			if may("logs:StartQuery", group+one+":log-stream:") {
				got = append(got, one)
			}
		}
		if strings.Join(got, " ") != want || may("logs:GetQueryResults", "*") != (want != "") ||
			may("logs:GetLogEvents", group+"all:log-stream:x") || may("cloudtrail:StopLogging", "*") ||
			may("logs:DeleteLogGroup", group+"all:log-stream:") || !may("iam:GetRole", "*") {
			t.Errorf("%s: %v in %s", name, got, policy)
		}
	}
}

func TestNamesAndTagsAreMadeFit(t *testing.T) {
	for in, want := range map[string]string{
		"U0ALICE": "U0ALICE", "": "--", "x": "x-", "aws:alice": "aws-alice", "Zoë <!channel>": "Zo----channel-",
		"alice@example.com": "alice@example.com", strings.Repeat("a", 70): strings.Repeat("a", 64),
	} {
		got := fitName(in)
		if got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestAnyTextBecomesAValidNameAndTag(t *testing.T) {
	name := regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	tag := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if !name.MatchString(fitName(s)) {
			t.Fatalf("%q: name %q", s, fitName(s))
		}
		if !tag.MatchString(fitTag(s)) {
			t.Fatalf("%q: tag %q", s, fitTag(s))
		}
	})
}

func TestASessionIsForgottenOnlyByWhoHeldIt(t *testing.T) {
	opened := 0
	s := newSession(nil)
	s.open = func(context.Context) (Credential, error) {
		opened++
		return Credential{provider: &staticCredentials{}, until: time.Now().Add(sessionLife)}, nil
	}
	old, _ := s.get(t.Context(), refreshAt)
	s.drop(old)
	fresh, _ := s.get(t.Context(), refreshAt)
	s.drop(old) // a late failure of the old one must not cost the new one
	again, _ := s.get(t.Context(), refreshAt)
	if opened != 2 || fresh != again || old == fresh {
		t.Errorf("opened %d times", opened)
	}
}
