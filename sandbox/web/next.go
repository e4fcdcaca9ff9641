package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// step is what the strip above the composer says.
type step struct {
	Number int    `json:"number"` // 1 ask, 2 decide, 3 watch, 4 the other role, 5 read; 0 when the story cannot go on
	Text   string `json:"text"`
	Do     string `json:"do,omitempty"`    // insert, become, show, thread, control; empty: no button
	Value  string `json:"value,omitempty"` // what to insert, whom to become, which message, which control as name=value
	Label  string `json:"label,omitempty"` // of the button
}

// story is everything that decides the step. All of it is read from the stand-ins.
type story struct {
	Viewer    Person
	Connected bool   // the bot has a socket open
	Command   string // the story's command
	Card      string // ts of the last card, empty if there is none
	Open      bool   // the card has buttons
	Requester string // user id, empty if not known
	People    []Person
	Names     func(userID string) string
	Cutoff    time.Time // of the deny on the role, zero if there is none
	Locked    bool      // AWSDenyAll is attached to the role
	Known     bool      // whether Cutoff, Locked and Followed say anything
	Followed  bool      // the policy is on the role that the thief is still in
	Skipped   bool      // the clocks were set past the last check
	CanSkip   bool      // and could be
	Thief     actors.Status
	Job       actors.Status
	Enforced  time.Duration // how long a policy takes to be enforced
	Fighting  bool          // the thief deletes the deny
	// of the second story
	KeyCommand string // empty: there is none
	KeyActive  bool   // the access key is
	OfKey      bool   // the last card is about it
	Aside      bool   // the last card is about another theft, whose attacker has no terminal
	Judged     bool   // the last card has a verdict
	Guarded    bool   // the guard rail is attached
	CanGuard   bool   // and could be
}

