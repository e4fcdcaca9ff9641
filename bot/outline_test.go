package bot

import (
	"strings"
	"testing"
)

func TestAnOutlineTellsTheShapeAndNoSecrets(t *testing.T) {
	for _, test := range []struct{ name, frame, want string }{
		{
			"a shortcut",
			`{"type":"shortcut","token":"zzzz","user":{"id":"U0ROSA","username":"rosa"},"callback_id":"ask",` +
				`"trigger_id":"1.2.abc",` +
				`"response_urls":["https://hooks.slack.com/x"],"is_enterprise_install":false,"enterprise":null,"action_ts":"1.1",` +
				`"n":12345}`,
			`{type: "shortcut", token: text of 4 bytes, user: {id: "U0ROSA", username: text of 4 bytes}, callback_id: "ask", ` +
				`trigger_id: text of 7 bytes, ` +
				`response_urls: [text of 25 bytes], is_enterprise_install: false, enterprise: null, action_ts: text of 3 bytes, ` +
				`n: number}`,
		},
		{
			"an id that is none", `{"id":"two words","type":"xoxb-1234567890123-1234567890123-abcdefghijklmnop"}`,
			`{id: text of 9 bytes, type: text of 49 bytes}`,
		},
		{"names from outside", `{"` + typed + ` and more":1}`, `{(name of 25 bytes): number}`},
		{"it breaks off", `{"type":"message","text":"` + typed, `{type: "message", text:  … no JSON after byte 25 of 42`},
		{"no JSON", `hello ` + typed, ` … no JSON after byte 0 of 22`},
		{"nothing", ``, `nothing`},
		{"two values", `{} {"x":1}`, `{} … and more after byte 4 of 10`},
		{"a text", `"` + typed + `"`, `text of 16 bytes`},
	} {
		if got := outline([]byte(test.frame)); got != test.want {
			t.Errorf("%s: got\n%s, want\n%s", test.name, got, test.want)
		}
	}
}

func TestAnOutlineIsShortWhateverCame(t *testing.T) {
	for _, frame := range []string{
		strings.Repeat(`{"a":`, 100_000), strings.Repeat(`[`, 100_000), `[` + strings.Repeat(`1,`, 100_000),
		`{"` + strings.Repeat("x", 100_000) + `":1}`,
		`{"type":"` + strings.Repeat("x", 100_000) + `"}`,
	} {
		if got := outline([]byte(frame)); len(got) > outlineSize+200 {
			t.Errorf("%.20s: %d bytes", frame, len(got))
		}
	}
}

func TestTheIDOfAnEnvelopeIsFoundInWhatIsNotQuiteOne(t *testing.T) {
	for frame, want := range map[string]string{
		`{"envelope_id":"E-1","type":7}`:                                  "E-1",
		`{"type":7,"payload":{"envelope_id":"E-2"},"envelope_id":"E-1"}`:  "E-1",
		`{"envelope_id":"E-1","payload":{"text":"it breaks o`:             "E-1",
		`{"type":["envelope_id","E-2"],"envelope_id":"E-1"`:               "E-1",
		`{"payload":{"envelope_id":"E-2"},"type":"x"}`:                    "",
		`{"type":"envelope_id","text":"E-2"}`:                             "",
		`{"envelope_id":7,"type":"E-2"}`:                                  "",
		`{"envelope_id":{"a":"E-2"}}`:                                     "",
		`{"envelope_id":null,"type":"E-2"}`:                               "",
		`["envelope_id","E-2"]`:                                           "",
		`"envelope_id"`:                                                   "",
		`{"envelope_id":"it breaks o`:                                     "",
		`{"type":"x"}{"envelope_id":"E-2"}`:                               "",
		``:                                                                "",
		`{"a":` + strings.Repeat(`{"a":`, 20_000) + `"envelope_id":"E-2"`: "",
	} {
		if got := looseEnvelopeID([]byte(frame)); got != want {
			t.Errorf("%.60s: got %q, want %q", frame, got, want)
		}
	}
}

func FuzzOutline(f *testing.F) {
	for _, seed := range []string{`{"type":"x","text":"y"}`, `[`, `{"a":{"b":[1,true,null,"x"]}}`, "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		frame := `{"envelope_id":"E-1","response_url":"https://SECRET","text":"SECRET ` + strings.ReplaceAll(text, `"`, "") +
			`","more":` + text + `}`
		if got := outline([]byte(frame)); strings.Contains(got, "SECRET") && !strings.Contains(text, "SECRET") ||
			len(got) > outlineSize+200 {
			t.Errorf("got %s", got)
		}
		if got := looseEnvelopeID([]byte(frame)); got != "E-1" {
			t.Errorf("got %q", got)
		}
	})
}
