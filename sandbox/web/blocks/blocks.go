// Package blocks draws Slack messages and modals as HTML.
//
// It knows the part of Block Kit that the bot uses, and draws it as Slack's client does: the text
// is mrkdwn or plain text, mentions carry names, dates are in the reader's zone (the page's script
// does that; the server prints UTC), a table is a table. What it does not know it shows as an error
// box that says so. A block that is dropped silently would make the sandbox look right where Slack
// would not be.
//
// Safety. Everything in a message is foreign text. It is parsed into a tree of known nodes and
// printed by html/template, so no input can make a tag, an attribute, a style or a script. Links
// are followed only to http, https and mailto. The output is also well-formed XML made of a short
// list of elements, which a fuzz test holds it to.
//
// What can be pressed carries its place as data attributes: data-bid (block), data-aid (action),
// data-value. A button with a confirm object is followed by a <template class="confirm"> from which
// the page makes its dialog.
package blocks

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"strings"
)

//go:embed blocks.tmpl
var files embed.FS

// Names turns ids into what people read. An id that is not known is shown as it is.
type Names interface {
	User(id string) (name string, ok bool)
	Channel(id string) (name string, ok bool)
	Group(id string) (handle string, ok bool)
}

// Renderer draws messages and modals. It has no state and may be shared. Make one with New.
type Renderer struct {
	names Names
	tmpl  *template.Template
}

// New returns a Renderer; nil names leave ids as they are.
func New(names Names) *Renderer {
	if names == nil {
		names = nobody{}
	}
	r := &Renderer{names: names}
	r.tmpl = template.Must(template.New("blocks").Funcs(template.FuncMap{
		"text":    r.text,
		"rich":    func(e []richElement) []node { return r.name(richNodes(e)) },
		"align":   align,
		"markup":  func(s string) []node { return r.name(parseMarkdown(s)) },
		"chosen":  chosen,
		"webLink": webLink,
		"picture": imageLink,
	}).ParseFS(files, "blocks.tmpl"))
	return r
}

// Text draws plain message text, which Slack reads as mrkdwn.
func (r *Renderer) Text(text string) template.HTML {
	return r.execute("nodes", r.name(parseMrkdwn(text, true)))
}

// Message draws a message: its blocks, or its text when it has none.
func (r *Renderer) Message(text string, raw json.RawMessage) template.HTML {
	if len(raw) == 0 || string(raw) == "null" || string(raw) == "[]" {
		return r.Text(text)
	}
	return r.execute("blocks", decodeBlocks(raw))
}

// Markdown draws a Markdown text, such as a report in a file.
func (r *Renderer) Markdown(text string) template.HTML {
	return r.execute("nodes", r.name(parseMarkdown(text)))
}

// View is what the page needs of a modal besides its HTML.
type View struct {
	ID     string
	Type   string // "modal" or "home"
	Title  string
	Submit string // the label of the submit button; empty when the modal has none
	Close  string
	Body   template.HTML
}

// View draws a modal or a Home tab. errs are messages at input blocks, by block id.
func (r *Renderer) View(raw json.RawMessage, errs map[string]string) (View, error) {
	var v struct {
		ID     string          `json:"id"`
		Type   string          `json:"type"`
		Title  *text           `json:"title"`
		Submit *text           `json:"submit"`
		Close  *text           `json:"close"`
		Blocks json.RawMessage `json:"blocks"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return View{}, fmt.Errorf("read the view: %w", err)
	}
	if v.Type != "modal" && v.Type != "home" {
		return View{}, errors.New("a view is of type modal or home")
	}
	list := decodeBlocks(v.Blocks)
	for i := range list {
		list[i].Error = errs[list[i].BlockID]
	}
	return View{
		ID: v.ID, Type: v.Type,
		Title: v.Title.Plain(), Submit: v.Submit.Plain(), Close: v.Close.Plain(),
		Body: r.execute("blocks", list),
	}, nil
}

// execute runs one template. The templates are fixed and the data is typed, so an error is a defect
// of this package; it is shown in place of the message, like everything that cannot be drawn.
func (r *Renderer) execute(name string, data any) template.HTML {
	var b bytes.Buffer
	if err := r.tmpl.ExecuteTemplate(&b, name, data); err != nil {
		return template.HTML(`<div class="bk-error">This message cannot be drawn: ` +
			template.HTMLEscapeString(clean(err.Error())) + `</div>`)
	}
	return template.HTML(b.String())
}

// text draws a text object: nodes of mrkdwn, or plain text with emoji only.
func (r *Renderer) text(t *text) []node {
	if t == nil {
		return nil
	}
	if t.Type == "mrkdwn" {
		return r.name(parseMrkdwn(t.Text, !t.Verbatim))
	}
	return plainNodes(t.Text)
}

// name fills in the names of mentioned people, channels and groups.
func (r *Renderer) name(nodes []node) []node {
	for i := range nodes {
		n := &nodes[i]
		lookup := map[string]func(string) (string, bool){
			"user": r.names.User, "channel": r.names.Channel, "group": r.names.Group,
		}[n.Kind]
		if lookup != nil {
			if name, ok := lookup(n.Text); ok {
				n.Name = clean(name)
			} else if n.Name == "" {
				n.Name = n.Text
			}
		}
		r.name(n.Kids)
	}
	return nodes
}

type nobody struct{}

func (nobody) User(string) (string, bool)    { return "", false }
func (nobody) Channel(string) (string, bool) { return "", false }
func (nobody) Group(string) (string, bool)   { return "", false }

// clean drops what cannot be shown: control characters other than line feed and tab, invalid UTF-8,
// and the two characters that no document may contain.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c < ' ' || c == 0x7f || c == 0xFFFE || c == 0xFFFF:
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