// next chooses the step.
func (s story) next() step {
	revoked := s.Known && s.Cutoff.After(s.Thief.Issued)
	switch {
	case !s.Connected:
		return step{
			Text: "The bot is not connected to this Slack, so a command would fail with dispatch_failed. " +
				"If it runs, it keeps trying; if none was started: . ./sandbox.env && bin/revokebot run",
		}
	case s.Card != "" && s.Open:
		next := s.decide()
		if revoked && s.Thief.State == actors.IsDenied {
			next.Number = 4
		}
		return next
	case s.OfKey && s.KeyActive:
		return s.askFor(s.KeyCommand, "The request is closed, and the access key is active. Ask again:")
	case s.OfKey && s.CanSkip && !s.Judged:
		return step{
			Number: 5, Text: "The access key is inactive: what the thief's terminal calls with it fails. The last check of " +
				"CloudTrail, which comes 16 minutes after the deactivation, gives the verdict.",
			Do: "control", Value: "skip=960", Label: "Skip ahead to the last check",
		}
	case s.OfKey && s.Cutoff.IsZero() && !s.Locked:
		return s.ask("The access key is inactive, for good. The session of the first gist still works. Ask for its " +
			"revocation:")
	case s.OfKey:
		return step{
			Number: 5, Text: "The access key is inactive, for good. The thread has what the thief did with it, and ends with " +
				"the verdict.",
			Do: "thread", Value: s.Card, Label: "Open the thread",
		}
	case s.Aside && s.CanSkip && !s.Judged:
		return step{
			Number: 5, Text: "The request is closed. This attacker has no terminal here: CloudTrail shows them, and the last " +
				"check, 16 minutes after the policy, gives the verdict.",
			Do: "control", Value: "skip=960", Label: "Skip ahead to the last check",
		}
	case s.Aside:
		return step{
			Number: 5, Text: "The thread has the verdict, and the measure that fits.", Do: "thread", Value: s.Card,
			Label: "Open the thread",
		}
	case s.Card == "" && s.Thief.State == actors.IsDenied:
		return s.ask("A session of prod/DeployRole was stolen. A policy denies the thief, but only at this address. " +
			"Ask for its revocation:")
	case s.Card == "":
		return s.ask("A session was stolen, and the thief in the terminal gets answers. Ask for its revocation, by the " +
			"key in the gist:")
	case !s.Known:
		return step{
			Number: 5, Text: "The request is closed. The thread says how it ended.", Do: "thread", Value: s.Card,
			Label: "Open the thread",
		}
	case s.Locked && s.Thief.State == actors.IsDenied:
		return step{
			Number: 5, Text: "The role is locked: AWS denies every session of it, new ones too. " +
				"The thread has what the thief did.",
			Do: "thread", Value: s.Card, Label: "Open the thread",
		}
	case s.Locked:
		return step{Number: 3, Text: "AWSDenyAll is attached to the role. Watch the two terminals: AWS will deny both."}
	case !revoked && s.Fighting && !s.Guarded && s.CanGuard && s.Thief.Removals > 0:
		return step{
			Number: 3, Text: "The thief deletes the deny twice a second, sooner than AWS enforces it. " +
				"A service control policy keeps it from that:",
			Do: "control", Value: "guard_rail=on", Label: "Attach the guard rail",
		}
	case !revoked && s.Cutoff.IsZero() && s.Guarded:
		return s.ask("The guard rail is attached, and the deny is not on the role. Ask again:")
	case !revoked && s.Cutoff.IsZero():
		return s.ask("The request is closed and the deny is not on the role, which is so after a drill, too. " +
			"The thread says how it ended. Ask for the revocation:")
	case !revoked:
		return s.ask("The thief holds a session from after the cutoff, so the deny does not touch it. Ask again:")
	case s.Thief.State == actors.IsDenied && s.Job.State == actors.GetsAnswers && s.Job.Issued.Before(s.Cutoff):
		return step{
			Number: 3, Text: "The thief is denied. The job's session is from before the cutoff too, so its next call will be.",
		}
	case s.Thief.State == actors.IsDenied && s.Job.State == actors.GetsAnswers:
		return s.elsewhere()
	case s.Thief.State == actors.IsDenied:
		return step{
			Number: 3, Text: "Both are denied. The job assumes the role again until its session is younger than the cutoff; " +
				"the thief cannot. Where else it gets in, the thread finds out.",
		}
	default:
		text := "The deny is on the role. Watch the two terminals: AWS enforces it in a moment."
		if s.Enforced > 0 {
			text = fmt.Sprintf("The deny is on the role. Watch the two terminals: this AWS takes %s to enforce it.",
				inWords(s.Enforced))
		}
		return step{Number: 3, Text: text}
	}
}

// elsewhere goes on once the stolen session is denied and the job is back: the other role that the
// thief is in, and then the end of the thread.
func (s story) elsewhere() step {
	switch {
	case s.Thief.StillIn != "" && s.Followed:
		return step{
			Number: 4, Text: "The policy is on " + s.Thief.StillIn + ", too. The thief uses that role every few seconds: " +
				"watch its terminal.",
		}
	case s.Thief.StillIn != "":
		ask := s.ask("The thief is still in as " + s.Thief.StillIn + ", a role that it assumed with the stolen session. " +
			"The thread says so, too. Press Revoke it there, or ask:")
		ask.Number = 4
		if ask.Do == "insert" {
			ask.Value = "/revoke-sessions prod/" + s.Thief.StillIn + " the thief assumed it with the stolen session"
			ask.Label = ask.Value
		}
		return ask
	case s.CanSkip && !s.Skipped:
		return step{
			Number: 5, Text: "The thief is out of both roles, and the job works. The last check of CloudTrail, which comes " +
				"16 minutes after the revocation, gives the verdict.",
			Do: "control", Value: "skip=960", Label: "Skip ahead to the last check",
		}
	case s.KeyActive && s.KeyCommand != "":
		ask := s.askFor(s.KeyCommand, "The thief is out of both roles, and the job works. The last check takes a minute or "+
			"two; then the thread ends with the verdict. The second gist has an access key of a user, which the thief uses, "+
			"too. Ask for it:")
		if ask.Do == "insert" {
			ask.Number = 5
		}
		return ask
	default:
		return step{
			Number: 5, Text: "The thief is out of both roles, and the job works. The last check takes a minute or two. " +
				"Then the thread ends with the verdict, and says what is still open: the access key that the thief made " +
				"is deactivated by its button there.",
			Do: "thread", Value: s.Card, Label: "Open the thread",
		}
	}
}

