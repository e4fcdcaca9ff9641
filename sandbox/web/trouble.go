package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/aws"
)

const (
	maxDelay = time.Hour      // the longest delay that the controls accept
	maxClock = 24 * time.Hour // how far AWS's clock may be off

	// otherRegion is a region beside the partition's home region, which decides IAM's calls.
	otherRegion = "eu-west-1"
)

// The troubles that AWS can have.
const (
	troubleThrottle    = "throttle"     // each second call of any kind is throttled
	troubleIAMAway     = "iam_away"     // IAM answers nothing but 503
	troubleTrailDenied = "trail_denied" // CloudTrail of otherRegion may not be read
	troubleTrailHangs  = "trail_hangs"  // CloudTrail of otherRegion never answers
)

// delay sets how late AWS is with something.
func (s *Server) delay(name, value string) (answer, error) {
	if s.cfg.AWS == nil {
		return answer{}, errNoAWS
	}
	switch {
	case value != "-1":
	case name == "propagation_region":
		s.cfg.AWS.SetRegionPropagation(otherRegion, -1)
		s.change(func(set *settings) { set.PropagationRegion = -1 })
		return done("%s enforces a policy when all regions do.", otherRegion)
	case name == "trail_delay_region":
		s.cfg.AWS.SetRegionTrailDelay(otherRegion, -1)
		s.change(func(set *settings) { set.TrailDelayRegion = -1 })
		return done("CloudTrail of %s shows what happens when all regions do.", otherRegion)
	}
	d, err := readSeconds(name, value, 0, maxDelay)
	if err != nil {
		return answer{}, err
	}
	switch name {
	case "propagation":
		s.cfg.AWS.SetPropagation(d)
		s.change(func(set *settings) { set.Propagation = d.Seconds() })
		return done("What is written from now on is enforced %s.", later(d))
	case "propagation_region":
		s.cfg.AWS.SetRegionPropagation(otherRegion, d)
		s.change(func(set *settings) { set.PropagationRegion = d.Seconds() })
		return done("What is written from now on is enforced in %s %s. IAM's own calls, as in the terminals, "+
			"are decided in us-east-1.", otherRegion, later(d))
	case "trail_delay_region":
		s.cfg.AWS.SetRegionTrailDelay(otherRegion, d)
		s.change(func(set *settings) { set.TrailDelayRegion = d.Seconds() })
		return done("CloudTrail of %s shows what happens %s. Until it has reported, the verdict is unknown.", otherRegion,
			later(d))
	default:
		s.cfg.AWS.SetTrailDelay(d)
		s.change(func(set *settings) { set.TrailDelay = d.Seconds() })
		return done("CloudTrail shows what happens %s.", later(d))
	}
}

func later(d time.Duration) string {
	if d == 0 {
		return "at once"
	}
	return inWords(d) + " later"
}

// clock sets AWS's clock. A session keeps the issue time that it was given by the clock before, so
// the thief steals one of the new time; else a clock that was set back would have made it younger
// than every cutoff to come.
func (s *Server) clock(ctx context.Context, value string) (answer, error) {
	if s.cfg.AWS == nil {
		return answer{}, errNoAWS
	}
	d, err := readSeconds("clock", value, -maxClock, maxClock)
	if err != nil {
		return answer{}, err
	}
	leap := d - time.Duration(s.settings().Clock*float64(time.Second))
	s.change(func(set *settings) {
		set.Clock = d.Seconds()
		s.cfg.AWS.SetClockOffset(d + s.skipped)
	})
	said := "AWS's clock agrees with this machine's."
	switch {
	case d > 0:
		said = fmt.Sprintf("AWS's clock is %s ahead of this machine's.", inWords(d))
	case d < 0:
		said = fmt.Sprintf("AWS's clock is %s behind this machine's.", inWords(-d))
	}
	if s.cfg.Actors != nil {
		if err := s.cfg.Actors.Leak(ctx); err != nil {
			return answer{Error: said + " The thief got no session of that time: " + actors.InWords(err)}, nil
		}
		said += " The thief stole a session of that time."
	}
	if leap > 5*time.Minute {
		said += " Sessions of minutes, as the bot's own are, may have ended with the leap: if a command is refused, " +
			"send it again."
	}
	if s.cfg.Account != nil {
		document, _ := s.cfg.Account.RolePolicy(s.cfg.RoleName, revocationPolicy)
		if cutoff := cutoffOf(document); cutoff.After(s.cfg.AWS.Now()) {
			said += fmt.Sprintf(" By this clock the deny on the role lasts until %s UTC for new sessions, too: "+
				"take it off for a fresh start.", cutoff.Format(time.TimeOnly))
		}
	}
	return done("%s", said)
}

