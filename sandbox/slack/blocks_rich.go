package slack

// richText checks the elements of a rich_text block or cell.
func (k *checker) richText(at string, o map[string]any) {
	for i, v := range k.array(at, o, "elements", 1, 1000) {
		k.richPart(index(at+"/elements", i), v, true)
	}
}

// richPart checks a section, list, quote or preformatted text; a list's items are sections.
func (k *checker) richPart(at string, v any, outer bool) {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return
	}
	kind, _ := o["type"].(string)
	switch {
	case kind == "rich_text_section":
		k.object(at, o, "type!", "elements!")
	case kind == "rich_text_quote" && outer:
		k.object(at, o, "type!", "elements!", "border")
	case kind == "rich_text_preformatted" && outer:
		k.object(at, o, "type!", "elements!", "border", "language")
		k.str(at, o, "language", 1, 100)
	case kind == "rich_text_list" && outer:
		k.object(at, o, "type!", "elements!", "style!", "indent", "border", "offset")
		k.oneOf(at, o, "style", "bullet", "ordered")
		k.number(at, o, "indent", 0, 8)
		k.number(at, o, "offset", 0, 1_000_000)
		k.number(at, o, "border", 0, 1)
		for i, item := range k.array(at, o, "elements", 1, 1000) {
			k.richPart(index(at+"/elements", i), item, false)
		}
		return
	default:
		k.add(at+"/type", "unsupported type: %s", kind)
		return
	}
	k.number(at, o, "border", 0, 1)
	for i, leaf := range k.array(at, o, "elements", 0, 1000) {
		k.richLeaf(index(at+"/elements", i), leaf)
	}
}

// richLeaf checks a piece of text, a link, a mention, an emoji or a date.
func (k *checker) richLeaf(at string, v any) {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return
	}
	kind, _ := o["type"].(string)
	switch kind {
	case "text":
		k.object(at, o, "type!", "text!", "style")
		k.text += runes(k.str(at, o, "text", 1, maxBlocksText))
	case "link":
		k.object(at, o, "type!", "url!", "text", "unsafe", "style")
		k.url(at, o, "url", 3000)
		k.bools(at, o, "unsafe")
		k.text += runes(k.str(at, o, "text", 1, maxBlocksText))
	case "user":
		k.mention(at, o, "user_id!")
	case "usergroup":
		k.mention(at, o, "usergroup_id!")
	case "channel":
		k.mention(at, o, "channel_id!")
	case "broadcast":
		k.mention(at, o, "range!")
		k.oneOf(at, o, "range", "here", "channel", "everyone")
	case "emoji":
		k.object(at, o, "type!", "name!", "unicode", "skin_tone", "style")
		k.str(at, o, "name", 1, maxID)
		k.text += 1
	case "date":
		k.object(at, o, "type!", "timestamp!", "format!", "url", "fallback", "style")
		k.number(at, o, "timestamp", 0, 1<<53)
		k.str(at, o, "format", 1, maxID)
		k.url(at, o, "url", 3000)
		k.text += runes(k.str(at, o, "fallback", 1, maxID))
	default:
		k.add(at+"/type", "unsupported type: %s", kind)
		return
	}
	if style, there := o["style"]; there {
		at += "/style"
		if s, ok := k.object(at, style, "bold", "italic", "strike", "code", "underline"); ok {
			k.bools(at, s, "bold", "italic", "strike", "code", "underline")
		}
	}
}

// mention checks something that is shown as a name; Slack counts its id.
func (k *checker) mention(at string, o map[string]any, field string) {
	k.object(at, o, "type!", field, "style")
	name := field[:len(field)-1]
	k.text += runes(k.str(at, o, name, 1, maxID))
}
