package blocks

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// richPart is a child of a rich_text block: a section, a list, a quote or preformatted text.
type richPart struct {
	Type     string
	Style    string // of a list: bullet or ordered
	Indent   int
	Elements []richElement
	Items    [][]richElement // of a list
}

// richElement is a run of text, or a mention, inside a part.
type richElement struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Style struct {
		Bold, Italic, Strike, Code bool
	} `json:"style"`
	URL       string `json:"url"`
	UserID    string `json:"user_id"`
	ChannelID string `json:"channel_id"`
	GroupID   string `json:"usergroup_id"`
	Name      string `json:"name"`
	Range     string `json:"range"`
	Timestamp int64  `json:"timestamp"`
	Format    string `json:"format"`
	Fallback  string `json:"fallback"`
}

// decodeRich reads the parts of a rich_text block; problem says what it does not know.
func decodeRich(raw json.RawMessage) (parts []richPart, problem string) {
	var in []struct {
		Type     string          `json:"type"`
		Style    string          `json:"style"`
		Indent   int             `json:"indent"`
		Elements json.RawMessage `json:"elements"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, "The rich_text block cannot be read"
	}
	for _, p := range in {
		part := richPart{Type: p.Type, Style: p.Style, Indent: min(max(p.Indent, 0), 6)}
		switch p.Type {
		case "rich_text_section", "rich_text_quote", "rich_text_preformatted":
			part.Elements, problem = decodeRichElements(p.Elements)
		case "rich_text_list":
			var items []struct {
				Elements json.RawMessage `json:"elements"`
			}
			if err := json.Unmarshal(p.Elements, &items); err != nil {
				return nil, "The rich_text_list cannot be read"
			}
			for _, item := range items {
				var e []richElement
				if e, problem = decodeRichElements(item.Elements); problem != "" {
					break
				}
				part.Items = append(part.Items, e)
			}
		default:
			problem = fmt.Sprintf("Unknown rich text element %q", p.Type)
		}
		if problem != "" {
			return nil, problem
		}
		parts = append(parts, part)
	}
	return parts, ""
}

func decodeRichElements(raw json.RawMessage) ([]richElement, string) {
	var out []richElement
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, "The elements of rich text cannot be read"
	}
	for _, e := range out {
		switch e.Type {
		case "text", "link", "user", "channel", "usergroup", "emoji", "broadcast", "date":
		default:
			return nil, fmt.Sprintf("Unknown rich text element %q", e.Type)
		}
	}
	return out, ""
}

// richNodes draws the elements of one part. Nothing in them is parsed.
func richNodes(elements []richElement) []node {
	var out []node
	for _, e := range elements {
		var n []node
		switch e.Type {
		case "text":
			n = plainRun(e.Text)
		case "link":
			label := e.Text
			if label == "" {
				label = e.URL
			}
			n = []node{{Kind: "text", Text: clean(label)}}
			if u := webLink(e.URL); u != "" {
				n = []node{{Kind: "link", URL: u, Text: clean(label)}}
			}
		case "user":
			n = []node{{Kind: "user", Text: clean(e.UserID)}}
		case "channel":
			n = []node{{Kind: "channel", Text: clean(e.ChannelID)}}
		case "usergroup":
			n = []node{{Kind: "group", Text: clean(e.GroupID)}}
		case "emoji":
			n = []node{{Kind: "text", Text: emojify(":" + clean(e.Name) + ":")}}
		case "broadcast":
			n = []node{{Kind: "broadcast", Text: "@" + clean(e.Range)}}
		case "date":
			n = []node{dateToken("!date^"+strconv.FormatInt(e.Timestamp, 10)+"^"+clean(e.Format), clean(e.Fallback))}
		}
		for _, style := range []struct {
			on   bool
			kind string
		}{{e.Style.Strike, "strike"}, {e.Style.Italic, "italic"}, {e.Style.Bold, "bold"}} {
			if style.on {
				n = []node{{Kind: style.kind, Kids: n}}
			}
		}
		if e.Style.Code {
			n = []node{{Kind: "code", Kids: n}}
		}
		out = append(out, n...)
	}
	return out
}

// plainRun keeps text exactly, emoji codes included: in rich text an emoji is an element of its
// own.
func plainRun(s string) []node {
	nodes := plainNodes(s)
	if len(nodes) == 1 {
		nodes[0].Text = clean(s)
	}
	return nodes
}
