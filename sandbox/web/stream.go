package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
)

const (
	// settling is how long a stream waits after a change for the next one: a card and its thread
	// arrive together.
	settling = 40 * time.Millisecond
	// heartbeat is how often a quiet stream says something, so that a browser which is gone is
	// noticed.
	heartbeat = 15 * time.Second
)

// view is everything that a browser shows and that can change. A "sync" event holds all of it; a
// "patch" event holds what changed, with Gone naming the messages that are no longer there.
type view struct {
	Items  []item          `json:"items,omitempty"`
	Gone   []string        `json:"gone,omitempty"`
	Tabs   []tab           `json:"tabs,omitempty"`
	Home   *home           `json:"home,omitempty"` // in place of Items, where that is what the browser shows
	Modal  *modal          `json:"modal,omitempty"`
	NoView bool            `json:"no_modal,omitempty"` // the modal was closed
	Next   *step           `json:"next,omitempty"`
	Online *int            `json:"online,omitempty"` // open Socket Mode connections
	Status []actors.Status `json:"status,omitempty"`
	Lines  []actors.Line   `json:"lines,omitempty"`
	Set    *settings       `json:"settings,omitempty"`

	card card // decides the next step; not told
}

// events is GET /events?as=<user>&channel=<id>; the channel HomeTab is the app's Home tab.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.person(r.FormValue("as"))
	if !ok {
		http.Error(w, "as: nobody with this id can be played", http.StatusBadRequest)
		return
	}
	channelID := r.FormValue("channel")
	poke, ok := s.join()
	if !ok {
		http.Error(w, "the sandbox is closing", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(poke)

	ctx := r.Context()
	changes := s.cfg.Slack.Subscribe(ctx)
	var lines <-chan actors.Line
	if s.cfg.Actors != nil {
		lines = s.cfg.Actors.Subscribe(ctx)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	out := stream{w: w, c: http.NewResponseController(w)}

	told := s.look(viewer, channelID, nil)
	told.Lines = s.allLines()
	if out.send("sync", told) != nil {
		return
	}
	seq := newest(told.Lines)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		// While only the terminals move, the messages need not be read again.
		before := &told
		select {
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		case <-beat.C:
			if out.comment() != nil {
				return
			}
			continue
		case _, ok := <-changes:
			if !ok {
				return // the workspace is closing
			}
			before = nil
		case <-lines:
		case <-poke:
		}
		more, ok := s.settle(ctx, changes, lines)
		if !ok {
			return
		}
		if more {
			before = nil
		}
		now := s.look(viewer, channelID, before)
		patch := now.since(told)
		for _, l := range s.allLines() {
			if l.Seq > seq {
				patch.Lines = append(patch.Lines, l)
			}
		}
		seq = max(seq, newest(patch.Lines))
		told = now
		if !reflect.ValueOf(patch).IsZero() && out.send("patch", patch) != nil {
			return
		}
	}
}

// settle waits a moment and empties the channels: everything is read anew after it. It reports
// whether the workspace changed meanwhile, and whether the stream goes on.
func (s *Server) settle(ctx context.Context, changes <-chan slack.Change, lines <-chan actors.Line) (changed, ok bool) {
	timer := time.NewTimer(settling)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return changed, false
		case <-s.ctx.Done():
			return changed, false
		case <-timer.C:
			return changed, true
		case _, ok := <-changes:
			if !ok {
				return changed, false
			}
			changed = true
		case _, ok := <-lines:
			if !ok {
				lines = nil
			}
		}
	}
}

// look reads everything that a person sees, terminals' lines aside. The messages of before, if
// given, still hold.
func (s *Server) look(viewer Person, channelID string, before *view) view {
	var v view
	if before != nil {
		v.Items, v.Tabs, v.Home, v.Modal, v.card = before.Items, before.Tabs, before.Home, before.Modal, before.card
	} else {
		v.Items, v.Tabs, v.Modal, v.card = s.items(channelID, viewer.UserID), s.tabs(viewer.UserID), s.modalOf(viewer.UserID),
			s.lastCard()
		if channelID == HomeTab {
			v.Home = s.homeOf(viewer.UserID)
		}
	}
	v.NoView = v.Modal == nil
	online := s.online()
	v.Online = &online
	next := s.story(viewer, v.card).next()
	v.Next = &next
	if s.cfg.Actors != nil {
		v.Status = []actors.Status{s.cfg.Actors.Status(actors.Thief), s.cfg.Actors.Status(actors.Job)}
	}
	set := s.settings()
	v.Set = &set
	return v
}

// since returns what a browser that was told before has to be told to see v.
func (v view) since(before view) view {
	var p view
	had := map[string]item{}
	for _, i := range before.Items {
		had[i.Key] = i
	}
	for _, i := range v.Items {
		if had[i.Key] != i {
			p.Items = append(p.Items, i)
		}
		delete(had, i.Key)
	}
	for key := range had {
		p.Gone = append(p.Gone, key)
	}
	if !reflect.DeepEqual(v.Tabs, before.Tabs) {
		p.Tabs = v.Tabs
	}
	if !reflect.DeepEqual(v.Home, before.Home) {
		p.Home = v.Home
	}
	if !reflect.DeepEqual(v.Modal, before.Modal) {
		p.Modal, p.NoView = v.Modal, v.NoView
	}
	if *v.Next != *before.Next {
		p.Next = v.Next
	}
	if *v.Online != *before.Online {
		p.Online = v.Online
	}
	if !reflect.DeepEqual(v.Status, before.Status) {
		p.Status = v.Status
	}
	if *v.Set != *before.Set {
		p.Set = v.Set
	}
	return p
}

// allLines returns both terminals in the order of their lines.
func (s *Server) allLines() []actors.Line {
	if s.cfg.Actors == nil {
		return nil
	}
	return merge(s.cfg.Actors.Lines(actors.Thief), s.cfg.Actors.Lines(actors.Job))
}

func merge(a, b []actors.Line) []actors.Line {
	out := make([]actors.Line, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Seq < b[0].Seq {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func newest(lines []actors.Line) int64 {
	if len(lines) == 0 {
		return 0
	}
	return lines[len(lines)-1].Seq
}

// join registers a stream that Close waits for.
func (s *Server) join() (poke chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	poke = make(chan struct{}, 1)
	s.pokes[poke] = struct{}{}
	s.streams.Add(1)
	return poke, true
}

func (s *Server) leave(poke chan struct{}) {
	s.mu.Lock()
	delete(s.pokes, poke)
	s.mu.Unlock()
	s.streams.Done()
}

// stream writes server-sent events.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s stream) send(event string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	// JSON has no raw line feeds, so one data line holds it.
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, raw); err != nil {
		return err
	}
	return s.c.Flush()
}

func (s stream) comment() error {
	if _, err := s.w.Write([]byte(": still here\n\n")); err != nil {
		return err
	}
	return s.c.Flush()
}
