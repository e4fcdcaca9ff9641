package actors_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/sandbox/actors"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// judged is what the bot makes of a day that ended a moment ago, in lines without ids, keys and
// dates.
type judged struct{ Sessions, Suspects []string }

// judge asks CloudTrail as the bot does after a revocation, with the sandbox's window of twelve
// hours.
func (d day) judge() judged {
	d.t.Helper()
	cloud, err := aws.New(aws.Config{
		Accounts: []aws.Account{{
			Name: "prod", ID: actors.ProdID, AssumeRole: d.world.Spokes["prod"], ExternalID: actors.ExternalID,
			Regions: []string{"us-east-1", "eu-west-1"},
		}},
		Logger: slog.New(slog.DiscardHandler),
		SDK: awssdk.Config{
			BaseEndpoint: awssdk.String("http://aws"), HTTPClient: &http.Client{Transport: d.server.Direct()},
			Credentials: credentials.NewStaticCredentialsProvider(d.world.Bot.AccessKeyID, d.world.Bot.SecretAccessKey, ""),
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	now := d.server.Now()
	report, err := trail.New(cloud).Lookup(d.t.Context(), trail.LookupQuery{
		AccountName: "prod", RoleARN: d.world.Role, Since: now.Add(-12 * time.Hour), Cutoff: now,
		Limit: 1000, Wide: true,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	var found judged
	line := func(s trail.Session) string {
		ago := d.ended.Sub(s.Time)
		return fmt.Sprintf("%v ago %s %q from %s in %s", ago, s.Caller, s.SessionName, s.SourceAddress, s.Region)
	}
	for _, s := range report.Sessions {
		found.Sessions = append(found.Sessions, line(s))
	}
	for _, s := range trail.Suspects(report.Sessions, now) {
		found.Suspects = append(found.Suspects, fmt.Sprintf("%s: %v, %v", line(s.Session), s.Address, s.Caller))
	}
	return found
}

func TestTheDayIsTheSameAtWhateverHourItEnds(t *testing.T) {
	var first judged
	starts := []time.Duration{10*time.Hour + 28*time.Minute, 18*time.Hour - time.Second}
	for hour := range 24 {
		starts = append(starts, time.Duration(hour)*time.Hour)
	}
	for i, start := range starts {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(start) // a bubble begins at midnight UTC
				found := liveThrough(t, standin.Config{}).judge()
				if i == 0 {
					first = found
				}
				if diff := cmp.Diff(first, found); diff != "" {
					t.Errorf("it is not the day that ends at %v (-) but (+)\n%s", starts[0], diff)
				}
			})
		})
	}
}

func TestOnlyTheThiefIsUnusualHoweverSlowlyTheSandboxStarts(t *testing.T) {
	const thief = `user report-export "" from 203.0.113.66 in us-east-1`
	synctest.Test(t, func(t *testing.T) {
		d := liveThrough(t, standin.Config{})
		for _, minutes := range []int{0, 5, 15} {
			time.Sleep(time.Duration(minutes) * time.Minute)
			found := d.judge()
			if s := found.Suspects; len(s) != 1 || !strings.Contains(s[0], thief) {
				t.Errorf("%d minutes later these are unusual:\n%s", minutes, strings.Join(s, "\n"))
			}
			newest := strings.Join(found.Sessions[:min(15, len(found.Sessions))], "\n")
			for _, want := range []string{`"github-18220"`, `"tomas@acme.example"`, `"release-notes"`} {
				if !strings.Contains(newest, want) {
					t.Errorf("%d minutes later no %s is among the newest sessions:\n%s", minutes, want, newest)
				}
			}
		}
	})
}
