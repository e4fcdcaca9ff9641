package aws_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func TestAFaultStrikesTheCallsItNamesAsOftenAsItSays(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "ServiceFailure", Times: 2})
		b.server.Inject(aws.Fault{Service: "sts", Code: "AccessDenied", Times: -1})
		b.server.Inject(aws.Fault{AccountID: "444455556666", Code: "AccessDenied", Times: -1})
		b.server.Inject(aws.Fault{Region: "eu-north-1", Code: "RegionDisabledException", Times: -1})
		b.wantCode("the SDK tries three times", b.listRoles(b.admin), "")
		if n := len(b.server.Calls("ListRoles")); n != 3 {
			t.Errorf("%d calls", n)
		}
		for range 3 {
			_, err := b.tryAssume(b.admin, &sts.AssumeRoleInput{})
			b.wantCode("until cleared", err, "AccessDenied")
		}
		b.server.ClearFaults()
		b.assume(b.admin, &sts.AssumeRoleInput{})
	})
}

func TestAFaultCanStrikeEachSecondCallAndLeaveTheOthersToTheNextOne(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "Throttling", Every: 2, Times: -1})
		for range 3 {
			b.wantCode("one time or the other", b.listRoles(b.admin), "")
		}
		var got []int
		for _, c := range b.server.Calls("ListRoles") {
			got = append(got, c.Status)
		}
		if want := []int{200, 400, 200, 400, 200}; !slices.Equal(got, want) {
			t.Errorf("answered with %v, want %v", got, want)
		}
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "AccessDenied", Times: -1})
		b.wantCode("throttled, then denied by the other fault", b.listRoles(b.admin), "AccessDenied")
		b.wantCode("and again", b.listRoles(b.admin), "AccessDenied")
		if n := len(b.server.Calls("ListRoles")); n != 9 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestThrottlingIsOvercomeByTheSDK(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "Throttling", Times: 2})
		start := time.Now()
		b.wantCode("throttled twice", b.listRoles(b.admin), "")
		if d := time.Since(start); d < 10*time.Millisecond {
			t.Errorf("it waited only %v", d)
		}
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "Throttling", Times: 3})
		err := b.listRoles(b.admin)
		b.wantCode("throttled three times", err, "Throttling")
	})
}

func TestAFaultAfterDoingLeavesTheDeedDone(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		deny := revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")
		b.server.Inject(aws.Fault{Action: "PutRolePolicy", HangUp: true, AfterDoing: true})
		b.wantCode("the SDK tries again", b.put("Deploy", "p", deny), "")
		calls := b.server.Calls("PutRolePolicy")
		if len(calls) != 2 || calls[0].Status != 0 {
			t.Errorf("%+v", calls)
		}
		b.server.Inject(aws.Fault{Action: "PutRolePolicy", Code: "AccessDenied", AfterDoing: true})
		b.wantCode("done, then failed", b.put("Deploy", "q", deny), "AccessDenied")
		if _, ok := b.account.RolePolicy("Deploy", "q"); !ok {
			t.Error("it was not done")
		}
		b.server.Inject(aws.Fault{Action: "PutRolePolicy", Code: "AccessDenied"})
		b.wantCode("failed", b.put("Deploy", "r", deny), "AccessDenied")
		if _, ok := b.account.RolePolicy("Deploy", "r"); ok {
			t.Error("it was done")
		}
	})
}

func TestASlowCallIsSlowAndAHangingOneEndsWithItsClient(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.Inject(aws.Fault{Delay: 100 * time.Millisecond})
		start := time.Now()
		b.wantCode("slow", b.listRoles(b.admin), "")
		if d := time.Since(start); d != 102*time.Millisecond {
			t.Errorf("it took %v", d)
		}
		for name, f := range map[string]aws.Fault{"hanging": {Hang: true}, "very slow": {Delay: time.Hour}} {
			b.server.Inject(f)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := b.iam(b.admin).ListRoles(ctx, &iam.ListRolesInput{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
	})
}

func TestCloseLetsGoOfHangingCallsAndMayBeCalledTwice(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.Inject(aws.Fault{Hang: true, Times: -1})
		failed := make(chan error)
		go func() { failed <- b.listRoles(b.admin) }()
		synctest.Wait()
		select {
		case err := <-failed:
			t.Fatalf("it did not hang: %v", err)
		default:
		}
		_ = b.server.Close()
		_ = b.server.Close()
		if err := <-failed; err == nil {
			t.Error("an answer after Close")
		}
		if status, _, _ := b.send(raw{key: b.admin}); status != 503 {
			t.Errorf("status %d after Close", status)
		}
	})
}

func TestEveryCallIsLoggedAndToldToSubscribers(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := b.server.Subscribe(ctx)
		start := time.Now()
		_, _ = b.iam(b.admin).GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Nope")})
		got := <-calls
		if got.Service != "iam" || got.Action != "GetRole" || got.Region != "us-east-1" || got.AccountID != "111122223333" ||
			got.PrincipalARN != "arn:aws:iam::111122223333:user/admin" || got.AccessKeyID != b.admin.AccessKeyID ||
			got.Params["RoleName"] != "Nope" || got.Status != 404 || got.Code != "NoSuchEntity" || !got.At.Equal(start) {
			t.Errorf("%+v", got)
		}
		for range 300 { // nobody reads: the server must not wait
			b.send(raw{key: b.admin})
		}
		if n := len(b.server.Calls("")); n != 301 {
			t.Errorf("%d calls", n)
		}
		cancel()
		synctest.Wait()
		n := 0
		for range calls {
			n++
		}
		if n != 256 {
			t.Errorf("%d calls were kept for a slow reader", n)
		}
		_ = b.server.Close()
		if _, open := <-b.server.Subscribe(t.Context()); open {
			t.Error("a subscription to a closed server is open")
		}
	})
}

func TestManyClientsAtOnce(t *testing.T) {
	onBench(t, aws.Config{Propagation: time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		done := make(chan error)
		for i := range 8 {
			go func() {
				var err error
				for range 20 {
					name := string(rune('a' + i))
					err = errors.Join(err, b.put("Deploy", name, allowAll), b.listRoles(b.admin),
						b.account.DeleteRolePolicy("Deploy", name))
					_, e := b.tryAssume(b.admin, &sts.AssumeRoleInput{})
					err = errors.Join(err, e)
				}
				done <- err
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if r, _ := b.account.Role("Deploy"); len(r.Policies) != 1 {
			t.Errorf("policies %v", r.Policies)
		}
	})
}
