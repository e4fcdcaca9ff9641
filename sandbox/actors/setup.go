package actors

import (
	"fmt"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Missing is a step of the installation that was left out, for whoever wants to see what revokebot
// doctor says of it.
type Missing string

// The steps. The zero value is none: the installation is whole.
const (
	MissingNothing    Missing = ""
	MissingInvitation Missing = "invitation" // nobody invited the bot into the channel
	MissingScope      Missing = "scope"      // the app was installed without usergroups:read
	MissingTrust      Missing = "trust"      // prod's spoke trusts somebody else
	MissingNames      Missing = "names"      // its trust policy lets no session name people
	MissingWrite      Missing = "write"      // its policy does not allow the write
)

// scopeLeftOut is the scope without which members of user groups cannot be looked up.
const scopeLeftOut = "usergroups:read"

// LeaveOut makes the installation whole and then undoes one step of it.
func (w World) LeaveOut(server *slack.Server, m Missing) error {
	if !slices.Contains([]Missing{
		MissingNothing, MissingInvitation, MissingScope, MissingTrust, MissingNames, MissingWrite,
	}, m) {
		return fmt.Errorf("setup: %q is no step that can be left out", string(m))
	}
	scopes := slack.DefaultScopes()
	if m == MissingScope {
		scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == scopeLeftOut })
	}
	server.SetScopes(scopes...)
	if err := Invite(server, Incident, m != MissingInvitation); err != nil {
		return err
	}
	trusted := deploy.SpokeTrustPolicy(w.BotARN(), ExternalID)
	switch m {
	case MissingTrust:
		trusted = deploy.SpokeTrustPolicy("arn:aws:iam::"+ProdID+":user/ci/ci-deploy", ExternalID)
	case MissingNames:
		trusted = trust([]string{"sts:AssumeRole"}, map[string]any{"AWS": w.BotARN()},
			map[string]any{"StringEquals": map[string]any{"sts:ExternalId": ExternalID}})
	}
	if err := w.Prod.SetTrust(spokeRole, trusted); err != nil {
		return fmt.Errorf("setup: the trust policy of %s: %w", spokeRole, err)
	}
	allowed := deploy.IAMPolicy
	if m == MissingWrite {
		allowed = strings.ReplaceAll(allowed, `"iam:PutRolePolicy"`, `"iam:GetRolePolicy"`)
	}
	if err := w.Prod.PutRolePolicy(spokeRole, spokePolicy, allowed); err != nil {
		return fmt.Errorf("setup: the policy of %s: %w", spokeRole, err)
	}
	return nil
}

// Invite lets the bot into a channel, or takes it out.
func Invite(server *slack.Server, channel string, in bool) error {
	channels := server.Channels()
	i := slices.IndexFunc(channels, func(c slack.Channel) bool { return c.ID == channel })
	if i < 0 {
		return fmt.Errorf("invite: there is no channel %s", channel)
	}
	c := channels[i]
	c.BotMember = in
	server.PutChannel(c)
	return nil
}
