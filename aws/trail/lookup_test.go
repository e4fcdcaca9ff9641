package trail

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// coverage puts what is said about the regions into lines.
func coverage(r Report) string {
	var lines []string
	for _, c := range r.Regions {
		lines = append(lines, fmt.Sprintf("%s covered=%v events=%d truncated=%v %s", c.Region, c.Covered, c.Events,
			c.Truncated, c.Reason))
	}
	return strings.Join(lines, "\n")
}

func TestSessionsOfAllRegionsAreListedNewestFirstWithTheirSideOfTheCutoff(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/ops/"})
		b.Role(standin.RoleSpec{Name: "Other"})
		role := b.describe("prod/Deploy")
		began := b.Server.Now()
		for i, service := range []string{"lambda.amazonaws.com", "ec2.amazonaws.com", "lambda.amazonaws.com"} {
			region := []string{"eu-west-1", "us-east-1", "eu-west-1"}[i]
			if _, err := b.Prod.ServiceSession("Deploy", service, fmt.Sprintf("i-%d", i), region); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Prod.ServiceSession("Other", service, "noise", region); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		// Not a region that is asked:
		if _, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "unseen", "ap-south-1"); err != nil {
			t.Fatal(err)
		}
		cutoff := began.Add(10 * time.Second)
		got, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: role.ARN, Since: began.Add(-time.Hour), Cutoff: cutoff,
		})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, s := range got.Sessions {
			lines = append(lines, fmt.Sprintf("+%v %s %s after %v", s.Time.Sub(began), s.Region, s.Caller, s.After))
			if s.RoleARN != role.ARN || s.RoleID != role.ID || s.AccessKeyID == "" || !s.Expires.After(s.Time) ||
				s.EventName != "AssumeRole" || s.CallerType != "AWSService" {
				t.Errorf("got %+v", s)
			}
		}
		want := []string{
			"+20s eu-west-1 Lambda function i-2 after true", "+10s us-east-1 EC2 instance i-1 after true",
			"+0s eu-west-1 Lambda function i-0 after false",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		covered := "eu-west-1 covered=true events=2 truncated=false \n" +
			"us-east-1 covered=true events=1 truncated=false "
		if coverage(got) != covered {
			t.Errorf("got\n%s", coverage(got))
		}
		if got.AskedAt.IsZero() || got.AskedAt.After(b.Server.Now()) {
			t.Errorf("asked at %v", got.AskedAt)
		}
	})
}

func TestTheSampleEventsAreFoundThroughTheRealClient(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		var all []string
		for name, e := range samples(t) {
			if e.Expect.RoleARN == "arn:aws:iam::111122223333:role/EC2-dev" || name == "github_oidc_name_subject" {
				all = append(all, name)
			}
		}
		if len(all) != 3 {
			t.Fatalf("found %v", all)
		}
		// The samples are of 2026; the bubble's clock is earlier.
		shift := b.Server.Now().Add(-time.Hour).Sub(time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC))
		if _, err := b.Server.LoadLookupEvents(awsbench.ProdID, eventsJSON, shift); err != nil {
			t.Fatal(err)
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: "arn:aws:iam::111122223333:role/github-deploy",
		})
		if err != nil || len(got.Sessions) != 1 || got.Sessions[0].Caller != "GitHub acme/shop main" ||
			got.Sessions[0].After {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestPagesAreReadAtTwoRequestsASecondUpToTheLimit(t *testing.T) {
	onBench(t, atHome, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		for i := range 230 {
			if _, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", fmt.Sprintf("i-%d", i), "us-east-1"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		for _, c := range []struct {
			limit, sessions, calls int
			truncated              bool
		}{
			{1000, 230, 5, false}, {230, 230, 5, false}, {60, 60, 2, true}, {200, 200, 4, true}, {0, 230, 5, false},
		} {
			time.Sleep(time.Minute)
			calls := len(b.Server.Calls("LookupEvents"))
			began := time.Now()
			got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Limit: c.limit})
			if err != nil {
				t.Fatal(err)
			}
			calls = len(b.Server.Calls("LookupEvents")) - calls
			if len(got.Sessions) != c.sessions || calls != c.calls || got.Regions[0].Truncated != c.truncated ||
				!got.Regions[0].Covered {
				t.Errorf("limit %d: %d sessions, %d calls, %s", c.limit, len(got.Sessions), calls, coverage(got))
			}
			if took, want := time.Since(began), time.Duration(c.calls-1)*500*time.Millisecond; took != want {
				t.Errorf("limit %d: took %v, want %v", c.limit, took, want)
			}
			if len(got.Sessions) > 0 && got.Sessions[0].SessionName != "i-229" {
				t.Errorf("the first is %s", got.Sessions[0].SessionName)
			}
		}
		for _, call := range b.Server.Calls("LookupEvents") {
			if call.Code != "" {
				t.Errorf("a look-up was refused: %s", call.Code)
			}
		}
	})
}

