package blocks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// text is Block Kit's text object.
type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

// Plain is the text without markup. It is exported, like Pointer, for the templates.
func (t *text) Plain() string {
	if t == nil {
		return ""
	}
	return emojify(clean(t.Text))
}

// Pointer lets a template pass a text that a struct holds by value.
func (t text) Pointer() *text { return &t }

// block is any block. Problem is set when it cannot be drawn, and then says why.
type block struct {
	Problem string `json:"-"`
	Source  string `json:"-"` // the JSON of a block with a Problem
	Error   string `json:"-"` // a modal's message at this input

	Type      string     `json:"type"`
	BlockID   string     `json:"block_id"`
	Text      text       `json:"text"`
	Fields    []text     `json:"fields"`
	Accessory *element   `json:"accessory"`
	Element   *element   `json:"element"`
	Elements  []element  `json:"elements"`
	Label     *text      `json:"label"`
	Hint      *text      `json:"hint"`
	Title     *text      `json:"title"`
	Optional  bool       `json:"optional"`
	ImageURL  string     `json:"image_url"`
	File      slackFile  `json:"slack_file"`
	AltText   string     `json:"alt_text"`
	Rows      [][]cell   `json:"rows"`
	Columns   []column   `json:"column_settings"`
	Rich      []richPart `json:"-"`
}

// slackFile names an uploaded picture.
type slackFile struct {
	ID string `json:"id"`
}

var fileID = regexp.MustCompile(`^F[A-Z0-9]+$`)

// imageLink is the address of a picture, "" if it has none that can be used. Files are where the
// page serves them.
func imageLink(address string, file slackFile) string {
	if address == "" && fileID.MatchString(file.ID) {
		return "/files/" + file.ID
	}
	return webLink(address)
}

// Shortest is how much has to be typed into an external_select before the bot is asked.
func (e element) Shortest() int {
	if e.MinQuery == nil {
		return 3
	}
	return *e.MinQuery
}

type column struct {
	Align     string `json:"align"`
	IsWrapped bool   `json:"is_wrapped"`
}

// element is an interactive element, or an image or text of a context block.
type element struct {
	Problem string `json:"-"`
	BlockID string `json:"-"` // of the block it stands in
	InInput bool   `json:"-"` // its value is read with the form and not sent at once

	Type          string    `json:"type"`
	ActionID      string    `json:"action_id"`
	Text          any       `json:"text"`
	Verbatim      bool      `json:"verbatim"`
	Label         text      `json:"-"` // Text of a button or of a context block's text
	Value         string    `json:"value"`
	URL           string    `json:"url"`
	Style         string    `json:"style"`
	Accessibility string    `json:"accessibility_label"`
	Confirm       *confirm  `json:"confirm"`
	Placeholder   *text     `json:"placeholder"`
	Options       []option  `json:"options"`
	Groups        []group   `json:"option_groups"`
	Initial       *option   `json:"initial_option"`
	Ticked        []option  `json:"initial_options"`
	InitialValue  string    `json:"initial_value"`
	Multiline     bool      `json:"multiline"`
	MinLength     int       `json:"min_length"`
	MaxLength     int       `json:"max_length"`
	MinQuery      *int      `json:"min_query_length"`
	ImageURL      string    `json:"image_url"`
	File          slackFile `json:"slack_file"`
	AltText       string    `json:"alt_text"`
}

type confirm struct {
	Title   *text  `json:"title"`
	Text    *text  `json:"text"`
	Confirm *text  `json:"confirm"`
	Deny    *text  `json:"deny"`
	Style   string `json:"style"`
}

type option struct {
	Text        *text  `json:"text"`
	Value       string `json:"value"`
	Description *text  `json:"description"`
}

type group struct {
	Label   *text    `json:"label"`
	Options []option `json:"options"`
}

type cell struct {
	Type     string
	Text     string
	Elements []richPart
	Problem  string
}

