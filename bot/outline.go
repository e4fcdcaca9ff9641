package bot

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// outlineSize is about how long an outline is, in bytes.
const outlineSize = 1000

var (
	// plainName is what an id, a type or the name of a field looks like. Tokens and keys are longer.
	plainName = regexp.MustCompile(`^[A-Za-z0-9_./:-]{1,36}$`)
	// telling are the fields whose values say what something is, and are chosen by Slack or by an app.
	telling = map[string]bool{
		"type": true, "subtype": true, "reason": true, "envelope_id": true, "retry_reason": true, "id": true,
		"api_app_id": true, "app_id": true,
		"team_id": true, "enterprise_id": true, "channel_id": true, "user_id": true, "event_id": true, "view_id": true,
		"callback_id": true, "action_id": true, "block_id": true, "command": true, "message_ts": true, "thread_ts": true,
	}
)

// outline is what an operator needs to know of a frame that the bot could not use: its shape, and
// the values of the few fields that only name things. Everything else, which may be what a person
// typed, a response URL, a trigger or a token, is given by its kind and length.
func outline(data []byte) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return fmt.Sprintf("no JSON, %d bytes", len(data))
	}
	var out strings.Builder
	shape(&out, "", v)
	if text := out.String(); len(text) <= outlineSize {
		return text
	}
	return fmt.Sprintf("%.*s … of %d bytes", outlineSize, out.String(), len(data))
}

// shape writes the outline of the value of a field, as far as there is room.
func shape(out *strings.Builder, field string, value any) {
	if out.Len() > outlineSize {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		out.WriteString("{")
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out.WriteString(", ")
			}
			label := name
			if !plainName.MatchString(name) {
				label = fmt.Sprintf("(name of %d bytes)", len(name))
			}
			out.WriteString(label + ": ")
			shape(out, name, v[name])
		}
		out.WriteString("}")
	case []any:
		fmt.Fprintf(out, "list of %d", len(v))
		if len(v) > 0 {
			out.WriteString(": ")
			shape(out, field, v[0])
		}
	case string:
		if telling[field] && plainName.MatchString(v) {
			fmt.Fprintf(out, "%q", v)
		} else {
			fmt.Fprintf(out, "text of %d bytes", len(v))
		}
	case float64:
		out.WriteString("number")
	case nil:
		out.WriteString("null")
	default:
		fmt.Fprint(out, v)
	}
}
