package trail

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

const (
	office  = "203.0.113.10"
	thief   = "198.51.100.66"
	trustIt = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com",` +
		`"lambda.amazonaws.com"],` +
		`"AWS":["arn:aws:iam::111122223333:user/alice","arn:aws:iam::111122223333:role/DataAdmin"]},` +
		`"Action":"sts:AssumeRole"}]}`
	trustDeploy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":["arn:aws:iam::111122223333:role/Deploy"]},"Action":"sts:AssumeRole"}]}`
)

// fromAddress says in every request where it comes from.
type fromAddress struct {
	http.RoundTripper
	address string
}

func (f fromAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.RoundTripper.RoundTrip(r)
}

// person is somebody with a key at an address.
type person struct {
	b       *bench
	key     standin.AccessKey
	address string
}

func (p person) config() awssdk.Config {
	c := p.b.SDK(p.key)
	c.Region = "eu-west-1"
	c.HTTPClient = &http.Client{Transport: fromAddress{p.b.HTTP.Transport, p.address}}
	c.RetryMaxAttempts = 1
	return c
}

// assumes opens a session of a role, from the same address.
func (p person) assumes(role, session string) (person, error) {
	out, err := sts.NewFromConfig(p.config()).AssumeRole(p.b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String("arn:aws:iam::111122223333:role/" + role), RoleSessionName: &session,
	})
	if err != nil {
		return p, err
	}
	c := out.Credentials
	return person{
		p.b, standin.AccessKey{
			AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		}, p.address,
	}, nil
}

// mustAssume is assumes, and some time for it to be told apart from the next.
func (p person) mustAssume(role, session string) person {
	p.b.T.Helper()
	time.Sleep(time.Minute)
	got, err := p.assumes(role, session)
	if err != nil {
		p.b.T.Fatal(err)
	}
	return got
}

func (p person) iam() *iam.Client { return iam.NewFromConfig(p.config()) }

// incident is a stolen key of alice's, and what the thief did with it before the revocation and
// after it.
type incident struct {
	*bench
	began, cutoff  time.Time
	thief, alice   person
	stolen, second person // the thief's session of Deploy, and that of DataAdmin which came out of it
	fresh          person // alice's session after the revocation
}

// onIncident plays the incident.
func onIncident(t *testing.T, test func(t *testing.T, in *incident)) {
	t.Helper()
	onIncidentIn(t, nil, test)
}

