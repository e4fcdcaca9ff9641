package aws_test

import (
	"cmp"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func TestEverySessionOfARoleIsDeniedOnceAWSDenyAllIsEnforcedAndCanStillSayWhoItIs(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		b.server.SetRegionPropagation("eu-west-1", 10*time.Second)
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.wantCode("attach", b.attach(b.admin, "Deploy", denyAll), "")
		if got := b.attached("Deploy", ""); got != "AWSDenyAll="+denyAll {
			t.Errorf("a read right after the write: %s", got)
		}
		attached := time.Now()
		b.wantCode("before propagation", b.listRoles(old), "")
		time.Sleep(time.Until(attached.Add(4 * time.Second)))
		fresh := b.assume(b.admin, &sts.AssumeRoleInput{})
		for what, key := range map[string]aws.AccessKey{"an old session": old, "a new session": fresh} {
			err := b.listRoles(key)
			b.wantCode(what, err, "AccessDenied")
			const want = "is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111122223333:role/ " +
				"with an explicit deny in an identity-based policy: " + denyAll
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
			if code := b.enforcedIn(key, "eu-west-1"); code != "" {
				t.Errorf("%s in a region that the write has not reached: %s", what, code)
			}
			if _, err := b.sts(key, "us-east-1").GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
				t.Errorf("%s: GetCallerIdentity: %v", what, err)
			}
		}
		time.Sleep(time.Until(attached.Add(10 * time.Second)))
		if code := b.enforcedIn(old, "eu-west-1"); code != "AccessDeniedException" {
			t.Errorf("in that region at last: %q", code)
		}
		b.wantCode("its administrator goes on", b.listRoles(b.admin), "")

		b.wantCode("detach", b.detach(b.admin, "Deploy", denyAll), "")
		b.wantCode("the removal has not arrived", b.listRoles(old), "AccessDenied")
		time.Sleep(4 * time.Second)
		b.wantCode("the old session is alive again", b.listRoles(old), "")
	})
}

func TestAThiefWhoDetachesThePolicyDuringPropagationIsNeverDenied(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second}, func(t *testing.T, b *bench) {
		stolen := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.wantCode("attach", b.attach(b.admin, "Deploy", denyAll), "")
		time.Sleep(time.Second)
		b.wantCode("the thief", b.detach(stolen, "Deploy", denyAll), "")
		time.Sleep(3*time.Second + time.Millisecond)
		b.wantCode("the policy arrives although it is detached", b.listRoles(stolen), "AccessDenied")
		time.Sleep(time.Second)
		b.wantCode("and its removal after it", b.listRoles(stolen), "")
	})
}

