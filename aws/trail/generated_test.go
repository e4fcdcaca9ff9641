package trail

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// world is a generated incident: what CloudTrail records of it, and the truth.
type world struct {
	*rand.Rand
	cutoff time.Time
	events []types.Event
	serial int
	in     string // how the attacker is still in, "" if not
	blind  string // why what is recorded does not tell that it is over, "" if it does
	denied bool   // an old session was seen denied
	story  []string
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func (w *world) key() string {
	w.serial++
	return fmt.Sprintf("ASIA%016d", w.serial)
}

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

// record adds an event; the minute is from the cutoff.
func (w *world) record(minute float64, text string) {
	w.serial++
	at := w.at(minute)
	text = fmt.Sprintf(`{"eventID":"e%d","eventTime":%q,"awsRegion":"us-east-1","recipientAccountId":"111122223333",%s}`,
		w.serial, at.Format(time.RFC3339), text)
	w.events = append(w.events, types.Event{CloudTrailEvent: &text, EventTime: awssdk.Time(at)})
}

func (w *world) at(minute float64) time.Time {
	return w.cutoff.Add(time.Duration(minute * float64(time.Minute))).Truncate(time.Second)
}

// holder is a session as its holder has it.
type holder struct {
	key, name, role, id string
	began               time.Time
	minute, ends        float64
}

const otherARN = "arn:aws:iam::111122223333:role/Other"

// open opens a session.
func (w *world) open(minute float64, identity, name, address string, hours float64, role string) holder {
	h := holder{
		w.key(), name, role, map[string]string{deployARN: "AROADEPLOY", otherARN: "AROAOTHER"}[role], w.at(minute),
		minute, minute + 60*hours,
	}
	event, more := "AssumeRole", ""
	if strings.Contains(identity, "WebIdentityUser") {
		event = "AssumeRoleWithWebIdentity"
	}
	if pod, ok := strings.CutPrefix(name, "eks-"); ok {
		more = podTags("prod", "pay", pod)
	}
	w.record(minute, fmt.Sprintf(`"eventName":%q,"eventSource":"sts.amazonaws.com","sourceIPAddress":%q,`+
		`"userIdentity":%s,`+
		`"requestParameters":{"roleArn":%q,"roleSessionName":%q,"durationSeconds":%d%s},"responseElements":{"credentials":`+
		`{"accessKeyId":%q,"expiration":%q},"assumedRoleUser":{"assumedRoleId":"%s:%s"}}`,
		event, address, identity, role, name, int(hours*3600), more, h.key, w.at(h.ends).Format(time.RFC3339), h.id, name))
	return h
}

// call is a call of a session, with a key that may be another one.
func (w *world) call(minute float64, h holder, key, service, name, address, more string) {
	w.record(minute, fmt.Sprintf(`"eventName":%q,"eventSource":"%s.amazonaws.com","sourceIPAddress":%q,`+
		`"userIdentity":%s%s`,
		name, service, address, w.identity(h, key), more))
}

func (w *world) identity(h holder, key string) string {
	return fmt.Sprintf(`{"type":"AssumedRole","principalId":"%s:%s","accountId":"111122223333","accessKeyId":%q,`+
		`"arn":"arn:aws:sts::111122223333:assumed-role/%s/%s","sessionContext":{"sessionIssuer":{"type":"Role",`+
		`"principalId":%q,"arn":%q},"attributes":{"creationDate":%q}}}`, h.id, h.name, key,
		h.role[strings.LastIndexByte(h.role, '/')+1:], h.name, h.id, h.role, h.began.Format(time.RFC3339))
}

const byOurs = `,"errorCode":"AccessDenied","errorMessage":"User: arn:aws:sts::111122223333:assumed-role/Deploy/x ` +
	`is not authorized to perform: iam:ListRoles with an explicit deny in an identity-based policy"`

// refused is a call of an old session that the revocation denied.
func (w *world) refused(minute float64, h holder, address string) {
	if h.ends > minute {
		w.call(minute, h, h.key, "iam", "ListRoles", address, byOurs)
		w.denied = true
	}
}

func user(name string) string {
	return fmt.Sprintf(`{"type":"IAMUser","principalId":"AIDA%s","userName":%q,"accountId":"111122223333",`+
		`"arn":"arn:aws:iam::111122223333:user/%s","accessKeyId":"AKIA%s"}`, name, name, name, name)
}

// party is a user of the role.
type party struct {
	identity func(n int) string
	name     func(n int) string
	address  string // of the opening
	home     string // of the calls
	hours    float64
}

func (w *world) parties() []party {
	same := func(text string) func(int) string { return func(int) string { return text } }
	numbered := func(prefix string) func(int) string { return func(n int) string { return fmt.Sprintf(prefix, n) } }
	const lambda = "lambda.amazonaws.com"
	pod := func(n int) string { return "eks-pay-7d9f8b6c5d-x2k" + string("bcdfghjklm"[n%10]) + "q" }
	all := []party{
		{same(user("ci")), numbered("deploy-%d"), "198.51.100.20", "198.51.100.20", 1},
		{same(user("rosa")), same("rosa@acme.example"), "198.51.100.71", "198.51.100.71", 8},
		{same(user("dual")), same("dual"), "198.51.100.9", "2001:db8:1:2::5", 4},
		{same(user("vpc")), same("vpc"), "198.51.100.30", "10.0.0.9", 6},
		{same(service("ec2.amazonaws.com")), same("i-0aaaaaaaaaaaaaaaa"), "ec2.amazonaws.com", "198.51.100.160", 6},
		{same(service(lambda)), same("release-notes"), lambda, "192.0.2.200", 12},
		{same(service(lambda)), numbered("awslambda_%d_20261130101112345"), lambda, "192.0.2.201", 1},
		{same(service("pods.eks.amazonaws.com")), pod, "pods.eks.amazonaws.com", "192.0.2.202", 6},
		{
			same(oidc("token.actions.githubusercontent.com", "repo:acme@1/shop@2:ref:refs/heads/main")), numbered("run-%d"),
			"192.0.2.50", "192.0.2.50", 1,
		},
		{
			func(n int) string {
				return oidc("agent.buildkite.com", fmt.Sprintf("organization:acme:pipeline:p:commit:%040x:step:deploy", n))
			}, numbered("build-%d"), "192.0.2.60", "192.0.2.60", 1,
		},
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+w.IntN(5)]
}

func (w *world) through(p party, minute float64, h holder, service, name, more string) {
	if p.home == "10.0.0.9" {
		more += `,"vpcEndpointId":"vpce-1","vpcEndpointAccountId":"111122223333"`
	}
	w.call(minute, h, h.key, service, name, p.home, more)
}

// lives plays honest use of the role: the sessions of before, which the revocation denies, and
// those since.
func (w *world) lives(p party) (before, since []holder) {
	n := 0
	for minute := -600 + 100*w.Float64(); minute < -2; minute += 30 + 200*w.Float64() {
		n++
		h := w.open(minute, p.identity(n), p.name(n), p.address, p.hours, deployARN)
		before = append(before, h)
		for range w.IntN(4) {
			w.through(p, min(minute+1+w.Float64()*30, -1), h, "ecs", "UpdateService", "")
		}
	}
	for _, h := range before {
		if w.chance(30) && h.ends > 4 {
			more := byOurs
			w.through(p, 4+6*w.Float64(), h, "iam", "ListRoles", more)
			w.denied = true
		}
	}
	if w.chance(70) && len(before) > 1 {
		n++
		h := w.open(2+10*w.Float64(), p.identity(n), p.name(n), p.address, p.hours, deployARN)
		since = append(since, h)
		w.through(p, 14, h, "ecs", "UpdateService", "")
	}
	return before, since
}

// generate makes an incident.
func generate(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 17)), cutoff: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	crowd := w.parties()
	victim := crowd[0]
	var stolen holder
	var since []holder
	for i, p := range crowd {
		before, after := w.lives(p)
		if i == 0 {
			stolen, since = before[len(before)-1], after
			if stolen.ends < 12 { // one that is alive
				stolen = w.open(-25, p.identity(90), p.name(90), p.address, 4, deployARN)
			}
		}
	}
	w.tell("%s stolen at %v", stolen.name, stolen.minute)
	start := max(stolen.minute+1, -20)
	for i := range 1 + w.IntN(4) {
		w.call(start+float64(i)/4, stolen, stolen.key, "iam", "ListUsers", thief, "")
	}
	for range 6 { // the home is the most used address
		w.through(victim, start, stolen, "ec2", "DescribeInstances", "")
	}
	if w.chance(85) {
		w.refused(5, stolen, thief)
	}
	w.attack(victim, stolen, since, start)
	return w
}

