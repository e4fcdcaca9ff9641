package web

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// maxDelay is the longest delay that the controls accept.
const maxDelay = time.Hour

// control is POST /act/control: what the world does to the bot. Name is one of
//
//	propagation, trail_delay  value: seconds
//	drop                      cut all Socket Mode connections without a word
//	refresh                   ask the bot to reconnect, as Slack does every few hours
//	redeliver                 send the last click's envelope again
//	leak                      let the thief steal a new session
//	lift                      take the deny off the role, as an administrator would
func (s *Server) control(ctx context.Context, in request) (answer, error) {
	a, err := s.controlled(ctx, in)
	s.poke()
	return a, err
}

func (s *Server) controlled(ctx context.Context, in request) (answer, error) {
	switch in.Name {
	case "propagation", "trail_delay":
		return s.delay(in.Name, in.Value)
	case "drop":
		s.cfg.Slack.DropConnections()
	case "refresh":
		s.cfg.Slack.Disconnect("refresh_requested")
	case "redeliver":
		s.mu.Lock()
		id := s.lastClick
		s.mu.Unlock()
		if id == "" {
			return answer{}, errNoClick
		}
		d, err := s.cfg.Slack.Redeliver(ctx, id)
		return delivered(d), err
	case "leak":
		if s.cfg.Actors == nil {
			return answer{}, errors.New("there is no thief here")
		}
		if err := s.cfg.Actors.Leak(ctx); err != nil {
			return answer{}, err
		}
	case "lift":
		if s.cfg.Account == nil {
			return answer{}, errors.New("the page does not know the role")
		}
		if err := s.cfg.Account.DeleteRolePolicy(s.cfg.RoleName, revocationPolicy); err != nil {
			return answer{}, err
		}
	default:
		return answer{}, fmt.Errorf("no control %q", in.Name)
	}
	return answer{OK: true}, nil
}

func (s *Server) delay(name, value string) (answer, error) {
	if s.cfg.AWS == nil {
		return answer{}, errors.New("there is no AWS here")
	}
	n, err := strconv.ParseFloat(value, 64)
	if inRange := n >= 0 && n <= maxDelay.Seconds(); err != nil || !inRange { // NaN is not in it
		return answer{}, fmt.Errorf("%s: give seconds from 0 to %.0f", name, maxDelay.Seconds())
	}
	d := time.Duration(n * float64(time.Second))
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "propagation" {
		s.cfg.AWS.SetPropagation(d)
		s.propagation = d
	} else {
		s.cfg.AWS.SetTrailDelay(d)
		s.trailDelay = d
	}
	return answer{OK: true}, nil
}
