package trail

import (
	"fmt"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

func TestACallIsOfTheSessionWithItsKeyOrItsNameAndIssueTime(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	session := func(key string, minute int) Session {
		return Session{
			AccessKeyID: key, SessionName: "app", RoleARN: deployARN, RoleID: "AROADEPLOY", Time: at(minute), Kind: KindAssumed,
		}
	}
	old, older := session("ASIAOLD", -20), session("ASIAOLDER", -90)
	fresh, console := session("ASIAFRESH", 5), session("", -40)
	known := []Session{old, older, fresh, console}
	identity := func(role, id, name, key, created, more string) string {
		return fmt.Sprintf(`"userIdentity":{"type":"AssumedRole","principalId":"%s:%s","accessKeyId":%q,"sessionContext":`+
			`{"sessionIssuer":{"type":"Role","principalId":%q,"arn":%q},"attributes":{"creationDate":%q}%s}}`,
			id, name, key, id, role, created, more)
	}
	ours := func(key, created, more string) string {
		return identity(deployARN, "AROADEPLOY", "app", key, created, more)
	}
	other := func(role, id, name string) []string {
		return []string{identity(role, id, name, "", "2026-11-20T11:40:00Z", "")}
	}
	const keyOnly = `"userIdentity":{"type":"AssumedRole","accessKeyId":"ASIAOLD"}`
	const signedIn = `,"signInSessionArn":"arn:aws:signin:us-east-1:111122223333:session/1"`
	for name, c := range map[string]struct {
		identity []string // of calls, the newest first
		want     string   // Session.ID of the newest
		unseen   bool
	}{
		"by key alone":                 {[]string{keyOnly}, "ASIAOLD", false},
		"without a key":                {[]string{ours("", "2026-11-20T11:40:00Z", "")}, "ASIAOLD", false},
		"in the other documented form": {[]string{ours("", "20261120T114000Z", "")}, "ASIAOLD", false},
		"with a key of a service":      {[]string{ours("ASIASERVICE", "2026-11-20T10:30:00Z", "")}, "ASIAOLDER", false},
		"of a console session":         {[]string{ours("ASIAEACH", "2026-11-20T11:20:01Z", "")}, console.ID(), false},
		"since the cutoff":             {[]string{ours("ASIAEACH", "2026-11-20T12:05:00Z", "")}, "ASIAFRESH", false},
		"without a date":               {[]string{ours("", "", "")}, "ASIAFRESH", false},
		"of one that is not known":     {[]string{ours("", "2026-11-20T09:00:00Z", "")}, "app of 2026-11-20T09:00:00Z", true},
		"a minute from the cutoff on":  {[]string{ours("", "2026-11-20T12:00:00Z", "")}, "app of 2026-11-20T12:00:00Z", true},
		"of the same sign-in, renewed": {[]string{
			ours("", "2026-11-20T12:07:00Z", signedIn), ours("", "2026-11-20T11:40:00Z", signedIn),
		}, "app of 2026-11-20T11:40:00Z", true},
		"of another role":     {other("arn:aws:iam::111122223333:role/Other", "AROAX", "app"), "", false},
		"of another account":  {other("arn:aws:iam::999999999999:role/ops/Deploy", "AROAX", "app"), "", false},
		"of a role of before": {other(deployARN, "AROAGONE", "app"), "", false},
		"of another name":     {other(deployARN, "AROADEPLOY", "web"), "", false},
	} {
		g := newGather(ActivityQuery{Sessions: known[:1], Among: known, Cutoff: noon}, []string{"us-east-1"})
		p := page{}
		for i, who := range c.identity {
			record := fmt.Sprintf(`{"eventID":"e%d","eventName":"ListUsers","eventSource":"iam.amazonaws.com",`+
				`"eventTime":%q,%s}`, i, at(10-i).Format(time.RFC3339), who)
			p.events = append(p.events, types.Event{CloudTrailEvent: &record, EventTime: awssdk.Time(at(10 - i))})
		}
		g.take(p, "us-east-1")
		got := g.answer()
		if len(got.Unseen) > 0 != c.unseen || c.unseen && got.Unseen[0].ID() != c.want {
			t.Errorf("%s: unseen %+v", name, got.Unseen)
		}
		for id, did := range got.By {
			if did.Calls > 0 && id != c.want && len(c.identity) == 1 {
				t.Errorf("%s: a call of %q", name, id)
			}
		}
		if c.want != "" && c.want != "ASIAOLD" && got.By[c.want].Calls == 0 {
			t.Errorf("%s: %q has no call", name, c.want)
		}
	}
}

func TestOneNameIsAskedForOnceAndKeysOnlyInDepth(t *testing.T) {
	sessions := []Session{
		{AccessKeyID: "ASIA1", SessionName: "app", RoleARN: deployARN},
		{AccessKeyID: "ASIA2", SessionName: "app", RoleARN: deployARN},
		{SessionName: "console", RoleARN: deployARN},
		{AccessKeyID: "ASIA3"},
		{SessionName: "web", RoleARN: deployARN, ErrorCode: "AccessDenied"},
	}
	for deep, want := range map[bool]int{false: 3, true: 5} {
		if g := newGather(ActivityQuery{Sessions: sessions, Deep: deep}, nil); len(g.questions) != want {
			t.Errorf("deep %v: %d questions", deep, len(g.questions))
		}
	}
}
