package aws

import (
	stdcmp "cmp"
	"context"
	"errors"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws/contain"
)

// noCredentials is enough for what makes no call.
var noCredentials = awssdk.Config{
	Credentials: awssdk.CredentialsProviderFunc(func(context.Context) (awssdk.Credentials, error) {
		return awssdk.Credentials{}, errors.New("no call was expected")
	}),
}

var (
	prod  = Account{Name: "prod", ID: "111122223333", Partition: "aws"}
	dev   = Account{Name: "dev", ID: "444455556666", Partition: "aws"}
	china = Account{Name: "china", ID: "777788889999", Partition: "aws-cn"}
)

func offline(t testing.TB, c Config) *Cloud {
	t.Helper()
	if c.SDK.Credentials == nil {
		c.SDK = noCredentials
	}
	cloud, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

func TestAReferenceIsUnderstoodInEachOfItsForms(t *testing.T) {
	cloud := offline(t, Config{Accounts: []Account{prod, dev, china}, DefaultAccount: "prod"})
	for text, want := range map[string]Target{
		"Deploy":                          {Account: prod, RoleName: "Deploy"},
		"  Deploy ":                       {Account: prod, RoleName: "Deploy"},
		"dev/Deploy":                      {Account: dev, RoleName: "Deploy"},
		"a+b=c,d.e@f-":                    {Account: prod, RoleName: "a+b=c,d.e@f-"},
		"\u3000\u2003Deploy\u202f":        {Account: prod, RoleName: "Deploy"},
		"prod/Deploy:":                    {Account: prod, RoleName: "Deploy"},
		"Deploy;":                         {Account: prod, RoleName: "Deploy"},
		"Deploy.":                         {Account: prod, RoleName: "Deploy."}, // IAM knows whether it ends so
		"DEV/Deploy":                      {Account: dev, RoleName: "Deploy"},
		"444455556666/Deploy":             {Account: dev, RoleName: "Deploy"},
		"4444-5555-6666/Deploy":           {Account: dev, RoleName: "Deploy"},
		"AROAEXAMPLEEXAMPLE123:s-1":       {Account: prod, RoleName: "AROAEXAMPLEEXAMPLE123"},
		"dev/AROAEXAMPLEEXAMPLE123:i@x.y": {Account: dev, RoleName: "AROAEXAMPLEEXAMPLE123"},
		"https://us-east-1.console.aws.amazon.com/iam/home?region=eu-west-1#/roles/details/De%2Bploy?section=permissions": {
			Account: prod, RoleName: "De+ploy",
		},
		"https://444455556666-x1y2z3.us-east-1.console.aws.amazon.com/iam/home#/roles/details/Deploy": {
			Account: dev, RoleName: "Deploy",
		},
		"https://console.aws.amazon.com/iam/home#/roles/Deploy":             {Account: prod, RoleName: "Deploy"},
		"dev/https://console.aws.amazon.com/iam/home?#/roles/Deploy":        {Account: dev, RoleName: "Deploy"},
		"china/https://console.amazonaws.cn/iam/home#/roles/details/Deploy": {Account: china, RoleName: "Deploy"},
		"arn:aws:iam::111122223333:role/a//<https://x'\"`\\>/Deploy": {
			Account: prod, RoleName: "Deploy", Path: "/a//<https://x'\"`\\>/",
			GivenARN: "arn:aws:iam::111122223333:role/a//<https://x'\"`\\>/Deploy",
		},
		"arn:aws:iam::111122223333:role/Deploy": {
			Account: prod, RoleName: "Deploy", Path: "/", GivenARN: "arn:aws:iam::111122223333:role/Deploy",
		},
		"arn:aws:iam::444455556666:user/ops/alice": {
			Kind: contain.User, Account: dev, RoleName: "alice", Path: "/ops/",
			GivenARN: "arn:aws:iam::444455556666:user/ops/alice",
		},
		"arn:aws:iam::444455556666:role/ops/eu/Deploy": {
			Account: dev, RoleName: "Deploy", Path: "/ops/eu/", GivenARN: "arn:aws:iam::444455556666:role/ops/eu/Deploy",
		},
		"arn:aws:iam::111122223333:role/o*p?s$/Deploy": {
			Account: prod, RoleName: "Deploy", Path: "/o*p?s$/", GivenARN: "arn:aws:iam::111122223333:role/o*p?s$/Deploy",
		},
		"arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com": {
			Account: prod, RoleName: "Deploy", GivenARN: "arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com",
		},
		"arn:aws-cn:iam::777788889999:role/Deploy": {
			Account: china, RoleName: "Deploy", Path: "/", GivenARN: "arn:aws-cn:iam::777788889999:role/Deploy",
		},
	} {
		got, err := cloud.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestWhatNamesNoRoleIsRefusedWithASentence(t *testing.T) {
	cloud := offline(t, Config{Accounts: []Account{prod, dev, china}})
	for _, c := range []struct{ text, part string }{
		{"", "No role was given"},
		{"   ", "No role was given"},
		{"Deploy", "say which: prod/Deploy, dev/Deploy or china/Deploy."},
		{"stage/Deploy", `no account "stage"`},
		{"prod/", "missing after the slash"},
		{"/Deploy", `no account ""`},
		{"prod/ops/Deploy", "Only one slash"},
		{"prod/De ploy", "cannot be a role name"},
		{"prod/Dep\x00loy", `Dep\x00loy`},
		{"prod/Dep\nloy", `Dep\nloy`},
		{"prod/Dеploy", `\u0435`}, // a Cyrillic letter
		{"prod/Deploy\u200b", `\u200b`},
		{"prod/\xffDeploy", `\xff`},
		{`prod/"Deploy"`, `is in no role name`},
		{"prod/'Deploy'", `is in no role name`},
		{"prod/`Deploy`", `\x60`},
		{"<!channel>", `\x3c`},
		{"prod/Deploy&co", `\x26`},
		{"prod/" + strings.Repeat("a", 65), "at most 64"},
		{strings.Repeat("a", 5000), "too long"},
		{"arn:aws:iam::111122223333:role", "not the ARN of a role"},
		{"arn:aws:iam::111122223333:role/", "missing"},
		{"arn:aws:iam::111122223333", "not a complete ARN"},
		{"arn:aws:iam::1111:role/Deploy", "not a complete ARN"},
		{"arn:aws:iam:us-east-1:111122223333:role/Deploy", "not a complete ARN"},
		{"arn:aws:iam::111122223333:role/a b/Deploy", "not a complete ARN"},
		{"arn:aws:iam::111122223333:role/a/De<ploy", "cannot be a role name"},
		{"444455557777/Deploy", `no account "444455557777"`},
		{"4444-5555-6666/", "missing after the slash"},
		{"AROAEXAMPLEEXAMPLE123:a b", "cannot be a role name"},
		{"AROAEXAMPLEEXAMPLE123:session", "prod/AROAEXAMPLEEXAMPLE123"},
		{"https://evil.example/iam/home#/roles/details/Deploy", "Only one slash"},
		{
			"prod/https://444455556666-x1y2z3.us-east-1.console.aws.amazon.com/iam/home#/roles/Deploy",
			"of account 444455556666, not of prod",
		},
		{"https://console.aws.amazon.com.evil.example/iam/home#/roles/Deploy", "Only one slash"},
		{"https://console.aws.amazon.com/iam/home#/users/details/alice", "Only one slash"},
		{"https://console.aws.amazon.com/iam/home#/roles/details/De%3cploy", `\x3c`},
		{"https://console.aws.amazon.com/iam/home#/roles/details/Deploy", "prod/Deploy"},
		{"arn:AWS:iam::111122223333:role/Deploy", "not a complete ARN"},
		{"arn:aws:sts::111122223333:assumed-role/Deploy", "ARN of a session"},
		{"arn:aws:sts::111122223333:assumed-role/Deploy/a/b", "ARN of a session"},
		{"arn:aws:sts::111122223333:federated-user/alice", "access key id (ASIA…)"},
		{"arn:aws:iam::111122223333:user/", "missing"},
		{"arn:aws:iam::999999999999:user/alice", "Account 999999999999 is not configured here"},
		{"arn:aws:iam::111122223333:policy/Deploy", "not the ARN of a role"},
		{"arn:aws:iam::111122223333:root", "Sign in as root"},
		{"arn:aws:s3:::bucket", `service "s3"`},
		{"arn:aws:lambda:us-east-1:111122223333:function:f", `service "lambda"`},
		{
			"arn:aws-us-gov:iam::111122223333:role/Deploy",
			`"aws-us-gov", and account prod (111122223333) is in aws`,
		},
		{
			"arn:aws:iam::999999999999:role/Deploy",
			"Configured are: prod (111122223333), dev (444455556666), china",
		},
	} {
		got, err := cloud.Parse(c.text)
		input, ok := errors.AsType[*RefusedError](err)
		if !ok {
			t.Errorf("%q: got %+v, %v", c.text, got, err)
			continue
		}
		if !strings.Contains(input.Sentence, c.part) {
			t.Errorf("%q: %s", c.text, input.Sentence)
		}
		if Explain(err) != input.Sentence || !Final(err) {
			t.Errorf("%q: Explain %q, Final %v", c.text, Explain(err), Final(err))
		}
	}
}

func TestForeignTextIsRepeatedShortAndHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"":                       `""`,
		"a\"b\n":                 `"a\"b\n"`,
		"<@U1> & `x`":            `"\x3c@U1\x3e \x26 \x60x\x60"`,
		"é":                      `"\u00e9"`,
		strings.Repeat("é", 64):  `"` + strings.Repeat(`\u00e9`, 64) + `"`,
		strings.Repeat("a", 65):  `"` + strings.Repeat("a", 64) + `"…`,
		strings.Repeat("a", 900): `"` + strings.Repeat("a", 64) + `"…`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestManyAccountsMakeAShortSentence(t *testing.T) {
	var many []Account
	for _, c := range "abcdefghijklmnop" {
		many = append(many, Account{Name: string(c), ID: strings.Repeat(string('0'+c%10), 11) + string('0'+c/10%10)})
	}
	cloud := offline(t, Config{Accounts: many})
	_, err := cloud.Parse("Deploy")
	if got := Explain(err); !strings.HasSuffix(got, "j/Deploy or 6 more.") {
		t.Error(got)
	}
}

// FuzzParse holds for every text: a role that is named fits IAM's rules, and a sentence repeats
// nothing that a chat program or a terminal would act upon.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"Deploy", "prod/Deploy", "arn:aws:iam::111122223333:role/ops/Deploy", "<!channel>", "`x`", "prod/\x00", "дeploy",
		"arn:aws:sts::111122223333:assumed-role/Deploy/s1", "arn:aws:iam::444455556666:user/x", strings.Repeat("/", 100),
	} {
		f.Add(seed)
	}
	one := offline(f, Config{Accounts: []Account{prod}})
	two := offline(f, Config{Accounts: []Account{prod, dev}})
	f.Fuzz(func(t *testing.T, text string) {
		for _, cloud := range []*Cloud{one, two} {
			target, err := cloud.Parse(text)
			if err == nil {
				if !rolePattern.MatchString(target.RoleName) || target.Account.ID == "" {
					t.Errorf("%q became %+v", text, target)
				}
				if target.Path != "" && !strings.HasSuffix(target.GivenARN,
					":"+string(stdcmp.Or(target.Kind, contain.Role))+target.Path+target.RoleName) {
					t.Errorf("%q became %+v", text, target)
				}
				continue
			}
			input, ok := errors.AsType[*RefusedError](err)
			if !ok {
				t.Fatalf("%q: %v", text, err)
			}
			for _, r := range input.Sentence {
				if (r < 0x20 || r > 0x7e) && r != '…' || strings.ContainsRune("<>&`", r) {
					t.Errorf("%q: %q repeats %q", text, input.Sentence, r)
				}
			}
			if len(input.Sentence) > 1500 {
				t.Errorf("%q: a sentence of %d bytes", text, len(input.Sentence))
			}
		}
	})
}
