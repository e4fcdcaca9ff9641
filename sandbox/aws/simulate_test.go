package aws_test

import (
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func entry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
}

func (b *bench) simulate(k aws.AccessKey, in *iam.SimulatePrincipalPolicyInput) ([]types.EvaluationResult, error) {
	if in.PolicySourceArn == nil {
		in.PolicySourceArn = awssdk.String(deployARN)
	}
	if in.ActionNames == nil {
		in.ActionNames = []string{"s3:ListAllMyBuckets"}
	}
	out, err := b.iam(k).SimulatePrincipalPolicy(b.t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.EvaluationResults, nil
}

// one simulates one action and tells the decision, the policies of the matched statements, and the
// missing keys.
func (b *bench) one(in *iam.SimulatePrincipalPolicyInput) string {
	b.t.Helper()
	results, err := b.simulate(b.admin, in)
	if err != nil || len(results) != 1 {
		b.t.Fatalf("%v, %v", results, err)
	}
	var sources []string
	for _, s := range results[0].MatchedStatements {
		sources = append(sources, *s.SourcePolicyId)
	}
	return string(results[0].EvalDecision) + " [" + strings.Join(sources, " ") + "] [" +
		strings.Join(results[0].MissingContextValues, " ") + "]"
}

func TestTheSimulatorTellsOldSessionsFromNewOnesByTheKeyItIsGiven(t *testing.T) {
	onBench(t, aws.Config{Propagation: 1 << 40}, func(t *testing.T, b *bench) { // stored is enough
		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", "2026-11-22T10:01:31.000Z")); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ value, want string }{
			{"2026-11-22T10:01:30Z", "explicitDeny [role_Deploy_AWSRevokeOlderSessions] []"},
			{"2026-11-22T10:01:31Z", "allowed [role_Deploy_all] []"},
			{"2026-11-22T10:01:32Z", "allowed [role_Deploy_all] []"},
			{"", "allowed [role_Deploy_all] [aws:TokenIssueTime]"},
		} {
			in := &iam.SimulatePrincipalPolicyInput{}
			if c.value != "" {
				in.ContextEntries = []types.ContextEntry{entry("aws:TokenIssueTime", types.ContextKeyTypeEnumDate, c.value)}
			}
			if got := b.one(in); got != c.want {
				t.Errorf("issued %q: %s, want %s", c.value, got, c.want)
			}
		}
		misspelt := revocation("aws:TokeIssueTime", "2026-11-22T10:01:31.000Z")
		if err := b.put("Deploy", "AWSRevokeOlderSessions", misspelt); err != nil {
			t.Fatal(err)
		}
		in := &iam.SimulatePrincipalPolicyInput{
			ContextEntries: []types.ContextEntry{
				entry("aws:TokenIssueTime", types.ContextKeyTypeEnumDate, "2020-01-01T00:00:00Z"),
			},
		}
		if got, want := b.one(in), "allowed [role_Deploy_all] [aws:TokeIssueTime]"; got != want {
			t.Errorf("a misspelt key: %s, want %s", got, want)
		}
	})
}

func TestTheSimulatorLooksAtEachResource(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		role := b.account.AddRole(aws.RoleSpec{
			Name: "Narrow", Trust: lambdaOnly,
			Policies: map[string]string{
				"some": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PutRolePolicy",` +
					`"Resource":"arn:aws:iam::*:role/a*"},{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:role/ab",` +
					`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
			},
			Managed: map[string]string{
				"arn:aws:iam::aws:policy/ReadOnly": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*",` +
					`"Resource":"*"}}`,
			},
		})
		results, err := b.simulate(b.admin, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &role.ARN, ActionNames: []string{"iam:PutRolePolicy", "iam:GetRole"},
			ResourceArns: []string{"arn:aws:iam::111122223333:role/ab", "arn:aws:iam::111122223333:role/b"},
		})
		if err != nil || len(results) != 2 {
			t.Fatal(results, err)
		}
		put, get := results[0], results[1]
		if put.EvalDecision != "implicitDeny" || get.EvalDecision != "allowed" ||
			*get.MatchedStatements[0].SourcePolicyId != "ReadOnly" {
			t.Errorf("put %+v, get %+v", put, get)
		}
		parts := put.ResourceSpecificResults
		if len(parts) != 2 || parts[0].EvalResourceDecision != "allowed" || parts[1].EvalResourceDecision != "implicitDeny" ||
			len(parts[0].MissingContextValues) != 1 || parts[0].MissingContextValues[0] != "aws:SecureTransport" ||
			len(parts[1].MissingContextValues) != 0 {
			t.Errorf("by resource: %+v", parts)
		}
	})
}

