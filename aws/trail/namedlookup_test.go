package trail

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// did records a call of a session with a key, so long ago.
func (b *bench) did(key, service, name string, ago time.Duration, asked, answered map[string]any) {
	b.T.Helper()
	b.tells("us-east-1", map[string]any{
		"eventName": name, "eventSource": service + ".amazonaws.com", "eventTime": b.Server.Now().Add(-ago).
				Format(time.RFC3339), "sourceIPAddress": thief,
		"userIdentity": sessionIdentity("Deploy", "AROADEPLOY", "stolen", key), "requestParameters": asked,
		"responseElements": answered,
	})
}

// noisy is a session that makes a key, goes on to a role, and then calls more often than is read;
// others make keys, too.
func (b *bench) noisy(others int) {
	b.did("ASIATHIEF", "iam", "CreateAccessKey", 2*time.Hour, map[string]any{"userName": "backdoor"},
		map[string]any{"accessKey": map[string]any{"accessKeyId": "AKIABACKDOOR", "userName": "backdoor"}})
	b.did("ASIATHIEF", "sts", "AssumeRole", 2*time.Hour, map[string]any{
		"roleArn": "arn:aws:iam::" + awsbench.ProdID + ":role/Data", "roleSessionName": "deeper",
	},
		map[string]any{"credentials": map[string]any{"accessKeyId": "ASIADEEPER"}})
	for i := range others {
		b.did("ASIAOTHER", "iam", "CreateAccessKey", time.Hour+time.Duration(i)*time.Second,
			map[string]any{"userName": fmt.Sprint("user", i)}, nil)
	}
	for i := range 120 {
		b.did("ASIATHIEF", "iam", "ListRoles", time.Duration(i)*time.Second, nil, nil)
	}
}

func askTelling(b *bench, deep bool) Activity {
	b.T.Helper()
	return b.activityOf(Session{AccessKeyID: "ASIATHIEF"}, func(q *ActivityQuery) { q.Limit, q.Deep = 100, deep })
}

func TestNoiseAfterADoorDoesNotHideIt(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.noisy(3)
		if got := askTelling(b, false); len(got.Persistence) != 0 || len(got.Assumed) != 0 || !got.Truncated {
			t.Fatalf("without looking by name there are doors %+v and sessions %+v", got.Persistence, got.Assumed)
		}
		began := time.Now()
		got := askTelling(b, true)
		if len(got.Persistence) != 1 || got.Persistence[0].Made != "AKIABACKDOOR" || got.Calls != 102 ||
			got.Persistence[0].Times != 1 {
			t.Errorf("%d calls, doors %+v", got.Calls, got.Persistence)
		}
		if len(got.Assumed) != 1 || got.Assumed[0].AccessKeyID != "ASIADEEPER" {
			t.Errorf("assumed %+v", got.Assumed)
		}
		if !got.Truncated || got.Covered() {
			t.Error("it is told as if everything had been read")
		}
		for _, r := range got.Regions {
			home := r.Region == "us-east-1"
			if r.ByName != home || len(r.NamesCut) != 0 || !r.Covered || r.Truncated != home {
				t.Errorf("got %+v", r)
			}
		}
		chain, err := b.trail.Chain(t.Context(), ChainQuery{
			ActivityQuery: ActivityQuery{AccountName: "prod", Sessions: []Session{{AccessKeyID: "ASIATHIEF"}}, Limit: 100},
			RoleARN:       "arn:aws:iam::" + awsbench.ProdID + ":role/Deploy",
		})
		if err != nil || len(chain.Links) != 1 || chain.Links[0].RoleARN != "arn:aws:iam::"+awsbench.ProdID+":role/Data" ||
			!chain.Truncated || len(chain.Roots["ASIATHIEF"].Persistence) != 1 {
			t.Errorf("the chain is %+v, %v", chain, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWhereEvenTheDoorsAreTooManyTheirNamesAreTold(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.noisy(110)
		got := askTelling(b, true)
		at := slices.IndexFunc(got.Regions, func(r RegionCoverage) bool { return r.Region == "us-east-1" })
		if diff := cmp.Diff([]string{"CreateAccessKey"}, got.Regions[at].NamesCut); diff != "" || !got.Regions[at].Covered {
			t.Errorf("(-want +got):\n%s in %+v", diff, got.Regions[at])
		}
		if len(got.Persistence) != 0 || len(got.Assumed) != 1 {
			t.Errorf("doors %+v, assumed %+v", got.Persistence, got.Assumed)
		}
	})
}

func TestADoorThatCannotBeLookedUpByNameTakesNothingFromWhatWasRead(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.noisy(3)
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Region: "us-east-1", Times: 2, Delay: time.Millisecond})
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Region: "us-east-1", Times: -1, Code: "AccessDenied"})
		got := askTelling(b, true)
		at := slices.IndexFunc(got.Regions, func(r RegionCoverage) bool { return r.Region == "us-east-1" })
		if r := got.Regions[at]; got.Calls != 100 || !r.Covered || !r.Truncated || len(r.NamesCut) != len(namedCalls) {
			t.Errorf("%d calls, %+v", got.Calls, r)
		}
	})
}

func TestEveryCallThatIsLookedUpByNameIsADoorOrOpensASession(t *testing.T) {
	requests := 0
	for _, name := range namedCalls {
		requests += name.pages
		known := persistenceOf("iam", name.name) != "" && name.iam || assuming[Kind(name.name)] ||
			persistenceOf("sts", name.name)+persistenceOf("signin", name.name) != ""
		if !known {
			t.Errorf("%s is none", name.name)
		}
	}
	if most := defaultLimit / lookupPage; requests > most {
		t.Errorf("%d requests, more than the %d for the calls themselves", requests, most)
	}
}

func TestAnActivityIsLookedUpByNameOnlyWhereEachRegionThatWasCutIs(t *testing.T) {
	whole, cut, named := RegionCoverage{}, RegionCoverage{Truncated: true},
		RegionCoverage{Truncated: true, ByName: true, NamesCut: []string{"AssumeRole"}}
	for _, c := range []struct {
		a, b RegionCoverage
		want bool
	}{
		{whole, named, true},
		{named, whole, true},
		{named, named, true},
		{cut, named, false},
		{named, cut, false},
		{whole, whole, false},
	} {
		got, names := Activity{Regions: []RegionCoverage{c.a, c.b}}.LookedUpByName()
		if got != c.want || got != (len(names) == 1) {
			t.Errorf("%+v and %+v: %v, %v", c.a, c.b, got, names)
		}
	}
}
