package incidents_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/incidents/generated"
)

var incidents = flag.Uint64("incidents", 4, "play this `number` of generated incidents")

// everyMinutes is a schedule.
func everyMinutes(minutes ...int) []offset {
	list := make([]offset, len(minutes))
	for i, m := range minutes {
		list[i] = offset(m) * offset(time.Minute)
	}
	return list
}

// generatedTimeline makes the timeline of a seed: in every fifth, CloudTrail of a region falls
// silent for a while.
func generatedTimeline(seed uint64, made **generated.Incident) timeline {
	line := timeline{
		logGroup: *byLogGroup,
		Settings: settings{
			Lookback: offset(12 * time.Hour), Regions: []string{"us-east-1", "eu-west-1"},
			FollowUps: everyMinutes(5, 16, 30), Guard: everyMinutes(1, 6, 15, 25),
		},
		events: func(r awsstandin.Role, cutoff time.Time) (list []event) {
			*made = generated.New(seed, generated.Role{Account: actors.ProdID, ARN: r.ARN, ID: r.UniqueID}, cutoff, true)
			for _, e := range (*made).Events {
				one := event{At: offset(e.At.Sub(cutoff)), Region: e.Region, Record: json.RawMessage(e.Record)}
				if !e.Delivered.IsZero() {
					delivered := offset(e.Delivered.Sub(cutoff))
					one.Delivered = &delivered
				}
				list = append(list, one)
			}
			return list
		},
	}
	if dice := rand.New(rand.NewPCG(seed, 19)); dice.IntN(5) == 0 {
		line.Acts = []act{{
			At: offset(time.Duration(dice.IntN(20)-5) * time.Minute), Do: "delay-trail",
			Region: line.Settings.Regions[dice.IntN(2)], By: offset(time.Duration(3+dice.IntN(12)) * time.Minute),
		}}
	}
	return line
}

func TestOfGeneratedIncidentsTheBotCallsNoneContainedWhileTheAttackerIsIn(t *testing.T) {
	var score generated.Score
	t.Run("incidents", func(t *testing.T) {
		for seed := range *incidents {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var made *generated.Incident
					got := play(t, generatedTimeline(seed, &made))
					score.Count(t, seed, made, got.verdict, got.message)
				})
			})
		}
	})
	score.Check(t)
}
