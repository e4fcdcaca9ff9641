package aws

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestARoleIsDescribedAsIAMHasIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		used := time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC)
		made := b.role(standin.RoleSpec{
			Path: "/ops/", Description: "ships <!channel> & more", MaxSession: 2 * time.Hour, LastUsed: used, LastUsedRegion: "eu-west-1",
		})
		for _, text := range []string{"prod/Deploy", made.ARN, "arn:aws:sts::111122223333:assumed-role/Deploy/anybody"} {
			got := b.describe(text)
			want := Role{
				AccountName: "prod", AccountID: prodID, Partition: "aws",
				Name: "Deploy", Path: "/ops/", ARN: "arn:aws:iam::111122223333:role/ops/Deploy", ID: made.UniqueID,
				Description: "ships <!channel> & more", Created: made.Created, LastUsed: used, LastUsedRegion: "eu-west-1", MaxSession: 2 * time.Hour,
				Trust: []Principal{
					{Kind: PrincipalService, Words: "the service ec2.amazonaws.com"},
					{Kind: PrincipalService, Words: "the service lambda.amazonaws.com"},
				},
				TrustDigest: digestJSON(trustEC2), ServerTime: b.server.Now().Truncate(time.Second),
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0), cmpopts.IgnoreFields(Role{}, "Warnings")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
		}
	})
}

func TestRolesThatMustNotBeTouchedAreRefusedWithWhatToDoInstead(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{Name: "AWSServiceRoleForX", Path: "/aws-service-role/x.amazonaws.com/"})
		b.role(standin.RoleSpec{Name: "AWSReservedSSO_Admin_0c2c54f4de53553c", Path: "/aws-reserved/sso.amazonaws.com/eu-west-1/"})
		b.role(standin.RoleSpec{Name: "Break-Glass-1"})
		b.role(standin.RoleSpec{Path: "/ops/"})
		for _, c := range []struct{ text, reason, part string }{
			{"prod/AWSServiceRoleForX", RefusedServiceLinked, "delete the role through that service"},
			{"prod/AWSReservedSSO_Admin_0c2c54f4de53553c", RefusedIdentityCenter, "identitystore:userId"},
			{"prod/Break-Glass-1", RefusedProtected, `"arn:aws:iam::*:role/*break-glass-*"`},
			{"prod/revokebot-spoke", RefusedOwnRole, "lock revokebot out"},
			{"home/revokebot-hub", RefusedOwnRole, "lock revokebot out"},
			{"arn:aws:iam::111122223333:role/other/Deploy", RefusedOtherPath, `has the path "/ops/", not "/other/"`},
			{"arn:aws:iam::111122223333:role/Deploy", RefusedOtherPath, `not "/"`},
		} {
			target, err := b.cloud.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.cloud.Describe(t.Context(), target)
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || refused.Reason != c.reason || !strings.Contains(refused.Sentence, c.part) || !Final(err) || Explain(err) != refused.Sentence {
				t.Errorf("%s: %v", c.text, err)
			}
		}
	})
}

// The name of the hub's role in another account is nobody's own.
func TestARoleOfTheHubsNameElsewhereIsNotTheBotsOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{Name: "revokebot-hub"})
		b.describe("prod/revokebot-hub")
	})
}

func TestCredentialsOfAnotherAccountAreNoticed(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *Config) { c.Accounts[1].ID = devID }, func(t *testing.T, b *bench) {
		b.hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: trustEC2})
		target, _ := b.cloud.Parse("home/Deploy")
		_, err := b.cloud.Describe(t.Context(), target)
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Reason != RefusedOtherAccount || !strings.Contains(refused.Sentence, devID) || !strings.Contains(refused.Sentence, "arn:aws:sts::"+hubID+":assumed-role/revokebot-hub/i-0hub") {
			t.Errorf("got %v", err)
		}
	})
}

func TestEachFailureOfALookUpHasItsKind(t *testing.T) {
	for _, c := range []struct {
		fault standin.Fault
		kind  error
		final bool
		took  time.Duration // at most
	}{
		{standin.Fault{Action: "GetRole", Code: "AccessDenied"}, ErrAccessDenied, true, time.Second},
		{standin.Fault{Action: "GetRole", Code: "Throttling", Times: -1}, ErrThrottled, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Code: "ServiceFailure", Times: -1}, ErrUnavailable, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Code: "ExpiredToken"}, ErrCredentials, false, time.Second},
		{standin.Fault{Action: "GetRole", Code: "InvalidClientTokenId"}, ErrCredentials, false, time.Second},
		{standin.Fault{Action: "GetRole", Code: "ValidationError", Status: 400}, ErrInvalidRequest, true, time.Second},
		{standin.Fault{Action: "GetRole", HangUp: true, Times: -1}, ErrUnavailable, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Hang: true, Times: -1}, ErrTimeout, false, 10 * time.Second},
		{standin.Fault{Action: "AssumeRole", Code: "AccessDenied"}, ErrAccessDenied, true, time.Second},
		{standin.Fault{Action: "GetCallerIdentity", Code: "ExpiredToken"}, ErrCredentials, false, time.Second},
	} {
		t.Run(c.fault.Action+" "+c.fault.Code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.role(standin.RoleSpec{})
				b.server.Inject(c.fault)
				target, _ := b.cloud.Parse("prod/Deploy")
				began := time.Now()
				_, err := b.cloud.Describe(t.Context(), target)
				call, ok := errors.AsType[*CallError](err)
				if !ok || !errors.Is(err, c.kind) || call.Kind != c.kind {
					t.Fatalf("got %v", err)
				}
				if Final(err) != c.final || time.Since(began) > c.took {
					t.Errorf("final %v after %v", Final(err), time.Since(began))
				}
				if c.fault.Code != "" && (call.Code != c.fault.Code || call.RequestID == "" || !strings.HasSuffix(call.Operation, ":"+c.fault.Action)) {
					t.Errorf("got %+v", call)
				}
				if words := Explain(err); words == "" || strings.Contains(words, call.RequestID) && call.RequestID != "" {
					t.Errorf("explained as %q", words)
				}
			})
		})
	}
}