func TestTheOrganizationsDenyMatchesNoStatement(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		if err := b.account.SetSCP(
			`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		results, err := b.simulate(b.admin, &iam.SimulatePrincipalPolicyInput{
			ActionNames: []string{"s3:GetObject", "ec2:RunInstances"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.EvalDecision != "explicitDeny" || len(r.MatchedStatements) != 0 ||
			r.OrganizationsDecisionDetail.AllowedByOrganizations {
			t.Errorf("denied: %+v", r)
		}
		if r := results[1]; r.EvalDecision != "allowed" || !r.OrganizationsDecisionDetail.AllowedByOrganizations {
			t.Errorf("not concerned: %+v", r)
		}
	})
}

func TestTheSimulatorNeedsPermissionOnThePrincipalAndRefusesWhatItDoesNotKnow(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		limited := b.account.AddUser(aws.UserSpec{Name: "limited", Policies: map[string]string{
			"one": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"` +
				deployARN + `"}}`,
		}})
		other := b.account.AddRole(aws.RoleSpec{Name: "Other", Trust: lambdaOnly})
		_, err := b.simulate(limited, &iam.SimulatePrincipalPolicyInput{})
		b.wantCode("its own role", err, "")
		_, err = b.simulate(limited, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &other.ARN})
		b.wantCode("another role", err, "AccessDenied")
		_ = b.assume(b.admin, &sts.AssumeRoleInput{})
		date := types.ContextKeyTypeEnumDate
		for what, c := range map[string]struct {
			in   iam.SimulatePrincipalPolicyInput
			code string
		}{
			"no such role": {
				iam.SimulatePrincipalPolicyInput{PolicySourceArn: awssdk.String("arn:aws:iam::111122223333:role/Nobody")},
				"NoSuchEntity",
			},
			"another path": {
				iam.SimulatePrincipalPolicyInput{PolicySourceArn: awssdk.String("arn:aws:iam::111122223333:role/Deploy")},
				"NoSuchEntity",
			},
			"a session": {
				iam.SimulatePrincipalPolicyInput{PolicySourceArn: awssdk.String("arn:aws:sts::111122223333:assumed-role/Deploy/x")},
				"InvalidInput",
			},
			"another account": {
				iam.SimulatePrincipalPolicyInput{PolicySourceArn: awssdk.String("arn:aws:iam::444455556666:role/Deploy")},
				"InvalidInput",
			},
			"no date": {
				iam.SimulatePrincipalPolicyInput{
					ContextEntries: []types.ContextEntry{entry("aws:TokenIssueTime", date, "yesterday")},
				}, "InvalidInput",
			},
			"two dates": {
				iam.SimulatePrincipalPolicyInput{
					ContextEntries: []types.ContextEntry{
						entry("aws:TokenIssueTime", date, "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
					},
				}, "InvalidInput",
			},
			"no such type": {
				iam.SimulatePrincipalPolicyInput{
					ContextEntries: []types.ContextEntry{entry("aws:TokenIssueTime", "time", "2020-01-01T00:00:00Z")},
				}, "ValidationError",
			},
			"a wildcard":       {iam.SimulatePrincipalPolicyInput{ActionNames: []string{"s3:*"}}, "ValidationError"},
			"no action":        {iam.SimulatePrincipalPolicyInput{ActionNames: []string{}}, "ValidationError"},
			"a caller":         {iam.SimulatePrincipalPolicyInput{CallerArn: awssdk.String(deployARN)}, "ValidationError"},
			"an input as well": {iam.SimulatePrincipalPolicyInput{PolicyInputList: []string{"{"}}, "InvalidInput"},
		} {
			_, err := b.simulate(b.admin, &c.in)
			b.wantCode(what, err, c.code)
		}
	})
}
