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

// Limits of files.getUploadURLExternal: characters of a picture's description, and bytes of a snippet.
const (
	maxAltText = 1000
	maxSnippet = 1 << 20
)

// maxFile is the largest upload in bytes that the stand-in keeps.
const maxFile = 16 << 20

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
	shared   bool
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
	if err != nil || size == 0 {
		return refuse("invalid_arguments", "[ERROR] must be more than 0 [json-pointer:/length]")
	}
	if utf8.RuneCountInString(c.args["alt_txt"]) > maxAltText {
		return refuse("alt_txt_too_large")
	}
	if c.args["snippet_type"] != "" && size > maxSnippet {
		return refuse("snippet_too_large")
	}
	if size > maxFile {
		return refuse("file_upload_size_restricted")
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

// uploadedBytes reads the body, or the one part of a form. Clients name the part differently: slack-go file, Slack's own
// for JavaScript body.
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

// completeUpload is files.completeUploadExternal: it puts uploaded files into one message.
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
	seen := map[string]bool{}
	for _, want := range wanted {
		f := s.files[want.ID]
		if f == nil || !f.uploaded || f.shared || seen[want.ID] {
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
		return success("files", filesJSON(list)) // private to the app
	}
	channel, problem := s.writableLocked(c.args["channel_id"])
	if problem != "" {
		return refuse(problem)
	}
	threadTS, problem := s.threadLocked(channel.ID, c.args["thread_ts"])
	if problem != "" {
		return refuse(problem)
	}
	for i, want := range wanted {
		s.files[want.ID].shared, s.files[want.ID].Title = true, list[i].Title
	}
	s.addLocked(&message{Message: Message{
		ChannelID: channel.ID, ThreadTS: threadTS, UserID: s.cfg.BotUserID, Text: c.args["initial_comment"], Files: list,
	}})
	return success("files", filesJSON(list))
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

func filesJSON(files []File) []any {
	list := make([]any, 0, len(files))
	for _, f := range files {
		list = append(list, map[string]any{
			"id": f.ID, "name": f.Name, "title": f.Title, "mimetype": f.MimeType, "filetype": fileType(f), "size": f.Size,
			"alt_txt": f.AltText, "mode": fileMode(f), "is_external": false, "file_access": "visible",
		})
	}
	return list
}
