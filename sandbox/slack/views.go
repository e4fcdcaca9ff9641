package slack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const (
	// maxViewBytes and maxStack limit views ("Modals").
	maxViewBytes = 250_000
	maxStack     = 3
)

// View is a modal that a person has open, or their App Home.
type View struct {
	ID, UserID, TriggerID, CallbackID string
	// JSON is the view as Slack returns it, with its id, hash and state.
	JSON json.RawMessage
	// Errors are the messages at the fields, by block id, that the last submission was answered with.
	Errors map[string]string
}

// view is the stored form. Its json is replaced, never changed, because payloads share it.
type view struct {
	id, userID, triggerID, externalID string
	json                              map[string]any
	errors                            map[string]string
}

func (v *view) public() View {
	callback, _ := v.json["callback_id"].(string)
	return View{
		ID: v.id, UserID: v.userID, TriggerID: v.triggerID, CallbackID: callback,
		JSON: encode(v.json), Errors: maps.Clone(v.errors),
	}
}

func (v *view) blocks() json.RawMessage {
	raw, _ := v.json["blocks"].(json.RawMessage)
	return raw
}

// Views returns the modals that a person has open, the visible one last.
func (s *Server) Views(userID string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []View
	for _, v := range s.stacks[userID] {
		list = append(list, v.public())
	}
	return list
}

// Home returns what the app published to a person's App Home.
func (s *Server) Home(userID string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.homes[userID]
	if !ok {
		return View{}, false
	}
	return v.public(), true
}

// openViewLocked finds a view that a person can act on: the visible modal, or the home.
func (s *Server) openViewLocked(userID, viewID string) (*view, error) {
	stack := s.stacks[userID]
	if len(stack) > 0 && stack[len(stack)-1].id == viewID {
		return stack[len(stack)-1], nil
	}
	if home := s.homes[userID]; home != nil && home.id == viewID {
		return home, nil
	}
	return nil, fmt.Errorf("user %s has no view %s in front", userID, viewID)
}

// fillLocked gives a view its stored form from what the app sent, which CheckView has passed.
func (s *Server) fillLocked(v *view, raw json.RawMessage) {
	var sent struct {
		Blocks     json.RawMessage `json:"blocks"`
		ExternalID string          `json:"external_id"`
	}
	full := map[string]any{
		"title": nil, "close": nil, "submit": nil, "private_metadata": "", "callback_id": "", "external_id": "",
		"clear_on_close": false, "notify_on_close": false, "previous_view_id": nil,
	}
	if json.Unmarshal(raw, &full) != nil || json.Unmarshal(raw, &sent) != nil {
		return // unreachable: CheckView has read it
	}
	blocks := withIDs(sent.Blocks)
	if blocks == nil {
		blocks = json.RawMessage("[]")
	}
	full["blocks"], full["state"] = blocks, map[string]any{"values": stateOf(blocks, nil)}
	full["id"], full["team_id"], full["app_id"], full["bot_id"] = v.id, s.cfg.TeamID, s.cfg.AppID, s.cfg.BotID
	full["app_installed_team_id"], full["root_view_id"] = s.cfg.TeamID, v.id
	if s.cfg.OrgWide {
		full["app_installed_team_id"] = s.cfg.EnterpriseID
	}
	full["hash"] = rand.Text()
	if stack := s.stacks[v.userID]; len(stack) > 0 && full["type"] == "modal" {
		full["root_view_id"] = stack[0].id
		if i := slices.Index(stack, v); i > 0 {
			full["previous_view_id"] = stack[i-1].id
		}
	}
	v.json, v.errors, v.externalID = full, nil, sent.ExternalID
	s.views[v.id] = v
	p := v.public()
	s.publishLocked(Change{Kind: "view", View: &p})
}

