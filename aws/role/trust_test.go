package role

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws/contain"
)

func TestATrustPolicyIsReadInWords(t *testing.T) {
	const assume = `"Action":"sts:AssumeRole"`
	for _, c := range []struct {
		name, statements string
		want             []Principal
	}{
		{
			"services", `{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]},` + assume + `}`,
			[]Principal{
				{"the service ec2.amazonaws.com", false},
				{"the service lambda.amazonaws.com", false},
			},
		},
		{"people and accounts", `[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::777788889999:user/eu/alice",` +
			`"arn:aws:iam::111122223333:role/ops/CI","arn:aws:iam::777788889999:root","111122223333","*","AROAEXAMPLE",` +
			`"arn:aws:sts::111122223333:assumed-role/CI/run","arn:aws:sts::777788889999:federated-user/bob"]},` + assume +
			`,"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]`, []Principal{
			{"user alice in 777788889999", true},
			{"role CI", true},
			{"account 777788889999", true},
			{"this account (111122223333)", true},
			{"everybody", true},
			{"a deleted user or role (AROAEXAMPLE)", true},
			{"session run of role CI", true},
			{"federated user bob in 777788889999", true},
		}},
		{
			"everybody", `[{"Effect":"Allow","Principal":"*","Action":["sts:*"]}]`,
			[]Principal{{"everybody", false}},
		},
		{
			"everybody but", `[{"Effect":"Allow","NotPrincipal":{"AWS":"*"},"Action":"sts:Assume*"}]`,
			[]Principal{{"everybody with exceptions", false}},
		},
		{"federated", `[
			{"Effect":"Allow",
				"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/Corp"},
				"Action":"sts:AssumeRoleWithSAML",
				"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}},
			{"Effect":"Allow",
				"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
				"Action":"sts:AssumeRoleWithWebIdentity",
				"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":[
					"repo:acme/shop:ref:refs/heads/main",
					"repo:acme@12/web@34:environment:live",
					"repo:acme/all:*"]}}},
			{"Effect":"Allow",
				"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
				"Action":"sts:AssumeRoleWithWebIdentity",
				"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}},
			{"Effect":"Allow",
				"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/X"},
				"Action":"sts:AssumeRoleWithWebIdentity",
				"Condition":{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/X:sub":"system:serviceaccount:pay:payments"}}},
			{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
				"Action":"sts:AssumeRoleWithWebIdentity"}]`, []Principal{
			{"people who sign in through Corp (SAML)", true},
			{
				"GitHub repository acme/all, GitHub repository acme/shop (branch main), " +
					"GitHub repository acme/web (environment live)", true,
			},
			{"every GitHub repository", true},
			{"Kubernetes service account pay/payments", true},
			{"the identity provider cognito-identity.amazonaws.com", false},
		}},
		{
			"what does not assume is left out", `[{"Effect":"Deny","Principal":"*",` + assume + `},{"Effect":"Allow",` +
				`"Principal":"*","Action":"sts:TagSession"}]`, nil,
		},
		{
			"the same twice", `[{"Effect":"Allow","Principal":"*",` + assume + `},{"Effect":"Allow","Principal":{"AWS":"*"},` +
				assume + `}]`, []Principal{{"everybody", false}},
		},
		{"not readable", `[7,{"Effect":"Allow","Principal":7,` + assume + `},{"Effect":"Allow",` +
			`"Principal":{"CanonicalUser":"ab"},` + assume + `}]`, []Principal{
			{"a statement of the trust policy that cannot be read", false},
			{"a principal that cannot be read", false},
			{"CanonicalUser ab", false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := readTrust(prodAccount, `{"Version":"2012-10-17","Statement":`+c.statements+`}`)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	unreadable := Principal{Words: "a trust policy that cannot be read"}
	if got, _ := readTrust(prodAccount, "no policy"); len(got) != 1 || got[0] != unreadable {
		t.Errorf("a broken document: %+v", got)
	}
}

func TestTheTrustDigestSeesContentAndNotForm(t *testing.T) {
	a := digestJSON(`{"Statement":[{"Effect":"Allow","Principal":"*"}],"Version":"2012-10-17"}`)
	b := digestJSON("{ \"Version\": \"2012-10-17\",\n\"Statement\": [ {\"Principal\":\"*\",\"Effect\":\"Allow\"} ] }")
	c := digestJSON(`{"Statement":[{"Effect":"Allow","Principal":"x"}],"Version":"2012-10-17"}`)
	if a != b || a == c || len(a) != 64 {
		t.Errorf("%s %s %s", a, b, c)
	}
}

func FuzzReadTrust(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/x"]},` +
		`"Action":"sts:AssumeRole","Condition":{"a":{"b":"c"}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		principals, digest := readTrust(prodAccount, document)
		if len(digest) != 64 {
			t.Errorf("%q: digest %q", document, digest)
		}
		for _, p := range principals {
			if p.Words == "" {
				t.Errorf("%q: %+v", document, p)
			}
		}
	})
}

func FuzzReadTrustFacts(f *testing.F) {
	f.Add(trustOf(`{"AWS":["*","arn:aws:iam::111122223333:root"],"Service":"ec2.amazonaws.com"}`, `{"a":{"b":"c"}}`))
	f.Fuzz(func(t *testing.T, document string) {
		facts := readTrustFacts(prodAccount, "arn:aws:iam::111122223333:role/Deploy", document)
		all := warnings{role: Role{Principal: contain.Principal{AccountName: "prod", Name: "Deploy"}}}
		all.trust(contain.Revoke(), facts, true)
		for _, w := range all.all {
			if strings.ContainsAny(w, "<>&`\n") {
				t.Errorf("%q: %+v", document, w)
			}
		}
		named("Allow", document, "iam:PutRolePolicy")
	})
}
