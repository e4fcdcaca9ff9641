package blocks

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The elements and attributes that the templates write. The output is XML, so an XML reader that
// meets anything else, or anything that is not well-formed, has found input that became markup.
var (
	ourElements = strings.Fields("div span b i s code pre blockquote a time br hr h2 h3 ul ol li table thead tbody tr " +
		"th td " +
		"figure figcaption img button template select option optgroup input textarea label small fieldset")
	ourAttributes = strings.Fields("class href target rel title role tabindex aria-label aria-expanded autocomplete " +
		"scope src alt loading type " +
		"value name checked selected rows maxlength placeholder id for data-unix data-format data-user data-act data-bid " +
		"data-aid " +
		"data-value data-open data-kind data-external data-min data-chosen")
	ourClasses = strings.Fields("btn btn-primary btn-danger mention broadcast confirm dialog-buttons")
)

func checkMarkup(t *testing.T, drawn string) {
	t.Helper()
	// An id may hold any character. The control characters that XML has no place for make no markup.
	drawn = strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
			return -1
		}
		return c
	}, drawn)
	d := xml.NewDecoder(strings.NewReader("<all>" + drawn + "</all>"))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, drawn)
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			switch tok.(type) {
			case xml.Comment, xml.Directive, xml.ProcInst:
				t.Fatalf("a %T\n%s", tok, drawn)
			}
			continue
		}
		if name := start.Name.Local; name != "all" && !slices.Contains(ourElements, name) {
			t.Fatalf("element %q\n%s", name, drawn)
		}
		for _, a := range start.Attr {
			if !slices.Contains(ourAttributes, a.Name.Local) {
				t.Fatalf("attribute %q\n%s", a.Name.Local, drawn)
			}
			switch a.Name.Local {
			case "href", "src", "data-open":
				if a.Name.Local == "src" && regexp.MustCompile(`^/files/F[A-Z0-9]+$`).MatchString(a.Value) {
					continue
				}
				if u, err := url.Parse(a.Value); err != nil || !slices.Contains([]string{"http", "https", "mailto"}, u.Scheme) {
					t.Fatalf("address %q\n%s", a.Value, drawn)
				}
			case "class":
				for class := range strings.FieldsSeq(a.Value) {
					if !slices.Contains(ourClasses, class) && !strings.HasPrefix(class, "bk-") {
						t.Fatalf("class %q\n%s", class, drawn)
					}
				}
			}
		}
	}
}

func FuzzNoTextBecomesMarkup(f *testing.F) {
	for _, s := range []string{
		"<script>alert(1)</script>", "*<b>*", "`<b>`", "```<b>```", "<@U\"><img src=x>", "<https://a\"onclick=x|b>",
		"<!date^1^\"x|<b>>",
		"> <b>", "&lt;b&gt;&amp;lt;", "<mailto:a@b|<>", "_*~nested~*_", ":x:\x00\xff", "https://example.com/\">", "&#60;b>",
		"**a** [x](https://a/\"b)",
	} {
		f.Add(s)
	}
	r := New(known)
	f.Fuzz(func(t *testing.T, s string) {
		checkMarkup(t, string(r.Text(s)))
		for _, build := range []func(string) any{
			func(s string) any {
				return map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": s}}
			},
			func(s string) any {
				return map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": s}}
			},
			func(s string) any { return map[string]any{"type": "markdown", "text": s} },
			func(s string) any { return map[string]any{"type": s} },
			func(s string) any {
				return map[string]any{"type": "table", "rows": []any{[]any{map[string]any{"type": "raw_text", "text": s}}}}
			},
			func(s string) any {
				return map[string]any{"type": "actions", "block_id": s, "elements": []any{map[string]any{
					"type": "button", "action_id": s, "value": s, "url": s, "accessibility_label": s, "style": s,
					"text": map[string]any{"type": "plain_text", "text": s},
					"confirm": map[string]any{
						"title": map[string]any{"type": "plain_text", "text": s}, "text": map[string]any{"type": "mrkdwn", "text": s},
					},
				}}}
			},
			func(s string) any {
				return map[string]any{
					"type": "input", "block_id": s, "label": map[string]any{"type": "plain_text", "text": s},
					"element": map[string]any{
						"type": "plain_text_input", "action_id": s, "multiline": len(s)%2 == 0, "initial_value": s,
						"placeholder": map[string]any{"type": "plain_text", "text": s},
					},
				}
			},
			func(s string) any {
				return map[string]any{
					"type": "rich_text",
					"elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
						map[string]any{"type": "text", "text": s},
						map[string]any{"type": "link", "url": s, "text": s},
						map[string]any{"type": "user", "user_id": s},
						map[string]any{"type": "date", "timestamp": len(s), "format": s, "fallback": s},
					}}},
				}
			},
			func(s string) any { return map[string]any{"type": "image", "image_url": s, "alt_text": s} },
		} {
			raw, err := json.Marshal([]any{build(s)})
			if err != nil {
				t.Fatal(err)
			}
			checkMarkup(t, string(r.Message("", raw)))
		}
	})
}

func FuzzNoBlocksBecomeMarkup(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.json")
	if err != nil || len(inputs) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, input := range inputs {
		raw, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	r := New(known)
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkMarkup(t, string(r.Message("x", raw)))
		if v, err := r.View(raw, map[string]string{"role": string(raw)}); err == nil {
			checkMarkup(t, string(v.Body))
		}
	})
}
