package slack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// é counts as one character and two bytes, so that a checker that counts bytes fails.
func long(n int) string { return strings.Repeat("é", n) }

func text(n int) string   { return fmt.Sprintf(`{"type":"plain_text","text":"%s"}`, long(n)) }
func mrkdwn(n int) string { return fmt.Sprintf(`{"type":"mrkdwn","text":"%s"}`, long(n)) }

func times(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}

// buttons are n buttons with different action ids.
func buttons(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"type":"button","action_id":"a%d","text":{"type":"plain_text","text":"B"}}`, i))
	}
	return strings.Join(list, ",")
}

func button(field string) string {
	return `{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"B"},` + field + `}]}`
}

func confirm(title, body, yes, no int) string {
	return button(fmt.Sprintf(`"confirm":{"title":%s,"text":%s,"confirm":%s,"deny":%s}`, text(title), text(body),
		text(yes), text(no)))
}

func menu(fields string) string {
	return `{"type":"actions","elements":[{"type":"static_select","action_id":"s",` + fields + `}]}`
}

func option(label, value, description int) string {
	return fmt.Sprintf(`{"text":%s,"value":"%s","description":%s}`, text(label), long(value), text(description))
}

func input(field, element string) string {
	return `{"type":"input","label":{"type":"plain_text","text":"L"},` + field + `"element":{"type":"plain_text_input",` +
		element + `"action_id":"i"}}`
}

func table(rows, columns, length int) string {
	row := "[" + times(columns, fmt.Sprintf(`{"type":"raw_text","text":"%s"}`, long(length))) + "]"
	return `{"type":"table","rows":[` + times(rows, row) + `]}`
}

func rich(leaf string) string {
	return `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` + leaf + `]}]}`
}

func TestEachLimitIsTakenAtTheEdgeAndRefusedOnePastIt(t *testing.T) {
	for name, c := range map[string]struct {
		block func(n int) string
		most  int
		at    string
	}{
		"section text": {
			func(n int) string { return `{"type":"section","text":` + mrkdwn(n) + `}` }, 3000, "/blocks/0/text/text",
		},
		"section fields": {
			func(n int) string { return `{"type":"section","fields":[` + times(n, text(1)) + `]}` }, 10, "/blocks/0/fields",
		},
		"section field": {
			func(n int) string { return `{"type":"section","fields":[` + text(n) + `]}` }, 2000, "/blocks/0/fields/0/text",
		},
		"block_id": {
			func(n int) string { return `{"type":"divider","block_id":"` + long(n) + `"}` }, 255, "/blocks/0/block_id",
		},
		"actions elements": {
			func(n int) string { return `{"type":"actions","elements":[` + buttons(n) + `]}` }, 25, "/blocks/0/elements",
		},
		"button text": {
			func(n int) string {
				return `{"type":"actions","elements":[{"type":"button","text":` + text(n) + `}]}`
			}, 75, "/blocks/0/elements/0/text/text",
		},
		"button value": {
			func(n int) string { return button(`"value":"` + long(n) + `"`) }, 2000, "/blocks/0/elements/0/value",
		},
		"button url": {
			func(n int) string { return button(`"url":"https://` + long(n-8) + `"`) }, 3000, "/blocks/0/elements/0/url",
		},
		"button label": {
			func(n int) string {
				return button(`"accessibility_label":"` + long(n) + `"`)
			}, 75, "/blocks/0/elements/0/accessibility_label",
		},
		"action_id": {
			func(n int) string { return button(`"action_id":"` + long(n) + `"`) }, 255, "/blocks/0/elements/0/action_id",
		},
		"confirm title": {
			func(n int) string { return confirm(n, 1, 1, 1) }, 100, "/blocks/0/elements/0/confirm/title/text",
		},
		"confirm text": {
			func(n int) string { return confirm(1, n, 1, 1) }, 300, "/blocks/0/elements/0/confirm/text/text",
		},
		"confirm yes": {
			func(n int) string { return confirm(1, 1, n, 1) }, 30, "/blocks/0/elements/0/confirm/confirm/text",
		},
		"confirm no": {func(n int) string { return confirm(1, 1, 1, n) }, 30, "/blocks/0/elements/0/confirm/deny/text"},
		"header": {
			func(n int) string { return `{"type":"header","text":` + text(n) + `}` }, 150, "/blocks/0/text/text",
		},
		"header level": {
			func(n int) string {
				return fmt.Sprintf(`{"type":"header","level":%d,"text":%s}`, n, text(1))
			}, 4, "/blocks/0/level",
		},
		"context elements": {
			func(n int) string {
				return `{"type":"context","elements":[` + times(n, mrkdwn(1)) + `]}`
			}, 10, "/blocks/0/elements",
		},
		"image alt_text": {
			func(n int) string {
				return `{"type":"image","image_url":"https://x","alt_text":"` + long(n) + `"}`
			}, 2000, "/blocks/0/alt_text",
		},
		"image title": {func(n int) string {
			return `{"type":"image","image_url":"https://x","alt_text":"x","title":` + text(n) + `}`
		}, 2000, "/blocks/0/title/text"},
		"image url": {
			func(n int) string {
				return `{"type":"image","alt_text":"x","image_url":"https://` + long(n-8) + `"}`
			}, 3000, "/blocks/0/image_url",
		},
		"option text": {
			func(n int) string {
				return menu(`"options":[` + option(n, 1, 1) + `]`)
			}, 75, "/blocks/0/elements/0/options/0/text/text",
		},
		"option value": {
			func(n int) string {
				return menu(`"options":[` + option(1, n, 1) + `]`)
			}, 150, "/blocks/0/elements/0/options/0/value",
		},
		"option description": {
			func(n int) string {
				return menu(`"options":[` + option(1, 1, n) + `]`)
			}, 75, "/blocks/0/elements/0/options/0/description/text",
		},
		"options": {
			func(n int) string {
				return menu(`"options":[` + times(n, option(1, 1, 1)) + `]`)
			}, 100, "/blocks/0/elements/0/options",
		},
		"option groups": {func(n int) string {
			return menu(`"option_groups":[` + times(n, `{"label":`+text(1)+`,"options":[`+option(1, 1, 1)+`]}`) + `]`)
		}, 100, "/blocks/0/elements/0/option_groups"},
		"option group label": {func(n int) string {
			return menu(`"option_groups":[{"label":` + text(n) + `,"options":[` + option(1, 1, 1) + `]}]`)
		}, 75, "/blocks/0/elements/0/option_groups/0/label/text"},
		"placeholder": {
			func(n int) string {
				return menu(`"placeholder":` + text(n) + `,"options":[` + option(1, 1, 1) + `]`)
			}, 150, "/blocks/0/elements/0/placeholder/text",
		},
		"input label": {func(n int) string {
			return `{"type":"input","label":` + text(n) + `,"element":{"type":"plain_text_input"}}`
		}, 2000, "/blocks/0/label/text"},
		"input hint": {func(n int) string { return input(`"hint":`+text(n)+`,`, "") }, 2000, "/blocks/0/hint/text"},
		"input max_length": {
			func(n int) string { return input("", fmt.Sprintf(`"max_length":%d,`, n)) }, 3000, "/blocks/0/element/max_length",
		},
		"input initial_value": {
			func(n int) string { return input("", `"initial_value":"`+long(n)+`",`) }, 3000, "/blocks/0/element/initial_value",
		},
		"markdown": {
			func(n int) string { return `{"type":"markdown","text":"` + long(n) + `"}` }, 12_000, "/blocks/0/text",
		},
		"table rows":    {func(n int) string { return table(n, 1, 1) }, 100, "/blocks/0/rows"},
		"table columns": {func(n int) string { return table(1, n, 1) }, 20, "/blocks/0/rows/0"},
		"table characters": {func(n int) string {
			return `{"type":"table","rows":[[{"type":"raw_text","text":"` + long(n-5000) + `"},{"type":"raw_text","text":"` +
				long(5000) + `"}]]}`
		}, 10_000, "/blocks/0"},
		"rich text list indent": {func(n int) string {
			return fmt.Sprintf(`{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","indent":%d,`+
				`"elements":[{"type":"rich_text_section","elements":[]}]}]}`, n)
		}, 8, "/blocks/0/elements/0/indent"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slack.CheckMessage("x", json.RawMessage("["+c.block(c.most)+"]")); len(got) != 0 {
				t.Errorf("%d: got %v", c.most, got)
			}
			got := slack.CheckMessage("x", json.RawMessage("["+c.block(c.most+1)+"]"))
			if len(got) != 1 || got[0].Pointer != c.at || got[0].Code != "invalid_blocks" {
				t.Errorf("%d: got %v, want one problem at %s", c.most+1, got, c.at)
			}
		})
	}
}

