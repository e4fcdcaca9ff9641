package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// posted remembers a message that is edited; the next mark, or the end, stores it.
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

// Edits are those of one thread that are made together. They wait for Slack's pace once, for all
// their turns.
type Edits struct {
	Request string
	n       int
}

// editsKey is where a context holds them.
type editsKey struct{}

// EditsIn are the edits that one is made together with; nil for one that is made alone.
func EditsIn(ctx context.Context) *Edits {
	e, _ := ctx.Value(editsKey{}).(*Edits)
	return e
}

// Take says how many turns to wait for: at the first edit as many as there are edits, then 0.
func (e *Edits) Take() (n int) {
	n, e.n = e.n, 0
	return n
}

// edit brings the messages that are in the thread up to date with the log. An edit says everything
// anew, so it can be made again after a crash, and several events that came together are one.
func (d *delivery) edit(ctx context.Context, posts []messages.Post) error {
	type change struct {
		messages.Post
		sum string
	}
	var changes []change
	for _, p := range posts {
		if shown, there := d.at.Posted[p.Name]; there && !p.Once {
			if now := sum(p.Message); now != shown.Sum {
				changes = append(changes, change{p, now})
			}
		}
	}
	ctx = context.WithValue(ctx, editsKey{}, &Edits{d.id, len(changes)})
	for _, c := range changes {
		shown, m := d.at.Posted[c.Name], d.about.Leaving(c.Message)
		if shown.Loose {
			m = d.inChannel(c.Message)
		}
		if _, err := d.replace(ctx, shown.TS, m); err != nil {
			return err
		}
		shown.Sum = c.sum
		d.posted(c.Name, shown)
	}
	return nil
}

// replace edits a message. It reports whether the message is gone, which holds up nothing.
func (d *delivery) replace(ctx context.Context, ts string, m *messages.Message) (gone bool, err error) {
	err = d.inForms(ctx, m, func(form *messages.Message) error { return d.update(ctx, ts, form) })
	kind, code := KindOf(err)
	if kind != SlackNoTarget {
		return false, err
	}
	d.log.WarnContext(ctx, "a message of the thread is gone; the record goes on", "message", ts, "code", code)
	return code == CodeGone, nil
}
