package trail

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// fed is a trail that leaves nothing out.
var fed = standin.Trail{Name: "all", Region: "eu-west-1", LogGroup: "cloudtrail/all"}

func withLogGroup(_ *standin.Config, c *aws.Config) {
	c.Accounts[0].TrailLogGroup = awsbench.LogGroupID
}

// onLogGroup plays the incident in an account with a log group. before happens before the bot first
// asks CloudTrail, and the look that the test is for comes ten minutes later.
func onLogGroup(t *testing.T, trail standin.Trail, before func(*incident), test func(*testing.T, *incident, Report)) {
	t.Helper()
	onIncidentIn(t, withLogGroup, func(t *testing.T, in *incident) {
		in.Prod.SetTrail(trail)
		in.lookup()
		before(in)
		time.Sleep(10 * time.Minute)
		test(t, in, in.lookup())
	})
}

// done is what was done in all sessions of a report, by the log group and by the event history
// alone, and how many requests of LookupEvents the first took.
func (in *incident) done(report Report) (by, history map[string]Activity, requests int) {
	in.T.Helper()
	ask := ActivityQuery{
		AccountName: "prod", Sessions: report.Sessions, Among: report.Sessions,
		Since: in.began.Add(-12 * time.Hour), Cutoff: in.cutoff, Deep: true,
	}
	for _, group := range []*LogGroup{report.LogGroup, nil} {
		ask.LogGroup = group
		before := len(in.Server.Calls("LookupEvents"))
		got, err := in.trail.Activities(in.T.Context(), ask)
		if err != nil {
			in.T.Fatal(err)
		}
		if group == nil {
			history = got.By
			continue
		}
		by, requests = got.By, len(in.Server.Calls("LookupEvents"))-before
	}
	return by, history, requests
}

// same compares what was done, but for how much was asked.
func same(a, b map[string]Activity) string {
	plain := func(all map[string]Activity) map[string]Activity {
		all = maps.Clone(all)
		for id, did := range all {
			did.AskedAt = time.Time{}
			var covered []RegionCoverage
			for _, r := range did.Regions {
				covered = append(covered, RegionCoverage{Region: r.Region, Covered: r.Covered, Truncated: r.Truncated})
			}
			did.Regions = covered
			did.Sources, did.Assumed = slices.Clone(did.Sources), slices.Clone(did.Assumed)
			for i := range did.Sources {
				did.Sources[i].UserAgent = "" // of the newest, which is any of those of a second
			}
			for i := range did.Assumed {
				did.Assumed[i].CallerName = "" // which LookupEvents says
			}
			all[id] = did
		}
		return all
	}
	return cmp.Diff(plain(a), plain(b), cmp.AllowUnexported(RegionCoverage{}))
}

func TestTheLogGroupAnswersAsTheEventHistoryDoesWithoutARequestOfIt(t *testing.T) {
	onLogGroup(t, fed, func(in *incident) {
		// It was delivered within the window, and is of before it.
		if err := in.Prod.RecordLate("eu-west-1", map[string]any{
			"eventName": "ListBuckets", "eventSource": "s3.amazonaws.com",
			"eventTime":    in.began.Add(-13 * time.Hour).Format(time.RFC3339),
			"userIdentity": sessionIdentity("Deploy", "AROA", "totally-alice", in.stolen.key.AccessKeyID),
		}, in.Server.Now()); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, in *incident, report Report) {
		by, history, requests := in.done(report)
		if diff := same(history, by); diff != "" {
			t.Errorf("event history (-), log group (+):\n%s", diff)
		}
		if did := by[in.stolen.key.AccessKeyID]; requests != 0 || did.Calls == 0 || !did.Covered() || did.AskedAt.IsZero() {
			t.Errorf("%d requests, %+v", requests, did)
		}
		const says = "data events included. Records of more than 256 kB are not in it."
		if got := report.LogGroup.Says(); !strings.Contains(got, says) {
			t.Error(got)
		}
		for _, call := range in.Server.Calls("") {
			if call.Service == "logs" && call.Code != "" {
				t.Errorf("%s: %s", call.Action, call.Code)
			}
		}
	})
}

