package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// fillIn puts a person's values into the inputs of a view that is sent; offered is what an
// external_select offered.
func fillIn(
	raw json.RawMessage, values map[string]map[string]any, offered func(blockID, actionID string) ([]map[string]any, bool),
) (map[string]any, error) {
	state, err := fill(raw, values, offered)
	if err != nil {
		return nil, err
	}
	return state, checkFilled(raw, state)
}

// fill does the same for one that is still being filled in.
func fill(
	raw json.RawMessage, values map[string]map[string]any, offered func(blockID, actionID string) ([]map[string]any, bool),
) (map[string]any, error) {
	state := stateOf(raw, nil)
	for blockID, byAction := range values {
		for actionID, value := range byAction {
			found := findElement(raw, blockID, actionID)
			block, _ := state[blockID].(map[string]any)
			if found == nil || block == nil || block[actionID] == nil {
				return nil, fmt.Errorf("the view has no field %s in block %s", actionID, blockID)
			}
			text, plain := value.(string)
			switch {
			case !plain:
				block[actionID] = value
			case text == "":
				block[actionID] = emptyState(found.element["type"])
			case found.element["type"] == "plain_text_input":
				block[actionID] = map[string]any{"type": "plain_text_input", "value": text}
			case found.element["type"] == "checkboxes": // a line for each that is ticked
				ticked := []any{}
				for _, value := range strings.Split(text, "\n") {
					option, err := chooseOption(found.element, value, nil, false)
					if err != nil {
						return nil, err
					}
					ticked = append(ticked, option)
				}
				block[actionID] = map[string]any{"type": "checkboxes", "selected_options": ticked}
			default:
				options, asked := offered(blockID, actionID)
				option, err := chooseOption(found.element, text, options, asked)
				if err != nil {
					return nil, err
				}
				block[actionID] = map[string]any{"type": found.element["type"], "selected_option": option}
			}
		}
	}
	return state, nil
}

// checkFilled does what Slack's client does before it sends a form.
func checkFilled(raw json.RawMessage, state map[string]any) error {
	var problem error
	eachElement(decodeBlocks(raw), func(e foundElement) bool {
		if e.block["type"] != "input" {
			return true
		}
		block, _ := state[e.blockID].(map[string]any)
		actionID, _ := e.element["action_id"].(string)
		held, _ := block[actionID].(map[string]any)
		text, _ := held["value"].(string)
		optional, _ := e.block["optional"].(bool)
		ticked, _ := held["selected_options"].([]any)
		if !optional && text == "" && held["selected_option"] == nil && len(ticked) == 0 {
			problem = fmt.Errorf("the field in block %s is required", e.blockID)
		}
		length := float64(utf8.RuneCountInString(text))
		if shortest, ok := e.element["min_length"].(float64); ok && text != "" && length < shortest {
			problem = fmt.Errorf("the text in block %s is shorter than %v characters", e.blockID, shortest)
		}
		if longest, ok := e.element["max_length"].(float64); ok && length > longest {
			problem = fmt.Errorf("the text in block %s is longer than %v characters", e.blockID, longest)
		}
		return problem == nil
	})
	return problem
}
