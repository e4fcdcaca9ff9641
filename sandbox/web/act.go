package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// maxBody bounds a request: a form of a modal is the largest.
const maxBody = 256 << 10

// request is the body of every POST /act/…; each uses the fields that concern it.
type request struct {
	User     string                    `json:"user"`
	Channel  string                    `json:"channel"`
	Thread   string                    `json:"thread,omitempty"`
	Text     string                    `json:"text,omitempty"`
	TS       string                    `json:"ts,omitempty"`
	View     string                    `json:"view,omitempty"`
	BlockID  string                    `json:"block_id,omitempty"`
	ActionID string                    `json:"action_id,omitempty"`
	Value    string                    `json:"value,omitempty"`
	Selected string                    `json:"selected,omitempty"`
	Values   map[string]map[string]any `json:"values,omitempty"`
	Name     string                    `json:"name,omitempty"`
}

// answer is what every POST /act/… returns. Error is what Slack would show the person, or what AWS
// answered to a control; it comes with status 200, as the request itself was fine.
type answer struct {
	OK       bool            `json:"ok"`
	Error    string          `json:"error,omitempty"`
	Envelope string          `json:"envelope_id,omitempty"`
	AckedMS  float64         `json:"acked_after_ms,omitempty"`
	Ack      json.RawMessage `json:"ack,omitempty"`
	TS       string          `json:"ts,omitempty"`
	Said     string          `json:"said,omitempty"` // what came of a control, in words
}

func delivered(d slack.Delivery) answer {
	return answer{
		OK: d.Error == "", Error: d.Error, Envelope: d.EnvelopeID, AckedMS: float64(d.AckedAfter.Microseconds()) / 1000,
		Ack: d.AckPayload,
	}
}

// act makes a handler of one action. An error of the action is the caller's mistake: an id that
// does not exist, a button that is gone.
func act(do func(context.Context, request) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, a := http.StatusOK, answer{}
		var in request
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		d.DisallowUnknownFields()
		err := d.Decode(&in)
		if err == nil {
			a, err = do(r.Context(), in)
		}
		if err != nil {
			status, a = http.StatusBadRequest, answer{Error: err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(a) // the browser is gone if this fails
	}
}

// command sends what was typed: a slash command, or a plain message if it is none.
func (s *Server) command(ctx context.Context, in request) (answer, error) {
	if !strings.HasPrefix(in.Text, "/") {
		return s.post(ctx, in)
	}
	if in.Thread != "" {
		return answer{Error: "Slash commands cannot be used in threads."}, nil
	}
	name, text, _ := strings.Cut(in.Text, " ")
	if name == inviteCommand {
		return s.invite(in, text)
	}
	s.commands(in.User)
	d, err := s.cfg.Slack.Command(ctx, in.User, in.Channel, name, strings.TrimSpace(text))
	return delivered(d), err
}

func (s *Server) post(_ context.Context, in request) (answer, error) {
	m, err := s.cfg.Slack.Post(in.User, in.Channel, in.Thread, in.Text)
	return answer{OK: err == nil, TS: m.TS}, err
}

// click presses a button or chooses from a menu, in a message or in a modal.
func (s *Server) click(ctx context.Context, in request) (answer, error) {
	d, err := s.cfg.Slack.Click(ctx, in.User, slack.Click{
		ChannelID: in.Channel, MessageTS: in.TS, ViewID: in.View, BlockID: in.BlockID, ActionID: in.ActionID,
		Value: in.Value, SelectedOption: in.Selected,
	})
	if d.EnvelopeID != "" {
		s.mu.Lock()
		s.lastClick = d.EnvelopeID
		s.mu.Unlock()
		s.poke()
	}
	return delivered(d), err
}

func (s *Server) suggest(ctx context.Context, in request) (answer, error) {
	d, err := s.cfg.Slack.Suggest(ctx, in.User, slack.Suggestion{
		ChannelID: in.Channel, MessageTS: in.TS, ViewID: in.View, BlockID: in.BlockID, ActionID: in.ActionID, Value: in.Value,
		Values: in.Values,
	})
	return delivered(d), err
}

func (s *Server) submit(ctx context.Context, in request) (answer, error) {
	s.commands(in.User)
	d, err := s.cfg.Slack.Submit(ctx, in.User, in.View, in.Values)
	return delivered(d), err
}

func (s *Server) closeView(ctx context.Context, in request) (answer, error) {
	d, err := s.cfg.Slack.CloseView(ctx, in.User, in.View)
	return delivered(d), err
}

// commands remembers who may be the requester of the next card.
func (s *Server) commands(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commander = userID
}

// errNoClick is the answer to "redeliver" before the first click.
var errNoClick = errors.New("nothing was clicked yet")