func TestTheLogGroupShowsDataEventsAndRegionsThatAreNotAsked(t *testing.T) {
	trail := fed
	trail.DataEvents = true
	onLogGroup(t, trail, func(in *incident) {
		read := func(region, name string, more map[string]any) {
			record := map[string]any{
				"eventName": name, "eventSource": "s3.amazonaws.com",
				"userIdentity": sessionIdentity("Deploy", in.describe("prod/Deploy").ID, "totally-alice",
					in.stolen.key.AccessKeyID),
			}
			maps.Copy(record, more)
			in.tells(region, record)
		}
		read("eu-west-1", "GetObject", map[string]any{"managementEvent": false, "eventCategory": "Data"})
		read("ap-south-1", "CreateBucket", nil)
		read("eu-west-1", "GetBucketAcl", map[string]any{"eventCategory": "NetworkActivity"})
		read("eu-west-1", "ListObjects", map[string]any{"managementEvent": false, "recipientAccountId": awsbench.DevID})
	}, func(t *testing.T, in *incident, report Report) {
		by, history, _ := in.done(report)
		id := in.stolen.key.AccessKeyID
		if more := by[id].SucceededAfter - history[id].SucceededAfter; more != 1 { // and not the one of the network
			t.Errorf("%d more calls went through: %+v", more, by[id].SucceededAfterCutoff)
		}
		if !slices.ContainsFunc(by[id].SucceededAfterCutoff, func(c Call) bool { return c.Name == "GetObject" }) ||
			!slices.ContainsFunc(by[id].SucceededAfterCutoff, func(c Call) bool { return c.Region == "ap-south-1" }) {
			t.Errorf("%+v", by[id].SucceededAfterCutoff)
		}
		if says := report.LogGroup.Says(); !strings.Contains(says, "data events, calls in ap-south-1 included") {
			t.Error(says)
		}
	})
}

func TestALogGroupThatMayLackSomethingLeavesTheAnswerToTheEventHistory(t *testing.T) {
	trailed := func(change func(*standin.Trail)) standin.Trail {
		trail := fed
		change(&trail)
		return trail
	}
	fault := func(f standin.Fault) func(*incident) {
		return func(in *incident) {
			f.Times = -1
			in.Server.Inject(f)
		}
	}
	nothing := func(*incident) {}
	did := func(name, group string) func(*incident) {
		return func(in *incident) {
			in.tells("eu-west-1", map[string]any{
				"eventName": name, "eventSource": "logs.amazonaws.com", "requestParameters": map[string]any{"logGroupName": group},
				"userIdentity": map[string]any{"type": "IAMUser", "userName": "eve", "arn": "arn:aws:iam::111122223333:user/eve"},
			})
		}
	}
	for name, c := range map[string]struct {
		trail  standin.Trail
		before func(*incident)
		says   string
	}{
		"of one region": {
			trailed(func(t *standin.Trail) { t.SingleRegion = true }), nothing, `its trail "all" records one region only`,
		},
		"without global services": {
			trailed(func(t *standin.Trail) { t.WithoutGlobal = true }), nothing, "leaves out global services",
		},
		"of reads alone": {trailed(func(t *standin.Trail) { t.ReadsOnly = true }), nothing, "leaves out management events"},
		"of reads alone, as advanced selectors say it": {
			trailed(func(t *standin.Trail) { t.ReadsOnly, t.Advanced = true, true }), nothing, "leaves out management events",
		},
		"without a service": {
			trailed(func(t *standin.Trail) { t.Exclude = []string{"kms.amazonaws.com"} }), nothing,
			"leaves out management events",
		},
		"of a trail that is stopped": {
			trailed(func(t *standin.Trail) { t.Stopped = true }), nothing, "does not record",
		},
		"of a trail that cannot deliver": {
			trailed(func(t *standin.Trail) { t.Failing = "AccessDenied" }), nothing, "could not deliver to it lately",
		},
		"of no trail": {trailed(func(t *standin.Trail) { t.LogGroup = "other" }), nothing, "no trail sends its events to it"},
		"of a trail that was stopped for a while": {
			fed, func(in *incident) {
				in.Prod.SetTrail(trailed(func(t *standin.Trail) { t.Began = in.Server.Now() }))
			}, "its trail began to record at",
		},
		"that somebody deleted from": {
			fed, did("DeleteLogStream", "cloudtrail/all"), "user eve changed it or its trail at",
		},
		"whose trail somebody changed": {fed, did("PutEventSelectors", ""), "user eve changed it or its trail at"},
		"that is late": {
			trailed(func(t *standin.Trail) { t.Delay = time.Hour }), nothing,
			"it has not reported as far in eu-west-1, us-east-1",
		},
		"that lacks an opening": {
			trailed(func(t *standin.Trail) {
				t.Lose = func(record string) bool { return strings.Contains(record, `"roleSessionName":"totally-alice"`) }
			}), nothing, "a session that was opened at",
		},
		"that may not be queried": {
			fed, fault(standin.Fault{Action: "StartQuery", Code: "AccessDenied"}), "revokebot is not allowed logs:StartQuery",
		},
		"that may not be read": {
			fed, fault(standin.Fault{Action: "GetQueryResults", Code: "AccessDenied"}),
			"revokebot is not allowed logs:GetQueryResults",
		},
		"whose trail may not be looked at": {
			fed, fault(standin.Fault{Action: "GetTrailStatus", Code: "AccessDenied"}),
			"revokebot is not allowed cloudtrail:GetTrailStatus",
		},
		"with too many queries": {
			fed, fault(standin.Fault{Action: "StartQuery", Code: "LimitExceededException"}), "AWS had too many requests",
		},
		"that does not take the query": {
			fed, fault(standin.Fault{Action: "StartQuery", Code: "MalformedQueryException"}), "AWS refused logs:StartQuery",
		},
		"that was deleted": {
			fed, fault(standin.Fault{Action: "StartQuery", Code: "ResourceNotFoundException"}), "there is no such log group",
		},
		"that hangs": {fed, fault(standin.Fault{Action: "GetQueryResults", Hang: true}), "it did not answer in time"},
		"whose queries do not end": {
			fed, func(in *incident) { in.Server.EndQueriesAs("Running") }, "it did not answer in time",
		},
		"whose queries fail": {
			fed, func(in *incident) { in.Server.EndQueriesAs("Failed") }, "it could not be read to the end",
		},
		"whose queries time out": {
			fed, func(in *incident) { in.Server.EndQueriesAs("Timeout") }, "it could not be read to the end",
		},
		"with more than a query gives": {
			fed, func(in *incident) { in.Server.SetMostRows(5) }, "it has more events than it gives at once",
		},
		"whose events are masked": {
			fed, func(in *incident) {
				in.Server.Twist(standin.From("***.***.***.***"))
				in.alice.mustAssume("Deploy", "alice")
			}, "what it shows is masked",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onLogGroup(t, c.trail, c.before, func(t *testing.T, in *incident, report Report) {
				by, history, requests := in.done(report)
				if diff := same(history, by); diff != "" {
					t.Errorf("event history (-), with a log group (+):\n%s", diff)
				}
				if says := report.LogGroup.Says(); requests == 0 || !strings.Contains(says, c.says) {
					t.Errorf("%d requests, says %q", requests, says)
				}
				if !covered(report.Regions) || report.Sessions == nil {
					t.Errorf("%+v", report.Regions)
				}
			})
		})
	}
}

