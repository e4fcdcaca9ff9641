// Package generated makes incidents of which the truth is known: who used a role, what an attacker
// did with a stolen session, what CloudTrail records of it, and whether the attacker is still in.
//
// The judgement alone is tested with thousands of them (aws/trail), the whole bot with hundreds
// (sandbox/incidents). An incident follows from its seed.
package generated

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Role is the role whose session is stolen.
type Role struct{ Account, ARN, ID string }

// Event is a record of CloudTrail, JSON. Delivered is when LookupEvents first shows it; zero: after
// the usual delay.
type Event struct {
	At, Delivered time.Time
	Region        string
	Record        string
}

// Incident is what CloudTrail records, and the truth. Everything was done 25 minutes after the
// cutoff.
type Incident struct {
	Events []Event
	In     string   // how the attacker is still in, "" if not
	Blind  string   // why what is recorded does not tell that it is over, "" if it does
	Denied bool     // an old session was seen denied
	Story  []string // for people

	*rand.Rand
	unkind *rand.Rand // when and where events are shown
	role   Role
	cutoff time.Time
	serial int
}

// New makes an incident. If CloudTrail is unkind, the events lie in the regions us-east-1 and
// eu-west-1, and some are shown late and out of order; else all lie in us-east-1.
func New(seed uint64, role Role, cutoff time.Time, unkind bool) *Incident {
	w := &Incident{Rand: rand.New(rand.NewPCG(seed, 17)), role: role, cutoff: cutoff}
	if unkind {
		w.unkind = rand.New(rand.NewPCG(seed, 18))
	}
	w.happens()
	return w
}

func (w *Incident) tell(format string, args ...any) {
	w.Story = append(w.Story, fmt.Sprintf(format, args...))
}

func (w *Incident) key() string {
	w.serial++
	return fmt.Sprintf("ASIA%016d", w.serial)
}

func (w *Incident) chance(percent int) bool { return w.IntN(100) < percent }

// at is a minute from the cutoff on.
func (w *Incident) at(minute float64) time.Time {
	return w.cutoff.Add(time.Duration(minute * float64(time.Minute))).Truncate(time.Second)
}

// shownBy is the minute until which all events are shown.
const shownBy = 29

// record adds an event; IAM's are in its home region.
func (w *Incident) record(minute float64, service, name, text string) {
	w.serial++
	e := Event{At: w.at(minute), Region: "us-east-1"}
	if w.unkind != nil {
		if service != "iam" && w.unkind.IntN(3) == 0 {
			e.Region = "eu-west-1"
		}
		if late := minute + 2 + 10*w.unkind.Float64(); w.unkind.IntN(6) == 0 {
			e.Delivered = w.at(min(late, shownBy))
		}
	}
	e.Record = fmt.Sprintf(`{"eventID":"e%d","eventTime":%q,"awsRegion":%q,"recipientAccountId":%q,"eventName":%q,`+
		`"eventSource":"%s.amazonaws.com",%s}`, w.serial, stamp(e.At), e.Region, w.role.Account, name, service, text)
	w.Events = append(w.Events, e)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// holder is a session as its holder has it.
type holder struct {
	key, name, role, id string
	began               time.Time
	minute, ends        float64
}

const otherID = "AROAOTHER00000000000A"

func (w *Incident) other() string { return "arn:aws:iam::" + w.role.Account + ":role/Other" }

// open opens a session.
func (w *Incident) open(minute float64, identity, name, address string, hours float64, role string) holder {
	h := holder{w.key(), name, role, w.role.ID, w.at(minute), minute, minute + 60*hours}
	if role != w.role.ARN {
		h.id = otherID
	}
	event, more := "AssumeRole", ""
	if strings.Contains(identity, "WebIdentityUser") {
		event = "AssumeRoleWithWebIdentity"
	}
	if pod, ok := strings.CutPrefix(name, "eks-"); ok {
		more = podTags("prod", "pay", pod)
	}
	w.record(minute, "sts", event, fmt.Sprintf(`"sourceIPAddress":%q,"userIdentity":%s,`+
		`"requestParameters":{"roleArn":%q,"roleSessionName":%q,"durationSeconds":%d%s},"responseElements":{"credentials":`+
		`{"accessKeyId":%q,"expiration":%q},"assumedRoleUser":{"assumedRoleId":"%s:%s","arn":%q}},`+
		`"resources":[{"accountId":%q,"type":"AWS::IAM::Role","ARN":%q}]`,
		address, identity, role, name, int(hours*3600), more, h.key, stamp(w.at(h.ends)), h.id, name, w.sessionARN(h),
		w.role.Account, role))
	return h
}

// call is a call of a session, with a key that may be another one.
func (w *Incident) call(minute float64, h holder, key, service, name, address, more string) {
	w.record(minute, service, name, fmt.Sprintf(`"sourceIPAddress":%q,"userIdentity":%s%s`, address, w.identity(h, key),
		more))
}

func (w *Incident) sessionARN(h holder) string {
	name := h.role[strings.LastIndexByte(h.role, '/')+1:]
	return "arn:aws:sts::" + w.role.Account + ":assumed-role/" + name + "/" + h.name
}

func (w *Incident) identity(h holder, key string) string {
	return fmt.Sprintf(`{"type":"AssumedRole","principalId":"%s:%s","accountId":%q,"accessKeyId":%q,"arn":%q,`+
		`"sessionContext":{"sessionIssuer":{"type":"Role","principalId":%q,"arn":%q},"attributes":{"creationDate":%q}}}`,
		h.id, h.name, w.role.Account, key, w.sessionARN(h), h.id, h.role, stamp(h.began))
}

// byOurs is what a call has that the revocation denied.
func (w *Incident) byOurs(h holder) string {
	return fmt.Sprintf(`,"errorCode":"AccessDenied","errorMessage":"User: %s is not authorized to perform: iam:ListRoles `+
		`with an explicit deny in an identity-based policy"`, w.sessionARN(h))
}

// refused is a call of an old session that the revocation denied.
func (w *Incident) refused(minute float64, h holder, address string) {
	if h.ends > minute {
		w.call(minute, h, h.key, "iam", "ListRoles", address, w.byOurs(h))
		w.Denied = true
	}
}
