package slack

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxFile is the largest upload in bytes that the stand-in keeps.
	maxFile = 16 << 20
	// maxAltText is the longest alt_txt in characters, maxSnippet the largest snippet in bytes (Slack
	// documentation, "files.getUploadURLExternal").
	maxAltText = 1000
	maxSnippet = 1 << 20
)

// File is a file in a message.
type File struct {
	ID, Name, Title, AltText, MimeType, SnippetType string
	Size                                            int
}

// file is the stored form: announced, uploaded, and then part of a message.
type file struct {
	File
	token    string // of the upload URL
	content  []byte
	uploaded bool
	complete bool
}

// File returns what is known of an uploaded file, with its bytes.
func (s *Server) File(id string) (File, []byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil || !f.uploaded {
		return File{}, nil, false
	}
	return f.File, bytes.Clone(f.content), true
}

// FileContent returns the bytes of an uploaded file.
func (s *Server) FileContent(id string) ([]byte, bool) {
	_, content, ok := s.File(id)
	return content, ok
}

// uploadURL is files.getUploadURLExternal.
func (s *Server) uploadURL(c *call) answer {
	size, err := strconv.Atoi(c.args["length"])
	switch {
	case err != nil || size == 0:
		return refuse("missing_argument") // as Slack says of a length of 0
	case c.args["snippet_type"] != "" && size > maxSnippet:
		return refuse("snippet_too_large")
	case size > maxFile:
		return refuse("file_upload_size_restricted")
	case utf8.RuneCountInString(c.args["alt_txt"]) > maxAltText:
		return refuse("alt_txt_too_large")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &file{token: rand.Text()}
	f.ID, f.Name, f.Size = s.nextIDLocked("F"), c.args["filename"], size
	f.AltText, f.SnippetType = c.args["alt_txt"], c.args["snippet_type"]
	f.MimeType = mime.TypeByExtension(filepath.Ext(f.Name))
	if f.MimeType == "" {
		f.MimeType = "application/octet-stream"
	}
	s.files[f.ID] = f
	return success("file_id", f.ID, "upload_url", baseURL(c.request)+"/upload/v1/"+f.ID+"-"+f.token)
}

// serveUpload takes the bytes of a file, as a form with one part or as the whole body.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, path string) {
	c := &call{method: methodUpload, args: map[string]string{}, request: r}
	s.serveCall(w, r, c, func() answer {
		id, token, _ := strings.Cut(path, "-")
		content, err := uploadedBytes(w, r)
		if err != nil || r.Method != http.MethodPost {
			return plain(http.StatusBadRequest, "bad_request")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		f := s.files[id]
		switch {
		case f == nil || f.token != token || f.uploaded:
			return plain(http.StatusNotFound, "expired_url")
		case len(content) != f.Size:
			return plain(http.StatusBadRequest, "size_mismatch")
		}
		f.content, f.uploaded = content, true
		return plain(http.StatusOK, "OK - "+strconv.Itoa(f.Size))
	})
}

// uploadedBytes reads the body, or the one part of a form. Clients name the part differently:
// slack-go file, Slack's own for JavaScript body.
func uploadedBytes(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+1<<20)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return io.ReadAll(r.Body)
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	part, err := form.NextPart()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return nil, err
	}
	if _, err := form.NextPart(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the form has more than one part")
	}
	return content, nil
}

// completeUpload is files.completeUploadExternal: it puts uploaded files into one message, once.
func (s *Server) completeUpload(c *call) answer {
	var wanted []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	if json.Unmarshal([]byte(c.args["files"]), &wanted) != nil || len(wanted) == 0 {
		return refuse("invalid_arguments", "[ERROR] must list files [json-pointer:/files]")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []File
	seen := make(map[string]bool)
	for _, want := range wanted {
		f := s.files[want.ID]
		if f == nil || !f.uploaded || f.complete || seen[want.ID] {
			return refuse("file_not_found")
		}
		seen[want.ID] = true
		shown := f.File
		shown.Title = want.Title
		if shown.Title == "" {
			shown.Title = f.Name
		}
		list = append(list, shown)
	}
	if c.args["channel_id"] == "" {
		if c.args["thread_ts"] != "" {
			return refuse("invalid_arguments", "[ERROR] thread_ts needs channel_id")
		}
		s.completeLocked(list) // private to the app
		return success("files", s.filesJSON(list))
	}
	channel, problem := s.writableLocked(c.args["channel_id"])
	if problem != "" {
		return refuse(problem)
	}
	if !channel.BotMember && !channel.DM {
		return refuse("not_in_channel") // chat:write.public does not reach as far as files
	}
	threadTS, problem := s.threadLocked(channel.ID, c.args["thread_ts"])
	if problem != "" {
		return refuse(problem)
	}
	s.completeLocked(list)
	s.addLocked(&message{Message: Message{
		ChannelID: channel.ID, ThreadTS: threadTS, UserID: s.cfg.BotUserID, Text: c.args["initial_comment"], Files: list,
	}})
	return success("files", s.filesJSON(list))
}

// completeLocked ends the uploads: none of them can be completed again. Their titles are final.
func (s *Server) completeLocked(list []File) {
	for _, f := range list {
		s.files[f.ID].complete, s.files[f.ID].Title = true, f.Title
	}
}

// fileType is Slack's short name of a type: the ending, for all that matters here.
func fileType(f File) string {
	if f.SnippetType != "" {
		return f.SnippetType
	}
	if ending := strings.TrimPrefix(filepath.Ext(f.Name), "."); ending != "" {
		return strings.ToLower(ending)
	}
	return "binary"
}

func fileMode(f File) string {
	if f.SnippetType != "" {
		return "snippet"
	}
	return "hosted"
}

// filesJSON is files as the Web API shows them. All are the bot's.
func (s *Server) filesJSON(files []File) []any {
	list := make([]any, 0, len(files))
	for _, f := range files {
		list = append(list, map[string]any{
			"id": f.ID, "name": f.Name, "title": f.Title, "mimetype": f.MimeType, "filetype": fileType(f), "size": f.Size,
			"alt_txt": f.AltText, "user": s.cfg.BotUserID, "mode": fileMode(f), "is_external": false, "file_access": "visible",
		})
	}
	return list
}
