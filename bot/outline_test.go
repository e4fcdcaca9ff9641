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
			`{action_ts: text of 3 bytes, callback_id: "ask", enterprise: null, is_enterprise_install: false, n: number, ` +
				`response_urls: list of 1: text of 25 bytes, token: text of 4 bytes, trigger_id: text of 7 bytes, ` +
				`type: "shortcut", user: {id: "U0ROSA", username: text of 4 bytes}}`,
		},
		{
			"an id that is none", `{"id":"two words","type":"xoxb-1234567890123-1234567890123-abcdefghijklmnop"}`,
			`{id: text of 9 bytes, type: text of 49 bytes}`,
		},
		{"names from outside", `{"` + typed + ` and more":1}`, `{(name of 25 bytes): number}`},
		{"it breaks off", `{"type":"message","text":"` + typed, `no JSON, 42 bytes`},
		{"no JSON", `hello ` + typed, `no JSON, 22 bytes`},
		{"nothing", ``, `no JSON, 0 bytes`},
		{"two values", `{} {"x":1}`, `no JSON, 10 bytes`},
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
		`{"a":` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat(`}`, 5001),
		`[` + strings.Repeat(`{"type":"x"},`, 5000) + `1]`,
	} {
		if got := outline([]byte(frame)); len(got) > outlineSize+200 {
			t.Errorf("%.20s: %d bytes", frame, len(got))
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
	})
}
