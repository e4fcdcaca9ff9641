package aws_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func parse(t *testing.T, document string) *aws.Policy {
	t.Helper()
	p, err := aws.ParsePolicy(document)
	if err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	return p
}

func TestADenyWinsAndTheMatchesAreNamed(t *testing.T) {
	r := aws.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for name, c := range map[string]struct {
		policies []string
		want     aws.Result
	}{
		"nothing": {nil, aws.Result{Decision: aws.ImplicitDeny}},
		"allowed": {[]string{allowAll}, aws.Result{Decision: aws.Allowed, Matched: []aws.Match{{}}}},
		"another action": {
			[]string{`{"Statement":{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}}`},
			aws.Result{Decision: aws.ImplicitDeny},
		},
		"denied before an allow": {
			[]string{
				`{"Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"S3:get*",` +
					`"Resource":"arn:aws:s3:::b/*"}]}`, allowAll,
			},
			aws.Result{Decision: aws.ExplicitDeny, Matched: []aws.Match{{Statement: 1, Deny: true}, {Policy: 1}}},
		},
	} {
		var policies []*aws.Policy
		for _, p := range c.policies {
			policies = append(policies, parse(t, p))
		}
		if d := cmp.Diff(c.want, aws.Evaluate(r, policies...)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	var unknown aws.Decision
	if unknown == aws.Allowed || unknown.String() != "unknown" || aws.ExplicitDeny.String() != "explicitDeny" {
		t.Error("the zero decision is unknown")
	}
}

func TestActionsAndResourcesMatchAsInIAM(t *testing.T) {
	ctx := aws.Context{"aws:username": {"al*ce"}, "aws:PrincipalTag/team": {"shop"}}
	for _, c := range []struct {
		element, action, resource string
		want                      bool
	}{
		{`"Action":"iam:GetRole","Resource":"*"`, "iam:getrole", "*", true},
		{`"Action":"iam:Get?ole","Resource":"*"`, "iam:GetRole", "*", true},
		{`"Action":"iam:Get?ole","Resource":"*"`, "iam:GetRRole", "*", false},
		{`"NotAction":["iam:*","sts:*"],"Resource":"*"`, "iam:GetRole", "*", false},
		{`"NotAction":["iam:*","sts:*"],"Resource":"*"`, "s3:GetObject", "*", true},
		{`"Action":"*","Resource":"arn:aws:iam::1:role/a*b"`, "x:y", "arn:aws:iam::1:role/a/x/b", true},
		{`"Action":"*","Resource":"arn:aws:iam::1:role/a*b"`, "x:y", "arn:aws:iam::1:role/a/x/bc", false},
		{`"Action":"*","Resource":"arn:aws:iam::1:role/A"`, "x:y", "arn:aws:iam::1:role/a", false},
		{`"Action":"*","NotResource":"arn:aws:iam::1:role/a"`, "x:y", "arn:aws:iam::1:role/a", false},
		{`"Action":"*","NotResource":"arn:aws:iam::1:role/a"`, "x:y", "arn:aws:iam::1:role/b", true},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"`, "x:y", "arn:aws:s3:::al*ce/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"`, "x:y", "arn:aws:s3:::alice/k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*"`, "x:y", "arn:aws:s3:::shop/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:none}/*"`, "x:y", "arn:aws:s3:::/k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:none, 'def'}/*"`, "x:y", "arn:aws:s3:::def/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::a${*}b"`, "x:y", "arn:aws:s3:::a*b", true},
		{`"Action":"*","Resource":"arn:aws:s3:::a${*}b"`, "x:y", "arn:aws:s3:::axb", false},
		{`"Action":"*","Resource":"arn:aws:s3:::a${$}{x}"`, "x:y", "arn:aws:s3:::a${x}", true},
	} {
		p := parse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+c.element+`}}`)
		got := aws.Evaluate(aws.Request{Action: c.action, Resource: c.resource, Context: ctx}, p).Decision == aws.Allowed
		if got != c.want {
			t.Errorf("%s with %s on %s: %v", c.element, c.action, c.resource, got)
		}
	}
	old := parse(t, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*",`+
		`"Resource":"arn:aws:s3:::${aws:username}"}}`)
	if aws.Evaluate(aws.Request{Action: "x:y", Resource: "arn:aws:s3:::${aws:username}", Context: ctx},
		old).Decision != aws.Allowed {
		t.Error("before 2012 a policy variable is plain text")
	}
}

func TestConditionsHoldAsInIAM(t *testing.T) {
	ctx := aws.Context{
		"aws:TokenIssueTime": {"2026-11-22T10:00:00Z"}, "aws:PrincipalArn": {"arn:aws:iam::111122223333:role/ops/Deploy"},
		"aws:userid": {"AROAX:alice"}, "aws:SourceIp": {"203.0.113.66"}, "aws:TagKeys": {"a", "b"}, "x:number": {"5"},
		"aws:MultiFactorAuthPresent": {"false"},
	}
	for _, c := range []struct {
		condition string
		want      bool
	}{
		{`"StringEquals":{"aws:userid":["x","AROAX:alice"]}`, true},
		{`"StringEquals":{"AWS:UserId":"arOAX:alice"}`, false},
		{`"StringEqualsIgnoreCase":{"aws:userid":"arOAX:alice"}`, true},
		{`"StringNotEquals":{"aws:userid":["x","AROAX:alice"]}`, false},
		{`"StringNotEquals":{"aws:none":"x"}`, true},
		{`"StringEquals":{"aws:none":"x"}`, false},
		{`"StringEqualsIfExists":{"aws:none":"x"}`, true},
		{`"StringEqualsIfExists":{"aws:userid":"x"}`, false},
		{`"StringLike":{"aws:userid":"AROAX:*"}`, true},
		{`"StringNotLike":{"aws:userid":"AROAX:*"}`, false},
		{`"StringEquals":{"aws:userid":"AROAX:*"}`, false},
		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/ops/*"}`, true},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/dev/*"}`, false},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:*role/ops/Deploy"}`, false},
		{`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/dev/*"}`, true},
		{`"Bool":{"aws:MultiFactorAuthPresent":"False"}`, true},
		{`"Bool":{"aws:MultiFactorAuthPresent":true}`, false},
		{`"BoolIfExists":{"aws:none":true}`, true},
		{`"Null":{"aws:none":"true"}`, true},
		{`"Null":{"aws:TokenIssueTime":true}`, false},
		{`"Null":{"aws:TokenIssueTime":"false"}`, true},
		{`"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, false},
		{`"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:00:00.001Z"}`, true},
		{`"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T12:00:00+02:00"}`, false},
		{`"DateLessThan":{"aws:TokenIssueTime":1795341601}`, true},
		{`"DateLessThan":{"aws:TokenIssueTime":"2027-11-22T10:00:00"}`, false},
		{`"DateLessThan":{"aws:TokenIssueTime":"2027-13-22T10:00:00Z"}`, false},
		{`"DateLessThan":{"aws:TokeIssueTime":"2027-11-22T10:00:00Z"}`, false},
		{`"DateLessThanEquals":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, true},
		{`"DateGreaterThan":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, false},
		{`"DateGreaterThan":{"aws:TokenIssueTime":"2026-11-22T09:59Z"}`, true},
		{`"DateGreaterThanEquals":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, true},
		{`"DateEquals":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, true},
		{`"DateNotEquals":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, false},
		{`"NumericLessThan":{"x:number":6}`, true},
		{`"NumericLessThanEquals":{"x:number":"5"}`, true},
		{`"NumericGreaterThan":{"x:number":5}`, false},
		{`"NumericGreaterThanEquals":{"x:number":5}`, true},
		{`"NumericEquals":{"x:number":"5.0"}`, true},
		{`"NumericNotEquals":{"x:number":5}`, false},
		{`"NumericEquals":{"x:number":"five"}`, false},
		{`"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}`, true},
		{`"NotIpAddress":{"aws:SourceIp":"203.0.113.66"}`, false},
		{`"IpAddress":{"aws:SourceIp":"somewhere"}`, false},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["b","c"]}`, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["b","c"]}`, false},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}`, true},
		{`"ForAllValues:StringEquals":{"aws:none":["a"]}`, true},
		{`"ForAnyValue:StringEquals":{"aws:none":["a"]}`, false},
		{`"StringEquals":{"aws:userid":"AROAX:alice"},"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:00:00Z"}`, false},
		{`"StringEquals":{"aws:userid":"${aws:userid}"}`, true},
		{`"StringEquals":{"aws:userid":"${aws:none}"}`, false},
	} {
		p := parse(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+
			c.condition+`}}}`)
		if got := aws.Evaluate(aws.Request{Action: "x:y", Resource: "*", Context: ctx},
			p).Decision == aws.Allowed; got != c.want {
			t.Errorf("%s: %v", c.condition, got)
		}
	}
}
