package aws_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const spokeARN = "arn:aws:iam::111122223333:role/bot/Spoke"

// spoke adds a second account with the user hub, and in the first one a role that trusts the user
// by an external id.
func (b *bench) spoke() aws.AccessKey {
	hub := b.server.AddAccount("444455556666", "").AddUser(aws.UserSpec{Name: "hub", Policies: map[string]string{
		"assume": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession",` +
			`"sts:SetSourceIdentity"],"Resource":"` + spokeARN + `"}}`,
	}})
	b.account.AddRole(aws.RoleSpec{
		Name: "Spoke", Path: "/bot/", Policies: map[string]string{
			"iam": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}`,
		},
		Trust: `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/hub"},"Action":"sts:AssumeRole",
			"Condition":{"StringEquals":{"sts:ExternalId":["old-id","some-id"]}}},
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/hub"},"Action":["sts:TagSession",
			"sts:SetSourceIdentity"]}]}`,
	})
	return hub
}

func TestAnotherAccountNeedsTheExternalIDAndBothSidesConsent(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		hub := b.spoke()
		a2 := b.server.AddAccount("444455556666", "")
		unpermitted := a2.AddUser(aws.UserSpec{Name: "unpermitted"})
		untrusted := a2.AddUser(aws.UserSpec{Name: "untrusted", Policies: map[string]string{"all": allowAll}})
		b.account.AddRole(aws.RoleSpec{Name: "Open", Trust: strings.ReplaceAll(trustOwn, "111122223333", "444455556666")})
		open := awssdk.String("arn:aws:iam::111122223333:role/Open")
		id := awssdk.String("some-id")
		for name, c := range map[string]struct {
			key  aws.AccessKey
			in   sts.AssumeRoleInput
			code string
		}{
			"the right id": {hub, sts.AssumeRoleInput{RoleArn: awssdk.String(spokeARN), ExternalId: id}, ""},
			"no id":        {hub, sts.AssumeRoleInput{RoleArn: awssdk.String(spokeARN)}, "AccessDenied"},
			"a wrong id": {
				hub, sts.AssumeRoleInput{RoleArn: awssdk.String(spokeARN), ExternalId: awssdk.String("x-id")}, "AccessDenied",
			},
			"a role that is not there": {
				hub,
				sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::111122223333:role/bot/None"), ExternalId: id},
				"AccessDenied",
			},
			"an account that is not there": {
				hub,
				sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::999999999999:role/bot/Spoke"), ExternalId: id},
				"AccessDenied",
			},
			"the role without its path": {
				hub,
				sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::111122223333:role/Spoke"), ExternalId: id},
				"AccessDenied",
			},
			"the caller's policies say no": {unpermitted, sts.AssumeRoleInput{RoleArn: open}, "AccessDenied"},
			"the trust policy says no": {
				untrusted, sts.AssumeRoleInput{RoleArn: awssdk.String(spokeARN), ExternalId: id}, "AccessDenied",
			},
			"both say yes, by the account": {untrusted, sts.AssumeRoleInput{RoleArn: open}, ""},
			"a session name of one letter": {
				hub, sts.AssumeRoleInput{RoleArn: open, RoleSessionName: awssdk.String("x")}, "ValidationError",
			},
			"a session name with a space": {
				hub, sts.AssumeRoleInput{RoleArn: open, RoleSessionName: awssdk.String("x y")}, "ValidationError",
			},
			"what is no role's ARN": {
				hub, sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::111122223333:user/admin")}, "ValidationError",
			},
			"a source identity that is AWS'": {
				untrusted, sts.AssumeRoleInput{RoleArn: open, SourceIdentity: awssdk.String("aws:x")}, "ValidationError",
			},
			"MFA is not known here": {
				hub, sts.AssumeRoleInput{RoleArn: open, SerialNumber: awssdk.String("123456789")}, "ValidationError",
			},
			"a session policy that is none": {
				untrusted, sts.AssumeRoleInput{RoleArn: open, Policy: awssdk.String("{}")}, "MalformedPolicyDocument",
			},
			"a session policy too long": {
				untrusted, sts.AssumeRoleInput{RoleArn: open, Policy: awssdk.String(filler(2049))}, "ValidationError",
			},
		} {
			_, err := b.tryAssume(c.key, &c.in)
			b.wantCode(name, err, c.code)
		}
	})
}

func TestInTheRolesOwnAccountATrustThatNamesTheCallerIsEnough(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		ci := b.account.AddUser(aws.UserSpec{Name: "ci"})
		denied := b.account.AddUser(aws.UserSpec{
			Name: "denied", Policies: map[string]string{
				"no": `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}}`,
			},
		})
		named := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` +
			`"Principal":{"AWS":["arn:aws:iam::111122223333:user/ci","arn:aws:iam::111122223333:user/denied"]},` +
			`"Action":"sts:AssumeRole"}}`
		b.account.AddRole(aws.RoleSpec{Name: "Named", Trust: named})
		arn := awssdk.String("arn:aws:iam::111122223333:role/Named")
		_, err := b.tryAssume(ci, &sts.AssumeRoleInput{RoleArn: arn})
		b.wantCode("named", err, "")
		_, err = b.tryAssume(ci, &sts.AssumeRoleInput{})
		b.wantCode("only its account is named", err, "AccessDenied")
		_, err = b.tryAssume(denied, &sts.AssumeRoleInput{RoleArn: arn})
		b.wantCode("named and denied", err, "AccessDenied")
		_, err = b.tryAssume(b.admin, &sts.AssumeRoleInput{RoleArn: arn})
		b.wantCode("allowed, but not trusted", err, "AccessDenied")
	})
}