// checkSentLocked returns Slack's answer to a view that cannot be used, or nil.
func (s *Server) checkSentLocked(raw, kind string) *answer {
	var head struct {
		Type string `json:"type"`
	}
	if len(raw) > maxViewBytes {
		a := refuse("view_too_large")
		return &a
	}
	problems := CheckView(json.RawMessage(raw))
	if len(problems) == 0 && json.Unmarshal([]byte(raw), &head) == nil && head.Type != kind {
		problems = []Problem{{"invalid_arguments", "/view/type", "must be " + kind + " here"}}
	}
	if len(problems) == 0 {
		problems = s.checkFilesLocked("/view", json.RawMessage(raw), "invalid_arguments")
	}
	if len(problems) > 0 {
		a := refuseProblems("invalid_arguments", problems)
		return &a
	}
	return nil
}

// stackView is views.open and views.push.
func (s *Server) stackView(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad := s.checkSentLocked(c.args["view"], "modal"); bad != nil {
		return *bad
	}
	userID, problem := s.useTriggerLocked(c.args["trigger_id"])
	if problem != "" {
		return refuse(problem)
	}
	if c.method == "views.open" {
		s.stacks[userID] = nil // a new modal takes the place of what was open
	} else if len(s.stacks[userID]) == 0 || len(s.stacks[userID]) >= maxStack {
		return refuse("push_limit_reached")
	}
	v := &view{id: s.nextIDLocked("V"), userID: userID, triggerID: c.args["trigger_id"]}
	s.stacks[userID] = append(s.stacks[userID], v)
	s.fillLocked(v, json.RawMessage(c.args["view"]))
	return success("view", v.json)
}

// updateView is views.update.
func (s *Server) updateView(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var v *view
	for _, stack := range s.stacks {
		for _, open := range stack {
			if open.id == c.args["view_id"] || open.externalID != "" && open.externalID == c.args["external_id"] {
				v = open
			}
		}
	}
	if v == nil {
		return refuse("not_found")
	}
	if hash := c.args["hash"]; hash != "" && hash != v.json["hash"] {
		return refuse("hash_conflict")
	}
	if bad := s.checkSentLocked(c.args["view"], "modal"); bad != nil {
		return *bad
	}
	s.fillLocked(v, json.RawMessage(c.args["view"]))
	return success("view", v.json)
}

// publishView is views.publish.
func (s *Server) publishView(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad := s.checkSentLocked(c.args["view"], "home"); bad != nil {
		return *bad
	}
	userID := c.args["user_id"]
	if _, known := s.users.get(userID); !known {
		return refuse("invalid_arguments", "[ERROR] user not found [json-pointer:/user_id]")
	}
	v := s.homes[userID]
	if v == nil {
		v = &view{id: s.nextIDLocked("V"), userID: userID}
		s.homes[userID] = v
	} else if hash := c.args["hash"]; hash != "" && hash != v.json["hash"] {
		return refuse("hash_conflict")
	}
	s.fillLocked(v, json.RawMessage(c.args["view"]))
	return success("view", v.json)
}

// Submit is a person filling in and sending the modal in front. values is by block id and action
// id; a value is a string, for a menu that of the option, or the whole state object. What Slack's
// client would not send (a required field left empty, a text past its length, a field that the view
// does not have) is an error. Slack then does what the acknowledgement says: closes the modal,
// shows errors at its fields, replaces it or puts another in front.
func (s *Server) Submit(
	ctx context.Context, userID, viewID string, values map[string]map[string]any,
) (Delivery, error) {
	return s.deliver(ctx, func(string) (*envelope, error) {
		u, known := s.users.get(userID)
		if !known {
			return nil, fmt.Errorf("submit: no user %s", userID)
		}
		v, err := s.openViewLocked(userID, viewID)
		if err != nil {
			return nil, fmt.Errorf("submit: %w", err)
		}
		if v.json["type"] != "modal" || v.json["submit"] == nil {
			return nil, errors.New("submit: the view has no submit button")
		}
		state, err := fillIn(v.blocks(), values, func(blockID, actionID string) ([]map[string]any, bool) {
			return s.offeredLocked(menuPlace{userID: userID, view: viewID, block: blockID, action: actionID})
		})
		if err != nil {
			return nil, fmt.Errorf("submit: %w", err)
		}
		filled := maps.Clone(v.json)
		filled["state"] = map[string]any{"values": state}
		v.json = filled
		payload := s.interactionLocked("view_submission", u)
		payload["view"], payload["response_urls"] = filled, []any{}
		return wrap("interactive", payload, func(d *Delivery) { s.submitted(d, v) }), nil
	})
}

