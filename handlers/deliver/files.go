package deliver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
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
// was told when it is called. doubt: an earlier try may have uploaded them. Slack may show a file a
// moment after it took it (Slack documentation, "files.getUploadURLExternal": files are processed
// asynchronously), so files that are looked for too soon can be there twice, which is better than
// never.
func (d *delivery) files(ctx context.Context, events []approvals.Event, doubt bool) error {
	if !report.Brings(events) {
		return nil
	}
	then, err := approvals.Fold(d.id, events)
	if err != nil {
		return err
	}
	about := d.about
	about.Names = d.names(ctx, report.People(events[:report.Upto(d.event)]))
	files := report.Files(then, events, d.event, about)
	if len(files) == 0 {
		return nil
	}
	d.at.Part = 1
	if doubt {
		there := false
		if err := d.look(ctx, func(ctx context.Context) (err error) {
			there, err = d.slack.FindFile(ctx, d.r.Place.Channel, d.at.Card, files[0].Name, d.event.At)
			return err
		}); there || err != nil {
			return err
		}
	}
	d.at.Intent = d.event.Seq
	return d.upload(ctx, files, messages.FilesWords(then, d.about, d.event, report.Upto(d.event)))
}

// names are those of people, as far as Slack says them now: a report without them has the ids.
func (d *delivery) names(ctx context.Context, ids []string) map[string]string {
	names := map[string]string{}
	for _, id := range ids {
		if err := d.call(ctx, func(ctx context.Context) error {
			person, err := d.slack.Person(ctx, id)
			names[id] = person.Name
			return err
		}); err != nil {
			d.log.WarnContext(ctx, "a person's name could not be looked up for the report", "user", id, "error", err)
			break
		}
	}
	return names
}

// upload makes the files and sends them. A file that cannot be made is left out and reported; so
// are all of them if Slack refuses them, or did not take them for too long.
func (d *delivery) upload(ctx context.Context, files []report.File, words string) error {
	var uploads []Upload
	for _, f := range files {
		content, err := f.Bytes()
		if err != nil || len(content) == 0 {
			d.log.ErrorContext(ctx, "a file of the thread could not be made", "file", f.Name, "error", err)
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
	root := d.at.Card
	if d.loose { // it is gone, and the channel has to do
		root = ""
	}
	err := d.within(ctx, uploadCall, uploadLease, func(ctx context.Context) error {
		return d.slack.Upload(ctx, d.r.Place.Channel, root, words, uploads)
	})
	if err == nil {
		return nil
	}
	kind, code := KindOf(err)
	switch kind {
	case SlackNoFiles, SlackContent:
		d.log.WarnContext(ctx, "Slack does not accept files", "file", name, "code", code)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: name, Code: code})
	case SlackNoTarget:
		d.log.WarnContext(ctx, "the thread is gone; the record goes on without it", "code", code)
		return nil
	}
	enough, allowErr := d.triedEnough(ctx, name, err)
	switch {
	case allowErr != nil:
		return errors.Join(err, allowErr)
	case enough:
		d.log.WarnContext(ctx, "Slack did not accept files for too long", "file", name, "error", err)
		return d.fileLeftOut(ctx, record.FilesRefused{Name: name, Code: cmp.Or(code, record.CodeNoAnswer)})
	case kind == SlackUnsure, kind == SlackUnknown:
		return err // they may be there: look for them at the next try
	}
	d.at.Intent = d.at.Cursor
	return err
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
