package slack

import (
	"slices"
	"unicode/utf8"
)

// Types of text objects.
const (
	plainText = "plain_text"
	anyText   = "plain_text or mrkdwn"
)

func runes(text string) int { return utf8.RuneCountInString(text) }

// textField checks a field that is a text object, if it is there.
func (k *checker) textField(at string, o map[string]any, name, kind string, longest int) {
	if v, there := o[name]; there {
		k.textObject(at+"/"+name, v, kind, longest)
	}
}

// textObject checks a text object and counts its text.
func (k *checker) textObject(at string, v any, kind string, longest int) {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return
	}
	switch {
	case o["type"] == "plain_text":
		k.object(at, o, "type!", "text!", "emoji")
		k.bools(at, o, "emoji")
	case o["type"] == "mrkdwn" && kind == anyText:
		k.object(at, o, "type!", "text!", "verbatim")
		k.bools(at, o, "verbatim")
	default:
		k.add(at+"/type", "must be %s", kind)
		return
	}
	k.text += runes(k.str(at, o, "text", 1, longest))
}

// element checks an element that may be one of some types, and returns it.
func (k *checker) element(at string, v any, types ...string) map[string]any {
	o, ok := v.(map[string]any)
	if !ok {
		k.add(at, "must provide an object")
		return nil
	}
	kind, _ := o["type"].(string)
	if !slices.Contains(types, kind) {
		k.add(at+"/type", "unsupported type: %s", kind)
		return nil
	}
	if kind != "image" {
		k.str(at, o, "action_id", 1, maxID)
	}
	switch kind {
	case "button":
		k.button(at, o)
	case "image":
		k.object(at, o, "type!", "image_url", "slack_file", "alt_text!")
		k.image(at, o)
	case "static_select":
		k.staticSelect(at, o)
	case "external_select":
		k.object(at, o, "type!", "action_id", "placeholder", "initial_option", "min_query_length", "confirm", "focus_on_load")
		k.menu(at, o)
		k.number(at, o, "min_query_length", 0, 100)
	case "checkboxes":
		k.checkboxes(at, o)
	case "plain_text_input":
		k.plainTextInput(at, o)
	}
	return o
}

func (k *checker) button(at string, o map[string]any) {
	k.object(at, o, "type!", "text!", "action_id", "url", "value", "style", "confirm", "accessibility_label")
	k.textField(at, o, "text", plainText, 75)
	k.url(at, o, "url", 3000)
	k.str(at, o, "value", 1, 2000)
	k.oneOf(at, o, "style", "primary", "danger")
	k.str(at, o, "accessibility_label", 1, 75)
	k.confirm(at, o)
}

// confirm checks the confirmation dialog of an element, if it has one. Its four texts are plain and
// required.
func (k *checker) confirm(at string, o map[string]any) {
	v, there := o["confirm"]
	if !there {
		return
	}
	at += "/confirm"
	dialog, ok := k.object(at, v, "title!", "text!", "confirm!", "deny!", "style")
	if !ok {
		return
	}
	k.textField(at, dialog, "title", plainText, 100)
	k.textField(at, dialog, "text", plainText, 300)
	k.textField(at, dialog, "confirm", plainText, 30)
	k.textField(at, dialog, "deny", plainText, 30)
	k.oneOf(at, dialog, "style", "primary", "danger")
}

// menu checks what all select menus share.
func (k *checker) menu(at string, o map[string]any) {
	k.textField(at, o, "placeholder", plainText, 150)
	k.bools(at, o, "focus_on_load")
	k.confirm(at, o)
	if v, there := o["initial_option"]; there {
		k.option(at+"/initial_option", v)
	}
}

func (k *checker) staticSelect(at string, o map[string]any) {
	k.object(at, o, "type!", "action_id", "placeholder", "options", "option_groups", "initial_option", "confirm",
		"focus_on_load")
	k.menu(at, o)
	if (o["options"] == nil) == (o["option_groups"] == nil) {
		k.add(at, "must have options or option_groups, and not both")
	}
	var values []any
	options := func(at string, o map[string]any) {
		for i, v := range k.array(at, o, "options", 1, 100) {
			values = append(values, k.option(index(at+"/options", i), v))
		}
	}
	options(at, o)
	for i, v := range k.array(at, o, "option_groups", 1, 100) {
		here := index(at+"/option_groups", i)
		if group, ok := k.object(here, v, "label!", "options!"); ok {
			k.textField(here, group, "label", plainText, 75)
			options(here, group)
		}
	}
	if initial, ok := o["initial_option"].(map[string]any); ok && !slices.Contains(values, initial["value"]) {
		k.add(at+"/initial_option", "must be one of the options")
	}
}

// checkboxes checks a group of them ("Checkbox element").
func (k *checker) checkboxes(at string, o map[string]any) {
	k.object(at, o, "type!", "action_id", "options!", "initial_options", "confirm", "focus_on_load")
	k.bools(at, o, "focus_on_load")
	k.confirm(at, o)
	var values []any
	for i, v := range k.array(at, o, "options", 1, 10) {
		values = append(values, k.option(index(at+"/options", i), v))
	}
	for i, v := range k.array(at, o, "initial_options", 1, 10) {
		here := index(at+"/initial_options", i)
		if !slices.Contains(values, k.option(here, v)) {
			k.add(here, "must be one of the options")
		}
	}
}

// option checks an option and returns its value.
func (k *checker) option(at string, v any) any {
	o, ok := k.object(at, v, "text!", "value!", "description")
	if !ok {
		return nil
	}
	k.textField(at, o, "text", plainText, 75)
	k.str(at, o, "value", 1, 150)
	k.textField(at, o, "description", plainText, 75)
	return o["value"]
}

func (k *checker) plainTextInput(at string, o map[string]any) {
	k.object(at, o, "type!", "action_id", "placeholder", "initial_value", "multiline", "min_length", "max_length",
		"dispatch_action_config", "focus_on_load")
	k.textField(at, o, "placeholder", plainText, 150)
	k.str(at, o, "initial_value", 0, 3000)
	k.bools(at, o, "multiline", "focus_on_load")
	k.number(at, o, "min_length", 0, 3000)
	k.number(at, o, "max_length", 1, 3000)
	v, there := o["dispatch_action_config"]
	if !there {
		return
	}
	at += "/dispatch_action_config"
	if config, ok := k.object(at, v, "trigger_actions_on"); ok {
		for i, on := range k.array(at, config, "trigger_actions_on", 1, 2) {
			if on != "on_enter_pressed" && on != "on_character_entered" {
				k.add(index(at+"/trigger_actions_on", i), "must be on_enter_pressed or on_character_entered")
			}
		}
	}
}