// CloseView is a person closing the modal in front. The app is told, and the Delivery is not empty,
// if the view asked for that with notify_on_close.
func (s *Server) CloseView(ctx context.Context, userID, viewID string) (Delivery, error) {
	s.mu.Lock()
	v, err := s.openViewLocked(userID, viewID)
	if err == nil && v.json["type"] != "modal" {
		err = errors.New("an App Home cannot be closed")
	}
	if err != nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("close view: %w", err)
	}
	all, _ := v.json["clear_on_close"].(bool)
	s.popLocked(v, all)
	notify, _ := v.json["notify_on_close"].(bool)
	u, _ := s.userLocked(userID)
	s.mu.Unlock()
	if !notify {
		return Delivery{}, nil
	}
	return s.deliver(ctx, func(string) (*envelope, error) {
		payload := s.interactionLocked("view_closed", u)
		delete(payload, "trigger_id")
		payload["view"], payload["is_cleared"] = v.json, all
		return wrap("interactive", payload, nil), nil
	})
}

// popLocked closes a view and, if all is set, those behind it.
func (s *Server) popLocked(v *view, all bool) {
	stack := s.stacks[v.userID]
	i := slices.Index(stack, v)
	if i < 0 {
		return
	}
	closing := stack[i:]
	if all {
		i, closing = 0, stack
	}
	s.stacks[v.userID] = stack[:i:i]
	for _, gone := range slices.Backward(closing) {
		delete(s.views, gone.id)
		p := gone.public()
		s.publishLocked(Change{Kind: "view_closed", View: &p})
	}
}

// submitted does what the acknowledgement of a view_submission says.
func (s *Server) submitted(d *Delivery, v *view) {
	var reply struct {
		Action string            `json:"response_action"`
		View   json.RawMessage   `json:"view"`
		Errors map[string]string `json:"errors"`
	}
	if len(d.AckPayload) > 0 {
		if err := json.Unmarshal(d.AckPayload, &reply); err != nil {
			d.Error, d.Problems = "invalid_view_response", []Problem{{"invalid_view_response", "", err.Error()}}
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch reply.Action {
	case "":
		s.popLocked(v, false)
	case "clear":
		s.popLocked(v, true)
	case "errors":
		d.Problems = checkFieldErrors(v, reply.Errors)
		if len(d.Problems) == 0 {
			v.errors = reply.Errors
			p := v.public()
			s.publishLocked(Change{Kind: "view", View: &p})
		}
	case "update", "push":
		if bad := s.checkSentLocked(string(reply.View), "modal"); bad != nil {
			d.Problems = append(CheckView(reply.View), Problem{"invalid_view_response", "/view", "cannot be used"})
			break
		}
		if reply.Action == "push" {
			if len(s.stacks[v.userID]) >= maxStack {
				d.Problems = []Problem{{"push_limit_reached", "/view", "three views are open already"}}
				break
			}
			v = &view{id: s.nextIDLocked("V"), userID: v.userID}
			s.stacks[v.userID] = append(s.stacks[v.userID], v)
		}
		s.fillLocked(v, reply.View)
	default:
		d.Problems = []Problem{{"invalid_view_response", "/response_action", "is unknown: " + reply.Action}}
	}
	if len(d.Problems) > 0 {
		d.Error = "invalid_view_response"
	}
}

// checkFieldErrors checks that errors name input blocks of the view and say something.
func checkFieldErrors(v *view, fields map[string]string) []Problem {
	var problems []Problem
	inputs := map[string]bool{}
	for _, block := range decodeBlocks(v.blocks()) {
		if id, ok := block["block_id"].(string); ok && block["type"] == "input" {
			inputs[id] = true
		}
	}
	if len(fields) == 0 {
		problems = append(problems, Problem{"invalid_view_response", "/errors", "must name at least one block"})
	}
	for id, text := range fields {
		if !inputs[id] || text == "" {
			problems = append(problems, Problem{"invalid_view_response", "/errors/" + id, "must be a text for an input block"})
		}
	}
	return problems
}