func (w *world) attack(victim party, stolen holder, since []holder, start float64) {
	parent := w.identity(stolen, stolen.key)
	minute := 6 + 10*w.Float64()
	what := w.IntN(26)
	w.tell("attack %d", what)
	switch what {
	case 0:
		w.call(minute, stolen, stolen.key, "ec2", "RunInstances", thief, "")
		w.in = "the old session works"
	case 1:
		w.call(minute, stolen, "", "ec2", "RunInstances", thief, "")
		w.in = "the old session works, without a key"
	case 2:
		w.call(minute, stolen, w.key(), "s3", "CreateBucket", "cloudformation.amazonaws.com", "")
		w.in = "a service works for the old session"
	case 3:
		for range 3 {
			w.call(minute, stolen, w.key(), "ec2", "RunInstances", thief, "")
		}
		w.in = "its console works"
	case 4:
		key := w.key()
		w.call(start+2, stolen, stolen.key, "sts", "GetScopedCredentials", thief, fmt.Sprintf(
			`,"responseElements":{"credentials":{"accessKeyId":%q,"expiration":%q}}`, key,
			w.at(stolen.ends).Format(time.RFC3339)))
		w.call(minute, stolen, key, "ec2", "RunInstances", thief, "")
		w.in = "a scoped key works"
	case 5, 6:
		h := w.open(start+2, parent, "x", thief, 1, otherARN)
		if what == 5 {
			w.call(minute, h, h.key, "ec2", "RunInstances", thief, "")
		}
		w.in = "a session of another role"
	case 7:
		h := w.open(start+2, parent, "x", thief, 0.25, otherARN)
		if h.ends > 30 {
			w.in = "a session of another role"
		}
	case 8:
		h := w.open(0.5, parent, stolen.name, thief, 1, deployARN)
		w.call(minute, h, h.key, "iam", "CreateUser", thief, "")
		w.in = "it assumed itself"
	case 9:
		h := w.open(start+2, parent, "x", thief, 1, otherARN)
		w.open(minute, w.identity(h, h.key), "ci", thief, 1, deployARN)
		w.in = "a round trip"
	case 10:
		w.open(minute, victim.identity(99), victim.name(99), thief, 1, deployARN)
		w.in = "a new session from the attacker's address"
	case 11:
		h := w.open(minute, user("mallory"), "m", "203.0.113.99", 1, deployARN)
		if w.chance(50) {
			w.call(minute+1, h, h.key, "iam", "CreateAccessKey", "203.0.113.99", "")
		}
		w.in = "a stranger since"
	case 12:
		if len(since) > 0 {
			for range 4 {
				w.through(victim, minute+8, since[0], "ec2", "DescribeInstances", "")
			}
			w.call(minute+9, since[0], since[0].key, "iam", "ListUsers", thief, "")
			w.in = "a new session was copied"
		}
	case 13:
		w.call(start+2, stolen, stolen.key, "signin", "CreateBearerToken", thief, "")
		w.in = "a bearer token"
	case 14:
		h := stolen
		h.began = h.began.Add(-17 * time.Minute)
		w.call(minute, h, w.key(), "ec2", "RunInstances", thief, "")
		w.in = "a session whose opening is not recorded"
	case 15:
		if strings.Contains(victim.identity(0), "IAMUser") {
			w.open(minute, victim.identity(99), victim.name(99), "203.0.113.123", 1, deployARN)
			w.in = "a new session by the own key, from a third address"
		}
	case 16:
		h := w.open(-50, user("eve"), "eve", "203.0.113.50", 1, deployARN)
		w.call(-49, h, h.key, "iam", "ListUsers", "203.0.113.50", "")
		w.open(minute, user("eve"), "eve", "203.0.113.50", 1, deployARN)
		w.in = "a stranger of before came back"
	default:
		if !w.denied {
			w.blind = "no session was seen denied"
		}
	}
	if what > 16 && w.chance(20) {
		w.record(minute, `"eventName":"AssumeRole","eventSource":"sts.amazonaws.com","sourceIPAddress":"203.0.113.99",`+
			`"errorCode":"AccessDenied","errorMessage":"User: x is not authorized to perform: sts:AssumeRole on resource: `+
			deployARN+`","userIdentity":`+user("mallory"))
	}
}

