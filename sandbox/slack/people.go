package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Command is a person sending a slash command from the composer of a channel, which is never a
// thread. It returns when the app acknowledged or Slack gave up; a text or blocks in the
// acknowledgement are then a message to the person. Whether the person may use the app is not
// checked here: guests, deactivated users and bots get through, so that the app has to refuse them
// itself.
func (s *Server) Command(ctx context.Context, userID, channelID, command, text string) (Delivery, error) {
	s.mu.Lock()
	c, err := s.actorLocked(userID, channelID)
	u, _ := s.userLocked(userID)
	s.mu.Unlock()
	switch {
	case err != nil:
		return Delivery{}, fmt.Errorf("command: %w", err)
	case !strings.HasPrefix(command, "/"):
		return Delivery{}, fmt.Errorf("command: %q does not begin with a slash", command)
	case !s.hasScope("commands"):
		return Delivery{}, errors.New("command: the app has no commands scope, so it has no commands")
	}
	return s.deliver(ctx, func(base string) (*envelope, error) {
		payload := s.commandPayloadLocked(base, u, c, command, text)
		return wrap("slash_commands", payload, func(d *Delivery) { s.answerCommand(d, u.ID, c.ID) }), nil
	})
}

// answerCommand posts what the acknowledgement of a slash command carried.
func (s *Server) answerCommand(d *Delivery, userID, channelID string) {
	if len(d.AckPayload) == 0 || string(d.AckPayload) == "null" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply, problems := parseReply(d.AckPayload)
	problems = append(problems, s.checkFilesLocked("/blocks", reply.Blocks, "invalid_blocks")...)
	if len(problems) > 0 {
		d.Error, d.Problems = "invalid_command_response", problems
		return
	}
	if reply.Text == "" && len(reply.Blocks) == 0 {
		return // {} is an empty acknowledgement
	}
	s.replyLocked(reply, channelID, userID, "")
}

// Click is a press on a button, or a choice in a menu, of a message or of an open view.
type Click struct {
	// ChannelID and MessageTS name the message; ViewID, if set, an open view instead.
	ChannelID, MessageTS string
	ViewID               string
	// BlockID and ActionID name the element. An empty BlockID stands for any block.
	BlockID, ActionID string
	// Value replaces the button's value, or clicks a button that does not exist: forged payloads for
	// tests.
	Value string
	// AsChannelID and AsMessageTS are what the payload says instead of the true place: a copy of the
	// card elsewhere.
	AsChannelID, AsMessageTS string
	// Ephemeral makes the payload say that the message was ephemeral, as it does by itself for one
	// that is.
	Ephemeral bool
	// SelectedOption is the value chosen in a static_select or external_select.
	SelectedOption string
}

// Click is a person using an interactive element. An element that the message or view does not have
// is an error, unless Value, AsChannelID or AsMessageTS forge it. The dialog of a button's confirm
// object is the caller's matter.
func (s *Server) Click(ctx context.Context, userID string, click Click) (Delivery, error) {
	s.mu.Lock()
	_, known := s.users.get(userID)
	var container map[string]any
	var err error
	if click.ViewID != "" {
		_, err = s.openViewLocked(userID, click.ViewID)
		container = map[string]any{"type": "view", "view_id": click.ViewID}
	} else {
		container, err = s.clickedLocked(userID, click)
	}
	s.mu.Unlock()
	if !known {
		err = fmt.Errorf("no user %s", userID)
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("click: %w", err)
	}

	return s.deliver(ctx, func(base string) (*envelope, error) {
		payload, err := s.actionPayloadLocked(base, userID, click, container)
		if err != nil {
			return nil, fmt.Errorf("click: %w", err)
		}
		return wrap("interactive", payload, nil), nil
	})
}

// Suggestion is a person typing into an external_select.
type Suggestion struct {
	ViewID               string // an open view, or
	ChannelID, MessageTS string // a message
	BlockID, ActionID    string
	Value                string // what was typed so far
	// Values are what the other fields of the view hold meanwhile, as in Submit: the payload's state
	// has them.
	Values map[string]map[string]any
}

// Suggest asks the app for the options of an external_select; they are in the Delivery's
// AckPayload. Options that Slack would not show are a Delivery.Error of
// invalid_suggestion_response. What was offered last is what this person can choose from; who did
// not ask can choose anything, because only the app knows what it would have offered. Slack does
// not ask before min_query_length characters were typed (3 unless the menu says otherwise), so that
// is an error.
func (s *Server) Suggest(ctx context.Context, userID string, q Suggestion) (Delivery, error) {
	s.mu.Lock()
	u, known := s.users.get(userID)
	var container map[string]any
	var blocks json.RawMessage
	err := error(nil)
	if q.ViewID != "" {
		var v *view
		if v, err = s.openViewLocked(userID, q.ViewID); err == nil {
			container, blocks = map[string]any{"type": "view", "view_id": q.ViewID}, v.blocks()
		}
	} else {
		click := Click{ChannelID: q.ChannelID, MessageTS: q.MessageTS, BlockID: q.BlockID, ActionID: q.ActionID}
		if container, err = s.clickedLocked(userID, click); err == nil {
			blocks = s.findLocked(q.ChannelID, q.MessageTS).Blocks
		}
	}
	s.mu.Unlock()
	if !known {
		err = fmt.Errorf("no user %s", userID)
	}
	found := findElement(blocks, q.BlockID, q.ActionID)
	if err == nil && (found == nil || found.element["type"] != "external_select") {
		err = fmt.Errorf("no external_select %s in block %s", q.ActionID, q.BlockID)
	}
	if err == nil && runes(q.Value) < shortestQuery(found.element) {
		err = fmt.Errorf("%q is too short: Slack asks from %d characters on", q.Value, shortestQuery(found.element))
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("suggest: %w", err)
	}
	return s.deliver(ctx, func(string) (*envelope, error) {
		payload := s.interactionLocked("block_suggestion", u)
		delete(payload, "trigger_id")
		payload["action_id"], payload["block_id"] = q.ActionID, found.blockID
		payload["value"], payload["container"] = q.Value, container
		if v := s.views[q.ViewID]; v != nil {
			state, err := fill(v.blocks(), q.Values, func(blockID, actionID string) ([]map[string]any, bool) {
				return s.offeredLocked(menuPlace{userID: userID, view: q.ViewID, block: blockID, action: actionID})
			})
			if err != nil {
				return nil, fmt.Errorf("suggest: %w", err)
			}
			shown := maps.Clone(v.json)
			shown["state"] = map[string]any{"values": state}
			payload["view"] = shown
		} else if c, ok := s.channels.get(q.ChannelID); ok {
			payload["channel"] = map[string]any{"id": c.ID, "name": c.Name}
		}
		at := menuPlace{userID, q.ViewID, q.ChannelID, q.MessageTS, found.blockID, q.ActionID}
		return wrap("interactive", payload, func(d *Delivery) { s.suggested(d, at) }), nil
	})
}

