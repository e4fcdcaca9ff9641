package role

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestARoleIsDescribedAsIAMHasIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		used := time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC)
		made := b.Role(standin.RoleSpec{
			Path: "/ops/", Description: "ships <!channel> & more", MaxSession: 2 * time.Hour, LastUsed: used,
			LastUsedRegion: "eu-west-1",
		})
		for _, text := range []string{"prod/Deploy", made.ARN, "arn:aws:sts::111122223333:assumed-role/Deploy/anybody"} {
			got := b.describe(text)
			want := Role{
				Principal: contain.Principal{
					Kind: contain.Role, AccountName: "prod", AccountID: awsbench.ProdID, Partition: "aws",
					Name: "Deploy", Path: "/ops/", ARN: "arn:aws:iam::111122223333:role/ops/Deploy", ID: made.UniqueID,
				},
				Created: made.Created, LastUsed: used, LastUsedRegion: "eu-west-1",
				MaxSession: 2 * time.Hour,
				Trust: []Principal{
					{Words: "the service ec2.amazonaws.com"},
					{Words: "the service lambda.amazonaws.com"},
				},
				TrustDigest: digestJSON(awsbench.TrustEC2), ServerTime: b.Server.Now().Truncate(time.Second),
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0), cmpopts.IgnoreFields(Role{}, "Warnings")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
		}
	})
}

func TestRolesThatMustNotBeTouchedAreRefusedWithWhatToDoInstead(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Name: "AWSServiceRoleForX", Path: "/aws-service-role/x.amazonaws.com/"})
		b.Role(standin.RoleSpec{
			Name: "AWSReservedSSO_Admin_0c2c54f4de53553c", Path: "/aws-reserved/sso.amazonaws.com/eu-west-1/",
		})
		b.Role(standin.RoleSpec{Name: "Break-Glass-1"})
		b.Role(standin.RoleSpec{Path: "/ops/"})
		for _, c := range []struct{ text, part string }{
			{"prod/AWSServiceRoleForX", "delete the role through that service"},
			{"prod/AWSReservedSSO_Admin_0c2c54f4de53553c", "identitystore:userId"},
			{"prod/Break-Glass-1", `"arn:aws:iam::*:role/*break-glass-*"`},
			{"prod/revokebot-spoke", "lock revokebot out"},
			{"home/revokebot-hub", "lock revokebot out"},
			{"arn:aws:iam::111122223333:role/other/Deploy", `has the path "/ops/", not "/other/"`},
			{"arn:aws:iam::111122223333:role/Deploy", `not "/"`},
		} {
			target, err := b.Cloud.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
			refused, ok := errors.AsType[*aws.RefusedError](err)
			if !ok || !strings.Contains(refused.Sentence, c.part) || !aws.Final(err) ||
				aws.Explain(err) != refused.Sentence {
				t.Errorf("%s: %v", c.text, err)
			}
		}
	})
}

// The name of the hub's role in another account is nobody's own.
func TestARoleOfTheHubsNameElsewhereIsNotTheBotsOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Name: "revokebot-hub"})
		b.describe("prod/revokebot-hub")
	})
}

func TestCredentialsOfAnotherAccountAreNoticed(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) { c.Accounts[1].ID = awsbench.DevID }, func(t *testing.T, b *bench) {
		b.Hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: awsbench.TrustEC2})
		target, _ := b.Cloud.Parse("home/Deploy")
		_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
		refused, ok := errors.AsType[*aws.RefusedError](err)
		if !ok || !strings.Contains(refused.Sentence, awsbench.DevID) ||
			!strings.Contains(refused.Sentence, "arn:aws:sts::"+awsbench.HubID+":assumed-role/revokebot-hub/i-0hub") {
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
		{standin.Fault{Action: "GetRole", Code: "AccessDenied"}, aws.ErrAccessDenied, true, time.Second},
		{standin.Fault{Action: "GetRole", Code: "Throttling", Times: -1}, aws.ErrThrottled, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Code: "ServiceFailure", Times: -1}, aws.ErrUnavailable, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Code: "ExpiredToken", Times: -1}, aws.ErrCredentials, false, time.Second},
		{standin.Fault{Action: "GetRole", Code: "InvalidClientTokenId"}, aws.ErrCredentials, false, time.Second},
		{standin.Fault{Action: "GetRole", Code: "ValidationError", Status: 400}, aws.ErrInvalidRequest, true, time.Second},
		{standin.Fault{Action: "GetRole", HangUp: true, Times: -1}, aws.ErrUnavailable, false, 10 * time.Second},
		{standin.Fault{Action: "GetRole", Hang: true, Times: -1}, aws.ErrTimeout, false, 10 * time.Second},
		{standin.Fault{Action: "AssumeRole", Code: "AccessDenied"}, aws.ErrAccessDenied, true, time.Second},
		{standin.Fault{Action: "GetCallerIdentity", Code: "ExpiredToken"}, aws.ErrCredentials, false, time.Second},
	} {
		t.Run(c.fault.Action+" "+c.fault.Code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				b.Server.Inject(c.fault)
				target, _ := b.Cloud.Parse("prod/Deploy")
				began := time.Now()
				_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
				call, ok := errors.AsType[*aws.CallError](err)
				if !ok || !errors.Is(err, c.kind) || call.Kind != c.kind {
					t.Fatalf("got %v", err)
				}
				if aws.Final(err) != c.final || time.Since(began) > c.took {
					t.Errorf("final %v after %v", aws.Final(err), time.Since(began))
				}
				if c.fault.Code != "" && (call.Code != c.fault.Code || call.RequestID == "" ||
					!strings.HasSuffix(call.Operation, ":"+c.fault.Action)) {
					t.Errorf("got %+v", call)
				}
				if words := aws.Explain(err); words == "" || strings.Contains(words, call.RequestID) && call.RequestID != "" {
					t.Errorf("explained as %q", words)
				}
			})
		})
	}
}

