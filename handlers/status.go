package handlers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
)

const (
	statusLooked = 30 // the newest requests that are read for a list
	statusShown  = 10 // of them shown by the status: those under way first
	statusLoads  = 8  // read side by side
	homesPerUser = 20 // App Homes that are drawn for one person in a minute
)

// KindHome is a person opening the App Home. Its Body is a Command without words.
const KindHome = "home"

// status lists the requests for the sender. Their workspace, the channel and the rate limits were
// checked as for any command.
func (h *Handlers) status(ctx context.Context, a act) error {
	desk, standing, err := h.deskOf(ctx, a.Command)
	if err != nil {
		return err
	}
	if standing != approvals.FullMember {
		return h.refuse(ctx, a, "member", messages.NotEntitled(standing))
	}
	desk.List = desk.List[:min(len(desk.List), statusShown)]
	return h.answer(ctx, a, messages.Status(desk))
}

// home draws the App Home for the person who opened it.
func (h *Handlers) home(ctx context.Context, item approvals.Item) error {
	c, err := step.BodyOf[Command](item)
	if err != nil {
		return err
	}
	if !h.Slack.Home().Holds(c.Place) {
		h.Log.WarnContext(ctx, "the home of another workspace was not drawn", "place", c.Place, "user", c.User)
		return nil
	}
	return h.drawHomeOf(ctx, item, c, "")
}

// drawHomeOf draws the App Home for an act of its user, unless they have seen it a moment ago.
func (h *Handlers) drawHomeOf(ctx context.Context, item approvals.Item, c Command, account string) error {
	wait, err := h.Store.Allow(ctx, "home of "+c.User, counted(item), homesPerUser, floodWindow)
	if err != nil || wait > 0 {
		return err
	}
	return h.drawHome(ctx, c, account, "")
}

// filterHome draws the App Home anew for one account, or for all of them. Nothing keeps the choice:
// a member who opens the App Home again sees all.
func (h *Handlers) filterHome(ctx context.Context, a act) error {
	if !h.Slack.Home().Holds(a.Place) {
		return nil
	}
	if _, there := h.Policies[a.value]; !there {
		a.value = ""
	}
	return h.drawHomeOf(ctx, a.item, a.Command, a.value)
}

// drawHome publishes a person's App Home, of one account only if one is named. An error of Slack's
// is only logged: the App Home is drawn anew whenever it is opened.
func (h *Handlers) drawHome(ctx context.Context, c Command, account, notice string) error {
	c.Channel = "" // none is known to hold the user
	desk, standing, err := h.deskOf(ctx, c)
	if err != nil {
		return err
	}
	view := messages.HomeRefused(standing)
	if standing == approvals.FullMember {
		desk.Accounts, desk.Account, desk.Notice = h.accountNames(), account, notice
		desk.List = slices.DeleteFunc(desk.List, func(l messages.Listed) bool {
			return account != "" && l.Request.Subject.Group != account
		})
		h.markYours(ctx, c.User, desk.List)
		view = messages.Home(desk)
	}
	if err := h.Slack.PublishHome(ctx, c.User, view); err != nil {
		h.Log.WarnContext(ctx, "a home was not published", "user", c.User, "error", err)
	}
	return nil
}

// markYours marks the open requests that a person may decide. A group is looked up once a minute at
// most for all App Homes: Slack allows some twenty look-ups a minute, and clicks need them.
func (h *Handlers) markYours(ctx context.Context, user string, list []messages.Listed) {
	for i, l := range list {
		r, p := l.Request, h.Policies[l.Request.Subject.Group]
		if r.State != approvals.StateOpen || r.Requester == user || r.VotedBy(user) {
			continue
		}
		people, err := p.People(func(group string) ([]string, error) { return h.groups.of(ctx, h.Slack, group) })
		if err != nil {
			h.Log.WarnContext(ctx, "a user group could not be looked up", "user", user, "error", err)
		}
		list[i].Yours = err != nil || slices.Contains(people, user)
	}
}

// groups keeps the members of user groups for what decides nothing.
type groups struct{ kept sync.Map } // group by id

type group struct {
	members []string
	at      time.Time
}

func (g *groups) of(ctx context.Context, slack Slack, id string) ([]string, error) {
	if kept, there := g.kept.Load(id); there && time.Since(kept.(group).at) < time.Minute {
		return kept.(group).members, nil
	}
	members, err := slack.GroupMembers(ctx, id)
	if err == nil {
		g.kept.Store(id, group{members, time.Now()})
	}
	return members, err
}

