package web

import (
	"bytes"
	"context"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// HomeTab stands where a channel's id could: the stream of a browser that shows the app's Home tab
// instead of a channel.
const HomeTab = "home"

// home is the Home tab that a person has in front of them. ID is empty while the app has published
// none for them.
type home struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// homeOf draws what the app published for a person.
func (s *Server) homeOf(userID string) *home {
	v, ok := s.cfg.Slack.Home(userID)
	if !ok {
		return &home{HTML: `<p class="muted">revokebot has published nothing here yet.</p>`}
	}
	body, err := s.blocks.View(v.JSON, nil)
	if err != nil {
		s.log.Error("a home cannot be drawn", "view", v.ID, "error", err)
		return &home{ID: v.ID}
	}
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, "home", body); err != nil {
		s.log.Error("a home cannot be drawn", "view", v.ID, "error", err)
	}
	return &home{ID: v.ID, HTML: b.String()}
}

// openHome is somebody opening the Home tab: Slack tells the app, which publishes the view anew.
func (s *Server) openHome(ctx context.Context, in request) (answer, error) {
	d, err := s.cfg.Slack.OpenHome(ctx, in.User, slack.TabHome)
	return delivered(d), err
}
