package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

const (
	// outlineSize is about how long an outline is, in bytes.
	outlineSize = 1000
	// outlineDepth is how deep it goes.
	outlineDepth = 12
)

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

// outline tells of a frame what somebody has to know who wonders what Slack sent: its shape, and
// the values of the few fields that only name things. Everything else, which may be what a person
// typed, a response URL, a trigger or a token, is told by its kind and length. What is no JSON is
// told as far as it is.
func outline(data []byte) string {
	if len(data) == 0 {
		return "nothing"
	}
	o := outliner{in: json.NewDecoder(bytes.NewReader(data))}
	o.in.UseNumber()
	err := o.value("")
	if err == nil {
		if _, err = o.in.Token(); errors.Is(err, io.EOF) {
			return o.out.String()
		}
		return fmt.Sprintf("%s … and more after byte %d of %d", o.out.String(), o.in.InputOffset(), len(data))
	}
	if errors.Is(err, errOutlineFull) {
		return o.out.String() + fmt.Sprintf(" … of %d bytes", len(data))
	}
	return fmt.Sprintf("%s … no JSON after byte %d of %d", o.out.String(), o.in.InputOffset(), len(data))
}

type outliner struct {
	in    *json.Decoder
	out   strings.Builder
	depth int
}

var errOutlineFull = errors.New("the outline is long enough")

// value writes the next value, which is the one of a field.
func (o *outliner) value(field string) error {
	if o.out.Len() > outlineSize || o.depth > outlineDepth {
		return errOutlineFull
	}
	token, err := o.in.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		return o.inside(v)
	case string:
		if telling[field] && plainName.MatchString(v) {
			fmt.Fprintf(&o.out, "%q", v)
		} else {
			fmt.Fprintf(&o.out, "text of %d bytes", len(v))
		}
	case json.Number:
		o.out.WriteString("number")
	case bool:
		fmt.Fprint(&o.out, v)
	default:
		o.out.WriteString("null")
	}
	return nil
}

// inside writes what an object or a list holds.
func (o *outliner) inside(open json.Delim) error {
	o.depth++
	defer func() { o.depth-- }()
	o.out.WriteString(open.String())
	for first := true; o.in.More(); first = false {
		if !first {
			o.out.WriteString(", ")
		}
		field := ""
		if open == '{' {
			name, err := o.in.Token()
			if err != nil {
				return err
			}
			if field, _ = name.(string); !plainName.MatchString(field) {
				field = fmt.Sprintf("(name of %d bytes)", len(field))
			}
			o.out.WriteString(field + ": ")
		}
		if err := o.value(field); err != nil {
			return err
		}
	}
	end, err := o.in.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(&o.out, end)
	return nil
}

// looseEnvelopeID finds the envelope's id in a frame that is no envelope as it should be, also when
// it breaks off after the id. An id inside the payload is not the envelope's.
func looseEnvelopeID(data []byte) string {
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	depth, name := 0, ""
	for {
		token, err := in.Token()
		if err != nil {
			return ""
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			if depth == 0 || depth == 1 && v == '[' {
				return ""
			}
			name = ""
		case string:
			switch {
			case depth != 1:
			case name == "":
				name = v
			case name == "envelope_id":
				return v
			default:
				name = ""
			}
		default:
			name = ""
		}
	}
}