// UnmarshalJSON keeps an unknown cell as a problem: one bad cell must not hide the table around it.
func (c *cell) UnmarshalJSON(raw []byte) error {
	var in struct {
		Type     string          `json:"type"`
		Text     string          `json:"text"`
		Value    json.Number     `json:"value"`
		Elements json.RawMessage `json:"elements"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		c.Problem = "cell that cannot be read"
		return nil
	}
	c.Type, c.Text = in.Type, clean(in.Text)
	switch in.Type {
	case "raw_text":
	case "raw_number":
		if c.Text == "" {
			c.Text = clean(in.Value.String())
		}
	case "rich_text":
		c.Elements, c.Problem = decodeRich(in.Elements)
	default:
		c.Problem = fmt.Sprintf("unknown cell type %q", in.Type)
	}
	return nil
}

// decodeBlocks reads a list of blocks. Whatever cannot be read becomes a block with a Problem.
func decodeBlocks(raw json.RawMessage) []block {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return []block{{Problem: "These blocks are not a JSON list", Source: clean(string(raw))}}
	}
	out := make([]block, len(list))
	for i, r := range list {
		out[i] = decodeBlock(r)
	}
	return out
}

func decodeBlock(raw json.RawMessage) block {
	bad := func(format string, args ...any) block {
		return block{Problem: clean(fmt.Sprintf(format, args...)), Source: clean(string(raw))}
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return bad("A block is not a JSON object")
	}
	var b block
	switch kind.Type {
	case "rich_text":
		var in struct {
			BlockID  string          `json:"block_id"`
			Elements json.RawMessage `json:"elements"`
		}
		if err := json.Unmarshal(raw, &in); err != nil {
			return bad("The rich_text block cannot be read: %v", err)
		}
		b.Type, b.BlockID = kind.Type, in.BlockID
		if b.Rich, b.Problem = decodeRich(in.Elements); b.Problem != "" {
			return bad("%s", b.Problem)
		}
		return b
	case "markdown":
		var in struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(raw, &in); err != nil {
			return bad("The markdown block cannot be read: %v", err)
		}
		b.Type, b.Text.Text = kind.Type, in.Text
		return b
	case "section", "header", "divider", "context", "actions", "image", "table", "input", "alert":
	default:
		return bad("Unknown block type %q", kind.Type)
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return bad("The %s block cannot be read: %v", kind.Type, err)
	}
	b.place()
	return b
}

// place tells every element where it stands and whether it may stand there.
func (b *block) place() {
	interactive := []string{"button", "static_select", "external_select", "overflow"}
	inputs := []string{"plain_text_input", "static_select", "external_select", "radio_buttons", "checkboxes"}
	for i := range b.Elements {
		allowed := interactive
		if b.Type == "context" {
			allowed = []string{"mrkdwn", "plain_text", "image"}
		}
		b.Elements[i].settle(b.BlockID, allowed)
	}
	if b.Accessory != nil {
		b.Accessory.settle(b.BlockID, append(interactive, "image"))
	}
	if b.Type == "input" && b.Element == nil {
		b.Element = &element{Problem: "An input block without an element"}
	}
	if b.Element != nil {
		b.Element.InInput = true
		if b.Element.Problem == "" {
			b.Element.settle(b.BlockID, inputs)
		}
	}
}

func (e *element) settle(blockID string, allowed []string) {
	e.BlockID = blockID
	if !slices.Contains(allowed, e.Type) {
		e.Problem = clean(fmt.Sprintf("Unknown element type %q here", e.Type))
		return
	}
	switch t := e.Text.(type) {
	case nil:
	case string: // a text object of a context block
		e.Label = text{Type: e.Type, Text: t, Verbatim: e.Verbatim}
	case map[string]any: // the text object of a button
		e.Label.Type, _ = t["type"].(string)
		e.Label.Text, _ = t["text"].(string)
	default:
		e.Problem = "An element whose text is no text"
	}
}

// chosen reports whether an option is the one selected at first.
func chosen(e element, o option) bool {
	return e.Initial != nil && e.Initial.Value == o.Value ||
		slices.ContainsFunc(e.Ticked, func(t option) bool { return t.Value == o.Value })
}

// align is the class of a table column.
func align(columns []column, i int) string {
	if i >= len(columns) {
		return ""
	}
	var class []string
	if columns[i].Align == "right" || columns[i].Align == "center" {
		class = append(class, "bk-"+columns[i].Align)
	}
	if columns[i].IsWrapped {
		class = append(class, "bk-wrap")
	}
	return strings.Join(class, " ")
}
