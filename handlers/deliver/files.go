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

// files uploads the files that go with the last of events, in one message. The message of the event
// was told when it is called. doubtful is 1 if an earlier try may have uploaded them without an
// answer. Slack may show a file a moment after it took it (Slack documentation,
// "files.getUploadURLExternal": files are processed asynchronously), so files that are looked for
// too soon can be there twice, which is better than never.
func (d *delivery) files(
	ctx context.Context, channel string, events []approvals.Event, doubtful int64, c messages.Context,
) error {
	e := events[len(events)-1]
	if !report.Brings(events) {
		return nil
	}
	then, err := approvals.Fold(d.id, events)
	if err != nil {
		return err
	}
	files := report.Files(then, events, e, c)
	if len(files) == 0 {
		return nil
	}
	d.at.Part = 1
	if doubtful == 1 {
		if there, err := d.findFile(ctx, channel, files[0].Name, e); there || err != nil {
			return err
		}
	}
	d.at.Intent = e.Seq
	return d.upload(ctx, channel, e, files, messages.FilesWords(then, c, report.Upto(e)))
}

// upload makes the files and sends them. A file that cannot be made is left out and reported; so
// are all of them if Slack refuses them, or did not take them for too long.
func (d *delivery) upload(
	ctx context.Context, channel string, e approvals.Event, files []report.File, words string,
) error {
	var uploads []Upload
	for _, f := range files {
		content, err := f.Bytes()
		if err != nil || len(content) == 0 {
			d.Log.ErrorContext(ctx, "a file of the thread could not be made", "request", d.id, "event", e.Seq, "file", f.Name,
				"error", err)
			if err := d.fileLeftOut(ctx, record.FilesRefused{Name: f.Name}); err != nil {
				return err
			}
			continue
		}
		uploads = append(uploads, Upload{Name: f.Name, Title: f.Title, AltText: f.AltText, Content: content})
	}
	if len(uploads) == 0 {
		return nil
	}
	name := uploads[0].Name
	err := d.within(ctx, uploadCall, uploadLease, func(ctx context.Context) error {
		return d.slack.Upload(ctx, channel, d.root(), words, uploads)
	})
	if err == nil {
		return nil
	}
	kind, code := KindOf(err)
	switch kind {
	case SlackNoFiles, SlackContent:
		d.Log.WarnContext(ctx, "Slack does not take files", "request", d.id, "event", e.Seq, "file", name, "code", code)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: name, Code: code})
	case SlackNoTarget:
		d.Log.WarnContext(ctx, "the thread is gone; the record goes on without it", "request", d.id, "event", e.Seq,
			"code", code)
		return nil
	}
	if enough, allowErr := d.triedEnough(ctx, name, err); allowErr != nil {
		return errors.Join(err, allowErr)
	} else if enough {
		d.Log.WarnContext(ctx, "Slack did not take files for too long", "request", d.id, "event", e.Seq, "file", name,
			"error", err)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: name, Code: cmp.Or(code, record.CodeNoAnswer)})
	}
	if kind == SlackUnsure || kind == SlackUnknown {
		return err // they may be there: look for them at the next try
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
