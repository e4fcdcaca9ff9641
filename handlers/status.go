package handlers

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
)

const (
	statusLooked = 30 // the newest requests that are read for a list
	statusShown  = 10 // of them shown: those under way first
	statusLoads  = 8  // read side by side
	homesPerUser = 20 // App Homes that are drawn for one person in a minute
)

// KindHome is a person opening the App Home. Its Body is a Command without words.
const KindHome = "home"

// status lists the requests for the sender. Their workspace, the channel and the rate limits were
// checked as for any command.
func (h *Handlers) status(ctx context.Context, a act) error {
	list, _, standing, err := h.listFor(ctx, a.Command)
	if err != nil {
		return err
	}
	if standing != approvals.FullMember {
		return h.refuse(ctx, a, "member", messages.NotEntitled(standing))
	}
	return h.answer(ctx, a, messages.Status(list))
}

// home draws the App Home for whoever opened it.
func (h *Handlers) home(ctx context.Context, item approvals.Item) error {
	c, err := step.BodyOf[Command](item)
	if err != nil {
		return err
	}
	if !h.Slack.Home().Holds(c.Place) {
		h.Log.WarnContext(ctx, "the home of another workspace was not drawn", "place", c.Place, "user", c.User)
		return nil
	}
	wait, err := h.Store.Allow(ctx, "home of "+c.User, counted(item), homesPerUser, floodWindow)
	if err != nil || wait > 0 {
		return err // who opens it so often has seen it a moment ago
	}
	return h.drawHome(ctx, c, "")
}

// drawHome publishes a person's App Home. An error of Slack's is only logged: the App Home is drawn
// anew whenever it is opened.
func (h *Handlers) drawHome(ctx context.Context, c Command, notice string) error {
	c.Channel = "" // none is known to hold the user
	list, channels, standing, err := h.listFor(ctx, c)
	if err != nil {
		return err
	}
	view := messages.HomeRefused(standing)
	if standing == approvals.FullMember {
		view = messages.Home(list, channels, notice)
	}
	if err := h.Slack.PublishHome(ctx, c.User, view); err != nil {
		h.Log.WarnContext(ctx, "a home was not published", "user", c.User, "error", err)
	}
	return nil
}

// listFor lists the requests of the allowed channels that the sender of a command is in, and says
// side by side which channels these are and who it is. They are in the command's channel for sure,
// if it has one.
func (h *Handlers) listFor(
	ctx context.Context, c Command,
) (list []messages.Listed, channels []string, standing approvals.Standing, err error) {
	var side errgroup.Group
	side.Go(func() error {
		if person := h.facts(ctx, c.User, approvals.Policy{}).Person; person.ID == c.User {
			standing = person.Standing(h.Slack.Home())
		}
		return nil
	})
	side.Go(func() (err error) { list, err = h.list(ctx, c); return err })
	side.Go(func() error { channels = h.channelsOf(ctx, c.User, c.Channel); return nil })
	if err := side.Wait(); err != nil || standing != approvals.FullMember {
		return nil, nil, standing, err
	}
	list = slices.DeleteFunc(list, func(l messages.Listed) bool {
		return !slices.Contains(channels, l.Request.Place.Channel)
	})
	return list[:min(len(list), statusShown)], channels, standing, nil
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
	r, _, err := h.Store.Load(ctx, id)
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
	return &messages.Listed{Request: r, Context: about, Link: link}, err
}

// askFromHome opens the form for the user who pressed the button on the App Home. There is no
// channel to answer in: what keeps the form from opening is said on the App Home.
func (h *Handlers) askFromHome(ctx context.Context, a act) error {
	if !h.Slack.Home().Holds(a.Place) || !slices.Contains(h.Channels, a.value) {
		return h.drawHome(ctx, a.Command, "")
	}
	allowed, standing := h.mayRequestSoon(ctx, a.User)
	origin := messages.FormOrigin{Channel: a.value, User: a.User, Home: true}
	switch {
	case !allowed:
		return h.drawHome(ctx, a.Command, messages.NotEntitled(standing).Text)
	case a.item.Tries == 1 && h.openAskForm(ctx, a.Trigger, origin):
		return nil
	default:
		return h.drawHome(ctx, a.Command, messages.HomeFormLost(a.value))
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