func onIncidentIn(
	t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, in *incident),
) {
	t.Helper()
	onBench(t, change, func(t *testing.T, b *bench) {
		in := &incident{bench: b, began: b.Server.Now()}
		b.Role(standin.RoleSpec{Trust: trustIt})
		b.Role(standin.RoleSpec{Name: "DataAdmin", Trust: trustDeploy})
		key := b.Prod.AddUser(standin.UserSpec{Name: "alice", Policies: map[string]string{"assume": awsbench.MayAssume}})
		b.Prod.AddUser(standin.UserSpec{Name: "backdoor"})
		in.alice, in.thief = person{b, key, office}, person{b, key, thief}
		for range 3 {
			in.alice.mustAssume("Deploy", "alice")
			if _, err := b.Prod.ServiceSession("Deploy", "lambda.amazonaws.com", "payments", "eu-west-1"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		in.stolen = in.thief.mustAssume("Deploy", "totally-alice")
		works := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		for range 3 {
			_, err := in.stolen.iam().ListUsers(t.Context(), &iam.ListUsersInput{})
			works(err)
		}
		_, err := in.stolen.iam().CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: awssdk.String("backdoor")})
		works(err)
		in.second = in.stolen.mustAssume("DataAdmin", "xx")
		again := in.second.mustAssume("Deploy", "yy")
		_, err = again.iam().ListRoles(t.Context(), &iam.ListRolesInput{})
		works(err)

		done, err := b.roles.Apply(t.Context(), nil, order(b.describe("prod/Deploy")))
		works(err)
		in.cutoff = cutoffOf(done.Documents[0].There.Text)
		time.Sleep(2 * time.Minute)
		if _, err := in.stolen.iam().ListUsers(t.Context(), &iam.ListUsersInput{}); err == nil {
			t.Fatal("the deny does not work")
		}
		_, err = sts.NewFromConfig(in.stolen.config()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		works(err)
		_, err = in.second.iam().ListUsers(t.Context(), &iam.ListUsersInput{})
		works(err)
		in.fresh = in.alice.mustAssume("Deploy", "alice")
		_, err = in.fresh.iam().ListUsers(t.Context(), &iam.ListUsersInput{})
		works(err)
		time.Sleep(20 * time.Minute)
		test(t, in)
	})
}

func (in *incident) lookup() Report {
	in.T.Helper()
	report, err := in.trail.Lookup(in.T.Context(), LookupQuery{
		AccountName: "prod", RoleARN: "arn:aws:iam::111122223333:role/Deploy", Since: in.began.Add(-12 * time.Hour),
		Cutoff: in.cutoff, Wide: true,
	})
	if err != nil {
		in.T.Fatal(err)
	}
	return report
}

func (in *incident) activity(key string) Activity {
	in.T.Helper()
	return in.activityOf(Session{AccessKeyID: key}, func(q *ActivityQuery) { q.Cutoff = in.cutoff })
}

func (b *bench) activityOf(s Session, change ...func(*ActivityQuery)) Activity {
	b.T.Helper()
	q := ActivityQuery{AccountName: "prod", Sessions: []Session{s}, Deep: true}
	for _, c := range change {
		c(&q)
	}
	got, err := b.trail.Activities(b.T.Context(), q)
	if err != nil {
		b.T.Fatal(err)
	}
	return got.By[s.ID()]
}

func TestWhatASessionDidIsToldFromAllRegions(t *testing.T) {
	onIncident(t, func(t *testing.T, in *incident) {
		got := in.activity(in.stolen.key.AccessKeyID)
		if got.Calls != 7 || got.Denied != 1 || got.Truncated || !got.Covered() || got.AskedAt.IsZero() {
			t.Errorf("%d calls, %d denied, truncated %v, asked at %v, %+v", got.Calls, got.Denied, got.Truncated,
				got.AskedAt, got.Regions)
		}
		if diff := cmp.Diff([]ServiceUse{{"iam", 5, 1}, {"sts", 2, 0}}, got.Services); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
		if len(got.Sources) != 1 || got.Sources[0].Address != thief || got.Sources[0].Calls != 7 ||
			got.Sources[0].UserAgent == "" || !got.Sources[0].Last.Equal(got.Last) {
			t.Errorf("from %+v", got.Sources)
		}
		if len(got.Persistence) != 1 || got.PersistenceCalls != 1 || got.Persistence[0].Name != "CreateAccessKey" ||
			got.Persistence[0].Target != "user backdoor" ||
			!strings.HasPrefix(got.Persistence[0].Made, "AKIA") || got.Persistence[0].Opens == "" ||
			got.Persistence[0].Times != 1 {
			t.Errorf("doors %+v", got.Persistence)
		}
		if len(got.Assumed) != 1 || got.Assumed[0].AccessKeyID != in.second.key.AccessKeyID ||
			got.Assumed[0].CallerAccessKey != in.stolen.key.AccessKeyID || got.Assumed[0].After {
			t.Errorf("assumed %+v", got.Assumed)
		}
		// GetCallerIdentity went through after the cutoff, and says nothing about the deny.
		if got.SucceededAfter != 0 || len(got.SucceededAfterCutoff) != 0 || got.DeniedAfter != 1 ||
			!got.FirstDenied.After(in.cutoff) || got.FirstExplicitDeny != got.FirstDenied ||
			!got.LastSucceeded.Before(in.cutoff) || !got.Last.After(in.cutoff) || !got.First.Before(got.LastSucceeded) {
			t.Errorf("after the cutoff: %d went through, %d denied, first at %v, last success %v", got.SucceededAfter,
				got.DeniedAfter, got.FirstDenied, got.LastSucceeded)
		}
		if printed := fmt.Sprintf("%+v", got); strings.Contains(printed, in.second.key.SessionToken[:40]) {
			t.Error("a session token is in what was found")
		}

		fresh := in.activity(in.fresh.key.AccessKeyID)
		if fresh.SucceededAfter != 1 || len(fresh.SucceededAfterCutoff) != 1 ||
			fresh.SucceededAfterCutoff[0].Name != "ListUsers" {
			t.Errorf("a new session's call: %+v", fresh)
		}
		none := in.activity("ASIANOBODY")
		if none.Calls != 0 || !none.Covered() || !none.First.IsZero() {
			t.Errorf("an unused key: %+v", none)
		}
	})
}

func TestTheRolesThatSessionsAssumedAreFollowedAndLoopsAreFound(t *testing.T) {
	onIncident(t, func(t *testing.T, in *incident) {
		report := in.lookup()
		got, err := in.trail.Chain(t.Context(), ChainQuery{
			ActivityQuery: ActivityQuery{AccountName: "prod", Sessions: report.Sessions, Cutoff: in.cutoff},
			RoleARN:       "arn:aws:iam::111122223333:role/Deploy",
		})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range got.Links {
			lines = append(lines, fmt.Sprintf("%d %s -> %s (%s) loop=%v calls=%d", l.Depth, l.Parent.SessionName,
				l.Child.SessionName, aws.NameOf(l.RoleARN), l.Loop, l.Activity.Calls))
			if l.Account != "prod" || l.AccountID != awsbench.ProdID || l.Child.CallerAccessKey != l.Parent.AccessKeyID {
				t.Errorf("got %+v", l)
			}
		}
		// y is a session of Deploy, so the query began with it already: it is no link of x.
		want := []string{"1 totally-alice -> xx (DataAdmin) loop=false calls=2"}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(got.Roots) != len(report.Sessions) || got.Truncated || !covered(got.Regions) {
			t.Errorf("%d roots, truncated %v, %+v", len(got.Roots), got.Truncated, got.Regions)
		}

		// From the thief's session alone the way leads back to the role.
		var one []Session
		for _, s := range report.Sessions {
			if s.SessionName == "totally-alice" {
				one = append(one, s)
			}
		}
		ask := func(q ChainQuery) Chain {
			t.Helper()
			q.AccountName, q.RoleARN, q.Sessions, q.Cutoff = "prod", "arn:aws:iam::111122223333:role/Deploy", one, in.cutoff
			chain, err := in.trail.Chain(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			return chain
		}
		whole := ask(ChainQuery{})
		if len(whole.Links) != 2 || !whole.Links[1].Loop || whole.Links[1].Depth != 2 ||
			whole.Links[1].Child.SessionName != "yy" || whole.Links[1].Activity.Calls != 1 || whole.Truncated {
			t.Errorf("got %+v", whole)
		}
		if cut := ask(ChainQuery{Depth: 1}); len(cut.Links) != 1 || !cut.Truncated {
			t.Errorf("one level: %d links, truncated %v", len(cut.Links), cut.Truncated)
		}
		if cut := ask(ChainQuery{Keys: 1}); len(cut.Links) != 1 || !cut.Truncated || cut.Links[0].Activity.Covered() {
			t.Errorf("one key: %d links, truncated %v", len(cut.Links), cut.Truncated)
		}
	})
}

func TestARoleOfAnAccountThatIsNotConfiguredEndsTheChain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.Dev.AddRole(standin.RoleSpec{Name: "Far", Trust: trustDeploy})
		here := person{b, b.Session("Deploy"), thief}
		out := here.mustAssumeIn(awsbench.DevID, "Far")
		report, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: "arn:aws:iam::111122223333:role/Deploy",
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.trail.Chain(t.Context(), ChainQuery{
			ActivityQuery: ActivityQuery{AccountName: "prod", Sessions: report.Sessions}, RoleARN: report.Sessions[0].RoleARN,
		})
		if err != nil || len(got.Links) != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if l := got.Links[0]; l.AccountID != awsbench.DevID || l.Account != "" ||
			l.Child.AccessKeyID != out.key.AccessKeyID || len(l.Activity.Regions) != 0 || l.Activity.Covered() {
			t.Errorf("got %+v", l)
		}
		if _, err := b.trail.Chain(t.Context(), ChainQuery{ActivityQuery: ActivityQuery{AccountName: "nobody"}}); err == nil {
			t.Error("an account that is not there was followed")
		}
		_, err = b.trail.Activities(t.Context(), ActivityQuery{AccountName: "nobody"})
		if _, ok := errors.AsType[*aws.RefusedError](err); !ok {
			t.Errorf("got %v", err)
		}
	})
}

