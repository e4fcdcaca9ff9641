package slack

import (
	"encoding/json"
	"slices"
)

// CheckOptions returns what Slack would refuse about the answer to a block_suggestion, nil if
// nothing: an object with options or option_groups, at most 100 of each. An empty list is an answer
// too.
func CheckOptions(raw json.RawMessage) []Problem {
	k := &checker{code: "invalid_suggestion_response", surface: "options", ids: map[string]bool{}}
	o, ok := k.object("", decode(raw), "options", "option_groups")
	if !ok {
		return k.problems
	}
	if (o["options"] == nil) == (o["option_groups"] == nil) {
		k.add("", "must have options or option_groups, and not both")
	}
	seen := map[any]bool{}
	options := func(at string, o map[string]any, fewest int) {
		for i, v := range k.array(at, o, "options", fewest, 100) {
			value := k.option(index(at+"/options", i), v)
			if seen[value] {
				k.add(index(at+"/options", i)+"/value", "must be unique")
			}
			seen[value] = true
		}
	}
	options("", o, 0)
	for i, v := range k.array("", o, "option_groups", 0, 100) {
		at := index("/option_groups", i)
		if group, ok := k.object(at, v, "label!", "options!"); ok {
			k.textField(at, group, "label", plainText, 75)
			options(at, group, 1)
		}
	}
	return k.problems
}

// menuPlace names an external_select as one person sees it.
type menuPlace struct{ userID, view, channel, ts, block, action string }

// keptOffers is how many menus are remembered with what was offered last.
const keptOffers = 1000

// suggested looks at the answer to a block_suggestion, and remembers what was offered: nothing else
// can be chosen.
func (s *Server) suggested(d *Delivery, at menuPlace) {
	if d.Problems = CheckOptions(d.AckPayload); len(d.Problems) > 0 {
		d.Error = "invalid_suggestion_response"
		return
	}
	var offer map[string]any
	if json.Unmarshal(d.AckPayload, &offer) != nil {
		return // unreachable: CheckOptions has read it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.offers) >= keptOffers {
		clear(s.offers) // whoever is in the middle of a choice may type again
	}
	s.offers[at] = allOptions(offer)
}

// offeredLocked is what an external_select offered last, and whether it was asked at all.
func (s *Server) offeredLocked(at menuPlace) ([]map[string]any, bool) {
	options, asked := s.offers[at]
	return options, asked
}

// allOptions are the options of a menu or of an answer, those of its groups too.
func allOptions(o map[string]any) []map[string]any {
	list, _ := o["options"].([]any)
	groups, _ := o["option_groups"].([]any)
	for _, g := range groups {
		group, _ := g.(map[string]any)
		more, _ := group["options"].([]any)
		list = append(slices.Clip(list), more...)
	}
	out := make([]map[string]any, 0, len(list))
	for _, v := range list {
		if option, ok := v.(map[string]any); ok {
			out = append(out, option)
		}
	}
	return out
}