func TestARoleThatDoesNotExistIsAKindOfItsOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		target, _ := b.cloud.Parse("prod/Nobody")
		_, err := b.cloud.Describe(t.Context(), target)
		if !errors.Is(err, ErrNoSuchRole) || !Final(err) || !strings.Contains(Explain(err), "no such role in account prod") {
			t.Errorf("got %v, %q", err, Explain(err))
		}
	})
}

func TestPassingFailuresAreRetriedByTheSDK(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		b.server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 2})
		b.describe("prod/Deploy")
		if n := len(b.server.Calls("GetRole")); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestCredentialsThatCannotBeHadAreAKindOfTheirOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		config := b.config
		config.SDK.Credentials = noCredentials.Credentials
		cloud, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		err = cloud.Warm(t.Context())
		if !errors.Is(err, ErrCredentials) || Final(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheReadingSessionIsKeptAndRenewedBeforeItEnds(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		if err := b.cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			b.describe("prod/Deploy")
		}
		assumed := func() int { return len(b.server.Calls("AssumeRole")) }
		if n := assumed(); n != 1 {
			t.Errorf("%d sessions for five look-ups", n)
		}
		if n := len(b.server.Calls("GetCallerIdentity")); n != 1 {
			t.Errorf("asked %d times who we are", n)
		}
		time.Sleep(6 * time.Minute)
		if err := b.cloud.Warm(t.Context()); err != nil || assumed() != 1 {
			t.Errorf("after 6 minutes: %v, %d sessions", err, assumed())
		}
		time.Sleep(2 * time.Minute)
		if err := b.cloud.Warm(t.Context()); err != nil || assumed() != 2 {
			t.Errorf("after 8 minutes: %v, %d sessions", err, assumed())
		}
		time.Sleep(14*time.Minute + 30*time.Second)
		b.describe("prod/Deploy")
		if n := assumed(); n != 3 {
			t.Errorf("at the end of the session: %d sessions", n)
		}
	})
}

func TestNobodyWaitsForARenewalWhileTheOldSessionIsGood(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		b.describe("prod/Deploy")
		time.Sleep(8 * time.Minute)
		b.server.Inject(standin.Fault{Action: "AssumeRole", Delay: 5 * time.Second})
		warmed := make(chan error, 1)
		go func() { warmed <- b.cloud.Warm(t.Context()) }()
		time.Sleep(time.Second)
		began := time.Now()
		b.describe("prod/Deploy")
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v", took)
		}
		if err := <-warmed; err != nil {
			t.Error(err)
		}
	})
}

func TestManyWhoNeedASessionOpenOne(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		b.server.Inject(standin.Fault{Action: "AssumeRole", Delay: time.Second})
		target, _ := b.cloud.Parse("prod/Deploy")
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := b.cloud.Describe(t.Context(), target); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(b.server.Calls("AssumeRole")); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestWarmNamesEachAccountThatFails(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *Config) {
		c.Accounts[0].ExternalID = "wrong"
		c.Accounts = append(c.Accounts, Account{Name: "gone", ID: devID, AssumeRole: "arn:aws:iam::" + devID + ":role/gone"})
	}, func(t *testing.T, b *bench) {
		err := b.cloud.Warm(t.Context())
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != 2 {
			t.Fatalf("got %v", err)
		}
		for i, name := range []string{"prod", "gone"} {
			call, ok := errors.AsType[*CallError](joined.Unwrap()[i])
			if !ok || call.Account != name || call.Kind != ErrAccessDenied || call.Operation != "sts:AssumeRole" {
				t.Errorf("%d: %v", i, joined.Unwrap()[i])
			}
		}
	})
}

func TestAReadingSessionThatAWSRefusesIsReplaced(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		b.describe("prod/Deploy")
		b.server.Inject(standin.Fault{Action: "GetRole", Code: "ExpiredToken"})
		target, _ := b.cloud.Parse("prod/Deploy")
		if _, err := b.cloud.Describe(t.Context(), target); !errors.Is(err, ErrCredentials) {
			t.Fatalf("got %v", err)
		}
		b.describe("prod/Deploy")
		if n := len(b.server.Calls("AssumeRole")); n != 2 {
			t.Errorf("%d sessions", n)
		}
	})
}
