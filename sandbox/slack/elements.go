package slack

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
)

// foundElement is an interactive element and the block that it is in.
type foundElement struct {
	blockID string
	block   map[string]any
	element map[string]any
}

// decodeBlocks reads an array of blocks; what is not one has no blocks.
func decodeBlocks(raw json.RawMessage) []map[string]any {
	var blocks []map[string]any
	if json.Unmarshal(raw, &blocks) != nil {
		return nil
	}
	return blocks
}

// elementsOf returns the interactive elements of a block.
func elementsOf(block map[string]any) []map[string]any {
	var candidates []any
	switch block["type"] {
	case "actions":
		candidates, _ = block["elements"].([]any)
	case "section":
		candidates = []any{block["accessory"]}
	case "input":
		candidates = []any{block["element"]}
	}
	var list []map[string]any
	for _, candidate := range candidates {
		if e, ok := candidate.(map[string]any); ok && e["type"] != "image" {
			list = append(list, e)
		}
	}
	return list
}

// eachElement calls f with every interactive element until it returns false.
func eachElement(blocks []map[string]any, f func(foundElement) bool) {
	for _, block := range blocks {
		id, _ := block["block_id"].(string)
		for _, e := range elementsOf(block) {
			if !f(foundElement{blockID: id, block: block, element: e}) {
				return
			}
		}
	}
}

// findElement finds an element by its action id, in one block or, with an empty block id, in any.
func findElement(raw json.RawMessage, blockID, actionID string) *foundElement {
	var found *foundElement
	eachElement(decodeBlocks(raw), func(e foundElement) bool {
		if e.element["action_id"] == actionID && (blockID == "" || e.blockID == blockID) {
			found = &e
		}
		return found == nil
	})
	return found
}

// withIDs gives blocks and elements the ids that Slack gives to those that came without.
func withIDs(raw json.RawMessage) json.RawMessage {
	blocks := decodeBlocks(raw)
	if len(blocks) == 0 {
		return nil
	}
	missing := func(object map[string]any, field string) {
		if id, _ := object[field].(string); id == "" {
			object[field] = strings.ToLower(rand.Text()[:5])
		}
	}
	for _, block := range blocks {
		missing(block, "block_id")
		for _, e := range elementsOf(block) {
			missing(e, "action_id")
		}
	}
	return encode(blocks)
}

// shortestQuery is how much has to be typed into an external_select before the app is asked
// ("Select menu element").
func shortestQuery(element map[string]any) int {
	if n, ok := element["min_query_length"].(float64); ok {
		return int(n)
	}
	return 3
}

// stateOf is state.values: what the stateful elements of these blocks hold, after the given action
// if there is one.
func stateOf(raw json.RawMessage, action map[string]any) map[string]any {
	values := map[string]any{}
	eachElement(decodeBlocks(raw), func(e foundElement) bool {
		kind, _ := e.element["type"].(string)
		held := emptyState(kind)
		switch kind {
		case "plain_text_input":
			held["value"] = e.element["initial_value"]
		case "static_select", "external_select":
			held["selected_option"] = e.element["initial_option"]
			if action["block_id"] == e.blockID && action["action_id"] == e.element["action_id"] {
				held["selected_option"] = action["selected_option"]
			}
		case "checkboxes":
			if initial, ok := e.element["initial_options"]; ok {
				held["selected_options"] = initial
			}
		default:
			return true
		}
		block, _ := values[e.blockID].(map[string]any)
		if block == nil {
			block = map[string]any{}
			values[e.blockID] = block
		}
		actionID, _ := e.element["action_id"].(string)
		block[actionID] = held
		return true
	})
	return values
}

// emptyState is the state of an element in which nothing was written or chosen.
func emptyState(kind any) map[string]any {
	switch kind {
	case "plain_text_input":
		return map[string]any{"type": kind, "value": nil}
	case "checkboxes":
		return map[string]any{"type": kind, "selected_options": []any{}}
	}
	return map[string]any{"type": kind, "selected_option": nil}
}

// chooseOption finds the option of a menu by its value. For an external_select that was asked, it
// is one of those that were offered; one that was not takes any value.
func chooseOption(element map[string]any, value string, offered []map[string]any, asked bool) (map[string]any, error) {
	if element["type"] == "external_select" && value != "" && !asked {
		return map[string]any{"text": map[string]any{"type": "plain_text", "text": value, "emoji": true}, "value": value}, nil
	}
	for _, option := range append(offered, allOptions(element)...) {
		if option["value"] == value {
			return option, nil
		}
	}
	return nil, fmt.Errorf("menu %v has no option %q", element["action_id"], value)
}