// trouble gives AWS one trouble in place of the one before.
func (s *Server) trouble(value string) (answer, error) {
	if s.cfg.AWS == nil {
		return answer{}, errNoAWS
	}
	var fault aws.Fault
	said := "AWS answers as it should."
	switch value {
	case "":
	case troubleThrottle:
		fault = aws.Fault{Every: 2, Code: "Throttling"}
		said = "Every second call is throttled, of everybody: the bot tries again, the terminals show errors."
	case troubleIAMAway:
		fault = aws.Fault{Service: "iam", Code: "ServiceUnavailable", Message: "Service is unable to handle the request."}
		said = "IAM answers 503 to everybody. A command is refused with that reason; an approved request is tried again " +
			"for some minutes."
	case troubleTrailDenied:
		fault = aws.Fault{
			Service: "cloudtrail", Region: otherRegion, Code: "AccessDenied",
			Message: "User is not authorized to perform: cloudtrail:LookupEvents with an explicit deny in a service control " +
				"policy",
		}
		said = "CloudTrail of " + otherRegion + " may not be read: the evidence of the next request says that this region " +
			"did not answer."
	case troubleTrailHangs:
		fault = aws.Fault{Service: "cloudtrail", Region: otherRegion, Hang: true}
		said = "CloudTrail of " + otherRegion + " does not answer: a check waits for it for a while, then says so, and the " +
			"verdict is unknown."
	default:
		return answer{}, fmt.Errorf("trouble: %q is none; give %s, %s, %s, %s or nothing", value, troubleThrottle,
			troubleIAMAway, troubleTrailDenied, troubleTrailHangs)
	}
	s.cfg.AWS.ClearFaults()
	if value != "" {
		fault.Times = -1
		s.cfg.AWS.Inject(fault)
	}
	s.change(func(set *settings) { set.Trouble = value })
	return done("%s", said)
}

// standingPolicy is a managed policy as accounts have it: the role works from the company's own
// addresses only. The thief's is none of them.
const (
	standingPolicy   = "CompanyAddressesOnly"
	standingDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":` +
		`{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","198.51.100.0/24"]}}}]}`
)

// standing attaches the standing policy to the role of the story, or detaches it.
func (s *Server) standing(value string) (answer, error) {
	on, err := onOff(value)
	switch {
	case err != nil:
		return answer{}, err
	case s.cfg.Account == nil:
		return answer{}, errors.New("the page does not know the role")
	}
	arn, err := s.cfg.Account.AddManagedPolicy(standingPolicy, standingDocument)
	change, said := s.cfg.Account.DetachRolePolicy, "The role works from everywhere again."
	if on {
		change = s.cfg.Account.AttachRolePolicy
		said = "The managed policy " + standingPolicy + " denies the role from the thief's address. It is not the " +
			"revocation's, so its denials prove nothing, and a session that stays denied by it leaves the verdict unknown."
	}
	if err == nil {
		err = change(s.cfg.RoleName, arn)
	}
	if err != nil {
		return answer{}, err
	}
	s.change(func(set *settings) { set.Standing = on })
	return done("%s", said)
}

// guardRail attaches the service control policy that the bot advises to the story's account, or
// detaches it.
func (s *Server) guardRail(value string) (answer, error) {
	on, err := onOff(value)
	switch {
	case err != nil:
		return answer{}, err
	case s.cfg.Account == nil || s.cfg.GuardRail == "":
		return answer{}, errors.New("there is no guard rail here")
	}
	document, said := "", "The guard rail is detached: who may write the role's policies can take the deny off."
	if on {
		document, said = s.cfg.GuardRail, "The guard rail is attached: nobody but revokebot writes the role's inline "+
			"policies now, whatever they are allowed."
	}
	if err := s.cfg.Account.SetSCP(document); err != nil {
		return answer{}, err
	}
	s.change(func(set *settings) { set.GuardRail = on })
	return done("%s", said)
}
