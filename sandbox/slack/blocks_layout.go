package slack

import "encoding/json"

// blocks checks a list of blocks.
func (k *checker) blocks(at string, list []any, most int) {
	if len(list) > most {
		k.add(at, "no more than %d items allowed", most)
	}
	for i, v := range list {
		k.block(index(at, i), v)
	}
}

// block checks one block: its type, whether that may be used here, and all that is in it.
func (k *checker) block(at string, v any) {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return
	}
	if id := k.str(at, o, "block_id", 1, maxID); id != "" {
		if k.ids[id] {
			k.add(at+"/block_id", "block_id already exists: %s", id)
		}
		k.ids[id] = true
	}
	kind, _ := o["type"].(string)
	if k.surface != "message" && (kind == "table" || kind == "markdown") {
		k.add(at+"/type", "unsupported type in a %s: %s", k.surface, kind)
		return
	}
	switch kind {
	case "section":
		k.section(at, o)
	case "actions":
		k.actions(at, o)
	case "context":
		k.context(at, o)
	case "divider":
		k.object(at, o, "type!", "block_id")
	case "header":
		k.object(at, o, "type!", "block_id", "text!", "level")
		k.textField(at, o, "text", plainText, 150)
		k.number(at, o, "level", 1, 4)
	case "image":
		k.object(at, o, "type!", "block_id", "image_url", "slack_file", "alt_text!", "title")
		k.image(at, o)
		k.textField(at, o, "title", plainText, 2000)
	case "input":
		k.input(at, o)
	case "markdown":
		k.object(at, o, "type!", "block_id", "text!")
		text := k.str(at, o, "text", 1, maxMarkdown)
		k.markdown += runes(text)
		k.text += runes(text)
		if k.markdown > maxMarkdown && runes(text) <= maxMarkdown {
			k.add(at+"/text", "all markdown blocks together must be less than %d characters", maxMarkdown+1)
		}
	case "rich_text":
		k.object(at, o, "type!", "block_id", "elements!")
		k.richText(at, o)
	case "table":
		k.table(at, o)
	default:
		k.add(at+"/type", "unsupported type: %s", kind)
	}
}

func (k *checker) section(at string, o map[string]any) {
	k.object(at, o, "type!", "block_id", "text", "fields", "accessory", "expand")
	k.textField(at, o, "text", anyText, maxTextObject)
	k.bools(at, o, "expand")
	for i, field := range k.array(at, o, "fields", 1, 10) {
		k.textObject(index(at+"/fields", i), field, anyText, 2000)
	}
	if o["text"] == nil && o["fields"] == nil {
		k.add(at, "missing required field: text or fields")
	}
	if accessory, there := o["accessory"]; there {
		k.element(at+"/accessory", accessory, "button", "image", "static_select", "external_select")
	}
}

func (k *checker) actions(at string, o map[string]any) {
	k.object(at, o, "type!", "block_id", "elements!")
	seen := map[string]bool{}
	for i, v := range k.array(at, o, "elements", 1, 25) {
		here := index(at+"/elements", i)
		e := k.element(here, v, "button", "static_select", "external_select")
		if id, _ := e["action_id"].(string); id != "" {
			if seen[id] {
				k.add(here+"/action_id", "action_id already exists in this block: %s", id)
			}
			seen[id] = true
		}
	}
}

func (k *checker) context(at string, o map[string]any) {
	k.object(at, o, "type!", "block_id", "elements!")
	for i, v := range k.array(at, o, "elements", 1, 10) {
		here := index(at+"/elements", i)
		if e, ok := v.(map[string]any); ok && e["type"] == "image" {
			k.element(here, v, "image")
			continue
		}
		k.textObject(here, v, anyText, maxTextObject)
	}
}

func (k *checker) input(at string, o map[string]any) {
	k.inputs++
	k.object(at, o, "type!", "block_id", "label!", "element!", "hint", "optional", "dispatch_action")
	k.textField(at, o, "label", plainText, 2000)
	k.textField(at, o, "hint", plainText, 2000)
	k.bools(at, o, "optional", "dispatch_action")
	if e, there := o["element"]; there {
		k.element(at+"/element", e, "plain_text_input", "static_select", "external_select", "checkboxes")
	}
}

// image checks what image blocks and image elements share.
func (k *checker) image(at string, o map[string]any) {
	k.text += runes(k.str(at, o, "alt_text", 1, 2000))
	k.url(at, o, "image_url", 3000)
	file, there := o["slack_file"]
	if there == (o["image_url"] != nil) {
		k.add(at, "must have image_url or slack_file, and not both")
	}
	if !there {
		return
	}
	if f, ok := k.object(at+"/slack_file", file, "id", "url"); ok {
		if (f["id"] == nil) == (f["url"] == nil) {
			k.add(at+"/slack_file", "must have id or url, and not both")
		}
		k.str(at+"/slack_file", f, "id", 1, maxID)
		k.url(at+"/slack_file", f, "url", 3000)
	}
}

// table checks a table: at most 100 rows, the header among them, of the same number of cells, at
// most 20.
func (k *checker) table(at string, o map[string]any) {
	k.tables++
	k.object(at, o, "type!", "block_id", "rows!", "column_settings")
	columns := -1
	before := k.text
	for i, v := range k.array(at, o, "rows", 1, 100) {
		here := index(at+"/rows", i)
		row := k.items(here, v, 1, 20)
		if columns >= 0 && len(row) != columns {
			k.add(here, "must have %d cells as the first row", columns)
		}
		if columns < 0 {
			columns = len(row)
		}
		for j, cell := range row {
			k.cell(index(here, j), cell)
		}
	}
	k.tableText += k.text - before
	if k.tableText > 10_000 {
		k.add(at, "the text of all cells must be less than 10001 characters, it has %d", k.tableText)
	}
	settings := k.array(at, o, "column_settings", 0, 20)
	if len(settings) > 0 && len(settings) != columns {
		k.add(at+"/column_settings", "must be one per column")
	}
	for i, v := range settings {
		here := index(at+"/column_settings", i)
		if setting, ok := k.object(here, v, "align", "is_wrapped"); ok {
			k.oneOf(here, setting, "align", "left", "center", "right")
			k.bools(here, setting, "is_wrapped")
		}
	}
}

// cell checks a cell; an empty one is refused, so a dash or a space has to stand there.
func (k *checker) cell(at string, v any) {
	o, _ := v.(map[string]any)
	switch o["type"] {
	case "raw_text":
		k.object(at, o, "type!", "text!")
		k.text += runes(k.str(at, o, "text", 1, 10_000))
	case "rich_text":
		before := k.text
		k.object(at, o, "type!", "elements!")
		k.richText(at, o)
		if k.text == before {
			k.add(at, "must be more than 0 characters")
		}
	default: // raw_number too: workspaces have refused it, a text is taken everywhere
		written, _ := json.Marshal(o["type"]) // any JSON value can be written
		k.add(at+"/type", "unsupported type of a cell: %s", written)
	}
}
