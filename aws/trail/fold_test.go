package trail

import (
	"fmt"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

// signed is an event of a call, so many seconds after the epoch.
func signed(id, second int, service, name, more string) string {
	return fmt.Sprintf(`{"eventID":"e%d","eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q%s}`,
		id, time.Unix(int64(second), 0).UTC().Format(time.RFC3339), service, name, more)
}

func TestWhatIsDoneAgainAndAgainIsOneDoorAndNothingGrowsWithoutEnd(t *testing.T) {
	counted := newFold(time.Unix(1000, 0))
	id := 0
	add := func(second int, service, name, more string) {
		id++
		e := event(signed(id, second, service, name, more))
		counted.add(decodeRecord(e, "eu-west-1"))
	}
	add(50, "iam", "CreateAccessKey",
		`,"requestParameters":{"userName":"backdoor"},"responseElements":{"accessKey":{"accessKeyId":"AKIANEW"}}`)
	add(51, "iam", "CreateAccessKey", `,"requestParameters":{"userName":"backdoor"},"errorCode":"AccessDenied"`)
	for i := range 500 {
		add(100+i, "ssm", "GetParameter",
			fmt.Sprintf(`,"sourceIPAddress":"10.0.%d.%d","requestParameters":{"name":"/p/%d"}`, i/250, i%250, i))
		add(90+i, "secretsmanager", "GetSecretValue",
			`,"sourceIPAddress":"10.0.0.1","userAgent":"old","requestParameters":{"secretId":"db"}`)
		add(2000+i, "sts", "AssumeRole",
			fmt.Sprintf(`,"requestParameters":{"roleArn":"arn:aws:iam::1:role/R"},`+
				`"responseElements":{"credentials":{"accessKeyId":"ASIA%d"}}`, i))
		add(3000+i, "sts", "GetCallerIdentity", "")
	}
	did := counted.whole()
	var doors []string
	for _, d := range did.Persistence {
		if d.Name != "GetParameter" {
			doors = append(doors, fmt.Sprintf("%d %s %s %s ×%d %v", d.Time.Unix(), d.Name, d.Target, d.Made, d.Times, d.Denied))
		}
	}
	want := []string{
		"589 GetSecretValue secret db  ×500 false", "51 CreateAccessKey user backdoor  ×1 true",
		"50 CreateAccessKey user backdoor AKIANEW ×1 false",
	}
	if diff := cmp.Diff(want, doors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(did.Persistence) != 3+mostTargets || did.PersistenceCalls != 1002 {
		t.Errorf("%d doors of %d calls", len(did.Persistence), did.PersistenceCalls)
	}
	if len(did.Sources) > mostSources+1 || did.Sources[0].Address != "10.0.0.1" || did.Sources[0].Calls != 501 ||
		did.Sources[0].UserAgent != "old" {
		t.Errorf("%d sources, first %+v", len(did.Sources), did.Sources[0])
	}
	if len(did.Assumed) != mostListed || len(did.SucceededAfterCutoff) != mostListed ||
		did.SucceededAfter != 500 || did.SucceededAfterCutoff[0].Time.Unix() != 2499 {
		t.Errorf("%d sessions, %d of %d calls after the cutoff, first %v", len(did.Assumed),
			len(did.SucceededAfterCutoff), did.SucceededAfter, did.SucceededAfterCutoff[0].Time.Unix())
	}
	if did.Calls != 2002 || did.Denied != 1 || did.LastSucceeded.Unix() != 2499 || did.Last.Unix() != 3499 ||
		did.First.Unix() != 50 {
		t.Errorf("%d calls, %d denied, from %d to %d, last success %d", did.Calls, did.Denied, did.First.Unix(),
			did.Last.Unix(), did.LastSucceeded.Unix())
	}
}

func TestOutcomesAfterTheCutoffAreToldApartAndEventsToldTwiceCountOnce(t *testing.T) {
	f := newFold(time.Unix(1000, 0))
	for i, e := range []string{
		signed(1, 999, "iam", "ListUsers", ""),
		signed(2, 1000, "iam", "ListUsers", ""), // the deny holds from this very second on
		signed(3, 1001, "iam", "ListUsers", `,"errorCode":"AccessDenied","errorMessage":"Access Denied"`),
		signed(4, 1002, "iam", "ListUsers",
			`,"errorCode":"AccessDenied","errorMessage":"User: x is not authorized to perform: iam:ListUsers `+
				`with an explicit deny in an identity-based policy"`),
		signed(5, 1003, "iam", "GetUser", `,"errorCode":"NoSuchEntityException"`),
		signed(6, 1004, "ec2", "RunInstances", `,"errorCode":"Client.DryRunOperation"`),
		signed(6, 1004, "ec2", "RunInstances", `,"errorCode":"Client.DryRunOperation"`),
		`not JSON`, `not JSON`,
	} {
		in := event(e)
		if i >= 7 {
			in.EventId = nil // without an id nobody knows that they are the same
			in.EventTime = awssdk.Time(time.Unix(int64(993+i), 0))
		}
		f.add(decodeRecord(in, "us-east-1"))
	}
	did := f.whole()
	if did.Calls != 8 || did.Denied != 2 || did.SucceededAfter != 2 || did.DeniedAfter != 2 ||
		did.FailedAfter != 3 {
		t.Errorf("got %+v", did)
	}
	if did.FirstDenied.Unix() != 1001 || did.FirstExplicitDeny.Unix() != 1002 || did.LastSucceeded.Unix() != 1004 {
		t.Errorf("denied at %v and %v, last success %v", did.FirstDenied.Unix(), did.FirstExplicitDeny.Unix(),
			did.LastSucceeded.Unix())
	}
	if want := []ServiceUse{{"iam", 5, 2}, {"unknown", 2, 0}, {"ec2", 1, 0}}; !cmp.Equal(want, did.Services) {
		t.Errorf("got %+v", did.Services)
	}
}

// A blocked session that tries every second hides nothing that it got before.
func TestWhatASessionGotIsListedHoweverOftenItTriedInVainAndWhatIsNotListedIsNotCovered(t *testing.T) {
	for got, tried := range map[int]int{1: 0, 2: 500, 100: 1, 101: 0, 300: 300} {
		f := newFold(time.Unix(1000, 0))
		add := func(at int, code string) {
			e := event(signed(at, at, "sts", "AssumeRole", fmt.Sprintf(`,"errorCode":%q,"requestParameters":`+
				`{"roleArn":"arn:aws:iam::1:role/R"},"responseElements":{"credentials":{"accessKeyId":"ASIA%d%s"}}`,
				code, at, code)))
			f.add(decodeRecord(e, "us-east-1"))
		}
		for i := range got {
			add(1+i, "")
		}
		for i := range tried {
			add(2000+i, "AccessDenied")
		}
		did := f.whole()
		did.Regions = []RegionCoverage{{Covered: true}}
		issued := 0
		for _, s := range did.Assumed {
			if s.Issued() {
				issued++
			}
		}
		if issued != min(got, mostListed) || len(did.Assumed) > mostListed || did.Covered() != (got <= mostListed) {
			t.Errorf("%d got, %d in vain: %d of %d listed, covered %v", got, tried, issued, len(did.Assumed), did.Covered())
		}
	}
}
