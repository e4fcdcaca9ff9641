package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of messages and views, in Unicode code points ("Block Kit" reference). maxBlocksText is
// not documented: Slack refused messages with msg_blocks_too_long from somewhere above 13,000
// characters over all blocks.
const (
	maxMessageText   = 40_000
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxBlocksText    = 13_200
	maxMarkdown      = 12_000
	maxTextObject    = 3_000
	maxID            = 255
)

// Problem is one reason why Slack would not take a message or a view.
type Problem struct {
	// Code is the Web API's error: invalid_blocks, invalid_blocks_format, msg_blocks_too_long,
	// invalid_attachments, no_text, msg_too_long, or for views invalid_arguments.
	Code string
	// Pointer is the JSON pointer of the place, such as /blocks/0/text/text.
	Pointer string
	Message string
}

// String is the problem as Slack words it.
func (p Problem) String() string {
	if p.Pointer == "" {
		return p.Message
	}
	return p.Message + " [json-pointer:" + p.Pointer + "]"
}

// CheckMessage returns what Slack would refuse about a message's text and blocks, nil if nothing.
// blocks is a JSON array or empty. Only the block types, elements and fields that this package
// knows pass.
func CheckMessage(text string, blocks json.RawMessage) []Problem {
	k := &checker{code: "invalid_blocks", surface: "message", ids: map[string]bool{}}
	list, ok := k.list(blocks)
	switch {
	case !ok:
		return []Problem{{"invalid_blocks_format", "/blocks", "must be an array of blocks"}}
	case text == "" && len(list) == 0:
		return []Problem{{"no_text", "", "a message needs text or blocks"}}
	case utf8.RuneCountInString(text) > maxMessageText:
		return []Problem{{"msg_too_long", "/text", fmt.Sprintf("must be less than %d characters", maxMessageText+1)}}
	}
	k.blocks("/blocks", list, maxMessageBlocks)
	if k.tables > 1 {
		k.problems = append(k.problems, Problem{"invalid_attachments", "/blocks", "only_one_table_allowed"})
	}
	if k.text > maxBlocksText {
		k.problems = append(k.problems, Problem{
			"msg_blocks_too_long", "/blocks",
			fmt.Sprintf("the text of all blocks must be less than %d characters, it has %d", maxBlocksText+1, k.text),
		})
	}
	return k.problems
}

// CheckView returns what Slack would refuse about a modal or a home view, nil if nothing.
func CheckView(raw json.RawMessage) []Problem {
	k := &checker{code: "invalid_arguments", surface: "view", ids: map[string]bool{}}
	view, ok := decode(raw).(map[string]any)
	if !ok {
		return []Problem{{k.code, "/view", "must be an object"}}
	}
	k.surface, _ = view["type"].(string)
	fields := []string{"type!", "blocks!", "private_metadata", "callback_id", "external_id"}
	switch k.surface {
	case "modal":
		fields = append(fields, "title!", "close", "submit", "clear_on_close", "notify_on_close", "submit_disabled")
	case "home":
	default:
		return []Problem{{k.code, "/view/type", "must be modal or home"}}
	}
	k.object("/view", view, fields...)
	k.textField("/view", view, "title", plainText, 24)
	k.textField("/view", view, "close", plainText, 24)
	k.textField("/view", view, "submit", plainText, 24)
	k.str("/view", view, "private_metadata", 0, 3000)
	k.str("/view", view, "callback_id", 0, maxID)
	k.str("/view", view, "external_id", 0, maxID)
	k.bools("/view", view, "clear_on_close", "notify_on_close", "submit_disabled")
	list, ok := view["blocks"].([]any)
	if !ok {
		k.add("/view/blocks", "must be an array of blocks")
	}
	k.blocks("/view/blocks", list, maxViewBlocks)
	if k.surface == "modal" && k.inputs > 0 && view["submit"] == nil {
		k.add("/view/submit", "a modal with input blocks must have submit")
	}
	return k.problems
}