func TestARoleThatDoesNotExistIsAKindOfItsOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		target, _ := b.Cloud.Parse("prod/Nobody")
		_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
		if !errors.Is(err, aws.ErrNoSuchRole) || !aws.Final(err) ||
			!strings.Contains(aws.Explain(err), "No such role in account prod") {
			t.Errorf("got %v, %q", err, aws.Explain(err))
		}
	})
}

func TestPassingFailuresAreRetriedByTheSDK(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.Server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 2})
		b.describe("prod/Deploy")
		if n := len(b.Server.Calls("GetRole")); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestCredentialsThatCannotBeHadAreAKindOfTheirOwn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		config := b.Config
		config.SDK.Credentials = awssdk.CredentialsProviderFunc(func(context.Context) (awssdk.Credentials, error) {
			return awssdk.Credentials{}, errors.New("no role, no profile")
		})
		cloud, err := aws.New(config)
		if err != nil {
			t.Fatal(err)
		}
		err = cloud.Warm(t.Context())
		if !errors.Is(err, aws.ErrCredentials) || aws.Final(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheReadingSessionIsKeptAndRenewedBeforeItEnds(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		if err := b.Cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			b.describe("prod/Deploy")
		}
		assumed := func() int { return len(b.Server.Calls("AssumeRole")) }
		if n := assumed(); n != 1 {
			t.Errorf("%d sessions for five look-ups", n)
		}
		if n := len(b.Server.Calls("GetCallerIdentity")); n != 1 {
			t.Errorf("asked %d times who we are", n)
		}
		time.Sleep(6 * time.Minute)
		if err := b.Cloud.Warm(t.Context()); err != nil || assumed() != 1 {
			t.Errorf("after 6 minutes: %v, %d sessions", err, assumed())
		}
		time.Sleep(2 * time.Minute)
		if err := b.Cloud.Warm(t.Context()); err != nil || assumed() != 2 {
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
		b.Role(standin.RoleSpec{})
		b.describe("prod/Deploy")
		time.Sleep(8 * time.Minute)
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Delay: 5 * time.Second})
		warmed := make(chan error, 1)
		go func() { warmed <- b.Cloud.Warm(t.Context()) }()
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
		b.Role(standin.RoleSpec{})
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Delay: time.Second})
		target, _ := b.Cloud.Parse("prod/Deploy")
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(b.Server.Calls("AssumeRole")); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestWarmNamesEachAccountThatFails(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.Accounts[0].ExternalID = "wrong"
		c.Accounts = append(c.Accounts, aws.Account{
			Name: "gone", ID: awsbench.DevID, AssumeRole: "arn:aws:iam::" + awsbench.DevID + ":role/gone",
		})
	}, func(t *testing.T, b *bench) {
		err := b.Cloud.Warm(t.Context())
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != 2 {
			t.Fatalf("got %v", err)
		}
		for i, name := range []string{"prod", "gone"} {
			call, ok := errors.AsType[*aws.CallError](joined.Unwrap()[i])
			if !ok || call.Account != name || call.Kind != aws.ErrAccessDenied || call.Operation != "sts:AssumeRole" {
				t.Errorf("%d: %v", i, joined.Unwrap()[i])
			}
		}
	})
}