func TestThePaceHoldsAcrossLookUps(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		began := time.Now()
		for range 5 {
			if _, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("five look-ups took %v", took)
		}
	})
}

func TestTheLimitHoldsOverAllRegionsAndSaysWhereMoreIs(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		for i := range 6 {
			region := "us-east-1"
			if i > 3 {
				region = "eu-west-1"
			}
			if _, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", fmt.Sprintf("i-%d", i), region); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Limit: 3})
		if err != nil || len(got.Sessions) != 3 || got.Sessions[2].SessionName != "i-3" {
			t.Fatalf("got %+v, %v", got, err)
		}
		covered := "eu-west-1 covered=true events=2 truncated=false \n" +
			"us-east-1 covered=true events=4 truncated=true "
		if coverage(got) != covered {
			t.Errorf("got\n%s", coverage(got))
		}
	})
}

func TestARegionThatFailsIsNamedAndTheOthersAreReported(t *testing.T) {
	for _, c := range []struct {
		fault  standin.Fault
		reason string
		took   time.Duration
	}{
		{standin.Fault{Code: "AccessDenied"}, "reading CloudTrail is not allowed there", 0},
		{standin.Fault{Code: "ThrottlingException"}, "CloudTrail had too many requests", 8 * time.Second},
		{standin.Fault{HangUp: true}, "it could not be reached", 8 * time.Second},
		{standin.Fault{Hang: true}, "it did not answer in time", 10 * time.Second},
		{standin.Fault{Code: "ExpiredToken"}, "the credentials were not accepted there", 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			onBench(t, func(_ *standin.Config, k *aws.Config) {
				k.Accounts[0].Regions = []string{"eu-west-1", "ap-south-1"}
			}, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				role := b.describe("prod/Deploy")
				b.Session("Deploy") // in eu-west-1
				c.fault.Action, c.fault.Region, c.fault.Times = "LookupEvents", "ap-south-1", -1
				b.Server.Inject(c.fault)
				began := time.Now()
				got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN})
				if err != nil || len(got.Sessions) != 1 {
					t.Fatalf("got %+v, %v", got, err)
				}
				want := "ap-south-1 covered=false events=0 truncated=false " + c.reason +
					"\neu-west-1 covered=true events=1 truncated=false \nus-east-1 covered=true events=0 truncated=false "
				if coverage(got) != want {
					t.Errorf("got\n%s", coverage(got))
				}
				if took := time.Since(began); took > c.took {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestWhatWasReadBeforeARegionsDeadlineIsKept(t *testing.T) {
	onBench(t, func(in *standin.Config, c *aws.Config) {
		atHome(in, c)
		in.Latency = 6 * time.Second
	}, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		for range 200 {
			b.session200(t)
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if want := "us-east-1 covered=false events=150 truncated=true it did not answer in time"; coverage(got) != want ||
			len(got.Sessions) != 150 {
			t.Errorf("%d sessions, got\n%s", len(got.Sessions), coverage(got))
		}
	})
}

// session200 opens one of many sessions in the home region.
func (b *bench) session200(t *testing.T) {
	t.Helper()
	if _, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "i-0abc", "us-east-1"); err != nil {
		t.Fatal(err)
	}
}

func TestALookUpThatCannotBeAskedIsAnError(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		_, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "nobody"})
		if _, ok := errors.AsType[*aws.RefusedError](err); !ok {
			t.Errorf("an account that is not configured: %v", err)
		}
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Code: "AccessDenied"})
		if _, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: "x"}); !errors.Is(err,
			aws.ErrAccessDenied) {
			t.Errorf("without a reading session: %v", err)
		}
	})
}

func TestARangeOverPagesMayStopEarly(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		for range 120 {
			b.session200(t)
		}
		read := 0
		query := naming(role.ARN, time.Time{})
		for page, err := range pages(t.Context(), b.Conn("prod"), b.trail.budget("us-east-1"), query) {
			if err != nil {
				t.Fatal(err)
			}
			read += len(page.events)
			break
		}
		if n := len(b.Server.Calls("LookupEvents")); read != 50 || n != 1 {
			t.Errorf("%d events, %d calls", read, n)
		}
	})
}