func TestLimitsOverTheWholeMessage(t *testing.T) {
	section := func(n int) string { return `{"type":"section","text":` + mrkdwn(n) + `}` }
	markdown := func(n int) string { return `{"type":"markdown","text":"` + long(n) + `"}` }
	for name, c := range map[string]struct {
		text, blocks string
		want         string // code and pointer, empty: none
	}{
		"50 blocks":             {"x", times(50, `{"type":"divider"}`), ""},
		"51 blocks":             {"x", times(51, `{"type":"divider"}`), "invalid_blocks /blocks"},
		"13,200 characters":     {"x", times(4, section(3000)) + "," + section(1200), ""},
		"13,201 characters":     {"x", times(4, section(3000)) + "," + section(1201), "msg_blocks_too_long /blocks"},
		"12,000 of markdown":    {"x", times(2, markdown(6000)), ""},
		"12,001 of markdown":    {"x", markdown(6000) + "," + markdown(6001), "invalid_blocks /blocks/1/text"},
		"two tables":            {"x", times(2, table(1, 1, 1)), "invalid_attachments /blocks"},
		"a block_id twice":      {"x", times(2, `{"type":"divider","block_id":"b"}`), "invalid_blocks /blocks/1/block_id"},
		"40,000 of text":        {long(40_000), "", ""},
		"40,001 of text":        {long(40_001), "", "msg_too_long /text"},
		"nothing":               {"", "", "no_text "},
		"blocks without a text": {"", `{"type":"divider"}`, ""},
	} {
		got := slack.CheckMessage(c.text, json.RawMessage("["+c.blocks+"]"))
		found := ""
		if len(got) == 1 {
			found = got[0].Code + " " + got[0].Pointer
		}
		if len(got) > 1 || found != c.want {
			t.Errorf("%s: got %v, want %q", name, got, c.want)
		}
	}
	for _, raw := range []string{`{}`, `{"type":"divider"}`, `[`, `"x"`, `[] []`} {
		if got := slack.CheckMessage("x", json.RawMessage(raw)); len(got) != 1 || got[0].Code != "invalid_blocks_format" {
			t.Errorf("%s: got %v", raw, got)
		}
	}
	if got := slack.CheckMessage("x", nil); got != nil {
		t.Errorf("a text alone: got %v", got)
	}
}

