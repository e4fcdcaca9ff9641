package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// tell posts what the thread says with the last of events, and then the files that go with it: each
// part after a check whether it is there already when an earlier try may have posted it.
func (d *delivery) tell(
	ctx context.Context, r approvals.Request, events []approvals.Event, posts []messages.Post, c messages.Context,
) error {
	e := events[len(events)-1]
	doubt, part := d.at.Intent >= e.Seq, d.at.Part
	if i := slices.IndexFunc(posts, func(p messages.Post) bool { return p.Seq == e.Seq }); i >= 0 && part == 0 {
		if err := d.begin(ctx, r, e, posts[i], doubt, c); err != nil {
			return err
		}
	}
	if !doubt {
		part = 0 // no part of it can be there without an answer
	}
	if err := d.files(ctx, r.Place.Channel, events, part, c); err != nil {
		return err
	}
	d.at.Cursor, d.at.Part = e.Seq, 0
	return nil
}

// begin posts a message of the thread, unless it is there.
func (d *delivery) begin(
	ctx context.Context, r approvals.Request, e approvals.Event, p messages.Post, doubt bool, c messages.Context,
) (err error) {
	if _, there := d.at.Posted[p.Name]; there {
		return nil
	}
	mark := Mark{Request: d.id, Seq: e.Seq}
	ts, shown := "", "" // of one that is found, it is not known what it says
	if doubt {
		if ts, err = d.there(ctx, r, e, mark, p.Message, c); err != nil {
			return err
		}
	}
	if ts == "" {
		d.at.Intent, shown = e.Seq, sum(p.Message)
		if ts, err = d.post(ctx, r, e, mark, p.Message, c); err != nil {
			return err
		}
	}
	if ts != "" && !p.Once {
		d.posted(p.Name, approvals.Posted{TS: ts, Sum: shown, Loose: d.loose})
	}
	d.at.Part = 1
	return d.mark(ctx)
}

// there looks for a line that was told by an earlier try: in the thread, or in the channel because
// the thread's root is gone. It returns "" when there is none. In the channel it is made to say
// what it is about, in case that try died before it could.
func (d *delivery) there(
	ctx context.Context, r approvals.Request, e approvals.Event, mark Mark, m *messages.Message, c messages.Context,
) (string, error) {
	found, err := d.find(ctx, r.Place.Channel, d.at.Card, mark, e.At)
	if found != "" || err != nil {
		return found, err
	}
	found, err = d.find(ctx, r.Place.Channel, "", mark, e.At)
	if found == "" || err != nil {
		return "", err
	}
	if err := d.threadGone(ctx, true); err != nil {
		return "", err
	}
	return found, d.nameIn(ctx, r, e, found, c.Leaving(messages.Loose(m, r, c)))
}

// post sends a message of the thread. What Slack refuses for its form is sent in a simpler one, so
// that one message cannot hold up the rest; it returns "" for one that is left out. Where there is
// no thread any more, the message goes into the channel and says what it is about.
func (d *delivery) post(
	ctx context.Context, r approvals.Request, e approvals.Event, mark Mark, m *messages.Message, c messages.Context,
) (string, error) {
	for i, form := range m.Forms() {
		ts, err := d.postForm(ctx, r, e, mark, form, c)
		if err == nil {
			return ts, nil
		}
		kind, code := KindOf(err)
		switch kind {
		case SlackContent:
			d.Log.WarnContext(ctx, "Slack refuses a message in this form", "request", d.id, "event", e.Seq, "form", i,
				"code", code)
			continue
		case SlackUnsure, SlackUnknown:
			return "", err // it may be there: look for it at the next try
		default:
			d.at.Intent = d.at.Cursor
			return "", errors.Join(err, d.mark(ctx))
		}
	}
	d.Log.ErrorContext(ctx, "Slack refuses a message in every form; it is left out of the thread", "request", d.id,
		"event", e.Seq)
	return "", nil
}

// postForm sends a message into the thread, or into the channel when the thread has no root any
// more. Slack tells that by refusing the reply, or by taking it and putting it into the channel.
func (d *delivery) postForm(
	ctx context.Context, r approvals.Request, e approvals.Event, mark Mark, form *messages.Message, c messages.Context,
) (string, error) {
	loose := c.Leaving(messages.Loose(form, r, c))
	if !d.loose {
		ts, err := d.send(ctx, r, d.at.Card, mark, c.Leaving(form))
		kind, code := KindOf(err)
		if err == nil || kind != SlackNoTarget {
			return ts, err
		}
		if err := d.threadGone(ctx, code == CodeOutside); err != nil {
			return "", err
		}
		if code == CodeOutside {
			d.Log.WarnContext(ctx, "the thread is gone; the record goes on in the channel", "request", d.id, "event", e.Seq)
			return ts, d.nameIn(ctx, r, e, ts, loose)
		}
	}
	return d.send(ctx, r, "", mark, loose)
}

func (d *delivery) send(
	ctx context.Context, r approvals.Request, thread string, mark Mark, m *messages.Message,
) (ts string, err error) {
	err = d.call(ctx, func(ctx context.Context) (err error) {
		ts, err = d.slack.Post(ctx, r.Place.Channel, thread, mark, m)
		return err
	})
	return ts, err
}

// nameIn makes a message that fell into the channel say what it is about. If Slack does not take
// that, the message stays as it is. Any other failure leaves it to the next try, which finds the
// message.
func (d *delivery) nameIn(
	ctx context.Context, r approvals.Request, e approvals.Event, ts string, loose *messages.Message,
) error {
	err := d.call(ctx, func(ctx context.Context) error { return d.slack.Update(ctx, r.Place.Channel, ts, loose) })
	if err == nil {
		return nil
	}
	if kind, code := KindOf(err); kind == SlackContent || kind == SlackNoTarget {
		d.Log.WarnContext(ctx, "a message of a thread that is gone does not say what it is about", "request", d.id,
			"event", e.Seq, "code", code)
		return nil
	}
	// It is there, whatever became of the change.
	return &SlackError{Kind: SlackUnsure, Method: "chat.update", RetryAfter: waitFor(err, 0), Err: err}
}

// find looks for a message that may have been posted. Where the bot may not read the channel's
// history it cannot be looked for, and a line told twice is better than one never told.
func (d *delivery) find(ctx context.Context, channel, thread string, mark Mark, since time.Time) (string, error) {
	var ts string
	err := d.call(ctx, func(ctx context.Context) (err error) {
		ts, err = d.slack.Find(ctx, channel, thread, mark, since)
		return err
	})
	if kind, code := KindOf(err); err != nil && (kind == SlackToken || kind == SlackNoTarget) {
		d.Log.WarnContext(ctx, "a message that may have been posted cannot be looked for", "request", d.id, "event", mark.Seq,
			"code", code)
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for a message: %w", err)
	}
	return ts, nil
}
