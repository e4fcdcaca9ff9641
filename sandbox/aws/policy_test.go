package aws_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func TestADocumentThatIAMRefusesIsRefused(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":` + s + `}` }
	for name, c := range map[string]struct{ document, message string }{
		"no JSON":       {`{`, "Syntax errors in policy."},
		"more after it": {allowAll + "x", "Syntax errors in policy."},
		"a list":        {`[]`, "Syntax errors in policy."},
		"a name twice": {
			statement(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`), "Syntax errors in policy.",
		},
		"another version": {strings.Replace(allowAll, "2012", "2013", 1), "Syntax errors in policy."},
		"an unknown member": {
			statement(`{"Effect":"Allow","Action":"*","Resource":"*","Note":"x"}`), "Syntax errors in policy.",
		},
		"an unknown element": {strings.Replace(allowAll, `{`, `{"Name":"x",`, 1), "Syntax errors in policy."},
		"a name in lower":    {statement(`{"effect":"Allow","Action":"*","Resource":"*"}`), "Syntax errors in policy."},
		"no statement":       {`{"Version":"2012-10-17"}`, "Syntax errors in policy."},
		"no statements":      {statement(`[]`), "Syntax errors in policy."},
		"no effect":          {statement(`{"Action":"*","Resource":"*"}`), "Syntax errors in policy."},
		"another effect":     {statement(`{"Effect":"deny","Action":"*","Resource":"*"}`), "Syntax errors in policy."},
		"no action":          {statement(`{"Effect":"Allow","Resource":"*"}`), "Policy statement must contain actions."},
		"both actions": {
			statement(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`),
			"Policy statement must contain actions.",
		},
		"no resource": {statement(`{"Effect":"Allow","Action":"*"}`), "Policy statement must contain resources."},
		"an action, unprefixed": {
			statement(`{"Effect":"Allow","Action":"GetRole","Resource":"*"}`),
			"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
		},
		"a resource that is no ARN": {
			statement(`{"Effect":"Allow","Action":"*","Resource":"role/x"}`), `Resource role/x must be in ARN format or "*".`,
		},
		"a principal": {
			statement(`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}`),
			"Policy document should not specify a principal.",
		},
		"an unknown operator": {
			statement(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLess":{"aws:TokenIssueTime":"x"}}}`),
			"Invalid Condition type : DateLess.",
		},
		"a condition without a key": {
			statement(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":"x"}}`),
			"Syntax errors in policy.",
		},
		"a value that is an object": {
			statement(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":{}}}}`),
			"Syntax errors in policy.",
		},
		"a number as action": {statement(`{"Effect":"Deny","Action":1,"Resource":"*"}`), "Syntax errors in policy."},
		"a Sid with a space": {
			statement(`{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*"}`),
			"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
		},
		"a Sid twice": {
			statement(`[{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*",` +
				`"Resource":"*"}]`),
			"Statement IDs (SID) in a single policy must be unique.",
		},
		"a letter that is not allowed": {
			strings.Replace(allowAll, "2012", "2012\u2028", 1), "The policy contains invalid characters.",
		},
	} {
		_, err := aws.ParsePolicy(c.document)
		if e, ok := errors.AsType[*aws.PolicyError](err); !ok || e.Message != c.message {
			t.Errorf("%s: %v, want %s", name, err, c.message)
		}
	}
}

func TestATrustPolicyThatIAMRefusesIsRefused(t *testing.T) {
	a := aws.New(aws.Config{}).AddAccount("111122223333", "")
	trust := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + rest + `}}`
	}
	for name, document := range map[string]string{
		"no principal":             trust(`"Action":"sts:AssumeRole"`),
		"a resource":               trust(`"Action":"sts:AssumeRole","Principal":"*","Resource":"*"`),
		"another service's action": trust(`"Action":"iam:GetRole","Principal":"*"`),
		"everything":               trust(`"Action":"*","Principal":"*"`),
		"a wildcard in an ARN":     trust(`"Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/*"}`),
		"a bare name":              trust(`"Action":"sts:AssumeRole","Principal":{"AWS":"alice"}`),
		"a kind that is unknown":   trust(`"Action":"sts:AssumeRole","Principal":{"Aws":"*"}`),
		"no service":               trust(`"Action":"sts:AssumeRole","Principal":{"Service":"lambda"}`),
		"NotPrincipal":             trust(`"Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}`),
		"nobody":                   trust(`"Action":"sts:AssumeRole","Principal":{}`),
	} {
		if _, err := a.NewRole(aws.RoleSpec{Name: "x", Trust: document}); codeOfPlain(err) != "MalformedPolicyDocument" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, principal := range map[string]string{
		"everybody": `"*"`, "everybody in AWS": `{"AWS":"*"}`, "an account": `{"AWS":"444455556666"}`,
		"root":      `{"AWS":"arn:aws:iam::444455556666:root"}`,
		"a session": `{"AWS":"arn:aws:sts::444455556666:assumed-role/r/s"}`, "a unique id": `{"AWS":"AROAEXAMPLEDEPLOY0001"}`,
		"several": `{"AWS":["444455556666"],"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`,
		"social":  `{"Federated":"accounts.google.com"}`,
	} {
		if _, err := a.NewRole(aws.RoleSpec{
			Name: strings.ReplaceAll(name, " ", "-"), Trust: trust(`"Action":"sts:AssumeRole","Principal":` + principal),
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// codeOfPlain reads the code from the errors of the Go API, whose text begins with it.
func codeOfPlain(err error) string {
	if err == nil {
		return ""
	}
	code, _, _ := strings.Cut(err.Error(), ":")
	return code
}

func TestAFixtureThatAWSWouldRefusePanics(t *testing.T) {
	a := aws.New(aws.Config{}).AddAccount("111122223333", "")
	for name, add := range map[string]func(){
		"role": func() { a.AddRole(aws.RoleSpec{Name: "x", Trust: "{"}) },
		"user": func() { a.AddUser(aws.UserSpec{Name: "a b"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			add()
		}()
	}
}

func FuzzAPolicyIsReadOrRefusedAndEvaluated(f *testing.F) {
	f.Add(allowAll, "iam:GetRole")
	f.Add(revocation("aws:TokenIssueTime", "2026-11-22T10:01:31.000Z"), "s3:GetObject")
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"a:*",`+
		`"NotResource":"arn:aws:x:::${aws:userid, 'd'}${*}"}}`, "b:c")
	f.Fuzz(func(t *testing.T, document, action string) {
		p, err := aws.ParsePolicy(document)
		if err != nil {
			if _, ok := errors.AsType[*aws.PolicyError](err); !ok {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		r := aws.Request{
			Action: action, Resource: "arn:aws:x:::d*", Context: aws.Context{"aws:TokenIssueTime": {"2000-01-01T00:00:00Z"}},
		}
		alone := aws.Evaluate(r, p).Decision
		all, err := aws.ParsePolicy(allowAll)
		if err != nil {
			t.Fatal(err)
		}
		if both := aws.Evaluate(r, all, p).Decision; (alone == aws.ExplicitDeny) != (both == aws.ExplicitDeny) ||
			both == aws.ImplicitDeny {
			t.Fatalf("alone %v, beside an allow %v", alone, both)
		}
	})
}
