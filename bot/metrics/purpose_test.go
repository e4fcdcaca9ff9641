package metrics_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// rose is by how much a series has risen; a series that is not there is 0.
func (s *scene) rose(t *testing.T, before map[string]float64, series string, want float64) {
	t.Helper()
	if got := s.now(t)[series] - before[series]; got != want {
		t.Errorf("%s has risen by %v, want %v", series, got, want)
	}
}

const inRedis = "{revokebot}:"

// write puts an event into a log as somebody does who has no key.
func (s *scene) write(t *testing.T, id, seq string, state approvals.State, fields ...any) {
	t.Helper()
	if err := s.DB.XAdd(t.Context(), &redis.XAddArgs{
		Stream: inRedis + "log:" + id, ID: seq + "-0", Values: fields,
	}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.DB.HSet(t.Context(), inRedis+"request:"+id, "seq", seq, "state", string(state)).Err(); err != nil {
		t.Fatal(err)
	}
}

// queue puts an item into the work in the same way.
func (s *scene) queue(t *testing.T, item approvals.Item) {
	t.Helper()
	body, err := json.Marshal(item)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DB.XAdd(t.Context(), &redis.XAddArgs{
		Stream: inRedis + "work", Values: []any{"item", body},
	}).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatNobodySignedIsCountedAsAnAlarmAndItsRequestAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{ErrorsAllowed: true})
		forged := s.Ask()
		forged.CaughtUp()
		before := s.now(t)
		s.write(t, forged.ID, "2", approvals.StateApproved, "type", "approved", "at", forged.Request().Opened.UnixMilli()+1,
			"by", actors.Bob, "source", "envelope forged")
		s.queue(t, approvals.Item{Kind: approvals.KindDeliver, Request: forged.ID})
		s.Settle()
		s.rose(t, before, `revokebot_alarms_total{kind="forged_log"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="revoke",state="failed"}`, 1)
		s.rose(t, before, `revokebot_events_total{event="forged"}`, 1)
		s.rose(t, before, `revokebot_events_total{event="untrusted"}`, 1)

		// A log that is not trusted after its end: an alarm, and no other end.
		ended := s.Ask()
		ended.Approve(actors.Bob)
		ended.Becomes(approvals.StateApplied)
		s.Settle()
		before = s.now(t)
		log := ended.Events()
		at := ended.Request().Ended.UnixMilli()
		s.write(t, ended.ID, strconv.Itoa(len(log)+1), approvals.StateApplied, "type", "held", "at", at, "source", "by hand")
		s.queue(t, approvals.Item{Kind: approvals.KindDeliver, Request: ended.ID})
		s.Settle()
		s.rose(t, before, `revokebot_alarms_total{kind="forged_log"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="revoke",state="failed"}`, 0)
		s.rose(t, before, `revokebot_requests_total{purpose="revoke",state="applied"}`, 0)

		// A click that nobody made.
		before = s.now(t)
		s.queue(t, approvals.Item{Kind: handlers.KindClick, Source: "envelope by hand", Body: json.RawMessage(`{}`)})
		s.Settle()
		s.rose(t, before, `revokebot_alarms_total{kind="forged_log"}`, 1)

		// What was opened under another key ends, and is nobody's attack: the key was changed.
		foreign := s.AskFor(actors.Rosa, "drill staging/"+actors.DeployRole+" why") // which has no survey
		foreign.CaughtUp()
		before = s.now(t)
		first, err := s.DB.XRange(t.Context(), inRedis+"log:"+foreign.ID, "-", "+").Result()
		if err != nil || len(first) != 1 {
			t.Fatal(first, err)
		}
		var fields []any
		for name, value := range first[0].Values {
			if name == "seal" {
				value = "00000000::" + strings.Repeat("A", 86) + "=="
			}
			fields = append(fields, name, value)
		}
		if err := s.DB.Del(t.Context(), inRedis+"log:"+foreign.ID).Err(); err != nil {
			t.Fatal(err)
		}
		s.write(t, foreign.ID, "1", approvals.StateOpen, fields...)
		s.queue(t, approvals.Item{Kind: approvals.KindDeliver, Request: foreign.ID})
		s.Settle()
		s.rose(t, before, `revokebot_events_total{event="forged"}`, 1)
		s.rose(t, before, `revokebot_alarms_total{kind="forged_log"}`, 0)
		s.rose(t, before, `revokebot_requests_total{purpose="unknown",state="failed"}`, 1)
	})
}