func TestALogGroupIsBelievedInTheRegionsThatItHasReported(t *testing.T) {
	trail := fed
	trail.Delays = map[string]time.Duration{"us-east-1": time.Hour}
	onLogGroup(t, trail, func(*incident) {}, func(t *testing.T, in *incident, report Report) {
		by, history, _ := in.done(report)
		if diff := same(history, by); diff != "" {
			t.Errorf("event history (-), with a log group (+):\n%s", diff)
		}
		says := report.LogGroup.Says()
		if !strings.Contains(says, "in part from") || !strings.Contains(says, "in us-east-1") {
			t.Error(says)
		}
	})
}

func TestTheTrailOfAnOrganizationAnswersFromAnotherAccount(t *testing.T) {
	const group = "arn:aws:logs:us-east-1:" + awsbench.HubID + ":log-group:org"
	for _, whole := range []bool{true, false} {
		onIncidentIn(t, func(_ *standin.Config, c *aws.Config) { c.Accounts[0].TrailLogGroup = group },
			func(t *testing.T, in *incident) {
				trail := standin.Trail{Name: "org", Region: "us-east-1", LogGroup: "org", Organization: whole, DataEvents: true}
				in.Hub.SetTrail(trail)
				query := strings.ReplaceAll(awsbench.MayQuery, awsbench.LogGroupID, group)
				if err := in.Hub.PutRolePolicy("revokebot-hub", "query", query); err != nil {
					t.Fatal(err)
				}
				in.lookup()
				time.Sleep(10 * time.Minute)
				report := in.lookup()
				by, history, requests := in.done(report)
				if diff := same(history, by); diff != "" {
					t.Errorf("event history (-), log group (+):\n%s", diff)
				}
				says := report.LogGroup.Says()
				if whole != (requests == 0) || whole == strings.Contains(says, "records its own account only") {
					t.Errorf("%v: %d requests, says %q", whole, requests, says)
				}
			})
	}
}
