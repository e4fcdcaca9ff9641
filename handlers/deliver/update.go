package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// posted remembers a message that is edited; the next mark stores it.
func (d *delivery) posted(name string, l approvals.Posted) {
	if d.at.Posted == nil {
		d.at.Posted = make(map[string]approvals.Posted)
	}
	d.at.Posted[name] = l
}

// sum tells one content of a message from another.
func sum(m *messages.Message) string {
	blocks, _ := json.Marshal(m.Blocks) //nolint:errcheck // what cannot be encoded is compared by its text
	hash := sha256.Sum256(append([]byte(m.Text), blocks...))
	return hex.EncodeToString(hash[:8])
}

// edit brings the messages that are in the thread up to date with the log. An edit says everything
// anew, so it can be made again after a crash, and several events that came together are one.
func (d *delivery) edit(ctx context.Context, r approvals.Request, posts []messages.Post, c messages.Context) error {
	for _, p := range posts {
		shown, there := d.at.Posted[p.Name]
		if !there || p.Once || shown.Sum == sum(p.Message) {
			continue
		}
		m := p.Message
		if shown.Loose {
			m = messages.Loose(m, r, c)
		}
		if err := d.replace(ctx, r.Place.Channel, p.Name, shown.TS, c.Leaving(m)); err != nil {
			return err
		}
		shown.Sum = sum(p.Message)
		d.posted(p.Name, shown)
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