func TestWhatIsUnknownMissingOrWrongIsRefused(t *testing.T) {
	for _, c := range []struct{ block, at string }{
		{`{"type":"video"}`, "/blocks/0/type"},
		{`{"text":"x"}`, "/blocks/0/type"},
		{`"divider"`, "/blocks/0"},
		{`null`, "/blocks/0"},
		{`{"type":"divider","colour":"red"}`, "/blocks/0"},
		{`{"type":"divider","block_id":1}`, "/blocks/0/block_id"},
		{`{"type":"divider","block_id":""}`, "/blocks/0/block_id"},
		{`{"type":"section"}`, "/blocks/0"},
		{`{"type":"section","text":"x"}`, "/blocks/0/text"},
		{`{"type":"section","text":{"type":"plain_text"}}`, "/blocks/0/text"},
		{`{"type":"section","text":{"type":"plain_text","text":""}}`, "/blocks/0/text/text"},
		{`{"type":"section","text":{"type":"plain_text","text":1}}`, "/blocks/0/text/text"},
		{`{"type":"section","text":{"type":"markdown","text":"x"}}`, "/blocks/0/text/type"},
		{`{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}`, "/blocks/0/text"},
		{`{"type":"section","text":{"type":"plain_text","text":"x","verbatim":true}}`, "/blocks/0/text"},
		{`{"type":"section","text":{"type":"plain_text","text":"x","emoji":1}}`, "/blocks/0/text/emoji"},
		{`{"type":"section","fields":[]}`, "/blocks/0/fields"},
		{`{"type":"section","text":` + text(1) + `,"accessory":{"type":"overflow"}}`, "/blocks/0/accessory/type"},
		{`{"type":"actions","elements":[]}`, "/blocks/0/elements"},
		{`{"type":"actions"}`, "/blocks/0"},
		{`{"type":"actions","elements":{}}`, "/blocks/0/elements"},
		{`{"type":"actions","elements":["x"]}`, "/blocks/0/elements/0"},
		{`{"type":"actions","elements":[{"type":"datepicker"}]}`, "/blocks/0/elements/0/type"},
		{`{"type":"actions","elements":[{"type":"plain_text_input"}]}`, "/blocks/0/elements/0/type"},
		{`{"type":"actions","elements":[{"type":"button","text":` + mrkdwn(1) + `}]}`, "/blocks/0/elements/0/text/type"},
		{`{"type":"actions","elements":[{"type":"button"}]}`, "/blocks/0/elements/0"},
		{`{"type":"actions","elements":[` + buttons(1) + `,` + buttons(1) + `]}`, "/blocks/0/elements/1/action_id"},
		{button(`"style":"warning"`), "/blocks/0/elements/0/style"},
		{button(`"url":"javascript:alert(1)"`), "/blocks/0/elements/0/url"},
		{button(`"visible_to_user_ids":["U0BOB"]`), "/blocks/0/elements/0"},
		{
			button(`"confirm":{"title":` + text(1) + `,"text":` + text(1) + `,"confirm":` + text(1) + `}`),
			"/blocks/0/elements/0/confirm",
		},
		{
			button(`"confirm":{"title":` + text(1) + `,"text":` + mrkdwn(1) + `,"confirm":` + text(1) + `,"deny":` + text(1) +
				`}`), "/blocks/0/elements/0/confirm/text/type",
		},
		{button(`"confirm":true`), "/blocks/0/elements/0/confirm"},
		{`{"type":"header","text":` + mrkdwn(1) + `}`, "/blocks/0/text/type"},
		{`{"type":"header","level":1.5,"text":` + text(1) + `}`, "/blocks/0/level"},
		{`{"type":"context","elements":[{"type":"button"}]}`, "/blocks/0/elements/0/type"},
		{`{"type":"image","image_url":"https://x"}`, "/blocks/0"},
		{`{"type":"image","alt_text":"x"}`, "/blocks/0"},
		{`{"type":"image","alt_text":"x","image_url":"https://x","slack_file":{"id":"F0"}}`, "/blocks/0"},
		{`{"type":"image","alt_text":"x","image_url":"file:///etc/passwd"}`, "/blocks/0/image_url"},
		{`{"type":"input","label":` + text(1) + `}`, "/blocks/0"},
		{`{"type":"input","label":` + text(1) + `,"element":` + buttons(1) + `}`, "/blocks/0/element/type"},
		{
			input("", `"dispatch_action_config":{"trigger_actions_on":["on_blur"]},`),
			"/blocks/0/element/dispatch_action_config/trigger_actions_on/0",
		},
		{input(`"optional":"yes",`, ""), "/blocks/0/optional"},
		{
			menu(`"options":[` + option(1, 1, 1) + `],"option_groups":[{"label":` + text(1) + `,"options":[` + option(1, 1, 1) +
				`]}]`), "/blocks/0/elements/0",
		},
		{menu(`"placeholder":` + text(1)), "/blocks/0/elements/0"},
		{
			menu(`"options":[` + option(1, 1, 1) + `],"initial_option":{"text":` + text(1) + `,"value":"none"}`),
			"/blocks/0/elements/0/initial_option",
		},
		{menu(`"options":[{"text":` + text(1) + `,"value":"v","url":"https://x"}]`), "/blocks/0/elements/0/options/0"},
		{`{"type":"actions","elements":[{"type":"external_select","options":[]}]}`, "/blocks/0/elements/0"},
		{`{"type":"table","rows":[]}`, "/blocks/0/rows"},
		{`{"type":"table","rows":[[]]}`, "/blocks/0/rows/0"},
		{`{"type":"table","rows":["x"]}`, "/blocks/0/rows/0"},
		{`{"type":"table","rows":[[{"type":"raw_text","text":""}]]}`, "/blocks/0/rows/0/0/text"},
		{`{"type":"table","rows":[[{"type":"raw_number","value":1}]]}`, "/blocks/0/rows/0/0/type"},
		{
			`{"type":"table","rows":[[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[]}]}]]}`,
			"/blocks/0/rows/0/0",
		},
		{
			`{"type":"table","rows":[[{"type":"raw_text","text":"a"},{"type":"raw_text","text":"b"}],[{"type":"raw_text",` +
				`"text":"a"}]]}`, "/blocks/0/rows/1",
		},
		{
			`{"type":"table","rows":[[{"type":"raw_text","text":"a"}]],"column_settings":[{"align":"left"},{"align":"left"}]}`,
			"/blocks/0/column_settings",
		},
		{
			`{"type":"table","rows":[[{"type":"raw_text","text":"a"}]],"column_settings":[{"align":"middle"}]}`,
			"/blocks/0/column_settings/0/align",
		},
		{`{"type":"rich_text","elements":[]}`, "/blocks/0/elements"},
		{`{"type":"rich_text","elements":[{"type":"rich_text_table"}]}`, "/blocks/0/elements/0/type"},
		{rich(`{"type":"text"}`), "/blocks/0/elements/0/elements/0"},
		{rich(`{"type":"text","text":"x","style":{"blink":true}}`), "/blocks/0/elements/0/elements/0/style"},
		{rich(`{"type":"workflow"}`), "/blocks/0/elements/0/elements/0/type"},
		{rich(`{"type":"broadcast","range":"all"}`), "/blocks/0/elements/0/elements/0/range"},
		{rich(`{"type":"link","url":"x"}`), "/blocks/0/elements/0/elements/0/url"},
		{
			`{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_quote",` +
				`"elements":[]}]}]}`, "/blocks/0/elements/0/elements/0/type",
		},
	} {
		got := slack.CheckMessage("x", json.RawMessage("["+c.block+"]"))
		if len(got) != 1 || got[0].Pointer != c.at || got[0].Code != "invalid_blocks" {
			t.Errorf("%s: got %v, want one problem at %s", c.block, got, c.at)
		}
	}
}

