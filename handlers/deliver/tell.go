package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// tell posts what the thread says with the last of events, and then the files that go with it: each
// part after a check whether it is there already when an earlier try may have posted it.
func (d *delivery) tell(ctx context.Context, events []approvals.Event, posts []messages.Post) error {
	doubt := d.at.Intent >= d.event.Seq
	i := slices.IndexFunc(posts, func(p messages.Post) bool { return p.Seq == d.event.Seq })
	if i >= 0 && d.at.Part == 0 {
		if err := d.begin(ctx, posts[i], doubt); err != nil {
			return err
		}
	}
	if err := d.files(ctx, events, doubt); err != nil {
		return err
	}
	d.at.Cursor, d.at.Part = d.event.Seq, 0
	return nil
}

// begin posts a message of the thread, unless it is there.
func (d *delivery) begin(ctx context.Context, p messages.Post, doubt bool) (err error) {
	if _, there := d.at.Posted[p.Name]; there {
		return nil
	}
	mark := Mark{Request: d.id, Seq: d.event.Seq}
	ts, shown := "", "" // of one that is found, it is not known what it says
	if doubt {
		if ts, err = d.there(ctx, mark, p.Message); err != nil {
			return err
		}
	}
	if ts == "" {
		d.at.Intent, shown = d.event.Seq, sum(p.Message)
		if ts, err = d.post(ctx, mark, p.Message); err != nil {
			return err
		}
	}
	if ts != "" && !p.Once {
		d.posted(p.Name, approvals.Posted{TS: ts, Sum: shown, Loose: d.loose})
	}
	d.at.Part = 1
	return nil
}

// there looks for a line that was told by an earlier try: in the thread, or in the channel because
// the thread's root is gone. It returns "" when there is none. In the channel it is made to say
// what it is about, in case that try died before it could.
func (d *delivery) there(ctx context.Context, mark Mark, m *messages.Message) (string, error) {
	found, err := d.find(ctx, d.at.Card, mark, d.event.At)
	if found != "" || err != nil {
		return found, err
	}
	found, err = d.find(ctx, "", mark, d.event.At)
	if found == "" || err != nil {
		return "", err
	}
	if err := d.threadGone(ctx, true); err != nil {
		return "", err
	}
	return found, d.nameIn(ctx, found, d.inChannel(m))
}

// inChannel is a message of the thread as it is told where there is no thread any more: it says
// what it is about.
func (d *delivery) inChannel(m *messages.Message) *messages.Message {
	return d.about.Leaving(messages.Loose(m, d.r, d.about))
}

// post sends a message of the thread. What Slack refuses for its form is sent in a simpler one, so
// that one message cannot hold up the rest; it returns "" for one that is left out.
func (d *delivery) post(ctx context.Context, mark Mark, m *messages.Message) (ts string, err error) {
	err = d.inForms(ctx, m, func(form *messages.Message) (err error) {
		ts, err = d.postForm(ctx, mark, form)
		return err
	})
	if kind, _ := KindOf(err); err == nil || kind == SlackUnsure || kind == SlackUnknown {
		return ts, err // it may be there after an error: look for it at the next try
	}
	d.at.Intent = d.at.Cursor
	return "", err
}

// inForms sends a message in one form after the other until Slack does not refuse it for its form.
// That Slack refuses all of them holds up nothing: the log has what the message would have said.
func (d *delivery) inForms(ctx context.Context, m *messages.Message, send func(*messages.Message) error) error {
	for i, form := range m.Forms() {
		err := send(form)
		kind, code := KindOf(err)
		if kind != SlackContent {
			return err
		}
		d.log.WarnContext(ctx, "Slack refuses a message in this form", "form", i, "code", code)
	}
	d.log.ErrorContext(ctx, "Slack refuses a message in every form; the record goes on without it")
	return nil
}

// postForm sends a message into the thread, or into the channel when the thread has no root any
// more. Slack tells that by refusing the reply, or by taking it and putting it into the channel.
func (d *delivery) postForm(ctx context.Context, mark Mark, form *messages.Message) (string, error) {
	if !d.loose {
		ts, err := d.send(ctx, d.at.Card, mark, d.about.Leaving(form))
		kind, code := KindOf(err)
		if kind != SlackNoTarget {
			return ts, err
		}
		if err := d.threadGone(ctx, code == CodeOutside); err != nil {
			return "", err
		}
		if code == CodeOutside {
			d.log.WarnContext(ctx, "the thread is gone; the record goes on in the channel")
			return ts, d.nameIn(ctx, ts, d.inChannel(form))
		}
	}
	return d.send(ctx, "", mark, d.inChannel(form))
}

func (d *delivery) send(ctx context.Context, thread string, mark Mark, m *messages.Message) (ts string, err error) {
	err = d.call(ctx, func(ctx context.Context) (err error) {
		ts, err = d.slack.Post(ctx, d.r.Place.Channel, thread, mark, m)
		return err
	})
	return ts, err
}

// nameIn makes a message that fell into the channel say what it is about. If Slack does not take
// that, the message stays as it is. Any other failure leaves it to the next try, which finds the
// message.
func (d *delivery) nameIn(ctx context.Context, ts string, loose *messages.Message) error {
	err := d.update(ctx, ts, loose)
	if err == nil {
		return nil
	}
	if kind, code := KindOf(err); kind == SlackContent || kind == SlackNoTarget {
		d.log.WarnContext(ctx, "a message of a thread that is gone does not say what it is about", "code", code)
		return nil
	}
	// It is there, whatever became of the change.
	return &SlackError{Kind: SlackUnsure, Method: "chat.update", RetryAfter: waitFor(err, 0), Err: err}
}

func (d *delivery) update(ctx context.Context, ts string, m *messages.Message) error {
	return d.leased(ctx, deliveryCall, deliveryLease, false, func(ctx context.Context) error {
		return d.slack.Update(ctx, d.r.Place.Channel, ts, m)
	})
}

// find looks for a message that may have been posted.
func (d *delivery) find(ctx context.Context, thread string, mark Mark, since time.Time) (ts string, err error) {
	err = d.look(ctx, func(ctx context.Context) (err error) {
		ts, err = d.slack.Find(ctx, d.r.Place.Channel, thread, mark, since)
		return err
	})
	return ts, err
}

// look looks for something that may have been posted. Where the bot may not read the channel's
// history it cannot be looked for, and a line told twice is better than one never told.
func (d *delivery) look(ctx context.Context, do func(context.Context) error) error {
	err := d.call(ctx, do)
	switch kind, code := KindOf(err); {
	case err == nil:
		return nil
	case kind == SlackToken, kind == SlackNoTarget:
		d.log.WarnContext(ctx, "what may have been posted cannot be looked for", "code", code)
		return nil
	default:
		return fmt.Errorf("look for what may have been posted: %w", err)
	}
}