func TestNoCommandIsRefusedForAReadingSessionThatExpired(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.describe("prod/Deploy")
		sessions := 1
		for _, code := range []string{"ExpiredToken", "ExpiredTokenException"} {
			b.Server.Inject(standin.Fault{Action: "GetRole", Code: code})
			b.describe("prod/Deploy")
			if sessions++; len(b.Server.Calls("AssumeRole")) != sessions {
				t.Errorf("%s: %d sessions", code, len(b.Server.Calls("AssumeRole")))
			}
		}
		b.Server.Inject(standin.Fault{Action: "GetRole", Code: "InvalidClientTokenId"})
		target, _ := b.Cloud.Parse("prod/Deploy")
		if _, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil); !errors.Is(err, aws.ErrCredentials) {
			t.Errorf("got %v", err)
		}
		b.describe("prod/Deploy") // with another one
		if n := len(b.Server.Calls("AssumeRole")); n != sessions+1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestNoCallIsRefusedForAmbientCredentialsThatExpired(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.Hub.AddRole(standin.RoleSpec{Name: "Home", Trust: awsbench.TrustEC2})
		got := 0
		config := b.Config
		config.SDK.Credentials = awssdk.NewCredentialsCache(awssdk.CredentialsProviderFunc(
			func(ctx context.Context) (awssdk.Credentials, error) {
				got++
				return b.Config.SDK.Credentials.Retrieve(ctx)
			}))
		cloud, err := aws.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range []standin.Fault{
			{Action: "GetCallerIdentity", Code: "ExpiredToken"},
			{Action: "AssumeRole", Code: "ExpiredTokenException"},
			{Action: "ListRoles", Code: "ExpiredToken"},
		} {
			b.Server.Inject(f)
			if err := cloud.Warm(t.Context()); err != nil {
				t.Errorf("%s: %v", f.Action, err)
			}
			if err := New(cloud).LoadRoles(t.Context(), "home"); err != nil {
				t.Errorf("%s: %v", f.Action, err)
			}
			if i == 1 {
				continue // both faults are of the first round
			}
			time.Sleep(listFresh + 15*time.Minute)
		}
		if got < 3 {
			t.Errorf("the credentials were got %d times", got)
		}
	})
}

func TestNoPassingRefusalOfAnotherChangeEndsARequest(t *testing.T) {
	for _, code := range []string{"EntityTemporarilyUnmodifiable", "ConcurrentModification"} {
		onBench(t, nil, func(t *testing.T, b *bench) {
			b.Role(standin.RoleSpec{})
			about := b.describe("prod/Deploy")
			b.Server.Inject(standin.Fault{Action: "PutRolePolicy", Code: code, Status: 409, Times: 2})
			if _, err := b.apply(order(about)); err != nil {
				t.Errorf("%s twice: %v", code, err)
			}
			b.Server.Inject(standin.Fault{Action: "GetRole", Code: code, Status: 409, Times: -1})
			_, err := b.apply(order(about))
			if !errors.Is(err, aws.ErrBusy) || aws.Final(err) || !strings.Contains(aws.Explain(err), "making another change") {
				t.Errorf("%s for good: %v", code, err)
			}
		})
	}
}

func TestNoRetryIsLostAfterAnOutage(t *testing.T) {
	for _, mode := range []awssdk.RetryMode{"", awssdk.RetryModeStandard, awssdk.RetryModeAdaptive} {
		onBench(t, func(_ *standin.Config, c *aws.Config) {}, func(t *testing.T, b *bench) {
			b.Role(standin.RoleSpec{})
			config := b.Config
			config.SDK.RetryMode, config.SDK.Retryer = mode, nil
			cloud, err := aws.New(config)
			if err != nil {
				t.Fatal(err)
			}
			target, _ := cloud.Parse("prod/Deploy")
			look := func() error { _, err := New(cloud).Look(t.Context(), target, nil); return err }
			b.Server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 400})
			for range 200 {
				_ = look()
			}
			b.Server.ClearFaults()
			b.Server.Inject(standin.Fault{Action: "GetRole", Code: "Throttling", Times: 2})
			if err := look(); err != nil {
				t.Errorf("mode %q: %v", mode, err)
			}
		})
	}
}

