package role

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

func TestWeaknessesAreThoseOfTheRealDocuments(t *testing.T) {
	const github = `"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` +
		`token.actions.githubusercontent.com"},` +
		`"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity"`
	const sub = `"token.actions.githubusercontent.com:sub"`
	allow := func(principal, condition string) string {
		return `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + condition + `}`
	}
	for of, c := range map[string]struct {
		statement string
		longest   time.Duration
		what      string // of the one that is found; "" none
		holds     string // what the document of the command says
	}{
		"a long maximum": {
			allow(`{"Service":"ec2.amazonaws.com"}`, ""), 12 * time.Hour, "A session may last 12 hours",
			"--max-session-duration 3600",
		},
		"an hour":   {allow(`{"Service":"ec2.amazonaws.com"}`, ""), time.Hour, "", ""},
		"everybody": {allow(`"*"`, ""), 0, "lets in everybody", `"Principal":{"AWS":"arn:aws:iam::111122223333:root"}`},
		"everybody of an organisation": {
			allow(`{"AWS":"*"}`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), 0, "", "",
		},
		"a partner": {
			allow(`{"AWS":"arn:aws:iam::444455556666:root"}`, ""), 0, "Account 444455556666 gets in without an external id",
			`"sts:ExternalId":"CHOOSE-WITH-THE-PARTNER"`,
		},
		"a partner with an external id": {
			allow(`{"AWS":"444455556666"}`, `,"Condition":{"StringLike":{"STS:externalid":"x"}}`), 0, "", "",
		},
		"the account itself": {allow(`{"AWS":"arn:aws:iam::111122223333:root"}`, ""), 0, "", ""},
		"a user who always had MFA": {
			allow(`{"AWS":"arn:aws:iam::111122223333:user/people/kim"}`, ""), 0,
			"gets in without MFA", `"aws:MultiFactorAuthPresent":"true"`,
		},
		"MFA is asked for": {
			allow(`{"AWS":"arn:aws:iam::111122223333:user/kim"}`, `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`),
			0, "", "",
		},
		"a program's user": {allow(`{"AWS":"arn:aws:iam::111122223333:user/ci-deploy"}`, ""), 0, "", ""},
		"a user beside a program": {
			allow(`{"AWS":["arn:aws:iam::111122223333:user/ci-deploy","arn:aws:iam::111122223333:user/kim"]}`, ""), 0, "", "",
		},
		"every branch": {
			`{` + github + `,"Condition":{"StringLike":{` + sub + `:["repo:acme/shop:*"]}}}`, 0,
			"gets in from every branch", `["repo:acme/shop:ref:refs/heads/main"]`,
		},
		"one branch": {
			`{` + github + `,"Condition":{"StringLike":{` + sub + `:"repo:acme/shop:ref:refs/heads/main"}}}`, 0, "", "",
		},
		"every branch, and a ref": {
			`{` + github + `,"Condition":{"StringLike":{` + sub + `:"repo:acme/shop:*"},` +
				`"StringEquals":{"token.actions.githubusercontent.com:ref":"refs/heads/main"}}}`, 0, "", "",
		},
		"every repository": {
			`{` + github + `,"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}`, 0,
			"Every GitHub repository gets in", `"repo:OWNER/REPOSITORY:ref:refs/heads/main"`,
		},
		"a deny":             {`{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*"}`, 0, "", ""},
		"what opens nothing": {`{"Effect":"Allow","Action":"sts:TagSession","Principal":"*"}`, 0, "", ""},
		"no statement":       {`7`, 0, "", ""},
	} {
		r := Role{Principal: contain.Principal{Name: "DeployRole"}, MaxSession: c.longest}
		kept := `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks.amazonaws.com"}}`
		trust := `{"Version":"2012-10-17","Statement":[` + kept + `,` + c.statement + `]}`
		found := weaknesses(prodAccount, r, trust, []string{"kim"})
		if (c.what == "") != (len(found) == 0) || len(found) > 1 {
			t.Errorf("%s: %+v", of, found)
			continue
		}
		if len(found) == 0 {
			continue
		}
		w := found[0]
		if !strings.Contains(w.What, c.what) || !strings.Contains(w.Command, c.holds) || w.Terraform == "" {
			t.Errorf("%s: %+v", of, w)
		}
		_, document, edits := strings.Cut(w.Command, "--policy-document '")
		document = strings.TrimSuffix(document, "'")
		if edits && (!json.Valid([]byte(document)) || !strings.Contains(document, "ecs-tasks.amazonaws.com") ||
			len(weaknesses(prodAccount, r, document, []string{"kim"})) > 0) {
			t.Errorf("%s: the command leaves %s", of, document)
		}
	}
}

func TestTheTrustPolicysWeaknessesShareOneCommandThatAShellTakes(t *testing.T) {
	found := weaknesses(prodAccount, Role{MaxSession: 2 * time.Hour}, `{"Statement":[`+
		`{"Effect":"Allow","Action":"sts:*","Principal":"*"},`+
		`{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":"444455556666"},`+
		`"Condition":{"StringEquals":{"aws:PrincipalTag/x":"it's"}}}]}`, nil)
	if len(found) != 3 || found[1].Command != found[2].Command || found[0].Command == found[1].Command ||
		!strings.Contains(found[1].Command, `it'\''s`) {
		t.Errorf("%+v", found)
	}
	if slices.ContainsFunc(weaknesses(prodAccount, Role{}, "no policy", nil), func(Weakness) bool { return true }) {
		t.Error("what is no policy is weak")
	}
}
