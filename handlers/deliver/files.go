package deliver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/report"
)

// An upload that fails for a passing reason is tried so many times within a while, for some four
// minutes: Slack's address for uploads is another host than its Web API, and where only that one is
// out of reach the thread must go on.
const (
	maxUploads  = 10
	uploadsTime = time.Hour
)

// files uploads the files that go with the last of events, in order, each once. The message of the
// event, if there is one, was told when it is called. doubtful is the part that an earlier try may
// have told without an answer; 0: none, or the message. Slack may show a file a moment after it
// took it (Slack documentation, "files.getUploadURLExternal": files are processed asynchronously),
// so one that was taken without an answer and is looked for too soon can be there twice: a file
// told twice is better than one never told.
func (d *delivery) files(
	ctx context.Context, channel string, events []approvals.Event, doubtful int64, c messages.Context,
) error {
	e := events[len(events)-1]
	then, err := approvals.Fold(d.id, events)
	if err != nil {
		return err
	}
	for i, f := range report.Files(then, events, e, c) {
		before := int64(i) + 1 // the message, and the files before this one
		if d.at.Part > before {
			continue
		}
		d.at.Part = before
		there := false
		if doubtful == before {
			if there, err = d.findFile(ctx, channel, f.Name, e); err != nil {
				return err
			}
		}
		if !there {
			d.at.Intent = e.Seq
			if err := d.upload(ctx, channel, e, f); err != nil {
				return err
			}
		}
		d.at.Part = before + 1
	}
	return nil
}

// upload makes one file and sends it. A file that Slack refuses, that it did not take for too long,
// or that cannot be made, is told of and left out.
func (d *delivery) upload(ctx context.Context, channel string, e approvals.Event, f report.File) error {
	content, err := f.Bytes()
	if err != nil || len(content) == 0 {
		d.Log.ErrorContext(ctx, "a file of the thread could not be made", "request", d.id, "event", e.Seq, "file", f.Name,
			"error", err)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: f.Name})
	}
	err = d.within(ctx, uploadCall, uploadLease, func(ctx context.Context) error {
		return d.slack.Upload(ctx, channel, d.root(), Upload{
			Name: f.Name, Title: f.Title, AltText: f.AltText, Content: content,
		})
	})
	if err == nil {
		return nil
	}
	kind, code := KindOf(err)
	switch kind {
	case SlackNoFiles, SlackContent:
		d.Log.WarnContext(ctx, "Slack does not take a file", "request", d.id, "event", e.Seq, "file", f.Name, "code", code)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: f.Name, Code: code})
	case SlackNoTarget:
		d.Log.WarnContext(ctx, "the thread is gone; the record goes on without it", "request", d.id, "event", e.Seq,
			"code", code)
		return nil
	}
	if enough, allowErr := d.triedEnough(ctx, f.Name, err); allowErr != nil {
		return errors.Join(err, allowErr)
	} else if enough {
		d.Log.WarnContext(ctx, "Slack did not take a file for too long", "request", d.id, "event", e.Seq, "file", f.Name,
			"error", err)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: f.Name, Code: cmp.Or(code, record.CodeNoAnswer)})
	}
	if kind == SlackUnsure || kind == SlackUnknown {
		return err // it may be there: look for it at the next try
	}
	d.at.Intent = d.at.Cursor
	return errors.Join(err, d.mark(ctx))
}

// root is the message that what follows belongs under; "" when it is gone and the channel has to
// do.
func (d *delivery) root() string {
	if d.loose {
		return ""
	}
	return d.at.Card
}

// triedEnough counts a failed upload, unless it waits for its turn only, and reports whether it was
// one too many.
func (d *delivery) triedEnough(ctx context.Context, name string, failure error) (bool, error) {
	e, ok := errors.AsType[*SlackError](failure)
	if !ok || e.Code == CodePaced || e.RetryAfter > 0 || e.Kind == SlackToken || e.Kind == SlackChannel {
		return false, nil
	}
	most := maxUploads - 1
	if d.withoutFiles {
		most = 1
	}
	wait, err := d.Store.Allow(ctx, "upload of "+name, rand.Text(), most, uploadsTime)
	return wait > 0, err
}

// fileLeftOut records, once for a request, that the thread goes without a file.
func (d *delivery) fileLeftOut(ctx context.Context, why record.FilesRefused) error {
	d.withoutFiles = true
	return d.Remark(ctx, d.id, approvals.EventFilesRefused, "files "+d.id, why)
}

// findFile looks for a file that may have been uploaded, as find does for a message.
func (d *delivery) findFile(ctx context.Context, channel, name string, e approvals.Event) (bool, error) {
	there := false
	err := d.call(ctx, func(ctx context.Context) (err error) {
		there, err = d.slack.FindFile(ctx, channel, d.at.Card, name, e.At)
		return err
	})
	if kind, code := KindOf(err); err != nil && (kind == SlackToken || kind == SlackNoTarget) {
		d.Log.WarnContext(ctx, "a file that may have been uploaded cannot be looked for", "request", d.id, "event", e.Seq,
			"code", code)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a file: %w", err)
	}
	return there, nil
}