// ask offers the command, to somebody who may send it.
func (s story) ask(text string) step { return s.askFor(s.Command, text) }

func (s story) askFor(command, text string) step {
	if s.Viewer.Role == Guest {
		if p, ok := s.first(func(p Person) bool { return p.Role == Responder }); ok {
			return step{
				Number: 1, Text: "Guests may not ask for a revocation; try it, or become somebody who may.",
				Do: "become", Value: p.UserID, Label: "Become " + s.Names(p.UserID),
			}
		}
	}
	return step{Number: 1, Text: text, Do: "insert", Value: command, Label: command}
}

// decide sends the viewer to the button, or to somebody who may press it.
func (s story) decide() step {
	if s.Viewer.Role == Approver && s.Viewer.UserID != s.Requester {
		return step{
			Number: 2, Text: "You may decide, because you did not ask. Read the card and press Approve.",
			Do: "show", Value: s.Card, Label: "Show the card",
		}
	}
	p, ok := s.first(func(p Person) bool { return p.Role == Approver && p.UserID != s.Requester })
	if !ok {
		return step{Number: 2, Text: "The card waits for a second person."}
	}
	text := "Nothing happens without a second person. " + s.Names(s.Viewer.UserID) + " is not one who may approve; " +
		"try it, or:"
	if s.Viewer.Role == OtherApprover {
		text = "Nothing happens without a second person. " + s.Names(s.Viewer.UserID) + " may approve for staging, not for " +
			"prod; try it, or:"
	}
	if s.Viewer.UserID == s.Requester {
		text = "Nothing happens without a second person. You asked, so your own Approve does not count; try it, or:"
	}
	return step{Number: 2, Text: text, Do: "become", Value: p.UserID, Label: "Become " + s.Names(p.UserID)}
}

func (s story) first(is func(Person) bool) (Person, bool) {
	for _, p := range s.People {
		if is(p) {
			return p, true
		}
	}
	return Person{}, false
}

// inWords prints a duration of the controls.
func inWords(d time.Duration) string {
	switch {
	case d == time.Second:
		return "1 second"
	case d < 2*time.Minute && d%time.Second == 0:
		return fmt.Sprintf("%d seconds", d/time.Second)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

// revocationPolicy is the name that the IAM console and the bot give the deny.
const revocationPolicy = "AWSRevokeOlderSessions"

// cutoffOf reads the latest cutoff from a policy document; zero if it has none that AWS would
// understand.
func cutoffOf(document string) time.Time {
	var doc struct {
		Statement json.RawMessage
	}
	if json.Unmarshal([]byte(document), &doc) != nil {
		return time.Time{}
	}
	type statement struct {
		Effect    string
		Condition map[string]map[string]json.RawMessage
	}
	var list []statement
	if json.Unmarshal(doc.Statement, &list) != nil {
		list = make([]statement, 1)
		if json.Unmarshal(doc.Statement, &list[0]) != nil {
			return time.Time{}
		}
	}
	var latest time.Time
	for _, s := range list {
		for key, raw := range s.Condition["DateLessThan"] {
			var value string
			if s.Effect != "Deny" || !strings.EqualFold(key, "aws:TokenIssueTime") || json.Unmarshal(raw, &value) != nil {
				continue
			}
			if t, err := time.Parse(time.RFC3339, value); err == nil && t.After(latest) {
				latest = t
			}
		}
	}
	return latest
}