// judged puts what is recorded through the judgement, as looks do that read everything.
func (w *world) judged() Judgement {
	regions := []RegionCoverage{{Region: "us-east-1", Covered: true, Reported: w.at(35)}}
	in := JudgeInput{
		RoleARN: deployARN, Since: w.at(-720), Cutoff: w.cutoff, Propagated: w.at(2), Regions: regions, AskedAt: w.at(35),
	}
	all := w.events
	for i := range all { // newest first
		for j := i; j > 0 && all[j].EventTime.After(*all[j-1].EventTime); j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	for _, e := range all {
		if s, ok := decodeEvent(e, "us-east-1"); ok && !s.Derived && strings.EqualFold(s.RoleARN, deployARN) {
			s.After, s.New = after(s.Time, w.cutoff), strings.HasSuffix(s.CallerID, "eve") // as 90 days of others tell
			in.Sessions = append(in.Sessions, s)
		}
	}
	in.Sessions = once(in.Sessions)
	activities := func(sessions []Session) Activities {
		g := newGather(ActivityQuery{Sessions: sessions, Cutoff: w.cutoff, Deep: true}, []string{"us-east-1"})
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
			if child.GoesOn(deployARN, w.at(0)) {
				in.Links = append(in.Links, ChainLink{
					Parent: parent, Child: child, Depth: 1, RoleARN: child.RoleARN, Account: "prod",
					Activity: activities([]Session{child}).By[child.ID()],
				})
			}
		}
	}
	strange := Suspects(in.Sessions, w.cutoff)
	in.Suspects = WithCopied(strange, Copied(in.Sessions, in.Activities, strange))
	return Judge(in)
}

