package incidents_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

const (
	incidentRole = "IncidentRole"
	incidentUser = "incident-user"
	margin       = 30 * time.Second
	trailDelay   = 2 * time.Minute
	// prelude is how long before the cutoff the request is made.
	prelude = 90 * time.Second

	// logGroup is the log group that deploy/log-group-policy.json names.
	logGroup = "arn:aws:logs:us-east-1:" + actors.ProdID + ":log-group:aws-cloudtrail-logs"

	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + actors.ProdID +
		`:root"},"Action":"sts:AssumeRole"}]}`
	work = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:*","iam:*","ssm:*"],` +
		`"Resource":"*"}]}`
)

// begins is when every timeline begins on the store's clock.
var begins = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// play plays a timeline through the whole bot. It has to be called in a bubble.
func play(t *testing.T, line timeline) outcome {
	t.Helper()
	time.Sleep(time.Until(begins))
	b := bench.New(t, bench.Options{
		Margin: margin, FollowUps: durations(line.Settings.FollowUps), Guard: durations(line.Settings.Guard),
		TrailDelay: trailDelay, ClockOffset: time.Duration(line.Settings.ClockOffset),
		Bot: func(c *bot.Config) { c.Handlers.Lookback = time.Duration(line.Settings.Lookback) },
		Cloud: func(c *aws.Config) {
			for i := range c.Accounts {
				c.Accounts[i].Regions = line.Settings.Regions
			}
			if line.logGroup {
				c.Accounts[0].TrailLogGroup = logGroup
			}
		},
	})
	prod := b.World.Prod
	if line.logGroup {
		trail := awsstandin.Trail{Name: "all", Region: "us-east-1", LogGroup: "aws-cloudtrail-logs"}
		if line.trail != nil {
			line.trail(&trail)
		}
		prod.SetTrail(trail)
		if err := prod.PutRolePolicy("revokebot-spoke", "trail-log-group", deploy.LogGroupPolicy); err != nil {
			t.Fatal(err)
		}
	}
	policies := map[string]string{"work": work}
	if line.standing != "" {
		policies["standing"] = line.standing
	}
	role, err := prod.NewRole(awsstandin.RoleSpec{Name: incidentRole, Trust: trust, Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	asked := incidentRole
	words := map[string]string{
		"account": prod.ID(), "role.arn": role.ARN, "role.id": role.UniqueID, "role.name": role.Name,
	}
	if line.User {
		key, err := prod.NewUser(awsstandin.UserSpec{Name: incidentUser, Policies: map[string]string{"work": work}})
		if err != nil {
			t.Fatal(err)
		}
		user, _ := prod.User(incidentUser)
		asked = key.AccessKeyID
		words["key"], words["user.arn"], words["user.id"], words["user.name"] = asked, user.ARN, user.UniqueID, incidentUser
	}
	cutoff := b.AWS.Now().Truncate(time.Second).Add(5 * time.Minute)
	at := func(o offset) time.Time { return cutoff.Add(time.Duration(o)) }
	if line.events != nil {
		line.Events = line.events(role, cutoff)
	}

	var card bench.Card
	type moment struct {
		at time.Time
		do func()
	}
	var moments []moment
	deny := map[string]string{} // what stood on the role beside its own policies, by name
	for _, e := range line.forged {
		if err := prod.PutLogEvent(e.Region, recordOf(t, e, words, cutoff), at(*e.Delivered)); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range line.odd {
		_ = prod.RecordEvent(e.Region, recordOf(t, e, words, cutoff))
	}
	for _, e := range line.Events {
		record := recordOf(t, e, words, cutoff)
		var delivered time.Time
		if e.Delivered != nil {
			delivered = at(*e.Delivered)
		}
		if err := prod.RecordLate(e.Region, record, delivered); err != nil {
			t.Fatal(err)
		}
		if isOf(record, role) {
			moments = append(moments, moment{at(e.At), func() { _ = prod.UseRole(incidentRole, e.Region) }})
		}
	}
	for _, a := range line.Acts {
		moments = append(moments, moment{at(a.At), func() { perform(t, b, card, a, cutoff, deny) }})
	}

	// AWS's clock counts here.
	wait := func(until time.Time) { time.Sleep(until.Sub(b.AWS.Now())) }
	moments = append(moments,
		moment{cutoff.Add(-prelude), func() { card = b.AskFor(actors.Rosa, "prod/"+asked+" key pasted in a gist") }},
		moment{cutoff.Add(-margin - time.Second), func() { card.Approve(actors.Bob) }},
	)
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range moments {
		wait(m.at)
		m.do()
	}
	wait(cutoff.Add(line.until()))
	card.CaughtUp()

	if card.State() != approvals.StateApplied {
		t.Fatalf("the request is %s\n%s", card.State(), b.Transcript())
	}
	events := card.Events()
	if off := firstCutoff(events).Sub(cutoff).Abs(); off > 2*time.Second {
		t.Fatalf("the cutoff is %v off", off)
	}
	return told(b, card, events)
}

func perform(
	t *testing.T, b *bench.Bench, card bench.Card, a act, cutoff time.Time, deny map[string]string,
) {
	t.Helper()
	switch a.Do {
	case "activate-key", "deactivate-key":
		key := card.Request().Subject.Part
		status := map[string]string{"activate-key": "Active", "deactivate-key": "Inactive"}[a.Do]
		if err := b.World.Prod.SetKeyStatus(incidentUser, key, status); err != nil {
			t.Error(err)
		}
		changed(t, b, "UpdateAccessKey", map[string]any{"userName": incidentUser, "accessKeyId": key, "status": status})
	case "delete-user-policy":
		const name = "RevokebotOlderSessions"
		if err := b.World.Prod.DeleteUserPolicy(incidentUser, name); err != nil {
			t.Error(err)
		}
		changed(t, b, "DeleteUserPolicy", map[string]any{"userName": incidentUser, "policyName": name})
	case "rename-user":
		if err := b.World.Prod.RenameUser(incidentUser, "renamed-user"); err != nil {
			t.Error(err)
		}
	case "delete-key":
		if err := b.World.Prod.DeleteAccessKey("renamed-user", card.Request().Subject.Part); err != nil {
			t.Error(err)
		}
	case "recreate-user":
		if err := b.World.Prod.DeleteUser(incidentUser); err != nil {
			t.Error(err)
		}
		if _, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: incidentUser}); err != nil {
			t.Error(err)
		}
	case "delete-policy":
		role, _ := b.World.Prod.Role(incidentRole)
		for name, text := range role.Policies {
			if name == "work" || name == "standing" {
				continue
			}
			deny[name] = text
			if err := b.World.Prod.DeleteRolePolicy(incidentRole, name); err != nil {
				t.Error(err)
			}
			changed(t, b, "DeleteRolePolicy", map[string]any{"roleName": incidentRole, "policyName": name})
		}
	case "put-policy": // somebody puts back what was deleted, or what stands once more
		role, _ := b.World.Prod.Role(incidentRole)
		for name, text := range deny {
			text = cmp.Or(role.Policies[name], text)
			if err := b.World.Prod.PutRolePolicy(incidentRole, name, text); err != nil {
				t.Error(err)
			}
			changed(t, b, "PutRolePolicy", map[string]any{
				"roleName": incidentRole, "policyName": name, "policyDocument": text,
			})
		}
	case "call-ours": // a person presses the button of the caller that an item of Act now names
		for _, m := range b.Slack.Messages(actors.Incident) {
			var blocks []struct {
				Text      struct{ Text string }
				Accessory struct {
					ActionID string `json:"action_id"`
					Value    string
				}
			}
			if m.ThreadTS != card.TS || json.Unmarshal(m.Blocks, &blocks) != nil {
				continue
			}
			for _, block := range blocks {
				if block.Accessory.ActionID != messages.ActionOurs || !strings.Contains(block.Text.Text, a.Caller) {
					continue
				}
				if _, err := b.Slack.Click(t.Context(), actors.Nils, slack.Click{
					ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionOurs, Value: block.Accessory.Value,
				}); err != nil {
					t.Error(err)
				}
				return
			}
		}
		t.Errorf("there is no button for %q\n%s", a.Caller, b.Transcript())
	case "refuse":
		b.AWS.Inject(awsstandin.Fault{Action: a.Action, Region: a.Region, Code: a.Code, Times: -1})
	case "hang":
		b.AWS.Inject(awsstandin.Fault{Service: a.Action, Region: a.Region, Hang: true, Times: -1})
	case "change-clock":
		b.AWS.Inject(awsstandin.Fault{Service: a.Action, Region: a.Region, Clock: time.Duration(a.By), Times: -1})
	case "delay-trail":
		b.World.Prod.HoldTrail(a.Region, cutoff.Add(time.Duration(a.At+a.By)))
	default:
		t.Fatalf("nothing is known of the act %q", a.Do)
	}
}

// changed has CloudTrail tell that somebody changed an inline policy or a key.
func changed(t *testing.T, b *bench.Bench, call string, asked map[string]any) {
	t.Helper()
	if err := b.World.Prod.RecordEvent("us-east-1", map[string]any{
		"eventSource": "iam.amazonaws.com", "eventName": call, "readOnly": false, "requestParameters": asked,
		"userIdentity": map[string]any{
			"type": "IAMUser", "userName": "eve", "arn": "arn:aws:iam::" + actors.ProdID + ":user/eve",
			"accountId": actors.ProdID,
		},
	}); err != nil {
		t.Error(err)
	}
}

// firstCutoff is that of the first write.
func firstCutoff(events []approvals.Event) time.Time {
	for _, e := range events {
		if a, err := record.Detail[record.Applied](e); err == nil && e.Type == approvals.EventApplied {
			return a.Cutoff
		}
	}
	return time.Time{}
}

// told reads the outcome from the log and from what Slack shows.
func told(b *bench.Bench, card bench.Card, events []approvals.Event) outcome {
	var o outcome
	for _, e := range events {
		c, err := record.Detail[record.Conclusion](e)
		if e.Type == approvals.EventVerdict && err == nil {
			o.verdict = string(c.Word)
		}
	}
	var thread strings.Builder
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS != card.TS && m.TS != card.TS || m.Ephemeral {
			continue
		}
		text := m.Text + "\n" + texts(m.Blocks)
		thread.WriteString(text)
		if m.TS != card.TS && o.verdict != "" && strings.Contains(strings.ToLower(m.Text), "*"+o.verdict) {
			o.message = text
		}
	}
	o.thread = thread.String()
	return o
}

// texts are all the strings of a message's blocks.
func texts(raw []byte) string {
	var blocks any
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(blocks)
	return b.String()
}
