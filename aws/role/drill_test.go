package role

import (
	"errors"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// writes is how many calls were made that change a role.
func writes(b *bench) (n int) {
	for _, action := range []string{
		"PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole",
	} {
		n += len(b.Server.Calls(action))
	}
	return n
}

func TestADrillChecksAllThatARevocationNeedsAndWritesNothing(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		const theirs = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}`
		b.Role(standin.RoleSpec{Path: "/ops/", Policies: map[string]string{"all": awsbench.MayAll, policyName: theirs}})
		role := b.describe("prod/Deploy")
		b.Server.Inject(standin.Fault{Times: -1, Delay: 100 * time.Millisecond})
		got, err := b.roles.Rehearse(t.Context(), order(role))
		if err != nil {
			t.Fatal(err)
		}
		if n := writes(b); n != 0 {
			t.Errorf("%d writes", n)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != theirs {
			t.Errorf("on the role: %s", there)
		}
		if len(got.Documents) != 1 || got.Documents[0].Slot.Name != beside {
			t.Fatalf("got %+v", got.Documents)
		}
		if past := cutoffOf(got.Documents[0]).Sub(b.Server.Now()); past < 29*time.Second || past > 33*time.Second {
			t.Errorf("the cutoff lies %v past now", past)
		}
		if got.First != 100*time.Millisecond || got.Second != 100*time.Millisecond {
			t.Errorf("two remote steps: %v and %v", got.First, got.Second)
		}
		size := contain.RoleInline.Size
		if want := size(got.Documents[0].Text) + size(awsbench.MayAll) + size(theirs); got.Size != want ||
			got.SizeUnknown != "" {
			t.Errorf("size %d (%s), want %d", got.Size, got.SizeUnknown, want)
		}
		if !got.Paper.Proven || got.Paper.At.IsZero() || !got.MayWrite || got.MayWriteUnknown != "" {
			t.Errorf("got %+v", got)
		}
		if !got.Own || got.Unnamed || !strings.HasSuffix(got.CallerARN, "/req-1") {
			t.Errorf("session %q, own %v, unnamed %v", got.CallerARN, got.Own, got.Unnamed)
		}
		opened := b.Server.Calls("AssumeRole")
		last := opened[len(opened)-1].Params
		if last["SourceIdentity"] != "U0ALICE" || last["RoleSessionName"] != "req-1" ||
			last["Tags.member.3.Value"] != "U0BOB U0CAROL" {
			t.Errorf("opened with %v", last)
		}
	})
}

// Whatever a bug would do with it: the session that a drill opens is not allowed to.
func TestTheSessionOfADrillCannotWrite(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		r := order(role)
		ready, err := b.roles.prepare(t.Context(), r, toRehearse)
		if err != nil {
			t.Fatal(err)
		}
		// The write of a revocation, with the session of a drill.
		if _, err := b.roles.Apply(t.Context(), ready, r); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("PutRolePolicy: %v", err)
		}
		client := iam.NewFromConfig(b.Config.SDK, func(o *iam.Options) { o.Credentials, o.Region = ready.cred, "us-east-1" })
		_, err = client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String("all"),
		})
		if err := aws.NewCallError("iam:DeleteRolePolicy", "prod", err); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("DeleteRolePolicy: %v", err)
		}
		if document, there := b.Prod.RolePolicy("Deploy", policyName); there {
			t.Errorf("on the role: %s", document)
		}
	})
}

func TestADrillFailsForWhatWouldKeepARevocationFromHappening(t *testing.T) {
	for name, c := range map[string]struct {
		fault  standin.Fault
		change func(b *bench, d *Order)
		kind   error
		words  string
	}{
		"no session": {
			fault: standin.Fault{Action: "AssumeRole", Code: "AccessDenied", Times: -1}, kind: aws.ErrAccessDenied,
			words: "AssumeRole",
		},
		"another role":     {change: func(_ *bench, d *Order) { d.Principal.ID = "AROAOTHER" }, kind: aws.ErrRoleChanged},
		"no role":          {change: func(b *bench, _ *Order) { _ = b.Prod.DeleteRole("Deploy") }, kind: aws.ErrNoSuchRole},
		"throttled":        {fault: standin.Fault{Action: "GetRole", Code: "Throttling", Times: -1}, kind: aws.ErrThrottled},
		"unknown account":  {change: func(_ *bench, d *Order) { d.Principal.AccountName = "nowhere" }, words: "nowhere"},
		"no place":         {change: func(b *bench, _ *Order) { b.taken() }, words: "hold documents"},
		"no room any more": {change: func(b *bench, _ *Order) { fill(b) }, words: "10240"},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				d := order(b.describe("prod/Deploy"))
				if c.change != nil {
					c.change(b, &d)
				}
				if c.fault.Action != "" {
					b.Server.Inject(c.fault)
				}
				got, err := b.roles.Rehearse(t.Context(), d)
				if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(aws.Explain(err), c.words) {
					t.Errorf("got %+v, %v", got, err)
				}
				if n := writes(b); n != 0 {
					t.Errorf("%d writes", n)
				}
			})
		})
	}
}

// taken puts documents of somebody else into both places of a revocation.
func (b *bench) taken() {
	for _, name := range []string{policyName, beside} {
		if err := b.Prod.PutRolePolicy("Deploy", name, awsbench.MayAll); err != nil {
			b.T.Fatal(err)
		}
	}
}

// fill leaves no room for a deny on the role.
func fill(b *bench) {
	full := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` +
		strings.Repeat("x", 9900) + `"}]}`
	if err := b.Prod.PutRolePolicy("Deploy", "more", full); err != nil {
		b.T.Fatal(err)
	}
}

func TestWhatADrillCouldNotFindOutIsSaidAndIsNoError(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		d := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Code: "AccessDenied", Times: -1})
		b.Server.Inject(standin.Fault{Action: "ListRolePolicies", Code: "AccessDenied", Times: -1})
		got, err := b.roles.Rehearse(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if got.Paper.Proven || !strings.Contains(got.Paper.Unavailable, "may not use the policy simulator") ||
			got.MayWrite || got.MayWriteUnknown == "" {
			t.Errorf("the simulator: %+v", got)
		}
		if got.Size != 0 || got.SizeUnknown != "not allowed" {
			t.Errorf("the size: %d, %q", got.Size, got.SizeUnknown)
		}
	})
}

func TestADrillOfAnAccountWithoutARoleToAssumeHasNoSessionOfItsOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Hub.AddRole(standin.RoleSpec{Name: "Local", Trust: awsbench.TrustEC2})
		got, err := b.roles.Rehearse(t.Context(), order(b.describe("home/Local")))
		if err != nil || got.Own || got.CallerARN == "" || writes(b) != 0 {
			t.Errorf("got %+v, %v, %d writes", got, err, writes(b))
		}
	})
}

func TestADrillOfALockAttachesNothingAndProvesIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.mayAll()
		r := b.lock(b.Role(standin.RoleSpec{}))
		got, err := b.roles.Rehearse(t.Context(), r)
		if err != nil || !got.Paper.Proven || !got.MayWrite || len(got.Documents) != 1 ||
			got.Documents[0].Text != b.Prod.DenyAllARN() {
			t.Errorf("got %+v, %v", got, err)
		}
		if n := writes(b); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}