func TestASessionPolicyOnlyTakesAway(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		hub := b.spoke()
		const one = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole",` +
			`"cloudtrail:LookupEvents"],"Resource":"` + deployARN + `"},{"Effect":"Allow","Action":"cloudtrail:LookupEvents",` +
			`"Resource":"*"}]}`
		key := b.assume(hub, &sts.AssumeRoleInput{
			RoleArn: awssdk.String(spokeARN), ExternalId: awssdk.String("some-id"), Policy: awssdk.String(one),
		})
		get := func(name string) error {
			_, err := b.iam(key).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String(name)})
			return err
		}
		b.wantCode("what both allow", get("Deploy"), "")
		other := get("Spoke")
		b.wantCode("another role", other, "AccessDenied")
		if want := "because no session policy allows the iam:GetRole action"; other == nil ||
			!strings.HasSuffix(other.Error(), want) {
			t.Errorf("%v, want %s", other, want)
		}
		b.wantCode("another action", b.listRoles(key), "AccessDenied")
		_, err := b.trail(key, "us-east-1").LookupEvents(t.Context(), nil)
		b.wantCode("what only the session policy allows", err, "AccessDeniedException")
	})
}

func TestASessionPolicyWithEscapedWildcardsReachesOneRole(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		for _, path := range []string{"/a*b/", "/aXb/", "/a$b/", "/a?b/"} {
			b.account.AddRole(aws.RoleSpec{
				Name: "R" + strings.NewReplacer("*", "star", "?", "mark", "$", "dollar", "/", "").Replace(path), Path: path,
				Trust: lambdaOnly,
			})
		}
		for path, reached := range map[string]string{
			"a${*}b": "Rastarb", "a${?}b": "Ramarkb", "a${$}b": "Radollarb", "a*b": "Rastarb RaXb Radollarb Ramarkb",
		} {
			policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetRole",` +
				`"Resource":"arn:aws:iam::111122223333:role/` + path + `/*"}}`
			key := b.assume(b.admin, &sts.AssumeRoleInput{Policy: &policy})
			for _, name := range []string{"Rastarb", "RaXb", "Radollarb", "Ramarkb"} {
				_, err := b.iam(key).GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name})
				code := "AccessDenied"
				if strings.Contains(reached, name) {
					code = ""
				}
				b.wantCode(path+" "+name, err, code)
			}
		}
	})
}