func TestOfGeneratedIncidentsNoneIsContainedWhileTheAttackerIsIn(t *testing.T) {
	const incidents = 200
	over, contained, out, accused := 0, 0, 0, 0
	shown := 0
	for seed := range uint64(incidents) {
		w := generate(seed)
		got := w.judged()
		wrong := false
		switch {
		case w.in != "":
			wrong = got.State == Contained
			if wrong {
				t.Errorf("incident %d: contained, and the attacker is in by %s", seed, w.in)
			}
		default:
			out++
			if got.State == NotContained {
				accused++
				wrong = true
			}
			if w.blind == "" {
				over++
				if got.State == Contained {
					contained++
				} else {
					wrong = true
				}
			}
		}
		if wrong && shown < 12 {
			shown++
			t.Logf("incident %d: %v, in by %q: %q\n%q", seed, got.State, w.in, got.Reasons, w.story)
		}
	}
	t.Logf("%d incidents: %d of %d that are over are contained; %d of %d without an attacker are not contained", incidents,
		contained, over, accused, out)
	if accused*100 > out {
		t.Errorf("%d of %d incidents without an attacker are not contained", accused, out)
	}
	if contained*10 < over*9 {
		t.Errorf("only %d of %d incidents that are over are contained", contained, over)
	}
}
