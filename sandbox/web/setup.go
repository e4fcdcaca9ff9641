package web

import (
	"errors"
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// inviteCommand is Slack's own: no app gets it (Slack Help Center, "Use commands in Slack").
const inviteCommand = "/invite"

// leftOut says of each step of the installation that can be left out what revokebot doctor sees,
// and how it is made up for here.
var leftOut = map[actors.Missing]string{
	actors.MissingNothing: "The installation is whole: the app is as the manifest has it, the bot is in the channel, " +
		"and its roles are those of deploy.",
	actors.MissingInvitation: "The bot is not in the channel. Send /invite @revokebot there, as revokebot doctor says.",
	actors.MissingScope: "The app was installed without usergroups:read. To install it again from the manifest, " +
		"choose nothing here.",
	actors.MissingTrust: "The bot's role in prod trusts somebody else. To deploy its templates again, " +
		"choose nothing here.",
	actors.MissingNames: "The trust policy of the bot's role in prod lets no session name people. " +
		"To deploy its templates again, choose nothing here.",
	actors.MissingWrite: "The bot's role in prod may not write policies. To deploy its templates again, " +
		"choose nothing here.",
}

// setup leaves a step of the installation out in place of the one before.
func (s *Server) setup(value string) (answer, error) {
	if s.cfg.LeaveOut == nil {
		return answer{}, errors.New("there is nothing to install here")
	}
	missing := actors.Missing(value)
	if err := s.cfg.LeaveOut(missing); err != nil {
		return answer{}, err
	}
	s.change(func(set *settings) { set.Setup = value })
	return done("%s", leftOut[missing])
}

// invite is Slack's own command, as far as the bot is concerned.
func (s *Server) invite(in request, whom string) (answer, error) {
	if strings.TrimSpace(whom) != "@revokebot" {
		return answer{Error: fmt.Sprintf("Only @revokebot can be invited here: send %s @revokebot.", inviteCommand)}, nil
	}
	if err := actors.Invite(s.cfg.Slack, in.Channel, true); err != nil {
		return answer{}, err
	}
	s.change(func(set *settings) {
		if in.Channel == s.cfg.Channel && set.Setup == string(actors.MissingInvitation) {
			set.Setup = string(actors.MissingNothing)
		}
	})
	s.poke()
	return answer{OK: true}, nil
}