func TestWhatTheRealLibraryWritesPasses(t *testing.T) {
	plain := func(s string) *slackgo.TextBlockObject {
		return slackgo.NewTextBlockObject("plain_text", s, true, false)
	}
	marked := slackgo.NewTextBlockObject("mrkdwn", "*x*", false, true)
	approve := slackgo.NewButtonBlockElement("approve", "id", plain("Approve")).WithStyle(slackgo.StyleDanger).
		WithConfirm(slackgo.NewConfirmationBlockObject(plain("Sure?"), plain("All sessions"), plain("Yes"), plain("No")))
	approve.AccessibilityLabel = "Approve the revocation"
	least := 2
	external := slackgo.NewOptionsSelectBlockElement(slackgo.OptTypeExternal, plain("Role"), "role")
	external.MinQueryLength = &least
	option := slackgo.NewOptionBlockObject("v", plain("One"), plain("first"))
	static := slackgo.NewOptionsSelectBlockElement(slackgo.OptTypeStatic, plain("Pick"), "pick", option)
	static.InitialOption = option
	code := slackgo.RichTextSectionTextStyle{Code: true, Bold: true}
	blocks := []slackgo.Block{
		slackgo.NewHeaderBlock(plain("Revoke?"), slackgo.HeaderBlockOptionBlockID("head")),
		slackgo.NewSectionBlock(marked, []*slackgo.TextBlockObject{marked, plain("y")}, slackgo.NewAccessory(approve)),
		slackgo.NewDividerBlock(),
		slackgo.NewContextBlock("ctx", marked, slackgo.NewImageBlockElement("https://example.com/a.png", "a")),
		slackgo.NewActionBlock("acts", approve, static, external),
		slackgo.NewImageBlock("https://example.com/a.png", "a", "img", plain("t")),
		slackgo.NewInputBlock("in", plain("Reason"), plain("why"),
			slackgo.NewPlainTextInputBlockElement(plain("p"), "reason").WithMultiline(true).WithMaxLength(300)),
		slackgo.NewMarkdownBlock("md", "# Hi"),
		slackgo.NewRichTextBlock("rich",
			slackgo.NewRichTextSection(slackgo.NewRichTextSectionTextElement("x", &code),
				slackgo.NewRichTextSectionLinkElement("https://example.com", "y", nil),
				slackgo.NewRichTextSectionUserElement("U0BOB", nil), slackgo.NewRichTextSectionUserGroupElement("S0SECURITY"),
				slackgo.NewRichTextSectionChannelElement(incident, nil), slackgo.NewRichTextSectionBroadcastElement("here"),
				slackgo.NewRichTextSectionEmojiElement("wave", 0, nil),
				slackgo.NewRichTextSectionDateElement(946684800, "{date}", nil, nil)),
			slackgo.NewRichTextList(slackgo.RTEListBullet, 0,
				slackgo.NewRichTextSection(slackgo.NewRichTextSectionTextElement("x", nil))),
			&slackgo.RichTextQuote{
				Type: slackgo.RTEQuote, Elements: []slackgo.RichTextSectionElement{slackgo.NewRichTextSectionTextElement("q", nil)},
			},
			&slackgo.RichTextPreformatted{
				Type: slackgo.RTEPreformatted, Elements: []slackgo.RichTextSectionElement{
					slackgo.NewRichTextSectionTextElement("p", nil),
				},
			}),
		slackgo.NewTableBlock("tbl").
			WithColumnSettings(slackgo.ColumnSetting{Align: slackgo.ColumnAlignmentLeft, IsWrapped: true}).
			AddRow(slackgo.NewTableRawTextCell("Time")).
			AddRow(slackgo.NewTableRichTextCell(slackgo.NewRichTextSection(slackgo.NewRichTextSectionTextElement("x", nil)))),
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	if got := slack.CheckMessage("x", raw); len(got) != 0 {
		t.Errorf("got %v\n%s", got, raw)
	}
}

func TestViewsHaveTheirOwnLimits(t *testing.T) {
	modal := func(fields string, blocks string) string {
		return `{"type":"modal","title":{"type":"plain_text","text":"T"},` + fields + `"blocks":[` + blocks + `]}`
	}
	for name, c := range map[string]struct {
		view string
		want []string // pointers
	}{
		"plain":                  {modal("", ""), nil},
		"100 blocks":             {modal("", times(100, `{"type":"divider"}`)), nil},
		"101 blocks":             {modal("", times(101, `{"type":"divider"}`)), []string{"/view/blocks"}},
		"title 24":               {`{"type":"modal","title":` + text(24) + `,"blocks":[]}`, nil},
		"title 25":               {`{"type":"modal","title":` + text(25) + `,"blocks":[]}`, []string{"/view/title/text"}},
		"submit 25":              {modal(`"submit":`+text(25)+`,`, ""), []string{"/view/submit/text"}},
		"close 25":               {modal(`"close":`+text(25)+`,`, ""), []string{"/view/close/text"}},
		"metadata 3000":          {modal(`"private_metadata":"`+long(3000)+`",`, ""), nil},
		"metadata 3001":          {modal(`"private_metadata":"`+long(3001)+`",`, ""), []string{"/view/private_metadata"}},
		"callback_id 256":        {modal(`"callback_id":"`+long(256)+`",`, ""), []string{"/view/callback_id"}},
		"no title":               {`{"type":"modal","blocks":[]}`, []string{"/view"}},
		"no blocks":              {`{"type":"modal","title":` + text(1) + `}`, []string{"/view", "/view/blocks"}},
		"unknown field":          {modal(`"state":{},`, ""), []string{"/view"}},
		"a flag that is a text":  {modal(`"notify_on_close":"yes",`, ""), []string{"/view/notify_on_close"}},
		"an input and no submit": {modal("", input("", "")), []string{"/view/submit"}},
		"an input and submit":    {modal(`"submit":`+text(1)+`,`, input("", "")), nil},
		"a table":                {modal("", table(1, 1, 1)), []string{"/view/blocks/0/type"}},
		"markdown":               {modal("", `{"type":"markdown","text":"x"}`), []string{"/view/blocks/0/type"}},
		"home":                   {`{"type":"home","blocks":[{"type":"divider"}]}`, nil},
		"home with a title":      {`{"type":"home","title":` + text(1) + `,"blocks":[]}`, []string{"/view"}},
		"workflow":               {`{"type":"workflow_step","blocks":[]}`, []string{"/view/type"}},
		"array":                  {`[]`, []string{"/view"}},
		"not JSON":               {`{`, []string{"/view"}},
	} {
		var at []string
		for _, p := range slack.CheckView(json.RawMessage(c.view)) {
			at = append(at, p.Pointer)
			if p.Code != "invalid_arguments" {
				t.Errorf("%s: got %v", name, p)
			}
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("%s: got %v, want %v", name, at, c.want)
		}
	}
}
