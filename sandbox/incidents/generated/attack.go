package generated

import (
	"fmt"
	"strings"
	"time"
)

const thief = "198.51.100.66" // the attacker's address

// happens plays the incident.
func (w *Incident) happens() {
	crowd := w.parties()
	victim := crowd[0]
	var stolen holder
	var since []holder
	for i, p := range crowd {
		before, after := w.lives(p)
		if i == 0 {
			stolen, since = before[len(before)-1], after
			if stolen.ends < 17 { // one that is alive
				stolen = w.open(-25, p.identity(90), p.name(90), p.address, 4, w.role.ARN)
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
}

// attack is what the attacker does besides: nothing in every third incident.
func (w *Incident) attack(victim party, stolen holder, since []holder, start float64) {
	parent := w.identity(stolen, stolen.key)
	minute := 6 + 10*w.Float64()
	what := w.IntN(26)
	w.tell("attack %d", what)
	switch what {
	case 0:
		w.call(minute, stolen, stolen.key, "ec2", "RunInstances", thief, "")
		w.In = "the old session works"
	case 1:
		w.call(minute, stolen, "", "ec2", "RunInstances", thief, "")
		w.In = "the old session works, without a key"
	case 2:
		w.call(minute, stolen, w.key(), "s3", "CreateBucket", "cloudformation.amazonaws.com", "")
		w.In = "a service works for the old session"
	case 3:
		for range 3 {
			w.call(minute, stolen, w.key(), "ec2", "RunInstances", thief, "")
		}
		w.In = "its console works"
	case 4:
		key := w.key()
		w.call(start+2, stolen, stolen.key, "sts", "GetScopedCredentials", thief, fmt.Sprintf(
			`,"responseElements":{"credentials":{"accessKeyId":%q,"expiration":%q}}`, key, stamp(w.at(stolen.ends))))
		w.call(minute, stolen, key, "ec2", "RunInstances", thief, "")
		w.In = "a scoped key works"
	case 5, 6:
		h := w.open(start+2, parent, "x", thief, 4, w.other())
		if what == 5 {
			w.call(minute, h, h.key, "ec2", "RunInstances", thief, "")
		}
		w.In = "a session of another role"
	case 7: // one that has ended
		w.open(start+2, parent, "x", thief, 0.25, w.other())
	case 8:
		h := w.open(0.5, parent, stolen.name, thief, 1, w.role.ARN)
		w.call(minute, h, h.key, "iam", "CreateUser", thief, "")
		w.In = "it assumed itself"
	case 9:
		h := w.open(start+2, parent, "x", thief, 1, w.other())
		w.open(minute, w.identity(h, h.key), "ci", thief, 1, w.role.ARN)
		w.In = "a round trip"
	case 10:
		w.open(minute, victim.identity(99), victim.name(99), thief, 1, w.role.ARN)
		w.In = "a new session from the attacker's address"
	case 11:
		h := w.open(minute, w.user("mallory"), "m", "203.0.113.99", 1, w.role.ARN)
		if w.chance(50) {
			w.call(minute+1, h, h.key, "iam", "CreateAccessKey", "203.0.113.99", "")
		}
		w.In = "a stranger since"
	case 12:
		if len(since) > 0 {
			for range 4 {
				w.through(victim, minute+8, since[0], "ec2", "DescribeInstances", "")
			}
			w.call(minute+9, since[0], since[0].key, "iam", "ListUsers", thief, "")
			w.In = "a new session was copied"
		}
	case 13:
		w.call(start+2, stolen, stolen.key, "signin", "CreateBearerToken", thief, "")
		w.In = "a bearer token"
	case 14:
		h := stolen
		h.began = h.began.Add(-17 * time.Minute)
		w.call(minute, h, w.key(), "ec2", "RunInstances", thief, "")
		w.In = "a session whose opening is not recorded"
	case 15:
		if strings.Contains(victim.identity(0), "IAMUser") {
			w.open(minute, victim.identity(99), victim.name(99), "203.0.113.123", 1, w.role.ARN)
			w.In = "a new session by the own key, from a third address"
		}
	case 16:
		h := w.open(-50, w.user("eve"), "eve", "203.0.113.50", 1, w.role.ARN)
		w.call(-49, h, h.key, "iam", "ListUsers", "203.0.113.50", "")
		w.open(minute, w.user("eve"), "eve", "203.0.113.50", 1, w.role.ARN)
		w.In = "a stranger of before came back"
	}
	if w.In == "" && !w.Denied {
		w.Blind = "no session was seen denied"
	}
	if what > 16 && w.chance(20) {
		w.record(minute, "sts", "AssumeRole", `"sourceIPAddress":"203.0.113.99","errorCode":"AccessDenied",`+
			`"errorMessage":"User: x is not authorized to perform: sts:AssumeRole on resource: `+w.role.ARN+`","userIdentity":`+
			w.user("mallory"))
	}
}
