package actors

import "time"

// Actor names one of the two programs.
type Actor string

// The two programs that call AWS for as long as Cast.Run runs.
const (
	Thief Actor = "thief" // holds stolen session credentials and nothing else
	Job   Actor = "job"   // the deployment job: holds a key that may assume the role
)

// Outcome is what came of one line. The zero value is unknown and never counts as an answer.
type Outcome string

// The outcomes. They are the words of state.json as well.
const (
	Unknown  Outcome = ""
	Note     Outcome = "note"     // something the actor typed that says nothing about the session
	Answered Outcome = "answered" // AWS did what was asked
	Denied   Outcome = "denied"   // AWS answered AccessDenied
	Assumed  Outcome = "assumed"  // sts:AssumeRole gave new credentials
	Expired  Outcome = "expired"  // the credentials ended by themselves
	Failed   Outcome = "failed"   // any other error, no answer included
	Removed  Outcome = "removed"  // the thief's second key removed the deny
	Fought   Outcome = "fought"   // it tried to, and AWS did not let it
	// Elsewhere and ElsewhereOut are of a session of another role, which the stolen one assumed: AWS
	// answered it, or did not let it in. They say nothing about the stolen one.
	Elsewhere    Outcome = "elsewhere"
	ElsewhereOut Outcome = "elsewhere_out"
)

// Line is one command of a terminal with what AWS answered to it.
type Line struct {
	Seq     int64     `json:"seq"` // rises by one over both actors; a gap means that lines were missed
	Actor   Actor     `json:"actor"`
	At      time.Time `json:"at"`
	Command string    `json:"command"`
	Output  string    `json:"output"`
	Outcome Outcome   `json:"outcome"`
}

// State is the word above a terminal.
type State string

// The states of an actor, worded as the page shows them.
const (
	Quiet        State = "has not called yet"
	GetsAnswers  State = "gets answers"
	IsDenied     State = "is denied"
	AssumedAgain State = "assumed the role again"
	HasExpired   State = "holds expired credentials"
	GetsErrors   State = "gets errors"
)

// Status sums up what an actor met so far.
type Status struct {
	Actor     Actor     `json:"actor"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`      // when State began
	Session   string    `json:"session"`    // ARN of the session in use
	Issued    time.Time `json:"issued"`     // when that session was issued, by AWS's clock
	Answers   int       `json:"answers"`    // calls that were answered, of this session and those before it
	Denials   int       `json:"denials"`    // calls that were denied
	Assumed   int       `json:"assumed"`    // how often the role was assumed again after a denial
	AssumedAt time.Time `json:"assumed_at"` // the last of these; zero when there was none
	Removals  int       `json:"removals"`   // how often the thief's second key removed the deny
	StillIn   string    `json:"still_in"`   // the other role whose session was answered last; "" none
}

// after returns the status once l has happened.
func (s Status) after(l Line) Status {
	next := s.State
	switch l.Outcome {
	case Answered:
		s.Answers++
		next = GetsAnswers
	case Denied:
		s.Denials++
		next = IsDenied
	case Assumed:
		// The first session of a run follows no denial; it is nothing to report.
		if s.State == IsDenied || s.State == HasExpired {
			s.Assumed++
			s.AssumedAt = l.At
			next = AssumedAgain
		}
	case Expired:
		next = HasExpired
	case Failed:
		next = GetsErrors
	case Removed:
		s.Removals++
	case Elsewhere:
		s.StillIn = backupRole
	case ElsewhereOut:
		s.StillIn = ""
	case Note, Unknown, Fought:
		// None of these says how the session fares.
	}
	if next != s.State {
		s.State, s.Since = next, l.At
	}
	return s
}