func TestAKeyThatIsUsedElsewhereThanItWasOpenedWasCopied(t *testing.T) {
	onIncident(t, func(t *testing.T, in *incident) {
		copied := person{in.bench, in.fresh.key, thief}
		if _, err := copied.iam().ListRoles(t.Context(), &iam.ListRolesInput{}); err != nil {
			t.Fatal(err)
		}
		var opened Session
		for _, s := range in.lookup().Sessions {
			if s.AccessKeyID == in.fresh.key.AccessKeyID {
				opened = s
			}
		}
		did := in.activity(in.fresh.key.AccessKeyID)
		if got := did.Elsewhere(opened); len(got) != 1 || got[0].Address != thief || got[0].Calls != 1 ||
			got[0].First.IsZero() {
			t.Errorf("got %+v", got)
		}
		opened.SourceAddress = "lambda.amazonaws.com"
		if got := did.Elsewhere(opened); len(got) != 1 || got[0].Address != thief {
			t.Errorf("of what a service opened the most used address is the home: %+v", got)
		}
	})
}

func (p person) mustAssumeIn(account, role string) person {
	p.b.T.Helper()
	out, err := sts.NewFromConfig(p.config()).AssumeRole(p.b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String("arn:aws:iam::" + account + ":role/" + role), RoleSessionName: awssdk.String("far"),
	})
	if err != nil {
		p.b.T.Fatal(err)
	}
	c := out.Credentials
	return person{
		p.b, standin.AccessKey{
			AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		}, p.address,
	}
}