// clickedLocked checks that a person can see the message and that it has the element, and says
// where it is.
func (s *Server) clickedLocked(userID string, click Click) (map[string]any, error) {
	forged := click.Value != "" || click.AsChannelID != "" || click.AsMessageTS != ""
	c, ok := s.channels.get(click.ChannelID)
	if !ok {
		return nil, fmt.Errorf("no channel %s", click.ChannelID)
	}
	m := s.findLocked(click.ChannelID, click.MessageTS)
	if !forged {
		switch {
		case c.Private && !inChannel(c, userID):
			return nil, fmt.Errorf("user %s does not see channel %s", userID, c.ID)
		case m == nil || m.Ephemeral && m.VisibleTo != userID:
			return nil, fmt.Errorf("user %s sees no message %s in %s", userID, click.MessageTS, c.ID)
		case findElement(m.Blocks, click.BlockID, click.ActionID) == nil:
			return nil, fmt.Errorf("message %s has no element %q in block %q", m.TS, click.ActionID, click.BlockID)
		}
	}
	container := map[string]any{
		"type": "message", "channel_id": cmp.Or(click.AsChannelID, click.ChannelID),
		"message_ts":   cmp.Or(click.AsMessageTS, click.MessageTS),
		"is_ephemeral": click.Ephemeral || m != nil && m.Ephemeral,
	}
	if m != nil && m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	return container, nil
}

// actionPayloadLocked is the payload of block_actions.
func (s *Server) actionPayloadLocked(
	base, userID string, click Click, container map[string]any,
) (map[string]any, error) {
	u, _ := s.userLocked(userID)
	payload := s.interactionLocked("block_actions", u)
	payload["container"] = container
	var blocks json.RawMessage
	if click.ViewID != "" {
		v := s.views[click.ViewID]
		if v == nil {
			return nil, fmt.Errorf("view %s was closed", click.ViewID)
		}
		blocks = v.blocks()
		payload["view"] = v.json
	} else {
		channelID, _ := container["channel_id"].(string)
		ts, _ := container["message_ts"].(string)
		m := s.findLocked(click.ChannelID, click.MessageTS)
		if m != nil {
			blocks = m.Blocks
			if ephemeral, _ := container["is_ephemeral"].(bool); !ephemeral { // Slack does not echo ephemeral ones
				echo := s.messageLocked(m, true)
				echo["ts"] = ts
				payload["message"] = echo
			}
		}
		c, _ := s.channels.get(channelID)
		payload["channel"] = map[string]any{"id": channelID, "name": cmp.Or(c.Name, "directmessage")}
		payload["response_url"] = s.newResponseURLLocked(base,
			&responseURL{channelID: channelID, userID: userID, messageTS: ts})
	}
	action, err := s.actionLocked(blocks, userID, click)
	if err != nil {
		return nil, err
	}
	payload["actions"] = []any{action}
	payload["state"] = map[string]any{"values": stateOf(blocks, action)}
	return payload, nil
}

// actionLocked is the one entry of "actions".
func (s *Server) actionLocked(blocks json.RawMessage, userID string, click Click) (map[string]any, error) {
	ts, _ := s.nextTSLocked()
	action := map[string]any{"action_id": click.ActionID, "block_id": click.BlockID, "type": "button", "action_ts": ts}
	found := findElement(blocks, click.BlockID, click.ActionID)
	if found == nil {
		if click.Value == "" && click.AsChannelID == "" && click.AsMessageTS == "" {
			return nil, fmt.Errorf("no element %q in block %q", click.ActionID, click.BlockID)
		}
		action["text"] = map[string]any{"type": "plain_text", "text": "Button", "emoji": true}
	} else {
		action["block_id"] = found.blockID
		for _, field := range []string{"type", "text", "value", "style", "confirm", "placeholder"} {
			if v, ok := found.element[field]; ok {
				action[field] = v
			}
		}
		if kind := found.element["type"]; kind == "static_select" || kind == "external_select" {
			offered, asked := s.offeredLocked(menuPlace{
				userID, click.ViewID, click.ChannelID, click.MessageTS, found.blockID, click.ActionID,
			})
			option, err := chooseOption(found.element, click.SelectedOption, offered, asked)
			if err != nil {
				return nil, err
			}
			action["selected_option"] = option
		}
	}
	if click.Value != "" {
		action["value"] = click.Value
	}
	return action, nil
}