func TestADenialNamesTheManagedPolicyItComesFromAndNoInlineOne(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		role := b.withManaged()
		other := b.server.AddAccount("444455556666", "")
		elsewhere := other.AddRole(aws.RoleSpec{Name: "Cross", Trust: trustOwn})
		key := b.assume(b.admin, &sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::111122223333:role/" + role)})
		const explicit = " with an explicit deny in an identity-based policy"
		ends := func(what, want string) {
			t.Helper()
			if err := b.listRoles(key); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
		if err := b.put(role, "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		ends("an inline policy, beside managed ones that do not apply", explicit)
		b.wantCode("attach", b.attach(b.admin, role, denyAll), "")
		ends("both", explicit+": "+denyAll)
		if err := b.account.DeleteRolePolicy(role, "Deny"); err != nil {
			t.Fatal(err)
		}
		ends("the managed policy", explicit+": "+denyAll)
		_, err := b.tryAssume(key, &sts.AssumeRoleInput{RoleArn: &elsewhere.ARN})
		if err == nil || !strings.HasSuffix(err.Error(), explicit) {
			t.Errorf("a call into another account: %v, want no ARN", err)
		}
		_, _ = b.tryAssume(key, &sts.AssumeRoleInput{})
		last := b.deeds("eu-west-1", key.AccessKeyID)
		if got := last[len(last)-1].Message; !strings.HasSuffix(got, explicit+": "+denyAll) {
			t.Errorf("CloudTrail says %s", got)
		}
	})
}

func TestThePolicyArnOfTheRequestIsAConditionKey(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		role := b.withManaged()
		for condition, want := range map[string]map[string]string{
			`{"ArnEquals":{"iam:PolicyARN":"` + denyAll + `"}}`:                      {denyAll: "", readOnly: "AccessDenied"},
			`{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::aws:policy/job-function/*"}}`: {denyAll: "AccessDenied", readOnly: ""},
			`{"ArnNotEquals":{"iam:policyarn":"` + denyAll + `"}}`:                   {denyAll: "AccessDenied", readOnly: ""},
			`{"StringEquals":{"iam:PolicyARN":"` + denyAll + `"}}`:                   {denyAll: "", readOnly: "AccessDenied"},
			`{"Null":{"iam:PolicyARN":"true"}}`: {
				denyAll: "AccessDenied", readOnly: "AccessDenied",
			},
		} {
			key := b.account.AddUser(aws.UserSpec{Name: "locker", Policies: map[string]string{
				"p": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*",` +
					`"Action":["iam:AttachRolePolicy","iam:DetachRolePolicy"],"Condition":` + condition + `}}`,
			}})
			for policy, code := range want {
				b.wantCode(condition+": attach "+policy, b.attach(key, role, policy), code)
				b.wantCode("by an administrator", b.attach(b.admin, role, policy), "")
				b.wantCode(condition+": detach "+policy, b.detach(key, role, policy), code)
			}
			if err := b.account.DeleteUser("locker"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheSimulatorFindsAWSDenyAllForEveryActionAndEveryIssueTime(t *testing.T) {
	onBench(t, aws.Config{Propagation: time.Hour}, func(t *testing.T, b *bench) {
		if got := b.one(&iam.SimulatePrincipalPolicyInput{}); got != "allowed [role_Deploy_all] []" {
			t.Errorf("before: %s", got)
		}
		b.wantCode("attach", b.attach(b.admin, "Deploy", denyAll), "")
		for _, issued := range []string{"2020-01-01T00:00:00Z", "2026-11-22T10:01:31Z", "2099-01-01T00:00:00Z", ""} {
			for _, action := range []string{"s3:ListAllMyBuckets", "iam:DetachRolePolicy", "sts:AssumeRole", "anything:AtAll"} {
				in := &iam.SimulatePrincipalPolicyInput{ActionNames: []string{action}}
				if issued != "" {
					in.ContextEntries = []types.ContextEntry{entry("aws:TokenIssueTime", types.ContextKeyTypeEnumDate, issued)}
				}
				if got, want := b.one(in), "explicitDeny [AWSDenyAll] []"; got != want {
					t.Errorf("%s of a session of %q: %s, want %s", action, issued, got, want)
				}
			}
		}
		err := b.put("Deploy", "AWSRevokeOlderSessions", revocation("aws:TokenIssueTime", "2026-11-22T10:01:31.000Z"))
		if err != nil {
			t.Fatal(err)
		}
		for issued, want := range map[string]string{
			"2020-01-01T00:00:00Z": "explicitDeny [role_Deploy_AWSRevokeOlderSessions AWSDenyAll] []",
			"2099-01-01T00:00:00Z": "explicitDeny [AWSDenyAll] []",
		} {
			in := &iam.SimulatePrincipalPolicyInput{ContextEntries: []types.ContextEntry{
				entry("aws:TokenIssueTime", types.ContextKeyTypeEnumDate, issued),
			}}
			if got := b.one(in); got != want {
				t.Errorf("beside a revocation, a session of %s: %s, want %s", issued, got, want)
			}
		}
		results, err := b.simulate(b.admin, &iam.SimulatePrincipalPolicyInput{
			ResourceArns: []string{"arn:aws:s3:::a", "arn:aws:s3:::b"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results[0].ResourceSpecificResults {
			source := r.MatchedStatements[0]
			if r.EvalResourceDecision != "explicitDeny" || *source.SourcePolicyId != "AWSDenyAll" ||
				source.SourcePolicyType != "IAM Policy" {
				t.Errorf("%+v", r)
			}
		}
		b.wantCode("detach", b.detach(b.admin, "Deploy", denyAll), "")
		if got := b.one(&iam.SimulatePrincipalPolicyInput{}); got != "allowed [role_Deploy_all] [aws:TokenIssueTime]" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func TestEachPartitionAndEveryAccountHasItsAWSDenyAll(t *testing.T) {
	for partition, want := range map[string]string{
		"": denyAll, "aws-cn": "arn:aws-cn:iam::aws:policy/AWSDenyAll",
		"aws-us-gov": "arn:aws-us-gov:iam::aws:policy/AWSDenyAll",
	} {
		a := aws.New(aws.Config{}).AddAccount("444455556666", partition)
		a.AddRole(aws.RoleSpec{Name: "R", Trust: strings.ReplaceAll(lambdaOnly, "aws:", cmp.Or(partition, "aws")+":")})
		if got := a.DenyAllARN(); got != want {
			t.Errorf("%q: %s", partition, got)
		}
		if err := a.AttachRolePolicy("R", want); err != nil {
			t.Errorf("%q: %v", partition, err)
		}
		if err := a.DetachRolePolicy("R", want); err != nil {
			t.Errorf("%q: %v", partition, err)
		}
	}
}

// randomPolicy makes a document of the kinds that roles have.
func randomPolicy(r *rand.Rand) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	var statements []string
	for range 1 + r.IntN(4) {
		effect := one("Allow", "Allow", "Deny")
		actions := one("Action", "Action", "NotAction") + `":"` +
			one("*", "iam:*", "iam:Get*", "iam:ListRoles", "s3:*", "sts:AssumeRole", "cloudtrail:LookupEvents")
		resources := one("Resource", "Resource", "NotResource") + `":"` +
			one("*", deployARN, "arn:aws:iam::*:role/*", "arn:aws:s3:::a")
		condition := one("", "", `,"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31Z"}}`,
			`,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`,
			`,"Condition":{"StringNotEquals":{"aws:SourceIdentity":"x"}}`)
		statements = append(statements, `{"Effect":"`+effect+`","`+actions+`","`+resources+`"`+condition+`}`)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestAttachingAWSDenyAllNeverAllowsACallThatWasNotAllowed(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 4))
	lock, err := aws.ParsePolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	actions := []string{
		"iam:GetRole", "iam:ListRoles", "s3:GetObject", "sts:AssumeRole", "cloudtrail:LookupEvents", "ec2:RunInstances",
	}
	resources := []string{"*", deployARN, "arn:aws:s3:::a", "arn:aws:s3:::b"}
	allowed := 0
	for range 2000 {
		var policies []*aws.Policy
		for range r.IntN(4) {
			p, err := aws.ParsePolicy(randomPolicy(r))
			if err != nil {
				t.Fatal(err)
			}
			policies = append(policies, p)
		}
		request := aws.Request{
			Action: actions[r.IntN(len(actions))], Resource: resources[r.IntN(len(resources))],
			Context: aws.Context{
				"aws:TokenIssueTime":         {"20" + strconv.Itoa(20+r.IntN(10)) + "-01-01T00:00:00Z"},
				"aws:MultiFactorAuthPresent": {"false"},
			},
		}
		if aws.Evaluate(request, policies...).Decision == aws.Allowed {
			allowed++
		}
		if got := aws.Evaluate(request, append(policies, lock)...).Decision; got != aws.ExplicitDeny {
			t.Fatalf("%+v: %v", request, got)
		}
	}
	if allowed < 100 {
		t.Errorf("only %d requests were allowed before, so this shows little", allowed)
	}
}

// The same on the wire, where a role has managed policies too, and for old and new sessions.
func TestNoCallOfARandomRoleIsAnsweredBetterAfterTheLock(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		r := rand.New(rand.NewPCG(14, 5))
		answered := 0
		for i := range 30 {
			name := "Random" + strconv.Itoa(i)
			spec := aws.RoleSpec{Name: name, Trust: trustOwn, Policies: map[string]string{}, Managed: map[string]string{}}
			for j := range r.IntN(3) {
				spec.Policies["p"+strconv.Itoa(j)] = randomPolicy(r)
				spec.Managed["arn:aws:iam::111122223333:policy/"+name+strconv.Itoa(j)] = randomPolicy(r)
			}
			role := b.account.AddRole(spec)
			open := func() aws.AccessKey { return b.assume(b.admin, &sts.AssumeRoleInput{RoleArn: &role.ARN}) }
			calls := func(key aws.AccessKey) (n int) {
				_, get := b.iam(key).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Deploy")})
				_, onward := b.tryAssume(key, &sts.AssumeRoleInput{})
				attach, detach := b.attach(key, name, denyAll), b.detach(key, name, denyAll)
				for _, err := range []error{get, onward, b.listRoles(key), attach, detach} {
					if err == nil {
						n++
					}
				}
				if b.enforcedIn(key, "eu-west-1") == "" {
					n++
				}
				return n
			}
			old := open()
			answered += calls(old)
			b.wantCode("attach", b.attach(b.admin, name, denyAll), "")
			// Deploy's trust names the account, so without an own allow nothing is left.
			if n := calls(old) + calls(open()); n != 0 {
				t.Errorf("%s: %d calls are answered: %v", name, n, spec)
			}
		}
		if answered < 10 {
			t.Errorf("only %d calls were answered before, so this shows little", answered)
		}
	})
}