// checker collects problems and what has to be counted over the whole message.
type checker struct {
	code, surface                  string
	problems                       []Problem
	ids                            map[string]bool // block ids
	text, markdown, tables, inputs int
	tableText                      int
}

func (k *checker) add(at, format string, args ...any) {
	k.problems = append(k.problems, Problem{k.code, at, fmt.Sprintf(format, args...)})
}

// decode reads JSON with its numbers as they are written; what is not JSON is nil.
func decode(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		return nil
	}
	return v
}

// list reads an array of blocks; nothing is an empty one.
func (k *checker) list(raw json.RawMessage) ([]any, bool) {
	if len(raw) == 0 {
		return nil, true
	}
	list, ok := decode(raw).([]any)
	return list, ok
}

// object checks that v is an object with these fields and no others; a field that ends in "!" must
// be there.
func (k *checker) object(at string, v any, fields ...string) (map[string]any, bool) {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return nil, false
	}
	known := map[string]bool{}
	for _, field := range fields {
		name, required := strings.CutSuffix(field, "!")
		known[name] = true
		if required && o[name] == nil {
			k.add(at, "missing required field: %s", name)
		}
	}
	var unknown []string
	for name := range o {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		k.add(at, "invalid additional property: %s", name)
	}
	return o, true
}

// length checks a string's length in code points.
func (k *checker) length(at, text string, shortest, longest int) {
	n := utf8.RuneCountInString(text)
	if n < shortest {
		k.add(at, "must be more than %d characters", shortest-1)
	}
	if n > longest {
		k.add(at, "must be less than %d characters", longest+1)
	}
}

// str checks a field that is a plain string, if it is there, and returns it.
func (k *checker) str(at string, o map[string]any, name string, shortest, longest int) string {
	v, there := o[name]
	if !there {
		return ""
	}
	text, ok := v.(string)
	if !ok {
		k.add(at+"/"+name, "must be a string")
		return ""
	}
	k.length(at+"/"+name, text, shortest, longest)
	return text
}

// bools checks fields that are booleans, if they are there.
func (k *checker) bools(at string, o map[string]any, names ...string) {
	for _, name := range names {
		if v, there := o[name]; there {
			if _, ok := v.(bool); !ok {
				k.add(at+"/"+name, "must be a boolean")
			}
		}
	}
}

// number checks a field that is a whole number, if it is there.
func (k *checker) number(at string, o map[string]any, name string, least, most int64) {
	v, there := o[name]
	if !there {
		return
	}
	written, _ := v.(json.Number)
	n, err := strconv.ParseInt(written.String(), 10, 64)
	if err != nil || n < least || n > most {
		k.add(at+"/"+name, "must be a whole number from %d to %d", least, most)
	}
}

// oneOf checks a field that has a few values, if it is there.
func (k *checker) oneOf(at string, o map[string]any, name string, values ...string) {
	v, there := o[name]
	if !there {
		return
	}
	if text, ok := v.(string); !ok || !slices.Contains(values, text) {
		k.add(at+"/"+name, "must be one of %s", strings.Join(values, ", "))
	}
}

// array checks a field that is an array with so many items, and returns it.
func (k *checker) array(at string, o map[string]any, name string, fewest, most int) []any {
	v, there := o[name]
	if !there || v == nil { // a missing one that is required has been reported
		return nil
	}
	return k.items(at+"/"+name, v, fewest, most)
}

// items checks that v is an array with so many items, and returns it.
func (k *checker) items(at string, v any, fewest, most int) []any {
	list, ok := v.([]any)
	switch {
	case !ok:
		k.add(at, "must be an array")
	case len(list) < fewest:
		k.add(at, "no less than %d items required", fewest)
	case len(list) > most:
		k.add(at, "no more than %d items allowed", most)
	}
	return list
}

// url checks a field that is a web address, if it is there.
func (k *checker) url(at string, o map[string]any, name string, longest int) {
	if address := k.str(at, o, name, 1, longest); address != "" &&
		!strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		k.add(at+"/"+name, "must be a valid URL")
	}
}

func index(at string, i int) string { return at + "/" + strconv.Itoa(i) }
