package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// item is one message as the page's script places it.
type item struct {
	Key    string `json:"key"`    // its ts, which is unique and sorts
	Thread string `json:"thread"` // ts of the root for a reply, else empty
	App    bool   `json:"app"`    // from the bot
	HTML   string `json:"html"`
}

// drawn is a message as HTML, with what it was drawn from.
type drawn struct {
	seq     int64
	replies replies
	item    item
}

// replies sums up a thread for the line below its root.
type replies struct {
	Count int
	Last  string // ts
}

// message is the data of the template.
type message struct {
	slack.Message
	Unix    int64
	App     bool
	Body    template.HTML
	Shown   []attachment
	Replies replies
	LastAt  int64
}

// items draws what a person sees in a channel. Threads are part of it; the script shows them when
// they are opened.
func (s *Server) items(channelID, userID string) []item {
	messages := s.cfg.Slack.Messages(channelID)
	threads := map[string]replies{}
	for _, m := range messages {
		if m.ThreadTS != "" && !m.Ephemeral && !m.Deleted {
			t := threads[m.ThreadTS]
			threads[m.ThreadTS] = replies{t.Count + 1, m.TS}
		}
	}
	out := make([]item, 0, len(messages))
	for _, m := range messages {
		if m.Ephemeral && m.VisibleTo != userID {
			continue
		}
		out = append(out, s.item(m, threads[m.TS]))
	}
	return out
}

// item draws one message, once for each of its versions.
func (s *Server) item(m slack.Message, t replies) item {
	key := m.ChannelID + "/" + m.TS
	s.mu.Lock()
	d, ok := s.drawn[key]
	s.mu.Unlock()
	if ok && d.seq == m.Seq && d.replies == t {
		return d.item
	}
	_, person := names{s.cfg.Slack}.User(m.UserID)
	data := message{
		Message: m, App: !person, Unix: seconds(m.TS), Replies: t, LastAt: seconds(t.Last),
		Body: s.blocks.Message(m.Text, m.Blocks),
	}
	for _, f := range m.Files {
		_, content, _ := s.cfg.Slack.File(f.ID)
		data.Shown = append(data.Shown, attachmentOf(f, content))
	}
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, "message", data); err != nil {
		s.log.Error("a message cannot be drawn", "ts", m.TS, "error", err)
	}
	d = drawn{m.Seq, t, item{Key: m.TS, Thread: m.ThreadTS, App: data.App, HTML: b.String()}}
	s.mu.Lock()
	s.drawn[key] = d
	s.mu.Unlock()
	return d.item
}

// seconds is the time in a ts.
func seconds(ts string) int64 {
	whole, _, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// modal is the view in front of a person.
type modal struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// modalOf draws the modal that a person has open; nil if there is none.
func (s *Server) modalOf(userID string) *modal {
	views := s.cfg.Slack.Views(userID)
	if len(views) == 0 {
		return nil
	}
	v := views[len(views)-1]
	body, err := s.blocks.View(v.JSON, v.Errors)
	if err != nil {
		s.log.Error("a view cannot be drawn", "view", v.ID, "error", err)
		return nil
	}
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, "modal", body); err != nil {
		s.log.Error("a view cannot be drawn", "view", v.ID, "error", err)
	}
	return &modal{ID: v.ID, HTML: b.String()}
}

// tab is a channel in the rail.
type tab struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	DM   bool   `json:"dm"`
	Last string `json:"last"` // ts of the newest message that the person sees, for the unread mark
}

// tabs are the channels that a person is in.
func (s *Server) tabs(userID string) []tab {
	var out []tab
	for _, c := range s.cfg.Slack.Channels() {
		if !slices.Contains(c.Members, userID) || c.Archived {
			continue
		}
		t := tab{ID: c.ID, Name: c.Name, DM: c.DM}
		if c.DM {
			t.Name = "revokebot"
		}
		for _, m := range s.cfg.Slack.Messages(c.ID) {
			if !m.Ephemeral || m.VisibleTo == userID {
				t.Last = m.TS
			}
		}
		out = append(out, t)
	}
	return out
}

