package web

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// settings are the values of the controls; times are in seconds.
type settings struct {
	Propagation       float64 `json:"propagation"`
	PropagationRegion float64 `json:"propagation_region"` // of otherRegion; -1: as everywhere
	TrailDelay        float64 `json:"trail_delay"`
	TrailDelayRegion  float64 `json:"trail_delay_region"` // of otherRegion; -1: as everywhere
	Clock             float64 `json:"clock"`              // AWS's clock minus this machine's
	Trouble           string  `json:"trouble"`
	SlackTrouble      string  `json:"slack_trouble"`
	Setup             string  `json:"setup"`
	GuardRail         bool    `json:"guard_rail"`
	Standing          bool    `json:"standing"`
	Fight             bool    `json:"fight"`
	LastClick         bool    `json:"last_click"` // there is a click to redeliver
}

// control is POST /act/control: what the world does to the bot. Name is one of
//
//	propagation, trail_delay  value: seconds
//	propagation_region, trail_delay_region
//	                          value: seconds for eu-west-1, or -1: as everywhere
//	clock                     value: seconds by which AWS's clock is ahead of this machine's, negative: behind
//	skip                      value: seconds by which the bot's and AWS's clocks are set ahead
//	trouble                   value: one of the troubles in trouble.go, such as "throttle"; empty: none
//	guard_rail                value: on or off; the service control policy that the bot advises
//	standing                  value: on or off; a managed policy that denies the role from the thief's address
//	fight                     value: on or off; the thief deletes the deny twice a second
//	console                   write the deny over with one of an hour ago, as an administrator might
//	lift                      take the deny off the role, as an administrator would
//	leak                      let the thief steal a new session
//	slack_trouble             value: one of the troubles in slackfaults.go, such as "away"; empty: none
//	setup                     value: a step of the installation that is left out, such as "scope"; empty: it is whole
//	drop                      cut all Socket Mode connections without a word
//	refresh                   ask the bot to reconnect, as Slack does every few hours
//	lose, twice, lose_ack, drop_acked
//	                          a trouble of the next command or click; faults() says what each does
//	redeliver                 send the last click's envelope again
//	delete_card               delete the last card, as an administrator may
//
// What came of it is in the answer's member "said", where it cannot be seen in the terminals alone.
func (s *Server) control(ctx context.Context, in request) (answer, error) {
	a, err := s.controlled(ctx, in)
	s.poke()
	return a, err
}

func (s *Server) controlled(ctx context.Context, in request) (answer, error) {
	switch in.Name {
	case "propagation", "propagation_region", "trail_delay", "trail_delay_region":
		return s.delay(in.Name, in.Value)
	case "clock":
		return s.clock(ctx, in.Value)
	case "skip":
		return s.skip(ctx, in.Value)
	case "trouble":
		return s.trouble(in.Value)
	case "guard_rail":
		return s.guardRail(in.Value)
	case "standing":
		return s.standing(in.Value)
	case "fight":
		return s.fight(in.Value)
	case "console":
		return s.overwrite(ctx)
	case "lift":
		return s.lift(ctx)
	case "leak":
		if s.cfg.Actors == nil {
			return answer{}, errNoThief
		}
		if err := s.cfg.Actors.Leak(ctx); err != nil {
			return answer{Error: actors.InWords(err)}, nil
		}
	case "slack_trouble":
		return s.slackTrouble(in.Value)
	case "setup":
		return s.setup(in.Value)
	case faultLose, faultTwice, faultLoseAck, faultDropAcked:
		return s.slackFault(in.Name)
	case faultDelete:
		return s.deleteCard()
	case faultDrop:
		s.cfg.Slack.DropConnections()
	case faultRefresh:
		s.cfg.Slack.Disconnect("refresh_requested")
	case faultRedeliver:
		s.mu.Lock()
		id := s.lastClick
		s.mu.Unlock()
		if id == "" {
			return answer{}, errNoClick
		}
		d, err := s.cfg.Slack.Redeliver(ctx, id)
		return delivered(d), err
	default:
		return answer{}, fmt.Errorf("no control %q", in.Name)
	}
	return answer{OK: true}, nil
}

var (
	errNoAWS   = errors.New("there is no AWS here")
	errNoThief = errors.New("there is no thief here")
	errOnOff   = errors.New("give on or off")
)

