package bot

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// Upload implements deliver.Poster: for each file an upload address and the bytes, and then the
// sharing, which alone shows anything (Slack documentation, "files.completeUploadExternal": without
// it the upload is discarded). The sharing makes one message, so it takes its turn as one.
func (s *slackClient) Upload(ctx context.Context, channel, thread, words string, files []deliver.Upload) error {
	if err := s.turn(ctx, s.posts, channel, thread+"/"+files[0].Name, classThread, 1); err != nil {
		return err
	}
	summaries := make([]slack.FileSummary, len(files))
	for i, f := range files {
		const address = "files.getUploadURLExternal"
		to, err := s.api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
			FileName: f.Name, FileSize: len(f.Content), AltTxt: f.AltText,
		})
		switch {
		case err != nil:
			return notYetShared(fileError(address, err))
		case to.UploadURL == "" || to.FileID == "":
			return notYetShared(emptyAnswer(address))
		}
		if err := s.api.UploadToURL(ctx, slack.UploadToURLParameters{
			UploadURL: to.UploadURL, Reader: bytes.NewReader(f.Content), Filename: f.Name,
		}); err != nil {
			return notYetShared(uploadError(err))
		}
		summaries[i] = slack.FileSummary{ID: to.FileID, Title: f.Title}
	}
	const share = "files.completeUploadExternal"
	shared, err := s.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: summaries, Channel: channel, ThreadTimestamp: thread, InitialComment: words,
	})
	switch {
	case err != nil:
		return fileError(share, err)
	case len(shared.Files) == 0:
		return emptyAnswer(share)
	}
	return nil
}

// fileError sorts an error of a method for files. What Slack refuses with a code that says nothing
// about anything else, a missing scope or one that is not known here, is about the file: messages
// of the same thread go through, and one file must not hold them up.
func fileError(method string, err error) error {
	e, ok := errors.AsType[*deliver.SlackError](slackError(method, err))
	if !ok {
		return err
	}
	switch e.Code {
	case "missing_scope", "not_allowed_token_type", "no_permission", "access_denied":
		e.Kind = deliver.SlackNoFiles
	case "file_not_found": // the address of the upload ran out, or its bytes did not arrive
		e.Kind = deliver.SlackPassing
	}
	if _, answered := errors.AsType[slack.SlackErrorResponse](err); answered && e.Kind == deliver.SlackUnknown {
		e.Kind = deliver.SlackNoFiles
	}
	return e
}

// uploadError sorts an error of the upload itself. The address is a credential, and an error of the
// network names it.
func uploadError(err error) error {
	e, ok := errors.AsType[*deliver.SlackError](slackError("upload", err))
	if !ok {
		return err
	}
	if e.Code == "" {
		e.Err = errors.New("the upload address did not answer")
	}
	return e
}

// notYetShared is for what failed before the file was shared: it is not in the thread, so it can be
// tried again.
func notYetShared(err error) error {
	if e, ok := errors.AsType[*deliver.SlackError](err); ok && e.Kind == deliver.SlackUnsure {
		e.Kind = deliver.SlackPassing
	}
	return err
}

// FindFile implements deliver.Poster with conversations.replies. A file of that name that another
// user uploaded does not count: people in the channel must not be able to keep the bot's own away.
func (s *slackClient) FindFile(
	ctx context.Context, channel, thread, name string, since time.Time,
) (found bool, err error) {
	user, err := s.botUser(ctx)
	if err != nil {
		return false, err
	}
	return found, s.search(ctx, channel, thread, since, func(m slack.Message) bool {
		found = found || m.User == user && slices.ContainsFunc(m.Files, func(f slack.File) bool {
			return f.Name == name
		})
		return found
	})
}
