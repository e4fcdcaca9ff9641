package handlers

import (
	"context"
	"errors"
	"slices"

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

// KindHome is somebody opening the App Home.
const KindHome = "home"

// HomeOpened is the Body of an item of KindHome.
type HomeOpened struct {
	Team string `json:"team"`
	App  string `json:"app"`
	User string `json:"user"`
}

// status lists the requests for the sender. Their workspace, the channel and the rate limits were
// checked as for any command.
func (h *Handlers) status(ctx context.Context, item approvals.Item, c Command, to Listener) error {
	list, _, standing, err := h.listFor(ctx, c.Team, c.App, c.User, c.Channel)
	if err != nil {
		return err
	}
	if standing != approvals.FullMember {
		return h.refuse(ctx, item, c, to, "member", messages.StatusRefused(standing))
	}
	h.whisper(ctx, to, messages.Status(list, h.connection()))
	return nil
}

// home draws the App Home for whoever opened it.
func (h *Handlers) home(ctx context.Context, item approvals.Item) error {
	o, err := step.BodyOf[HomeOpened](item)
	if err != nil {
		return err
	}
	if !h.atHome(o.Team, "") {
		h.Log.WarnContext(ctx, "the home of another workspace was not drawn", "team", o.Team, "user", o.User)
		return nil
	}
	if !cameBack(item) {
		if wait, err := h.Store.Allow(ctx, "home of "+o.User, act(item), homesPerUser, floodWindow); err != nil || wait > 0 {
			return err // who opens it so often has seen it a moment ago
		}
	}
	return h.drawHome(ctx, o, "")
}

// drawHome publishes a person's App Home. An error of Slack's is only logged: the App Home is drawn
// anew whenever it is opened.
func (h *Handlers) drawHome(ctx context.Context, o HomeOpened, notice string) error {
	list, channels, standing, err := h.listFor(ctx, o.Team, o.App, o.User, "")
	if err != nil {
		return err
	}
	view := messages.HomeRefused(standing)
	if standing == approvals.FullMember {
		view = messages.Home(list, channels, h.connection(), notice)
	}
	if err := h.Slack.PublishHome(ctx, o.User, view); err != nil {
		h.Log.WarnContext(ctx, "a home was not published", "user", o.User, "error", err)
	}
	return nil
}

// listFor lists the requests of the allowed channels that a person is in, and says side by side
// which channels these are and who it is. here is a channel that they are in for sure; "" none.
func (h *Handlers) listFor(
	ctx context.Context, team, app, user, here string,
) (list []messages.Listed, channels []string, standing approvals.Standing, err error) {
	var side errgroup.Group
	var person approvals.Person
	side.Go(func() error { person = h.facts(ctx, user, nil).Person; return nil })
	side.Go(func() (err error) { list, err = h.list(ctx, team, app); return err })
	side.Go(func() error { channels = h.channelsOf(ctx, user, here); return nil })
	if err := side.Wait(); err != nil || person.ID != user {
		return nil, nil, approvals.StandingUnknown, err
	}
	if standing = person.Standing(h.Slack.Home()); standing != approvals.FullMember {
		return nil, nil, standing, nil
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
	var side errgroup.Group
	for i, channel := range h.Channels {
		side.Go(func() error {
			if in[i] = channel == here; in[i] {
				return nil
			}
			members, err := h.Slack.Members(ctx, channel)
			if err != nil {
				h.Log.WarnContext(ctx, "the members of a channel could not be read", "channel", channel, "error", err)
			}
			in[i] = slices.Contains(members, user)
			return nil
		})
	}
	_ = side.Wait() // the functions return nil
	var channels []string
	for i, channel := range h.Channels {
		if in[i] {
			channels = append(channels, channel)
		}
	}
	return channels
}

// list reads the newest requests side by side: those under way first, each part the newest first.
func (h *Handlers) list(ctx context.Context, team, app string) ([]messages.Listed, error) {
	ids, err := h.Store.Recent(ctx, statusLooked)
	if err != nil {
		return nil, err
	}
	found := make([]*messages.Listed, len(ids))
	loads, ctx := errgroup.WithContext(ctx)
	loads.SetLimit(statusLoads)
	for i, id := range ids {
		loads.Go(func() (err error) {
			found[i], err = h.listed(ctx, id, team, app)
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
func (h *Handlers) listed(ctx context.Context, id, team, app string) (*messages.Listed, error) {
	r, _, err := h.Store.Load(ctx, id)
	switch {
	case errors.Is(err, approvals.ErrUnknownRequest):
		return nil, nil
	case err != nil:
		return nil, err
	case !slices.Contains(h.Channels, r.Place.Channel) || h.place(team, app, r.Place.Channel) != r.Place:
		return nil, nil
	}
	about, err := h.Context(r)
	if err != nil {
		h.Log.WarnContext(ctx, "a request is left out of a list", "request", id, "error", err)
		return nil, nil
	}
	d, err := h.Store.Delivered(ctx, id)
	if err != nil {
		return nil, err
	}
	l := messages.Listed{Request: r, Context: about}
	if d.Card != "" {
		l.Link = h.Slack.Link(r.Place.Channel, d.Card)
	}
	return &l, nil
}

func (h *Handlers) connection() messages.Connection {
	if h.Connection == nil {
		return messages.Connection{Heard: -1}
	}
	return h.Connection()
}

// askFromHome opens the form for the user who pressed the button on the App Home. There is no
// channel to answer in: what keeps the form from opening is said on the App Home.
func (h *Handlers) askFromHome(ctx context.Context, item approvals.Item, c Click) error {
	o := HomeOpened{Team: c.Team, App: c.App, User: c.User}
	if !h.atHome(c.Team, "") || !slices.Contains(h.Channels, c.Value) {
		return h.drawHome(ctx, o, "")
	}
	limited, cancel := context.WithTimeout(ctx, formLookUp)
	allowed, standing := h.mayRequest(limited, c.User)
	cancel()
	switch {
	case !allowed:
		return h.drawHome(ctx, o, messages.NotARequester(standing).Text)
	case item.Tries == 1 && h.openAskForm(ctx, c.Trigger, messages.FormOrigin{Channel: c.Value, User: c.User, Home: true}):
		return nil
	default:
		return h.drawHome(ctx, o, messages.HomeFormLost(c.Value))
	}
}

// inChannel reports whether a user who asks on the App Home is in the channel: Slack shows a
// private message only to users who are (Slack documentation, "chat.postEphemeral",
// user_not_in_channel). If it does not show it, the answer is no.
func (h *Handlers) inChannel(ctx context.Context, to Listener) bool {
	if err := h.Slack.Whisper(ctx, to, messages.AskedFromHome()); err != nil {
		h.Log.WarnContext(ctx, "the user of the App Home is not known to be in the channel", "user", to.User,
			"channel", to.Channel, "error", err)
		return false
	}
	return true
}
