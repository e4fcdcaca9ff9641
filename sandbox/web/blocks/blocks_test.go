package blocks

import (
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

type people map[string]string

func (p people) User(id string) (string, bool)    { n, ok := p[id]; return n, ok }
func (p people) Channel(id string) (string, bool) { n, ok := p[id]; return n, ok }
func (p people) Group(id string) (string, bool)   { n, ok := p[id]; return n, ok }

var known = people{"U0ROSA": "Rosa <b>", "C0INCIDENT": "incident-4711", "S0SEC": "security"}

func TestBlocksAreDrawnAsTheirGoldenFiles(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.json")
	if err != nil || len(inputs) < 4 {
		t.Fatalf("golden inputs: %v %v", inputs, err)
	}
	for _, input := range inputs {
		t.Run(filepath.Base(input), func(t *testing.T) {
			raw, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if strings.HasSuffix(input, ".view.json") {
				v, err := New(known).View(raw, map[string]string{"role": "No such role <in prod>"})
				if err != nil {
					t.Fatal(err)
				}
				got = fmt.Sprintf("<!-- %s | %s | %s -->\n", v.Title, v.Submit, v.Close) + string(v.Body)
			} else {
				got = string(New(known).Message("fallback", raw))
			}
			// One element a line, for people who read a change of the golden file.
			got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
			golden := strings.TrimSuffix(input, ".json") + ".golden.html"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMrkdwnIsReadAsSlackReadsIt(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"*bold* _it_ ~gone~ `code`", "<b>bold</b> <i>it</i> <s>gone</s> <code>code</code>"},
		{"2*3*4 snake_case_name a~b~c", "2*3*4 snake_case_name a~b~c"},
		{"* not bold* and *open", "* not bold* and *open"},
		{"*bold _and it_*", "<b>bold <i>and it</i></b>"},
		{"a\nb", "a<br/>b"},
		{"> quote\nafter", "<blockquote>quote</blockquote>after"},
		{"&gt; quote", "<blockquote>quote</blockquote>"},
		{"x ```a *b* &lt;c&gt;\n``` y", "x <pre>a *b* &lt;c&gt;</pre> y"},
		{"`*as written* &amp; :x:`", "<code>*as written* &amp; :x:</code>"},
		{
			"<@U0ROSA> <#C0INCIDENT> <!subteam^S0SEC> <@U404>",
			`<span class="mention" data-user="U0ROSA">@Rosa &lt;b&gt;</span> <span class="mention">#incident-4711</span> ` +
				`<span class="mention">@security</span> <span class="mention" data-user="U404">@U404</span>`,
		},
		{"<!channel>", `<span class="mention broadcast">@channel</span>`},
		{"&lt;!channel&gt;", "&lt;!channel&gt;"},
		{
			"<https://example.com/?a=1&amp;b=2|here>",
			`<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">here</a>`,
		},
		{
			"see https://example.com/x.",
			`see <a href="https://example.com/x" target="_blank" rel="noopener noreferrer">https://example.com/x</a>.`,
		},
		{"<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"},
		{
			"<!date^0^{date} {time}|long ago>",
			`<time data-unix="0" data-format="{date} {time}" title="1970-01-01 00:00:00 UTC">long ago</time>`,
		},
		{"<!date^soon^{date}|fallback>", "fallback"},
		{":white_check_mark: done :nonsense:", "✅ done :nonsense:"},
		{"<b>&amp;lt;", "&lt;b&gt;&amp;lt;"},
		{"a\x00b\u0007c", "abc"},
	} {
		if got := string(New(known).Text(c.in)); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestAnUnknownBlockIsShownAsAnError(t *testing.T) {
	for _, raw := range []string{
		`[{"type":"hologram"}]`, `{"type":"section"}`, `[12]`, `nonsense`,
		`[{"type":"context","elements":[{"type":"button"}]}]`,
	} {
		if got := string(New(nil).Message("fallback", json.RawMessage(raw))); !strings.Contains(got, "bk-error") {
			t.Errorf("%s is drawn as %s", raw, got)
		}
	}
}

func TestAMessageWithoutBlocksIsItsText(t *testing.T) {
	for _, raw := range []string{"", "null", "[]"} {
		if got := New(nil).Message("*hi*", json.RawMessage(raw)); got != template.HTML("<b>hi</b>") {
			t.Errorf("blocks %q: %s", raw, got)
		}
	}
}
