package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const milli = "2006-01-02T15:04:05.000Z"

func TestASessionIssuedBeforeTheCutoffIsDeniedAfterPropagationAndALaterOneIsNot(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		time.Sleep(10 * time.Second)
		cutoff := b.server.Now().Add(5 * time.Second).Truncate(time.Second)
		written := time.Now()
		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", cutoff.Format(milli))); err != nil {
			t.Fatal(err)
		}
		b.wantCode("before propagation", b.listRoles(old), "")
		time.Sleep(time.Until(written.Add(4*time.Second - time.Millisecond)))
		b.wantCode("a moment before the end of propagation", b.listRoles(old), "")
		time.Sleep(time.Until(written.Add(4 * time.Second)))
		err := b.listRoles(old)
		b.wantCode("after propagation", err, "AccessDenied")
		const want = "User: arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com is not authorized to perform: " +
			"iam:ListRoles on resource: arn:aws:iam::111122223333:role/ with an explicit deny in an identity-based policy"
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("message %v, want %s", err, want)
		}
		b.wantCode("a session issued just before the cutoff", b.listRoles(b.assume(b.admin, &sts.AssumeRoleInput{})),
			"AccessDenied")

		time.Sleep(time.Until(cutoff))
		equal := b.assume(b.admin, &sts.AssumeRoleInput{})
		time.Sleep(time.Second)
		later := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.wantCode("issued at the cutoff", b.listRoles(equal), "")
		b.wantCode("issued after the cutoff", b.listRoles(later), "")
		b.wantCode("the old one still", b.listRoles(old), "AccessDenied")
		b.wantCode("a long-term key has no issue time", b.listRoles(b.admin), "")
	})
}

func TestAnIssueTimeHasWholeSeconds(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		time.Sleep(900 * time.Millisecond) // issued at .9, which is the second's beginning to a condition
		key := b.assume(b.admin, &sts.AssumeRoleInput{})
		second := b.server.Now().Truncate(time.Second)
		for cutoff, code := range map[time.Time]string{second: "", second.Add(time.Millisecond): "AccessDenied"} {
			if err := b.put("Deploy", "AWSRevokeOlderSessions",
				revocation("aws:TokenIssueTime", cutoff.Format(milli))); err != nil {
				t.Fatal(err)
			}
			b.wantCode("cutoff "+cutoff.Format(milli), b.listRoles(key), code)
		}
	})
}

func TestAMisspeltKeyOrADateWithoutZoneIsAcceptedAndDeniesNobody(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		future := b.server.Now().Add(time.Hour)
		for name, document := range map[string]string{
			"misspelt key":            revocation("aws:TokeIssueTime", future.Format(milli)),
			"no zone":                 revocation("aws:TokenIssueTime", future.Format("2006-01-02T15:04:05.0000")),
			"a space for the T":       revocation("aws:TokenIssueTime", future.Format("2006-01-02 15:04:05Z")),
			"only a day":              revocation("aws:TokenIssueTime", future.Add(48*time.Hour).Format("2006-01-02")),
			"a zone without a colon":  revocation("aws:TokenIssueTime", future.Format("2006-01-02T15:04:05+0000")),
			"a comma in the fraction": revocation("aws:TokenIssueTime", future.Format("2006-01-02T15:04:05,000Z")),
		} {
			if err := b.put("Deploy", "AWSRevokeOlderSessions", document); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b.wantCode(name, b.listRoles(old), "")
		}
		for name, document := range map[string]string{
			"UTC":            revocation("aws:TokenIssueTime", future.Format(milli)),
			"another zone":   revocation("AWS:tokenissuetime", future.In(time.FixedZone("", 7200)).Format(time.RFC3339)),
			"epoch seconds":  revocation("aws:TokenIssueTime", "4102444800"),
			"hours, minutes": revocation("aws:TokenIssueTime", future.Format("2006-01-02T15:04Z")),
		} {
			if err := b.put("Deploy", "AWSRevokeOlderSessions", document); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b.wantCode(name, b.listRoles(old), "AccessDenied")
		}
	})
}

func TestGetCallerIdentityWorksUnderAnExplicitDeny(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		b.wantCode("ListRoles", b.listRoles(old), "AccessDenied")
		out, err := b.sts(old, "eu-west-1").GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if *out.UserId != b.deploy.UniqueID+":alice@example.com" || *out.Account != "111122223333" ||
			*out.Arn != "arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com" {
			t.Errorf("identity %s %s %s", *out.UserId, *out.Account, *out.Arn)
		}
	})
}

func TestPropagationCountsForEachWriteByItself(t *testing.T) {
	onBench(t, aws.Config{Propagation: 10 * time.Second}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		deny := revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")
		steps := []struct {
			after time.Duration
			do    func() error
			code  string
		}{
			{0, func() error { return b.put("Deploy", "Deny", deny) }, ""},
			{4 * time.Second, func() error { return b.account.DeleteRolePolicy("Deploy", "Deny") }, ""},
			{6 * time.Second, nil, "AccessDenied"}, // the deny arrives although it is gone from the role
			{4 * time.Second, nil, ""},             // and its removal after it
		}
		for i, step := range steps {
			time.Sleep(step.after)
			if step.do != nil {
				if err := step.do(); err != nil {
					t.Fatal(err)
				}
			}
			if code := codeOf(b.listRoles(old)); code != step.code {
				t.Errorf("step %d: %q, want %q", i, code, step.code)
			}
		}
		b.server.SetPropagation(0)
		if err := b.put("Deploy", "Deny", deny); err != nil {
			t.Fatal(err)
		}
		b.wantCode("without delay", b.listRoles(old), "AccessDenied")
	})
}

func TestAThiefWhoRemovesTheDenyDuringPropagationIsNeverDenied(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.put("Deploy", "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := b.account.DeleteRolePolicy("Deploy", "Deny"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // both writes have arrived
		b.wantCode("afterwards", b.listRoles(old), "")
	})
}
