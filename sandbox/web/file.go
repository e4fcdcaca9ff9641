package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// filePolicy is the content security policy of files: they are foreign data on the page's own
// origin, so they load nothing, run nothing, and count as another origin.
const filePolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"

// maxRows bounds a table that is shown, maxShown the characters of a text; the download has all of
// it.
const (
	maxRows  = 2000
	maxShown = 400_000
)

// fileKind is how a file is shown.
type fileKind string

const (
	pictureFile  fileKind = "picture"
	tableFile    fileKind = "table"
	markdownFile fileKind = "markdown"
	textFile     fileKind = "text"
	otherFile    fileKind = "other" // can only be saved
)

// kindOf decides by content for pictures and by name for text, which has to be text as well.
func kindOf(name string, content []byte) (kind fileKind, contentType string) {
	if t := http.DetectContentType(content); t == "image/png" || t == "image/jpeg" || t == "image/gif" {
		return pictureFile, t
	}
	if utf8.Valid(content) && !bytes.ContainsRune(content, 0) {
		switch strings.ToLower(filepath.Ext(name)) {
		case ".csv":
			return tableFile, "text/plain; charset=utf-8"
		case ".md":
			return markdownFile, "text/plain; charset=utf-8"
		case ".txt", ".log", ".json", ".jsonl", ".ndjson":
			return textFile, "text/plain; charset=utf-8"
		}
	}
	return otherFile, "application/octet-stream"
}

// file is GET /files/{id}: a file that the bot uploaded, as it is. Pictures and text are shown,
// everything else is only offered to be saved; with ?download all are.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	f, content, ok := s.cfg.Slack.File(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind, contentType := kindOf(f.Name, content)
	disposition := "inline"
	if kind == otherFile || r.URL.Query().Has("download") {
		disposition = "attachment"
	}
	h := w.Header()
	if named := mime.FormatMediaType(disposition, map[string]string{"filename": filepath.Base(f.Name)}); named != "" {
		disposition = named
	}
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	_, _ = w.Write(content)
}

// fileData is the data of the template that shows a text.
type fileData struct {
	attachment
	Head     []string
	Rows     [][]string
	Markdown template.HTML
	Text     string
	Cut      bool // there is more than is shown
}

// fileView is GET /files/{id}/view: a text on a page of its own, a table as one and Markdown as
// what it means.
func (s *Server) fileView(w http.ResponseWriter, r *http.Request) {
	f, content, ok := s.cfg.Slack.File(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	d := fileData{attachment: attachmentOf(f, content)}
	text := string(content)
	if len(text) > maxShown {
		text, d.Cut = strings.ToValidUTF8(text[:maxShown], ""), true
	}
	switch d.Kind {
	case tableFile:
		d.table(text)
	case markdownFile:
		d.Markdown = s.blocks.Markdown(text)
	case textFile:
		d.Text = text
	default:
		http.Redirect(w, r, "/files/"+f.ID, http.StatusSeeOther)
		return
	}
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, "file", d); err != nil {
		s.log.Error("a file cannot be drawn", "file", f.ID, "error", err)
		http.Error(w, "the file cannot be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// table reads comma separated values; what is none is shown as the text that it is.
func (d *fileData) table(text string) {
	if d.Cut { // the last line may be half a line
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil || len(rows) == 0 {
		d.Kind, d.Text = textFile, text
		return
	}
	d.Head, d.Rows = rows[0], rows[1:]
	if len(d.Rows) > maxRows {
		d.Rows, d.Cut = d.Rows[:maxRows], true
	}
}

// attachment is a file as a message shows it.
type attachment struct {
	slack.File
	Kind  fileKind
	About string // type and size
}

func attachmentOf(f slack.File, content []byte) attachment {
	kind, _ := kindOf(f.Name, content)
	ending := strings.ToUpper(strings.TrimPrefix(filepath.Ext(f.Name), "."))
	if ending == "" {
		ending = "File"
	}
	return attachment{f, kind, ending + " · " + inBytes(f.Size)}
}

// Heading is the title, or the name where there is none.
func (a attachment) Heading() string {
	if a.Title == "" {
		return a.Name
	}
	return a.Title
}

// Opens is whether the file has a page of its own.
func (a attachment) Opens() bool {
	return a.Kind == tableFile || a.Kind == markdownFile || a.Kind == textFile
}

// Picture is whether the message shows the file itself.
func (a attachment) Picture() bool { return a.Kind == pictureFile }

func inBytes(n int) string {
	switch {
	case n == 1:
		return "1\u00a0byte"
	case n < 1000:
		return fmt.Sprintf("%d\u00a0bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f\u00a0kB", float64(n)/1000)
	default:
		return fmt.Sprintf("%.1f\u00a0MB", float64(n)/1_000_000)
	}
}