func TestTheStolenSessionIsSuspiciousAndTheIncidentIsNotContainedWhileAnotherRoleIsHeld(t *testing.T) {
	onIncident(t, func(t *testing.T, in *incident) {
		report := in.lookup()
		suspects := Suspects(report.Sessions, in.cutoff)
		var names []string
		judged := JudgeInput{
			RoleARN: "arn:aws:iam::111122223333:role/Deploy", Cutoff: in.cutoff, Sessions: report.Sessions,
			Suspects: suspects, Regions: report.Regions, AskedAt: report.AskedAt,
		}
		for i := range judged.Regions {
			judged.Regions[i].Reported = report.AskedAt
		}
		for _, s := range suspects {
			names = append(names, fmt.Sprintf("%s of %s: address %v, caller %v", s.Session.SessionName, s.Session.Caller,
				s.Address, s.Caller))
		}
		want := []string{
			"totally-alice of user alice: address true, caller false",
			"yy of role DataAdmin (session xx): address false, caller true",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		chain, err := in.trail.Chain(t.Context(), ChainQuery{
			ActivityQuery: ActivityQuery{AccountName: "prod", Sessions: report.Sessions, Cutoff: in.cutoff},
			RoleARN:       judged.RoleARN,
		})
		if err != nil {
			t.Fatal(err)
		}
		judged.Activities, judged.Links = chain.Roots, chain.Links
		got := Assess(judged)
		if got.State != NotContained || len(got.Reasons) != 2 || !strings.Contains(got.Reasons[1], "the role DataAdmin") ||
			!strings.Contains(got.Reasons[0], "user alice, who was suspicious before") ||
			len(got.Sessions) != 2 || got.Old != 8 || got.Looked != 5 || got.Denied != 1 {
			t.Errorf("got %+v", got)
		}
		if len(got.Persistence) != 1 || got.Persistence[0].Name != "CreateAccessKey" {
			t.Errorf("doors %+v", got.Persistence)
		}
		if len(got.Roles) != 1 || got.Roles[0].RoleARN != "arn:aws:iam::111122223333:role/DataAdmin" ||
			got.Roles[0].Account != "prod" {
			t.Errorf("held roles %+v", got.Roles)
		}
		// With the second role revoked, and nothing heard from it since, it is over, if the key of
		// alice's that the thief has was not used again.
		judged.Sessions = slices.DeleteFunc(slices.Clone(report.Sessions), func(s Session) bool { return s.After })
		judged.Revoked = map[string]time.Time{"arn:aws:iam::111122223333:role/DataAdmin": report.AskedAt.Add(-time.Minute)}
		if got := Assess(judged); got.State != Contained || len(got.Roles) != 0 || len(got.Persistence) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}