func TestADrillIsCountedAsADrillAndAnUndoAsAnUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{})
		before := s.now(t)
		drill := s.AskFor(actors.Rosa, "drill prod/"+actors.DeployRole+" first Monday")
		drill.Approve(actors.Bob)
		drill.Becomes(approvals.StateRehearsed)
		s.Settle()
		s.rose(t, before, `revokebot_requests_total{purpose="drill:revoke",state="open"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="drill:revoke",state="approved"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="drill:revoke",state="rehearsed"}`, 1)
		for series := range s.now(t) {
			if strings.HasPrefix(series, "revokebot_requests_total") && strings.Contains(series, `"revoke"`) {
				s.rose(t, before, series, 0)
			}
			for _, name := range []string{
				"revokebot_click_to_deny", "revokebot_time_to_proof", "revokebot_guard_findings", "revokebot_alarms",
			} {
				if strings.HasPrefix(series, name) {
					s.rose(t, before, series, 0)
				}
			}
		}
		void := s.AskFor(actors.Rosa, "drill prod/"+actors.DeployRole+" second Monday")
		if _, err := s.World.Prod.RecreateRole(actors.DeployRole); err != nil {
			t.Fatal(err)
		}
		void.Approve(actors.Bob)
		void.Becomes(approvals.StateVoid)
		s.rose(t, before, `revokebot_requests_total{purpose="drill:revoke",state="void"}`, 1)

		card := s.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		undo := s.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
		undo.Approve(actors.Bob)
		undo.Becomes(approvals.StateApplied)
		s.rose(t, before, `revokebot_requests_total{purpose="revoke",state="applied"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="undo:revoke",state="applied"}`, 1)
		s.rose(t, before, `revokebot_requests_total{purpose="revoke",state="void"}`, 0)
	})
}

func TestAGuardThatGivesUpRaisesItsAlarmAndAVerdictCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bench.Options{
			Guard: []time.Duration{5 * time.Second}, FollowUps: []time.Duration{5 * time.Minute, 10 * time.Minute},
			ErrorsAllowed: true,
		})
		before := s.now(t)
		card := s.Ask()
		time.Sleep(time.Minute)
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if sum, n := s.sum(t, "revokebot_request_to_approval_seconds"); n != 1 || sum < 60 || sum > 62 {
			t.Errorf("%d approvals took %v s, and the approver a minute", n, sum)
		}
		s.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Times: 100})
		if _, err := iam.NewFromConfig(s.SDK(s.World.Rival)).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String("AWSRevokeOlderSessions"),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.rose(t, before, `revokebot_alarms_total{kind="guard_gave_up"}`, 1)
		time.Sleep(time.Hour)
		s.rose(t, before, `revokebot_verdicts_total{verdict="not_contained"}`, 1)

		s.AWS.ClearFaults()
		quiet := s.AskFor(actors.Rosa, "staging/"+actors.DeployRole+" nothing happens there")
		quiet.Approve(actors.Bob)
		quiet.Becomes(approvals.StateApplied)
		time.Sleep(time.Hour)
		verdicts := 0
		for _, e := range quiet.Events() {
			if e.Type == approvals.EventVerdict {
				verdicts++
			}
		}
		if verdicts < 2 {
			t.Errorf("%d verdicts", verdicts)
		}
		s.rose(t, before, `revokebot_verdicts_total{verdict="unknown"}`, 1)
		s.rose(t, before, `revokebot_verdicts_total{verdict="contained"}`, 0)
	})
}
