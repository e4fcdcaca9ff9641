package trail

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/sandbox/incidents/generated"
)

var incidents = flag.Uint64("incidents", 200, "judge this `number` of generated incidents")

// judged puts what is recorded through the judgement, as checks do that read everything.
func judged(w *generated.Incident, cutoff time.Time) Judgement {
	at := func(minute time.Duration) time.Time { return cutoff.Add(minute * time.Minute) }
	regions := []RegionCoverage{{Region: "us-east-1", Covered: true, Reported: at(35)}}
	in := JudgeInput{
		RoleARN: deployARN, Since: at(-720), Cutoff: cutoff, Propagated: at(2), Regions: regions, AskedAt: at(35),
	}
	var all []types.Event
	before := map[string]time.Time{} // the window, by caller
	for _, e := range w.Events {
		event := types.Event{CloudTrailEvent: awssdk.String(e.Record), EventTime: awssdk.Time(e.At)}
		if !e.At.Before(in.Since) {
			all = append(all, event)
		} else if s, ok := decodeEvent(event, e.Region); ok {
			before[s.CallerID] = s.Time
		}
	}
	slices.SortStableFunc(all, func(a, b types.Event) int { return b.EventTime.Compare(*a.EventTime) })
	for _, e := range all {
		if s, ok := decodeEvent(e, "us-east-1"); ok && !s.Derived && strings.EqualFold(s.RoleARN, deployARN) {
			s.After, s.Before = after(s.Time, cutoff), before[s.CallerID]
			s.New = s.Before.IsZero()
			in.Sessions = append(in.Sessions, s)
		}
	}
	in.Sessions = once(in.Sessions)
	activities := func(sessions []Session) Activities {
		g := newGather(ActivityQuery{Sessions: sessions, Cutoff: cutoff, Deep: true}, []string{"us-east-1"})
		for _, q := range g.questions {
			q.regions = regions
		}
		g.take(page{events: all}, "us-east-1")
		return g.answer()
	}
	did := activities(in.Sessions)
	in.Activities, in.Sessions = did.By, append(in.Sessions, did.Unseen...)
	for _, parent := range in.Sessions {
		for _, child := range did.By[parent.ID()].Assumed {
			if child.GoesOn(deployARN, cutoff, at(35)) {
				in.Links = append(in.Links, ChainLink{
					Parent: parent, Child: child, Depth: 1, RoleARN: child.RoleARN, Account: "prod",
					Activity: activities([]Session{child}).By[child.ID()],
				})
			}
		}
	}
	strange := Suspects(in.Sessions, cutoff)
	in.Suspects = WithCopied(strange, Copied(in.Sessions, in.Activities, strange))
	return Assess(in)
}

func TestOfGeneratedIncidentsNoneIsContainedWhileTheAttackerIsIn(t *testing.T) {
	role := generated.Role{Account: "111122223333", ARN: deployARN, ID: "AROADEPLOY"}
	cutoff := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var score generated.Score
	for seed := range *incidents {
		w := generated.New(seed, role, cutoff, false)
		got := judged(w, cutoff)
		score.Count(t, seed, w, string(got.State), strings.Join(got.Reasons, "\n"))
	}
	score.Check(t)
}
