package trail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// opens records that a user opened a session of a role.
func (b *bench) opens(roleARN, user, session, address string, ago time.Duration) {
	b.T.Helper()
	b.tells("us-east-1", map[string]any{
		"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com", "sourceIPAddress": address,
		"eventTime": b.Server.Now().Add(-ago).UTC().Format(time.RFC3339),
		"userIdentity": map[string]any{
			"type": "IAMUser", "principalId": "AIDA" + user, "userName": user, "accountId": awsbench.ProdID,
			"arn": "arn:aws:iam::" + awsbench.ProdID + ":user/" + user, "accessKeyId": "AKIA" + user,
		},
		"requestParameters": map[string]any{"roleArn": roleARN, "roleSessionName": session},
		"responseElements":  map[string]any{"credentials": map[string]any{"accessKeyId": "ASIA" + session}},
		"resources":         []map[string]any{{"type": "AWS::IAM::Role", "ARN": roleARN}},
	})
}

func TestWhatTheNinetyDaysShowOfACallerIsAskedOnce(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		now := b.Server.Now()
		b.opens(role.ARN, "alice", "a0", office, 30*24*time.Hour)
		b.opens(role.ARN, "alice", "a1", office, time.Hour)
		b.opens(role.ARN, "mallory", "m1", thief, 30*time.Minute)
		b.opens(role.ARN, "carol", "c0", office, 20*24*time.Hour)
		b.opens(role.ARN, "carol", "c1", office, 6*time.Hour)
		b.opens(role.ARN, "carol", "c2", "192.0.2.7", 2*time.Hour)
		look := func(past []Past) (got Report, asked int) {
			t.Helper()
			n := len(b.Server.Calls("LookupEvents"))
			got, err := b.trail.Lookup(t.Context(), LookupQuery{
				AccountName: "prod", RoleARN: role.ARN, Since: now.Add(-12 * time.Hour), Cutoff: now, Wide: true, Past: past,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Server.Calls("LookupEvents")[n:] {
				if c.Params["EndTime"] != "" {
					asked++
				}
			}
			return got, asked
		}
		marks := func(r Report) map[string]string {
			told := map[string]string{}
			for _, s := range r.Sessions {
				told[s.SessionName] = map[bool]string{true: "new "}[s.New] + map[bool]string{true: "usual "}[s.Usual] +
					map[bool]string{true: "seen"}[!s.Before.IsZero()]
			}
			return told
		}
		first, asked := look(nil)
		want := map[string]string{"a1": "usual seen", "m1": "new ", "c1": "usual seen", "c2": "seen"}
		if diff := cmp.Diff(want, marks(first)); diff != "" || asked == 0 || len(first.Past) != 3 {
			t.Fatalf("%d requests found out %+v (-want +got):\n%s", asked, first.Past, diff)
		}
		again, asked := look(first.Past)
		for _, name := range []string{"a1", "c1"} { // only an address that is in doubt has to be usual
			want[name] = "seen"
		}
		if diff := cmp.Diff(want, marks(again)); diff != "" || asked != 0 || len(again.Past) != 0 {
			t.Errorf("%d requests found out %+v (-want +got):\n%s", asked, again.Past, diff)
		}
		// another address of a caller who is known
		b.opens(role.ARN, "carol", "c3", "192.0.2.8", 10*time.Minute)
		if _, asked = look(first.Past); asked == 0 {
			t.Error("the new address was not asked about")
		}
		// What a region did not answer is not known.
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Region: "eu-west-1", Code: "AccessDenied", Times: -1})
		failed, _ := look(nil)
		for _, p := range failed.Past {
			if p.Seen.IsZero() || p.Network.IsValid() {
				t.Errorf("kept: %+v", p)
			}
		}
	})
}

func TestACallerWhoComesBackIsNotKnownForHavingComeInACrowd(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		now := b.Server.Now()
		b.opens(role.ARN, "alice", "a0", office, 30*24*time.Hour)
		b.opens(role.ARN, "alice", "a1", office, 7*time.Hour)
		b.opens(role.ARN, "alice", "a2", office, 4*time.Hour)
		b.opens(role.ARN, "alice", "a3", office, time.Hour)
		for i := range 2 * mostPast { // each comes for one hour
			name := fmt.Sprintf("eve%02d", i)
			b.opens(role.ARN, name, name, fmt.Sprintf("192.0.2.%d", i), 150*time.Minute)
			b.opens(role.ARN, name, name+"back", fmt.Sprintf("192.0.2.%d", i), 100*time.Minute)
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: role.ARN, Since: now.Add(-12 * time.Hour), Cutoff: now.Add(-2 * time.Hour), Wide: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Sessions {
			if known := strings.HasPrefix(s.SessionName, "a"); s.Issued() && s.New == known {
				t.Errorf("%s: new %v", s.SessionName, s.New)
			}
		}
	})
}