// card is the bot's last root message with blocks in the story's channel.
type card struct {
	ts   string // empty: there is none
	open bool   // it has buttons
	text string
}

func (s *Server) lastCard() card {
	for _, m := range slices.Backward(s.cfg.Slack.Messages(s.cfg.Channel)) {
		_, person := names{s.cfg.Slack}.User(m.UserID)
		if person || m.ThreadTS != "" || m.Ephemeral || m.Deleted || len(m.Blocks) == 0 || beside(m.Metadata) {
			continue
		}
		return card{m.TS, hasButtons(m.Blocks), m.Text}
	}
	return card{}
}

// beside reports whether a root message is told in the channel because its thread is gone: by the
// bot's mark it is about a later event than a card.
func beside(metadata json.RawMessage) bool {
	var mark struct {
		Payload struct {
			Event string `json:"event"`
		} `json:"event_payload"`
	}
	return json.Unmarshal(metadata, &mark) == nil && mark.Payload.Event != "" && mark.Payload.Event != "0"
}

func hasButtons(raw json.RawMessage) bool {
	var list []struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(raw, &list) == nil &&
		slices.ContainsFunc(list, func(b struct {
			Type string `json:"type"`
		},
		) bool {
			return b.Type == "actions"
		})
}

// judged finds the verdict in the title of a card.
var judged = regexp.MustCompile(`^(Contained|Not contained|Unknown)`)

// story reads what decides the next step for a person.
func (s *Server) story(viewer Person, c card) story {
	users := names{s.cfg.Slack}
	st := story{
		Viewer: viewer, People: s.cfg.People,
		Names: func(id string) string {
			name, _ := users.User(id)
			return name
		},
	}
	if s.cfg.Actors != nil {
		st.Fighting = s.cfg.Actors.Fighting()
		st.Thief, st.Job = s.cfg.Actors.Status(actors.Thief), s.cfg.Actors.Status(actors.Job)
	}
	st.Connected = s.online() > 0
	if len(s.cfg.Suggest) > 0 {
		st.Command = s.cfg.Suggest[0]
	}
	if key := s.cfg.Key; key != "" && len(s.cfg.Suggest) > 1 && s.cfg.Account != nil {
		st.KeyCommand, st.OfKey = s.cfg.Suggest[1], strings.Contains(c.text, key)
		user, _ := s.cfg.Account.User(s.cfg.User)
		st.KeyActive = user.Keys[key] == "Active"
	}
	for _, role := range []string{actors.ServiceRole, actors.ReportRole, actors.VendorRole} {
		st.Aside = st.Aside || strings.Contains(c.text, "prod/"+role)
	}
	st.Judged = judged.MatchString(c.text)
	st.Card, st.Open = c.ts, c.open
	s.mu.Lock()
	if _, known := s.requesters[st.Card]; !known && st.Card != "" {
		s.requesters[st.Card] = s.commander
	}
	st.Requester, st.Enforced = s.requesters[st.Card], time.Duration(s.set.Propagation*float64(time.Second))
	st.Skipped, st.CanSkip = s.skipped > 0, s.cfg.Skip != nil
	st.Guarded, st.CanGuard = s.set.GuardRail, s.cfg.Account != nil && s.cfg.GuardRail != ""
	s.mu.Unlock()
	if s.cfg.Account != nil {
		st.Known = true
		if document, ok := s.cfg.Account.RolePolicy(s.cfg.RoleName, revocationPolicy); ok {
			st.Cutoff = cutoffOf(document)
		}
		_, st.Followed = s.cfg.Account.RolePolicy(st.Thief.StillIn, revocationPolicy)
		if role, ok := s.cfg.Account.Role(s.cfg.RoleName); ok {
			st.Locked = slices.Contains(role.Attached, s.cfg.Account.DenyAllARN())
		}
	}
	return st
}

// online counts the bot's open Socket Mode connections.
func (s *Server) online() int {
	n := 0
	for _, c := range s.cfg.Slack.Connections() {
		if c.Hello {
			n++
		}
	}
	return n
}