func TestNoRoleIsMissedForWhatIsTypedBehindOrInsteadOfItsName(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		made := b.Role(standin.RoleSpec{Path: "/ops/"})
		b.Role(standin.RoleSpec{Name: "Dotted."})
		b.Role(standin.RoleSpec{Name: "AROADECOYDECOYDECOY12"})
		for text, want := range map[string]string{
			"prod/Deploy.": "Deploy", "prod/Deploy,": "Deploy", "111122223333/Deploy...": "Deploy",
			"arn:aws:iam::111122223333:role/ops/Deploy,":          "Deploy",
			"arn:aws:sts::111122223333:assumed-role/Deploy./ci-1": "Deploy",
			"prod/" + made.UniqueID + ":ci-1":                     "Deploy", "prod/" + made.UniqueID: "Deploy",
			"prod/" + made.UniqueID + ".": "Deploy", "prod/Dotted.": "Dotted.", "prod/Dotted.,": "",
			"prod/AROADECOYDECOYDECOY12": "AROADECOYDECOYDECOY12", "prod/AROANOBODYNOBODY1234:xy": "", "prod/.": "",
		} {
			target, err := b.Cloud.Parse(text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			got, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
			look, lookErr := b.roles.Look(t.Context(), target, nil)
			if got.Name != want || look.Role.Name != want || want == "" &&
				(!errors.Is(err, aws.ErrNoSuchRole) || !errors.Is(lookErr, aws.ErrNoSuchRole)) {
				t.Errorf("%s: %q, %v; %q, %v", text, got.Name, err, look.Role.Name, lookErr)
			}
		}
	})
}

func TestNoRoleThatCannotBeRevokedIsRefusedWithoutAPolicyThatDeniesItsSessions(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.ProtectedRoles = []string{"arn:aws:iam::*:role/break-glass-*"}
	}, func(t *testing.T, b *bench) {
		const evil = "/break-glass-1/" // a path that passes for a protected name
		b.Role(standin.RoleSpec{Name: "Evil", Path: evil})
		b.Role(standin.RoleSpec{Name: "break-glass-2", Path: "/ops/"})
		b.Role(standin.RoleSpec{Name: "Full", Path: "/" + strings.Repeat("*", 500) + "/", Policies: map[string]string{
			"full": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + strings.Repeat("x", 10_150) +
				`:*","Resource":"*"}}`,
		}})
		b.Role(standin.RoleSpec{Name: "Fenced", Path: "/$<&/"})
		fence := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:PutRolePolicy",` +
			`"Resource":"arn:aws:iam::*:role/*/Fenced"}}`
		if err := b.Prod.PutRolePolicy("revokebot-spoke", "fence", fence); err != nil {
			t.Fatal(err)
		}
		for name, reason := range map[string]string{
			"Evil": "is protected", "break-glass-2": "is protected", "Full": "leave no room",
			"Fenced": "may not do",
		} {
			target, err := b.Cloud.Parse("prod/" + name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
			refused, ok := errors.AsType[*aws.RefusedError](err)
			if !ok || !strings.Contains(refused.Sentence, reason) || len(refused.Steps) == 0 {
				t.Errorf("%s: %v", name, err)
				continue
			}
			made, _ := b.Prod.Role(name)
			now := b.Server.Now()
			for issued, want := range map[time.Time]standin.Decision{
				now: standin.ExplicitDeny, now.Add(time.Minute): standin.ImplicitDeny,
			} {
				got := decides(t, refused.Document, "s3:GetObject", "*", made.ARN, issued.UTC().Format(time.RFC3339))
				if got != want {
					t.Errorf("%s, issued at %v: %v by %s", name, issued, got, refused.Document)
				}
			}
		}
	})
}

func TestARoleOfWhichForeignDocumentsHoldBothNamesIsRefusedWithAPolicy(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Policies: map[string]string{policyName: awsbench.MayAll}})
		target, _ := b.Cloud.Parse("prod/Deploy")
		_, err := b.roles.Describe(t.Context(), target, onePlace{contain.Revoke()}, nil)
		refused, ok := errors.AsType[*aws.RefusedError](err)
		if !ok || !strings.Contains(refused.Sentence, "It is taken") || refused.Document == "" || !aws.Final(err) ||
			aws.Explain(err) != refused.Sentence {
			t.Errorf("got %v", err)
		}
		if _, foreign := errors.AsType[*contain.Refusal](err); !foreign {
			t.Errorf("the reason is lost: %v", err)
		}
	})
}

// onePlace is a measure whose document has one place.
type onePlace struct{ contain.Measure }

func (o onePlace) Places(t contain.Target) [][]contain.Slot {
	return [][]contain.Slot{o.Measure.Places(t)[0][:1]}
}

func (o onePlace) Want(s contain.State, _ []contain.Document) ([]contain.Document, error) {
	return make([]contain.Document, 1), &contain.Refusal{
		Slot: o.Places(s.Target)[0][0], Sentence: "It is taken. Delete it.",
	}
}
