package deliver

import (
	"context"
	"maps"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// Living messages are views of several events: they are posted with the first of them, in the order
// of the log, and edited for the others. Several that came together are one edit. An edit says all
// that is to be said, so that it can be made again after a crash.

// lives remembers a living message; the next mark stores it.
func (d *delivery) lives(name string, l approvals.Living) {
	if d.at.Living == nil {
		d.at.Living = make(map[string]approvals.Living)
	}
	d.at.Living[name] = l
}

// edit brings the living messages that are in the thread up to date with the log.
func (d *delivery) edit(ctx context.Context, r approvals.Request, events []approvals.Event, c messages.Context) error {
	for _, name := range slices.Sorted(maps.Keys(d.at.Living)) {
		shown := d.at.Living[name]
		if !slices.ContainsFunc(events, func(e approvals.Event) bool {
			return e.Seq > shown.Seq && (messages.Living(e) == name || messages.Stirs(name, e))
		}) {
			continue
		}
		if m := messages.LivingMessage(name, r, events, c); m != nil {
			if shown.Loose {
				m = messages.Loose(m, r, c)
			}
			m = c.Leaving(m)
			if err := d.replace(ctx, r.Place.Channel, name, shown.TS, m); err != nil {
				return err
			}
		}
		shown.Seq = r.Seq
		d.lives(name, shown)
		if err := d.mark(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replace edits a message, in a simpler form if Slack refuses the first. That it is gone or refused
// in every form holds up nothing: the log has what it would have said.
func (d *delivery) replace(ctx context.Context, channel, name, ts string, m *messages.Message) error {
	for i, form := range m.Forms() {
		err := d.call(ctx, func(ctx context.Context) error { return d.slack.Update(ctx, channel, ts, form) })
		switch kind, code := KindOf(err); {
		case err == nil:
			return nil
		case kind == SlackNoTarget:
			d.Log.WarnContext(ctx, "a message of the thread is gone; the record goes on", "request", d.id, "message", name,
				"code", code)
			return nil
		case kind == SlackContent:
			d.Log.WarnContext(ctx, "Slack refuses an edit in this form", "request", d.id, "message", name, "form", i,
				"code", code)
		default:
			return err
		}
	}
	d.Log.ErrorContext(ctx, "Slack refuses an edit in every form", "request", d.id, "message", name)
	return nil
}
