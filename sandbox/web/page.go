package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// pageData is the data of the page's template: what does not change while it is open.
type pageData struct {
	People  []playable
	Channel string
	Suggest []string
	Facts   []fact
	Actors  bool
	AWS     bool
	Role    bool
	Faults  []fault

	GuardRail, OtherRegion string
	LeaveOut               bool
}

type playable struct {
	Person
	Name string
	Key  int // of the keyboard, 1 to 9
}

type fact struct{ Name, Value string }

// page is GET /.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	data := pageData{
		Channel: s.cfg.Channel, Suggest: s.cfg.Suggest, Actors: s.cfg.Actors != nil, AWS: s.cfg.AWS != nil,
		Role:        s.cfg.Account != nil,
		OtherRegion: otherRegion, Faults: faults(), LeaveOut: s.cfg.LeaveOut != nil,
	}
	if s.cfg.Account != nil {
		data.GuardRail = s.cfg.GuardRail
	}
	users := names{s.cfg.Slack}
	for i, p := range s.cfg.People {
		name, ok := users.User(p.UserID)
		if !ok {
			name = p.UserID
		}
		data.People = append(data.People, playable{p, name, i + 1})
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Facts)) {
		data.Facts = append(data.Facts, fact{name, s.cfg.Facts[name]})
	}
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, "page", data); err != nil {
		s.log.Error("the page cannot be drawn", "error", err)
		http.Error(w, "the page cannot be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// stateData is GET /state.json: everything there is, ephemeral messages of all people included.
type stateData struct {
	Channels    []slack.Channel                `json:"channels"`
	Messages    map[string][]slack.Message     `json:"messages"` // by channel id
	Views       map[string][]slack.View        `json:"views"`    // by user id
	Homes       map[string]slack.View          `json:"homes"`    // what the app published to Home tabs, by user id
	Connections []slack.ConnectionInfo         `json:"connections"`
	Terminals   map[actors.Actor]stateTerminal `json:"terminals,omitempty"`
	Next        map[string]step                `json:"next"` // by user id
	Settings    settings                       `json:"settings"`
}

type stateTerminal struct {
	actors.Status
	Lines []actors.Line `json:"lines"`
}

func (s *Server) state(w http.ResponseWriter, _ *http.Request) {
	d := stateData{
		Channels: s.cfg.Slack.Channels(), Connections: s.cfg.Slack.Connections(),
		Messages: map[string][]slack.Message{}, Views: map[string][]slack.View{}, Homes: map[string]slack.View{},
		Next: map[string]step{},
	}
	for _, c := range d.Channels {
		d.Messages[c.ID] = s.cfg.Slack.Messages(c.ID)
	}
	last := s.lastCard()
	for _, p := range s.cfg.People {
		if v := s.cfg.Slack.Views(p.UserID); len(v) > 0 {
			d.Views[p.UserID] = v
		}
		if v, ok := s.cfg.Slack.Home(p.UserID); ok {
			d.Homes[p.UserID] = v
		}
		d.Next[p.UserID] = s.story(p, last).next()
	}
	if s.cfg.Actors != nil {
		d.Terminals = map[actors.Actor]stateTerminal{}
		for _, a := range []actors.Actor{actors.Thief, actors.Job} {
			d.Terminals[a] = stateTerminal{s.cfg.Actors.Status(a), s.cfg.Actors.Lines(a)}
		}
	}
	d.Settings = s.settings()
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		s.log.Debug("state.json was not read to its end", "error", err)
	}
}