// done is an answer that says what came of a control.
func done(format string, args ...any) (answer, error) {
	return answer{OK: true, Said: fmt.Sprintf(format, args...)}, nil
}

// change sets values of the controls.
func (s *Server) change(set func(*settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set(&s.set)
}

// settings are the values as they are now.
func (s *Server) settings() settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.set
	set.LastClick = s.lastClick != ""
	set.Fight = s.cfg.Actors != nil && s.cfg.Actors.Fighting()
	return set
}

func onOff(value string) (on bool, err error) {
	if value != "on" && value != "off" {
		return false, errOnOff
	}
	return value == "on", nil
}

// fight lets the thief use a second key, or stops it.
func (s *Server) fight(value string) (answer, error) {
	on, err := onOff(value)
	switch {
	case err != nil:
		return answer{}, err
	case s.cfg.Actors == nil:
		return answer{}, errNoThief
	}
	s.cfg.Actors.FightBack(on)
	switch {
	case !on:
		return done("The thief leaves the deny alone.")
	case !s.cfg.Actors.Fighting():
		return answer{}, errors.New("the thief has no second key here")
	case s.settings().GuardRail:
		return done("The thief tries to delete the deny twice a second, and the guard rail stops it: see its terminal.")
	}
	return done("The thief deletes the deny twice a second from now on: its terminal shows each time.")
}

// overwrite is what an administrator does who pastes an old document into the console.
func (s *Server) overwrite(ctx context.Context) (answer, error) {
	if s.cfg.Actors == nil {
		return answer{}, actors.ErrNoConsole
	}
	cutoff, err := s.cfg.Actors.ConsoleOverwrite(ctx)
	switch {
	case errors.Is(err, actors.ErrNoConsole):
		return answer{}, err
	case err != nil:
		return answer{Error: actors.InWords(err)}, nil
	}
	return done("An administrator pasted an old document into the console: the cutoff is %s UTC now, an hour back.",
		cutoff.Format(time.TimeOnly))
}

// lift lets an administrator take the deny off, by IAM's own door where there is somebody to do it.
func (s *Server) lift(ctx context.Context) (answer, error) {
	err := actors.ErrNoConsole
	if s.cfg.Actors != nil {
		err = s.cfg.Actors.ConsoleRemove(ctx)
	}
	if errors.Is(err, actors.ErrNoConsole) {
		if s.cfg.Account == nil {
			return answer{}, errors.New("the page does not know the role")
		}
		if err := s.cfg.Account.DeleteRolePolicy(s.cfg.RoleName, revocationPolicy); err != nil {
			return answer{Error: err.Error()}, nil
		}
		err = nil
	}
	if err != nil {
		return answer{Error: actors.InWords(err)}, nil
	}
	return done("An administrator took the deny off the role.")
}

// soonIn is when, in the time that is skipped, the callers of other roles are back with new
// sessions: past the cutoff of a revocation.
const soonIn = 30 * time.Second

// skip sets the clocks of the bot and of AWS ahead, so that what is planned for later comes now.
func (s *Server) skip(ctx context.Context, value string) (answer, error) {
	if s.cfg.Skip == nil || s.cfg.AWS == nil {
		return answer{}, errors.New("the bot's clock is not the page's to set")
	}
	d, err := readSeconds("skip", value, time.Second, time.Hour)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	s.skipped += d
	s.mu.Unlock()
	rest := d
	if s.cfg.Actors != nil && d > soonIn {
		s.cfg.AWS.Skip(soonIn)
		s.cfg.Actors.Return(ctx)
		rest -= soonIn
	}
	s.cfg.AWS.Skip(rest)
	s.cfg.Skip(d)
	return done("The clocks of the bot and of AWS are %s ahead.", inWords(d))
}

// readSeconds reads a control's value.
func readSeconds(name, value string, least, most time.Duration) (time.Duration, error) {
	n, err := strconv.ParseFloat(value, 64)
	if inRange := n >= least.Seconds() && n <= most.Seconds(); err != nil || !inRange { // NaN is not in it
		return 0, fmt.Errorf("%s: give seconds from %.0f to %.0f", name, least.Seconds(), most.Seconds())
	}
	return time.Duration(n * float64(time.Second)), nil
}