func TestSourceIdentityAndTagsNeedTheTrustPolicysConsentAndStay(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.AddRole(aws.RoleSpec{
			Name: "Plain", Trust: strings.Replace(trustOwn, `,"sts:TagSession","sts:SetSourceIdentity"`, "", 1),
		})
		plain := awssdk.String("arn:aws:iam::111122223333:role/Plain")
		tags := []types.Tag{{Key: awssdk.String("request"), Value: awssdk.String("rvk-1")}}
		_, err := b.tryAssume(b.admin, &sts.AssumeRoleInput{RoleArn: plain, SourceIdentity: awssdk.String("rosa")})
		b.wantCode("source identity", err, "AccessDenied")
		if err == nil || !strings.Contains(err.Error(), "sts:SetSourceIdentity") {
			t.Errorf("%v does not name the permission", err)
		}
		_, err = b.tryAssume(b.admin, &sts.AssumeRoleInput{RoleArn: plain, Tags: tags})
		b.wantCode("tags", err, "AccessDenied")
		if err == nil || !strings.Contains(err.Error(), "sts:TagSession") {
			t.Errorf("%v does not name the permission", err)
		}

		session := b.assume(b.admin, &sts.AssumeRoleInput{
			SourceIdentity: awssdk.String("rosa"), Tags: tags, TransitiveTagKeys: []string{"request"},
		})
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"rosa",
			"aws:PrincipalTag/request":"rvk-1"}}}]}`
		if err := b.put("Deploy", "all", policy); err != nil {
			t.Fatal(err)
		}
		b.wantCode("both keys are in the context", b.listRoles(session), "AccessDenied")
		b.wantCode("a session without them", b.listRoles(b.assume(b.admin, &sts.AssumeRoleInput{})), "")
		chained := b.assume(session, &sts.AssumeRoleInput{RoleSessionName: awssdk.String("chained")})
		b.wantCode("they stay through a chain", b.listRoles(chained), "AccessDenied")
		_, err = b.tryAssume(session, &sts.AssumeRoleInput{SourceIdentity: awssdk.String("bob")})
		b.wantCode("another source identity", err, "AccessDenied")
		_, err = b.tryAssume(session, &sts.AssumeRoleInput{RoleArn: plain})
		b.wantCode("a chain into a role without consent", err, "AccessDenied")
	})
}

func TestSessionTagsNamesAndPoliciesHaveTheBoundsOfSTS(t *testing.T) {
	tag := func(key, value string) []types.Tag {
		return []types.Tag{{Key: &key, Value: &value}}
	}
	many := func(n, size int) (tags []types.Tag) {
		for i := range n {
			tags = append(tags, tag("k"+strconv.Itoa(i), strings.Repeat("v", size))...)
		}
		return tags
	}
	name := func(s string) sts.AssumeRoleInput { return sts.AssumeRoleInput{RoleSessionName: &s} }
	source := func(s string) sts.AssumeRoleInput { return sts.AssumeRoleInput{SourceIdentity: &s} }
	// filler adds six characters of white space, which count here.
	policy := func(s string) sts.AssumeRoleInput { return sts.AssumeRoleInput{Policy: &s} }
	external := func(s string) sts.AssumeRoleInput { return sts.AssumeRoleInput{ExternalId: &s} }
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		for what, c := range map[string]struct {
			in   sts.AssumeRoleInput
			code string
		}{
			"fifty tags":                    {sts.AssumeRoleInput{Tags: many(50, 1)}, ""},
			"fifty-one":                     {sts.AssumeRoleInput{Tags: many(51, 1)}, "ValidationError"},
			"more than can be packed":       {sts.AssumeRoleInput{Tags: many(20, 256)}, "PackedPolicyTooLarge"},
			"an empty value":                {sts.AssumeRoleInput{Tags: tag("request", "")}, ""},
			"letters of all scripts":        {sts.AssumeRoleInput{Tags: tag("Größe", "二人 _.:/=+-@")}, ""},
			"a comma in a value":            {sts.AssumeRoleInput{Tags: tag("approvers", "bob,ines")}, "ValidationError"},
			"a markup character in a value": {sts.AssumeRoleInput{Tags: tag("approvers", "<@U0BOB>")}, "ValidationError"},
			"a value of 256":                {sts.AssumeRoleInput{Tags: tag("k", strings.Repeat("v", 256))}, ""},
			"a value of 257": {
				sts.AssumeRoleInput{Tags: tag("k", strings.Repeat("v", 257))}, "ValidationError",
			},
			"a key of 129": {
				sts.AssumeRoleInput{Tags: tag(strings.Repeat("k", 129), "v")}, "ValidationError",
			},
			"an empty key": {sts.AssumeRoleInput{Tags: tag("", "v")}, "ValidationError"},
			"a key of AWS's own": {
				sts.AssumeRoleInput{Tags: tag("aws:cloudformation:x", "v")}, "InvalidParameterValue",
			},
			"two keys that differ in case": {
				sts.AssumeRoleInput{Tags: append(tag("Request", "1"), tag("request", "2")...)}, "InvalidParameterValue",
			},
			"a session name of 64":             {name(strings.Repeat("n", 64)), ""},
			"a session name of 65":             {name(strings.Repeat("n", 65)), "ValidationError"},
			"a session name with a slash":      {name("a/b"), "ValidationError"},
			"a source identity of one letter":  {source("r"), "ValidationError"},
			"a source identity of 65":          {source(strings.Repeat("r", 65)), "ValidationError"},
			"a source identity with a space":   {source("rosa b"), "ValidationError"},
			"a session policy of 2,048":        {policy(filler(2042)), ""},
			"a session policy of 2,049":        {policy(filler(2043)), "ValidationError"},
			"an external id of one letter":     {external("x"), "ValidationError"},
			"an external id with a space":      {external("some id"), "ValidationError"},
			"an external id that nobody asked": {external("some-id"), ""},
		} {
			_, err := b.tryAssume(b.admin, &c.in)
			b.wantCode(what, err, c.code)
		}
	})
}

func TestASessionLastsAsLongAsTheRoleAndTheChainAllow(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		fn, err := b.account.AddRole(aws.RoleSpec{
			Name: "fn", Trust: lambdaOnly, Policies: map[string]string{"all": allowAll},
		}), error(nil)
		lambda, err2 := b.account.ServiceSession(fn.Name, "lambda.amazonaws.com", "fn", "eu-west-1")
		if err != nil || err2 != nil || lambda.Expires.Sub(lambda.IssuedAt) != 12*time.Hour {
			t.Fatal(lambda.Expires, err2)
		}
		for name, c := range map[string]struct {
			key     aws.AccessKey
			seconds int32
			code    string
		}{
			"the least":                  {b.admin, 900, ""},
			"less":                       {b.admin, 899, "ValidationError"},
			"the role's maximum":         {b.admin, 4 * 3600, ""},
			"more":                       {b.admin, 4*3600 + 1, "ValidationError"},
			"an hour in a chain":         {session, 3600, ""},
			"more in a chain":            {session, 3601, "ValidationError"},
			"a service does not count":   {lambda, 4 * 3600, ""},
			"more than IAM ever permits": {b.admin, 43_201, "ValidationError"},
		} {
			_, err := b.tryAssume(c.key, &sts.AssumeRoleInput{DurationSeconds: &c.seconds})
			b.wantCode(name, err, c.code)
		}
	})
}

func TestServicesAndIdentityProvidersGetSessionsFromTheRolesThatTrustThem(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		github := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",
			"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
			"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}}}`
		saml := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` +
			`"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/Corp"},"Action":"sts:AssumeRoleWithSAML",` +
			`"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}}`
		b.account.AddRole(aws.RoleSpec{Name: "gh", Trust: github, Policies: map[string]string{"all": allowAll}})
		b.account.AddRole(aws.RoleSpec{Name: "saml", Trust: saml, Policies: map[string]string{"all": allowAll}})
		b.account.AddRole(aws.RoleSpec{Name: "fn", Trust: lambdaOnly, Policies: map[string]string{"all": allowAll}})
		web := func(subject string) aws.WebIdentitySpec {
			return aws.WebIdentitySpec{
				Provider: "token.actions.githubusercontent.com", Subject: subject, SessionName: "GitHubActions",
			}
		}
		fine := map[string]func() (aws.AccessKey, error){
			"web identity": func() (aws.AccessKey, error) { return b.account.WebIdentitySession("gh", web("repo:acme/shop")) },
			"SAML": func() (aws.AccessKey, error) {
				return b.account.SAMLSession("saml", aws.SAMLSpec{Provider: "Corp", User: "carol@example.com"})
			},
			"service": func() (aws.AccessKey, error) {
				return b.account.ServiceSession("fn", "lambda.amazonaws.com", "fn", "eu-west-1")
			},
		}
		for name, issue := range fine {
			key, err := issue()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b.wantCode(name, b.listRoles(key), "")
		}
		refused := map[string]func() (aws.AccessKey, error){
			"another repository": func() (aws.AccessKey, error) {
				return b.account.WebIdentitySession("gh", web("repo:evil/shop"))
			},
			"another provider": func() (aws.AccessKey, error) {
				return b.account.SAMLSession("saml", aws.SAMLSpec{Provider: "Other", User: "eve@example.com"})
			},
			"another service": func() (aws.AccessKey, error) {
				return b.account.ServiceSession("fn", "ec2.amazonaws.com", "i-1", "eu-west-1")
			},
			"no such role": func() (aws.AccessKey, error) {
				return b.account.ServiceSession("none", "ec2.amazonaws.com", "i-1", "eu-west-1")
			},
			"longer than the role allows": func() (aws.AccessKey, error) {
				return b.account.SAMLSession("saml", aws.SAMLSpec{
					Provider: "Corp", User: "carol@example.com", Duration: 2 * time.Hour,
				})
			},
		}
		for name, issue := range refused {
			if key, err := issue(); err == nil {
				t.Errorf("%s got %s", name, key.AccessKeyID)
			}
		}
	})
}