// deskOf lists the requests of the allowed channels that the sender of a command is in, and says
// side by side which channels these are and who it is. They are in the command's channel for sure,
// if it has one.
func (h *Handlers) deskOf(ctx context.Context, c Command) (desk messages.Desk, standing approvals.Standing, err error) {
	var side errgroup.Group
	side.Go(func() error {
		if person := h.facts(ctx, c.User, approvals.Policy{}).Person; person.ID == c.User {
			standing = person.Standing(h.Slack.Home())
		}
		return nil
	})
	side.Go(func() (err error) { desk.List, err = h.list(ctx, c); return err })
	side.Go(func() (err error) { desk.Now, err = h.Store.Now(ctx); return err })
	side.Go(func() error { desk.Channels = h.channelsOf(ctx, c.User, c.Channel); return nil })
	if err := side.Wait(); err != nil || standing != approvals.FullMember {
		return messages.Desk{}, standing, err
	}
	desk.List = slices.DeleteFunc(desk.List, func(l messages.Listed) bool {
		return !slices.Contains(desk.Channels, l.Request.Place.Channel)
	})
	return desk, standing, nil
}

// channelsOf are the allowed channels that a user is in. One whose members cannot be read is not
// among them: it may be private.
func (h *Handlers) channelsOf(ctx context.Context, user, here string) []string {
	in := make([]bool, len(h.Channels))
	var side sync.WaitGroup
	for i, channel := range h.Channels {
		if in[i] = channel == here; in[i] {
			continue
		}
		side.Go(func() {
			members, err := h.Slack.Members(ctx, channel)
			if err != nil {
				h.Log.WarnContext(ctx, "the members of a channel could not be read", "channel", channel, "error", err)
			}
			in[i] = slices.Contains(members, user)
		})
	}
	side.Wait()
	var channels []string
	for i, channel := range h.Channels {
		if in[i] {
			channels = append(channels, channel)
		}
	}
	return channels
}

// list reads the newest requests side by side: those under way first, each part the newest first.
func (h *Handlers) list(ctx context.Context, c Command) ([]messages.Listed, error) {
	ids, err := h.Store.Recent(ctx, statusLooked)
	if err != nil {
		return nil, err
	}
	found := make([]*messages.Listed, len(ids))
	loads, ctx := errgroup.WithContext(ctx)
	loads.SetLimit(statusLoads)
	for i, id := range ids {
		loads.Go(func() (err error) {
			found[i], err = h.listed(ctx, id, c)
			return err
		})
	}
	if err := loads.Wait(); err != nil {
		return nil, err
	}
	var list []messages.Listed
	for _, ended := range []bool{false, true} {
		for _, l := range found {
			if l != nil && l.Request.State.Ended() == ended {
				list = append(list, *l)
			}
		}
	}
	return list, nil
}

// listed reads one request; nil for one that is gone, or of another place.
func (h *Handlers) listed(ctx context.Context, id string, c Command) (*messages.Listed, error) {
	r, events, err := h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil && !h.listable(c, r) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	about, err := h.Context(r)
	if err != nil {
		h.Log.WarnContext(ctx, "a request is left out of a list", "request", id, "error", err)
		return nil, nil
	}
	link, err := h.Sender.CardLink(ctx, r)
	return &messages.Listed{Request: r, Events: events, Context: about, Link: link}, err
}

// askFromHome opens the form for the user who pressed the button on the App Home. There is no
// channel to answer in: what keeps the form from opening is said on the App Home.
func (h *Handlers) askFromHome(ctx context.Context, a act) error {
	if !h.Slack.Home().Holds(a.Place) || !slices.Contains(h.Channels, a.value) {
		return h.drawHome(ctx, a.Command, "", "")
	}
	allowed, standing := h.mayRequestSoon(ctx, a.User)
	origin := messages.FormOrigin{Channel: a.value, User: a.User, Home: true}
	switch {
	case !allowed:
		return h.drawHome(ctx, a.Command, "", messages.NotEntitled(standing).Text)
	case a.item.Tries == 1 && h.openAskForm(ctx, a.Trigger, origin):
		return nil
	default:
		return h.drawHome(ctx, a.Command, "", messages.HomeFormLost(a.value))
	}
}

// inChannel reports whether a user who asks on the App Home is in the channel: Slack shows a
// private message only to users who are (Slack documentation, "chat.postEphemeral",
// user_not_in_channel). If it does not show it, the answer is no.
func (h *Handlers) inChannel(ctx context.Context, a act) bool {
	if err := h.Slack.Whisper(ctx, Listener{User: a.User, Channel: a.Channel}, messages.AskedFromHome()); err != nil {
		h.Log.WarnContext(ctx, "the user of the App Home is not known to be in the channel", "user", a.User,
			"channel", a.Channel, "error", err)
		return false
	}
	return true
}
